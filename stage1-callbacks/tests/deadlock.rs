//! A loop that nobody can wake any more ends with an error, and says who waits.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::{Deferred, succeed};
use stage1_callbacks::event_loop::Remote;
use stage1_callbacks::extras::lists::gather_results;
use stage1_callbacks::net::TcpListener;
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::sleep;
use stage1_callbacks::{call_later, call_soon, react, remote, run, stop};

/// Runs `body` on a thread of its own, and fails if it takes longer than a minute.
fn within_a_minute<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, waits) = mpsc::channel();
    thread::spawn(move || done.send(body()));
    waits.recv_timeout(Duration::from_mins(1)).expect("it hangs, or has panicked")
}

fn told(end: io::Result<()>) -> Vec<String> {
    let error = end.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    error.to_string().lines().map(str::to_owned).collect()
}

const NOBODY: &str = "nobody can wake this loop any more:";

/// On the real clock, which would wait for ever.
#[test]
fn a_react_whose_deferred_nobody_can_fire_says_so() {
    let (line, lines) = within_a_minute(|| {
        let line = line!() + 1;
        (line, told(react(|| Semaphore::new(0).acquire()).map(drop)))
    });
    let counts = "1 deferred pending, 0 wakers outside, 0 timers, 0 sockets";
    let one = format!("  a deferred, made at {}:{line}:", file!());
    assert_eq!(lines[0], format!("{NOBODY} {counts}"));
    assert!(
        lines[1].starts_with(&one) && lines[1].ends_with(", has not fired"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2);
}

/// Whoever waits for another one has fired: it is the other one that is told of.
#[test]
fn those_that_have_not_fired_are_told_of_in_the_order_in_which_they_were_made() {
    let semaphore = Semaphore::new(0);
    let first_line = line!() + 2;
    let end = react(|| {
        let one = semaphore.acquire();
        let two = semaphore.acquire();
        let list = gather_results(vec![one, two]);
        succeed(()).add_callback(|()| list)
    });
    let lines = told(end.map(drop));
    assert!(
        lines[0].starts_with(&format!("{NOBODY} 3 deferreds pending, ")),
        "{lines:?}"
    );
    for (line, n) in lines[1..].iter().zip(first_line..) {
        assert!(line.starts_with(&format!("  a deferred, made at {}:{n}:", file!())));
    }
    assert_eq!(lines.len(), 4);
}

/// The semaphore went before the loop began, and with it whoever could have fired it.
#[test]
fn whoever_waits_for_a_deferred_that_is_gone_is_told_of() {
    let end = react(|| succeed(()).add_callback(|()| Semaphore::new(0).acquire()));
    let lines = told(end.map(drop));
    assert!(lines[0].contains("1 deferred pending"), "{lines:?}");
    assert!(lines[1].ends_with(", waits for one that is gone"), "{lines:?}");
}

#[test]
fn of_very_many_only_a_hundred_are_told_of() {
    let lines = within_a_minute(|| {
        let kept = RefCell::new(Vec::new());
        let end = told(run(|| {
            kept.replace((0..1000).map(|_| Deferred::<()>::new()).collect());
            for (firer, _) in &kept.borrow()[..899] {
                firer.fire(Ok(())).unwrap();
            }
            Ok(())
        }));
        drop(kept);
        end
    });
    assert!(lines[0].contains("101 deferreds pending"), "{}", lines[0]);
    assert_eq!((lines.len(), &*lines[101]), (102, "  and 1 more"));
}

#[test]
fn of_a_hundred_all_are_told_of_and_no_more_are_mentioned() {
    let kept = RefCell::new(Vec::new());
    let lines = told(run(|| {
        kept.replace((0..100).map(|_| Deferred::<()>::new()).collect());
        Ok(())
    }));
    assert_eq!(lines.len(), 1 + 100);
    assert!(lines[100].ends_with(", has not fired"), "{lines:?}");
}

/// The order is that of their making, whoever had been there in between.
#[test]
fn a_deferred_that_takes_the_seat_of_an_older_one_is_told_of_last() {
    let first_line = line!() + 1;
    let gone = Deferred::<()>::new();
    let stays = Deferred::<()>::new();
    drop(gone);
    let comes = Deferred::<()>::new();
    let lines = told(run(|| Ok(())));
    let place = |n| format!("  a deferred, made at {}:{}:", file!(), first_line + n);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with(&place(1)), "{lines:?}");
    assert!(lines[2].starts_with(&place(3)), "{lines:?}");
    drop((stays, comes));
}

