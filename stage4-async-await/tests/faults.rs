//! What is wrong, and who hears of it: a task that awaits itself, a waker that panics, a
//! destructor that panics, something that is dropped after the loop and all that was its own.

#![deny(unused_must_use)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{
    Bomb, FAR, Finally, Log, MS, caught, in_time, never, poll_once, reports, say, scope,
    story, turn, with_fresh_wakers,
};
use stage4_async_await::cancel::with;
use stage4_async_await::net::TcpListener;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::{sleep, timeout};
use stage4_async_await::{run, spawn};

/// A task that is given its own handle.
fn selfish<T: 'static, F: Future<Output = T> + 'static>(
    body: impl FnOnce(JoinHandle<T>) -> F + 'static,
) -> Rc<RefCell<Option<JoinHandle<T>>>> {
    let own = Rc::new(RefCell::new(None));
    let taken = Rc::clone(&own);
    own.replace(Some(spawn(async move {
        let handle = taken.take().unwrap();
        body(handle).await
    })));
    own
}

/// "Task cannot await on itself" in asyncio: by its own waker, under a timeout, or in whatever
/// polls it with other wakers.
#[test]
fn a_task_that_awaits_itself_is_told_so() {
    let reported = reports();
    let (went_on, took) = story(async {
        drop(selfish(|own: JoinHandle<()>| own));
        drop(selfish(|own: JoinHandle<()>| async {
            timeout(FAR, own).await.unwrap();
        }));
        drop(selfish(|own: JoinHandle<()>| with_fresh_wakers(own)));
        let own = selfish(|own: JoinHandle<()>| async {
            let told = caught(own).await.unwrap_err();
            assert!(told.contains("a task cannot await itself"), "{told}");
        });
        let other = spawn(async { "the others go on" });
        turn().await;
        assert!(own.borrow().is_none());
        other.await
    });
    assert_eq!(went_on, "the others go on");
    assert_eq!(took, Duration::ZERO);
    let told = reported.take();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|it| it.contains("a task cannot await itself")), "{told:?}");
    assert!(told[0].starts_with("task 2 (selfish) panicked, and nobody awaits it"));
}

/// It may cancel itself, and await that: it does not come back.
#[test]
fn a_task_may_cancel_itself_and_await_its_end() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    story(async move {
        let said = Rc::clone(&inside);
        drop(selfish(move |own: JoinHandle<()>| async move {
            let _finally = Finally(Rc::clone(&said), "dropped");
            own.cancel().await;
            say(&said, "not reached");
        }));
        sleep(MS).await;
    });
    assert_eq!(log.take(), ["dropped"]);
}

/// It has an effect without being awaited; this file would not compile if it warned.
#[test]
fn to_cancel_is_a_statement() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let guard = Finally(Rc::clone(&said), "dropped");
        let handle = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        handle.cancel();
        say(&said, "cancelled");
        sleep(MS).await;
    });
    assert_eq!(log.take(), ["cancelled", "dropped"]);
}

/// A waker of somebody else: it panics when it is called, or when it is dropped.
struct Foreign {
    call: bool,
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        assert!(!self.call, "in a foreign waker");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        assert!(self.call || thread::panicking(), "as a foreign waker is dropped");
    }
}

/// Polls `leaf` with such a waker, once; then waits for ever.
async fn by_foreign(call: bool, leaf: impl Future) {
    let mut leaf = Box::pin(leaf);
    let waker = Waker::from(Arc::new(Foreign { call }));
    assert!(leaf.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    // The other one that we have is no business of the loop.
    drop(catch_unwind(AssertUnwindSafe(|| drop(waker))));
    pending::<()>().await;
}

/// It ends its own task, in which it was left, and neither the loop nor whoever wakes it.
#[test]
fn a_foreign_waker_that_panics_ends_its_own_task() {
    let reported = reports();
    let ((), took) = story(async {
        let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        let permit = semaphore.acquire().await;
        let naps = spawn(by_foreign(true, sleep(MS)));
        let timed = spawn(by_foreign(true, timeout(2 * MS, pending::<()>())));
        let queues = spawn(by_foreign(true, semaphore.acquire()));
        let gate = Rc::new(Cell::new(false));
        let open = Rc::clone(&gate);
        let ends = spawn(async move {
            while !open.get() {
                turn().await;
            }
            "an output"
        });
        let joins = spawn(by_foreign(true, ends));
        turn().await;
        drop(permit);
        gate.set(true);
        for task in [naps, timed, queues, joins] {
            assert_eq!(caught(task).await.unwrap_err(), "in a foreign waker");
        }
        // Its permit is not lost with it.
        drop(semaphore.acquire().await);
    });
    assert_eq!(took, 2 * MS);
    assert!(reported.borrow().is_empty(), "whoever awaits it has heard: {reported:?}");
}

/// The same at a socket, and nobody awaits the task.
#[test]
fn a_foreign_waker_that_panics_at_a_socket_ends_its_own_task() {
    in_time(|| {
        let reported = reports();
        run(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
            let address = listener.local_addr().unwrap();
            drop(spawn(async move { by_foreign(true, listener.accept()).await }));
            turn().await;
            let peer = std::net::TcpStream::connect(address).unwrap();
            sleep(5 * MS).await;
            drop(peer);
        })
        .unwrap();
        let told = reported.take();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("in a foreign waker"), "{told:?}");
    });
}

