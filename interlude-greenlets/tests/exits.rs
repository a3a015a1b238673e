//! Greenlets that are asked to end and do not, or not at once. A real greenlet raises
//! `GreenletExit` in them once; if they swallow it and wait again, it says that it "did not
//! kill" them, and goes on. So does gevent.

mod common;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::future::{pending, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
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

/// Something that waits.
type Wait = fn();

/// Every kind of wait there is, each without an end of its own.
const WAITS: [(&str, Wait); 7] = [
    ("sleep", || sleep(Duration::MAX)),
    ("acquire", || drop(Semaphore::new(0).acquire())),
    ("block_on", || block_on(pending::<()>())),
    ("join", || drop(spawn(|| sleep(Duration::MAX)).join())),
    ("timeout", || {
        let _ = timeout(Duration::MAX, || sleep(Duration::MAX));
    }),
    ("accept", || drop(listener().accept())),
    ("switch", || drop(current().parent().map(|hub| hub.switch::<(), ()>(())))),
];

fn listener() -> TcpListener {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port is free")
}

/// Waits, again and again, whatever it is told, and counts how often that was not over by
/// itself.
fn swallow(wait: Wait, swallowed: &Cell<u32>) {
    loop {
        if catch_unwind(AssertUnwindSafe(wait)).is_err() {
            swallowed.set(swallowed.get() + 1);
        }
    }
}

#[test]
fn whoever_swallows_its_exit_is_asked_once_and_reported_and_run_ends() {
    in_time(|| {
        for (name, wait) in WAITS {
            let (reports, swallowed) = (Log::of_reports(), Rc::new(Cell::new(0)));
            let counted = Rc::clone(&swallowed);
            run(move || {
                drop(spawn(move || swallow(wait, &counted)));
                sleep(ms(1));
            })
            .unwrap();
            assert_eq!(swallowed.get(), 1, "{name}");
            let [report] = &*reports.take() else { panic!("{name}: one is reported") };
            let is_told = report.starts_with("GreenletExit did not kill greenlet 2 (");
            assert!(is_told && report.contains("exits.rs:"), "{name}: {report}");
            assert_eq!(run(|| "again").unwrap(), "again");
        }
    });
}

#[test]
fn whoever_sleeps_on_after_its_exit_does_not_keep_run() {
    in_time(|| {
        let reports = Log::of_reports();
        let (naps, elapsed) = timed(|| {
            let naps = Rc::new(Cell::new(0));
            let counted = Rc::clone(&naps);
            drop(spawn(move || {
                loop {
                    let _ = catch_unwind(|| sleep(ms(10)));
                    counted.set(counted.get() + 1);
                }
            }));
            sleep(ms(25));
            naps
        });
        assert_eq!(
            (naps.get(), elapsed),
            (3, ms(25)),
            "two that were over, and the exit"
        );
        assert_eq!(reports.take().len(), 1);
    });
}

#[test]
fn many_who_swallow_their_exit_are_each_reported() {
    in_time(|| {
        let reports = Log::of_reports();
        timed(|| {
            for _ in 0..200 {
                drop(spawn(|| swallow(|| sleep(ms(10)), &Cell::new(0))));
            }
            sleep(ms(25));
        });
        assert_eq!(reports.take().len(), 200);
    });
}

#[test]
fn a_destructor_that_waits_for_ever_does_not_keep_run() {
    in_time(|| {
        for (name, wait) in WAITS {
            let reports = Log::of_reports();
            run(move || {
                drop(spawn(move || {
                    let _finally = Finally(|| swallow(wait, &Cell::new(0)));
                    sleep(Duration::MAX);
                }));
                sleep(ms(1));
            })
            .unwrap();
            let reports = reports.take();
            let [report] = &*reports else { panic!("{name}: one is reported") };
            assert!(report.contains("did not kill"), "{name}: {report}");
        }
    });
}

/// The same while the loop goes on: it goes on as well.
#[test]
fn a_destructor_that_waits_for_ever_keeps_nobody_else_waiting() {
    in_time(|| {
        for (name, wait) in WAITS {
            let reports = Log::of_reports();
            let ticks = run(move || {
                let victim = spawn(move || {
                    let _finally = Finally(|| swallow(wait, &Cell::new(0)));
                    sleep(Duration::MAX);
                });
                sleep(ms(1));
                victim.kill();
                let ticking = spawn(|| (0..3).map(|_| sleep(ms(1))).count());
                let ticks = ticking.join().unwrap();
                assert!(!victim.is_finished());
                ticks
            });
            assert_eq!(ticks.unwrap(), 3, "{name}");
            assert_eq!(
                reports.take().len(),
                1,
                "{name}: it did not end at the end either"
            );
        }
    });
}

#[test]
fn a_greenlet_that_swallows_the_drop_of_its_last_handle_is_asked_once_and_reported() {
    in_time(|| {
        let reports = Log::of_reports();
        let swallowed = Rc::new(Cell::new(0));
        let (main, counted) = (current(), Rc::clone(&swallowed));
        let greenlet = Greenlet::new(move |()| -> Result<(), Failure> {
            loop {
                let switch = || main.switch::<(), ()>(());
                if catch_unwind(AssertUnwindSafe(switch)).is_err() {
                    counted.set(counted.get() + 1);
                }
            }
        });
        greenlet.switch::<(), ()>(()).unwrap();
        drop(greenlet);
        assert_eq!(swallowed.get(), 1);
        let [report] = &*reports.take() else { panic!("one is reported") };
        assert!(report.starts_with("GreenletExit did not kill greenlet 1 ("), "{report}");
        assert_eq!(current().parent(), None, "and main is still main");
    });
}

#[test]
fn a_destructor_that_switches_for_ever_is_given_up() {
    in_time(|| {
        let (reports, refused) = (Log::of_reports(), Rc::new(Cell::new(0)));
        let (main, counted) = (current(), Rc::clone(&refused));
        let greenlet = Greenlet::new(move |()| {
            let again = main.clone();
            let _finally = Finally(move || {
                loop {
                    let exit = again.switch::<(), ()>(()).unwrap_err();
                    assert!(exit.is::<GreenletExit>());
                    counted.set(counted.get() + 1);
                }
            });
            main.switch::<(), ()>(())
        });
        greenlet.switch::<(), ()>(()).unwrap();
        drop(greenlet);
        assert_eq!((reports.take().len(), refused.get()), (1, 1_000));
    });
}

/// Without a loop, to sleep is a panic that teaches; a greenlet that catches it for ever
/// would never end.
#[test]
fn whoever_waits_for_a_loop_that_is_gone_is_given_up() {
    in_time(|| {
        for (name, wait) in WAITS.into_iter().filter(|(name, _)| *name != "switch") {
            let reports = Log::of_reports();
            let greenlet = run(move || {
                let here = current();
                let greenlet = Greenlet::new(move |()| -> Result<(), Failure> {
                    let switch = || here.switch::<(), ()>(());
                    let _ = catch_unwind(AssertUnwindSafe(switch));
                    swallow(wait, &Cell::new(0));
                    Ok(())
                });
                greenlet.switch::<(), ()>(()).unwrap();
                greenlet
            });
            drop(greenlet);
            assert_eq!(reports.take().len(), 1, "{name}");
        }
    });
}

/// The real one is resumed by its hub, too, whoever has dropped it.
#[test]
fn a_greenlet_that_waits_on_after_the_drop_of_its_last_handle_goes_on_with_the_loop() {
    in_time(|| {
        let reports = Log::of_reports();
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let (here, out) = (current(), log.clone());
            let greenlet = Greenlet::new(move |()| {
                let _finally = Finally(|| {
                    out.say("cleans up");
                    sleep(ms(10));
                    out.say("is clean");
                });
                here.switch::<(), ()>(())
            });
            greenlet.switch::<(), ()>(()).unwrap();
            drop(greenlet);
            log.say("dropped");
            sleep(ms(20));
            log.take()
        });
        assert_eq!(log, ["cleans up", "dropped", "is clean"]);
        assert_eq!(elapsed, ms(20));
        assert!(reports.take().is_empty());
    });
}

