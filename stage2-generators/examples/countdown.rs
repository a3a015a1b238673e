//! Countdowns that share a thread: `cargo run --example stage2-countdown`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use reactor::trace;
use site::countdown::{Rocket, rockets};
use stage2_generators::time::sleep;
use stage2_generators::{Deferred, inline_callbacks, react, yield_};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    react(move || {
        inline_callbacks(async move {
            let rockets = rockets().map(|rocket| count(rocket, Rc::clone(&said)));
            for rocket in rockets {
                yield_(rocket).await?;
            }
            Ok(())
        })
    })?
    .map_err(io::Error::from)?;
    Ok(log.take())
}

fn count(rocket: Rocket, log: Rc<RefCell<Vec<String>>>) -> Deferred<()> {
    inline_callbacks(async move {
        trace::name(rocket);
        for left in (0..rocket.from).rev() {
            trace::note("left", left);
            yield_(sleep(rocket.period)).await?;
            log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
        }
        Ok(())
    })
}
