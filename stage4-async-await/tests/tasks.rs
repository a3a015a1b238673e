//! Tasks, their loop and the clock against what CPython answered, polls counted.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{FAR, MS, story, turn};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{Elapsed, sleep, timeout};
use stage4_async_await::{run, spawn};

const YEARS: Duration = Duration::from_hours(40 * 365 * 24);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Counts how often a future is polled.
async fn counted<F: Future>(polls: &Cell<u32>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        polls.set(polls.get() + 1);
        future.as_mut().poll(context)
    })
    .await
}

/// M5.01, M6.14: calling runs nothing, spawning runs nothing yet, tasks start in order.
#[test]
fn nothing_runs_before_its_turn_and_tasks_start_in_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let say = |name| {
            let log = Rc::clone(&said);
            async move { log.borrow_mut().push(name) }
        };
        let never_awaited = say("no");
        let (a, b) = (spawn(say("a")), spawn(say("b")));
        said.borrow_mut().push("spawned");
        b.await;
        a.await;
        drop(never_awaited);
    });
    assert_eq!(log.take(), ["spawned", "a", "b"]);
}

/// Says something when it is dropped.
struct Finally(Log, &'static str);

impl Drop for Finally {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

/// M5.09, M5.10: what cleans up runs inner to outer; of what never began, nothing runs.
#[test]
fn a_dropped_future_cleans_up_from_the_inside_out() {
    let log = Log::default();
    let (outer_log, inner_log) = (Rc::clone(&log), Rc::clone(&log));
    story(async move {
        let inner = async move {
            let _inner = Finally(inner_log, "i");
            sleep(FAR).await;
        };
        let task = spawn(async move {
            let _outer = Finally(outer_log, "o");
            inner.await;
        });
        turn().await;
        assert_eq!(task.cancel().await, None);
    });
    assert_eq!(log.take(), ["i", "o"]);
}

/// M6.16
#[test]
fn a_task_that_is_cancelled_before_its_first_step_never_begins() {
    let began = Rc::new(Cell::new(false));
    let flag = Rc::clone(&began);
    story(async move {
        let task = spawn(async move { flag.set(true) });
        assert_eq!(task.cancel().await, None);
    });
    assert!(!began.get());
}

/// A task that is faster than its cancel gives its output.
#[test]
fn a_cancel_that_comes_too_late_gives_the_output() {
    story(async {
        let task = spawn(async { 7 });
        turn().await;
        turn().await;
        assert!(task.is_finished());
        assert_eq!(task.cancel().await, Some(7));
    });
}

/// A handle that is dropped lets its task run on.
#[test]
fn a_task_does_not_need_its_handle() {
    let ran = Rc::new(Cell::new(false));
    let flag = Rc::clone(&ran);
    story(async move {
        drop(spawn(async move {
            sleep(MS).await;
            flag.set(true);
        }));
        sleep(2 * MS).await;
    });
    assert!(ran.get());
}

/// M6.02, and the polls are counted: a sleep costs two, whatever happens meanwhile.
#[test]
fn a_sleep_is_polled_twice_and_never_early() {
    let (polls, took) = story(async {
        let noisy = spawn(async {
            for _ in 0..100 {
                turn().await;
            }
        });
        let polls = Cell::new(0);
        counted(&polls, sleep(10 * MS)).await;
        noisy.await;
        polls.get()
    });
    assert_eq!((polls, took), (2, 10 * MS));
}

/// Python's `asyncio.sleep(0)`: a sleep of no time is a turn for the others.
#[test]
fn a_sleep_of_no_time_lets_the_others_run() {
    let log = Log::default();
    let (one, two) = (Rc::clone(&log), Rc::clone(&log));
    let ((), took) = story(async move {
        let other = spawn(async move {
            two.borrow_mut().push("a");
            sleep(Duration::ZERO).await;
            two.borrow_mut().push("b");
        });
        sleep(Duration::ZERO).await;
        one.borrow_mut().push("between");
        other.await;
    });
    assert_eq!(log.take(), ["a", "between", "b"]);
    assert_eq!(took, Duration::ZERO);
}

/// A sleep that is dropped takes its timer back: nobody waits for it.
#[test]
fn a_dropped_sleep_leaves_no_timer() {
    let ((), took) = story(async {
        {
            let mut far = pin!(sleep(FAR));
            poll_fn(|context| {
                assert!(far.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        sleep(MS).await;
    });
    assert_eq!(took, MS);
}

/// A future that moves from one task to another is woken where it is.
#[test]
fn a_sleep_wakes_the_task_that_polled_it_last() {
    let (woken, _) = story(async {
        let mut nap = Box::pin(sleep(MS));
        poll_fn(|context| {
            assert!(nap.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        spawn(nap).await;
        true
    });
    assert!(woken);
}

/// M6.21: on timeout the body is dropped; in time its timer is taken back.
#[test]
fn a_timeout_drops_its_body() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let body = async {
            let _finally = Finally(Rc::clone(&said), "cleanup");
            sleep(FAR).await;
        };
        assert_eq!(timeout(10 * MS, body).await, Err(Elapsed));
        said.borrow_mut().push("TO");
        assert_eq!(timeout(FAR, async { 1 }).await, Ok(1));
        assert_eq!(timeout(MS, sleep(MS)).await, Ok(()), "both at once: it is there");
        assert_eq!(timeout(Duration::MAX, sleep(MS)).await, Ok(()));
        assert_eq!(timeout(Duration::MAX, sleep(YEARS)).await, Ok(()), "never is later");
    });
    assert_eq!(log.take(), ["cleanup", "TO"]);
    assert_eq!(took, 12 * MS + YEARS);
}

/// M6.06
#[test]
fn run_inside_run_and_spawn_outside_are_mistakes_that_are_explained() {
    let nested = run(async { catch_unwind(|| run(async {})).unwrap_err() }).unwrap();
    let nested = nested.downcast_ref::<&str>().unwrap();
    assert!(nested.contains("run() cannot be called from a running event loop"));
    let outside = catch_unwind(|| drop(spawn(async {}))).unwrap_err();
    let outside = outside.downcast_ref::<String>().unwrap();
    assert!(outside.contains("no event loop is running on this thread"), "{outside}");
}

/// M6.07: a panic ends its own task, and travels to whoever awaits it.
#[test]
fn a_panic_in_a_task_leaves_the_others_alone() {
    let (went_on, _) = story(async {
        let bad = spawn(async { panic!("in a task") });
        let good = spawn(async {
            sleep(MS).await;
            "goes on"
        });
        let mut bad = Box::pin(bad);
        let panic = poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| bad.as_mut().poll(context))) {
                Ok(poll) => poll.map(Ok::<(), _>),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        })
        .await;
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"in a task"));
        drop(spawn(async { panic!("nobody awaits this one") }));
        good.await
    });
    assert_eq!(went_on, "goes on");
}

/// A main that panics takes its loop with it, and the next one is as good as new.
#[test]
fn after_a_panic_in_main_the_thread_can_run_another_loop() {
    let weak = Rc::new(Cell::new(std::rc::Weak::new()));
    let out = Rc::clone(&weak);
    let first = catch_unwind(AssertUnwindSafe(|| {
        run(async move {
            let kept = Rc::new(());
            out.set(Rc::downgrade(&kept));
            drop(spawn(async move {
                sleep(FAR).await;
                drop(kept);
            }));
            turn().await;
            panic!("main");
        })
    }));
    assert!(first.is_err());
    assert_eq!(weak.take().strong_count(), 0, "what was left is dropped");
    assert_eq!(run(async { 1 }).unwrap(), 1);
}

/// M7.07, M7.08: wakes from other threads end the loop's sleep, and none is lost.
#[test]
fn wakes_from_other_threads_arrive() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    run(async move {
        let mut started = false;
        poll_fn(move |context| {
            if !std::mem::replace(&mut started, true) {
                for thread in 0..4 {
                    let (waker, log) = (context.waker().clone(), Arc::clone(&log));
                    thread::spawn(move || {
                        for n in 0..250 {
                            log.lock().unwrap().push((thread, n));
                            waker.wake_by_ref();
                        }
                    });
                }
            }
            if log.lock().unwrap().len() == 1000 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    for thread in 0..4 {
        assert!(seen.iter().filter(|(it, _)| *it == thread).is_sorted());
    }
}

/// A wake during a poll is a wake after it: the lost wake-up.
#[test]
fn a_task_that_is_woken_while_it_runs_runs_again() {
    let (polls, _) = story(async {
        let polls = Rc::new(Cell::new(0));
        let counting = Rc::clone(&polls);
        spawn(poll_fn(move |context| {
            counting.set(counting.get() + 1);
            context.waker().wake_by_ref();
            if counting.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
        }))
        .await;
        polls.get()
    });
    assert_eq!(polls, 3);
}

/// Many wakes before a turn are one turn.
#[test]
fn many_wakes_are_one_poll() {
    let (polls, _) = story(async {
        let waker = Rc::new(RefCell::new(None::<Waker>));
        let polls = Rc::new(Cell::new(0));
        let (left, counting) = (Rc::clone(&waker), Rc::clone(&polls));
        drop(spawn(poll_fn(move |context| {
            counting.set(counting.get() + 1);
            left.replace(Some(context.waker().clone()));
            Poll::<()>::Pending
        })));
        turn().await;
        for _ in 0..10 {
            waker.borrow().as_ref().unwrap().wake_by_ref();
        }
        sleep(MS).await;
        polls.get()
    });
    assert_eq!(polls, 2);
}

/// A waker that outlives its task wakes nobody, least of all the next task in its place.
#[test]
fn a_stale_waker_does_not_poll_the_successor() {
    let (polls, _) = story(async {
        let kept = Rc::new(RefCell::new(None::<Waker>));
        let keep = Rc::clone(&kept);
        spawn(poll_fn(move |context| {
            keep.replace(Some(context.waker().clone()));
            Poll::Ready(())
        }))
        .await;
        let polls = Rc::new(Cell::new(0));
        let counting = Rc::clone(&polls);
        drop(spawn(poll_fn(move |_| {
            counting.set(counting.get() + 1);
            Poll::<()>::Pending
        })));
        sleep(MS).await;
        let before = polls.get();
        kept.take().unwrap().wake();
        sleep(MS).await;
        (before, polls.get())
    });
    assert_eq!(polls, (1, 1));
}

/// M6.23 in small: who joins gets the outputs in its own order, not in that of the ends.
#[test]
fn handles_give_their_outputs_in_the_order_of_the_asking() {
    let (outputs, took) = story(async {
        let tasks = [3, 1, 2].map(|n| {
            spawn(async move {
                sleep(n * MS).await;
                n
            })
        });
        let mut outputs = Vec::new();
        for task in tasks {
            outputs.push(task.await);
        }
        outputs
    });
    assert_eq!(outputs, [3, 1, 2]);
    assert_eq!(took, 3 * MS);
}

/// M6.41 in small: first come, first served; who was cancelled is passed over; a permit that
/// was handed to a task that is cancelled in the same turn is not lost.
#[test]
fn permits_are_handed_out_in_order_and_never_lost() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| {
            let (semaphore, log) = (Rc::clone(&semaphore), Rc::clone(&said));
            spawn(async move {
                let _permit = semaphore.acquire().await;
                log.borrow_mut().push(name);
                sleep(MS).await;
            })
        });
        turn().await;
        assert_eq!(a.cancel().await, None);
        // The permit becomes b's, which is cancelled before it has run.
        drop(permit);
        assert_eq!(b.cancel().await, None);
        d.await;
        c.await;
        drop(semaphore.acquire().await);
    });
    assert_eq!(log.take(), ["c", "d"]);
}

