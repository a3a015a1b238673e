//! A loop that nobody can wake any more: it ends, and shows who waits for what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{FAR, MS, poll_once, turn};
use reactor::backend::{self, Clockwork};
use stage5_asyncio::extras::async_generator::AsyncGenerator;
use stage5_asyncio::futures::Future as Promise;
use stage5_asyncio::locks::{Barrier, Condition, Event, Lock, Semaphore};
use stage5_asyncio::queues::Queue;
use stage5_asyncio::streams::StreamReader;
use stage5_asyncio::tasks::{as_completed, gather, shield, wait, wait_for};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    Task, catch_cancel, create_task, finally, get_running_loop, new_event_loop, run,
    task_group, timeout, to_thread,
};

const NOBODY: &str = "nobody can wake this loop any more: ";

/// What a main ends with on the clock of the wall, and on a virtual one: the same.
fn deadlock<F: Future + 'static>(main: fn() -> F) -> String
where
    F::Output: 'static,
{
    let told = in_time(move || tells(main()));
    let virtually = in_time(move || backend::scope(Clockwork::new(), || tells(main())));
    assert_eq!(told, virtually);
    told
}

/// What it ends with.
fn tells<T: 'static>(main: impl Future<Output = T> + 'static) -> String {
    let ended = run(main); // runs
    let error = ended.map(drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    error.to_string()
}

/// Calls it on a thread of its own, with a deadline.
fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || drop(done.send(body())));
    match wait.recv_timeout(Duration::from_mins(1)) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it takes more than a minute"),
        Err(RecvTimeoutError::Disconnected) => resume_unwind(thread.join().unwrap_err()),
    }
}

/// Where a line of this file is that ends with that comment.
fn place(comment: &str) -> String {
    let comment = format!("; // {comment}");
    let line = include_str!("deadlock.rs").lines().position(|it| it.ends_with(&comment));
    format!("{}:{}", file!(), line.unwrap() + 1)
}

/// A thread that does `act` when the loop very probably sleeps.
fn later(act: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        let (_kept, nothing) = mpsc::channel::<()>();
        nothing.recv_timeout(20 * MS).unwrap_err();
        act();
    });
}

/// The waker of the task that runs.
async fn own_waker() -> Waker {
    poll_fn(|context| Poll::Ready(context.waker().clone())).await
}

#[test]
fn main_waits_for_a_task_that_waits_for_a_permit_that_nobody_has() {
    async fn waits() {
        let semaphore = Semaphore::new(0);
        let permit = semaphore.acquire(); // acquires
        drop(permit.await);
    }
    async fn main() {
        create_task(async {}).await;
        let task = create_task(waits()); // creates
        task.await; // awaits
    }
    let expected = format!(
        "{NOBODY}2 tasks pending, 0 wakers outside, 0 timers, 0 sockets\n\
         Task-1 (main) waits for Task-3 (waits) at {}, created at {}\n\
         └─ Task-3 (waits) waits for a semaphore at {}, created at {}",
        place("awaits"),
        place("runs"),
        place("acquires"),
        place("creates"),
    );
    assert_eq!(deadlock(main), expected);
}

#[test]
fn tasks_that_await_each_other() {
    type Slot = Rc<RefCell<Option<Task<()>>>>;
    async fn one(other: Slot) {
        let other = other.take().unwrap();
        other.await;
    }
    async fn main() {
        let (first, second) = (Slot::default(), Slot::default());
        let a = create_task(one(Rc::clone(&second)));
        let b = create_task(one(Rc::clone(&first)));
        (*first.borrow_mut(), *second.borrow_mut()) = (Some(a), Some(b));
        pending::<()>().await;
    }
    let text = deadlock(main);
    assert!(text.starts_with(&format!("{NOBODY}3 tasks pending, 0 wa")), "{text}");
    assert!(text.contains("Task-1 (main) waits for something that does not say"));
    let circle = "a cycle, in which nobody can go on: \
                  Task-2 (one) → Task-3 (one) → Task-2 (one)";
    assert_eq!(text.lines().last().unwrap(), circle);
}

/// Whatever of this crate a task waits for, the loop knows that nobody outside is meant.
#[test]
fn nothing_that_tasks_share_keeps_a_waker() {
    for (what, waits) in shared().into_iter().chain(several()) {
        let text = in_time(move || tells(waits()));
        let counts = " 0 wakers outside, 0 timers, 0 sockets\n";
        assert!(text.contains(counts), "{what}: {text}");
    }
}