#[test]
fn a_kill_is_raised_once_and_whoever_swallows_it_goes_on() {
    in_time(|| {
        let reports = Log::of_reports();
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let out = log.clone();
            let stubborn = spawn(move || {
                for i in 1..=3 {
                    let nap = catch_unwind(|| sleep(ms(10)));
                    out.say(format_args!("{i} {}", nap.is_ok()));
                }
                "done"
            });
            sleep(ms(15));
            stubborn.kill();
            let end = stubborn.join().unwrap();
            log.say(end);
            log.take()
        });
        assert_eq!(log, ["1 true", "2 false", "3 true", "done"]);
        assert_eq!(elapsed, ms(25));
        assert!(reports.take().is_empty());
    });
}

/// What is done in the destructor of a greenlet that is killed 1 ms after it began, while
/// the loop goes on for 50 ms; and how it ended.
fn while_killed(cleanup: impl FnMut() + 'static) -> (Result<(), Failure>, Duration) {
    timed(|| {
        let finally = Finally(cleanup);
        let victim = spawn(move || {
            let _finally = finally;
            sleep(Duration::MAX);
        });
        sleep(ms(1));
        victim.kill();
        victim.join().map_err(|end| *end.downcast().expect("it was killed"))
    })
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().expect("it is one word")
}

