//! The exits of what is cancelled, half way or while it cleans up: all of them, in order, and
//! no error of theirs is lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use common::{
    Finally, Log, MS, caught, failing, never, poll_once, reports, say, scope, story, turn,
};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::spawn;
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::{Elapsed, sleep, timeout};

type Left = Result<(), &'static str>;
type Part<E> = Pin<Box<dyn Future<Output = Result<(), E>>>>;

/// Three managers, one in the other, around a body that never ends.
async fn nested(log: Log) -> Left {
    with(scope(&log, "outer"), async |_| {
        with(scope(&log, "middle"), async |_| {
            with(scope(&log, "inner"), async |_| never().await).await
        })
        .await
    })
    .await
}

fn lines(name: &str, how: &str) -> [String; 2] {
    [format!("{name} begins to leave"), format!("{name} left, its body ended {how}")]
}

/// M5.27 (model A), and the exits wait one for the other.
#[test]
fn the_exits_of_a_cancelled_task_run_from_the_inside_out() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move {
        let task = spawn(nested(Rc::clone(&inside)));
        turn().await;
        assert_eq!(task.cancel().await, None);
        say(&inside, "it is over");
    });
    let mut expected =
        ["inner", "middle", "outer"].map(|it| lines(it, "not at all")).concat();
    expected.push("it is over".to_owned());
    assert_eq!(log.take(), expected);
    assert_eq!(took, 3 * MS);
}

/// An exit that was under way goes on where it was, and those further out follow.
#[test]
fn an_exit_that_is_cancelled_half_way_goes_on() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move {
        let said = Rc::clone(&inside);
        let task = spawn(async move {
            with(scope(&said, "outer"), async |_| {
                with(scope(&said, "middle"), async |_| {
                    with(scope(&said, "inner"), async |_| Ok(())).await
                })
                .await
            })
            .await
        });
        // The first exit is over, the second has begun.
        sleep(MS).await;
        turn().await;
        say(&inside, "cancelled");
        assert_eq!(task.cancel().await, None);
    });
    let mut expected = lines("inner", "well").to_vec();
    expected.extend(["middle begins to leave".to_owned(), "cancelled".to_owned()]);
    expected.push("middle left, its body ended well".to_owned());
    expected.extend(lines("outer", "not at all"));
    assert_eq!(log.take(), expected);
    assert_eq!(took, 3 * MS);
}

/// The end of the loop finds one that is cleaning up, and waits for it.
#[test]
fn the_end_of_the_loop_waits_for_exits_that_have_begun() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move {
        let task = spawn(nested(inside));
        turn().await;
        task.cancel();
        turn().await;
    });
    assert_eq!(log.borrow().last().unwrap(), "outer left, its body ended not at all");
    assert_eq!(took, 3 * MS);
}

/// The exits of a timeout that is cancelled, while it awaits them, are for the task to await.
#[test]
fn the_exits_of_a_cancelled_timeout_go_on() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move {
        let task = spawn(timeout(10 * MS, nested(Rc::clone(&inside))));
        sleep(11 * MS + MS / 2).await;
        say(&inside, "cancelled");
        assert_eq!(task.cancel().await, None);
        say(&inside, "it is over");
    });
    let mut expected =
        ["inner", "middle", "outer"].map(|it| lines(it, "not at all")).concat();
    // The first is over by then.
    expected.insert(3, "cancelled".to_owned());
    expected.push("it is over".to_owned());
    assert_eq!(log.take(), expected);
    assert_eq!(took, 13 * MS);
}

/// A timeout around a timeout: the inner one's exits take longer than the outer one allows.
#[test]
fn a_timeout_waits_for_the_exits_of_one_inside() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move {
        let inner = timeout(2 * MS, nested(Rc::clone(&inside)));
        assert_eq!(timeout(3 * MS, inner).await, Err(Elapsed));
        say(&inside, "it is over");
    });
    assert_eq!(log.borrow().len(), 7);
    assert_eq!(
        log.borrow()[5..],
        ["outer left, its body ended not at all", "it is over"]
    );
    assert_eq!(took, 5 * MS);
}

/// What is dropped together is left in the order in which it is dropped, and picked up by the
/// task, whose body goes on meanwhile.
#[test]
fn what_a_body_drops_is_left_while_it_goes_on() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut parts: Vec<Part<&'static str>> = Vec::new();
        for name in ["one", "two", "three"] {
            let manager = scope(&said, name);
            parts.push(Box::pin(
                async move { with(manager, async |_| never().await).await },
            ));
        }
        for part in &mut parts {
            assert!(poll_once(part.as_mut()).await.is_pending());
        }
        drop(parts);
        sleep(2 * MS + MS / 2).await;
        say(&said, "the body goes on");
        sleep(2 * MS).await;
    });
    let log = log.take();
    assert_eq!(log.iter().position(|it| it == "the body goes on"), Some(5), "{log:?}");
    let left: Vec<_> = log.iter().filter(|it| it.contains("left")).collect();
    assert!(left.iter().map(|it| &it[..3]).eq(["one", "two", "thr"]), "{log:?}");
}

