//! Futures, tasks and the loop against what asyncio answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::failure::on_report;
use stage3_yield_from::future::{Cancelled, InvalidState};
use stage3_yield_from::net::{TcpListener, TcpStream};
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::time::{Elapsed, sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, call_later, call_soon, coroutine, remote, run, spawn,
    yield_from,
};

const MS: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyError")
    }
}

impl Error for KeyError {}

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Runs under a virtual clock; gives what was said, and how long it took.
fn story(main: impl FnOnce(Log) -> Coroutine<()>) -> (Vec<&'static str>, Duration) {
    let (clock, log) = (Clockwork::new(), Log::default());
    backend::scope(Rc::clone(&clock) as _, || {
        run(main(Rc::clone(&log))).unwrap().unwrap();
    });
    (log.take(), clock.elapsed())
}

/// Lets everything that is ready have its turn.
fn turn() -> Coroutine<()> {
    sleep(Duration::ZERO)
}

fn reports() -> Rc<RefCell<Vec<String>>> {
    let log = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&log);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    log
}

/// M6.01
#[test]
fn what_a_callback_schedules_waits_for_the_next_turn() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let (a, b) = (Rc::clone(&log), Rc::clone(&log));
            call_soon(move || {
                a.borrow_mut().push("a");
                call_soon(move || a.borrow_mut().push("a's"));
            });
            call_soon(move || b.borrow_mut().push("b"));
            yield_from(sleep(MS)).await
        })
    });
    assert_eq!(said, ["a", "b", "a's"]);
}

/// M6.02
#[test]
fn timers_come_by_deadline() {
    let (said, took) = story(|log| {
        coroutine(async move {
            for (ms, name) in [(30, "c"), (10, "a"), (20, "b"), (0, "now")] {
                let log = Rc::clone(&log);
                call_later(ms * MS, move || log.borrow_mut().push(name));
            }
            yield_from(sleep(30 * MS)).await
        })
    });
    assert_eq!(said, ["now", "a", "b", "c"]);
    assert_eq!(took, 30 * MS);
}

/// M6.03
#[test]
fn a_cancelled_call_is_not_made_even_in_its_own_turn() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let victim = Rc::new(Cell::new(None));
            let killer = Rc::clone(&victim);
            call_later(MS, move || {
                let victim: stage3_yield_from::event_loop::TimerHandle =
                    killer.take().unwrap();
                victim.cancel();
                victim.cancel();
            });
            let heard = Rc::clone(&log);
            victim.set(Some(call_later(2 * MS, move || heard.borrow_mut().push("no"))));
            yield_from(sleep(5 * MS)).await
        })
    });
    assert_eq!(said, [""; 0]);
}

/// M6.06
#[test]
fn run_inside_run_is_a_mistake_and_does_no_harm() {
    let nested = run(coroutine(async {
        Ok(catch_unwind(AssertUnwindSafe(|| run(turn()))).is_err())
    }));
    assert!(nested.unwrap().unwrap());
    let outside = catch_unwind(|| spawn(turn()).done()).unwrap_err();
    let outside = outside.downcast_ref::<String>().unwrap();
    assert!(outside.contains("no event loop is running on this thread"), "{outside}");
}

/// M6.07
#[test]
fn a_panic_in_a_callback_or_a_task_leaves_the_others_alone() {
    let reported = reports();
    let (said, _) = story(|log| {
        coroutine(async move {
            call_soon(|| panic!("in a callback"));
            let task =
                spawn(coroutine(async { panic!("in a task") as Result<(), Failure> }));
            call_soon(move || log.borrow_mut().push("goes on"));
            let failure = yield_from(&task).await.unwrap_err();
            assert_eq!(failure.to_string(), "panicked: in a task");
            Ok(())
        })
    });
    assert_eq!(said, ["goes on"]);
    let expected = ["Unhandled error in a callback: panicked: in a callback"];
    assert_eq!(*reported.borrow(), expected);
}