#[test]
fn a_destructor_can_sleep_while_its_greenlet_is_killed() {
    let (end, elapsed) = in_time(|| while_killed(|| sleep(ms(10))));
    assert!(end.unwrap_err().is::<GreenletExit>());
    assert_eq!(elapsed, ms(11));
}

#[test]
fn a_destructor_can_wait_for_a_permit_while_its_greenlet_is_killed() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let (slots, log) = (Rc::new(Semaphore::new(1)), Log::default());
            let permit = slots.acquire();
            let (theirs, out) = (Rc::clone(&slots), log.clone());
            let victim = spawn(move || {
                let _finally = Finally(|| {
                    let _permit = theirs.acquire();
                    out.say("has it");
                    sleep(ms(5));
                    out.say("gives it back");
                });
                sleep(Duration::MAX);
            });
            sleep(ms(1));
            victim.kill();
            sleep(ms(9));
            log.say("let go");
            drop(permit);
            sleep(ms(1));
            let _permit = slots.acquire();
            log.say("back");
            log.take()
        });
        assert_eq!(log, ["let go", "has it", "gives it back", "back"]);
        assert_eq!(elapsed, ms(15));
    });
}

#[test]
fn a_destructor_can_wait_for_a_future_while_its_greenlet_is_killed() {
    in_time(|| {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let (end, _) = while_killed(move || {
            block_on(poll_fn(|context| {
                counted.set(counted.get() + 1);
                context.waker().wake_by_ref();
                if counted.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
            }));
        });
        assert!(end.is_err());
        assert_eq!(polls.get(), 3);
    });
}

#[test]
fn a_destructor_can_join_and_switch_while_its_greenlet_is_killed() {
    in_time(|| {
        let log = Log::default();
        let out = log.clone();
        let (_, elapsed) = while_killed(move || {
            let child = spawn(|| {
                sleep(ms(5));
                "joined"
            });
            out.say(child.join().unwrap());
            let child = Greenlet::new(|n: u64| {
                sleep(ms(n));
                Ok("switched")
            });
            out.say(child.switch::<u64, &str>(5).unwrap());
        });
        assert_eq!(log.take(), ["joined", "switched"]);
        assert_eq!(elapsed, ms(11));
    });
}

#[test]
fn a_timeout_in_a_destructor_is_over_in_time_while_its_greenlet_is_killed() {
    in_time(|| {
        let log = Log::default();
        let out = log.clone();
        let (end, elapsed) = while_killed(move || {
            for (name, wait) in WAITS.into_iter().filter(|(name, _)| *name != "accept") {
                let result = timeout(ms(5), wait);
                out.say(format_args!("{name} {result:?}"));
            }
        });
        assert!(end.unwrap_err().is::<GreenletExit>());
        let expected = WAITS.iter().filter(|(name, _)| *name != "accept");
        let expected: Vec<_> =
            expected.map(|(name, _)| format!("{name} Err(Elapsed)")).collect();
        assert_eq!(log.take(), expected);
        assert_eq!(elapsed, ms(31));
    });
}

