//! Long lines of routines that wait for each other: they are served one after the other, never
//! one inside the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage2_generators::deferred::{Cancelled, Deferred, Firer, WaitsForItself, succeed};
use stage2_generators::extras::depth::TooDeep;
use stage2_generators::extras::lists::gather_results;
use stage2_generators::failure::Failure;
use stage2_generators::time::{Elapsed, sleep, timeout};
use stage2_generators::{inline_callbacks, react, yield_};

/// How long a line is.
const LONG: u32 = 10_000;

/// Runs it on a small stack.
fn on_a_small_stack<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let small = thread::Builder::new().stack_size(256 * 1024);
    small.spawn(body).unwrap().join().unwrap()
}

/// Says that it was dropped.
struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Routines each of which waits for the one before it and adds one; the first waits for `first`.
fn line(first: Deferred<u32>) -> Deferred<u32> {
    (0..LONG).fold(first, |inner, _| {
        inline_callbacks(async move { Ok(yield_(inner).await? + 1) })
    })
}

#[test]
fn a_line_of_routines_is_fired_flat() {
    on_a_small_stack(|| {
        let (firer, first) = Deferred::new();
        let last = line(first);
        firer.fire(Ok(0)).unwrap();
        assert_eq!(last.try_take().unwrap().unwrap(), LONG);

        // With a callback between each and the next.
        let (firer, first) = Deferred::new();
        let last = (0..LONG).fold(first, |inner, _| {
            let routine = inline_callbacks(async move { yield_(inner).await });
            routine.add_callback(|value: u32| Ok(value + 1))
        });
        firer.fire(Ok(0)).unwrap();
        assert_eq!(last.try_take().unwrap().unwrap(), LONG);

        // With a list of one between them, and at a time when they are waited for already.
        let (firer, first) = Deferred::new();
        let last = (0..LONG).fold(first, |inner, _| {
            let gathered = gather_results(vec![inner]);
            inline_callbacks(async move { Ok(yield_(gathered).await?[0] + 1) })
        });
        firer.fire(Ok(0)).unwrap();
        assert_eq!(last.try_take().unwrap().unwrap(), LONG);
    });
}

/// The outermost first: each begins to wait for its inner one when that has long been there.
#[test]
fn a_line_that_is_tied_from_its_end_is_fired_flat() {
    on_a_small_stack(|| {
        let (last, end) = Deferred::new();
        let mut outer: Option<Firer<Deferred<u32>>> = None;
        let mut first = None;
        for _ in 0..LONG {
            let (firer, given) = Deferred::<Deferred<u32>>::new();
            let routine = inline_callbacks(async move {
                let inner = yield_(given).await?;
                Ok(yield_(inner).await? + 1)
            });
            match outer.replace(firer) {
                Some(outer) => outer.fire(Ok(routine)).unwrap(),
                None => first = Some(routine),
            }
        }
        outer.unwrap().fire(Ok(end)).unwrap();
        last.fire(Ok(0)).unwrap();
        assert_eq!(first.unwrap().try_take().unwrap().unwrap(), LONG);
    });
}

#[test]
fn a_line_of_routines_fails_and_is_cancelled_flat() {
    on_a_small_stack(|| {
        let (firer, first) = Deferred::new();
        let last = line(first);
        firer.fire(Err(Cancelled.into())).unwrap();
        assert!(last.try_take().unwrap().unwrap_err().is::<Cancelled>());

        let called = Rc::new(Cell::new(0));
        let calls = Rc::clone(&called);
        let (_firer, first) =
            Deferred::with_canceller(move |_| calls.set(calls.get() + 1));
        let last = line(first);
        last.cancel();
        assert!(last.try_take().unwrap().unwrap_err().is::<Cancelled>());
        assert_eq!(called.get(), 1);
    });
}

/// Each has something to clean up, and only the outermost is cancelled. So the innermost cleans
/// up first, and the others hear of what it came to.
#[test]
fn a_line_whose_members_clean_up_is_cancelled_flat() {
    let (end, late) = on_a_small_stack(|| {
        let clock = Clockwork::new();
        let end = backend::scope(Rc::clone(&clock) as _, || {
            react(|| {
                let last = (0..LONG).fold(sleep(Duration::from_hours(1)), |inner, _| {
                    inline_callbacks(async move {
                        let end = yield_(inner).await;
                        yield_(sleep(Duration::from_millis(1))).await?;
                        end
                    })
                });
                timeout(Duration::from_millis(5), last)
            })
            .unwrap()
        });
        (end.unwrap_err().is::<Elapsed>(), clock.elapsed())
    });
    assert_eq!((end, late), (true, Duration::from_millis(5 + u64::from(LONG))));
}

