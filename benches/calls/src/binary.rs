//! PEP 492's own benchmark: a function that calls itself twice, down to the leaves of a tree,
//! and counts who was called.
//!
//! ```python
//! async def binary(n):
//!     if n <= 0:
//!         return 1
//!     l = await binary(n - 1)
//!     r = await binary(n - 1)
//!     return l + 1 + r
//! ```

use std::hint::black_box;
use std::pin::Pin;

use stage1_callbacks::deferred::{Deferred, succeed};
use stage2_generators::extras::requests::call;
use stage2_generators::extras::trampoline::{Door, react};
use stage2_generators::{inline_callbacks, yield_};
use stage3_yield_from::{Coroutine, coroutine, yield_from};

use crate::Body;

/// How deep the tree is. The PEP takes 19, which makes a million calls of one tree; a smaller
/// tree is the same work, and can be had more often in the same time.
const DEPTH: u64 = 10;

/// How many calls one tree is.
pub const CALLS_A_TREE: u64 = (2 << DEPTH) - 1;

/// What counts how many calls so many trees are; the first is the measure of the others.
pub const BINARY: [Body; 8] = [
    Body { id: "function", label: "function", run: |n| trees(n, function) },
    Body { id: "greenlet", label: "function, inside a greenlet", run: greenlet },
    Body { id: "await-boxed", label: "await", run: awaited },
    Body { id: "yield-from", label: "yield from", run: delegation },
    Body { id: "trampoline", label: "generator on a trampoline", run: trampoline },
    Body { id: "generator", label: "generator and inline_callbacks", run: generator },
    Body { id: "deferred", label: "Deferred and callback", run: |n| trees(n, deferred) },
    Body { id: "task", label: "a task for each call", run: tasks },
];

fn trees(n: u64, binary: impl Fn(u64) -> u64) -> u64 {
    (0..n).map(|_| binary(black_box(DEPTH))).sum()
}

#[inline(never)]
fn function(n: u64) -> u64 {
    if n == 0 {
        return 1;
    }
    let l = function(black_box(n - 1));
    let r = function(black_box(n - 1));
    l + 1 + r
}

fn greenlet(n: u64) -> u64 {
    interlude_greenlets::run(move || trees(n, function)).expect("a loop can be opened")
}

/// A future that contains itself has to be in a box: no type is larger than itself.
fn awaited(n: u64) -> u64 {
    fn binary(n: u64) -> Pin<Box<dyn Future<Output = u64>>> {
        Box::pin(async move {
            if n == 0 {
                return 1;
            }
            let l = binary(n - 1).await;
            let r = binary(n - 1).await;
            l + 1 + r
        })
    }
    let body = async move {
        let mut calls = 0;
        for _ in 0..n {
            calls += binary(black_box(DEPTH)).await;
        }
        calls
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}

fn delegation(n: u64) -> u64 {
    fn binary(n: u64) -> Coroutine<u64> {
        coroutine(async move {
            if n == 0 {
                return Ok(1);
            }
            let l = yield_from(binary(n - 1)).await?;
            let r = yield_from(binary(n - 1)).await?;
            Ok(l + 1 + r)
        })
    }
    let body = coroutine(async move {
        let mut calls = 0;
        for _ in 0..n {
            calls += yield_from(binary(black_box(DEPTH))).await?;
        }
        Ok(calls)
    });
    let result = stage3_yield_from::run(body).expect("a loop can be opened");
    result.expect("nothing fails here")
}

fn trampoline(n: u64) -> u64 {
    type Counted = Result<u64, stage2_generators::Failure>;
    fn binary(co: Door, n: u64) -> Pin<Box<dyn Future<Output = Counted>>> {
        Box::pin(async move {
            if n == 0 {
                return Ok(1);
            }
            let l = call(&co, |co| binary(co, n - 1)).await?;
            let r = call(&co, |co| binary(co, n - 1)).await?;
            Ok(l + 1 + r)
        })
    }
    let result = react(move |co| async move {
        let mut calls = 0;
        for _ in 0..n {
            calls += call(&co, |co| binary(co, black_box(DEPTH))).await?;
        }
        Ok(calls)
    });
    result.expect("a loop can be opened").expect("nothing fails here")
}

fn generator(n: u64) -> u64 {
    fn binary(n: u64) -> stage2_generators::Deferred<u64> {
        inline_callbacks(async move {
            if n == 0 {
                return Ok(1);
            }
            let l = yield_(binary(n - 1)).await?;
            let r = yield_(binary(n - 1)).await?;
            Ok(l + 1 + r)
        })
    }
    trees(n, |depth| {
        let Ok(calls) = binary(depth).try_take() else { unreachable!("nothing waits") };
        calls.expect("nothing fails here")
    })
}

fn deferred(n: u64) -> u64 {
    fn binary(n: u64) -> Deferred<u64> {
        if n == 0 {
            return succeed(1);
        }
        binary(n - 1)
            .add_callback(move |l| binary(n - 1).add_callback(move |r| Ok(l + 1 + r)))
    }
    let Ok(calls) = binary(n).try_take() else { unreachable!("nothing waits") };
    calls.expect("nothing fails here")
}

fn tasks(n: u64) -> u64 {
    fn binary(n: u64) -> Pin<Box<dyn Future<Output = u64>>> {
        Box::pin(async move {
            if n == 0 {
                return 1;
            }
            let l = stage4_async_await::spawn(binary(n - 1)).await;
            let r = stage4_async_await::spawn(binary(n - 1)).await;
            l + 1 + r
        })
    }
    let body = async move {
        let mut calls = 0;
        for _ in 0..n {
            calls += binary(black_box(DEPTH)).await;
        }
        calls
    };
    stage4_async_await::run(body).expect("a loop can be opened")
}
