//! What still runs when something panics, and when a loop ends with something left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

const MS: Duration = Duration::from_millis(1);

type Log = Rc<RefCell<Vec<&'static str>>>;

fn story<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    backend::scope(Clockwork::new(), || run(main).unwrap())
}

/// Awaits `future`; gives `None` if it panics.
async fn caught<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Something whose exit waits, does what it is made for, and says its name.
struct Scope {
    name: &'static str,
    log: Log,
    exit: fn(&Log),
}

impl Manager for Scope {
    type Error = ();

    async fn enter(&mut self) -> Result<(), ()> {
        Ok(())
    }

    async fn exit(self, _: Option<Result<(), &()>>) -> Result<(), ()> {
        sleep(MS).await;
        (self.exit)(&self.log);
        self.log.borrow_mut().push(self.name);
        Ok(())
    }
}

async fn never() -> Result<(), ()> {
    pending().await
}

fn scope(name: &'static str, log: &Log) -> Scope {
    Scope { name, log: Rc::clone(log), exit: |_| () }
}

/// M5.13: a body that panics leaves its exits to its own task, which awaits them first.
#[test]
fn a_body_that_panics_is_left_like_one_that_is_cancelled() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    story(async move {
        let said = Rc::clone(&inside);
        let bad = spawn(async move {
            with(scope("inner", &said), async |_| panic!("in the body") as Result<(), ()>)
                .await
        });
        assert!(caught(bad).await.is_none());
        inside.borrow_mut().push("panicked");
    });
    assert_eq!(log.take(), ["inner", "panicked"]);
}

/// The same for a main, whose exits are awaited before its loop ends.
#[test]
fn a_main_that_panics_runs_its_exits() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let main = async move {
        with(scope("exit", &said), async |_| panic!("in main") as Result<(), ()>).await
    };
    assert!(catch_unwind(AssertUnwindSafe(|| story(main))).is_err());
    assert_eq!(log.take(), ["exit"]);
}

/// An exit that panics is over, and that is all: the outer exits run, and so do the others.
#[test]
fn an_exit_that_panics_takes_nobody_with_it() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let other = story(async move {
        let bad = spawn(async move {
            with(scope("outer", &said), async |_| {
                let mut inner = scope("inner", &said);
                inner.exit = |_| panic!("in the exit");
                with(inner, async |_| never().await).await
            })
            .await
        });
        let other = spawn(async {
            sleep(10 * MS).await;
            "goes on"
        });
        sleep(MS).await;
        assert!(bad.cancel().await.is_none());
        other.await
    });
    assert_eq!(other, "goes on");
    assert_eq!(log.take(), ["outer"]);
}

/// What is dropped of a body that goes on leaves its exits to the task, too, which does not
/// wait for its own end to run them.
#[test]
fn an_exit_of_what_was_dropped_half_way_runs_while_the_body_goes_on() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut part = Box::pin(with(scope("exit", &said), async |_| never().await));
        poll_fn(|context| {
            assert!(part.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(part);
        sleep(10 * MS).await;
        said.borrow_mut().push("the body goes on");
    });
    assert_eq!(log.take(), ["exit", "the body goes on"]);
}

/// An output may panic as it is dropped, and nobody may want it.
#[test]
fn an_output_that_panics_when_it_is_dropped_ends_nothing() {
    story(async {
        drop(spawn(async { Panics }));
        drop(spawn(async {
            let _held = Panics;
            pending::<()>().await;
        }));
        sleep(MS).await;
    });
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(thread::panicking(), "as it is dropped");
    }
}

/// What is dropped at the end may start tasks, which are dropped in their turn.
#[test]
fn a_task_that_is_started_by_a_drop_at_the_end_is_dropped_as_well() {
    struct Starts(u32, Log);
    impl Drop for Starts {
        fn drop(&mut self) {
            self.1.borrow_mut().push("dropped");
            if let Some(left) = self.0.checked_sub(1) {
                let next = Self(left, Rc::clone(&self.1));
                drop(spawn(async move {
                    let _next = next;
                    pending::<()>().await;
                }));
            }
        }
    }
    let log = Log::default();
    let first = Starts(3, Rc::clone(&log));
    story(async move {
        drop(spawn(async move {
            let _first = first;
            pending::<()>().await;
        }));
        sleep(MS).await;
    });
    assert_eq!(log.take().len(), 4);
}

/// An exit may start a task whose own exit comes too late for this loop. No other loop of
/// the thread runs it.
#[test]
fn an_exit_that_is_left_at_the_end_does_not_run_on_the_next_loop() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        drop(spawn(async move {
            let mut starts = scope("in time", &said);
            starts.exit = |log| {
                let late = scope("too late", log);
                drop(spawn(async move { with(late, async |_| never().await).await }));
            };
            with(starts, async |_| never().await).await
        }));
        sleep(MS).await;
    });
    story(sleep(10 * MS));
    assert_eq!(log.take(), ["in time"]);
}
