//! Waits that somebody else ends: a timeout from outside a switch, and a switch for nothing.

mod common;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use common::{Finally, Log, in_time, ms, timed};
use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::time::{Elapsed, sleep, timeout};
use interlude_greenlets::{
    Failure, Greenlet, GreenletExit, block_on, current, run, spawn,
};

const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A greenlet that sleeps so long, and then returns how long that was.
fn sleeper() -> Greenlet {
    Greenlet::new(|n: u64| {
        sleep(ms(n));
        Ok(n)
    })
}

/// gevent raises `Timeout` in the greenlet that set it, whoever that has switched to.
#[test]
fn a_timeout_ends_a_wait_in_a_switch() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let child = sleeper();
        let result = timeout(ms(5), || {
            let _finally = Finally(|| log.say("unwound"));
            child.switch::<u64, u64>(50).map(|n| log.say(n))
        });
        log.say(format_args!("{:?}", result.map(drop)));
        log.say(child.is_active());
        log.take()
    });
    assert_eq!(log, ["unwound", "Err(Elapsed)", "true"]);
    assert_eq!(elapsed, ms(5));
}

#[test]
fn a_switch_that_comes_back_in_time_leaves_no_timeout_behind() {
    let (result, elapsed) = timed(|| {
        let child = sleeper();
        let result = timeout(ms(5), || child.switch::<u64, u64>(3));
        sleep(ms(10));
        result.unwrap().unwrap()
    });
    assert_eq!((result, elapsed), (3, ms(13)));
}

#[test]
fn of_two_timeouts_around_a_switch_the_one_whose_time_is_up_gives_elapsed() {
    let (results, elapsed) = timed(|| {
        let switch = || sleeper().switch::<u64, u64>(100).map(drop).unwrap();
        let inner_first = timeout(ms(50), || timeout(ms(10), switch));
        let outer_first = timeout(ms(10), || timeout(ms(50), switch));
        let around = timeout(ms(10), || timeout(ms(10), switch));
        (inner_first, outer_first, around)
    });
    assert_eq!(results, (Ok(Err(Elapsed)), Err(Elapsed), Err(Elapsed)));
    assert_eq!(elapsed, ms(30));
}

#[test]
fn a_timeout_in_a_child_and_one_around_it_end_their_own_waits() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let out = log.clone();
        let child = Greenlet::new(move |()| {
            let result = timeout(ms(10), || sleep(ms(100)));
            out.say(format_args!("child {result:?}"));
            sleep(ms(10));
            out.say("child goes on");
            Ok("late")
        });
        // The inner time is up first: the switch goes on to wait.
        let early = timeout(ms(15), || child.switch::<(), &str>(()));
        log.say(format_args!("main {:?}", early.map(drop)));
        // What the child returns goes to its parent, which waits for something else.
        sleep(ms(10));
        log.say(child.is_dead());
        log.take()
    });
    assert_eq!(log, ["child Err(Elapsed)", "main Err(Elapsed)", "child goes on", "true"]);
    assert_eq!(elapsed, ms(25));
}

/// A child that gives control back keeps its timeout, which ends its switch.
#[test]
fn a_timeout_ends_the_wait_of_a_child_for_its_parent() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let (parent, out) = (current(), log.clone());
        let child = Greenlet::new(move |()| {
            let result = timeout(ms(5), || parent.switch::<&str, ()>("back"));
            out.say(format_args!("child {:?}", result.map(drop)));
            Ok(())
        });
        log.say(child.switch::<(), &str>(()).unwrap());
        sleep(ms(10));
        log.say(child.is_dead());
        log.take()
    });
    assert_eq!(log, ["back", "child Err(Elapsed)", "true"]);
    assert_eq!(elapsed, ms(10));
}

#[test]
fn a_timeout_ends_a_throw_and_a_switch_three_greenlets_away() {
    let (results, elapsed) = timed(|| {
        let third = sleeper();
        let second = Greenlet::new(move |n: u64| third.switch::<u64, u64>(n));
        let first = Greenlet::new(move |n: u64| second.switch::<u64, u64>(n));
        let away = timeout(ms(5), || first.switch::<u64, u64>(50));
        let here = current();
        let thrown = Greenlet::new(move |()| {
            let caught = here.switch::<(), ()>(());
            sleep(ms(50));
            caught
        });
        thrown.switch::<(), ()>(()).unwrap();
        let throw = timeout(ms(5), || thrown.throw::<()>(GreenletExit));
        (away.map(drop), throw.map(drop))
    });
    assert_eq!(results, (Err(Elapsed), Err(Elapsed)));
    assert_eq!(elapsed, ms(10));
}