#[test]
fn a_destructor_can_read_and_write_while_its_greenlet_is_killed() {
    in_time(|| {
        run(|| {
            let listener = listener();
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let server = listener.accept().unwrap();
            let victim = spawn(move || {
                let _finally = Finally(|| {
                    let mut buffer = [0; 3];
                    assert_eq!(server.read(&mut buffer).unwrap(), 3);
                    server.write_all(&buffer).unwrap();
                });
                sleep(Duration::MAX);
            });
            sleep(ms(1));
            victim.kill();
            sleep(ms(1));
            client.write_all(b"bye").unwrap();
            let mut buffer = [0; 3];
            assert_eq!(client.read(&mut buffer).unwrap(), 3);
            assert_eq!(&buffer, b"bye");
            assert!(victim.join().is_err());
        })
        .unwrap();
    });
}

#[test]
fn a_destructor_can_wait_whatever_unwinds_its_stack() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let slow = |name: &'static str| {
                let out = log.clone();
                Finally(move || {
                    sleep(ms(10));
                    out.say(name);
                })
            };
            let guard = slow("panic");
            let panics = spawn(move || {
                let _guard = guard;
                resume_unwind(Box::new("planted"));
            });
            let panic: Result<(), _> = panics.join();
            log.say(panic.unwrap_err().downcast::<&str>().unwrap());
            let guard = slow("timeout");
            let late = timeout(ms(5), || {
                let _guard = guard;
                sleep(Duration::MAX);
            });
            log.say(format_args!("{late:?}"));
            log.take()
        });
        assert_eq!(log, ["panic", "planted", "timeout", "Err(Elapsed)"]);
        assert_eq!(elapsed, ms(25));
    });
}

/// While a destructor waits, std says that the thread panics. Nobody else has to believe it.
#[test]
fn while_a_destructor_waits_the_others_are_killed_and_timed_out_as_ever() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let cleaning = spawn(|| {
                let _finally = Finally(|| sleep(ms(100)));
                sleep(Duration::MAX);
            });
            let out = log.clone();
            let victim = spawn(move || {
                let _finally = Finally(|| {
                    sleep(ms(5));
                    out.say("victim");
                });
                sleep(Duration::MAX);
            });
            sleep(ms(1));
            cleaning.kill();
            sleep(ms(1));
            victim.kill();
            log.say(format_args!("{:?}", timeout(ms(10), || sleep(Duration::MAX))));
            log.say(format_args!("{:?}", timeout(ms(10), || victim.join().is_err())));
            let panics = spawn(|| -> () { panic!("planted") });
            log.say(text(&*panics.join().unwrap_err()));
            assert!(cleaning.join().is_err());
            log.take()
        });
        assert_eq!(log, ["victim", "Err(Elapsed)", "Ok(true)", "planted"]);
        assert_eq!(elapsed, ms(101));
    });
}

#[test]
fn a_second_kill_does_not_hit_a_destructor_that_waits() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let out = log.clone();
            let victim = spawn(move || {
                for name in ["outer", "inner"] {
                    let out = out.clone();
                    let wait = move || {
                        let _finally = Finally(|| {
                            sleep(ms(10));
                            out.say(name);
                        });
                        sleep(Duration::MAX);
                    };
                    assert!(catch_unwind(AssertUnwindSafe(wait)).is_err());
                }
                out.say("ends");
            });
            sleep(ms(1));
            victim.kill();
            sleep(ms(1));
            victim.kill(); // the first destructor waits: it is raised in the second wait
            victim.join().unwrap();
            log.take()
        });
        assert_eq!(log, ["outer", "inner", "ends"]);
        assert_eq!(elapsed, ms(21));
    });
}

