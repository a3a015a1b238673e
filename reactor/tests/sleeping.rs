//! When a reactor sleeps, and what ends it: timers, wakes, and not signals.

use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use bounds::Turns;
use reactor::backend::{self, Backend, Clockwork};
use reactor::sim::{Sim, Weather};
use reactor::{Reactor, TimerId};

const FAR: Duration = Duration::from_hours(1);

mod bounds;

/// Far more than anything here takes.
const SOON: Duration = Duration::from_secs(10);

#[allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
fn select<T>(reactor: &Reactor<T>, timeout: Option<Duration>) -> Vec<T> {
    let mut ready = Vec::new();
    reactor.select(timeout, &mut ready).unwrap();
    ready
}

/// Sleeps until it is woken, which is soon.
fn sleep_until_woken<T>(reactor: &Reactor<T>) -> Vec<T> {
    let before = reactor.now();
    let ready = select(reactor, Some(SOON));
    assert!(reactor.now() - before < SOON, "nobody has woken it");
    ready
}

fn virtual_clock(sim: bool) -> Rc<dyn Backend> {
    if sim { Sim::new(1, Weather::calm()) } else { Clockwork::new() }
}

/// M7.07: with nothing but a far timer, one select sleeps, and a wake gets through to it.
#[test]
fn a_far_timer_does_not_spin_and_a_wake_gets_through() {
    let reactor = Reactor::new().unwrap();
    reactor.wait_until(reactor.now() + FAR, "far");
    let waker = reactor.waker();
    let (asleep, began) = mpsc::channel();
    let remote = thread::spawn(move || {
        began.recv().unwrap();
        thread::sleep(Duration::from_millis(50));
        waker.wake();
    });
    let start = Instant::now();
    asleep.send(()).unwrap();
    assert_eq!(sleep_until_woken(&reactor), [""; 0]);
    assert!(start.elapsed() >= Duration::from_millis(50), "the wake ended it");
    assert_eq!(reactor.timers(), 1);
    remote.join().unwrap();
}

/// A wake that comes before the select ends the next one.
#[test]
fn a_wake_before_the_select_is_not_lost() {
    let reactor = Reactor::<()>::new().unwrap();
    reactor.waker().wake();
    assert!(sleep_until_woken(&reactor).is_empty());
}

/// Whoever wakes need not keep the waker until that is seen. (A wake through mio alone is lost
/// with the last waker: the descriptor goes, and what was told of it.)
#[test]
fn a_wake_is_seen_though_the_waker_is_gone_and_harms_nobody_though_the_reactor_is() {
    let late = (0..20).map(|_| {
        let reactor = Reactor::<()>::new().unwrap();
        let (only, late) = (reactor.waker(), reactor.waker());
        thread::spawn(move || only.wake()).join().unwrap();
        assert!(sleep_until_woken(&reactor).is_empty());
        late
    });
    late.for_each(Waker::wake);
}