/// M6.09, M7.08
#[test]
fn calls_from_other_threads_wake_a_loop_that_sleeps() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    run(coroutine(async move {
        let (signal, all) = signal();
        for thread in 0..4 {
            let (remote, log, signal) = (remote(), Arc::clone(&log), signal.clone());
            thread::spawn(move || {
                for n in 0..250 {
                    let (log, signal) = (Arc::clone(&log), signal.clone());
                    remote.call_soon_threadsafe(move || {
                        let mut log = log.lock().unwrap();
                        log.push((thread, n));
                        if log.len() == 1000 {
                            signal.set();
                        }
                    });
                }
            });
        }
        yield_from(&all).await
    }))
    .unwrap()
    .unwrap();
    let seen = seen.lock().unwrap();
    for thread in 0..4 {
        let of_this: Vec<_> = seen.iter().filter(|(it, _)| *it == thread).collect();
        assert!(of_this.len() == 250 && of_this.is_sorted());
    }
}

/// M6.10
#[test]
fn a_future_is_finished_once() {
    let future = Future::new();
    assert!(!future.done());
    assert!(future.result().unwrap_err().is::<InvalidState>());
    future.set_result(1).unwrap();
    assert_eq!(future.set_result(2), Err(InvalidState));
    assert_eq!(future.set_exception(KeyError), Err(InvalidState));
    assert!(!future.cancel());
    assert_eq!(future.result().unwrap(), 1);
    assert_eq!(future.result().unwrap(), 1);

    let future = Future::<i32>::new();
    assert!(future.cancel());
    assert!(future.cancelled() && future.done());
    assert_eq!(future.set_result(1), Err(InvalidState));
    assert!(future.result().unwrap_err().is::<Cancelled>());
}

/// M6.11
#[test]
fn done_callbacks_run_through_the_loop_in_order_also_when_added_late() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let future = Future::new();
            for name in ["a", "b"] {
                let log = Rc::clone(&log);
                future.add_done_callback(move || log.borrow_mut().push(name));
            }
            future.set_result(()).unwrap();
            log.borrow_mut().push("after set_result");
            let late = Rc::clone(&log);
            future.add_done_callback(move || late.borrow_mut().push("late"));
            log.borrow_mut().push("after add");
            yield_from(turn()).await
        })
    });
    assert_eq!(said, ["after set_result", "after add", "a", "b", "late"]);
}

/// M6.12: a token instead of the function.
#[test]
fn a_removed_callback_is_not_called() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let future = Future::new();
            let heard = Rc::clone(&log);
            let id = future.add_done_callback(move || heard.borrow_mut().push("no"));
            assert!(future.remove_done_callback(id));
            assert!(!future.remove_done_callback(id));
            future.set_result(()).unwrap();
            yield_from(turn()).await
        })
    });
    assert_eq!(said, [""; 0]);
}

/// M6.13
#[test]
fn an_error_that_nobody_retrieved_is_reported_when_the_future_goes() {
    let reported = reports();
    let future = Future::<()>::new();
    future.set_exception(KeyError).unwrap();
    drop(future);
    assert_eq!(reported.take(), ["Future exception was never retrieved: KeyError"]);
    let future = Future::<()>::new();
    future.set_exception(KeyError).unwrap();
    assert!(future.result().is_err());
    drop(future);
    assert!(reported.take().is_empty());
}

/// M6.14
#[test]
fn a_task_does_not_run_inline_and_tasks_start_in_order() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let tasks = ["a", "b"].map(|name| {
                let log = Rc::clone(&log);
                spawn(coroutine(async move {
                    log.borrow_mut().push(name);
                    Ok(())
                }))
            });
            log.borrow_mut().push("spawned");
            for task in &tasks {
                yield_from(task).await?;
            }
            Ok(())
        })
    });
    assert_eq!(said, ["spawned", "a", "b"]);
}