#[test]
fn a_kill_that_comes_while_a_timeout_cleans_up_is_raised_at_the_next_wait() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let out = log.clone();
            let victim = spawn(move || {
                let result = timeout(ms(1), || {
                    let _first = Finally(|| {
                        sleep(ms(5));
                        out.say("first");
                    });
                    let _second = Finally(|| {
                        sleep(ms(5));
                        out.say("second");
                    });
                    sleep(Duration::MAX);
                });
                out.say(format_args!("{result:?}"));
                let _third = Finally(|| out.say("third"));
                sleep(Duration::MAX);
            });
            sleep(ms(3));
            victim.kill();
            let end = victim.join().unwrap_err();
            assert!(end.downcast::<Failure>().unwrap().is::<GreenletExit>());
            log.take()
        });
        assert_eq!(log, ["second", "first", "Err(Elapsed)", "third"]);
        assert_eq!(elapsed, ms(11));
    });
}

#[test]
fn a_timeout_that_is_up_while_a_destructor_inside_waits_comes_after_it_or_not_at_all() {
    in_time(|| {
        let (results, elapsed) = timed(|| {
            let slow = || {
                let _finally = Finally(|| sleep(ms(20)));
                sleep(Duration::MAX);
            };
            // The outer time is up while the inner one cleans up. The frame of the outer one
            // is still there: it is raised as soon as its body waits again.
            let again = timeout(ms(10), || {
                let inner = timeout(ms(5), slow);
                sleep(ms(100));
                inner
            });
            // The same, and the body does not wait again.
            let enough = timeout(ms(10), || timeout(ms(5), slow));
            (again, enough, timeout(ms(100), || sleep(ms(50))))
        });
        assert_eq!(results, (Err(Elapsed), Ok(Err(Elapsed)), Ok(())));
        assert_eq!(elapsed, ms(25 + 25 + 50));
    });
}

#[test]
fn timeouts_inside_each_other_inside_a_destructor_end_no_process() {
    in_time(|| {
        let results = Rc::new(RefCell::new(Vec::new()));
        let out = Rc::clone(&results);
        let (_, elapsed) = while_killed(move || {
            let inner_first = timeout(ms(20), || {
                timeout(ms(10), || {
                    let _finally = Finally(|| sleep(ms(15)));
                    sleep(Duration::MAX);
                })
            });
            let outer_first = timeout(ms(10), || {
                timeout(ms(20), || {
                    let _finally = Finally(|| sleep(ms(15)));
                    sleep(Duration::MAX);
                })
            });
            out.borrow_mut().extend([inner_first, outer_first]);
        });
        assert_eq!(results.take(), [Ok(Err(Elapsed)), Err(Elapsed)]);
        assert_eq!(elapsed, ms(51));
    });
}

/// Whatever a destructor waits for when the loop ends is over, unless it owes a value.
#[test]
fn a_destructor_that_still_waits_at_the_end_goes_on_or_is_left() {
    in_time(|| {
        for (name, wait) in WAITS {
            let (reports, log) = (Log::of_reports(), Log::default());
            let out = log.clone();
            run(move || {
                let victim = spawn(move || {
                    let _first = Finally(|| out.say("first"));
                    let _second = Finally(|| {
                        wait();
                        out.say("second");
                    });
                    sleep(Duration::MAX);
                });
                sleep(ms(1));
                victim.kill();
                sleep(ms(1));
                assert!(!victim.is_finished());
            })
            .unwrap();
            let is_left = ["acquire", "block_on"].contains(&name);
            let expected: &[&str] = if is_left { &[] } else { &["second", "first"] };
            assert_eq!(log.take(), expected, "{name}");
            assert_eq!(reports.take().len(), usize::from(is_left), "{name}");
        }
    });
}

