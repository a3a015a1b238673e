//! `--loop`: which engine the loops of this process wait by.

use std::io;
use std::rc::Rc;
use std::sync::Once;

use reactor::backend::{self, Backend};
use stage6_uvloop::engine::Engine;

use crate::error::{Error, complain};
use crate::styles::Style;

/// Has every loop of this process wait by `engine`, if one was asked for. Styles without a loop
/// wait as they do; where there are no rings, one line says so, and the selector waits.
///
/// # Errors
///
/// A usage error if none of the styles has a loop.
pub fn choose(engine: Option<Engine>, styles: &[&Style]) -> Result<(), Error> {
    let Some(engine) = engine else { return Ok(()) };
    if let [one] = styles {
        one.needs_a_loop(&format!("that could wait by {engine}"))?;
    }
    if engine == Engine::Uring {
        backend::install(ring);
    }
    Ok(())
}

/// Opens a ring, or else a selector. That there is no ring is said once, not once a loop.
fn ring() -> io::Result<Rc<dyn Backend>> {
    static SAID: Once = Once::new();
    Engine::Uring.open(|line| SAID.call_once(|| complain(line)))
}
