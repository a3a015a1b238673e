//! What delegating to another generator means: PEP 380, and `test_yield_from.py` of CPython.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;

use stage3_yield_from::Failure;
use stage3_yield_from::coroutine::{
    AlreadyRunning, Body, Co, Finished, Generator, GeneratorExit, IgnoredExit, Resume,
    State, Step, Stepped, Unsupported,
};
use stage3_yield_from::extras::depth::TooDeep;

type Log = Rc<RefCell<Vec<&'static str>>>;
type Gen = Generator<i32, i32, i32>;
type End = Result<i32, Failure>;

#[derive(Debug)]
struct KeyError;
#[derive(Debug)]
struct ValueError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such key")
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such value")
    }
}

impl Error for KeyError {}
impl Error for ValueError {}

fn generator<F>(body: impl FnOnce(Co<i32, i32>) -> F) -> Gen
where
    F: Future<Output = End> + 'static,
{
    Generator::new(body)
}

/// What it yields to a `for` loop.
fn all(generator: &Gen) -> Vec<i32> {
    generator.yields().collect::<Result<_, _>>().unwrap()
}

/// M4.01
#[test]
fn values_come_out_unchanged_and_the_return_value_is_the_value_of_the_expression() {
    let outer = generator(async |co| {
        let inner = generator(async |co| {
            co.yield_(1).await?;
            co.yield_(2).await?;
            Ok(7)
        });
        let returned = co.yield_from(&inner).await?;
        co.yield_(100 + returned).await
    });
    assert_eq!(all(&outer), [1, 2, 107]);
}

/// M4.02
#[test]
fn what_is_sent_reaches_the_innermost_of_three() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&log);
    let outer = generator(async move |co| {
        let middle = generator(async move |co| {
            let inner = generator(async move |co| {
                loop {
                    let sent = co.yield_(0).await?;
                    seen.borrow_mut().push(sent);
                }
            });
            co.yield_from(&inner).await
        });
        co.yield_from(&middle).await
    });
    outer.start().unwrap();
    outer.resume(5).unwrap();
    outer.resume(6).unwrap();
    assert_eq!(*log.borrow(), [5, 6]);
}

/// M4.03
#[test]
fn to_send_nothing_to_an_iterator_is_next_and_to_send_something_fails() {
    let outer = generator(async |co| {
        co.yield_from([10, 20, 30]).await?;
        Ok(0)
    });
    assert_eq!(outer.start().unwrap(), Step::Yield(10));
    assert_eq!(outer.next().unwrap(), Step::Yield(20));
    assert!(outer.resume(5).unwrap_err().is::<Unsupported>());
}

/// M4.03: a value is a value, even if it is the one that `next` makes up.
#[test]
fn zero_false_and_the_empty_text_are_values_that_are_sent() {
    fn refuses<S: Default + 'static>(sent: S) -> bool {
        let outer = Generator::<i32, S, ()>::new(|co| async move {
            co.yield_from([10, 20, 30]).await
        });
        outer.start().unwrap();
        assert_eq!(outer.next().unwrap(), Step::Yield(20));
        outer.resume(sent).unwrap_err().is::<Unsupported>()
    }
    assert!(refuses(0) && refuses(false) && refuses(String::new()));
}

/// M4.03: the unit says nothing, as the `None` of `send(None)`.
#[test]
fn to_send_the_unit_is_next() {
    let outer =
        Generator::<i32, (), ()>::new(|co| async move { co.yield_from([10, 20]).await });
    outer.start().unwrap();
    assert_eq!(outer.resume(()).unwrap(), Step::Yield(20));
    assert_eq!(outer.resume(()).unwrap(), Step::Return(()));
}

