//! A loop in which nobody can ever be woken ends, and tells who waits for what; by any
//! clock. gevent's is called `LoopExit`: "this operation would block forever".

mod common;

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{Finally, Log, block, in_time, ms};
use interlude_greenlets::net::TcpListener;
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{sleep, timeout};
use interlude_greenlets::{Greenlet, block_on, current, run, spawn};
use reactor::backend::{self, Clockwork};

const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// How a loop ends that nobody can wake: by the real clock, and by a virtual one.
fn told(main: fn()) -> String {
    in_time(move || {
        let (clock, go) =
            (Clockwork::new(), || run(main).expect_err("nobody can be woken"));
        let [real, virtually] = [go(), backend::scope(clock.clone(), go)];
        assert_eq!(real.kind(), ErrorKind::Deadlock);
        assert_eq!(virtually.kind(), ErrorKind::Deadlock);
        assert!(virtually.to_string() == real.to_string(), "{virtually}");
        assert_eq!(clock.elapsed(), Duration::ZERO);
        real.to_string()
    })
}

/// A line of this file, as it is told; the one that ends with `mark`.
fn line(mark: &str) -> String {
    let mark = format!("// {mark}");
    let found = include_str!("deadlock.rs").lines().position(|it| it.ends_with(&mark));
    format!("interlude-greenlets/tests/deadlock.rs:{}", found.expect("it is there") + 1)
}

#[test]
fn main_that_waits_for_a_permit_that_nobody_has() {
    let error = in_time(|| {
        run(|| drop(Semaphore::new(0).acquire())).unwrap_err().to_string() // (permit)
    });
    assert_eq!(
        error,
        format!(
            "nobody can wake this loop any more: 1 greenlet pending, 0 wakers outside, \
             0 timers, 0 sockets\n  greenlet 1 \
             (main_that_waits_for_a_permit_that_nobody_has), spawned at {}, waits for a \
             semaphore",
            line("(permit)"),
        )
    );
}

#[test]
fn a_task_that_joins_itself() {
    fn crawl() {
        let own = Rc::new(RefCell::new(None::<JoinHandle<()>>));
        let theirs = Rc::clone(&own);
        let handle = spawn(move || {
            theirs.take().into_iter().for_each(|own| drop(own.join()));
        }); // (own)
        own.replace(Some(handle));
        sleep(ms(1));
        drop(Semaphore::new(0).acquire());
    }
    let error = in_time(|| run(crawl).unwrap_err().to_string());
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(lines[0].contains(": 2 greenlets pending, 0 wakers outside,"), "{error}");
    assert!(lines[1].starts_with("  greenlet 1"), "{error}");
    assert!(lines[1].ends_with("waits for a semaphore"), "{error}");
    assert!(lines[2].starts_with("  greenlet 2 (crawl), spawned at"), "{error}");
    assert!(lines[2].ends_with("waits for greenlet 2 (crawl)"), "{error}");
}

#[test]
fn two_who_join_each_other_and_one_who_joins_them() {
    let error = told(|| {
        type Slot = Rc<RefCell<Option<JoinHandle<()>>>>;
        let slots: [Slot; 2] = Default::default();
        let [one, two] = slots.clone().map(|slot| {
            spawn(move || slot.take().into_iter().for_each(|it| drop(it.join())))
        });
        let main = spawn(|| sleep(Duration::ZERO));
        slots[1].replace(Some(one));
        slots[0].replace(Some(two));
        drop(main.join());
        let waits = spawn(|| drop(Semaphore::new(0).acquire()));
        drop(waits.join());
    });
    let ends: Vec<_> =
        error.lines().skip(1).map(|it| it.rsplit_once("waits for ").unwrap().1).collect();
    let name = "two_who_join_each_other_and_one_who_joins_them";
    assert_eq!(
        ends,
        [
            format!("greenlet 5 ({name})"),
            format!("greenlet 3 ({name})"),
            format!("greenlet 2 ({name})"),
            "a semaphore".to_owned(),
        ],
        "{error}"
    );
}

#[test]
fn whoever_waits_for_a_future_that_has_kept_no_waker() {
    let error = told(|| block_on(pending()));
    assert!(error.contains("0 wakers outside"), "{error}");
    assert!(error.ends_with("waits for a future"), "{error}");
}

#[test]
fn whoever_waits_for_a_switch_that_nobody_makes() {
    let error = told(|| {
        let hub = current().parent().unwrap();
        hub.switch::<(), ()>(()).unwrap();
    });
    assert!(error.contains("1 greenlet pending"), "{error}");
    assert!(error.ends_with("waits for a switch"), "{error}");
}

/// A greenlet that is no task is told of, too, and who waits for its end.
#[test]
fn a_greenlet_that_is_no_task_and_whoever_has_switched_to_it() {
    let error = told(|| {
        let child = Greenlet::new(|()| {
            drop(Semaphore::new(0).acquire());
            Ok(())
        });
        child.switch::<(), ()>(()).unwrap();
    });
    let lines: Vec<_> = error.lines().collect();
    assert!(lines[0].contains("2 greenlets pending"), "{error}");
    assert!(lines[1].starts_with("  greenlet 1, "), "{error}");
    assert!(lines[1].ends_with("waits for a switch"), "{error}");
    assert!(lines[2].starts_with("  greenlet 2 ("), "{error}");
    assert!(lines[2].ends_with("waits for a semaphore"), "{error}");
}