/// What enters and leaves, and says so.
struct Scope {
    log: Log,
    fails: &'static str,
}

impl Manager for Scope {
    type Error = &'static str;

    async fn enter(&mut self) -> Result<(), &'static str> {
        sleep(MS).await;
        self.log.borrow_mut().push("enter");
        if self.fails == "enter" { Err("enter") } else { Ok(()) }
    }

    async fn exit(
        self,
        end: Option<Result<(), &&'static str>>,
    ) -> Result<(), &'static str> {
        sleep(MS).await;
        self.log.borrow_mut().push(match end {
            Some(Ok(())) => "exit(ok)",
            Some(Err(error)) => error,
            None => "exit(cancelled)",
        });
        if self.fails == "exit" { Err("exit") } else { Ok(()) }
    }
}

fn scope(log: &Log, fails: &'static str) -> Scope {
    Scope { log: Rc::clone(log), fails }
}

/// M5.12, M5.13, M5.14, M5.15: enter, body, exit; on an early return too.
#[test]
fn a_with_enters_and_leaves_however_its_body_ends() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let good = with(scope(&said, ""), async |_| {
            said.borrow_mut().push("body");
            Ok(1)
        });
        assert_eq!(good.await, Ok(1));
        assert_eq!(said.take(), ["enter", "body", "exit(ok)"]);

        let early = with(scope(&said, ""), async |_| {
            Err("body fails")?;
            Ok(1)
        });
        assert_eq!(early.await, Err("body fails"));
        assert_eq!(said.take(), ["enter", "body fails"]);

        let not_entered = with(scope(&said, "enter"), async |_| Ok(1));
        assert_eq!(not_entered.await, Err("enter"));
        assert_eq!(said.take(), ["enter"]);

        let exit_fails = with(scope(&said, "exit"), async |_| Ok(1));
        assert_eq!(exit_fails.await, Err("exit"));
    });
}