/// M4.03, M4.02: nothing is passed on as nothing, and a value as a value, through everybody.
#[test]
fn what_is_sent_through_a_delegate_stays_what_it_is() {
    let outer = || {
        let middle = generator(async |co| {
            co.yield_from([10, 20, 30]).await?;
            Ok(0)
        });
        generator(async move |co| co.yield_from(&middle).await)
    };
    let (sent, asked) = (outer(), outer());
    for outer in [&sent, &asked] {
        outer.start().unwrap();
        assert_eq!(outer.next().unwrap(), Step::Yield(20));
    }
    assert!(sent.resume(0).unwrap_err().is::<Unsupported>());
    assert_eq!(asked.next().unwrap(), Step::Yield(30));
    assert_eq!(asked.next().unwrap(), Step::Return(0));

    let adds = generator(async |co| {
        let inner = generator(async |co| Ok(co.yield_(1).await? + co.yield_(2).await?));
        co.yield_from(&inner).await
    });
    adds.start().unwrap();
    assert_eq!(adds.resume(5).unwrap(), Step::Yield(2));
    assert_eq!(
        adds.next().unwrap(),
        Step::Return(5),
        "for nothing, the yield gives zero"
    );
}

/// A send that is refused is not taken for one by the yield that is being answered.
#[test]
fn a_send_from_inside_does_not_change_what_was_sent() {
    let this = Rc::new(RefCell::new(None::<Rc<Gen>>));
    let inside = Rc::clone(&this);
    let outer = Rc::new(generator(async move |co| {
        let meddling = [10, 20].into_iter().inspect(|_| {
            let this = inside.borrow().clone();
            assert!(
                this.is_none_or(|it| it.resume(0).unwrap_err().is::<AlreadyRunning>())
            );
        });
        co.yield_from(meddling).await?;
        Ok(0)
    }));
    this.replace(Some(Rc::clone(&outer)));
    assert_eq!(outer.next().unwrap(), Step::Yield(10));
    assert_eq!(outer.next().unwrap(), Step::Yield(20));
    assert_eq!(outer.next().unwrap(), Step::Return(0));
    this.take();
}

/// M4.03: it is raised in the outer body, which may go on.
#[test]
fn what_an_iterator_cannot_take_is_told_to_the_one_who_delegated() {
    let outer = generator(async |co| match co.yield_from([10]).await {
        Err(failure) if failure.is::<Unsupported>() => co.yield_(-1).await,
        other => other.map(|()| 0),
    });
    outer.start().unwrap();
    assert_eq!(outer.resume(5).unwrap(), Step::Yield(-1));
}

/// M4.04
#[test]
fn an_error_that_is_thrown_goes_to_the_inner_one_which_may_catch_it_and_yield() {
    let outer = generator(async |co| {
        let inner = generator(async |co| match co.yield_(1).await {
            Err(failure) if failure.is::<ValueError>() => co.yield_(9).await,
            other => other,
        });
        co.yield_from(&inner).await
    });
    outer.start().unwrap();
    assert_eq!(outer.throw(ValueError).unwrap(), Step::Yield(9));
}

/// M4.05
#[test]
fn an_inner_one_that_catches_and_returns_lets_the_outer_go_on() {
    let outer = generator(async |co| {
        let inner = generator(async |co| match co.yield_(1).await {
            Err(failure) if failure.is::<ValueError>() => Ok(50),
            other => other,
        });
        let returned = co.yield_from(&inner).await?;
        co.yield_(returned + 1).await
    });
    outer.start().unwrap();
    assert_eq!(outer.throw(ValueError).unwrap(), Step::Yield(51));
}

/// M4.06
#[test]
fn an_error_of_the_inner_one_appears_where_it_was_delegated() {
    let outer = generator(async |co| {
        let inner = generator(async |co| {
            co.yield_(1).await?;
            Err(KeyError.into())
        });
        match co.yield_from(&inner).await {
            Err(failure) if failure.is::<KeyError>() => co.yield_(8).await,
            other => other,
        }
    });
    outer.start().unwrap();
    assert_eq!(outer.next().unwrap(), Step::Yield(8));
}

/// A generator that delegates; both write down when they leave.
fn both_clean_up(log: &Log) -> Gen {
    let (left, right) = (Rc::clone(log), Rc::clone(log));
    let outer = generator(async move |co| {
        let inner = generator(async move |co| {
            let end = co.yield_(1).await;
            left.borrow_mut().push("inner");
            end
        });
        let end = co.yield_from(&inner).await;
        right.borrow_mut().push("outer");
        end
    });
    outer.start().unwrap();
    outer
}