/// What is waited for, and how.
type Waits = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

/// Whatever it ends with: it does not.
fn boxed<T>(
    waits: impl Future<Output = T> + 'static,
) -> Pin<Box<dyn Future<Output = ()>>> {
    Box::pin(async {
        waits.await;
    })
}

fn never() -> Task<()> {
    create_task(pending())
}

fn shared() -> Vec<Waits> {
    vec![
        ("a lock", || {
            boxed(async {
                let lock = Lock::new();
                let _held = lock.acquire().await;
                drop(lock.acquire().await);
            })
        }),
        ("an event", || boxed(async { Event::new().wait().await })),
        ("a condition", || {
            boxed(async {
                let condition = Condition::new();
                let mut held = condition.acquire().await;
                held.wait().await;
            })
        }),
        ("a semaphore", || boxed(async { drop(Semaphore::new(0).acquire().await) })),
        ("a barrier", || boxed(async { Barrier::new(2).wait().await })),
        ("a queue's get", || boxed(async { Queue::<u8>::new().get().await })),
        ("a queue's put", || {
            boxed(async {
                let queue = Queue::bounded(1);
                queue.put_nowait(1).unwrap();
                queue.put(2).await
            })
        }),
        ("a queue's join", || {
            boxed(async {
                let queue = Queue::new();
                queue.put_nowait(1).unwrap();
                queue.join().await;
            })
        }),
        ("a stream", || boxed(async { StreamReader::new(16).read(1).await })),
    ]
}

fn several() -> Vec<Waits> {
    vec![
        ("a future", || boxed(async { get_running_loop().create_future::<()>().await })),
        ("a task", || boxed(async { never().await })),
        ("a task's end", || boxed(async { never().erased().ended().await })),
        ("gather", || boxed(async { gather([never(), never()]).await })),
        ("wait", || boxed(async { drop(wait([never()]).await) })),
        ("wait_for", || boxed(async { wait_for(never(), Duration::MAX).await })),
        ("as_completed", || boxed(async { as_completed([never()]).next().await })),
        ("shield", || boxed(async { shield(never()).await })),
        ("a task group", || {
            boxed(task_group(async |group| {
                group.create_task(pending::<Result<(), ()>>());
                Ok(())
            }))
        }),
        ("a generator", || {
            boxed(async {
                let mut items = AsyncGenerator::<u8>::new(async |_| pending().await);
                items.next().await
            })
        }),
        ("a timeout", || boxed(async { timeout(Duration::MAX, pending::<()>()).await })),
    ]
}

