//! The loop: PEP 3156, and `test_events.py` and `test_base_events.py` of CPython.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use reactor::Direction;
use reactor::backend::{self, Backend, Clockwork, Event, Listener, Stream, Token};
use stage3_yield_from::event_loop::{Handle, TimerHandle, call_at, now};
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::failure::{Panicked, on_report};
use stage3_yield_from::time::{sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, call_later, call_soon, coroutine, remote, run, spawn,
    yield_from,
};

/// Runs `main` on a virtual clock; how long that took, by this clock.
fn play(main: impl IntoCoroutine) -> Duration {
    let clock = Clockwork::new();
    backend::scope(Rc::clone(&clock) as _, || run(main.into_coroutine()))
        .unwrap()
        .unwrap();
    clock.elapsed()
}

/// An async block that fails with whatever `?` gives.
trait IntoCoroutine {
    fn into_coroutine(self) -> Coroutine<()>;
}

impl<F: std::future::Future<Output = Result<(), Failure>> + 'static> IntoCoroutine for F {
    fn into_coroutine(self) -> Coroutine<()> {
        coroutine(self)
    }
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

type Log = Rc<RefCell<Vec<&'static str>>>;

fn writes(log: &Log, word: &'static str) -> impl FnOnce() + use<> {
    let log = Rc::clone(log);
    move || log.borrow_mut().push(word)
}

/// M6.01
#[test]
fn callbacks_are_first_come_first_served_and_what_they_schedule_waits_a_turn() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let nested = writes(&said, "c");
        let first = writes(&said, "a");
        call_soon(move || {
            first();
            call_soon(nested);
        });
        call_soon(writes(&said, "b"));
        turn().await
    });
    assert_eq!(*log.borrow(), ["a", "b", "c"]);
}

/// CPython 3.11 and 3.13: what stops the loop is a callback behind those who are ready.
#[test]
fn whoever_is_ready_when_main_ends_has_one_more_turn_and_what_they_schedule_has_none() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let (nested, first) = (writes(&said, "no"), writes(&said, "a"));
        let future = Future::new();
        future.add_done_callback(move || {
            first();
            call_soon(nested);
        });
        call_soon(writes(&said, "b"));
        future.set_result(())?;
        call_soon(writes(&said, "c"));
        Ok(())
    });
    assert_eq!(*log.borrow(), ["b", "a", "c"]);
}

/// M6.02
#[test]
fn timers_come_by_their_deadline_and_a_delay_of_nothing_comes_at_once() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let took = play(async move {
        call_later(millis(30), writes(&said, "30"));
        call_later(millis(10), writes(&said, "10"));
        call_later(Duration::ZERO, writes(&said, "0"));
        yield_from(sleep(millis(50))).await
    });
    assert_eq!(*log.borrow(), ["0", "10", "30"]);
    assert_eq!(took, millis(50));
}

/// M6.02
#[test]
fn a_timer_beyond_what_a_clock_can_show_never_comes() {
    play(async {
        call_later(Duration::MAX, || panic!("it is too early for that"));
        let forty_years = sleep(Duration::from_hours(40 * 365 * 24));
        yield_from(timeout(Duration::MAX, forty_years)).await
    });
}

/// M6.03
#[test]
fn a_call_that_was_cancelled_is_not_made_and_may_be_cancelled_again() {
    play(async {
        let handle = call_later(millis(1), || panic!("it was cancelled"));
        handle.cancel();
        handle.cancel();
        yield_from(sleep(millis(10))).await?;
        handle.cancel();
        Ok(())
    });
}

/// M6.03
#[test]
fn a_call_may_be_cancelled_by_an_earlier_one_of_the_same_turn() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let second: Rc<Cell<Option<TimerHandle>>> = Rc::default();
        let victim = Rc::clone(&second);
        call_later(millis(1), move || victim.take().unwrap().cancel());
        second.set(Some(call_later(millis(1), writes(&said, "cancelled"))));
        call_later(millis(1), writes(&said, "not cancelled"));
        yield_from(sleep(millis(10))).await
    });
    assert_eq!(*log.borrow(), ["not cancelled"]);
}

#[test]
fn what_a_cancelled_call_owns_is_dropped_at_once() {
    play(async {
        let owned = Rc::new(());
        let kept = Rc::downgrade(&owned);
        let handle = call_later(millis(1), move || drop(owned));
        handle.cancel();
        assert!(kept.upgrade().is_none());
        Ok(())
    });
}

/// M6.03, for one of the next turn.
#[test]
fn a_call_of_the_next_turn_may_be_taken_back_and_says_so() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    let main = coroutine(async move {
        let says = |what: &'static str| {
            let said = Rc::clone(&said);
            move || said.borrow_mut().push(what)
        };
        let second = Rc::new(RefCell::new(None::<Handle>));
        let cancels = Rc::clone(&second);
        call_soon(move || cancels.take().iter().for_each(Handle::cancel));
        second.replace(Some(call_soon(says("never"))));
        let kept = call_soon(says("called"));
        yield_from(sleep(Duration::ZERO)).await?;
        assert!(!kept.cancelled());
        kept.cancel();
        assert!(kept.cancelled(), "as asyncio has it: somebody asked, too late");
        Ok(())
    });
    run(main).unwrap().unwrap();
    assert_eq!(*log.borrow(), ["called"]);
}

