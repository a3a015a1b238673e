//! Asynchronous generators and what loops over them, against what CPython answers in
//! `test_asyncgen`, `test_coroutines` and when it is asked.
//!
//! To close one is to drop its body where it stands, as to cancel a task is. So what is a
//! `finally` with an await in it there is the exit of a `with` here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{
    FAR, Finally, Log, MS, caught, poll_once, reports, say, scope, story, text_of, turn,
};
use futures_util::{StreamExt, TryStreamExt, future, stream};
use stage4_async_await::cancel::with;
use stage4_async_await::extras::async_generator::{AsyncGenerator, Co};
use stage4_async_await::spawn;
use stage4_async_await::time::{sleep, timeout};

/// One that fails with a text, and is sent nothing.
type Texts<Y, S = ()> = AsyncGenerator<Y, S, &'static str>;

/// The numbers below `end`, a millisecond each.
fn below(end: u32) -> AsyncGenerator<u32> {
    AsyncGenerator::new(async move |co| {
        for n in 0..end {
            sleep(MS).await;
            co.yield_(n).await?;
        }
        Ok(())
    })
}

/// Yields 1 for ever, and waits as it leaves.
fn ones(log: &Log) -> Texts<u32> {
    let manager = scope(log, "it");
    AsyncGenerator::new(async |co| {
        with(manager, async |_| {
            loop {
                co.yield_(1).await?;
            }
        })
        .await
    })
}

fn left(how: &str) -> [String; 2] {
    ["it begins to leave".to_owned(), format!("it left, its body ended {how}")]
}

/// M5.16: each item is awaited. A `while let` has no `else`: what is for the case without a
/// `break` stands where the item is `None`.
#[test]
fn items_are_awaited_one_by_one_and_the_end_is_told_from_a_break() {
    let (out, took) = story(async {
        let mut out = Vec::new();
        for breaks in [false, true] {
            let mut items = below(4);
            loop {
                let Ok(Some(item)) = items.next().await else {
                    out.push("else".to_owned());
                    break;
                };
                out.push(item.to_string());
                if breaks {
                    break;
                }
            }
        }
        out
    });
    assert_eq!(out, ["0", "1", "2", "3", "else", "0"]);
    assert_eq!(took, 5 * MS);
}

/// M5.17: only its awaits reach the driver. It may be polled by hand, and is what the `futures`
/// crate knows as a stream.
#[test]
fn yields_go_to_whoever_loops_and_awaits_to_the_driver() {
    fn mixed() -> AsyncGenerator<u32> {
        AsyncGenerator::new(async |co| {
            for n in 0..3 {
                turn().await;
                co.yield_(n).await?;
            }
            Ok(())
        })
    }
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = Vec::new();
    let mut items = mixed();
    loop {
        let polled = items.poll_next_unpin(&mut context);
        polls.push(polled);
        if polled == Poll::Ready(None) {
            break;
        }
    }
    let (pending, item) = (Poll::Pending, |n| Poll::Ready(Some(Ok(n))));
    let expected = [pending, item(0), pending, item(1), pending, item(2)];
    assert_eq!(polls, [&expected[..], &[Poll::Ready(None)]].concat());
    let (items, _) = story(mixed().try_collect::<Vec<_>>());
    assert_eq!(items, Ok(vec![0, 1, 2]));
}

/// M5.18: and there is no `StopAsyncIteration` that could be raised in the wrong place: the end
/// is `None`. To send a value to one that has not begun is a mistake, as it is there.
#[test]
fn what_is_sent_is_what_the_yield_gives() {
    story(async {
        let mut echo: AsyncGenerator<String, &str> = AsyncGenerator::new(async |co| {
            let sent = co.yield_("1".to_owned()).await?;
            co.yield_(format!("got {sent}")).await?;
            Ok(())
        });
        let told = caught(echo.send("too early")).await.unwrap_err();
        assert!(told.contains("it has not begun"), "{told}");
        assert_eq!(echo.next().await, Ok(Some("1".to_owned())));
        assert_eq!(echo.send("S").await, Ok(Some("got S".to_owned())));
        assert_eq!(echo.next().await, Ok(None));
        assert_eq!(echo.send("too late").await, Ok(None));
    });
}