#[test]
fn a_line_of_routines_is_dropped_flat() {
    on_a_small_stack(|| {
        let dropped = Rc::new(Cell::new(0));
        let counted = || Counted(Rc::clone(&dropped));
        let (firer, first) = Deferred::<()>::new();
        let last = (0..LONG).fold(first, |inner, _| {
            let counted = counted();
            inline_callbacks(async move {
                let _counted = counted;
                yield_(inner).await
            })
        });
        drop(last);
        assert_eq!(dropped.get(), 0, "the innermost keeps them");
        drop(firer);
        assert_eq!(dropped.get(), LONG);

        // Held in each other's bodies, without having been waited for.
        let held = (0..LONG).fold(Deferred::<()>::new(), |(firer, inner), _| {
            let counted = counted();
            let (next, waited) = Deferred::<()>::new();
            let routine = inline_callbacks(async move {
                let _held = (firer, inner, counted);
                yield_(waited).await
            });
            (next, routine)
        });
        drop(held);
        assert_eq!(dropped.get(), 2 * LONG);
    });
}

/// A routine that calls itself begins inside itself; where that ends the stack, it is an error.
#[test]
fn routines_that_call_each_other_too_deep_are_refused() {
    fn down(levels: u32) -> Deferred<u32> {
        inline_callbacks(async move {
            match levels {
                0 => Ok(0),
                _ => Ok(yield_(down(levels - 1)).await? + 1),
            }
        })
    }
    on_a_small_stack(|| {
        assert_eq!(down(20).try_take().unwrap().unwrap(), 20);
        let failure = down(LONG).try_take().unwrap().unwrap_err();
        assert!(failure.is::<TooDeep>(), "{failure}");
        assert_eq!(down(20).try_take().unwrap().unwrap(), 20);
    });
}

/// Each one starts the next from a callback of its own deferred.
#[test]
fn routines_that_start_each_other_as_they_end_are_flat() {
    fn next(left: u32, count: Rc<Cell<u32>>) -> Deferred<()> {
        let counted = Rc::clone(&count);
        let routine = inline_callbacks(async move {
            counted.set(counted.get() + 1);
            yield_(succeed(())).await
        });
        routine.add_callback(move |()| match left {
            0 => succeed(()),
            _ => next(left - 1, count),
        })
    }
    on_a_small_stack(|| {
        let count = Rc::new(Cell::new(0));
        next(LONG, Rc::clone(&count)).try_take().unwrap().unwrap();
        assert_eq!(count.get(), LONG + 1);
    });
}

/// A routine that is to wait for itself is told so where it waits, and can go on.
#[test]
fn a_routine_that_waits_for_itself_is_told_so() {
    let own = Rc::new(RefCell::new(None::<Deferred<i32>>));
    let taken = Rc::clone(&own);
    let (firer, start) = Deferred::<()>::new();
    let ended = Rc::new(Cell::new(0));
    let end = Rc::clone(&ended);
    own.replace(Some(inline_callbacks(async move {
        yield_(start).await?;
        let this = taken.borrow_mut().take();
        let refused = yield_(this.unwrap()).await;
        assert!(refused.unwrap_err().is::<WaitsForItself>());
        // Of two yields in a row, too.
        let value = yield_(succeed(42)).await?;
        end.set(value);
        Ok(value)
    })));
    firer.fire(Ok(())).unwrap();
    assert_eq!(ended.get(), 42);
}

/// Of two that wait for each other, and of three in a circle, the last to begin is told.
#[test]
fn routines_that_wait_for_each_other_are_told_so() {
    for members in [2, 3] {
        let (firers, given): (Vec<_>, Vec<_>) =
            (0..members).map(|_| Deferred::<Deferred<()>>::new()).unzip();
        let routines: Vec<_> = given
            .into_iter()
            .map(|given| inline_callbacks(async { yield_(yield_(given).await?).await }))
            .collect();
        let ends = Rc::new(RefCell::new(Vec::new()));
        let others = routines.into_iter().map(|routine| {
            let ends = Rc::clone(&ends);
            routine.add_both(move |end: Result<(), Failure>| {
                ends.borrow_mut().push(end.as_ref().unwrap_err().is::<WaitsForItself>());
                end
            })
        });
        let mut others: Vec<_> = others.collect();
        others.rotate_left(1);
        for (firer, other) in firers.into_iter().zip(others) {
            firer.fire(Ok(other)).unwrap();
        }
        assert_eq!(*ends.borrow(), vec![true; members], "and then all who wait for it");
    }
}
