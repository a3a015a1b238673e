//! A future of this loop, as each older generation waits for one; and the other way.
//!
//! They are all the same: a callback of the future's puts the result into whatever that
//! generation waits for, and wakes it. As long as that can come, the guest is told that somebody
//! outside may call: else it would say, rightly, that nobody can wake it any more.

#![allow(dead_code, reason = "the conversation needs only one way")]

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use stage1_callbacks as callbacks;
use stage2_generators as generators;
use stage3_yield_from as yield_from;
use stage5_asyncio::exceptions::Cancelled;
use stage5_asyncio::futures::{Future, NoResult};
use stage5_asyncio::get_running_loop;

use super::guest::Host;

/// Twisted's `Deferred.fromFuture`.
pub(crate) fn deferred<T: Clone + 'static>(
    host: &Host,
    future: &Future<T>,
) -> callbacks::Deferred<T> {
    let (firer, deferred) = callbacks::Deferred::new();
    let outside = callbacks::remote();
    when_done(host, future, move |result| {
        // It may have been cancelled meanwhile.
        let _ = firer.fire(result.map_err(callbacks::Failure::from));
        drop(outside);
    });
    deferred
}

/// What Tornado's `gen.coroutine` makes of an asyncio future that it is yielded.
pub(crate) fn yielded<T: Clone + 'static>(
    host: &Host,
    future: &Future<T>,
) -> generators::Deferred<T> {
    let (firer, deferred) = generators::Deferred::new();
    let outside = generators::remote();
    when_done(host, future, move |result| {
        let _ = firer.fire(result.map_err(generators::Failure::from));
        drop(outside);
    });
    deferred
}

/// asyncio's own, as it was then: for `yield from`.
pub(crate) fn old_future<T: Clone + 'static>(
    host: &Host,
    future: &Future<T>,
) -> yield_from::Future<T> {
    let (theirs, outside) = (yield_from::Future::new(), yield_from::remote());
    let set = theirs.clone();
    when_done(host, future, move |result| {
        match result {
            Ok(value) => drop(set.set_result(value)),
            Err(Cancelled) => _ = set.cancel(),
        }
        drop(outside);
    });
    theirs
}

/// For `await`, in a task of stage 4, and for `block_on` in a greenlet: the waker is enough.
///
/// # Errors
///
/// [`Cancelled`], when the future was.
pub(crate) async fn awaited<T: Clone + 'static>(
    host: Host,
    future: Future<T>,
) -> Result<T, Cancelled> {
    let waker: Rc<Cell<Option<Waker>>> = Rc::default();
    let waiting = Rc::clone(&waker);
    when_done(&host, &future, move |_| waiting.take().into_iter().for_each(Waker::wake));
    poll_fn(|context| match future.result() {
        Ok(value) => Poll::Ready(Ok(value)),
        Err(NoResult::Cancelled) => Poll::Ready(Err(Cancelled)),
        Err(NoResult::InvalidState) => {
            waker.set(Some(context.waker().clone()));
            Poll::Pending
        }
    })
    .await
}

/// Twisted's `Deferred.asFuture`. A cancel of the future is one of the deferred.
pub(crate) fn as_future<T: 'static>(
    host: &Host,
    deferred: callbacks::Deferred<T>,
) -> Future<Result<T, callbacks::Failure>> {
    let future = get_running_loop().create_future();
    let (set, theirs, outside) =
        (future.clone(), deferred.cancel_handle(), callbacks::remote());
    // To drop the end of a chain does not stop it.
    let _end = deferred.add_both(move |result| {
        let _ = set.set_result(result);
        Ok(())
    });
    when_cancelled(host, &future, move || theirs.cancel(), outside);
    future
}

/// A future of asyncio's as it was then, for the present one.
pub(crate) fn new_future<T: Clone + 'static>(
    host: &Host,
    old: &yield_from::Future<T>,
) -> Future<Result<T, yield_from::Failure>> {
    let future = get_running_loop().create_future();
    let (set, done, theirs) = (future.clone(), old.clone(), old.clone());
    old.add_done_callback(move || _ = set.set_result(done.result()));
    when_cancelled(host, &future, move || _ = theirs.cancel(), yield_from::remote());
    future
}

/// Passes a cancel of `future` on to a guest. As long as that can come, there is `outside`.
fn when_cancelled<T: 'static>(
    host: &Host,
    future: &Future<T>,
    cancel: impl FnOnce() + 'static,
    outside: impl Sized + 'static,
) {
    let host = host.clone();
    future.add_done_callback(move |future| {
        host.tell(|| {
            if future.cancelled() {
                cancel();
            }
            drop(outside);
        });
    });
}

/// Tells a guest how `future` ends.
fn when_done<T: Clone + 'static>(
    host: &Host,
    future: &Future<T>,
    tell: impl FnOnce(Result<T, Cancelled>) + 'static,
) {
    let host = host.clone();
    future.add_done_callback(move |future| {
        host.tell(|| tell(future.result().map_err(|_| Cancelled)));
    });
}