/// M5.19
#[test]
fn what_is_thrown_is_raised_by_the_yield() {
    story(async {
        let mut generator: Texts<&str> = AsyncGenerator::new(async |co| {
            if let Err("KeyError") = co.yield_("1").await {
                co.yield_("caught").await?;
            }
            Ok(())
        });
        assert_eq!(generator.next().await, Ok(Some("1")));
        assert_eq!(generator.throw("KeyError").await, Ok(Some("caught")));
        assert_eq!(generator.throw("ValueError").await, Err("ValueError"));
        assert_eq!(generator.next().await, Ok(None));
        assert_eq!(generator.throw("too late").await, Ok(None));
    });
}

/// M5.19 for one that has not begun: it never will.
#[test]
fn what_is_thrown_into_one_that_has_not_begun_comes_back() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut generator: Texts<u32> = AsyncGenerator::new(async move |co| {
            say(&said, "it began");
            co.yield_(1).await
        });
        assert_eq!(generator.throw("fresh").await, Err("fresh"));
        assert_eq!(generator.next().await, Ok(None));
        assert_eq!(generator.throw("closed").await, Ok(None));
    });
    assert!(log.borrow().is_empty());
}

/// M5.20, M5.11: the exit awaits, since it is left behind by the drop and no part of it.
#[test]
fn a_close_awaits_the_exits_and_can_be_repeated() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let mut items = ones(&said);
        assert_eq!(items.next().await, Ok(Some(1)));
        items.close().await;
        say(&said, "closed");
        items.close().await;
        assert_eq!(items.next().await, Ok(None));
    });
    assert_eq!(log.take(), [&left("not at all")[..], &["closed".to_owned()]].concat());
    assert_eq!(took, MS);
}

/// M5.21: nothing of it runs, and what was moved into it is dropped.
#[test]
fn a_close_before_the_first_item_runs_nothing() {
    let log = Log::default();
    let (said, guard) = (Rc::clone(&log), Finally(Rc::clone(&log), "dropped"));
    story(async move {
        let mut generator: AsyncGenerator<u32> = AsyncGenerator::new(async move |co| {
            let _guard = guard;
            say(&said, "it began");
            co.yield_(1).await
        });
        generator.close().await;
        assert_eq!(generator.next().await, Ok(None));
    });
    assert_eq!(log.take(), ["dropped"]);
}

/// M5.22: an exit that yields has nobody to give the item to. It is stopped, and reported: the
/// close goes on, where in Python it raises the `RuntimeError`.
#[test]
fn an_exit_cannot_yield() {
    struct Yields(Co<u32, (), Infallible>);
    impl stage4_async_await::cancel::Manager for Yields {
        type Error = Infallible;
        async fn enter(&mut self) -> Result<(), Infallible> {
            Ok(())
        }
        async fn exit(
            self,
            _: Option<Result<(), &Infallible>>,
        ) -> Result<(), Infallible> {
            self.0.yield_(2).await
        }
    }
    let reported = reports();
    story(async {
        let mut generator: AsyncGenerator<u32> = AsyncGenerator::new(async |co| {
            with(Yields(co), async |it| it.0.yield_(1).await).await
        });
        assert_eq!(generator.next().await, Ok(Some(1)));
        generator.close().await;
        assert_eq!(generator.next().await, Ok(None));
    });
    let told = reported.take();
    assert!(
        told.len() == 1 && told[0].contains("that is closed cannot yield"),
        "{told:?}"
    );
}