/// M6.02, with a time instead of a delay.
#[test]
fn call_at_calls_at_that_time_and_its_handle_says_when() {
    let main = coroutine(async {
        let (when, done) = (now() + Duration::from_millis(20), Future::new());
        let late = call_at(when, || ());
        late.cancel();
        assert!(late.cancelled());
        let set = done.clone();
        let handle = call_at(when, move || set.set_result(now()).unwrap());
        assert_eq!(handle.when(), Some(when));
        assert!(yield_from(done).await? >= when);
        assert_eq!(call_later(Duration::MAX, || ()).when(), None, "never");
        Ok(())
    });
    backend::scope(Clockwork::new(), || run(main)).unwrap().unwrap();
}

/// M6.06
#[test]
fn a_loop_cannot_be_run_inside_another_one() {
    let refused = run(coroutine(async {
        let nested = coroutine(async { run(coroutine(async { Ok(()) }))? });
        yield_from(&spawn(nested)).await
    }));
    let failure = refused.unwrap().unwrap_err();
    assert!(failure.is::<Panicked>());
    assert!(failure.to_string().contains("cannot be called from a running event loop"));
}

/// M6.06
#[test]
fn one_loop_may_follow_another() {
    for _ in 0..2 {
        play(async { yield_from(sleep(millis(1))).await });
    }
}

/// M6.06
#[test]
#[should_panic(expected = "no event loop is running on this thread")]
fn without_a_loop_nothing_can_be_scheduled() {
    call_soon(|| ());
}

#[test]
#[should_panic(expected = "yield_from outside a coroutine")]
fn outside_a_coroutine_nobody_can_wait() {
    let future = Future::<()>::new();
    let mut waits = Box::pin(yield_from(&future));
    let waker = std::task::Waker::noop();
    let _ = waits.as_mut().poll(&mut std::task::Context::from_waker(waker));
}

/// M6.07
#[test]
fn a_callback_that_panics_is_reported_and_the_others_are_called() {
    let log = Log::default();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let (said, heard) = (Rc::clone(&log), Rc::clone(&reports));
    on_report(move |report| heard.borrow_mut().push(report.to_owned()));
    play(async move {
        call_soon(|| panic!("one of many"));
        call_soon(writes(&said, "the next"));
        turn().await
    });
    assert_eq!(*log.borrow(), ["the next"]);
    assert_eq!(
        *reports.borrow(),
        ["Unhandled error in a callback: panicked: one of many"]
    );
}

/// A thread that waits until the loop very probably sleeps, and does `act` then.
fn later(act: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let (_kept, nothing) = mpsc::channel::<()>();
        nothing.recv_timeout(millis(20)).unwrap_err();
        act();
    })
}

/// M6.09
#[test]
fn another_thread_wakes_a_sleeping_loop() {
    let main = coroutine(async {
        let (set, future) = signal();
        let thread = later(move || set.set());
        let waits = coroutine(async move { yield_from(&future).await });
        yield_from(timeout(Duration::from_secs(30), waits)).await?;
        thread.join().unwrap();
        Ok(())
    });
    run(main).unwrap().unwrap();
}

/// M6.09
#[test]
fn what_another_thread_asks_for_is_called_on_the_thread_of_the_loop() {
    thread_local! {
        static HERE: Cell<bool> = const { Cell::new(false) };
    }
    let main = coroutine(async {
        HERE.set(true);
        let remote = remote();
        let (set, called) = signal();
        let thread = thread::spawn(move || {
            remote.call_soon_threadsafe(move || {
                assert!(HERE.get(), "it is another thread's");
                set.set();
            });
        });
        let waits = coroutine(async move { yield_from(&called).await });
        yield_from(timeout(Duration::from_secs(30), waits)).await?;
        thread.join().unwrap();
        Ok(())
    });
    run(main).unwrap().unwrap();
}

/// M7.08
#[test]
fn calls_of_one_thread_come_in_its_order_and_none_is_lost() {
    let main = coroutine(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (set, all) = signal();
        let threads = [0, 1, 2, 3].map(|thread| {
            let (remote, seen, set) = (remote(), Arc::clone(&seen), set.clone());
            thread::spawn(move || {
                for n in 0..250 {
                    let (seen, set) = (Arc::clone(&seen), set.clone());
                    remote.call_soon_threadsafe(move || {
                        let mut seen = seen.lock().unwrap();
                        seen.push((thread, n));
                        if seen.len() == 1000 {
                            set.set();
                        }
                    });
                }
            })
        });
        let waits = coroutine(async move { yield_from(&all).await });
        yield_from(timeout(Duration::from_secs(30), waits)).await?;
        for thread in threads {
            thread.join().unwrap();
        }
        let seen = seen.lock().unwrap();
        for thread in 0..4 {
            let calls = seen.iter().filter(|call| call.0 == thread).map(|call| call.1);
            assert!(calls.eq(0..250), "of thread {thread}");
        }
        Ok(())
    });
    run(main).unwrap().unwrap();
}