/// The same, and then the unwinding is caught: its exit is raised in the next wait.
#[test]
fn an_exit_that_came_while_a_destructor_waited_is_raised_in_the_next_wait() {
    in_time(|| {
        let (reports, log) = (Log::of_reports(), Log::default());
        let out = log.clone();
        timed(move || {
            drop(spawn(move || {
                let _outer = Finally(|| out.say("outer"));
                let result = timeout(ms(1), || {
                    let _inner = Finally(|| sleep(ms(50)));
                    sleep(Duration::MAX);
                });
                out.say(format_args!("{result:?}"));
                sleep(Duration::MAX);
                out.say("not reached");
            }));
            sleep(ms(5));
        });
        assert_eq!(log.take(), ["Err(Elapsed)", "outer"]);
        assert!(reports.take().is_empty());
    });
}

/// The timeout around another one in a destructor is still there when that is over.
#[test]
fn a_timeout_in_a_destructor_outlives_one_inside_it_whose_time_was_up() {
    in_time(|| {
        let result = Rc::new(Cell::new(None));
        let out = Rc::clone(&result);
        let (_, elapsed) = while_killed(move || {
            out.set(Some(timeout(ms(20), || {
                assert_eq!(timeout(ms(5), || sleep(ms(100))), Err(Elapsed));
                sleep(ms(100));
            })));
        });
        assert_eq!((result.take(), elapsed), (Some(Err(Elapsed)), ms(21)));
    });
}

/// A panic that nobody raised through us is known as long as no other destructor waits, and
/// again when none waits any more.
#[test]
fn a_greenlet_that_panics_can_be_killed_while_it_cleans_up() {
    in_time(|| {
        for _ in 0..2 {
            let (end, elapsed) = timed(|| {
                let victim = spawn(|| -> () {
                    let _finally = Finally(|| {
                        sleep(ms(5));
                        // Nothing is put off for a timeout that is in the destructor itself.
                        assert_eq!(timeout(ms(5), || sleep(ms(50))), Err(Elapsed));
                    });
                    resume_unwind(Box::new("planted"));
                });
                sleep(ms(2));
                victim.kill();
                text(&*victim.join().unwrap_err()).to_owned()
            });
            assert_eq!((&*end, elapsed), ("planted", ms(10)));
            let (end, _) = while_killed(|| sleep(ms(1)));
            assert!(end.is_err());
        }
    });
}

/// At the end of `run`, what can be over is over, and what cannot is left as it is. A permit
/// that was waited for in vain is not lost.
#[test]
fn at_the_end_a_destructor_that_waits_for_a_permit_is_left_and_no_permit_is_lost() {
    in_time(|| {
        let (reports, slots) = (Log::of_reports(), Rc::new(Semaphore::new(1)));
        let theirs = Rc::clone(&slots);
        timed(move || {
            let holding = Rc::clone(&theirs);
            let waiting = Rc::clone(&theirs);
            drop(spawn(move || {
                let _finally = Finally(|| drop(waiting.acquire()));
                sleep(Duration::MAX);
            }));
            drop(spawn(move || {
                let _permit = holding.acquire();
                sleep(Duration::MAX);
            }));
            sleep(ms(1));
        });
        assert_eq!(reports.take().len(), 1);
        let (permit, _) = timed(move || timeout(ms(1), || drop(slots.acquire())).is_ok());
        assert!(permit);
    });
}

#[test]
fn at_the_end_a_permit_goes_to_no_one_that_has_been_left() {
    in_time(|| {
        let (reports, slots) = (Log::of_reports(), Rc::new(Semaphore::new(1)));
        let theirs = Rc::clone(&slots);
        timed(move || {
            let (swallowing, holding) = (Rc::clone(&theirs), Rc::clone(&theirs));
            drop(spawn(move || {
                sleep(ms(1));
                loop {
                    let wait = || drop(swallowing.acquire());
                    let _ = catch_unwind(AssertUnwindSafe(wait));
                }
            }));
            drop(spawn(move || {
                let _permit = holding.acquire();
                sleep(Duration::MAX);
            }));
            sleep(ms(2));
        });
        assert_eq!(reports.take().len(), 1);
        let (permits, _) = timed(move || {
            let one = timeout(ms(1), || slots.acquire()).is_ok();
            let _kept = slots.acquire();
            (one, timeout(ms(1), || drop(slots.acquire())))
        });
        assert_eq!(permits, (true, Err(Elapsed)));
    });
}