/// M5.23: two at a time are refused by their types, since each borrows the generator. One after
/// the other is fine: a `next` that is dropped half way loses nothing. But the body stands at no
/// yield then, and can be sent nothing.
#[test]
fn a_next_that_is_dropped_half_way_goes_on_with_the_next_one() {
    let (took_late, took) = story(async {
        let mut slow: Texts<u32, u32> = AsyncGenerator::new(async |co| {
            sleep(10 * MS).await;
            co.yield_(1).await.map(drop)
        });
        assert!(timeout(4 * MS, slow.next()).await.is_err());
        let told = caught(slow.send(7)).await.unwrap_err();
        assert!(told.contains("a `next` was dropped there"), "{told}");
        let told = caught(slow.throw("no")).await.unwrap_err();
        assert!(told.contains("nobody can throw an error into"), "{told}");
        slow.next().await
    });
    assert_eq!((took_late, took), (Ok(Some(1)), 10 * MS));
}

/// M5.24
#[test]
fn a_break_does_not_close() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut items = ones(&said);
        while let Ok(Some(item)) = items.next().await {
            if item == 1 {
                break;
            }
        }
        sleep(10 * MS).await;
        say(&said, "after");
        assert_eq!(items.next().await, Ok(Some(1)), "it can go on");
        items.close().await;
    });
    assert_eq!(log.take(), [&["after".to_owned()][..], &left("not at all")].concat());
}

/// M5.25: one that is kept beyond the end of its loop, and by none of its tasks. All of those
/// that are alive are closed, in the order in which they began, after the last task is over.
#[test]
fn the_end_of_the_loop_closes_what_is_alive() {
    let log = Log::default();
    let (said, kept) = (Rc::clone(&log), Rc::new(RefCell::new(Vec::new())));
    let keep = Rc::clone(&kept);
    let ((), took) = story(async move {
        let mut all = Vec::new();
        for name in ["first", "second", "never begun"] {
            let (manager, guard) = (scope(&said, name), Finally(Rc::clone(&said), name));
            all.push(Texts::<u32>::new(async move |co| {
                let _guard = guard;
                with(manager, async |_| co.yield_(1).await).await
            }));
        }
        for items in &mut all[..2] {
            assert_eq!(items.next().await, Ok(Some(1)));
        }
        keep.replace(all);
        let said = Rc::clone(&said);
        drop(spawn(async move {
            with(scope(&said, "task"), async |_| common::never().await).await
        }));
        turn().await;
    });
    let expected = [
        "task begins to leave",
        "task left, its body ended not at all",
        "first",
        "first begins to leave",
        "first left, its body ended not at all",
        "second",
        "second begins to leave",
        "second left, its body ended not at all",
    ];
    assert_eq!(log.take(), expected);
    assert_eq!(took, 3 * MS);
    // It belongs to no loop yet, and the next one finds nobody of the last.
    let mut items = kept.take();
    let (item, _) = story(async move { (items[1].next().await, items[2].next().await) });
    assert_eq!(item, (Ok(None), Ok(Some(1))));
}

/// M5.26: by its type. The end of an inner generator is an item that is `None`, and no error
/// that could end the outer one by mistake; its error is an error in the outer one.
#[test]
fn the_end_of_an_inner_one_is_not_the_end_of_the_outer_one() {
    story(async {
        let mut outer: Texts<u32> = AsyncGenerator::new(async |co| {
            let mut inner = below(1);
            for _ in 0..2 {
                let Ok(item) = inner.next().await;
                co.yield_(item.unwrap_or(99)).await?;
            }
            let mut failing: Texts<u32> = AsyncGenerator::new(async |_| Err("inner"));
            failing.next().await.map(drop)
        });
        assert_eq!(outer.next().await, Ok(Some(0)));
        assert_eq!(outer.next().await, Ok(Some(99)));
        assert_eq!(outer.next().await, Err("inner"));
        assert_eq!(outer.next().await, Ok(None));
    });
}

