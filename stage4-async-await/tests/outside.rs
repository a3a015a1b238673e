//! Tasks that other threads start, by a handle; and who is left to wake a loop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "threads that have no loop may sleep")]

mod common;

use std::cell::RefCell;
use std::future::{Ready, pending};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{RecvError, TryRecvError, channel};
use std::thread;

use common::{FAR, MS, ending, in_time, reports, story};
use stage4_async_await::event_loop::{Handle, handle};
use stage4_async_await::task::yield_now;
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

/// M6.09: the loop sleeps, with nothing to wait for but the handle. The future is made on the
/// loop's thread, and need not be `Send`.
#[test]
fn a_task_that_another_thread_starts_ends_the_loops_sleep() {
    in_time(|| {
        run(async {
            let handle = handle();
            let own = thread::current().id();
            let other = thread::spawn(move || {
                // By then the loop very probably sleeps.
                thread::sleep(10 * MS);
                let make = || {
                    let shared = Rc::new(thread::current().id());
                    async move {
                        sleep(MS).await;
                        *shared
                    }
                };
                handle.spawn(make).recv()
            });
            let ended = spawn(async move {
                while !other.is_finished() {
                    sleep(MS).await;
                }
                other.join().unwrap()
            });
            assert_eq!(ended.await, Ok(own));
        })
        .unwrap();
    });
}

/// Four threads start five hundred tasks each: all of them run, those of each thread in order.
#[test]
fn tasks_that_many_threads_start_run_in_the_order_of_each() {
    let told = in_time(|| {
        run(async {
            let (handle, (say, told)) = (handle(), channel());
            for number in 0..4 {
                let (handle, say) = (handle.clone(), say.clone());
                let start = move |nth| {
                    let say = say.clone();
                    drop(handle.spawn(move || async move { say.send((number, nth)) }));
                };
                thread::spawn(move || (0..500).for_each(start));
            }
            drop((handle, say));
            // Until the last of them has dropped its sender.
            let mut all = Vec::new();
            loop {
                match told.try_recv() {
                    Ok(one) => all.push(one),
                    Err(TryRecvError::Empty) => sleep(MS).await,
                    Err(TryRecvError::Disconnected) => return all,
                }
            }
        })
        .unwrap()
    });
    for number in 0..4 {
        let of_one = told.iter().filter(|(it, _)| *it == number).map(|(_, nth)| *nth);
        assert!(of_one.eq(0..500));
    }
}

/// As long as somebody has a handle, somebody may call; when the last one is gone, nobody can.
#[test]
fn the_drop_of_the_last_handle_is_noticed() {
    let ended = in_time(|| {
        run(async {
            let (one, two) = (handle(), handle().clone());
            thread::spawn(move || {
                thread::sleep(10 * MS);
                drop(one);
                thread::sleep(10 * MS);
                // It is made, though the handle is gone by then.
                drop(two.spawn(|| async { drop(spawn(pending::<()>())) }));
            });
            pending::<()>().await;
        })
    });
    let text = ended.unwrap_err().to_string();
    assert!(text.contains(": 2 tasks pending, 0 wakers outside, 0 timers, 0 sockets\n"));
}

/// Even if it was never used: then nothing else ends the sleep.
#[test]
fn the_drop_of_a_handle_that_was_not_used_is_noticed() {
    let ended = in_time(|| {
        run(async {
            let only = handle();
            thread::spawn(move || {
                thread::sleep(20 * MS);
                drop(only);
            });
            pending::<()>().await;
        })
    });
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::Deadlock);
}

/// By a virtual clock there is no waiting for other threads: their handles are counted.
#[test]
fn handles_are_counted() {
    let kept = Rc::new(RefCell::new(Vec::new()));
    let keep = Rc::clone(&kept);
    let (ended, _) = ending(async move {
        keep.borrow_mut().extend([handle(), handle()]);
        pending::<()>().await;
    });
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    let text = error.to_string();
    let told = ": 1 task pending, 0 wakers outside, 0 timers, 0 sockets, 2 handles\n";
    assert!(text.contains(told), "{text}");
}

/// The task is named after the line that started it, on whichever thread.
#[test]
fn a_task_from_outside_says_where_it_was_started() {
    let (ended, _) = ending(async {
        let other = handle();
        drop(other.spawn(pending::<()>)); // starts
        drop(other);
        pending::<()>().await;
    });
    let text = ended.unwrap_err().to_string();
    let line =
        include_str!("outside.rs").lines().position(|it| it.ends_with("// starts"));
    let place = format!("spawned at {}:{}, waits", file!(), line.unwrap() + 1);
    assert!(text.lines().nth(2).unwrap().contains(&place), "{text}");
}

/// It is reported where it happens. Whoever wants the output learns that there is none.
#[test]
fn a_panic_in_a_task_from_outside_is_reported() {
    let reported = reports();
    let (answers, _) = story(async {
        let handle = handle();
        let answers = [
            handle.spawn(|| async { panic!("in the task") as i32 }),
            handle.spawn(|| -> Ready<i32> { panic!("a future") }),
            handle.spawn(|| async { 3 }),
        ];
        sleep(MS).await;
        answers.map(|answer| answer.recv())
    });
    assert_eq!(answers, [Err(RecvError), Err(RecvError), Ok(3)]);
    let told = reported.take();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].ends_with("nobody awaits it: in the task"), "{told:?}");
    assert!(told[1].ends_with("nobody awaits it: a future"), "{told:?}");
}

/// What is started too late is dropped: on the list when the loop ends, or afterwards.
#[test]
fn a_task_that_is_started_too_late_is_dropped() {
    let (slot, whole) = (Rc::new(RefCell::new(None::<Handle>)), Arc::new(()));
    let (out, held) = (Rc::clone(&slot), Arc::clone(&whole));
    let (unanswered, _) = story(async move {
        let handle = handle();
        let answer = handle.spawn(move || async move { drop(held) });
        out.replace(Some(handle));
        answer
    });
    assert_eq!(unanswered.recv(), Err(RecvError));
    let held = Arc::clone(&whole);
    let handle = slot.take().unwrap();
    let late = handle.spawn(move || async move { drop(held) });
    assert_eq!(late.recv(), Err(RecvError));
    assert_eq!(Arc::strong_count(&whole), 1);
    // Nor does the next loop of the thread hear of it.
    story(sleep(FAR));
}

/// A task from outside that is left at the end is cancelled, like any other.
#[test]
fn a_task_from_outside_ends_with_its_loop() {
    let (unanswered, _) = story(async {
        let unanswered = handle().spawn(pending::<()>);
        sleep(MS).await;
        unanswered
    });
    assert_eq!(unanswered.recv(), Err(RecvError));
}

/// Whoever yields goes behind those who are ready, once for each time.
#[test]
fn to_yield_is_to_go_behind_those_who_are_ready() {
    let (told, took) = story(async {
        let (say, told) = channel();
        for name in ["a", "b"] {
            let say = say.clone();
            drop(spawn(async move {
                for _ in 0..2 {
                    say.send(name).unwrap();
                    yield_now().await;
                }
            }));
        }
        for _ in 0..3 {
            say.send("main").unwrap();
            yield_now().await;
        }
        told.try_iter().collect::<Vec<_>>()
    });
    assert_eq!(told, ["main", "a", "b", "main", "a", "b", "main"]);
    assert!(took.is_zero());
}