#[test]
fn at_the_end_whoever_never_began_is_dropped_and_its_destructors_do_not_wait() {
    in_time(|| {
        let (reports, log) = (Log::of_reports(), Log::default());
        let out = log.clone();
        let ((), elapsed) = timed(move || {
            let finally = ["one", "two"].map(|name| {
                let out = out.clone();
                Finally(move || {
                    sleep(ms(10));
                    let nothing = timeout(ms(10), || spawn(|| ()).join().is_err());
                    out.say(format_args!("{name} {nothing:?}"));
                })
            });
            drop(spawn(move || drop(finally)));
        });
        assert_eq!(log.take(), ["one Ok(true)", "two Ok(true)"]);
        assert_eq!(elapsed, Duration::ZERO);
        assert!(reports.take().is_empty());
    });
}

#[test]
fn a_task_that_waits_in_a_switch_is_unwound_at_the_end_even_if_its_handle_is_kept() {
    in_time(|| {
        let log = Log::default();
        let out = log.clone();
        let (handle, _) = timed(move || {
            let handle = spawn(move || {
                let _finally = Finally(|| out.say("unwound"));
                let hub = current().parent().unwrap();
                hub.switch::<(), ()>(())
            });
            sleep(ms(1));
            handle
        });
        assert_eq!(log.take(), ["unwound"]);
        assert!(handle.is_finished());
    });
}

#[test]
fn a_task_that_waits_in_a_switch_can_be_killed() {
    in_time(|| {
        let (log, elapsed) = timed(|| {
            let log = Log::default();
            let out = log.clone();
            let victim = spawn(move || {
                let _finally = Finally(|| out.say("unwound"));
                let child = Greenlet::new(|()| {
                    sleep(ms(50));
                    Ok(())
                });
                let _ = child.switch::<(), ()>(());
                out.say("not reached");
            });
            sleep(ms(1));
            victim.kill();
            let end = victim.join().unwrap_err();
            assert!(end.downcast::<Failure>().unwrap().is::<GreenletExit>());
            log.take()
        });
        assert_eq!(log, ["unwound"]);
        assert_eq!(elapsed, ms(1));
    });
}

/// A waker that comes for a destructor which was left for ever wakes nobody.
#[test]
fn a_destructor_that_was_left_is_not_woken_by_the_next_loop() {
    in_time(|| {
        let reports = Log::of_reports();
        let kept = Rc::new(Cell::new(None::<Waker>));
        let keeps = Rc::clone(&kept);
        run(move || {
            drop(spawn(move || {
                let _finally = Finally(|| {
                    block_on(poll_fn(|context| -> Poll<()> {
                        keeps.set(Some(context.waker().clone()));
                        Poll::Pending
                    }));
                });
                sleep(Duration::MAX);
            }));
            sleep(ms(1));
        })
        .unwrap();
        assert_eq!(reports.take().len(), 1);
        kept.take().unwrap().wake();
        assert_eq!(run(|| "again").unwrap(), "again");
    });
}

#[test]
fn a_read_in_a_destructor_at_the_end_says_that_nobody_would_come_back() {
    let kind = in_time(|| {
        let seen = Rc::new(Cell::new(None));
        let out = Rc::clone(&seen);
        run(move || {
            drop(spawn(move || {
                let _finally = Finally(|| {
                    let error = listener().accept().unwrap_err();
                    let exit = error
                        .get_ref()
                        .is_some_and(<dyn Error + Send + Sync>::is::<GreenletExit>);
                    out.set(Some((error.kind(), exit)));
                });
                sleep(Duration::MAX);
            }));
            sleep(ms(1));
        })
        .unwrap();
        seen.get()
    });
    assert_eq!(kind, Some((io::ErrorKind::Other, true)));
}

#[test]
fn std_is_told_that_nobody_panics_when_the_destructors_have_waited() {
    in_time(|| {
        let (end, _) = while_killed(|| sleep(ms(1)));
        assert!(end.is_err());
        assert!(!thread::panicking());
    });
}
