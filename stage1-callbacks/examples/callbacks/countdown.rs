//! Countdowns that share a thread: `cargo run --example stage1-callbacks-countdown`.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use reactor::trace;
use site::countdown::{Rocket, rockets};
use stage1_callbacks::{call_later, run, stop};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    run(move || {
        let flying = Rc::new(Cell::new(rockets().len()));
        for rocket in rockets() {
            let flying = Rc::clone(&flying);
            count(rocket, rocket.from, Rc::clone(&said), move || {
                flying.set(flying.get() - 1);
                if flying.get() == 0 {
                    stop();
                }
            });
        }
        Ok(())
    })?;
    Ok(log.take())
}

/// The loop of the blocking version has become a function that schedules itself.
fn count(
    rocket: Rocket,
    left: u32,
    log: Rc<RefCell<Vec<String>>>,
    done: impl FnOnce() + 'static,
) {
    let Some(left) = left.checked_sub(1) else { return done() };
    call_later(rocket.period, move || {
        trace::name(rocket);
        trace::note("left", left);
        log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
        count(rocket, left, log, done);
    });
}