/// An exit that drops something half way leaves that behind in its turn.
#[test]
fn an_exit_may_leave_exits_behind() {
    struct Outer(Log);
    impl Manager for Outer {
        type Error = &'static str;
        async fn enter(&mut self) -> Left {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &&'static str>>) -> Left {
            let part = with(scope(&self.0, "part"), async |_| never().await);
            assert!(poll_once(pin!(part)).await.is_pending());
            say(&self.0, "the exit ends");
            Ok(())
        }
    }
    let log = Log::default();
    let inside = Rc::clone(&log);
    story(async move {
        let manager = Outer(Rc::clone(&inside));
        let task = spawn(async move { with(manager, async |_| never().await).await });
        turn().await;
        assert_eq!(task.cancel().await, None);
        say(&inside, "it is over");
    });
    let mut expected = vec!["the exit ends".to_owned()];
    expected.extend(lines("part", "not at all"));
    expected.push("it is over".to_owned());
    assert_eq!(log.take(), expected);
}

/// How a body may end so that nobody awaits its exit's error any more.
type Cancel = fn(JoinHandle<Left>) -> Pin<Box<dyn Future<Output = ()>>>;

fn told(
    manager: fn(&Log) -> common::Scope,
    body: fn() -> Body,
    cancel: Cancel,
) -> Vec<String> {
    let reported = reports();
    let log = Log::default();
    story(async move {
        let manager = manager(&log);
        let task = spawn(async move { with(manager, async |_| body().await).await });
        turn().await;
        cancel(task).await;
    });
    reported.take()
}

type Body = Part<&'static str>;

/// asyncio raises it out of the task, in place of the cancel: here nobody awaits an output.
#[test]
fn an_exits_error_is_reported_after_a_cancel() {
    let cancels: [Cancel; 3] = [
        |task| Box::pin(async { assert_eq!(task.cancel().await, None) }),
        // Nobody awaits the end, but the loop.
        |task| {
            task.cancel();
            Box::pin(turn())
        },
        // The loop ends it.
        |task| {
            drop(task);
            Box::pin(turn())
        },
    ];
    for cancel in cancels {
        let told = told(|log| failing(log, "disk full"), || Box::pin(never()), cancel);
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.contains("nobody awaits") && told.contains("disk full"), "{told}");
        let told = self::told(|log| scope(log, "fine"), || Box::pin(never()), cancel);
        assert!(told.is_empty(), "{told:?}");
    }
}

#[test]
fn an_exits_error_is_reported_after_a_timeout() {
    let reported = reports();
    let log = Log::default();
    story(async move {
        let body = with(failing(&log, "disk full"), async |_| never().await);
        assert_eq!(timeout(MS, body).await, Err(Elapsed));
        let fine = with(scope(&log, "fine"), async |_| never().await);
        assert_eq!(timeout(MS, fine).await, Err(Elapsed));
    });
    let told = reported.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("disk full"), "{told:?}");
}

/// And after a panic, which whoever awaits the task hears of instead.
#[test]
fn an_exits_error_is_reported_after_a_panic() {
    let told = told(
        |log| failing(log, "disk full"),
        || Box::pin(async { panic!("in the body") }),
        |task| {
            Box::pin(async { assert_eq!(caught(task).await.unwrap_err(), "in the body") })
        },
    );
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("disk full"), "{told:?}");
}

/// Cancelled in the middle of its exit, when the body has ended: whichever fails is reported,
/// and whoever is in time to hear of it hears it, and nobody else.
#[test]
fn an_error_is_reported_when_the_exit_is_cancelled_half_way() {
    let cancel: Cancel = |task| Box::pin(async { assert_eq!(task.cancel().await, None) });
    let exit =
        told(|log| failing(log, "disk full"), || Box::pin(async { Ok(()) }), cancel);
    assert!(exit.len() == 1 && exit[0].contains("disk full"), "{exit:?}");
    let body =
        told(|log| scope(log, "fine"), || Box::pin(async { Err("no money") }), cancel);
    assert!(body.len() == 1 && body[0].contains("no money"), "{body:?}");
    let neither = told(|log| scope(log, "fine"), || Box::pin(async { Ok(()) }), cancel);
    assert!(neither.is_empty(), "{neither:?}");
    let awaited: Cancel =
        |task| Box::pin(async { assert_eq!(task.await, Err("disk full")) });
    let heard =
        told(|log| failing(log, "disk full"), || Box::pin(async { Ok(()) }), awaited);
    assert!(heard.is_empty(), "{heard:?}");
}

