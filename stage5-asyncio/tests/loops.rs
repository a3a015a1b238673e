//! The loop as a value, against what CPython's asyncio answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{
    FAR, Log, MS, ending, panic_of, reports_of, story, turn, turns, virtual_loop,
};
use reactor::backend::{self, Clockwork};
use stage5_asyncio::events::{
    AbstractEventLoop, Handle, Ready, TimerHandle, install, with_loop_factory,
};
use stage5_asyncio::exceptions::Cancelled;
use stage5_asyncio::extras::remote::Remote;
use stage5_asyncio::runners::Runner;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    EventLoop, Task, catch_cancel, create_task, finally, get_running_loop,
    new_event_loop, run, selector_events,
};

fn logs(log: &Log, what: &'static str) -> impl FnOnce() + 'static {
    let log = log.clone();
    move || log.say(what)
}

fn stops(event_loop: &EventLoop) -> impl FnOnce() + 'static {
    let event_loop = event_loop.clone();
    move || event_loop.stop()
}

/// M6.01
#[test]
fn callbacks_are_first_come_first_served_and_what_they_queue_waits_for_the_next_turn() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let (inner, said) = (event_loop.clone(), log.clone());
    event_loop.call_soon(move || {
        said.say("a");
        inner.call_soon(logs(&said, "c"));
    });
    event_loop.call_soon(logs(&log, "b"));
    let inner = event_loop.clone();
    event_loop.call_soon(move || drop(inner.call_soon(stops(&inner))));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["a", "b", "c"]);
}

/// M6.02
#[test]
fn timers_are_called_by_deadline_and_never_early() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let start = event_loop.time();
    for (after, name) in [(30, "30"), (10, "10"), (0, "at once")] {
        let (inner, log) = (event_loop.clone(), log.clone());
        event_loop.call_later(after * MS, move || {
            assert!(inner.time() - start >= after * MS);
            log.say(name);
        });
    }
    event_loop.call_at(start + 50 * MS, stops(&event_loop));
    event_loop.call_at(None, logs(&log, "never"));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["at once", "10", "30"]);
    assert_eq!(event_loop.time() - start, 50 * MS);
}

/// M7.09
#[test]
fn timers_of_one_deadline_keep_their_order() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let when = event_loop.time() + MS;
    for name in ["a", "b", "c", "d"] {
        event_loop.call_at(when, logs(&log, name));
    }
    event_loop.call_at(when, stops(&event_loop));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["a", "b", "c", "d"]);
}

/// M6.03
#[test]
fn a_cancelled_handle_does_not_run_not_even_in_the_turn_that_cancels_it() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let victim = Rc::new(RefCell::new(None::<Handle>));
    let found = Rc::clone(&victim);
    event_loop.call_soon(move || found.borrow().as_ref().unwrap().cancel());
    let handle = event_loop.call_soon(logs(&log, "no"));
    victim.replace(Some(handle.clone()));
    let timer = event_loop.call_later(MS, logs(&log, "no, either"));
    timer.cancel();
    timer.cancel();
    let done = event_loop.call_soon(|| {});
    event_loop.call_later(10 * MS, stops(&event_loop));
    event_loop.run_forever().unwrap();
    assert!(log.take().is_empty());
    assert!(handle.cancelled() && timer.cancelled());
    done.cancel();
    assert!(!done.cancelled(), "it was called before");
}

/// A callback owns things, and a cancel gives them back at once.
#[test]
fn a_cancelled_callback_is_dropped_now_and_a_timer_leaves_the_reactor() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let owned = common::Dropped(log.clone(), "dropped");
    let timer: TimerHandle = event_loop.call_later(FAR, move || drop(owned));
    assert_eq!(event_loop.reactor().timers(), 1);
    timer.cancel();
    assert_eq!(log.take(), ["dropped"]);
    assert_eq!(event_loop.reactor().timers(), 0);
}

/// M6.04: what is lost is nothing; where the cut is, loops differ.
#[test]
fn a_loop_that_is_stopped_keeps_what_is_queued_for_the_next_run() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    event_loop.call_soon(stops(&event_loop));
    event_loop.call_soon(logs(&log, "same turn"));
    let (inner, said) = (event_loop.clone(), log.clone());
    event_loop.call_soon(move || drop(inner.call_soon(logs(&said, "next"))));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["same turn"]);
    event_loop.call_soon(stops(&event_loop));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["next"]);
}

/// M6.05
#[test]
fn a_loop_that_is_stopped_before_it_runs_takes_one_turn() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    event_loop.stop();
    event_loop.call_soon(logs(&log, "once"));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["once"]);
}

