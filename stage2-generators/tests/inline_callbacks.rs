//! Generators of deferreds against what Twisted's inlineCallbacks answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::{Read, Write};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use reactor::trace::{self, Kind, Place, Thing, What};
use stage2_generators::coroutine::{ForeignAwait, Generator, SecondYield};
use stage2_generators::deferred::{Cancelled, Deferred, Firer, fail, succeed};
use stage2_generators::failure::{Failure, on_report};
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

/// Polls both until both are done, as `futures::join!` does.
async fn join<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> [T; 2] {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut ends = [None, None];
    poll_fn(|context| {
        if ends[0].is_none()
            && let Poll::Ready(end) = a.as_mut().poll(context)
        {
            ends[0] = Some(end);
        }
        if ends[1].is_none()
            && let Poll::Ready(end) = b.as_mut().poll(context)
        {
            ends[1] = Some(end);
        }
        if ends.iter().any(Option::is_none) { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    ends.map(|end| end.expect("both are done"))
}

fn reports() -> Rc<RefCell<Vec<String>>> {
    let log = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&log);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    log
}

/// A routine waits for one thing at a time. What a second yield should have waited for goes on
/// without it, and an error of it is reported.
#[test]
fn the_second_of_two_yields_at_a_time_is_refused_whoever_fires_first() {
    for first_fires_first in [true, false] {
        let reported = reports();
        let ((one, first), (two, second)) = (Deferred::new(), Deferred::<i32>::new());
        let routine = inline_callbacks(async {
            let [first, second] = join(yield_(first), yield_(second)).await;
            assert!(second.unwrap_err().is::<SecondYield>());
            Ok(first? + yield_(succeed(1)).await?)
        });
        let fire_one = || one.fire(Ok(41)).unwrap();
        let fire_two = || two.fire(Err(KeyError.into())).unwrap();
        if first_fires_first {
            fire_one();
            fire_two();
        } else {
            fire_two();
            fire_one();
        }
        drop(two);
        assert_eq!(routine.try_take().unwrap().unwrap(), 42);
        assert_eq!(reported.take(), ["Unhandled error in Deferred: KeyError"]);
    }
}

/// A value that nobody waits for any more is nobody's loss.
#[test]
fn a_deferred_whose_yield_was_refused_may_well_fire() {
    let reported = reports();
    let (firer, second) = Deferred::<i32>::new();
    let (_never, first) = Deferred::<i32>::new();
    let routine = inline_callbacks(async {
        let refused = join(yield_(first), async { yield_(second).await });
        let mut refused = pin!(refused);
        poll_fn(|context| Poll::Ready(refused.as_mut().poll(context).is_pending())).await;
        Ok("given up")
    });
    assert_eq!(routine.try_take().unwrap().unwrap(), "given up");
    firer.fire(Ok(1)).unwrap();
    assert_eq!(reported.take(), [""; 0]);
}

/// A yield belongs to the body that polls it first, wherever it was written.
#[test]
fn a_yield_may_be_moved_into_another_routine_before_it_is_polled() {
    let (firer, later) = Deferred::new();
    let made_here = yield_(later);
    let outer = inline_callbacks(async {
        let inner = inline_callbacks(async { Ok(made_here.await? + 1) });
        yield_(inner).await
    });
    firer.fire(Ok(1)).unwrap();
    assert_eq!(outer.try_take().unwrap().unwrap(), 2);
}

/// Once it was polled, it belongs to the routine that stands there, and is no yield of another
/// one. The first is resumed all the same, whatever comes; an error that nobody sees is reported.
#[test]
fn a_yield_that_is_carried_into_another_routine_is_refused_there() {
    type Carried = Pin<Box<dyn Future<Output = Result<i32, Failure>>>>;
    let reported = reports();
    let carried = Rc::new(RefCell::new(None::<Carried>));
    let put = Rc::clone(&carried);
    let (firer, later) = Deferred::new();
    let first = inline_callbacks(async move {
        let mut future = Some(Box::pin(yield_(later)) as Carried);
        poll_fn(|context| match future.take() {
            Some(mut future) => {
                assert!(future.as_mut().poll(context).is_pending());
                put.replace(Some(future));
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
        yield_(succeed("goes on")).await
    });
    let second = inline_callbacks(async move {
        let future = carried.borrow_mut().take();
        future.expect("the first has put it there").await
    });
    assert!(second.try_take().unwrap().unwrap_err().is::<ForeignAwait>());
    firer.fire(Err(KeyError.into())).unwrap();
    drop(firer);
    assert_eq!(first.try_take().unwrap().unwrap(), "goes on");
    assert_eq!(reported.take(), ["Unhandled error in Deferred: KeyError"]);
}

/// A plain generator inside a routine has a door of its own, and no deferred can go through.
#[test]
fn a_yield_in_a_generator_inside_a_routine_is_a_foreign_await() {
    let (firer, later) = Deferred::<i32>::new();
    let routine = inline_callbacks(async move {
        let inner = Generator::<(), (), i32>::new(|_| yield_(later));
        assert!(inner.start().unwrap_err().is::<ForeignAwait>());
        yield_(succeed(1)).await
    });
    assert_eq!(routine.try_take().unwrap().unwrap(), 1);
    firer.fire(Ok(0)).unwrap();
}

thread_local! {
    /// What keeps a deferred's other side.
    static LAST: RefCell<Option<Firer<()>>> = const { RefCell::new(None) };
}

/// Thread-local values die last made first. Of ours, none is there any more when this one goes.
#[test]
fn a_routine_in_a_thread_local_value_is_closed_at_the_end_of_its_thread() {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        LAST.with_borrow_mut(|last| {
            let (firer, later) = Deferred::new();
            *last = Some(firer);
            drop(inline_callbacks(async move {
                let end = yield_(later).await;
                sender.send(end.unwrap_err().to_string()).unwrap();
                // Others can still begin, and end.
                let other = inline_callbacks(async { yield_(succeed("other")).await });
                sender.send(other.try_take().unwrap()?.to_owned()).unwrap();
                Ok(())
            }));
        });
    });
    thread.join().unwrap();
    let told: Vec<_> = receiver.iter().collect();
    assert_eq!(told, ["the generator was closed", "other"]);
}

/// What a recording tells of a routine: who made it, at which line it waits and for what, and
/// how it ended.
#[test]
fn a_recording_tells_what_a_routine_waits_for_and_how_it_ended() {
    let (lines, recording) = trace::record(|| {
        let ((one, first), (two, second)) = (Deferred::new(), Deferred::<()>::new());
        let (three, third) = Deferred::<()>::new();
        let made = line!() + 1;
        let returns = inline_callbacks(async {
            let waited = line!() + 1;
            yield_(first).await?;
            Ok(waited)
        });
        let cancelled = inline_callbacks(async { yield_(second).await });
        let fails = inline_callbacks(async { yield_(third).await });
        one.fire(Ok(())).unwrap();
        cancelled.cancel();
        three.fire(Err(KeyError.into())).unwrap();
        drop((two, cancelled.add_errback(|_| Ok(())), fails.add_errback(|_| Ok(()))));
        [made, returns.try_take().unwrap().unwrap()]
    });
    let subjects: Vec<_> = recording.subjects.iter().map(|it| it.kind).collect();
    assert_eq!(subjects, [Kind::Generator; 3]);
    let place = |place: Option<Place>| place.map(Place::line);
    assert_eq!(place(recording.subjects[0].place), Some(lines[0]));
    let first = recording.subjects[0].id;
    let of_the_first = recording.events.iter().filter(|event| match event.what {
        What::Created(id, _) | What::Resumed(id) | What::Suspended(id, ..) => id == first,
        _ => false,
    });
    let told: Vec<_> =
        of_the_first.map(|event| (event.what, place(event.place))).collect();
    assert!(
        matches!(told[0], (What::Created(_, Thing::Loop), Some(line)) if line == lines[0])
    );
    assert!(
        matches!(told[2], (What::Suspended(_, _, 1), Some(line)) if line == lines[1])
    );
    assert_eq!(told.len(), 4, "created, resumed, suspended, resumed");
    let ids: Vec<_> = recording.subjects.iter().map(|it| it.id).collect();
    let ends: Vec<_> = recording.events.iter().map(|event| event.what).collect();
    assert!(ends.contains(&What::Finished(ids[0])));
    assert!(ends.contains(&What::Cancelled(ids[1])));
    assert!(ends.contains(&What::Finished(ids[2])));
}
