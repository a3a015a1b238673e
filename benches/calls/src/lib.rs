//! One call, made in every style: the bodies that `lineage cost` and `benches/call.rs` run.
//!
//! They are a package of their own because generic code is compiled where it is used, with
//! the settings of that package. The command is built to be small; what is measured is built
//! to be fast.
//!
//! Each body calls the same function `calls` times, each call with the last one's result,
//! so that none can be skipped; all of them must come to the same number in the end.

#![forbid(unsafe_code)]

use std::pin::Pin;
use std::task::{Context, Poll};

use stage1_callbacks::deferred::succeed;
use stage2_generators::{inline_callbacks, yield_};
use stage3_yield_from::{coroutine, yield_from};

/// A way to make a call.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The id of the benchmark, and of the row in the book.
    pub id: &'static str,
    /// What it is, in words.
    pub label: &'static str,
    /// Makes that many calls, and gives what they came to.
    pub run: fn(u64) -> u64,
}

/// The bodies; the first is the measure of the others.
pub const BODIES: [Body; 9] = [
    Body { id: "function", label: "function", run: function },
    Body { id: "await-inlined", label: "await, inlined", run: await_inlined },
    Body { id: "await", label: "await, not inlined", run: await_not_inlined },
    Body { id: "await-boxed", label: "await of a boxed future", run: await_boxed },
    Body { id: "task", label: "a task for each call", run: task_per_call },
    Body { id: "yield-from", label: "yield from", run: delegation },
    Body { id: "generator", label: "generator and inline_callbacks", run: generator },
    Body { id: "deferred", label: "Deferred and callback", run: deferred },
    Body { id: "greenlet", label: "function, inside a greenlet", run: greenlet },
];

/// The work: one step of a linear congruence, which the optimiser cannot see through once
/// it may not inline it.
#[inline(never)]
fn work(x: u64) -> u64 {
    inlined(x)
}

fn inlined(x: u64) -> u64 {
    x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

fn function(calls: u64) -> u64 {
    (0..calls).fold(0, |x, _| work(x))
}

fn await_inlined(calls: u64) -> u64 {
    #[expect(clippy::unused_async, reason = "that is what is measured")]
    async fn call(x: u64) -> u64 {
        inlined(x)
    }
    let body = async move {
        let mut x = 0;
        for _ in 0..calls {
            x = call(x).await;
        }
        x
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}

fn await_not_inlined(calls: u64) -> u64 {
    struct Call(u64);
    impl Future for Call {
        type Output = u64;
        #[inline(never)]
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
            Poll::Ready(inlined(self.0))
        }
    }
    let body = async move {
        let mut x = 0;
        for _ in 0..calls {
            x = Call(x).await;
        }
        x
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}

fn await_boxed(calls: u64) -> u64 {
    fn call(x: u64) -> Pin<Box<dyn Future<Output = u64>>> {
        Box::pin(async move { work(x) })
    }
    let body = async move {
        let mut x = 0;
        for _ in 0..calls {
            x = call(x).await;
        }
        x
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}

fn task_per_call(calls: u64) -> u64 {
    let body = async move {
        let mut x = 0;
        for _ in 0..calls {
            x = stage4_async_await::spawn(async move { work(x) }).await;
        }
        x
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}

fn delegation(calls: u64) -> u64 {
    let body = coroutine(async move {
        let mut x = 0;
        for _ in 0..calls {
            x = yield_from(coroutine(async move { Ok(work(x)) })).await?;
        }
        Ok(x)
    });
    let result = stage3_yield_from::run(body).expect("a loop can be opened");
    result.expect("nothing fails here")
}

fn generator(calls: u64) -> u64 {
    let body = inline_callbacks(async move {
        let mut x = 0;
        for _ in 0..calls {
            x = yield_(inline_callbacks(async move { Ok(work(x)) })).await?;
        }
        Ok(x)
    });
    let Ok(result) = body.try_take() else { unreachable!("nothing waits here") };
    result.expect("nothing fails here")
}

fn deferred(calls: u64) -> u64 {
    (0..calls).fold(0, |x, _| {
        let called = succeed(x).add_callback(|x| Ok(work(x)));
        let Ok(result) = called.try_take() else { unreachable!("nothing waits here") };
        result.expect("nothing fails here")
    })
}

fn greenlet(calls: u64) -> u64 {
    let body = move || (0..calls).fold(0, |x, _| work(x));
    interlude_greenlets::run(body).expect("a loop can be opened")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_comes_to_the_same_number() {
        for calls in [0, 1, 2, 1000] {
            let expected = (0..calls).fold(0, |x, _| inlined(x));
            for Body { id, run, .. } in BODIES {
                assert_eq!(run(calls), expected, "{id} at {calls}");
            }
        }
    }
}
