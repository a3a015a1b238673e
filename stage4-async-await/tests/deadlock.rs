//! A loop that nobody can wake any more: it ends, and says who waits for what.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{FAR, Log, MS, ending, in_time, never, poll_once, scope, turn};
use reactor::backend::{self, Clockwork};
use reactor::sim::{Sim, Weather};
use stage4_async_await::cancel::with;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::sync::Semaphore;
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::{sleep, timeout};
use stage4_async_await::{run, spawn};

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

fn tells<T: 'static>(main: impl Future<Output = T> + 'static) -> String {
    let ended = run(main); // runs
    let error = ended.map(drop).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    error.to_string()
}

/// Where a line of this file is that ends with that comment.
fn place(comment: &str) -> String {
    let comment = format!("; // {comment}");
    let line = include_str!("deadlock.rs").lines().position(|it| it.ends_with(&comment));
    format!("{}:{}", file!(), line.unwrap() + 1)
}

/// Who waits for what, of the lines after the first.
fn whom(text: &str) -> Vec<String> {
    let short = |line: &str| {
        let (who, what) = line.split_once(", spawned at ").unwrap();
        format!("{}: {}", who.trim(), what.split_once(", waits for ").unwrap().1)
    };
    text.lines().skip(1).map(short).collect()
}

#[test]
fn main_waits_for_a_task_that_waits_for_a_permit_that_nobody_has() {
    async fn waits() {
        drop(Semaphore::new(0).acquire().await);
    }
    async fn main() {
        spawn(async {}).await;
        let task = spawn(waits()); // spawns
        task.await;
    }
    let text = deadlock(main);
    let expected = format!(
        "nobody can wake this loop any more: 2 tasks pending, 0 wakers outside, 0 timers, \
         0 sockets\n  \
         task 1 (main), spawned at {}, waits for task 3 (waits)\n  \
         task 3 (waits), spawned at {}, waits for a semaphore",
        place("runs"),
        place("spawns"),
    );
    assert_eq!(text, expected);
}

/// asyncio would wait for ever, too.
#[test]
fn tasks_that_await_each_other() {
    type Slot = Rc<RefCell<Option<JoinHandle<()>>>>;
    async fn one(other: Slot) {
        let other = other.take().unwrap();
        other.await;
    }
    async fn main() {
        let (first, second) = (Slot::default(), Slot::default());
        let third = Slot::default();
        let a = spawn(one(Rc::clone(&second)));
        let b = spawn(one(Rc::clone(&third)));
        let c = spawn(one(Rc::clone(&first)));
        first.replace(Some(a));
        second.replace(Some(b));
        third.replace(Some(c));
        pending::<()>().await;
    }
    let text = deadlock(main);
    assert!(
        text.starts_with("nobody can wake this loop any more: 4 tasks pending, 0 wa")
    );
    assert_eq!(
        whom(&text),
        [
            "task 1 (main): something unknown",
            "task 2 (one): task 3 (one)",
            "task 3 (one): task 4 (one)",
            "task 4 (one): task 2 (one)",
        ]
    );
}

#[test]
fn one_task_waits_in_two_places_and_one_for_ever() {
    async fn twice(semaphore: &Semaphore) {
        let mut first = pin!(semaphore.acquire());
        let mut second = pin!(semaphore.acquire());
        poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            second.as_mut().poll(context).map(drop)
        })
        .await;
    }
    async fn sleeper() {
        sleep(Duration::MAX).await;
    }
    async fn main() {
        drop(spawn(sleeper()));
        drop(spawn(timeout(Duration::MAX, pending::<()>())));
        timeout(Duration::MAX, twice(&Semaphore::new(0))).await.unwrap();
    }
    let text = deadlock(main);
    let whom = whom(&text);
    assert_eq!(whom[0], "task 1 (main): a semaphore");
    assert_eq!(whom[1], "task 2 (sleeper): the clock");
    assert_eq!(whom[2], "task 3: the clock");
}

/// What it waited for before, and not any more, is not told of.
#[test]
fn a_task_that_has_gone_on_to_something_unknown() {
    async fn main() {
        let semaphore = Semaphore::new(0);
        let mut place = Some(Box::pin(semaphore.acquire()));
        assert!(poll_once(place.as_mut().unwrap().as_mut()).await.is_pending());
        place = None;
        turn().await;
        pending::<()>().await;
        drop(place);
    }
    assert_eq!(whom(&deadlock(main)), ["task 1 (main): something unknown"]);
}