#[test]
fn a_signal_whose_future_is_gone_is_never_taken_for_another() {
    play(async {
        let (stale, gone) = signal();
        drop(gone);
        let (_fresh, future) = signal();
        stale.set();
        // For what is called in a turn that comes after the next.
        yield_from(sleep(millis(1))).await?;
        assert!(!future.done());
        Ok(())
    });
}

#[test]
fn of_two_signals_each_finishes_its_own_future() {
    play(async {
        let (one, two) = (signal(), signal());
        one.0.set();
        yield_from(sleep(millis(1))).await?;
        assert_eq!((one.1.done(), two.1.done()), (true, false));
        two.0.set();
        yield_from(sleep(millis(1))).await?;
        assert!(two.1.done());
        Ok(())
    });
}

#[test]
fn a_loop_that_is_gone_calls_nobody() {
    let kept = Rc::new(RefCell::new(None));
    let slot = Rc::clone(&kept);
    play(async move {
        slot.replace(Some(remote()));
        Ok(())
    });
    let (remote, owned) = (kept.take().unwrap(), Arc::new(()));
    let kept = Arc::clone(&owned);
    remote.call_soon_threadsafe(move || panic!("there is no loop any more: {kept:?}"));
    assert_eq!(Arc::strong_count(&owned), 1, "nor is it kept for anybody");
    play(turn());
}

#[test]
fn where_nothing_can_happen_any_more_a_virtual_clock_says_so() {
    let stuck = coroutine(async { yield_from(&Future::<()>::new()).await });
    let end = backend::scope(Clockwork::new(), || run(stuck));
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::Deadlock);
}

/// A clockwork that counts how often it is asked for events.
#[derive(Debug)]
struct Counts(Rc<Clockwork>, Cell<u32>);

impl Backend for Counts {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.0.listen(token, address)
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.0.connect(token, address)
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.0.arm(token, direction);
    }

    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.1.set(self.1.get() + 1);
        self.0.wait(timeout, events)
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }
}

/// Ten turns are ten system calls less.
#[test]
fn between_turns_nobody_is_asked_where_nobody_could_answer() {
    let counts = Rc::new(Counts(Clockwork::new(), Cell::default()));
    backend::scope(Rc::clone(&counts) as _, || {
        run(coroutine(async {
            for _ in 0..10 {
                turn().await?;
            }
            Ok(())
        }))
    })
    .unwrap()
    .unwrap();
    assert_eq!(counts.1.get(), 0);
    backend::scope(Rc::clone(&counts) as _, || {
        run(coroutine(async {
            call_later(millis(1), || ());
            turn().await
        }))
    })
    .unwrap()
    .unwrap();
    assert!(counts.1.get() > 0, "a timer can answer");
}

/// Uses the loop when it is dropped.
struct Last(Log);

impl Drop for Last {
    fn drop(&mut self) {
        call_soon(|| panic!("the loop has ended"));
        self.0.borrow_mut().push("dropped");
    }
}

#[test]
fn callbacks_and_tasks_that_are_left_are_dropped_while_the_loop_is_current() {
    let log = Log::default();
    let (in_task, in_callback) = (Last(Rc::clone(&log)), Last(Rc::clone(&log)));
    play(async move {
        spawn(coroutine(async move {
            let _last = in_task;
            yield_from(sleep(millis(1000))).await
        }));
        turn().await?;
        call_soon(move || drop(in_callback));
        Ok(())
    });
    assert_eq!(*log.borrow(), ["dropped", "dropped"]);
}

/// They count as left, though there is hardly anything else.
#[test]
fn many_calls_of_other_threads_may_be_left_that_nobody_took() {
    let owned = Arc::new(());
    let kept = [(); 3].map(|()| Arc::clone(&owned));
    play(async move {
        for kept in kept {
            remote().call_soon_threadsafe(move || panic!("too late: {kept:?}"));
        }
        Ok(())
    });
    assert_eq!(Arc::strong_count(&owned), 1);
}

/// However many there are of the one, and how few of the other.
#[test]
fn many_callbacks_may_be_left_where_no_task_is() {
    let log = Log::default();
    let left = [(); 3].map(|()| Last(Rc::clone(&log)));
    play(async move {
        // In the last turn, so that nobody calls them.
        call_soon(move || {
            for last in left {
                call_soon(move || drop(last));
            }
        });
        Ok(())
    });
    assert_eq!(*log.borrow(), ["dropped"; 3]);
}