/// M5.28: what it yielded before stays, and after it there are no more items.
#[test]
fn an_error_reaches_whoever_asks_for_the_item_after() {
    story(async {
        let mut fails: Texts<u32> = AsyncGenerator::new(async |co| {
            turn().await;
            co.yield_(123).await?;
            Err("ZeroDivisionError")
        });
        assert_eq!(fails.next().await, Ok(Some(123)));
        assert_eq!(fails.next().await, Err("ZeroDivisionError"));
        assert_eq!(fails.next().await, Ok(None));
    });
}

/// M5.29: [1, 2, 3, `ZeroDivisionError`], and not 100.
#[test]
fn items_that_are_yielded_on_the_way_out_come_before_the_error() {
    let (items, _) = story(async {
        let items: Texts<u32> = AsyncGenerator::new(async |co| {
            let body = async {
                co.yield_(1).await?;
                Err("ZeroDivisionError")
            };
            let ended = body.await;
            for n in [2, 3] {
                co.yield_(n).await?;
            }
            ended?;
            co.yield_(100).await
        });
        items.collect::<Vec<_>>().await
    });
    assert_eq!(items, [Ok(1), Ok(2), Ok(3), Err("ZeroDivisionError")]);
}

/// M5.30: [1, 2, 3].
#[test]
fn a_generator_throws_into_another_one_and_catches_what_comes_back() {
    let (items, _) = story(async {
        let outer: Texts<u32> = AsyncGenerator::new(async |co| {
            co.yield_(1).await?;
            let mut inner: Texts<u32> = AsyncGenerator::new(async |co| {
                co.yield_(10).await?;
                co.yield_(20).await
            });
            inner.next().await?;
            if inner.throw("Exit").await == Err("Exit") {
                co.yield_(2).await?;
            }
            co.yield_(3).await
        });
        outer.try_collect::<Vec<_>>().await
    });
    assert_eq!(items, Ok(vec![1, 2, 3]));
}

/// M5.31: there a `StopAsyncIteration`, and the code after the `try` has run.
#[test]
fn one_that_catches_what_is_thrown_and_ends_has_no_more_items() {
    let done = Rc::new(Cell::new(0));
    let inside = Rc::clone(&done);
    story(async move {
        let mut generator: Texts<u32> = AsyncGenerator::new(async move |co| {
            let _caught = co.yield_(0).await;
            inside.set(inside.get() + 1);
            Ok(())
        });
        generator.next().await.unwrap();
        assert_eq!(generator.throw("ValueError").await, Ok(None));
    });
    assert_eq!(done.get(), 1);
}

/// M5.32: `sleep_n_crash` in CPython's test: whoever sent the value gets the error after the
/// exits are over.
#[test]
fn an_error_of_what_the_body_awaits_passes_its_exits_first() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let manager = scope(&said, "it");
        let mut generator: Texts<u32, u32> = AsyncGenerator::new(async |co| {
            with(manager, async |_| {
                let sent = co.yield_(1).await?;
                sleep(MS).await;
                if sent == 100 { Err("ZeroDivisionError") } else { Ok(()) }
            })
            .await
        });
        assert_eq!(generator.next().await, Ok(Some(1)));
        assert_eq!(generator.send(100).await, Err("ZeroDivisionError"));
        say(&said, "raised");
    });
    let expected = [&left("with an error")[..], &["raised".to_owned()]].concat();
    assert_eq!(log.take(), expected);
    assert_eq!(took, 2 * MS);
}

