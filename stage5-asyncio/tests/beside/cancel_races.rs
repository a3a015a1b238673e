//! A cancel and what was waited for, in one turn: which of the two counts.

use std::cell::RefCell;
use std::rc::Rc;

use stage5_asyncio::cancel::Cancelled;
use stage5_asyncio::tasks::{AnyTask, wait};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop};

use super::clock::{ms, py, say, turns};

async fn waits(name: String, future: impl IntoFuture<Output = &'static str>) {
    match catch_cancel(future).await {
        Ok(it) => say(format_args!("{name} got {it}")),
        Err(Cancelled) => {
            say(format_args!("{name} was cancelled"));
            Cancelled.raise::<()>().await;
        }
    }
}

async fn race(name: &str, acts: [&str; 2]) {
    let future = get_running_loop().create_future();
    let waiting = future.clone();
    let task = {
        let name = name.to_owned();
        create_task(async move { waits(name, &waiting).await })
    };
    turns(1).await;
    for act in acts {
        if act == "cancel" {
            say(format_args!("{name}: cancel says {}", py(task.cancel())));
        } else if future.set_result("it").is_err() {
            say(format_args!("{name}: too late for a result"));
        }
    }
    wait([task.clone()]).await;
    let (task, future) = (py(task.cancelled()), py(future.cancelled()));
    say(format_args!("{name}: task cancelled {task}, future {future}"));
}

/// A cancel so many turns after a child's end.
async fn of_a_task(name: &str, n: u32) {
    let release = get_running_loop().create_future::<()>();
    let released = release.clone();
    let inner = create_task(async move {
        (&released).await;
        "it"
    });
    let (child, own) = (inner.clone(), name.to_owned());
    let outer = create_task(async move { waits(own, &child).await });
    turns(2).await;
    release.set_result(()).unwrap();
    turns(n).await;
    let (is_done, said) = (py(inner.done()), py(outer.cancel()));
    say(format_args!("{name}: the inner is done {is_done}, cancel says {said}"));
    inner.erased().ended().await;
    outer.erased().ended().await;
    let (inner, outer) = (py(inner.cancelled()), py(outer.cancelled()));
    say(format_args!("{name}: inner cancelled {inner}, outer {outer}"));
}

/// A cancel in the very moment in which a sleep is over.
async fn of_the_clock() {
    async fn sleeps(name: &str) {
        match catch_cancel(sleep(ms(10))).await {
            Ok(()) => say(format_args!("{name} slept")),
            Err(Cancelled) => {
                say(format_args!("{name} was cancelled"));
                Cancelled.raise::<()>().await;
            }
        }
    }
    let event_loop = get_running_loop();
    let early = Rc::new(RefCell::new(None::<AnyTask>));
    let found = Rc::clone(&early);
    event_loop.call_later(ms(10), move || {
        found.borrow().as_ref().unwrap().cancel();
    });
    let first = create_task(sleeps("cancelled before"));
    early.replace(Some(first.erased()));
    let late = create_task(sleeps("cancelled after"));
    turns(1).await;
    let victim = late.clone();
    event_loop.call_later(ms(10), move || _ = victim.cancel());
    wait([first, late]).await;
}

pub(crate) async fn main() {
    race("result, then cancel", ["result", "cancel"]).await;
    race("cancel, then result", ["cancel", "result"]).await;
    for n in 0..3 {
        of_a_task(&format!("{n} turns after"), n).await;
    }
    of_the_clock().await;
}
