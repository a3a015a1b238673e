//! What a wait costs in memory: two runs of different length are compared, so that what is
//! made once cancels out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use allocation_counter::measure;
use stage2_generators::coroutine::{Generator, Step};
use stage2_generators::deferred::{Deferred, Firer, succeed};
use stage2_generators::extras::requests::{call, turn};
use stage2_generators::extras::trampoline::{Door, react};
use stage2_generators::failure::Failure;
use stage2_generators::{inline_callbacks, yield_};

/// How many allocations a thousand times more take, in thousandths.
fn per_time(body: impl Fn(u32)) -> u64 {
    body(1);
    let [few, many] = [100, 1_100].map(|times| measure(|| body(times)).count_total);
    many - few
}

/// The value goes in and out through the door.
#[test]
fn to_resume_a_generator_allocates_nothing() {
    let allocations = per_time(|times| {
        let sum = Generator::<u32, u32, u32>::new(|co| async move {
            let mut total = 0;
            while total < 10_000 {
                total += co.yield_(total).await?;
            }
            Ok(total)
        });
        assert_eq!(sum.start().unwrap(), Step::Yield(0));
        for n in 1..=times {
            assert_eq!(sum.resume(1).unwrap(), Step::Yield(n));
        }
    });
    assert_eq!(allocations, 0);
}

/// The two are the deferred's own.
#[test]
fn to_yield_a_deferred_that_has_fired_takes_no_more_than_the_deferred() {
    let yielded = per_time(|times| {
        let count = inline_callbacks(async move {
            let mut count = 0;
            for _ in 0..times {
                count += yield_(succeed(1)).await?;
            }
            Ok(count)
        });
        assert_eq!(count.try_take().unwrap().unwrap(), times);
    });
    let made = per_time(|times| (0..times).for_each(|_| drop(succeed(1))));
    assert!(
        yielded <= made + 10,
        "{yielded} for a thousand, of which {made} to make them"
    );
    assert!(yielded <= 2_000 + 10, "{yielded} for a thousand");
}

/// The deferred's own two; its links, one that keeps the value and one that resumes, with a slot
/// between and a slot for the value; and two to take it apart.
#[test]
fn to_wait_for_a_deferred_takes_nine() {
    let waited = per_time(|times| {
        let next = Rc::new(RefCell::new(None::<Firer<u32>>));
        let bell = Rc::clone(&next);
        let count = inline_callbacks(async move {
            let mut count = 0;
            for _ in 0..times {
                let (firer, deferred) = Deferred::new();
                bell.replace(Some(firer));
                count += yield_(deferred).await?;
            }
            Ok(count)
        });
        while let Some(firer) = next.take() {
            firer.fire(Ok(1)).unwrap();
        }
        assert_eq!(count.try_take().unwrap().unwrap(), times);
    });
    assert!(waited <= 9_000 + 10, "{waited} for a thousand");
}

/// However many have called each other: the innermost is resumed, and nobody else.
#[test]
fn a_turn_on_a_trampoline_allocates_nothing_at_any_depth() {
    type Boxed = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;
    fn down(co: Door, left: u32, times: u32) -> Boxed {
        Box::pin(async move {
            if left > 0 {
                return call(&co, |co| down(co, left - 1, times)).await;
            }
            for _ in 0..times {
                turn(&co).await?;
            }
            Ok(())
        })
    }
    for depth in [0, 100] {
        let turns =
            per_time(|times| react(|co| down(co, depth, times)).unwrap().unwrap());
        assert_eq!(turns, 0, "at depth {depth}");
    }
}
