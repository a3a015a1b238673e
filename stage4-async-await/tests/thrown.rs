//! A cancel that is thrown, and one that is a drop: one story, told in stage 3 and here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::rc::Rc;

use common::{FAR, Finally, Log, MS, say, story};
use reactor::backend::{self, Clockwork};
use stage3_yield_from as before;
use stage3_yield_from::{Coroutine, Failure, coroutine, yield_from};
use stage4_async_await::spawn;
use stage4_async_await::time::sleep;

/// Three calls deep, at a sleep. Each frame sees the error go by, and waits for a moment to
/// clean up.
fn thrown_through(log: &Log, frames: &'static [&'static str]) -> Coroutine<()> {
    let log = Rc::clone(log);
    coroutine(async move {
        let Some((name, inner)) = frames.split_last() else {
            return yield_from(before::time::sleep(FAR)).await;
        };
        let end = yield_from(thrown_through(&log, inner)).await;
        say(&log, &format!("{name} sees it"));
        yield_from(before::time::sleep(MS)).await?;
        say(&log, &format!("{name} has waited"));
        end
    })
}

/// The same here. What comes behind the `.await` does not run any more.
async fn dropped(log: Log, frames: &'static [&'static str]) {
    let Some((name, inner)) = frames.split_last() else { return sleep(FAR).await };
    let _finally = Finally(Rc::clone(&log), name);
    Box::pin(dropped(Rc::clone(&log), inner)).await;
    say(&log, "what comes behind the wait");
    sleep(MS).await;
}

const FRAMES: [&str; 3] = ["inner", "middle", "outer"];

/// Runs stage 3 under a virtual clock; gives how long it took, too.
fn thrown<T: 'static>(main: Coroutine<T>) -> (Result<T, Failure>, std::time::Duration) {
    let clock = Clockwork::new();
    let ended = backend::scope(Rc::clone(&clock) as _, || before::run(main).unwrap());
    (ended, clock.elapsed())
}

/// M5.27: thrown, it passes each frame, which may wait, and the end comes when all have. As a
/// drop it passes none: the destructors run, from the inside out as well, and it takes no time.
#[test]
fn a_cancel_that_is_thrown_waits_for_each_frame_and_a_drop_for_none() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = thrown(coroutine(async move {
        let task = before::spawn(thrown_through(&said, &FRAMES));
        yield_from(before::time::sleep(MS)).await?;
        task.cancel();
        yield_from(&task).await
    }));
    assert!(ended.unwrap_err().is::<before::future::Cancelled>());
    let seen = |it: &str| [format!("{it} sees it"), format!("{it} has waited")];
    assert_eq!(log.take(), FRAMES.map(seen).concat());
    assert_eq!(took, MS + 3 * MS);

    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let task = spawn(dropped(said, &FRAMES));
        sleep(MS).await;
        assert_eq!(task.cancel().await, None);
    });
    assert_eq!(log.take(), FRAMES);
    assert_eq!(took, MS);
}

/// M6.17: thrown, it may be refused, and then the task ends with a value. A drop is not asked.
#[test]
fn a_cancel_that_is_thrown_may_be_refused_and_a_drop_may_not() {
    let (ended, _) = thrown(coroutine(async {
        let task = before::spawn(coroutine(async {
            let refused = yield_from(before::time::sleep(FAR)).await;
            assert!(refused.unwrap_err().is::<before::future::Cancelled>());
            Ok(7)
        }));
        yield_from(before::time::sleep(MS)).await?;
        task.cancel();
        yield_from(&task).await
    }));
    assert_eq!(ended.unwrap(), 7);

    let (ended, _) = story(async {
        let task = spawn(async {
            sleep(FAR).await;
            7
        });
        sleep(MS).await;
        task.cancel().await
    });
    assert_eq!(ended, None);
}

/// One that is thrown is told once: whoever has caught it waits on, as if nothing had been. What
/// is dropped is gone, however it loops.
#[test]
fn a_loop_that_catches_everything_outlives_a_cancel_that_is_thrown() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, _) = thrown(coroutine(async move {
        let inside = Rc::clone(&said);
        let task = before::spawn(coroutine(async move {
            for round in ["first", "second"] {
                // "except BaseException: pass"
                let _ = yield_from(before::time::sleep(10 * MS)).await;
                say(&inside, round);
            }
            Ok(())
        }));
        yield_from(before::time::sleep(MS)).await?;
        task.cancel();
        yield_from(before::time::sleep(MS)).await?;
        say(&said, if task.done() { "it is over" } else { "it goes on" });
        yield_from(&task).await
    }));
    ended.unwrap();
    assert_eq!(log.take(), ["first", "it goes on", "second"]);

    let said = Rc::clone(&log);
    story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(async move {
            for round in ["first", "second"] {
                sleep(10 * MS).await;
                say(&inside, round);
            }
        });
        sleep(MS).await;
        assert_eq!(task.cancel().await, None);
        sleep(FAR).await;
    });
    assert!(log.borrow().is_empty());
}