#[test]
fn of_many_tasks_the_first_hundred_are_told_of() {
    let text = deadlock(|| async {
        for _ in 0..150 {
            drop(spawn(pending::<()>()));
        }
        // Out of the middle, so that the places are not those of the numbers.
        let ends = [(); 3].map(|()| spawn(async {}));
        for end in ends {
            end.await;
        }
        drop(spawn(pending::<()>()));
        pending::<()>().await;
    });
    assert!(text.contains(": 152 tasks pending,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 100 + 1);
    assert!(text.lines().nth(100).unwrap().contains("task 100"));
    assert_eq!(text.lines().last().unwrap(), "  and 52 more");
}

/// Not one more than there are.
#[test]
fn of_a_hundred_tasks_no_more_are_told_of_than_there_are() {
    let text = deadlock(|| async {
        for _ in 1..100 {
            drop(spawn(pending::<()>()));
        }
        pending::<()>().await;
    });
    assert!(text.contains(": 100 tasks pending,"), "{text}");
    assert_eq!(text.lines().count(), 1 + 100);
    assert!(!text.contains(" more\n") && !text.ends_with(" more"), "{text}");
}

/// The place of a task that has ended may be another's by now.
#[test]
fn nobody_is_said_to_wait_for_a_task_that_came_later() {
    async fn newcomer() {
        pending::<()>().await;
    }
    let text = deadlock(|| async {
        let mut ends = spawn(turn());
        assert!(poll_once(pin!(&mut ends)).await.is_pending());
        // Its end wakes whoever asked last, which is not main any more.
        drop(spawn(async {
            ends.await;
            drop(spawn(newcomer()));
        }));
        pending::<()>().await;
    });
    let whom = whom(&text);
    assert_eq!(whom.len(), 2, "{text}");
    assert!(!whom[0].contains("newcomer"), "{text}");
    assert_eq!(whom[1], "task 4 (newcomer): something unknown");
}

/// What is left is cancelled, as at every end, and its exits are awaited.
#[test]
fn the_tasks_of_a_deadlock_clean_up() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let (ended, took) = ending(async move {
        for name in ["one", "two", "three"] {
            let manager = scope(&inside, name);
            drop(spawn(async move { with(manager, async |_| never().await).await }));
        }
        with(scope(&inside, "main"), async |_| never().await).await
    });
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::Deadlock);
    log.borrow_mut().retain(|said| said.contains("left"));
    let names: Vec<_> = log
        .borrow()
        .iter()
        .map(|said| said.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["main", "one", "two", "three"]);
    assert_eq!(took, MS, "all of them at once");
}

/// An exit that waits for ever is the same mistake, when all else is over.
#[test]
fn an_exit_that_nobody_can_wake() {
    struct Stuck;
    impl stage4_async_await::cancel::Manager for Stuck {
        type Error = ();
        async fn enter(&mut self) -> Result<(), ()> {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &()>>) -> Result<(), ()> {
            pending().await
        }
    }
    let text = deadlock(|| async {
        drop(spawn(async {
            with(Stuck, async |_| pending::<Result<(), ()>>().await).await
        }));
        turn().await;
    });
    assert!(text.contains(": 1 task pending, 0 wakers outside,"), "{text}");
}