/// M5.11, M5.27 (model A): a drop cannot await, so the exits are left to the task, which
/// awaits them, inner before outer, before it counts as finished.
#[test]
fn a_cancelled_task_awaits_the_exits_it_leaves_behind() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(async move {
            let outer = Scope { log: Rc::clone(&inside), fails: "" };
            with(outer, async |_| {
                let inner = Scope { log: Rc::clone(&inside), fails: "" };
                with(inner, async |_| {
                    sleep(FAR).await;
                    Ok(())
                })
                .await
            })
            .await
        });
        sleep(10 * MS).await;
        assert_eq!(task.cancel().await, None);
        said.borrow_mut().push("cancelled");
    });
    let cancelled = "exit(cancelled)";
    assert_eq!(log.take(), ["enter", "enter", cancelled, cancelled, "cancelled"]);
    assert_eq!(took, 12 * MS);
}

/// M6.48, M6.21: the same at a timeout, and at the end of the loop.
#[test]
fn exits_are_awaited_at_a_timeout_and_at_the_end_of_the_loop() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let body = with(scope(&said, ""), async |_| {
            sleep(FAR).await;
            Ok(())
        });
        assert_eq!(timeout(10 * MS, body).await, Err(Elapsed));
        assert_eq!(said.take(), ["enter", "exit(cancelled)"]);
        let left = Rc::clone(&said);
        drop(spawn(async move {
            with(scope(&left, ""), async |_| {
                sleep(FAR).await;
                Ok(())
            })
            .await
        }));
        sleep(10 * MS).await;
    });
    assert_eq!(log.take(), ["enter", "exit(cancelled)"]);
}

/// A handle gives its output once.
#[test]
fn a_handle_that_is_polled_after_its_end_panics() {
    story(async {
        let mut task = spawn(async { 1 });
        assert_eq!((&mut task).await, 1);
        let again = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::from_waker(Waker::noop());
            let _ = Pin::new(&mut task).poll(&mut context);
        }));
        assert!(again.is_err());
    });
}