#[test]
fn a_sleep_and_a_timeout_that_no_clock_can_end() {
    let error = told(|| sleep(Duration::MAX));
    assert!(error.contains(" 0 timers,"), "{error}");
    assert!(error.ends_with("waits for the clock"), "{error}");
    let error =
        told(|| timeout(Duration::MAX, || drop(Semaphore::new(0).acquire())).unwrap());
    assert!(error.ends_with("waits for a semaphore"), "{error}");
}

#[test]
fn a_waker_that_is_given_up_on_another_thread_while_the_loop_sleeps() {
    let error = in_time(|| {
        run(|| {
            block_on(poll_fn(|context| -> Poll<()> {
                let waker = context.waker().clone();
                thread::spawn(move || {
                    block(ms(20));
                    drop(waker);
                });
                Poll::Pending
            }));
        })
        .unwrap_err()
        .to_string()
    });
    assert!(error.ends_with("waits for a future"), "{error}");
}

#[test]
fn the_place_at_a_socket_of_a_read_that_was_given_up_is_nobodys() {
    let error = in_time(|| {
        run(|| {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
            assert!(timeout(ms(1), || listener.accept()).is_err());
            let victim = {
                let listener = Rc::new(listener);
                let theirs = Rc::clone(&listener);
                let victim = spawn(move || theirs.accept().map(drop));
                sleep(ms(1));
                victim.kill();
                assert!(victim.join().is_err());
                listener
            };
            drop(Semaphore::new(0).acquire());
            drop(victim);
        })
        .unwrap_err()
        .to_string()
    });
    assert!(error.contains("0 timers, 0 sockets"), "{error}");
}

#[test]
fn a_hundred_are_named_and_the_others_counted() {
    for (all, more) in [(99, None), (100, None), (101, Some("  and 1 more"))] {
        let error = in_time(move || {
            run(move || {
                let none = Rc::new(Semaphore::new(0));
                for _ in 1..all {
                    let none = Rc::clone(&none);
                    drop(spawn(move || drop(none.acquire())));
                }
                drop(none.acquire());
            })
            .unwrap_err()
            .to_string()
        });
        let lines: Vec<_> = error.lines().collect();
        assert!(lines[0].contains(&format!(": {all} greenlets pending")), "{}", lines[0]);
        assert!(lines[99.min(all)].starts_with(&format!("  greenlet {} (", 99.min(all))));
        assert_eq!(lines.get(101).copied(), more);
        assert_eq!(lines.len(), 1 + all.min(100) + usize::from(more.is_some()));
    }
}

#[test]
fn those_who_are_left_are_unwound_and_the_next_loop_counts_from_one() {
    let log = in_time(|| {
        let log = Log::default();
        for _ in 0..2 {
            let out = log.clone();
            let error = run(move || {
                let _finally = Finally(|| out.say("unwound"));
                drop(Semaphore::new(0).acquire());
            });
            assert!(error.unwrap_err().to_string().contains("greenlet 1 ("));
        }
        log.take()
    });
    assert_eq!(log, ["unwound", "unwound"]);
}

/// A waker that is somewhere else may be used at any time.
#[test]
fn a_loop_sleeps_on_while_somebody_outside_can_wake_it() {
    let answer = in_time(|| {
        run(|| {
            let (send, receive) = channel::<Waker>();
            let thread = thread::spawn(move || {
                let waker = receive.recv().expect("it is sent");
                block(ms(20));
                waker.wake();
            });
            let mut asked = false;
            block_on(poll_fn(move |context| {
                if asked {
                    return Poll::Ready(());
                }
                asked = true;
                send.send(context.waker().clone()).unwrap();
                Poll::Pending
            }));
            thread.join().unwrap();
            "woken"
        })
    });
    assert_eq!(answer.unwrap(), "woken");
}

#[test]
fn a_loop_sleeps_on_while_somebody_waits_for_a_socket() {
    let heard = in_time(|| {
        run(|| {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
            let address = listener.local_addr().unwrap();
            let peer = thread::spawn(move || -> io::Result<()> {
                let mut peer = std::net::TcpStream::connect(address)?;
                block(ms(20));
                peer.write_all(b"x")
            });
            let heard = listener.accept().unwrap().read(&mut [0]).unwrap();
            peer.join().unwrap().unwrap();
            heard
        })
    });
    assert_eq!(heard.unwrap(), 1);
}

/// A wake that came before the sleep is not missed, even if its waker is gone by then.
#[test]
fn a_wake_before_the_sleep_is_no_deadlock() {
    let polls = in_time(|| {
        run(|| {
            let mut polls = 0;
            block_on(poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls == 3 { Poll::Ready(polls) } else { Poll::Pending }
            }))
        })
    });
    assert_eq!(polls.unwrap(), 3);
}