/// M6.15
#[test]
fn a_task_gives_the_same_result_or_error_each_time() {
    story(|_| {
        coroutine(async {
            let good = spawn(coroutine(async { Ok(7) }));
            assert_eq!(yield_from(&good).await?, 7);
            assert_eq!(yield_from(&good).await?, 7);
            let bad = spawn(coroutine(async { Err::<(), _>(KeyError.into()) }));
            assert!(yield_from(&bad).await.unwrap_err().is::<KeyError>());
            assert!(yield_from(&bad).await.unwrap_err().is::<KeyError>());
            Ok(())
        })
    });
}

/// M6.16
#[test]
fn a_task_that_is_cancelled_before_its_first_step_never_begins() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let task = spawn(coroutine(async move {
                log.borrow_mut().push("no");
                Ok(())
            }));
            assert!(task.cancel());
            assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
            assert!(task.cancelled());
            assert!(!task.cancel(), "it is done");
            Ok(())
        })
    });
    assert_eq!(said, [""; 0]);
}

/// M6.17, as far as it goes here: a task may swallow a cancel.
#[test]
fn a_task_may_catch_a_cancel_and_return() {
    story(|_| {
        coroutine(async {
            let task = spawn(coroutine(async {
                let end = yield_from(sleep(Duration::from_hours(1))).await;
                end.unwrap_err().trap::<Cancelled>()?;
                Ok("swallowed")
            }));
            yield_from(turn()).await?;
            assert!(task.cancel());
            assert_eq!(yield_from(&task).await?, "swallowed");
            assert!(!task.cancelled());
            Ok(())
        })
    });
}

/// M6.19
#[test]
fn a_cancel_goes_to_what_is_awaited_and_comes_back_from_it() {
    story(|_| {
        coroutine(async {
            let inner = Future::<()>::new();
            let waited = inner.clone();
            let outer = spawn(coroutine(async move { yield_from(&waited).await }));
            yield_from(turn()).await?;
            outer.cancel();
            assert!(inner.cancelled());
            assert!(yield_from(&outer).await.unwrap_err().is::<Cancelled>());

            let inner = Future::<()>::new();
            let waited = inner.clone();
            let outer = spawn(coroutine(async move { yield_from(&waited).await }));
            yield_from(turn()).await?;
            inner.cancel();
            assert!(yield_from(&outer).await.unwrap_err().is::<Cancelled>());
            assert!(outer.cancelled());
            Ok(())
        })
    });
}

/// M6.21
#[test]
fn a_timeout_cancels_and_waits_for_the_cleanup() {
    let (said, took) = story(|log| {
        coroutine(async move {
            let cleaning = Rc::clone(&log);
            let body = coroutine(async move {
                let end = yield_from(sleep(Duration::from_hours(1))).await;
                yield_from(sleep(5 * MS)).await?;
                cleaning.borrow_mut().push("cleanup");
                end
            });
            let failure = yield_from(timeout(10 * MS, body)).await.unwrap_err();
            assert!(failure.is::<Elapsed>());
            log.borrow_mut().push("TO");
            Ok(())
        })
    });
    assert_eq!(said, ["cleanup", "TO"]);
    assert_eq!(took, 15 * MS);
}

/// M6.21, the other way: in time, and no timer is left that anybody would wait for.
#[test]
fn a_timeout_that_is_not_needed_takes_its_timer_back() {
    let (_, took) = story(|_| {
        coroutine(async {
            let body = coroutine(async {
                yield_from(sleep(MS)).await?;
                Ok(1)
            });
            assert_eq!(yield_from(timeout(Duration::from_hours(1), body)).await?, 1);
            Ok(())
        })
    });
    assert_eq!(took, MS);
}