/// A loop whose tasks have come out of such a deadlock is gone, and the next one is new.
#[test]
fn the_next_loop_knows_nothing_of_it() {
    in_time(|| {
        let slot = Rc::new(RefCell::new(None));
        let out = Rc::clone(&slot);
        let first = run(async move {
            out.replace(Some(spawn(pending::<()>())));
            turn().await;
            pending::<()>().await;
        });
        assert_eq!(first.unwrap_err().kind(), io::ErrorKind::Deadlock);
        let handle = slot.take().unwrap();
        assert!(handle.is_finished());
        assert_eq!(run(handle.cancel()).unwrap(), None);
    });
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
fn a_waker_that_another_thread_still_has_is_no_deadlock() {
    in_time(|| {
        run(async {
            let waker = own_waker().await;
            let (flag, seen) = (Arc::new(AtomicBool::new(false)), Cell::new(0));
            let set = Arc::clone(&flag);
            later(move || {
                set.store(true, Ordering::Relaxed);
                waker.wake();
            });
            poll_fn(|_| {
                seen.set(seen.get() + 1);
                if flag.load(Ordering::Relaxed) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert_eq!(seen.get(), 2);
        })
        .unwrap();
    });
}

/// The other thread's wakers are the last hope of a loop that sleeps. The loop hears that
/// there is none left: of one task, or of several.
#[test]
fn wakers_that_other_threads_drop_while_the_loop_sleeps() {
    let text = in_time(|| {
        tells(async {
            let (waker, other) = (own_waker().await, own_waker().await);
            let third = spawn(async {
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

/// A task that was watched in its sleep has the same waker afterwards, or a new one that is as
/// good: whether the old one was used up by its wake, or only passed on.
#[test]
fn a_task_can_be_woken_again_after_a_sleep_that_others_ended() {
    in_time(|| {
        run(async {
            for round in 0..3 {
                let (waker, flag) = (own_waker().await, Arc::new(AtomicBool::new(false)));
                let (set, kept) = (Arc::clone(&flag), (round > 0).then(|| waker.clone()));
                later(move || {
                    set.store(true, Ordering::Relaxed);
                    waker.wake();
                });
                poll_fn(|_| {
                    if flag.load(Ordering::Relaxed) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
                if let Some(kept) = kept {
                    assert!(kept.will_wake(&own_waker().await));
                }
                turn().await;
            }
        })
        .unwrap();
    });
}

/// By a virtual clock there is no waiting for other threads: what they hold is counted.
#[test]
fn wakers_that_are_kept_are_counted() {
    let kept = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&kept);
    let (ended, _) = ending(async move {
        let waker = own_waker().await;
        keep.borrow_mut().extend([waker.clone(), waker]);
        let keep = Rc::clone(&keep);
        spawn(async move {
            let waker = own_waker().await;
            keep.borrow_mut().push(waker);
            pending::<()>().await;
        })
        .await;
    });
    let text = ended.unwrap_err().to_string();
    assert!(text.contains(": 2 tasks pending, 3 wakers outside, 0 timers,"), "{text}");
    kept.borrow_mut().truncate(1);
}

/// In the invented network there may be sockets for which nothing comes.
#[test]
fn sockets_that_are_waited_for_are_counted() {
    async fn reads(stream: TcpStream) {
        drop(stream.read(&mut [0; 8]).await);
    }
    let address = SocketAddr::from(([10, 0, 0, 1], 80));
    let sim = Sim::new(1, Weather::calm());
    sim.serve(address, || Box::new(Silent));
    let ended = backend::scope(sim, || {
        run(async move {
            for _ in 0..2 {
                drop(spawn(reads(TcpStream::connect(address).await.unwrap())));
            }
            let stream = TcpStream::connect(address).await.unwrap();
            reads(stream).await;
        })
    });
    let text = ended.unwrap_err().to_string();
    assert!(
        text.contains("3 tasks pending, 0 wakers outside, 0 timers, 3 sock"),
        "{text}"
    );
    assert_eq!(whom(&text)[1], "task 2 (reads): a socket");
}

struct Silent;

impl reactor::sim::Peer for Silent {
    fn on(&mut self, _: reactor::sim::Event, _: &mut reactor::sim::Link<'_>) {}
}

#[test]
fn a_socket_that_is_waited_for_is_no_deadlock() {
    in_time(|| {
        run(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let address = listener.local_addr().unwrap();
            later(move || drop(std::net::TcpStream::connect(address)));
            listener.accept().await.map(drop).unwrap();
        })
        .unwrap();
    });
}

/// A place at a socket that is not given up would keep the loop asleep for ever.
#[test]
fn whoever_is_cancelled_at_a_socket_leaves_nothing_there() {
    let text = in_time(|| {
        tells(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let address = listener.local_addr().unwrap();
            assert!(timeout(MS, listener.accept()).await.is_err());
            let peer = std::net::TcpStream::connect(address).unwrap();
            let stream = listener.accept().await.unwrap();
            assert!(timeout(MS, stream.read(&mut [0; 8])).await.is_err());
            let flood = vec![0; 1 << 24];
            assert!(timeout(20 * MS, stream.write_all(&flood)).await.is_err());
            let other = spawn(async move {
                drop(listener.accept().await);
            });
            turn().await;
            other.cancel().await;
            pending::<()>().await;
            drop((stream, peer));
        })
    });
    assert!(text.contains(": 1 task pending, 0 wakers outside, 0 timers, 0 sockets"));
}

/// A timer that is left behind would make the virtual clock jump.
#[test]
fn whoever_gives_up_a_timer_leaves_none_behind() {
    let (ended, took) = ending(async {
        // Polled and dropped.
        {
            let mut nap = pin!(sleep(FAR));
            assert!(poll_once(nap.as_mut()).await.is_pending());
        }
        // Polled here, then in another task, which is cancelled.
        let mut nap = Box::pin(sleep(FAR));
        assert!(poll_once(nap.as_mut()).await.is_pending());
        let task = spawn(nap);
        turn().await;
        assert_eq!(task.cancel().await, None);
        // A timeout whose body was faster, and that is not dropped.
        let mut fast = pin!(timeout(FAR, turn()));
        while poll_once(fast.as_mut()).await.is_pending() {}
        // One that was cancelled with its body.
        let task = spawn(timeout(FAR, pending::<()>()));
        turn().await;
        assert_eq!(task.cancel().await, None);
        // Polled by wakers of which none is like the other.
        let task = spawn(common::with_fresh_wakers(sleep(FAR)));
        turn().await;
        assert_eq!(task.cancel().await, None);
        pending::<()>().await;
    });
    assert!(ended.unwrap_err().to_string().contains("0 wakers outside, 0 timers"));
    assert_eq!(took, Duration::ZERO);
}

/// A sleep that is polled once, and then left alone beyond its time, keeps no waker.
#[test]
fn a_sleep_that_nobody_asks_any_more_is_nobody_outside() {
    let text = deadlock(|| async {
        let mut nap = pin!(sleep(MS));
        assert!(poll_once(nap.as_mut()).await.is_pending());
        pending::<()>().await;
    });
    assert!(text.contains("1 task pending, 0 wakers outside, 0 timers"), "{text}");
}