/// M7.08: a thousand wakes from four threads. They may merge; what they announce may not
/// get lost, and each thread's order is kept.
#[test]
fn many_wakes_from_many_threads_lose_nothing() {
    let reactor = Reactor::<()>::new().unwrap();
    let queue = Arc::new(Mutex::new(Vec::new()));
    let threads = [0, 1, 2, 3].map(|thread| {
        let (queue, waker) = (Arc::clone(&queue), reactor.waker());
        thread::spawn(move || {
            for n in 0..250 {
                queue.lock().unwrap().push((thread, n));
                waker.wake_by_ref();
            }
        })
    });
    let (mut seen, mut selects) = (Vec::new(), 0);
    while seen.len() < 1000 {
        assert!(sleep_until_woken(&reactor).is_empty());
        selects += 1;
        seen.append(&mut queue.lock().unwrap());
    }
    assert!(selects <= 1001, "at most one select a wake, was {selects}");
    for thread in 0..4 {
        let of_this: Vec<_> = seen.iter().filter(|it| it.0 == thread).collect();
        assert!(of_this.is_sorted(), "the order of thread {thread} is kept");
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// M7.09: the clock never goes back; equal deadlines come in the order they were set.
#[test]
fn timers_come_by_deadline_then_by_age() {
    backend::scope(Clockwork::new(), || {
        let reactor = Reactor::new().unwrap();
        let start = reactor.now();
        let at = |ms| start + Duration::from_millis(ms);
        for (name, ms) in [("c", 30), ("a1", 10), ("b", 20), ("a2", 10), ("a3", 10)] {
            reactor.wait_until(at(ms), name);
        }
        assert_eq!(select(&reactor, None), ["a1", "a2", "a3"]);
        assert_eq!(reactor.now(), at(10));
        assert_eq!(select(&reactor, None), ["b"]);
        assert_eq!(select(&reactor, Some(Duration::from_millis(4))), [""; 0]);
        assert_eq!(reactor.now(), at(24));
        assert_eq!(select(&reactor, Some(FAR)), ["c"]);
        assert_eq!(reactor.now(), at(30), "the earlier of the timeout and the timer");
    });
    let reactor = Reactor::<()>::new().unwrap();
    let mut last = reactor.now();
    for _ in 0..1000 {
        let now = reactor.now();
        assert!(now >= last);
        last = now;
    }
}

/// A deadline that is over comes back at once, and is not lost behind a zero timeout.
#[test]
fn a_past_deadline_comes_at_once() {
    let reactor = Reactor::new().unwrap();
    let past = reactor.now();
    reactor.wait_until(past, "past");
    assert_eq!(select(&reactor, Some(Duration::ZERO)), ["past"]);
    reactor.wait_until(past, "past");
    assert_eq!(sleep_until_woken(&reactor), ["past"]);
}

/// M7.11: a signal neither ends nor shortens the wait.
#[cfg(unix)]
#[test]
fn a_signal_neither_ends_nor_shortens_the_wait() {
    use nix::sys::pthread::{pthread_kill, pthread_self};
    use nix::sys::signal::Signal;
    use std::sync::atomic::{AtomicBool, Ordering};

    let arrived = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&arrived))
        .unwrap();
    let reactor = Reactor::<()>::new().unwrap();
    let sleeper = pthread_self();
    let signals = thread::spawn(move || {
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(15));
            pthread_kill(sleeper, Signal::SIGUSR1).unwrap();
        }
    });
    let start = Instant::now();
    assert!(select(&reactor, Some(Duration::from_millis(120))).is_empty());
    assert!(start.elapsed() >= Duration::from_millis(120));
    assert!(arrived.load(Ordering::Relaxed), "or the test shows nothing");
    signals.join().unwrap();
}

/// M7.19: fifty timers of 1.3 ms, one after the other: none is early, and none is waited
/// for by spinning.
#[test]
fn no_timer_is_early() {
    let reactor = Reactor::new().unwrap();
    let mut selects = 0;
    for n in 0..50 {
        let deadline = Instant::now() + Duration::from_micros(1300);
        reactor.wait_until(deadline, n);
        let mut ready = Vec::new();
        while ready.is_empty() {
            reactor.select(None, &mut ready).unwrap();
            selects += 1;
            assert!(selects < 1000, "it spins");
        }
        assert!(Instant::now() >= deadline, "timer {n} is early");
        assert_eq!(ready, [n]);
    }
    assert_eq!(selects, 50, "a timeout that is rounded down would wake too soon");
}

/// What no clock can show is never, and is not taken for a time: it can be waited for and
/// taken back, and nothing else ends it.
#[test]
fn a_delay_that_no_clock_can_show_is_never() {
    let clock = Clockwork::new();
    let reactor = Reactor::with_backend(Rc::clone(&clock) as _);
    assert_eq!(reactor.after(Duration::MAX), None);
    assert_eq!(reactor.after(FAR), Some(reactor.now() + FAR));
    let never = reactor.wait_until(reactor.after(Duration::MAX), "never");
    assert_eq!(reactor.timers(), 0, "nothing that the clock would give back");
    let error = reactor.select(None, &mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), clock.elapsed()), (ErrorKind::Deadlock, Duration::ZERO));
    assert_eq!(reactor.cancel(never), Some("never"));
    assert_eq!(reactor.cancel(never), None);
}