#[test]
fn of_many_tasks_the_first_hundred_are_shown() {
    let text = deadlock(|| async {
        for _ in 0..150 {
            drop(create_task(pending::<()>()));
        }
        pending::<()>().await;
    });
    assert!(text.contains(": 151 tasks pending,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 100 + 1);
    assert_eq!(text.lines().last().unwrap(), "and 51 more");
}

/// What is left is cancelled, as at every end, and its exits are awaited.
#[test]
fn the_tasks_of_a_deadlock_clean_up() {
    let left = Rc::new(Cell::new(0));
    let count = Rc::clone(&left);
    let (ended, took) = common::ending(async move {
        let leave = |count: &Rc<Cell<_>>| {
            let count = Rc::clone(count);
            finally(pending::<()>(), async move || {
                sleep(MS).await;
                count.set(count.get() + 1);
            })
        };
        drop(create_task(leave(&count)));
        leave(&count).await;
    });
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::Deadlock);
    assert_eq!((left.get(), took), (2, MS));
}

/// One that refuses to be cancelled is the same mistake, at the end.
#[test]
fn a_task_that_does_not_end_when_all_is_over() {
    let text = in_time(|| {
        tells(async {
            drop(create_task(async {
                let _ = catch_cancel(pending::<()>()).await;
                pending::<()>().await;
            }));
            turn().await;
        })
    });
    assert!(text.starts_with(&format!("{NOBODY}2 tasks pending, 0 wakers")), "{text}");
}

/// A callback is no task, and can be waited for all the same.
#[test]
fn a_future_that_a_callback_will_set_is_no_deadlock() {
    in_time(|| {
        let event_loop = new_event_loop().unwrap();
        let future: Promise<u8> = event_loop.create_future();
        let set = future.clone();
        event_loop.call_later(MS, move || set.set_result(7).unwrap());
        assert_eq!(event_loop.run_until_complete(future).unwrap(), 7);
        let never: Promise<u8> = event_loop.create_future();
        let told = event_loop.run_until_complete(never).unwrap_err().to_string();
        assert_eq!(
            told,
            format!("{NOBODY}0 tasks pending, 0 wakers outside, 0 timers, 0 sockets")
        );
    });
}

#[test]
fn a_waker_that_another_thread_still_has_is_no_deadlock() {
    in_time(|| {
        run(async {
            // It can be woken again after that.
            for value in [7, 8] {
                let (sender, receiver) = channel();
                later(move || sender.send(value));
                assert_eq!(receiver.await, value);
            }
        })
        .unwrap();
    });
}

/// The other thread's wakers are the last hope of a loop that sleeps. The loop hears that there
/// is none left: of one task, or of several.
#[test]
fn wakers_that_other_threads_drop_while_the_loop_sleeps() {
    let text = in_time(|| {
        tells(async {
            let (waker, other) = (own_waker().await, own_waker().await);
            let third = create_task(async {
                let waker = own_waker().await;
                later(move || later(move || drop(waker)));
                pending::<()>().await;
            });
            later(move || drop(waker));
            later(move || drop(other));
            third.await;
        })
    });
    assert!(text.contains(": 2 tasks pending, 0 wakers outside,"), "{text}");
}

/// A task that was watched in its sleep has the same waker afterwards, if anybody has kept it.
#[test]
fn a_waker_is_the_same_after_a_sleep_that_others_ended() {
    in_time(|| {
        run(async {
            let (waker, kept) = (own_waker().await, own_waker().await);
            let mut is_woken = false;
            later(move || waker.wake());
            poll_fn(|_| {
                if std::mem::replace(&mut is_woken, true) {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
            assert!(kept.will_wake(&own_waker().await));
        })
        .unwrap();
    });
}

/// By a virtual clock there is no waiting for other threads: what they hold is counted.
#[test]
fn what_is_held_outside_is_counted() {
    let (kept, handle) = (Rc::new(RefCell::new(Vec::new())), Rc::new(RefCell::new(None)));
    let (wakers, its) = (Rc::clone(&kept), Rc::clone(&handle));
    let (ended, _) = common::ending(async move {
        its.replace(Some(get_running_loop().remote()));
        let waker = own_waker().await;
        wakers.borrow_mut().extend([waker.clone(), waker]);
        create_task(async move {
            let waker = own_waker().await;
            wakers.borrow_mut().push(waker);
            pending::<()>().await;
        })
        .await;
    });
    let text = ended.unwrap_err().to_string();
    let counts = "2 tasks pending, 3 wakers outside, 0 timers, 0 sockets, 1 handle\n";
    assert!(text.contains(counts), "{text}");
}

/// As long as somebody has a handle, somebody may call; when the last one is gone, nobody can.
#[test]
fn a_handle_on_another_thread() {
    in_time(|| {
        run(async {
            let (handle, future) =
                (get_running_loop().remote(), get_running_loop().create_future());
            HERE.set(Some(future.clone()));
            later(move || {
                handle.call_soon_threadsafe(|| {
                    HERE.take().unwrap().set_result(()).unwrap();
                });
            });
            future.await;
        })
        .unwrap();
        let text = tells(async {
            let handle = get_running_loop().remote();
            let other = handle.clone();
            later(move || drop(handle));
            later(move || drop(other));
            pending::<()>().await;
        });
        assert!(text.contains(": 1 task pending, 0 wakers outside,"), "{text}");
    });
}

thread_local! {
    /// What a call from another thread sets.
    static HERE: Cell<Option<Promise<()>>> = const { Cell::new(None) };
}

/// Work on another thread comes back, whatever the one who asked for it does meanwhile.
#[test]
fn a_job_on_another_thread() {
    let work = || {
        let (_kept, nothing) = mpsc::channel::<()>();
        nothing.recv_timeout(20 * MS).unwrap_err();
    };
    in_time(move || {
        run(async move { to_thread(work).await }).unwrap();
        let text = tells(async move {
            let job = to_thread(work);
            turn().await;
            job.cancel();
            pending::<()>().await;
        });
        let counts = "1 task pending, 0 wakers outside, 0 timers, 0 sockets\n";
        assert!(text.contains(counts), "{text}");
    });
}

/// A timer that is left behind would be somebody who wakes the loop, much later.
#[test]
fn whoever_gives_up_a_timer_leaves_none_behind() {
    let (ended, took) = common::ending(async {
        let mut nap = Box::pin(sleep(FAR));
        assert!(poll_once(nap.as_mut()).await.is_pending());
        let task = create_task(nap);
        turn().await;
        task.cancel();
        let mut fast = pin!(timeout(FAR, turn()));
        while poll_once(fast.as_mut()).await.is_pending() {}
        let task = create_task(timeout(FAR, pending::<()>()));
        turn().await;
        task.cancel();
        turn().await;
        pending::<()>().await;
    });
    assert!(ended.unwrap_err().to_string().contains("0 wakers outside, 0 timers"));
    assert_eq!(took, Duration::ZERO);
}

/// `run_forever` was not told that it is to end: it sleeps, as asyncio's does.
#[test]
fn a_loop_that_runs_for_ever_waits_for_nobody() {
    let (sends, waker) = mpsc::channel();
    let (done, ended) = mpsc::channel();
    // It sleeps until the end of the process.
    thread::spawn(move || {
        let event_loop = new_event_loop().unwrap();
        let told = event_loop.run_until_complete(pending::<()>()).unwrap_err();
        assert_eq!(told.kind(), io::ErrorKind::Deadlock);
        sends.send(event_loop.reactor().waker()).unwrap();
        done.send(event_loop.run_forever().map_err(|it| it.to_string())).unwrap();
    });
    let waker = waker.recv_timeout(Duration::from_mins(1)).unwrap();
    for _ in 0..5 {
        // It looks round, and sleeps on.
        waker.wake_by_ref();
        assert_eq!(ended.recv_timeout(10 * MS), Err(RecvTimeoutError::Timeout));
    }
}

/// A channel of another library: it keeps a waker, and the thread that sends has it.
fn channel<T>() -> (Sender<T>, impl Future<Output = T>) {
    let slot = Arc::new(Mutex::new((None, None)));
    let theirs = Arc::clone(&slot);
    let receive = poll_fn(move |context| {
        let mut slot = slot.lock().unwrap();
        slot.1 = Some(context.waker().clone());
        slot.0.take().map_or(Poll::Pending, Poll::Ready)
    });
    (Sender(theirs), receive)
}

struct Sender<T>(Arc<Mutex<(Option<T>, Option<Waker>)>>);

impl<T> Sender<T> {
    fn send(self, value: T) {
        let mut slot = self.0.lock().unwrap();
        slot.0 = Some(value);
        let waker = slot.1.take();
        drop(slot);
        waker.unwrap().wake();
    }
}

#[cfg(unix)]
mod with_descriptors {
    use std::io::Write;
    use std::process;

    use stage5_asyncio::subprocess::{Options, create_subprocess_exec};

    use super::*;

    #[test]
    fn a_reader_is_no_deadlock() {
        in_time(|| {
            run(async {
                let (end, mut theirs) = io::pipe().unwrap();
                let read = get_running_loop().create_future();
                let set = read.clone();
                let event_loop = get_running_loop();
                event_loop.add_reader(&end, move || _ = set.set_result(())).unwrap();
                later(move || theirs.write_all(b"x").unwrap());
                read.await;
                event_loop.remove_reader(&end);
            })
            .unwrap();
        });
    }

    #[test]
    fn a_signal_handler_is_no_deadlock() {
        in_time(|| {
            run(async {
                let (event_loop, caught) =
                    (get_running_loop(), get_running_loop().create_future());
                let set = caught.clone();
                let number = 10;
                event_loop
                    .add_signal_handler(number, move || _ = set.set_result(()))
                    .unwrap();
                later(move || {
                    let (pid, signal) = (process::id().to_string(), format!("-{number}"));
                    process::Command::new("kill").args([signal, pid]).status().unwrap();
                });
                caught.await;
                event_loop.remove_signal_handler(number);
            })
            .unwrap();
        });
    }

    #[test]
    fn a_process_is_no_deadlock() {
        in_time(|| {
            run(async {
                let options = Options::default();
                let child = create_subprocess_exec("sleep", ["0.02"], options).await;
                assert!(child.unwrap().wait().await.success());
            })
            .unwrap();
        });
    }
}