/// M4.07
#[test]
fn close_closes_the_inner_one_first() {
    let log = Log::default();
    both_clean_up(&log).close().unwrap();
    assert_eq!(*log.borrow(), ["inner", "outer"]);
}

/// M4.07: the reference count of Python is our drop.
#[test]
fn a_drop_closes_the_inner_one_first() {
    let log = Log::default();
    drop(both_clean_up(&log));
    assert_eq!(*log.borrow(), ["inner", "outer"]);
}

/// M4.07: the other finally of Rust. Locals go in reverse order, so the inner guard, which is
/// younger, goes first. (The fields of a struct go in the order of their declaration.)
#[test]
fn guards_are_dropped_from_the_inside_to_the_outside() {
    struct Guard(Log, &'static str);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.borrow_mut().push(self.1);
        }
    }
    let log = Log::default();
    let (left, right) = (Rc::clone(&log), Rc::clone(&log));
    let outer = generator(async move |co| {
        let _guard = Guard(right, "outer");
        let inner = generator(async move |co| {
            let _guard = Guard(left, "inner");
            co.yield_(1).await
        });
        co.yield_from(&inner).await
    });
    outer.start().unwrap();
    drop(outer);
    assert_eq!(*log.borrow(), ["inner", "outer"]);
}

/// M4.08
#[test]
fn another_error_while_the_inner_one_is_closed_is_seen_by_the_outer_and_by_the_closer() {
    let log = Log::default();
    let seen = Rc::clone(&log);
    let outer = generator(async move |co| {
        let inner = generator(async |co| {
            let _ = co.yield_(1).await;
            Err(KeyError.into())
        });
        let end = co.yield_from(&inner).await;
        if end.as_ref().is_err_and(Failure::is::<KeyError>) {
            seen.borrow_mut().push("the outer one saw it");
        }
        end
    });
    outer.start().unwrap();
    assert!(outer.close().unwrap_err().is::<KeyError>());
    assert_eq!(*log.borrow(), ["the outer one saw it"]);
}

/// M4.09
#[test]
fn an_error_that_is_thrown_at_an_iterator_is_raised_in_the_outer_one() {
    let outer = generator(async |co| match co.yield_from([1, 2, 3]).await {
        Err(failure) if failure.is::<KeyError>() => co.yield_(-1).await,
        other => other.map(|()| 0),
    });
    outer.start().unwrap();
    assert_eq!(outer.throw(KeyError).unwrap(), Step::Yield(-1));
}

/// M4.10
#[test]
fn close_over_an_iterator_raises_the_exit_in_the_outer_one() {
    let log = Log::default();
    let seen = Rc::clone(&log);
    let outer = generator(async move |co| {
        let end = co.yield_from([1, 2]).await;
        if end.as_ref().is_err_and(Failure::is::<GeneratorExit>) {
            seen.borrow_mut().push("exit");
        }
        end.map(|()| 0)
    });
    outer.start().unwrap();
    outer.close().unwrap();
    assert_eq!(*log.borrow(), ["exit"]);
}

/// M4.11
#[test]
fn the_first_resume_is_delegated_too_with_its_errors() {
    let outer = generator(async |co| {
        let inner = generator(async |_| Err(KeyError.into()));
        match co.yield_from(&inner).await {
            Err(failure) if failure.is::<KeyError>() => co.yield_(3).await,
            other => other,
        }
    });
    assert_eq!(all(&outer), [3]);
}

/// M4.12
#[test]
fn an_inner_one_that_does_not_yield_does_not_suspend() {
    let outer = generator(async |co| {
        let inner = generator(async |_| Ok(4));
        let returned = co.yield_from(&inner).await?;
        co.yield_(returned).await
    });
    assert_eq!(all(&outer), [4]);
}

/// M4.13
#[test]
fn two_delegations_follow_each_other() {
    let once = |n| generator(async move |co| co.yield_(n).await.map(|_| 10 * n));
    let outer = generator(async move |co| {
        let left = co.yield_from(&once(1)).await?;
        let right = co.yield_from(&once(2)).await?;
        Ok(left + right)
    });
    assert_eq!(outer.next().unwrap(), Step::Yield(1));
    assert_eq!(outer.next().unwrap(), Step::Yield(2));
    assert_eq!(outer.next().unwrap(), Step::Return(30));
}