#[test]
fn a_timeout_of_nothing_ends_the_first_wait_and_not_a_body_that_does_not_wait() {
    let (results, elapsed) = timed(|| {
        let at_once = timeout(Duration::ZERO, || 7);
        let late = timeout(Duration::ZERO, || sleep(ms(5)));
        let switch = timeout(Duration::ZERO, || sleeper().switch::<u64, u64>(5));
        (at_once, late, switch.map(drop))
    });
    assert_eq!(results, (Ok(7), Err(Elapsed), Err(Elapsed)));
    assert_eq!(elapsed, Duration::ZERO);
}

#[test]
fn a_body_that_swallows_its_timeout_gives_what_it_comes_to() {
    let (result, elapsed) = timed(|| {
        timeout(ms(5), || {
            let nap = catch_unwind(|| sleep(ms(50)));
            sleep(ms(1));
            nap.is_err()
        })
    });
    assert_eq!((result, elapsed), (Ok(true), ms(6)));
}

/// What is thrown about here.
#[derive(Debug)]
struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key error")
    }
}

impl Error for KeyError {}

/// As in Python: an error that nobody caught comes out of whatever its parent waits in.
#[test]
fn what_a_child_dies_of_is_raised_in_the_wait_of_its_parent() {
    let (end, elapsed) = timed(|| {
        let parent = spawn(|| {
            let child = Greenlet::new(|()| -> Result<(), _> {
                sleep(ms(10));
                Err(KeyError.into())
            });
            assert!(timeout(ms(5), || child.switch::<(), ()>(())).is_err());
            sleep(ms(50));
        });
        let end = parent.join().unwrap_err();
        end.downcast::<Failure>().unwrap().is::<KeyError>()
    });
    assert!(end);
    assert_eq!(elapsed, ms(10));
}

#[test]
fn whatever_is_thrown_at_a_wait_is_raised_there_and_may_be_caught() {
    let (log, elapsed) = timed(|| {
        let (log, greenlet) = (Log::default(), Rc::new(RefCell::new(None::<Greenlet>)));
        let (out, own) = (log.clone(), Rc::clone(&greenlet));
        let victim = spawn(move || {
            own.replace(Some(current()));
            let caught = catch_unwind(|| sleep(ms(50))).unwrap_err();
            out.say(caught.downcast::<Failure>().unwrap().is::<KeyError>());
            sleep(ms(5));
            "goes on"
        });
        sleep(ms(1));
        let greenlet = greenlet.take().unwrap();
        drop(spawn(move || greenlet.throw::<()>(KeyError).map(drop)));
        log.say(victim.join().unwrap());
        log.take()
    });
    assert_eq!(log, ["true", "goes on"]);
    assert_eq!(elapsed, ms(6));
}

/// Begins a greenlet that waits, and switches to it before the wait is over, with a message
/// that it does not know and one that it might; gives what it comes to.
fn switched_to_twice<T: 'static>(
    wait: impl FnOnce() -> T + 'static,
    end: impl FnOnce() + 'static,
) -> T {
    let own = Rc::new(RefCell::new(None::<Greenlet>));
    let theirs = Rc::clone(&own);
    let waits = spawn(move || {
        theirs.replace(Some(current()));
        wait()
    });
    sleep(ms(1));
    let greenlet = own.take().expect("it has begun");
    let again = greenlet.clone();
    drop(spawn(move || greenlet.switch::<_, ()>("for nothing")));
    drop(spawn(move || again.switch::<(), ()>(())));
    sleep(ms(1));
    assert!(!waits.is_finished(), "it waits for something else");
    end();
    waits.join().expect("it does not panic")
}

#[test]
fn a_sleep_and_a_timeout_are_not_over_because_somebody_switches() {
    let (results, elapsed) = timed(|| {
        switched_to_twice(|| sleep(ms(10)), || ());
        switched_to_twice(|| timeout(ms(10), || sleep(ms(50))), || ())
    });
    assert_eq!(results, Err(Elapsed));
    assert_eq!(elapsed, ms(20));
}

#[test]
fn a_permit_is_not_granted_because_somebody_switches() {
    let (left, _) = timed(|| {
        let slots = Rc::new(Semaphore::new(1));
        let holding = Rc::clone(&slots);
        let stopped = Rc::new(Cell::new(false));
        let over = Rc::clone(&stopped);
        drop(spawn(move || {
            let _permit = holding.acquire();
            while !over.get() {
                sleep(ms(1));
            }
        }));
        sleep(ms(1));
        let theirs = Rc::clone(&slots);
        switched_to_twice(move || drop(theirs.acquire()), move || stopped.set(true));
        timeout(ms(1), || drop(slots.acquire()))
    });
    assert_eq!(left, Ok(()));
}

#[test]
fn a_join_is_not_over_because_somebody_switches() {
    let (end, elapsed) = timed(|| {
        switched_to_twice(
            || {
                let child = spawn(|| {
                    sleep(ms(10));
                    "joined"
                });
                child.join().unwrap()
            },
            || (),
        )
    });
    assert_eq!((end, elapsed), ("joined", ms(10)));
}

