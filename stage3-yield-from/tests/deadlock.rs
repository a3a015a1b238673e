//! A loop that nobody can wake any more: it ends, and says who waits for what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::coroutine::Generator;
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::net::TcpListener;
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::time::{sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, Task, call_soon, coroutine, remote, run, spawn,
    yield_from,
};

const MS: Duration = Duration::from_millis(1);

/// What `main` ends with on the clock of the wall, and on a virtual one: the same.
fn deadlock<T: 'static>(main: fn() -> Coroutine<T>) -> String {
    let told = within_a_minute(move || tells(main()));
    let virtually =
        within_a_minute(move || backend::scope(Clockwork::new(), || tells(main())));
    assert_eq!(told, virtually);
    told
}

fn tells<T: 'static>(main: Coroutine<T>) -> String {
    let ended = run(main); // runs
    let error = ended.map(drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    error.to_string()
}

/// For a test that hangs if it fails.
fn within_a_minute<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(body()));
    wait.recv_timeout(Duration::from_mins(1)).expect("the loop sleeps for ever")
}

async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

/// Where a line of this file is that ends with that comment.
fn place(comment: &str) -> String {
    let comment = format!("; // {comment}");
    let line = include_str!("deadlock.rs").lines().position(|it| it.ends_with(&comment));
    format!("{}:{}", file!(), line.unwrap() + 1)
}

#[test]
fn tasks_that_wait_for_a_permit_are_named_with_their_lines() {
    fn waits(permits: Semaphore) -> Coroutine<()> {
        coroutine(async move {
            turn().await?;
            let permit = yield_from(permits.acquire()).await; // waits for a permit
            permit.map(drop)
        })
    }
    fn main() -> Coroutine<()> {
        coroutine(async {
            let permits = Semaphore::new(0);
            spawn(ends());
            let task = spawn(waits(permits)); // spawns the task
            yield_from(&task).await?; // waits for the task
            Ok(())
        })
    }
    // It has ended by then, and is not told of; nor does it take a number from the others.
    fn ends() -> Coroutine<()> {
        coroutine(async { Ok(()) })
    }
    let text = deadlock(main);
    let lines: Vec<_> = text.lines().collect();
    let head = "nobody can wake this loop any more: 2 tasks pending, 0 wakers outside, \
                0 timers, 0 sockets";
    assert_eq!(lines[0], head);
    let runs = place("runs");
    let awaits = place("waits for the task");
    let main = format!(
        "  task 1 (main), spawned at {runs}, waits for task 3 (waits) at {awaits}"
    );
    assert_eq!(lines[1], main);
    let (spawns, acquires) = (place("spawns the task"), place("waits for a permit"));
    let task = format!(
        "  task 3 (waits), spawned at {spawns}, waits for a semaphore at {acquires}"
    );
    assert_eq!(lines[2], task);
    assert_eq!(lines.len(), 3);
}

/// The lines after the first, up to the lines of the source.
fn whom(text: &str) -> Vec<String> {
    let short = |line: &str| {
        let (who, what) = line.split_once(", spawned at ").unwrap();
        let (_, what) = what.split_once(", ").unwrap();
        format!("{}: {}", who.trim(), what.split(" at ").next().unwrap())
    };
    text.lines().skip(1).map(short).collect()
}

#[test]
fn one_task_and_one_waker_are_no_plural() {
    // On the clock of the wall the handle of somebody else would be waited for.
    let kept = Rc::new(RefCell::new(None));
    let main = {
        let kept = Rc::clone(&kept);
        coroutine(async move {
            kept.replace(Some(remote()));
            yield_from(&Future::<()>::new()).await
        })
    };
    let text = backend::scope(Clockwork::new(), || tells(main));
    let head = "nobody can wake this loop any more: 1 task pending, 1 waker outside, \
                0 timers, 0 sockets";
    assert_eq!(text.lines().next().unwrap(), head);
    drop(kept);
}

/// asyncio would wait for ever, too.
#[test]
fn tasks_that_wait_for_each_other() {
    fn one(other: Future<Task<()>>) -> Coroutine<()> {
        coroutine(async move {
            let other = yield_from(&other).await?;
            yield_from(&other).await
        })
    }
    let text = deadlock(|| {
        coroutine(async {
            let (first, second) = (Future::new(), Future::new());
            let left = spawn(one(second.clone()));
            let right = spawn(one(first.clone()));
            first.set_result(left.clone())?;
            second.set_result(right)?;
            turn().await?;
            left.cancel(); // which helps nobody
            yield_from(&left).await
        })
    });
    let whom = whom(&text);
    assert!(whom[0].ends_with("waits for task 2 (one)"), "{text}");
    assert_eq!(whom[1], "task 2 (one): waits for task 3 (one)");
    assert_eq!(whom[2], "task 3 (one): waits for task 2 (one)");
}