/// M5.33: and handles its failure.
#[test]
fn a_close_awaits_a_task_that_the_body_has_started() {
    struct Joins(
        Option<stage4_async_await::task::JoinHandle<Result<(), &'static str>>>,
        Log,
    );
    impl stage4_async_await::cancel::Manager for Joins {
        type Error = &'static str;
        async fn enter(&mut self) -> Result<(), &'static str> {
            self.0 = Some(spawn(async {
                sleep(10 * MS).await;
                Err("ZeroDivisionError")
            }));
            Ok(())
        }
        async fn exit(
            mut self,
            _: Option<Result<(), &&'static str>>,
        ) -> Result<(), &'static str> {
            say(&self.1, self.0.take().unwrap().await.unwrap_err());
            Ok(())
        }
    }
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let manager = Joins(None, Rc::clone(&said));
        let mut generator: Texts<u32> = AsyncGenerator::new(async |co| {
            with(manager, async |_| co.yield_(1).await).await
        });
        generator.next().await.unwrap();
        generator.close().await;
        say(&said, "closed");
    });
    assert_eq!(log.take(), ["ZeroDivisionError", "closed"]);
    assert_eq!(took, 10 * MS);
}

/// M5.34: the collector hands it to the loop there; here the drop leaves the exit to the task
/// that drops it, which goes on meanwhile.
#[test]
fn one_that_is_dropped_has_its_exits_awaited_soon() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut items = ones(&said);
        items.next().await.unwrap();
        items.next().await.unwrap();
        drop(items);
        say(&said, "dropped");
        sleep(10 * MS).await;
        say(&said, "later");
    });
    let expected =
        ["dropped", "it begins to leave", "it left, its body ended not at all", "later"];
    assert_eq!(log.take(), expected);
}

/// M5.35: two tasks are cancelled while their generators await: each awaits the exit of its own.
#[test]
fn a_task_that_is_cancelled_in_a_loop_closes_what_it_loops_over() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (finalized, took) = story(async move {
        let tasks = ["one", "two"].map(|name| {
            let manager = scope(&said, name);
            spawn(async move {
                let mut waits: Texts<u32> = AsyncGenerator::new(async |co| {
                    with(manager, async |_| {
                        sleep(FAR).await;
                        co.yield_(1).await
                    })
                    .await
                });
                while let Ok(Some(_)) = waits.next().await {}
            })
        });
        sleep(100 * MS).await;
        for task in tasks {
            assert_eq!(task.cancel().await, None);
        }
        said.borrow().iter().filter(|it| it.contains("left")).count()
    });
    assert_eq!(finalized, 2);
    assert!(took < FAR);
}

/// M5.36: it outlives the loop, has nothing to clean up, and nobody is told of it.
#[test]
fn nobody_is_told_of_one_that_was_left_half_way() {
    let reported = reports();
    let kept = Rc::new(Cell::new(None));
    let keep = Rc::clone(&kept);
    story(async move {
        let mut items = below(2);
        items.next().await.unwrap();
        keep.set(Some(items));
    });
    drop(kept.take().unwrap());
    assert!(reported.borrow().is_empty(), "{reported:?}");
}

/// M5.37: to the handler of the loop there; the error of an exit, and a panic of a guard.
#[test]
fn what_fails_at_the_end_of_the_loop_is_reported() {
    let (reported, log) = (reports(), Log::default());
    let kept = Rc::new(RefCell::new(Vec::new()));
    let (keep, said) = (Rc::clone(&kept), Rc::clone(&log));
    story(async move {
        let (fails, fine) = (common::failing(&said, "1/0"), scope(&said, "fine"));
        let mut generators: [Texts<u32>; 3] = [
            AsyncGenerator::new(async |co| {
                with(fails, async |_| co.yield_(1).await).await
            }),
            AsyncGenerator::new(async |co| {
                let _bomb = common::Bomb("in a guard");
                co.yield_(2).await
            }),
            AsyncGenerator::new(async |co| {
                with(fine, async |_| co.yield_(3).await).await
            }),
        ];
        for generator in &mut generators {
            generator.next().await.unwrap();
        }
        keep.borrow_mut().extend(generators);
    });
    let told = reported.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("nobody awaits it any more") && told[0].contains("1/0"));
    assert!(told[1].contains("as it was closed: in a guard"), "{told:?}");
    assert_eq!(log.borrow().last().unwrap(), "fine left, its body ended not at all");
    drop(kept);
}