/// M6.06
#[test]
fn a_loop_says_when_it_is_used_in_vain() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let (inner, said) = (event_loop.clone(), log.clone());
    event_loop.call_soon(move || {
        assert!(inner.is_running());
        said.say(panic_of(|| inner.run_forever()));
        said.say(panic_of(|| inner.close()));
        inner.stop();
    });
    event_loop.run_forever().unwrap();
    assert!(!event_loop.is_running());
    event_loop.close();
    event_loop.close();
    assert!(event_loop.is_closed());
    log.say(panic_of(|| event_loop.call_soon(|| {})));
    log.say(panic_of(|| event_loop.run_forever()));
    log.say(panic_of(|| event_loop.create_task(async {})));
    let said = log.take();
    assert!(said[0].contains("running on this thread already"), "{said:?}");
    assert!(said[1].contains("cannot be closed"), "{said:?}");
    assert!(said[2..].iter().all(|it| it.contains("is closed")), "{said:?}");
    assert_eq!(said.len(), 5);
}

/// M6.07
#[test]
fn a_callback_that_panics_is_told_to_the_exception_handler_and_the_others_run() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    let said = log.clone();
    event_loop.set_exception_handler(move |_, context| {
        let has_all = context.handle.is_some() && context.exception.is_some();
        said.say(format_args!("{} {has_all}", &context.message[..21]));
    });
    event_loop.call_soon(|| panic!("ouch"));
    event_loop.call_soon(logs(&log, "next"));
    event_loop.call_soon(stops(&event_loop));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["Exception in callback true", "next"]);
}

/// M6.08
#[test]
fn an_exception_handler_that_panics_stops_nobody() {
    let (event_loop, log) = (virtual_loop(), Log::default());
    event_loop.set_exception_handler(|_, _| panic!("worse"));
    event_loop.call_soon(|| panic!("ouch"));
    event_loop.call_soon(logs(&log, "alive"));
    event_loop.call_soon(stops(&event_loop));
    event_loop.run_forever().unwrap();
    assert_eq!(log.take(), ["alive"]);
    event_loop.reset_exception_handler();
}

/// M6.09: the only part of a loop that may go to another thread.
#[test]
fn a_call_from_another_thread_wakes_a_loop_that_sleeps() {
    let event_loop = new_event_loop().unwrap();
    event_loop.call_later(FAR, || panic!("it slept for an hour"));
    let (here, remote) = (thread::current().id(), event_loop.remote());
    let inner = event_loop.remote();
    let other = thread::spawn(move || {
        remote.call_soon_threadsafe(move || {
            assert_eq!(thread::current().id(), here);
            get_running_loop().stop();
        });
    });
    event_loop.run_forever().unwrap();
    other.join().unwrap();
    event_loop.call_soon_threadsafe(|| get_running_loop().stop());
    event_loop.run_forever().unwrap();
    event_loop.close();
    inner.call_soon_threadsafe(|| unreachable!("the loop is closed"));
}

/// M7.08
#[test]
fn calls_from_four_threads_all_arrive_each_threads_in_order() {
    let event_loop = new_event_loop().unwrap();
    let (count, senders) = (Rc::new(Cell::new(0)), 4);
    event_loop.call_later(Duration::from_mins(1), || panic!("some were lost"));
    thread::scope(|scope| {
        for sender in 0..senders {
            let remote = event_loop.remote();
            scope.spawn(move || {
                for n in 0..250 {
                    remote.call_soon_threadsafe(move || arrived(sender, n));
                }
            });
        }
        let (inner, seen) = (event_loop.clone(), Rc::clone(&count));
        let watch = event_loop.create_task(async move {
            while ARRIVED.with_borrow(|it| it.iter().sum::<u32>()) < 1000 {
                seen.set(seen.get() + 1);
                turn().await;
            }
            inner.stop();
        });
        event_loop.run_forever().unwrap();
        assert!(watch.done());
    });
    assert!(count.get() > 0);
    assert_eq!(ARRIVED.take(), [250; 4]);
}

thread_local! {
    static ARRIVED: RefCell<[u32; 4]> = const { RefCell::new([0; 4]) };
}

fn arrived(sender: usize, n: u32) {
    ARRIVED.with_borrow_mut(|it| {
        assert_eq!(it[sender], n, "in order");
        it[sender] += 1;
    });
}

/// M6.48
#[test]
fn run_cancels_who_is_left_and_waits_for_their_exits_and_cannot_be_nested() {
    let log = Log::default();
    let said = log.clone();
    let (output, _) = story(async move {
        let background = said.clone();
        let task = create_task(async move {
            finally(sleep(FAR), async || {
                turn().await;
                background.say("left over, and cancelled");
            })
            .await;
        });
        turn().await;
        said.say(panic_of(|| run(async {})));
        drop(task);
        "output"
    });
    log.say(output);
    let said = log.take();
    assert!(said[0].contains("await the future instead"), "{said:?}");
    assert_eq!(said[1..], ["left over, and cancelled", "output"]);
}