#[test]
fn a_sleep_until_never_and_whatever_has_it_under_a_timeout_until_never() {
    fn sleeper() -> Coroutine<()> {
        coroutine(async { yield_from(sleep(Duration::MAX)).await })
    }
    let text = deadlock(|| {
        coroutine(async { yield_from(timeout(Duration::MAX, sleeper())).await })
    });
    let whom = whom(&text);
    assert!(whom[0].ends_with(": waits for what runs under a timeout"), "{text}");
    assert_eq!(whom[1], "task 2 (sleeper): waits for the clock");
    assert!(text.contains("0 timers"), "{text}");
}

#[test]
fn a_task_that_never_yields_by_yield_from_has_no_line() {
    fn by_hand() -> Coroutine<()> {
        Generator::new(|co| async move { co.yield_(Future::<()>::new().erased()).await })
    }
    let text = deadlock(|| {
        coroutine(async {
            let task = spawn(by_hand());
            yield_from(&task).await
        })
    });
    let last = text.lines().nth(2).unwrap();
    assert!(last.starts_with("  task 2 (by_hand), spawned at "), "{text}");
    assert!(last.ends_with(", waits for a future"), "{text}");
}

#[test]
fn of_many_tasks_the_first_hundred_are_told_of() {
    let text = deadlock(|| {
        coroutine(async {
            for _ in 0..150 {
                spawn(coroutine(async { yield_from(&Future::<()>::new()).await }));
            }
            yield_from(&Future::<()>::new()).await
        })
    });
    assert!(text.contains(": 151 tasks pending,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 100 + 1);
    assert!(text.lines().nth(100).unwrap().contains("task 100 "));
    assert_eq!(text.lines().last().unwrap(), "  and 51 more");
}

#[test]
fn of_a_hundred_tasks_all_are_told_of_and_no_more_are_mentioned() {
    let text = deadlock(|| {
        coroutine(async {
            for _ in 0..99 {
                spawn(coroutine(async { yield_from(&Future::<()>::new()).await }));
            }
            yield_from(&Future::<()>::new()).await
        })
    });
    assert_eq!(text.lines().count(), 1 + 100);
    assert!(text.lines().last().unwrap().contains("task 100 "), "{text}");
}

/// What is left is closed, as at every end.
#[test]
fn the_tasks_of_a_deadlock_clean_up() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    let main = coroutine(async move {
        for number in [1, 2, 3] {
            let said = Rc::clone(&said);
            spawn(coroutine(async move {
                let end = yield_from(&Future::<()>::new()).await;
                said.borrow_mut().push(number);
                end
            }));
        }
        yield_from(&Future::<()>::new()).await
    });
    backend::scope(Clockwork::new(), || tells(main));
    assert_eq!(*log.borrow(), [1, 2, 3]);
}

#[test]
fn a_signal_that_is_dropped_unset() {
    let text = deadlock(|| {
        coroutine(async {
            let (set, future) = signal();
            drop(set);
            yield_from(&future).await
        })
    });
    assert!(whom(&text)[0].ends_with(": waits for a signal"), "{text}");
}

/// The other thread's handle is the last hope of a loop that sleeps. It is woken to hear that
/// there is none.
#[test]
fn a_signal_that_another_thread_drops_while_the_loop_sleeps() {
    let text = within_a_minute(|| {
        tells(coroutine(async {
            let (set, future) = signal();
            let other = set.clone();
            later(move || drop(set));
            later(move || drop(other));
            yield_from(&future).await
        }))
    });
    assert!(whom(&text)[0].ends_with(": waits for a signal"), "{text}");
}

/// Of two handles it is the last that wakes it, long after the first is gone.
#[test]
fn a_signal_that_two_threads_drop_one_after_the_other() {
    let text = within_a_minute(|| {
        tells(coroutine(async {
            let (set, future) = signal();
            let other = set.clone();
            later(move || {
                drop(set);
                later(move || drop(other));
            });
            yield_from(&future).await
        }))
    });
    assert!(whom(&text)[0].ends_with(": waits for a signal"), "{text}");
}

/// A thread that does `act` when the loop very probably sleeps.
fn later(act: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        let (_kept, nothing) = mpsc::channel::<()>();
        nothing.recv_timeout(20 * MS).unwrap_err();
        act();
    });
}

#[test]
fn a_signal_that_another_thread_still_has_is_no_deadlock() {
    within_a_minute(|| {
        run(coroutine(async {
            let (set, future) = signal();
            later(move || set.set());
            yield_from(&future).await
        }))
        .unwrap()
        .unwrap();
    });
}

#[test]
fn a_socket_that_is_waited_for_is_no_deadlock() {
    within_a_minute(|| {
        run(coroutine(async {
            let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let listener = TcpListener::bind(anywhere)?;
            let address = listener.local_addr()?;
            later(move || drop(TcpStream::connect(address)));
            yield_from(listener.accept()).await
        }))
        .unwrap()
        .unwrap();
    });
}

#[test]
fn a_callback_that_is_ready_is_no_deadlock() {
    within_a_minute(|| {
        run(coroutine(async {
            let future = Future::new();
            let set = future.clone();
            call_soon(move || drop(call_soon(move || set.set_result(()).unwrap())));
            yield_from(&future).await
        }))
        .unwrap()
        .unwrap();
    });
}