#[test]
fn a_future_is_not_asked_because_somebody_switches() {
    let polls = in_time(|| {
        let (kept, polls) = (Rc::new(Cell::new(None::<Waker>)), Rc::new(Cell::new(0)));
        let (keeps, counted) = (Rc::clone(&kept), Rc::clone(&polls));
        run(move || {
            let wait = move || {
                block_on(poll_fn(|context| {
                    counted.set(counted.get() + 1);
                    keeps.set(Some(context.waker().clone()));
                    if counted.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
                }));
            };
            switched_to_twice(wait, move || kept.take().unwrap().wake());
        })
        .unwrap();
        polls.get()
    });
    assert_eq!(polls, 2);
}

#[test]
fn sockets_are_not_worth_trying_because_somebody_switches() {
    in_time(|| {
        run(|| -> io::Result<()> {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE))?;
            let address = listener.local_addr()?;
            let peer = Rc::new(Cell::new(None));
            let ours = Rc::clone(&peer);
            let stream = switched_to_twice(
                move || listener.accept(),
                move || ours.set(std::net::TcpStream::connect(address).ok()),
            )?;
            let mut peer = peer.take().expect("it was connected");
            let heard = switched_to_twice(
                move || stream.read(&mut [0; 4]),
                move || peer.write_all(b"four").expect("it is read"),
            )?;
            assert_eq!(heard, 4);
            Ok(())
        })
        .unwrap()
        .unwrap();
    });
}

#[test]
fn a_write_is_not_over_because_somebody_switches() {
    const MUCH: usize = 16 << 20;
    in_time(|| {
        let heard = run(|| {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
            let address = listener.local_addr().unwrap();
            let writer = spawn(move || TcpStream::connect(address).unwrap());
            let reader = listener.accept().unwrap();
            let writer = writer.join().unwrap();
            let count = Rc::new(Cell::new(0));
            let counted = Rc::clone(&count);
            switched_to_twice(
                move || writer.write_all(&vec![1; MUCH]).unwrap(),
                move || {
                    drop(spawn(move || {
                        let mut buffer = vec![0; 1 << 16];
                        while counted.get() < MUCH {
                            let n = reader.read(&mut buffer).unwrap();
                            assert!(n > 0 && buffer[..n].iter().all(|byte| *byte == 1));
                            counted.set(counted.get() + n);
                        }
                    }));
                },
            );
            while count.get() < MUCH {
                sleep(ms(1));
            }
            count.get()
        });
        assert_eq!(heard.unwrap(), MUCH);
    });
}

#[test]
fn three_who_are_ready_at_once_go_on_in_their_order_with_their_own_values() {
    let (values, elapsed) = timed(|| {
        let log = Log::default();
        let handles: Vec<_> = (0..5)
            .map(|i| {
                let out = log.clone();
                spawn(move || {
                    sleep(ms(5));
                    out.say(i);
                    i * i
                })
            })
            .collect();
        let values: Vec<_> = handles.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(log.take(), ["0", "1", "2", "3", "4"]);
        values
    });
    assert_eq!((values, elapsed), (vec![0, 1, 4, 9, 16], ms(5)));
}

/// Whoever keeps a waker of an earlier wait wakes nobody with it, in whatever it waits now.
#[test]
fn a_waker_of_an_earlier_wait_ends_no_other() {
    let ((), elapsed) = timed(|| {
        let kept = Rc::new(Cell::new(None::<Waker>));
        let keeps = Rc::clone(&kept);
        let waits = spawn(move || {
            let mut asked = false;
            block_on(poll_fn(|context| {
                keeps.set(Some(context.waker().clone()));
                if asked {
                    return Poll::Ready(());
                }
                asked = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }));
            sleep(ms(10));
        });
        sleep(ms(1));
        let waker = kept.take().unwrap();
        thread::spawn(move || waker.wake()).join().unwrap();
        waits.join().unwrap();
    });
    assert_eq!(elapsed, ms(10));
}

#[test]
fn a_catch_of_what_was_raised_does_not_make_the_next_unwinding_deeper() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let out = log.clone();
        let victim = spawn(move || {
            for i in 0..3 {
                let nap = catch_unwind(AssertUnwindSafe(|| {
                    let _finally = Finally(|| sleep(ms(1)));
                    timeout(ms(2), || sleep(ms(100)))
                }));
                out.say(format_args!("{i} {:?}", nap.map_err(|_| "killed")));
            }
        });
        sleep(ms(1));
        victim.kill();
        victim.join().unwrap();
        log.take()
    });
    assert_eq!(log, ["0 Err(\"killed\")", "1 Ok(Err(Elapsed))", "2 Ok(Err(Elapsed))"]);
    assert_eq!(elapsed, ms(1 + 1 + 3 + 3));
}
