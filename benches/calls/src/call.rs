//! One call, in every style: the caller goes on with what the callee returns.

use std::pin::Pin;
use std::task::{Context, Poll};

use interlude_greenlets::{Greenlet, current};
use stage1_callbacks::deferred::{Deferred, succeed};
use stage2_generators::coroutine::{Body as Machine, Generator, Resume, Step, Stepped};
use stage2_generators::extras::requests::call;
use stage2_generators::extras::trampoline::react;
use stage2_generators::{inline_callbacks, yield_};
use stage3_yield_from::{coroutine, yield_from};

use crate::{Body, inlined, work};

/// The bodies; the first is the measure of the others.
pub const BODIES: [Body; 14] = [
    Body { id: "function", label: "function", run: function },
    Body { id: "await-inlined", label: "await, inlined", run: await_inlined },
    Body { id: "await", label: "await, not inlined", run: await_not_inlined },
    Body { id: "await-boxed", label: "await of a boxed future", run: await_boxed },
    Body { id: "task", label: "a task for each call", run: task_per_call },
    Body { id: "yield-from", label: "yield from", run: delegation },
    Body { id: "yield-from-door", label: "await through one door", run: one_door },
    Body { id: "machine", label: "generator, written by hand", run: machine },
    Body { id: "trampoline", label: "generator on a trampoline", run: trampoline },
    Body { id: "generator", label: "generator and inline_callbacks", run: generator },
    Body { id: "deferred", label: "Deferred and callback", run: deferred },
    Body { id: "deferred-link", label: "Deferred, a further callback", run: further },
    Body { id: "greenlet", label: "function, inside a greenlet", run: greenlet },
    Body { id: "greenlet-switch", label: "switch to a greenlet and back", run: switch },
];

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

/// What is called is no object of its own: its yields would leave by its caller's door.
fn one_door(calls: u64) -> u64 {
    #[expect(clippy::unused_async, reason = "that is what is measured")]
    async fn call(x: u64) -> Result<u64, stage3_yield_from::Failure> {
        Ok(work(x))
    }
    let body = coroutine(async move {
        let mut x = 0;
        for _ in 0..calls {
            x = call(x).await?;
        }
        Ok(x)
    });
    let result = stage3_yield_from::run(body).expect("a loop can be opened");
    result.expect("nothing fails here")
}

fn machine(calls: u64) -> u64 {
    struct Call(u64);
    impl Machine<(), (), u64> for Call {
        fn resume(&mut self, _: Resume<()>) -> Stepped<(), u64> {
            Ok(Step::Return(work(self.0)))
        }
    }
    (0..calls).fold(0, |x, _| match Generator::from_body(Call(x)).start() {
        Ok(Step::Return(result)) => result,
        other => unreachable!("it returns at once, and not {other:?}"),
    })
}

fn trampoline(calls: u64) -> u64 {
    let result = react(move |co| async move {
        let mut x = 0;
        for _ in 0..calls {
            x = call(&co, move |_| async move { Ok(work(x)) }).await?;
        }
        Ok(x)
    });
    result.expect("a loop can be opened").expect("nothing fails here")
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

/// So many calls are the callbacks of one Deferred, which fires when all are there: beside them,
/// the Deferred itself is nothing.
fn further(calls: u64) -> u64 {
    const IN_A_LINE: u64 = 100;
    let (mut x, mut left) = (0, calls);
    while left > 0 {
        let links = left.min(IN_A_LINE);
        let (firer, first) = Deferred::new();
        let last = (0..links).fold(first, |line, _| line.add_callback(|x| Ok(work(x))));
        firer.fire(Ok(x)).expect("it fires once");
        let Ok(result) = last.try_take() else { unreachable!("nothing waits here") };
        (x, left) = (result.expect("nothing fails here"), left - links);
    }
    x
}

fn greenlet(calls: u64) -> u64 {
    let body = move || (0..calls).fold(0, |x, _| work(x));
    interlude_greenlets::run(body).expect("a loop can be opened")
}

fn switch(calls: u64) -> u64 {
    let main = current();
    let callee = Greenlet::new::<u64, u64>(move |mut x| {
        loop {
            x = main.switch(work(x))?;
        }
    });
    (0..calls).fold(0, |x, _| callee.switch::<u64, u64>(x).expect("it never ends"))
}
