//! Countdowns that share a thread: `cargo run --example stage1-deferreds-countdown`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use reactor::trace;
use site::countdown::{Rocket, rockets};
use stage1_callbacks::deferred::succeed;
use stage1_callbacks::extras::lists::gather_results;
use stage1_callbacks::time::sleep;
use stage1_callbacks::{Deferred, react};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    react(move || {
        let rockets = rockets().map(|it| count(it, it.from, Rc::clone(&said)));
        gather_results(rockets.into())
    })?
    .map_err(io::Error::from)?;
    Ok(log.take())
}

/// The loop of the blocking version has become a chain, a link for each turn.
fn count(rocket: Rocket, left: u32, log: Rc<RefCell<Vec<String>>>) -> Deferred<()> {
    let Some(left) = left.checked_sub(1) else { return succeed(()) };
    sleep(rocket.period).add_callback(move |()| {
        trace::name(rocket);
        trace::note("left", left);
        log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
        count(rocket, left, log)
    })
}