/// M6.48: main's end does not end what was left before the others are asked.
#[test]
fn a_task_that_refuses_to_be_cancelled_at_the_end_is_waited_for() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let task = create_task(async move {
            assert_eq!(catch_cancel(sleep(FAR)).await, Err(Cancelled));
            sleep(MS).await;
            said.say("done all the same");
        });
        turn().await;
        drop(task);
    });
    assert_eq!(log.take(), ["done all the same"]);
}

/// M6.49
#[test]
fn run_until_complete_gives_the_value_or_says_that_it_was_stopped_early() {
    let event_loop = virtual_loop();
    let never = event_loop.create_future::<()>();
    event_loop.call_soon(stops(&event_loop));
    let stopped = event_loop.run_until_complete(never.clone()).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Interrupted);
    assert!(stopped.to_string().contains("stopped before"), "{stopped}");
    assert!(!never.done());

    let value = event_loop.run_until_complete(async {
        turn().await;
        "v"
    });
    assert_eq!(value.unwrap(), "v");
    let error: Result<(), _> = event_loop.run_until_complete(async { Err("b") }).unwrap();
    assert_eq!(error, Err("b"));
    let panic = panic_of(|| event_loop.run_until_complete(async { panic!("b") }));
    assert_eq!(panic, "b");

    never.cancel();
    let cancelled = event_loop.run_until_complete(never).unwrap_err();
    let is_cancelled = cancelled.downcast::<Cancelled>().is_ok();
    assert!(is_cancelled);
}

#[test]
fn a_runner_runs_several_times_on_one_loop() {
    backend::scope(Clockwork::new(), || {
        let runner = Runner::new().unwrap();
        let first = runner.run(async { get_running_loop() }).unwrap();
        let second = runner.run(async { get_running_loop() }).unwrap();
        assert!(first == second && &first == runner.get_loop());
        runner.close().unwrap();
        assert!(first.is_closed());
        drop((first, second));
    });
}

#[test]
fn a_loop_that_is_dropped_is_closed_and_says_who_was_pending() {
    let event_loop = virtual_loop();
    let (reports, log) = (reports_of(&event_loop), Log::default());
    let owned = common::Dropped(log.clone(), "dropped");
    let task = event_loop.create_task(async move {
        sleep(FAR).await;
        drop(owned);
    });
    let task = task.named("sleeper");
    event_loop.run_until_complete(turns(2)).unwrap();
    drop(event_loop);
    assert_eq!(log.take(), ["dropped"]);
    assert!(task.cancelled());
    let said = reports.take();
    assert!(
        said[0].starts_with("Task was destroyed but it is pending: sleeper"),
        "{said:?}"
    );
    assert_eq!(said.len(), 1);
}

#[test]
fn a_loop_that_waits_for_nothing_under_a_virtual_clock_says_so() {
    let (output, _) = ending(std::future::pending::<()>());
    assert_eq!(output.unwrap_err().kind(), ErrorKind::Deadlock);
}

/// An engine of one's own: it counts what is queued, and leaves the rest to the usual one.
#[derive(Debug)]
struct Counting(Box<dyn AbstractEventLoop>);

thread_local! {
    static QUEUED: Cell<u32> = const { Cell::new(0) };
}

fn counting() -> std::io::Result<Box<dyn AbstractEventLoop>> {
    Ok(Box::new(Counting(selector_events::open()?)))
}

impl AbstractEventLoop for Counting {
    fn push(&self, next: Ready) {
        QUEUED.set(QUEUED.get() + 1);
        self.0.push(next);
    }

    fn run_forever(&self) -> std::io::Result<()> {
        self.0.run_forever()
    }

    fn stop(&self) {
        self.0.stop();
    }

    fn take_all(&self) -> Vec<Ready> {
        self.0.take_all()
    }

    fn queued(&self) -> usize {
        self.0.queued()
    }

    fn reactor(&self) -> &reactor::Reactor<Ready> {
        self.0.reactor()
    }

    fn remote(&self) -> &std::sync::Arc<Remote> {
        self.0.remote()
    }
}

/// The talk's "pluggable event loop": a program does not change, whatever it runs on.
#[test]
fn another_engine_can_be_plugged_in_for_a_scope_a_runner_or_the_process() {
    let program = || async {
        let tasks: Vec<Task<()>> = (0..3).map(|_| create_task(turns(2))).collect();
        for task in tasks {
            task.await;
        }
    };
    with_loop_factory(counting, || run(program()).unwrap());
    let counted = QUEUED.take();
    assert!(counted >= 9, "{counted}");

    Runner::with_factory(counting).unwrap().run(program()).unwrap();
    assert!(QUEUED.take() >= 9);

    run(program()).unwrap();
    assert_eq!(QUEUED.take(), 0, "only there");

    let before = install(counting);
    run(program()).unwrap();
    install(before.unwrap_or(selector_events::open));
    assert!(QUEUED.take() >= 9);
}
