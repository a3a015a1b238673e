//! Who gets a lock, a permit, a notice: in order, although somebody is cancelled.

use std::rc::Rc;

use stage5_asyncio::locks::{Barrier, Condition, Event, Lock, Semaphore};
use stage5_asyncio::tasks::{gather, wait};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, create_task};

use super::clock::{ms, py, say, turns};

type Name = &'static str;

fn holds(lock: &Rc<Lock>, name: Name) -> Task<()> {
    let lock = Rc::clone(lock);
    create_task(async move {
        let _lock = lock.acquire().await;
        say(format_args!("{name} has the lock"));
        sleep(ms(1)).await;
    })
}

fn awaits(condition: &Rc<Condition>, name: Name) -> Task<()> {
    let condition = Rc::clone(condition);
    create_task(async move {
        condition.acquire().await.wait().await;
        say(format_args!("{name} was told"));
    })
}

pub(crate) async fn main() {
    let lock = Rc::new(Lock::new());
    let held = lock.acquire().await;
    let tasks = ["a", "b", "c", "d"].map(|name| holds(&lock, name));
    turns(1).await;
    tasks[0].cancel();
    tasks[2].cancel();
    drop(held);
    wait(tasks).await;
    say(format_args!("locked {}", py(lock.locked())));

    let held = lock.acquire().await;
    let waiter = holds(&lock, "the one that waits");
    turns(1).await;
    drop(held);
    let held = lock.acquire().await;
    say("main has the lock again");
    turns(3).await;
    drop(held);
    waiter.await;

    let semaphore = Rc::new(Semaphore::new(2));
    let works = |name| {
        let semaphore = Rc::clone(&semaphore);
        async move {
            let _permit = semaphore.acquire().await;
            say(format_args!("{name} has a permit"));
            sleep(ms(10)).await;
        }
    };
    gather(["e", "f", "g", "h", "i"].map(works)).await;

    let condition = Rc::new(Condition::new());
    let tasks = ["j", "k", "l", "m"].map(|name| awaits(&condition, name));
    turns(2).await;
    tasks[1].cancel();
    turns(3).await;
    condition.acquire().await.notify(2);
    say("two are told");
    turns(5).await;
    say(format_args!("{} are done", tasks.iter().filter(|task| task.done()).count()));
    condition.acquire().await.notify_all();
    wait(tasks).await;

    let event = Rc::new(Event::new());
    let sees = |name: Name| {
        let event = Rc::clone(&event);
        create_task(async move {
            event.wait().await;
            say(format_args!("{name} saw it"));
        })
    };
    let tasks = ["n", "o", "p"].map(sees);
    turns(1).await;
    event.set();
    event.clear();
    wait(tasks).await;
    say(format_args!("set {}", py(event.is_set())));

    let barrier = Rc::new(Barrier::new(3));
    let meets = |name: Name| {
        let barrier = Rc::clone(&barrier);
        async move {
            turns(1).await;
            match barrier.wait().await {
                Ok(n) => say(format_args!("{name} was number {n}")),
                Err(_) => say("the barrier is broken"),
            }
        }
    };
    gather(["q", "r", "s"].map(meets)).await;
    let task = create_task(meets("t"));
    turns(2).await;
    barrier.abort();
    task.await;
}