/// A foreign waker that is left where no task runs: whoever wakes it goes on.
#[test]
fn a_foreign_waker_that_panics_outside_of_all_tasks_is_reported() {
    let reported = reports();
    let waker = Waker::from(Arc::new(Foreign { call: true }));
    let (semaphore, mut context) = (Semaphore::new(1), Context::from_waker(&waker));
    let Poll::Ready(permit) = Box::pin(semaphore.acquire()).as_mut().poll(&mut context)
    else {
        panic!("it is free");
    };
    let mut place = Box::pin(semaphore.acquire());
    assert!(place.as_mut().poll(&mut context).is_pending());
    drop(permit);
    let told = reported.take();
    assert!(told.len() == 1 && told[0].contains("in a foreign waker"), "{told:?}");
}

/// One that panics as it is dropped is reported, wherever that is.
#[test]
fn a_foreign_waker_that_panics_as_it_is_dropped_is_reported() {
    let reported = reports();
    story(async {
        let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        let permit = semaphore.acquire().await;
        drop(spawn(by_foreign(false, sleep(MS))));
        drop(spawn(by_foreign(false, semaphore.acquire())));
        drop(spawn(by_foreign(false, spawn(sleep(MS)))));
        sleep(2 * MS).await;
        drop(permit);
        turn().await;
    });
    let told = reported.take();
    assert_eq!(told.len(), 3, "{told:?}");
    let text = "A destructor panicked: as a foreign waker is dropped";
    assert!(told.iter().all(|it| it == text), "{told:?}");
}

/// Outputs that nobody wants, wherever they are dropped.
#[test]
fn an_output_that_panics_as_it_is_dropped_is_reported() {
    let reported = reports();
    story(async {
        // The handle was gone before.
        drop(spawn(async { Bomb("early") }));
        turn().await;
        turn().await;
        // The handle was the last to have it.
        let handle = spawn(async { Bomb("late") });
        turn().await;
        turn().await;
        drop(handle);
        // The handle is dropped because its owner panics: no second panic.
        let handle = spawn(async { Bomb("in a panic") });
        let owner = spawn(async move {
            let _handle = handle;
            turn().await;
            turn().await;
            panic!("the owner");
        });
        assert_eq!(caught(owner).await.unwrap_err(), "the owner");
    });
    let told = reported.take();
    let told: Vec<_> = told.iter().map(String::as_str).collect();
    assert_eq!(told, ["A destructor panicked: early", "A destructor panicked: late"]);
}

/// Local variables, of a task that is cancelled: whoever awaits its end hears of it, as of any
/// panic; else it is reported. Those of the others are dropped all the same.
#[test]
fn a_local_variable_that_panics_as_it_is_dropped_is_heard_of() {
    let (log, reported) = (Log::default(), reports());
    let inside = Rc::clone(&log);
    story(async move {
        let bombs = ["one", "two", "three"].map(|name| {
            let guard = Finally(Rc::clone(&inside), name);
            spawn(async move {
                let _guard = guard;
                let _bomb = Bomb(name);
                pending::<()>().await;
            })
        });
        turn().await;
        let [one, two, three] = bombs;
        assert_eq!(caught(one.cancel()).await.unwrap_err(), "one");
        two.cancel();
        drop(three);
    });
    assert_eq!(log.take(), ["one", "two", "three"]);
    let told = reported.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("task 3 (") && told[0].ends_with("nobody awaits it: two")
    );
    assert!(
        told[1].starts_with("task 4 (") && told[1].ends_with("nobody awaits it: three")
    );
}

/// "Task exception was never retrieved" in asyncio (M6.13): once if nobody asks, never if
/// somebody has.
#[test]
fn a_panic_that_nobody_awaits_is_reported() {
    async fn bad(name: &'static str) {
        let never: std::convert::Infallible = async { panic!("{name}") }.await;
        match never {}
    }
    let reported = reports();
    story(async {
        drop(spawn(bad("dropped before")));
        let handle = spawn(bad("dropped after"));
        let asked = spawn(bad("asked for"));
        let asked_and_cancelled = spawn(bad("asked for, too"));
        turn().await;
        drop(handle);
        assert_eq!(caught(asked).await.unwrap_err(), "asked for");
        let told = caught(asked_and_cancelled.cancel()).await.unwrap_err();
        assert_eq!(told, "asked for, too");
    });
    let told = reported.take();
    let expected = [
        "task 2 (bad) panicked, and nobody awaits it: dropped before",
        "task 3 (bad) panicked, and nobody awaits it: dropped after",
    ];
    assert_eq!(told, expected);
}

