//! Countdowns that share a thread: `cargo run --example stage3-countdown`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use reactor::trace;
use site::countdown::{Rocket, rockets};
use stage3_yield_from::time::sleep;
use stage3_yield_from::{Coroutine, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    run(coroutine(async move {
        let rockets = rockets().map(|rocket| spawn(count(rocket, Rc::clone(&said))));
        for rocket in rockets {
            yield_from(&rocket).await?;
        }
        Ok(())
    }))?
    .map_err(io::Error::from)?;
    Ok(log.take())
}

fn count(rocket: Rocket, log: Rc<RefCell<Vec<String>>>) -> Coroutine<()> {
    coroutine(async move {
        trace::name(rocket);
        for left in (0..rocket.from).rev() {
            trace::note("left", left);
            yield_from(sleep(rocket.period)).await?;
            log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
        }
        Ok(())
    })
}