/// M4.14
#[test]
fn a_state_machine_written_by_hand_may_return_a_value_as_well() {
    struct Custom;
    impl Body<i32, i32, i32> for Custom {
        fn resume(&mut self, _: Resume<i32>) -> Stepped<i32, i32> {
            Ok(Step::Return(77))
        }
    }
    let outer = generator(async |co| {
        let inner = Generator::from_body(Custom);
        co.yield_from(&inner).await
    });
    assert_eq!(outer.next().unwrap(), Step::Return(77));
}

/// A generator whose body is given the generator itself, once, in its first step.
fn knows_itself<F>(body: impl FnOnce(Co<i32, i32>, Rc<Gen>) -> F + 'static) -> Rc<Gen>
where
    F: Future<Output = End> + 'static,
{
    let slot = Rc::new(RefCell::new(None));
    let me = Rc::clone(&slot);
    let itself = Rc::new(generator(async move |co| {
        let itself = me.take().unwrap();
        body(co, itself).await
    }));
    slot.replace(Some(Rc::clone(&itself)));
    itself
}

/// M4.15
#[test]
fn to_delegate_to_oneself_is_refused() {
    let itself = knows_itself(async |co, itself| co.yield_from(&*itself).await);
    assert!(itself.next().unwrap_err().is::<AlreadyRunning>());
}

/// M4.16
#[test]
fn the_outer_one_is_running_while_the_inner_one_runs() {
    let outer = knows_itself(async |co, outer| {
        let inner = generator(async move |co| {
            assert_eq!(outer.state(), State::Running);
            let refused = outer.next().unwrap_err();
            co.yield_(refused.is::<AlreadyRunning>().into()).await
        });
        co.yield_from(&inner).await
    });
    assert_eq!(outer.next().unwrap(), Step::Yield(1));
    assert_eq!(outer.state(), State::Suspended);
}

// M4.17 is a test of `Co::yield_from` that must not compile: see its documentation.

fn deep(levels: u32) -> Gen {
    generator(async move |co| match levels {
        0 => co.yield_(42).await,
        _ => co.yield_from(&deep(levels - 1)).await,
    })
}

/// M4.18
#[test]
fn two_hundred_levels_pass_on_what_is_yielded_sent_and_returned() {
    let outer = deep(200);
    assert_eq!(outer.next().unwrap(), Step::Yield(42));
    assert_eq!(outer.resume(5).unwrap(), Step::Return(5));
}

/// Each level is a call, on the stack of whoever resumes the outermost. Where that ends, it is
/// an error, at the place where somebody delegates.
#[test]
fn ten_thousand_levels_are_refused_before_the_stack_is_gone() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let levels = small.spawn(|| {
        let outer = deep(20);
        assert_eq!(outer.next().unwrap(), Step::Yield(42));
        assert_eq!(outer.resume(5).unwrap(), Step::Return(5));
        let failure = deep(10_000).next().unwrap_err();
        failure.get::<TooDeep>().expect("it says so").levels
    });
    let levels = levels.unwrap().join().unwrap();
    assert!((20..1000).contains(&levels), "{levels}");
}

struct Node(Option<Rc<Node>>, i32, Option<Rc<Node>>);

fn walk(node: Option<Rc<Node>>) -> Gen {
    generator(async move |co| {
        if let Some(Node(left, value, right)) = node.as_deref() {
            co.yield_from(&walk(left.clone())).await?;
            co.yield_(*value).await?;
            co.yield_from(&walk(right.clone())).await?;
        }
        Ok(0)
    })
}

/// M4.19
#[test]
fn a_tree_is_walked_in_order() {
    let node = |left, value, right| Some(Rc::new(Node(left, value, right)));
    let right = node(node(None, 3, None), 4, None);
    let tree = node(node(None, 1, None), 2, right);
    assert_eq!(all(&walk(tree)), [1, 2, 3, 4]);
}