/// M5.38: by hand, since a `next` is moved where it is awaited. The second await of a pinned one
/// panics in the words of the compiler: a `RuntimeError` there.
#[test]
fn the_same_next_cannot_be_awaited_twice() {
    story(async {
        let mut items = below(2);
        {
            let mut next = pin!(items.next());
            assert_eq!(next.as_mut().await, Ok(Some(0)));
            let again = catch_unwind(AssertUnwindSafe(|| {
                let _ = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            }));
            let told = text_of(&*again.unwrap_err());
            assert!(told.contains("resumed after completion"), "{told}");
        }
        assert_eq!(items.next().await, Ok(Some(1)), "and it goes on unhurt");
    });
}

/// M5.39
#[test]
fn a_close_after_the_last_item_does_nothing() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let manager = scope(&said, "it");
        let mut items: Texts<u32> = AsyncGenerator::new(async |co| {
            with(manager, async |_| co.yield_(1).await).await
        });
        while let Ok(Some(_)) = items.next().await {}
        items.close().await;
    });
    assert_eq!(log.take(), left("well"));
}

/// M5.40: `(i * 2 for i in range(10) if await wrap(i))`.
#[test]
fn an_expression_may_await_in_its_filter() {
    let ((doubled, mixed), took) = story(async {
        let awaits = async |n: &u32| {
            sleep(MS).await;
            *n != 0
        };
        let doubled = stream::iter(0..10).filter(|n| {
            let n = *n;
            async move { awaits(&n).await }
        });
        let doubled: Vec<_> = doubled.map(|n| n * 2).collect().await;
        // `[i async for i in below(4) if i % 2]`
        let odd = below(4).try_filter(|n| future::ready(n % 2 == 1));
        (doubled, odd.try_collect::<Vec<_>>().await)
    });
    assert_eq!(doubled, [2, 4, 6, 8, 10, 12, 14, 16, 18]);
    assert_eq!(mixed, Ok(vec![1, 3]));
    assert_eq!(took, 14 * MS);
}

/// M5.41: `anext(it, "default")`: the default is what `None` is taken for.
#[test]
fn a_default_stands_for_the_item_after_the_last() {
    story(async {
        let mut items = below(1);
        assert_eq!(items.next().await.map(|it| it.unwrap_or(7)), Ok(0));
        assert_eq!(items.next().await.map(|it| it.unwrap_or(7)), Ok(7));
    });
}

/// M5.42: `GeneratorExit` can be caught in Python, and the code after it runs: 11. A drop cannot:
/// of the body only its guards and its exits run, and so it is 10.
#[test]
fn a_close_cannot_be_caught() {
    let done = Rc::new(Cell::new(0));
    let inside = Rc::clone(&done);
    story(async move {
        let after = Rc::clone(&inside);
        let mut generator: Texts<u32> = AsyncGenerator::new(async move |co| {
            let _caught = co.yield_(0).await;
            after.set(1);
            Ok(())
        });
        generator.next().await.unwrap();
        generator.close().await;
        inside.set(inside.get() + 10);
    });
    assert_eq!(done.get(), 10);
}

/// M5.43: "asynchronous generator is already running" there. A `&mut` says so at compile time;
/// behind a `RefCell` it is the cell that says it.
#[test]
#[expect(clippy::await_holding_refcell_ref, reason = "this is what it shows")]
fn one_that_asks_itself_for_an_item_is_refused() {
    story(async {
        type Shared = Rc<RefCell<Option<AsyncGenerator<bool>>>>;
        let this = Shared::default();
        let me = Rc::clone(&this);
        *this.borrow_mut() = Some(AsyncGenerator::new(async move |co| {
            co.yield_(me.try_borrow_mut().is_err()).await
        }));
        let item = this.borrow_mut().as_mut().unwrap().next().await;
        assert_eq!(item, Ok(Some(true)));
        let items = this.take();
        drop(items);
    });
}

