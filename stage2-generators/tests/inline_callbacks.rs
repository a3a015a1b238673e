//! Generators of deferreds against what Twisted's inlineCallbacks answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io::{Read, Write};
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use stage2_generators::deferred::{Cancelled, Deferred, fail, succeed};
use stage2_generators::failure::Failure;
use stage2_generators::net::TcpListener;
use stage2_generators::time::{Elapsed, timeout};
use stage2_generators::{inline_callbacks, react, yield_};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyError")
    }
}

impl Error for KeyError {}

/// M1.26
#[test]
fn a_yield_unwraps_a_value_or_raises_a_failure() {
    let (firer, later) = Deferred::new();
    let sum = inline_callbacks(async {
        let now = yield_(succeed(1)).await?;
        let later: i32 = yield_(later).await?;
        let caught = yield_(fail::<i32>(KeyError)).await.unwrap_err();
        caught.trap::<KeyError>()?;
        let plain = yield_(Ok(100)).await?;
        Ok(now + later + plain)
    });
    let sum = sum.try_take().unwrap_err();
    firer.fire(Ok(10)).unwrap();
    assert_eq!(sum.try_take().unwrap().unwrap(), 111);

    let failed = inline_callbacks(async {
        yield_(fail::<()>(KeyError)).await?;
        Ok(())
    });
    assert!(failed.try_take().unwrap().unwrap_err().is::<KeyError>());
}

/// M1.27
#[test]
fn fifty_thousand_yields_of_fired_deferreds_are_flat() {
    let many = || {
        let count = inline_callbacks(async {
            let mut count = 0;
            for _ in 0..50_000 {
                count += yield_(succeed(1)).await?;
            }
            Ok(count)
        });
        assert_eq!(count.try_take().unwrap().unwrap(), 50_000);
    };
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    small.spawn(many).unwrap().join().unwrap();
}

/// The same with deferreds that fire only once they are waited for.
#[test]
fn fifty_thousand_yields_of_unfired_deferreds_are_flat() {
    let many = || {
        let waiting = Rc::new(RefCell::new(None));
        let next = Rc::clone(&waiting);
        let count = inline_callbacks(async move {
            let mut count = 0;
            for _ in 0..50_000 {
                let (firer, deferred) = Deferred::new();
                next.replace(Some(firer));
                count += yield_(deferred).await?;
            }
            Ok(count)
        });
        loop {
            let firer = waiting.take();
            let Some(firer) = firer else { break };
            firer.fire(Ok(1)).unwrap();
        }
        assert_eq!(count.try_take().unwrap().unwrap(), 50_000);
    };
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    small.spawn(many).unwrap().join().unwrap();
}

/// M1.28
#[test]
fn a_cancel_cancels_what_it_waits_for_and_is_raised_at_the_yield() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let (canceller, inside) = (Rc::clone(&log), Rc::clone(&log));
    let (_firer, waited) =
        Deferred::<()>::with_canceller(move |_| canceller.borrow_mut().push("canceller"));
    let routine = inline_callbacks(async move {
        let end = yield_(waited).await;
        inside.borrow_mut().push("saw");
        inside.borrow_mut().push("fin");
        end
    });
    routine.cancel();
    assert!(routine.try_take().unwrap().unwrap_err().is::<Cancelled>());
    assert_eq!(log.take(), ["canceller", "saw", "fin"]);
}

/// A routine that panics is a failure, and whoever waits for it hears of it.
#[test]
fn a_panic_is_a_failure_of_the_routine() {
    let failed = inline_callbacks(async {
        yield_(inline_callbacks(async { panic!("oh") as Result<(), Failure> })).await
    });
    let failure = failed.try_take().unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "panicked: oh");
}

/// Two routines inside each other: each yield goes through its own door.
#[test]
fn an_inner_routine_does_not_use_the_outer_ones_door() {
    let (firer, later) = Deferred::new();
    let outer = inline_callbacks(async {
        let inner = inline_callbacks(async {
            let value: i32 = yield_(later).await?;
            Ok(value + 1)
        });
        let early = yield_(succeed(10)).await?;
        Ok(early + yield_(inner).await?)
    });
    firer.fire(Ok(1)).unwrap();
    assert_eq!(outer.try_take().unwrap().unwrap(), 12);
}

#[test]
fn a_yield_outside_a_routine_is_a_mistake_that_is_explained() {
    let outside = catch_unwind(|| {
        let (_firer, never) = Deferred::<()>::new();
        let mut future = Box::pin(yield_(never));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        drop(future.as_mut().poll(&mut context));
    });
    let message = outside.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("yield_ outside a generator"), "{message}");
}

/// A routine that is given up lets go of its socket.
#[test]
fn a_timeout_closes_the_routine_and_its_socket() {
    let failure = react(|| {
        inline_callbacks(async {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
            let mut peer = std::net::TcpStream::connect(listener.local_addr()?)?;
            let stream = yield_(listener.accept()).await?;
            peer.write_all(b"x")?;
            let read = inline_callbacks(async move {
                assert_eq!(yield_(stream.read()).await?, b"x");
                yield_(stream.read()).await
            });
            let failure =
                yield_(timeout(Duration::from_millis(20), read)).await.unwrap_err();
            peer.set_read_timeout(Some(Duration::from_secs(5)))?;
            assert_eq!(peer.read(&mut [0])?, 0, "the stream is closed");
            Err::<(), _>(failure)
        })
    });
    assert!(failure.unwrap().unwrap_err().is::<Elapsed>());
}