#[test]
fn a_run_that_nobody_can_stop_says_so() {
    let lines = within_a_minute(|| told(run(|| Ok(()))));
    let counts = "0 deferreds pending, 0 wakers outside, 0 timers, 0 sockets";
    let why = "  nobody has called stop(), and nobody is left who could";
    assert_eq!(lines, [format!("{NOBODY} {counts}"), why.to_owned()]);
}

/// What is ready, a timer, a socket: each keeps a loop from giving up, for as long as it is
/// there.
#[test]
fn whoever_may_still_come_is_waited_for() {
    within_a_minute(|| {
        let last = Rc::new(RefCell::new(""));
        let seen = Rc::clone(&last);
        let lines = told(run(|| {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
            let address = listener.local_addr()?;
            listener.accept_then(move |stream| {
                drop(stream.unwrap());
                seen.replace("the socket");
                call_later(Duration::from_millis(1), move || {
                    seen.replace("the timer");
                    call_soon(move || {
                        seen.replace("what was ready");
                    });
                });
            });
            thread::spawn(move || std::net::TcpStream::connect(address));
            Ok(())
        }));
        assert!(lines[0].ends_with("0 wakers outside, 0 timers, 0 sockets"));
        assert_eq!(*last.borrow(), "what was ready");
    });
}

/// A handle that another thread has, and a clone of it. The loop sleeps until the last is gone.
#[test]
fn a_handle_in_another_thread_may_still_wake_the_loop() {
    within_a_minute(|| {
        let fired = react(|| {
            let (firer, deferred) = Deferred::new();
            let fire = RefCell::new(Some(firer));
            FIRE.with(|it| it.replace(fire.take()));
            let remote = remote();
            thread::spawn(move || {
                let clone: Remote = remote.clone();
                drop(remote);
                thread::yield_now();
                clone.call_soon_threadsafe(|| {
                    let firer = FIRE.with(RefCell::take).unwrap();
                    firer.fire(Ok("from afar")).unwrap();
                });
            });
            deferred
        });
        assert_eq!(fired.unwrap().unwrap(), "from afar");
    });
}

thread_local! {
    static FIRE: RefCell<Option<stage1_callbacks::Firer<&'static str>>> =
        const { RefCell::new(None) };
}

/// Nobody has called: the drop of the last handle wakes the loop, which sees that it is alone.
#[test]
fn a_handle_that_is_dropped_elsewhere_ends_the_sleep() {
    let lines = within_a_minute(|| {
        let (asleep, sleeps) = mpsc::channel::<()>();
        told(run(move || {
            let (one, two) = (remote(), remote());
            thread::spawn(move || {
                drop(one);
                let _ = sleeps.recv();
                // Then it very probably does.
                let (_kept, nothing) = mpsc::channel::<()>();
                nothing.recv_timeout(Duration::from_millis(20)).unwrap_err();
                drop(two);
            });
            call_soon(move || drop(asleep));
            Ok(())
        }))
    });
    assert!(lines[0].contains("0 wakers outside"), "{lines:?}");
}

/// A virtual clock knows no other threads: it gives up, and the error says what is there.
#[test]
fn a_virtual_clock_tells_of_wakers_that_it_cannot_wait_for() {
    let kept = RefCell::new(None);
    let end = backend::scope(Clockwork::new(), || {
        run(|| {
            kept.replace(Some((remote(), remote())));
            Ok(())
        })
    });
    assert!(told(end)[0].contains("2 wakers outside, 0 timers"));
}

/// What was left by an operation, or cancelled, is not there any more.
#[test]
fn a_loop_that_has_ended_in_a_deadlock_is_followed_by_one_that_is_as_good_as_new() {
    backend::scope(Clockwork::new(), || {
        assert!(run(|| Ok(())).is_err());
        run(|| {
            drop(sleep(Duration::from_secs(1)).add_callback(|()| stop()));
            Ok(())
        })
        .unwrap();
    });
}
