//! `async with`: enter, body, exit, whichever way the body ends; with an exit that may swallow
//! the error, and one that raises another.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::rc::Rc;

use common::{
    FAR, Finally, Log, MS, caught, poll_once, reports, say, scope, story, turn,
};
use futures_util::future::{Either, select};
use stage4_async_await::cancel::with;
use stage4_async_await::extras::async_generator::AsyncGenerator;
use stage4_async_await::extras::manager::{
    AsyncManager, Exit, Raised, Verdict, async_with,
};
use stage4_async_await::spawn;
use stage4_async_await::time::{sleep, timeout};

/// An error by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named(&'static str);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Named {}

/// Says what it does, and waits for a millisecond each time.
struct Says {
    log: Log,
    name: &'static str,
    enters: Result<(), Named>,
    exits: Exit<Named>,
}

impl Says {
    fn new(log: &Log, name: &'static str, exits: Exit<Named>) -> Self {
        Self { log: Rc::clone(log), name, enters: Ok(()), exits }
    }
}

impl AsyncManager for Says {
    type Error = Named;

    async fn enter(&mut self) -> Result<(), Named> {
        sleep(MS).await;
        say(&self.log, &format!("enter {}", self.name));
        self.enters
    }

    async fn exit(self, end: Option<Result<(), &Named>>) -> Exit<Named> {
        sleep(MS).await;
        let end = match end {
            Some(Ok(())) => "None".to_owned(),
            Some(Err(error)) => error.to_string(),
            None => "cancelled".to_owned(),
        };
        say(&self.log, &format!("exit {}: {end}", self.name));
        self.exits
    }
}

/// M5.12: the exit sees the error; a true return swallows it, and there is no output then.
#[test]
fn an_exit_sees_the_error_and_may_swallow_it() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let goes_on = |name| Says::new(&said, name, Ok(Verdict::GoesOn));
        let swallows = |name| Says::new(&said, name, Ok(Verdict::Swallowed));
        let well = async_with(goes_on("a"), async |a| Ok(a.name)).await;
        assert_eq!(well, Ok(Some("a")));
        let swallowed =
            async_with(swallows("b"), async |_| Err::<(), _>(Named("KeyError")));
        assert_eq!(swallowed.await, Ok(None));
        let raised =
            async_with(goes_on("c"), async |_| Err::<(), _>(Named("ValueError")));
        assert_eq!(raised.await, Err(Named("ValueError").into()));
        let well = async_with(swallows("d"), async |_| Ok(4)).await;
        assert_eq!(well, Ok(Some(4)), "there was nothing to swallow");
    });
    let expected = [
        ["enter a", "exit a: None"],
        ["enter b", "exit b: KeyError"],
        ["enter c", "exit c: ValueError"],
        ["enter d", "exit d: None"],
    ];
    assert_eq!(log.take(), expected.concat());
    assert_eq!(took, 8 * MS);
}

/// M5.14, M5.45: not even one that would swallow.
#[test]
fn an_enter_that_fails_has_no_exit() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut manager = Says::new(&said, "a", Ok(Verdict::Swallowed));
        manager.enters = Err(Named("ZeroDivisionError"));
        let ended = async_with(manager, async |_| {
            say(&said, "body");
            Ok(())
        });
        let raised = ended.await.unwrap_err();
        assert_eq!(raised, Raised { error: Named("ZeroDivisionError"), context: None });
    });
    assert_eq!(log.take(), ["enter a"]);
}

/// M5.15
#[test]
fn an_error_of_the_exit_keeps_that_of_the_body_as_its_context() {
    story(async {
        let manager = Says::new(&Log::default(), "a", Err(Named("ValueError")));
        let raised = async_with(manager, async |_| Err::<(), _>(Named("KeyError"))).await;
        let raised = raised.unwrap_err();
        assert_eq!(raised.to_string(), "ValueError");
        assert_eq!(raised.source().unwrap().downcast_ref(), Some(&Named("KeyError")));
        let manager = Says::new(&Log::default(), "b", Err(Named("ValueError")));
        let raised = async_with(manager, async |_| Ok(())).await.unwrap_err();
        assert!(raised.source().is_none(), "the body was well");
    });
}