/// A thousand million years are a time, and come before never.
#[test]
fn a_far_time_comes_before_never_and_the_farther_after_it() {
    for sim in [false, true] {
        let reactor = Reactor::with_backend(virtual_clock(sim));
        let start = reactor.now();
        let far = Duration::from_hours(24 * 365 * 1_000_000_000);
        reactor.wait_until(reactor.after(Duration::MAX), "never");
        reactor.wait_until(reactor.after(2 * far), "farther");
        reactor.wait_until(reactor.after(Duration::MAX), "never either");
        reactor.wait_until(reactor.after(far), "far");
        assert_eq!(reactor.timers(), 2);
        assert_eq!(select(&reactor, Some(Duration::MAX)), ["far"]);
        assert_eq!(reactor.now() - start, far);
        assert_eq!(select(&reactor, None), ["farther"]);
        let error = reactor.select(Some(Duration::MAX), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        assert_eq!(reactor.take_all(), ["never", "never either"]);
    }
}

/// The last second that a clock can show is one that can be waited for; then time stands.
#[test]
fn a_virtual_clock_stops_at_the_last_time_that_it_can_show() {
    for sim in [false, true] {
        let clock = virtual_clock(sim);
        let reactor = Reactor::with_backend(Rc::clone(&clock));
        let bits = (0..64).rev().map(|bit| Duration::from_secs(1 << bit));
        let last = bits.fold(Duration::ZERO, |sum, more| {
            reactor.after(sum + more).map_or(sum, |_| sum + more)
        });
        reactor.wait_until(reactor.after(last), "at the end of time");
        assert_eq!(select(&reactor, None), ["at the end of time"]);
        let end = reactor.now();
        for timeout in [Duration::from_secs(1), Duration::MAX] {
            assert_eq!(reactor.after(timeout), None);
            let error = clock.wait(Some(timeout), &mut Vec::new()).unwrap_err();
            assert_eq!((error.kind(), reactor.now()), (ErrorKind::Deadlock, end));
        }
        assert_eq!(select(&reactor, Some(Duration::ZERO)), [""; 0]);
    }
}

/// With the real clock: to wait until never is to sleep, and a wake ends it.
#[test]
fn a_wait_until_never_is_ended_by_a_wake() {
    bounds::in_time(|| {
        let reactor = Reactor::new().unwrap();
        reactor.wait_until(reactor.after(Duration::MAX), "never");
        reactor.waker().wake();
        assert_eq!(select(&reactor, Some(Duration::MAX)), [""; 0]);
    });
}

/// A clock can serve one reactor after another: a name from the last is none in the next.
#[test]
fn a_timer_of_another_reactor_is_not_taken_for_ones_own() {
    let clock = Clockwork::new();
    let old = Reactor::with_backend(Rc::clone(&clock) as _);
    let (first, never) = (old.wait_until(old.now(), 1), old.wait_until(None, 2));
    drop(old);
    let reactor = Reactor::with_backend(clock);
    reactor.wait_until(reactor.now(), 3);
    reactor.wait_until(None, 4);
    assert_eq!((reactor.cancel(first), reactor.cancel(never)), (None, None));
    assert_eq!(reactor.take_all(), [3, 4]);
}

/// A cancelled timer is gone: it is handed to whoever cancels, once.
#[test]
fn a_cancelled_timer_never_comes() {
    backend::scope(Clockwork::new(), || {
        let reactor = Reactor::new().unwrap();
        let start = reactor.now();
        let first = reactor.wait_until(start + Duration::from_millis(1), "first");
        reactor.wait_until(start + Duration::from_millis(2), "second");
        assert_eq!(reactor.cancel(first), Some("first"));
        assert_eq!(reactor.cancel(first), None);
        assert_eq!(select(&reactor, None), ["second"]);
        assert_eq!(reactor.now() - start, Duration::from_millis(2));
    });
}

/// A hundred thousand timers against the plainest model of them: a sorted list.
#[test]
fn a_hundred_thousand_timers_match_a_sorted_list() {
    let clock = Clockwork::new();
    let reactor = Reactor::with_backend(clock);
    let start = reactor.now();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut model: Vec<(TimerId, u32)> = Vec::new();
    for n in 0..100_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let id = reactor.wait_until(start + Duration::from_micros(random % 50_000), n);
        if random.is_multiple_of(3) {
            assert_eq!(reactor.cancel(id), Some(n));
        } else {
            model.push((id, n));
        }
    }
    model.sort_unstable();
    let (mut ready, mut turns) = (Vec::new(), Turns::default());
    while reactor.timers() > 0 {
        turns.one_more();
        reactor.select(None, &mut ready).unwrap();
    }
    assert!(ready.iter().eq(model.iter().map(|(_, n)| n)), "by deadline, then by age");
}

/// To sleep for ever with nothing that could end it is an error under a virtual clock.
#[test]
fn a_clockwork_reports_a_deadlock() {
    let reactor = Reactor::<()>::with_backend(Clockwork::new());
    let error = reactor.select(None, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Deadlock);
    reactor.waker().wake();
    reactor.select(None, &mut Vec::new()).unwrap();
}
