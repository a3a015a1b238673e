//! A program that stands still, and the tree of its tasks.
//!
//! ```console
//! $ cargo run -q --example stage5-hang
//! ```

#![expect(clippy::print_stdout, reason = "a program prints")]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use stage5_asyncio::debug::tree;
use stage5_asyncio::locks::{Event, Lock};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, create_task, get_running_loop, run};

fn main() -> io::Result<()> {
    run(async {
        let tasks = stand_still();
        sleep(Duration::from_millis(1)).await;
        print!("{}", tree(&get_running_loop()));
        for task in tasks {
            task.cancel();
        }
    })
}

/// Starts five tasks. None of them will ever be done.
fn stand_still() -> Vec<Task<()>> {
    let (lock, never) = (Rc::new(Lock::new()), Rc::new(Event::new()));
    let other = Rc::new(RefCell::new(None));
    let holder = create_task(hold(Rc::clone(&lock), never)).named("holder");
    let waiter = create_task(hold(lock, Rc::default())).named("waiter");
    let left = create_task(await_the_other(Rc::clone(&other))).named("left");
    let right = create_task(wait_for(left.clone())).named("right");
    other.replace(Some(right.clone()));
    let follower = create_task(wait_for(right.clone())).named("follower");
    vec![holder, waiter, left, right, follower]
}

/// Holds a lock until something happens.
async fn hold(lock: Rc<Lock>, event: Rc<Event>) {
    let _held = lock.acquire().await;
    event.wait().await;
}

async fn await_the_other(other: Rc<RefCell<Option<Task<()>>>>) {
    let other = other.borrow().clone().expect("it is there before this begins");
    (&other).await;
}

async fn wait_for(task: Task<()>) {
    (&task).await;
}