/// M5.46: `RuntimeError`, then a `ZeroDivisionError` for each exit, and all are kept.
#[test]
fn contexts_are_a_chain() {
    /// What the outer one raises has the whole of what the inner one raised.
    struct Outer;
    impl AsyncManager for Outer {
        type Error = Rc<dyn Error>;
        async fn enter(&mut self) -> Result<(), Self::Error> {
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &Self::Error>>) -> Exit<Self::Error> {
            Err(Rc::new(Named("outer 1/0")))
        }
    }
    story(async {
        let log = Log::default();
        let raised = async_with(Outer, async |_| {
            let inner = Says::new(&log, "inner", Err(Named("inner 1/0")));
            let body = async_with(inner, async |_| Err::<(), _>(Named("RuntimeError")));
            body.await.map_err(|raised| Rc::new(raised) as Rc<dyn Error>)
        })
        .await
        .unwrap_err();
        let mut told = vec![raised.error.to_string()];
        let mut next: Option<&dyn Error> = raised.context.as_deref();
        while let Some(error) = next {
            told.push(error.to_string());
            next = error.source();
        }
        assert_eq!(told, ["outer 1/0", "inner 1/0", "RuntimeError"]);
    });
}

/// M5.47: the inner one swallows, so the outer one sees no error.
#[test]
fn what_an_inner_exit_swallows_the_outer_one_never_sees() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, _) = story(async move {
        let outer = Says::new(&said, "A", Ok(Verdict::GoesOn));
        async_with(outer, async |_| {
            let inner = Says::new(&said, "B", Ok(Verdict::Swallowed));
            let ended = async_with(inner, async |_| {
                say(&said, "managers");
                Err::<(), _>(Named("ZeroDivisionError"))
            });
            Ok(ended.await.expect("it is swallowed"))
        })
        .await
    });
    assert_eq!(ended, Ok(Some(None)));
    let expected =
        ["enter A", "enter B", "managers", "exit B: ZeroDivisionError", "exit A: None"];
    assert_eq!(log.take(), expected);
}

/// M5.13: a body is an async closure, so what leaves it is a `return`; a `break` or a `continue`
/// of a loop around it is what the caller makes of the output.
#[test]
fn the_exit_runs_on_return_break_and_continue() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        for (n, what) in ["continue", "break", "never"].into_iter().enumerate() {
            let manager = Says::new(&said, what, Ok(Verdict::GoesOn));
            let left = async_with(manager, async |_| {
                if n == 0 {
                    return Ok("continue");
                }
                Ok("break")
            });
            if left.await == Ok(Some("break")) {
                break;
            }
        }
    });
    let expected =
        ["enter continue", "exit continue: None", "enter break", "exit break: None"];
    assert_eq!(log.take(), expected);
}

/// M5.48: what the last part of CPython's test counts: twice around a loop of eleven, with its `else`.
#[test]
fn a_with_around_a_loop_enters_and_leaves_once_each_time() {
    struct Counts(Rc<std::cell::Cell<u32>>);
    impl AsyncManager for Counts {
        type Error = Named;
        async fn enter(&mut self) -> Result<(), Named> {
            self.0.set(self.0.get() + 10_000);
            Ok(())
        }
        async fn exit(self, _: Option<Result<(), &Named>>) -> Exit<Named> {
            self.0.set(self.0.get() + 100_000);
            Ok(Verdict::GoesOn)
        }
    }
    let (total, _) = story(async {
        let total = Rc::new(std::cell::Cell::new(0));
        for _ in 0..2 {
            let body = async_with(Counts(Rc::clone(&total)), async |counts| {
                counts.0.set(counts.0.get() + 100);
                let mut items: AsyncGenerator<u32> = AsyncGenerator::new(async |co| {
                    for n in 0..11 {
                        co.yield_(n).await?;
                    }
                    Ok(())
                });
                while let Ok(Some(_)) = items.next().await {
                    counts.0.set(counts.0.get() + 1);
                }
                counts.0.set(counts.0.get() + 10_000_000);
                Ok(())
            });
            body.await.unwrap();
            total.set(total.get() + 1000);
        }
        total.get()
    });
    assert_eq!(total, 2 * (10_000 + 100 + 11 + 10_000_000 + 100_000 + 1000));
}

