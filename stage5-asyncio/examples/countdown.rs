//! Countdowns that share a thread: `cargo run --example stage5-countdown`.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use reactor::trace;
use site::countdown::{Rocket, rockets};
use stage5_asyncio::run;
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    run(async move {
        gather(rockets().map(|rocket| count(rocket, Rc::clone(&said)))).await;
    })?;
    Ok(log.take())
}

async fn count(rocket: Rocket, log: Rc<RefCell<Vec<String>>>) {
    trace::name(rocket);
    for left in (0..rocket.from).rev() {
        trace::note("left", left);
        sleep(rocket.period).await;
        log.borrow_mut().push(trace::said(format!("{} {left}", rocket.name)));
    }
}