/// A hook that panics is no reason to stop, and what is no text is told as that.
#[test]
fn a_hook_may_panic_and_a_panic_need_not_be_a_text() {
    let reported = reports();
    story(async {
        drop(spawn(async { std::panic::panic_any(7) as () }));
        turn().await;
        turn().await;
    });
    assert!(reported.take()[0].ends_with(": something that is no text"));
    stage4_async_await::extras::report::on_report(|_| panic!("in the hook"));
    let (went_on, _) = story(async {
        drop(spawn(async { panic!("reported on standard error") as () }));
        turn().await;
        turn().await;
        "it goes on"
    });
    assert_eq!(went_on, "it goes on");
}

/// Tasks that their loop leaves behind, when it breaks off: all are dropped, and their handles
/// say so to whoever asks later.
#[test]
fn a_handle_that_outlives_its_loop_says_how_its_task_ended() {
    let slots = Rc::new(RefCell::new(Vec::new()));
    let fill = Rc::clone(&slots);
    story(async move {
        fill.borrow_mut().extend([spawn(pending::<()>()), spawn(async {})]);
        turn().await;
    });
    let [mut cancelled, finished]: [_; 2] = slots.take().try_into().unwrap();
    assert!(cancelled.is_finished() && finished.is_finished());
    story(async move {
        let told = caught(&mut cancelled).await.unwrap_err();
        assert!(told.contains("cancelled at the end of its loop"), "{told}");
        finished.await;
    });
}

/// What is started while the loop ends is dropped with it, and wakes whoever waits elsewhere.
#[test]
fn a_task_that_is_left_at_the_end_is_dropped_and_its_handle_knows() {
    struct Starts(Rc<RefCell<Option<JoinHandle<()>>>>, Log);
    impl Drop for Starts {
        fn drop(&mut self) {
            let guard = Finally(Rc::clone(&self.1), "dropped");
            let handle = spawn(async move {
                let _guard = guard;
                pending::<()>().await;
            });
            self.0.replace(Some(handle));
        }
    }
    let (slot, log) = (Rc::new(RefCell::new(None)), Log::default());
    let starts = Starts(Rc::clone(&slot), Rc::clone(&log));
    story(async move {
        drop(spawn(async move {
            let _starts = starts;
            pending::<()>().await;
        }));
        turn().await;
    });
    assert_eq!(log.take(), ["dropped"]);
    let handle = slot.take().unwrap();
    assert!(handle.is_finished());
    let end = story(handle.cancel()).0;
    assert_eq!(end, None);
}

thread_local! {
    /// Made before anything of the stage's, so dropped after it.
    static KEPT: RefCell<Vec<Box<dyn std::any::Any>>> = const { RefCell::new(Vec::new()) };
}

/// Things of the stage in a thread-local that outlives its own: dropped at the end of the
/// thread, and nobody aborts.
#[test]
fn what_a_thread_local_keeps_is_dropped_after_the_loops_own() {
    let thread = thread::spawn(|| {
        KEPT.with_borrow_mut(Vec::clear);
        let log = Log::default();
        let keep =
            |it: Box<dyn std::any::Any>| KEPT.with_borrow_mut(|kept| kept.push(it));
        run(async move {
            let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
            keep(Box::new(semaphore.acquire().await));
            let listener: &TcpListener = Box::leak(Box::new(
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap(),
            ));
            let mut leaves: Vec<Pin<Box<dyn Future<Output = ()>>>> = vec![
                Box::pin(sleep(FAR)),
                Box::pin(async { timeout(FAR, pending::<()>()).await.unwrap() }),
                Box::pin(async { drop(semaphore.acquire().await) }),
                Box::pin(async { drop(listener.accept().await) }),
                Box::pin(with_fresh_wakers(sleep(FAR))),
                Box::pin(async move {
                    with(scope(&log, "it"), async |_| never().await).await.unwrap();
                }),
            ];
            for leaf in &mut leaves {
                assert!(poll_once(leaf.as_mut()).await.is_pending());
            }
            keep(Box::new(leaves));
            keep(Box::new(spawn(pending::<()>())));
            keep(Box::new(spawn(async { Bomb("in a thread-local") })));
            keep(Box::new(poll_fn(|context| Poll::Ready(context.waker().clone())).await));
            turn().await;
        })
        .unwrap();
    });
    thread.join().unwrap();
}