/// An exit that is cancelled half way goes on, and its verdict counts: what it swallows is not
/// reported, what it lets go on is, once.
#[test]
fn the_verdict_of_an_exit_that_is_cancelled_half_way_counts() {
    for (verdict, count) in [(Verdict::Swallowed, 0), (Verdict::GoesOn, 1)] {
        let (log, reported) = (Log::default(), reports());
        let manager = Says::new(&log, "a", Ok(verdict));
        story(async move {
            let task = spawn(async move {
                async_with(manager, async |_| Err::<(), _>(Named("KeyError"))).await
            });
            sleep(MS).await;
            turn().await;
            assert_eq!(task.cancel().await, None);
        });
        assert_eq!(log.take(), ["enter a", "exit a: KeyError"]);
        let told = reported.take();
        assert_eq!(told.iter().filter(|it| it.contains("KeyError")).count(), count);
        assert_eq!(told.len(), count, "{told:?}");
    }
}

type Left = Result<u32, &'static str>;

/// Three managers, one in the other, with a guard inside.
async fn nested(log: Log, body: impl AsyncFnOnce() -> Left + 'static) -> Left {
    with(scope(&log, "outer"), async |_| {
        with(scope(&log, "middle"), async |_| {
            with(scope(&log, "inner"), async |_| {
                let _guard = Finally(Rc::clone(&log), "guard");
                body().await
            })
            .await
        })
        .await
    })
    .await
}

async fn never() -> Left {
    sleep(FAR).await;
    Ok(0)
}

/// Runs `way` out of [`nested`]: the guard is over first, which does not wait; then come the
/// exits, from the inside out, each after the one before.
fn check_order(how: &str, way: impl AsyncFnOnce(Log) + 'static) {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let ((), took) = story(async move { way(inside).await });
    let mut expected = vec!["guard".to_owned()];
    for name in ["inner", "middle", "outer"] {
        expected.push(format!("{name} begins to leave"));
        expected.push(format!("{name} left, its body ended {how}"));
    }
    assert_eq!(log.take(), expected);
    assert!(took < FAR);
}

/// M5.13, M5.10: so do all below.
#[test]
fn exits_run_from_the_inside_out_after_a_value() {
    check_order("well", async |log| {
        assert_eq!(nested(log, async || Ok(1)).await, Ok(1));
    });
}

#[test]
fn exits_run_from_the_inside_out_after_an_error() {
    check_order("with an error", async |log| {
        assert_eq!(nested(log, async || Err("no")).await, Err("no"));
    });
}

#[test]
fn exits_run_from_the_inside_out_after_a_panic() {
    check_order("not at all", async |log| {
        let task = spawn(nested(log, async || panic!("in the body")));
        assert_eq!(caught(task).await.unwrap_err(), "in the body");
    });
}

#[test]
fn exits_run_from_the_inside_out_after_a_cancel() {
    check_order("not at all", async |log| {
        let task = spawn(nested(log, never));
        turn().await;
        assert_eq!(task.cancel().await, None);
    });
}

#[test]
fn exits_run_from_the_inside_out_after_a_timeout() {
    check_order("not at all", async |log| {
        assert!(timeout(MS, nested(log, never)).await.is_err());
    });
}

/// The loser is dropped in its task, which awaits the exits.
#[test]
fn exits_run_from_the_inside_out_when_a_race_is_lost() {
    check_order("not at all", async |log| {
        let race = select(Box::pin(nested(log, never)), Box::pin(sleep(MS)));
        let Either::Right(((), loser)) = race.await else { panic!("it never ends") };
        drop(loser);
    });
}

#[test]
fn exits_run_from_the_inside_out_when_it_was_polled_in_passing() {
    check_order("not at all", async |log| {
        assert!(poll_once(pin!(nested(log, never))).await.is_pending());
    });
}

#[test]
fn exits_run_from_the_inside_out_at_the_end_of_the_loop() {
    check_order("not at all", async |log| {
        drop(spawn(nested(log, never)));
        turn().await;
    });
}

#[test]
fn exits_run_from_the_inside_out_when_a_generator_is_closed() {
    check_order("not at all", async |log| {
        let mut items: AsyncGenerator<u32, (), &str> = AsyncGenerator::new(async |co| {
            let body = async move || co.yield_(1).await.map(|()| 0);
            nested(log, body).await.map(drop)
        });
        assert_eq!(items.next().await, Ok(Some(1)));
        items.close().await;
    });
}