/// M6.41 in small: first come, first served, and who was cancelled is passed over.
#[test]
fn permits_are_handed_out_in_order() {
    let (said, _) = story(|log| {
        coroutine(async move {
            let semaphore = Semaphore::new(1);
            let tasks = ["a", "b", "c"].map(|name| {
                let (semaphore, log) = (semaphore.clone(), Rc::clone(&log));
                spawn(coroutine(async move {
                    let _permit = yield_from(semaphore.acquire()).await?;
                    log.borrow_mut().push(name);
                    yield_from(sleep(MS)).await
                }))
            });
            yield_from(turn()).await?;
            tasks[1].cancel();
            yield_from(&tasks[0]).await?;
            yield_from(&tasks[2]).await?;
            assert!(tasks[1].cancelled());
            drop(yield_from(semaphore.acquire()).await?);
            Ok(())
        })
    });
    assert_eq!(said, ["a", "c"]);
}

/// A stream of the loop, and its peer in plain std.
fn with_peer(
    test: impl FnOnce(TcpStream, std::net::TcpStream) -> Coroutine<()> + 'static,
) {
    run(coroutine(async move {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
        let stream = yield_from(listener.accept()).await?;
        yield_from(test(stream, peer)).await
    }))
    .unwrap()
    .unwrap();
}

/// M7.05
#[test]
fn a_peer_that_closes_is_an_empty_read() {
    with_peer(|stream, peer| {
        drop(peer);
        coroutine(async move {
            assert_eq!(yield_from(stream.read()).await?, b"");
            Ok(())
        })
    });
}

/// M7.06
#[test]
fn a_refused_connection_is_a_failure() {
    let nobody: SocketAddr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let failure = run(TcpStream::connect(nobody)).unwrap().unwrap_err();
    let error: &io::Error = failure.get().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

/// M7.14 in small: and half a connection still carries everything.
#[test]
fn five_million_bytes_go_out_and_half_a_connection_comes_back() {
    let expected: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    with_peer(move |stream, mut peer| {
        let sent = expected.clone();
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            peer.write_all(b"thanks").unwrap();
            received
        });
        coroutine(async move {
            yield_from(stream.write_all(sent)).await?;
            stream.shutdown()?;
            assert_eq!(yield_from(stream.read()).await?, b"thanks");
            assert!(reader.join().unwrap() == expected);
            Ok(())
        })
    });
}

#[test]
fn a_cancelled_read_lets_go_of_the_socket() {
    with_peer(|stream, mut peer| {
        coroutine(async move {
            let reading =
                spawn(coroutine(async move { yield_from(stream.read()).await }));
            yield_from(sleep(5 * MS)).await?;
            reading.cancel();
            assert!(yield_from(&reading).await.is_err());
            peer.set_read_timeout(Some(Duration::from_secs(5)))?;
            drop(reading);
            yield_from(turn()).await?;
            assert_eq!(peer.read(&mut [0])?, 0, "the socket is closed");
            Ok(())
        })
    });
}

#[test]
fn a_second_reader_of_the_same_socket_is_refused() {
    with_peer(|stream, mut peer| {
        coroutine(async move {
            let other = stream.clone();
            let first = spawn(coroutine(async move { yield_from(other.read()).await }));
            yield_from(turn()).await?;
            let failure = yield_from(stream.read()).await.unwrap_err();
            let error: &io::Error = failure.get().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
            peer.write_all(b"x")?;
            assert_eq!(yield_from(&first).await?, b"x");
            Ok(())
        })
    });
}

/// What is left at the end of a loop is closed with it: circles of tasks and futures too.
#[test]
fn whatever_is_left_is_closed() {
    let kept = Rc::new(());
    let weak = Rc::downgrade(&kept);
    let (one, two, three) = (Rc::clone(&kept), Rc::clone(&kept), kept);
    with_peer(move |stream, peer| {
        coroutine(async move {
            spawn(coroutine(async move {
                let read = yield_from(stream.read()).await;
                drop(one);
                read
            }));
            spawn(coroutine(async move {
                let _kept = (two, peer);
                yield_from(sleep(Duration::from_hours(1))).await
            }));
            let semaphore = Semaphore::new(0);
            spawn(coroutine(async move {
                drop(yield_from(semaphore.acquire()).await?);
                drop(three);
                Ok(())
            }));
            yield_from(turn()).await
        })
    });
    assert_eq!(weak.strong_count(), 0);
}
