//! Countdowns that share a thread: `cargo run --example interlude-countdown`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use interlude_greenlets::time::sleep;
use interlude_greenlets::{run, spawn};
use reactor::trace;
use site::countdown::{Rocket, rockets};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    run(move || {
        let rockets = rockets().map(|rocket| {
            let said = Rc::clone(&said);
            spawn(move || count(rocket, &said))
        });
        for rocket in rockets {
            rocket.join().expect("a rocket does not panic");
        }
    })?;
    Ok(log.take())
}

fn count(rocket: Rocket, log: &RefCell<Vec<String>>) {
    trace::name(rocket);
    for left in (0..rocket.from).rev() {
        trace::note("left", left);
        sleep(rocket.period);
        log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
    }
}
