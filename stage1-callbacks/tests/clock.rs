//! Timers, under a clock that is moved by hand. Each answer is Twisted's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::extras::clock::{Clock, now};
use stage1_callbacks::extras::delayed::{DelayedCall, NotActive};
use stage1_callbacks::{call_later, call_soon, run};

type Log = Rc<RefCell<Vec<(&'static str, u64)>>>;

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Has `what` said, with the time at which it is.
fn say(log: &Log, clock: &Rc<Clock>, what: &'static str) -> impl Fn() + 'static {
    let (log, clock) = (Rc::clone(log), Rc::downgrade(clock));
    move || {
        let at = clock.upgrade().unwrap().seconds().as_secs();
        log.borrow_mut().push((what, at));
    }
}

/// M1.31
#[test]
fn a_call_can_be_moved_until_it_is_made() {
    let (clock, log) = (Rc::new(Clock::new()), Log::default());
    let sooner = call_later(secs(5), say(&log, &clock, "sooner"));
    let later = call_later(secs(5), say(&log, &clock, "later"));
    assert_eq!(sooner.reset(secs(2)), Ok(()));
    assert_eq!(later.delay(secs(3)), Ok(()));
    assert_eq!(later.get_time(), Some(now() + secs(8)));
    clock.advance(secs(1));
    assert_eq!((clock.delayed_calls(), &*log.borrow()), (2, &vec![]));
    assert!(sooner.active());
    clock.pump([secs(1), secs(5), secs(1)]);
    assert_eq!(*log.borrow(), [("sooner", 2), ("later", 8)]);
    assert_eq!(clock.delayed_calls(), 0);
}

/// M1.32
#[test]
fn what_is_over_says_how() {
    let clock = Clock::new();
    let called = call_later(secs(1), || ());
    let cancelled = call_later(secs(1), || unreachable!("it was cancelled"));
    assert_eq!(cancelled.try_cancel(), Ok(()));
    clock.advance(secs(1));
    for (call, error) in
        [(called, NotActive::AlreadyCalled), (cancelled, NotActive::AlreadyCancelled)]
    {
        assert!(!call.active());
        assert_eq!(call.try_cancel(), Err(error));
        assert_eq!(call.reset(secs(1)), Err(error));
        assert_eq!(call.delay(secs(1)), Err(error));
        call.cancel(); // which asks for nothing
    }
    assert_eq!(clock.delayed_calls(), 0);
}

/// Both are due in one turn, and the first puts the second off.
#[test]
fn a_call_that_is_due_can_still_be_put_off() {
    let (clock, log) = (Rc::new(Clock::new()), Log::default());
    let victim = Rc::new(Cell::new(None::<DelayedCall>));
    let other = Rc::clone(&victim);
    let heard = say(&log, &clock, "first");
    call_later(secs(1), move || {
        heard();
        other.take().unwrap().reset(secs(1)).unwrap();
    });
    victim.set(Some(call_later(secs(1), say(&log, &clock, "second"))));
    clock.pump([secs(1), secs(1)]);
    assert_eq!(*log.borrow(), [("first", 1), ("second", 2)]);
}

#[test]
fn while_it_is_made_a_call_is_not_active() {
    let (clock, own) = (Clock::new(), Rc::new(Cell::new(None::<DelayedCall>)));
    let (call, asked) = (Rc::clone(&own), Rc::new(Cell::new(false)));
    let answer = Rc::clone(&asked);
    own.set(Some(call_later(secs(1), move || {
        let call = call.take().unwrap();
        assert_eq!(call.try_cancel(), Err(NotActive::AlreadyCalled));
        answer.set(!call.active());
    })));
    clock.advance(secs(1));
    assert!(asked.get());
}

/// M1.33: five seconds at once. Whatever was due sees the end of them.
#[test]
fn time_passes_first_and_then_the_calls_are_made() {
    let (clock, log) = (Rc::new(Clock::new()), Log::default());
    let (first, nested) = (say(&log, &clock, "a"), say(&log, &clock, "nested"));
    let soon = say(&log, &clock, "soon");
    call_later(secs(1), move || {
        first();
        call_later(secs(1), nested);
        call_soon(soon);
    });
    call_later(secs(2), say(&log, &clock, "b"));
    clock.advance(secs(5));
    assert_eq!(*log.borrow(), [("a", 5), ("b", 5), ("soon", 5)]);
    clock.advance(secs(1));
    assert_eq!(log.borrow()[3..], [("nested", 6)]);
}

#[test]
fn without_time_the_clock_makes_what_was_to_be_made_soon() {
    let (clock, log) = (Rc::new(Clock::new()), Log::default());
    call_soon(say(&log, &clock, "soon"));
    call_later(Duration::ZERO, say(&log, &clock, "now"));
    call_later(secs(1), say(&log, &clock, "later"));
    assert_eq!(*log.borrow(), []);
    clock.advance(Duration::ZERO);
    assert_eq!(*log.borrow(), [("soon", 0), ("now", 0)]);
}

/// It is a loop like any other: one to a thread, and what is left is dropped with it.
#[test]
fn a_clock_is_the_loop_of_its_thread_until_it_is_dropped() {
    let clock = Clock::new();
    assert!(catch_unwind(|| run(|| Ok(()))).is_err());
    assert!(catch_unwind(Clock::new).is_err());
    let left = Rc::new(());
    let kept = Rc::clone(&left);
    let call = call_later(secs(1), move || drop(kept));
    drop(clock);
    assert_eq!(Rc::strong_count(&left), 1);
    assert!(!call.active());
    assert!(catch_unwind(now).is_err());
}