/// M5.44: `inspect.getasyncgenstate`, since 3.12.
#[test]
fn it_shows_where_it_stands() {
    story(async {
        let mut items = below(1);
        let shown = |items: &AsyncGenerator<u32>| format!("{items:?}");
        assert!(shown(&items).contains("BeforeItsFirstLine"));
        assert!(poll_once(pin!(items.next())).await.is_pending());
        assert!(shown(&items).contains("AtAnAwait"));
        items.next().await.unwrap();
        assert!(shown(&items).contains("AtAYield"));
        items.next().await.unwrap();
        assert!(shown(&items).contains("over: true"));
    });
}

/// A body that panics is over, and whoever asked panics the same way.
#[test]
fn a_body_that_panics_is_over() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let guard = Finally(Rc::clone(&said), "guard");
        let mut panics: AsyncGenerator<u32> = AsyncGenerator::new(async move |co| {
            let _guard = guard;
            co.yield_(1).await?;
            panic!("in the body")
        });
        panics.next().await.unwrap();
        assert_eq!(caught(panics.next()).await.unwrap_err(), "in the body");
        say(&said, "told");
        assert_eq!(panics.next().await, Ok(None));
    });
    assert_eq!(log.take(), ["guard", "told"]);
}

/// A yield in another task has nobody to give its value to; two yields at once have one.
#[test]
fn nobody_but_the_body_yields_and_only_once_at_a_time() {
    story(async {
        let mut lends: AsyncGenerator<u32> = AsyncGenerator::new(async |co| {
            let told = caught(spawn(async move { co.yield_(1).await })).await;
            assert!(told.unwrap_err().contains("nobody but its body"));
            Ok(())
        });
        assert_eq!(lends.next().await, Ok(None));
        let mut twice: AsyncGenerator<u32> = AsyncGenerator::new(async |co| {
            future::join(co.yield_(1), co.yield_(2)).await.0
        });
        let told = caught(twice.next()).await.unwrap_err();
        assert!(told.contains("one value at a time"), "{told}");
    });
}

/// A yield that loses a race takes its value back, and what was sent for it is not the next
/// one's.
#[test]
fn a_yield_that_is_given_up_leaves_nothing_behind() {
    story(async {
        let mut races: AsyncGenerator<u32, u32> = AsyncGenerator::new(async |co| {
            // Given up in the poll in which it was made.
            let first = future::select(co.yield_(1), future::ready(()));
            drop(first.await);
            // Given up after its value was taken, and before it is told the answer.
            let second = future::select(Box::pin(sleep(MS)), co.yield_(2));
            drop(second.await);
            // Polled twice at once, it would find the answer that was meant for the second.
            let mut third = pin!(co.yield_(3));
            assert!(poll_once(third.as_mut()).await.is_pending());
            let sent = third.await?;
            co.yield_(sent).await.map(drop)
        });
        assert_eq!(races.next().await, Ok(Some(2)));
        sleep(2 * MS).await;
        assert_eq!(races.send(7).await, Ok(Some(3)));
        assert_eq!(races.send(8).await, Ok(Some(8)));
    });
}

/// The list of what is alive on the loop lists nobody who is gone.
#[test]
fn what_is_dropped_leaves_no_memory_behind() {
    fn begun() -> AsyncGenerator<u32> {
        let mut items: AsyncGenerator<u32> =
            AsyncGenerator::new(async |co| co.yield_(1).await);
        let item = items.poll_next_unpin(&mut Context::from_waker(Waker::noop()));
        assert_eq!(item, Poll::Ready(Some(Ok(1))));
        items
    }
    let (left, _) = story(async {
        let one = begun();
        let measured = allocation_counter::measure(|| {
            for _ in 0..1000 {
                drop(begun());
            }
        });
        drop(one);
        measured.bytes_current
    });
    assert_eq!(left, 0);
}