/// M4.20
#[test]
fn an_inner_one_may_turn_one_error_into_another() {
    let outer = generator(async |co| {
        let inner = generator(async |co| match co.yield_(1).await {
            Err(failure) if failure.is::<KeyError>() => Err(ValueError.into()),
            other => other,
        });
        match co.yield_from(&inner).await {
            Err(failure) if failure.is::<ValueError>() => co.yield_(5).await,
            other => other,
        }
    });
    outer.start().unwrap();
    assert_eq!(outer.throw(KeyError).unwrap(), Step::Yield(5));
}

/// Takes a close for a polite suggestion, and returns.
async fn returns_quietly(co: Co<i32, i32>) -> End {
    match co.yield_(1).await {
        Err(failure) if failure.is::<GeneratorExit>() => Ok(5),
        other => other,
    }
}

/// Goes on although it was closed, once.
async fn goes_on(co: Co<i32, i32>) -> End {
    let _ = co.yield_(1).await;
    co.yield_(2).await
}

/// Delegates, or awaits through its own door, as PEP 380 and as PEP 492 have it; writes down
/// how that ended.
fn ends(log: &Log, delegates: bool, inner: fn(Co<i32, i32>) -> Boxed) -> Gen {
    let seen = Rc::clone(log);
    let outer = generator(async move |co| {
        let end = if delegates {
            co.yield_from(&Generator::new(inner)).await
        } else {
            inner(co.clone()).await
        };
        seen.borrow_mut().push(match &end {
            Ok(_) => "value",
            Err(failure) if failure.is::<GeneratorExit>() => "exit",
            Err(failure) if failure.is::<IgnoredExit>() => "ignored exit",
            Err(_) => "error",
        });
        end
    });
    outer.start().unwrap();
    outer
}

type Boxed = Pin<Box<dyn Future<Output = End>>>;

/// M4.21
#[test]
fn an_inner_one_that_returns_quietly_when_closed_does_not_let_the_outer_go_on() {
    let log = Log::default();
    let outer = ends(&log, true, |co| Box::pin(returns_quietly(co)));
    outer.close().unwrap();
    assert_eq!(*log.borrow(), ["exit"]);
    assert_eq!(outer.state(), State::Closed);
}

/// M4.22
#[test]
fn an_inner_one_that_goes_on_when_closed_is_an_error_in_the_outer_one() {
    let log = Log::default();
    let outer = ends(&log, true, |co| Box::pin(goes_on(co)));
    assert!(outer.close().unwrap_err().is::<IgnoredExit>());
    assert_eq!(*log.borrow(), ["ignored exit"]);
    assert_eq!(outer.state(), State::Closed);
}

/// M4.21, the last page: through the same door there is one generator, not two. The inner
/// function returns like any function.
#[test]
fn through_the_same_door_the_inner_function_returns_like_any_function() {
    let log = Log::default();
    let outer = ends(&log, false, |co| Box::pin(returns_quietly(co)));
    outer.close().unwrap();
    assert_eq!(*log.borrow(), ["value"]);
}

/// M4.22, the last page: and a yield of the inner function is the outer one's own.
#[test]
fn through_the_same_door_the_inner_function_leaves_the_outer_one_suspended() {
    let log = Log::default();
    let outer = ends(&log, false, |co| Box::pin(goes_on(co)));
    assert!(outer.close().unwrap_err().is::<IgnoredExit>());
    assert_eq!(*log.borrow(), [""; 0]);
    assert_eq!(outer.state(), State::Suspended);
}

#[test]
fn an_inner_one_that_has_begun_goes_on_from_there() {
    let inner = generator(async |co| {
        for n in 0..4 {
            co.yield_(n).await?;
        }
        Ok(9)
    });
    inner.start().unwrap();
    let outer = generator(async move |co| co.yield_from(&inner).await);
    assert_eq!(all(&outer), [1, 2, 3]);
}

// Python gives None for it. There is no such value of every type, so it is an error, and no
// error of that kind ends the outer one as if it had returned (PEP 479).
#[test]
fn an_inner_one_that_is_finished_has_no_value_left() {
    let outer = generator(async |co| {
        let inner = generator(async |_| Ok(1));
        inner.start()?;
        match co.yield_from(&inner).await {
            Err(failure) if failure.is::<Finished>() => Ok(-1),
            other => other,
        }
    });
    assert_eq!(outer.start().unwrap(), Step::Return(-1));
}