/// A `with` that outlives its loop, half run.
fn left_over(log: &Log) -> Body {
    let manager = scope(log, "it");
    let mut body: Body =
        Box::pin(async move { with(manager, async |_| never().await).await });
    let slot = Rc::new(RefCell::new(None));
    let out = Rc::clone(&slot);
    story(async move {
        assert!(poll_once(body.as_mut()).await.is_pending());
        out.replace(Some(body));
    });
    slot.take().unwrap()
}

/// Between two loops nobody can await an exit. It is reported, its manager is dropped, and the
/// next loop does not run it.
#[test]
fn the_exit_of_a_with_that_is_dropped_between_two_loops_runs_in_neither() {
    let (log, reported) = (Log::default(), reports());
    let (one, two) = (left_over(&log), left_over(&log));
    drop(one);
    let told = reported.take();
    assert!(told.len() == 1 && told[0].contains("nobody awaits"), "{told:?}");
    let ((), took) = story(sleep(10 * MS));
    assert_eq!(took, 10 * MS);
    assert!(log.borrow().is_empty(), "{log:?}");
    // Dropped by a task of the next loop, it is that task's.
    story(async move { drop(two) });
    assert_eq!(log.take(), lines("it", "not at all"));
    assert!(reported.borrow().is_empty(), "{reported:?}");
}

/// A manager whose exit cannot run is dropped like anything else.
#[test]
fn a_manager_whose_exit_cannot_run_is_dropped() {
    struct Guarded(Finally);
    impl Manager for Guarded {
        type Error = ();
        async fn enter(&mut self) -> Result<(), ()> {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &()>>) -> Result<(), ()> {
            say(&self.0.0, "exit");
            Ok(())
        }
    }
    let (log, reported) = (Log::default(), reports());
    let guarded = Guarded(Finally(Rc::clone(&log), "dropped"));
    let mut body = Box::pin(with(guarded, async |_| pending::<Result<(), ()>>().await));
    // Polled by hand, outside of all loops.
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(body.as_mut().poll(&mut context).is_pending());
    drop(body);
    assert_eq!(log.take(), ["dropped"]);
    assert_eq!(reported.take().len(), 1);
}

/// An exit that panics has ended. It is reported, and the others run.
#[test]
fn an_exit_that_panics_is_reported() {
    struct Bad;
    impl Manager for Bad {
        type Error = &'static str;
        async fn enter(&mut self) -> Left {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &&'static str>>) -> Left {
            turn().await;
            panic!("in the exit")
        }
    }
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    story(async move {
        let task = spawn(async move {
            with(scope(&said, "outer"), async |_| {
                with(Bad, async |_| never().await).await
            })
            .await
        });
        turn().await;
        assert_eq!(task.cancel().await, None);
    });
    let told = reported.take();
    assert!(told.len() == 1 && told[0].contains("in the exit"), "{told:?}");
    assert_eq!(log.take(), lines("outer", "not at all"));
}

/// The same in its own time, when the body has ended: it is heard by whoever awaits, and what
/// has panicked is not polled again.
#[test]
fn an_exit_that_panics_after_its_body_is_not_left_behind() {
    struct Bad;
    impl Manager for Bad {
        type Error = ();
        async fn enter(&mut self) -> Result<(), ()> {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &()>>) -> Result<(), ()> {
            turn().await;
            panic!("in the exit")
        }
    }
    let reported = reports();
    let (told, _) = story(caught(with(Bad, async |_| Ok(()))));
    assert_eq!(told.unwrap_err(), "in the exit");
    assert!(reported.borrow().is_empty(), "{reported:?}");
}

/// Says a number as it leaves.
struct Numbered(Rc<RefCell<Vec<u32>>>, u32);

impl Manager for Numbered {
    type Error = ();

    async fn enter(&mut self) -> Result<(), ()> {
        Ok(())
    }

    async fn exit(self, _: Option<Result<(), &()>>) -> Result<(), ()> {
        turn().await;
        self.0.borrow_mut().push(self.1);
        Ok(())
    }
}

/// As many as one likes, and each costs the same.
#[test]
fn a_hundred_thousand_exits_are_awaited_in_order() {
    const COUNT: u32 = 100_000;
    let ended = common::in_time(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let part = |number| -> Part<()> {
            let manager = Numbered(Rc::clone(&log), number);
            Box::pin(async move { with(manager, async |_| pending().await).await })
        };
        let mut parts: Vec<_> = (0..COUNT).map(part).collect();
        story(async move {
            let task = spawn(poll_fn(move |context| {
                for part in &mut parts {
                    assert!(part.as_mut().poll(context).is_pending());
                }
                Poll::<()>::Pending
            }));
            turn().await;
            task.cancel().await;
        });
        log.take()
    });
    assert!(ended.into_iter().eq(0..COUNT));
}
