//! What greenlets leave behind: no timer, no place at a socket, no permit, no error that
//! nobody hears of, and no recursion, however many of them go at once.

mod common;

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::{Finally, Log, block, clocked, in_time, ms, timed};
use interlude_greenlets::greenlet::STACK_SIZE;
use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{Elapsed, sleep, timeout};
use interlude_greenlets::{Failure, Greenlet, GreenletExit, current, run, spawn};

const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Does something, and then waits for ever. Timers that were left would go on: so the time
/// at which the loop finds that nobody can be woken is the time of the last of them.
fn last_timer(main: impl FnOnce() + 'static) -> Duration {
    let (end, elapsed) = clocked(|| {
        main();
        drop(Semaphore::new(0).acquire());
    });
    let error = end.expect_err("it waits for ever").to_string();
    assert!(error.contains("0 timers, 0 sockets"), "{error}");
    elapsed
}

#[test]
fn a_killed_sleep_leaves_no_timer() {
    let elapsed = last_timer(|| {
        let victims = [10, 20, 30].map(|n| spawn(move || sleep(ms(n))));
        sleep(ms(1));
        victims.iter().for_each(JoinHandle::kill);
        victims.into_iter().for_each(|victim| assert!(victim.join().is_err()));
    });
    assert_eq!(elapsed, ms(1));
}

#[test]
fn a_timeout_leaves_no_timer_however_its_body_ends() {
    let elapsed = last_timer(|| {
        assert_eq!(timeout(ms(50), || 7), Ok(7));
        assert_eq!(timeout(ms(50), || sleep(ms(1))), Ok(()));
        assert_eq!(timeout(ms(1), || sleep(ms(50))), Err(Elapsed));
        assert_eq!(
            timeout(ms(50), || timeout(ms(1), || sleep(ms(70)))),
            Ok(Err(Elapsed))
        );
        assert_eq!(timeout(ms(1), || timeout(ms(50), || sleep(ms(70)))), Err(Elapsed));
        let panics = || timeout(ms(50), || -> () { resume_unwind(Box::new("planted")) });
        assert!(catch_unwind(panics).is_err());
        let victim = spawn(|| timeout(ms(50), || sleep(ms(70))));
        sleep(ms(1));
        victim.kill();
        assert!(victim.join().is_err());
    });
    assert_eq!(elapsed, ms(5));
}

#[test]
fn a_timeout_around_a_switch_leaves_no_timer_and_its_child_sleeps_on() {
    let elapsed = last_timer(|| {
        let child = Greenlet::new(|()| {
            sleep(ms(20));
            Ok(())
        });
        assert!(timeout(ms(5), || child.switch::<(), ()>(())).is_err());
        assert!(child.is_active());
    });
    assert_eq!(elapsed, ms(20));
}

#[test]
fn a_destructor_that_sleeps_leaves_no_timer() {
    let elapsed = last_timer(|| {
        let victim = spawn(|| {
            let _finally = Finally(|| {
                sleep(ms(2));
                assert_eq!(timeout(ms(50), || sleep(ms(2))), Ok(()));
                assert_eq!(timeout(ms(2), || sleep(ms(50))), Err(Elapsed));
            });
            sleep(ms(30));
        });
        sleep(ms(1));
        victim.kill();
        assert!(victim.join().is_err());
    });
    assert_eq!(elapsed, ms(7));
}

#[test]
fn places_at_a_socket_are_given_up_by_whoever_is_thrown_out() {
    in_time(|| {
        run(|| {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
            let mut peer =
                std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let stream = Rc::new(listener.accept().unwrap());
            // Thrown out by a timeout, by a kill, and with another who waits since.
            assert!(timeout(ms(1), || stream.read(&mut [0]).map(drop)).is_err());
            let reading = |stream: &Rc<TcpStream>| {
                let stream = Rc::clone(stream);
                spawn(move || stream.read(&mut [0]))
            };
            for _ in 0..3 {
                let victim = reading(&stream);
                sleep(ms(1));
                victim.kill();
                assert!(victim.join().is_err());
            }
            let stays = reading(&stream);
            sleep(ms(1));
            peer.write_all(b"x").unwrap();
            assert_eq!(stays.join().unwrap().unwrap(), 1);
        })
        .unwrap();
    });
}

/// The event and the kill come in one turn, and in between another greenlet has come to
/// wait. It must not lose its place to whoever is killed.
#[test]
fn whoever_is_killed_when_its_bytes_are_there_takes_nobody_elses_place() {
    in_time(|| {
        let heard = run(|| {
            let listener = TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
            let mut peer =
                std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let stream = Rc::new(listener.accept().unwrap());
            let ours = Rc::clone(&stream);
            let victim = spawn(move || ours.read(&mut [0; 1]).unwrap());
            sleep(ms(1));
            peer.write_all(b"x").unwrap();
            block(ms(5)); // the event is there when the loop asks
            let ours = Rc::clone(&stream);
            let other = spawn(move || {
                assert_eq!(ours.read(&mut [0; 1]).unwrap(), 1);
                ours.read(&mut [0; 1]).unwrap()
            });
            // In the next turn, the other one begins, the kill comes, and then the event.
            victim.kill();
            sleep(ms(1));
            assert!(victim.join().is_err());
            peer.write_all(b"y").unwrap();
            other.join().unwrap()
        });
        assert_eq!(heard.unwrap(), 1);
    });
}

/// What is thrown about here.
#[derive(Debug)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for KeyError {}

/// A value that panics as it is dropped.
struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        resume_unwind(Box::new("as it is dropped"));
    }
}

const UNCAUGHT: &str = "a greenlet failed, and nobody caught it: ";
const DROPPED: &str = "a destructor panicked: a greenlet panicked: as it is dropped";

fn uncaught(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| format!("{UNCAUGHT}{text}")).collect()
}

/// Python says "Exception ignored in: <greenlet.greenlet object>".
#[test]
fn what_a_greenlet_fails_with_whose_last_handle_is_dropped_is_reported() {
    let reports = Log::of_reports();
    let ends: [fn() -> Result<(), Failure>; 4] = [
        || Err(KeyError("lost").into()),
        || resume_unwind(Box::new("planted")),
        || Ok(()),
        || Err(GreenletExit.into()),
    ];
    for end in ends {
        let main = current();
        let greenlet = Greenlet::new(move |()| {
            let _ = catch_unwind(AssertUnwindSafe(|| main.switch::<(), ()>(())));
            end()
        });
        greenlet.switch::<(), ()>(()).unwrap();
        drop(greenlet);
    }
    assert_eq!(reports.take(), uncaught(&["lost", "a greenlet panicked: planted"]));
}

#[test]
fn what_a_task_fails_with_is_reported_if_its_handle_was_dropped() {
    let reports = Log::of_reports();
    run(|| {
        drop(spawn(|| Err::<(), _>(io::Error::other("of the world"))));
        drop(spawn(|| Err::<(), Failure>(KeyError("of ours").into())));
        drop(spawn(|| -> () {
            resume_unwind(Box::new(Failure::from(KeyError("raised"))))
        }));
        drop(spawn(|| Err::<(), Box<dyn Error>>("boxed".into())));
        drop(spawn(|| Err::<(), Box<dyn Error + Send + Sync>>("for others".into())));
        drop(spawn(|| Err::<(), String>("a text".into())));
        // These have not failed, or what they are nobody can know, or it was told already.
        drop(spawn(|| Ok::<(), io::Error>(())));
        drop(spawn(|| Err::<(), Failure>(GreenletExit.into())));
        drop(spawn(|| Err::<(), u8>(7)));
        drop(spawn(|| -> () { resume_unwind(Box::new("a panic")) }));
        sleep(ms(1));
    })
    .unwrap();
    let told = ["of the world", "of ours", "raised", "boxed", "for others", "a text"];
    assert_eq!(reports.take(), uncaught(&told));
}

#[test]
fn what_a_task_fails_with_goes_to_whoever_joins_and_is_not_reported() {
    let reports = Log::of_reports();
    run(|| {
        let failed = spawn(|| Err::<(), _>(io::Error::other("of the world")));
        assert!(failed.join().unwrap().is_err());
        let raised =
            spawn(|| -> () { resume_unwind(Box::new(Failure::from(KeyError("k")))) });
        let end = raised.join().unwrap_err().downcast::<Failure>().unwrap();
        assert!(end.is::<KeyError>());
        let killed = spawn(|| sleep(Duration::MAX));
        sleep(ms(1));
        killed.kill();
        drop(killed);
        sleep(ms(1));
    })
    .unwrap();
    assert!(reports.take().is_empty());
    let handle = run(|| {
        let failed = spawn(|| Err::<(), _>(io::Error::other("late")));
        sleep(ms(1));
        failed
    })
    .unwrap();
    assert!(reports.take().is_empty(), "somebody may still ask");
    drop(handle);
    assert_eq!(reports.take(), uncaught(&["late"]));
}

/// A failure that comes while a destructor waits, and can never be raised.
#[test]
fn what_was_put_off_and_never_raised_is_reported() {
    let reports = Log::of_reports();
    let (log, _) = timed(|| {
        let log = Log::default();
        let (out, own) = (log.clone(), Rc::new(RefCell::new(None::<Greenlet>)));
        let theirs = Rc::clone(&own);
        let victim = spawn(move || {
            theirs.replace(Some(current()));
            let _finally = Finally(|| {
                sleep(ms(5));
                out.say("clean");
            });
            sleep(Duration::MAX);
        });
        sleep(ms(1));
        victim.kill();
        sleep(ms(1));
        let greenlet = own.take().unwrap();
        drop(spawn(move || greenlet.throw::<()>(KeyError("too late")).map(drop)));
        assert!(victim.join().is_err());
        sleep(ms(1));
        log.take()
    });
    assert_eq!(log, ["clean"]);
    assert_eq!(reports.take(), uncaught(&["too late"]));
}

#[test]
fn a_destructor_that_panics_hits_nobody_and_is_reported() {
    let reports = Log::of_reports();
    let log = Log::default();
    // A body that never began: dropped, thrown into, and killed.
    let unborn = || {
        let panics = Panics;
        Greenlet::new(move |()| {
            drop(panics);
            Ok(())
        })
    };
    drop(unborn());
    let thrown = unborn();
    let end = thrown.throw::<GreenletExit>(GreenletExit);
    log.say(end.is_ok());
    // A message that nobody takes.
    let greenlet = Greenlet::new(|()| Ok(Panics));
    log.say(greenlet.switch::<(), ()>(()).unwrap_err());
    drop(greenlet);
    let (others, _) = timed(|| {
        // A result that nobody takes, before and after its end.
        drop(spawn(|| Panics));
        let later = spawn(|| Panics);
        sleep(ms(1));
        drop(later);
        let panics = Panics;
        let unborn = spawn(move || drop(panics));
        unborn.kill();
        assert!(unborn.join().is_err());
        // A failure, and what somebody panicked with.
        drop(spawn(|| -> () { resume_unwind(Box::new(Panics)) }));
        drop(spawn(|| {
            sleep(ms(1));
            "fine"
        }));
        spawn(|| "the others go on").join().unwrap()
    });
    assert_eq!(others, "the others go on");
    let wrong = log.take().pop().unwrap();
    assert!(wrong.starts_with("a message of type"), "{wrong}");
    let reports = reports.take();
    assert!(reports.len() >= 6, "{reports:?}");
    assert!(reports.iter().all(|it| it == DROPPED || it.starts_with(UNCAUGHT)));
}

#[test]
fn a_destructor_that_panics_does_not_meet_a_dropper_that_panics() {
    let reports = Log::of_reports();
    let panics = Panics;
    let greenlet = Greenlet::new(move |()| {
        drop(panics);
        Ok(())
    });
    let unwound = catch_unwind(AssertUnwindSafe(move || -> () {
        let _dropped = greenlet;
        resume_unwind(Box::new("mine"));
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"mine"));
    assert_eq!(reports.take().len(), 1);
}

/// The hub gets what is left of greenlets that end as nobody's child: it has to stand that.
#[test]
fn what_the_hub_gets_and_does_not_want_may_panic_as_it_is_dropped() {
    let reports = Log::of_reports();
    let (others, _) = timed(|| {
        drop(spawn(|| {
            let child = Greenlet::new(|()| {
                sleep(ms(1));
                Ok(Panics)
            });
            // It ends before its child, so that its own parent gets what the child returns.
            let theirs = child.clone();
            drop(timeout(Duration::ZERO, || theirs.switch::<(), ()>(()).map(drop)).ok());
        }));
        sleep(ms(2));
        "fine"
    });
    assert_eq!(others, "fine");
    assert_eq!(reports.take(), [DROPPED]);
}

#[test]
fn a_report_whose_hook_panics_or_whose_error_cannot_be_told_hits_nobody() {
    struct Untold;
    impl fmt::Debug for Untold {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Untold")
        }
    }
    impl fmt::Display for Untold {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            resume_unwind(Box::new("as it is told"))
        }
    }
    impl Error for Untold {}
    in_time(|| {
        let told = Rc::new(Cell::new(0));
        let counted = Rc::clone(&told);
        interlude_greenlets::failure::on_report(move |_| {
            counted.set(counted.get() + 1);
            resume_unwind(Box::new("in the hook"));
        });
        run(|| {
            drop(spawn(|| Err::<(), Failure>(Untold.into())));
            drop(spawn(|| Err::<(), Failure>(KeyError("told").into())));
            sleep(ms(1));
        })
        .unwrap();
        assert_eq!(told.get(), 1);
    });
}

/// A thread's variables are destroyed in the order of their first use, or in the opposite
/// one. Whichever it is, destructors that switch, wait and ask find a way.
#[test]
fn a_greenlet_in_a_thread_local_is_unwound_whatever_has_gone_before() {
    thread_local!(static LEFT: RefCell<Vec<Greenlet>> = const { RefCell::new(Vec::new()) });
    for made_before in [true, false] {
        let (tell, told) = channel();
        let thread = thread::spawn(move || {
            if made_before {
                LEFT.set(Vec::new());
            }
            run(|| sleep(ms(1))).unwrap();
            let main = current();
            let slots = Rc::new(Semaphore::new(1));
            let greenlets = (0..3).map(|i| {
                let (tell, main, slots) = (tell.clone(), main.clone(), Rc::clone(&slots));
                let greenlet = Greenlet::new(move |()| {
                    let again = main.clone();
                    let _finally = Finally(move || {
                        let exit = again.switch::<(), ()>(()).unwrap_err();
                        assert!(exit.is::<GreenletExit>());
                        let me = current();
                        assert!(me != again && me.is_active());
                        drop(Greenlet::new(|()| Ok(())));
                        sleep(ms(1));
                        drop(slots.acquire());
                        assert_eq!(timeout(ms(1), || 1), Ok(1));
                        tell.send(i).unwrap();
                    });
                    main.switch::<(), ()>(())
                });
                greenlet.switch::<(), ()>(()).unwrap();
                greenlet
            });
            LEFT.set(greenlets.collect());
        });
        thread.join().unwrap();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
    }
}

/// On a stack that would overflow, if one of them were dropped inside the other.
fn on_a_small_stack(body: fn()) {
    let small = thread::Builder::new().stack_size(128 * 1024);
    let thread = small.spawn(body).expect("it is small");
    thread.join().unwrap_or_else(|panic| resume_unwind(panic));
}

#[test]
fn a_line_of_a_hundred_thousand_that_never_began_is_dropped_flat() {
    on_a_small_stack(|| {
        let count = Rc::new(Cell::new(0));
        let mut line = Greenlet::new(|()| Ok(()));
        for _ in 0..100_000 {
            let counted = Rc::clone(&count);
            let next = (line, Finally(move || counted.set(counted.get() + 1)));
            line = Greenlet::new(move |()| {
                drop(next);
                Ok(())
            });
        }
        drop(line);
        assert_eq!(count.get(), 100_000);
    });
}

#[test]
fn a_line_of_a_thousand_that_wait_is_dropped_flat() {
    on_a_small_stack(|| {
        let log = Log::default();
        let mut line = None;
        for i in 0..1_000 {
            let (main, out, next) = (current(), log.clone(), line.take());
            let greenlet = Greenlet::new(move |()| {
                let _next = next;
                let _finally = Finally(|| out.say(i));
                main.switch::<(), ()>(())
            });
            greenlet.switch::<(), ()>(()).unwrap();
            line = Some(greenlet);
        }
        drop(line);
        let unwound = log.take();
        assert_eq!(unwound.len(), 1_000);
        assert_eq!(&unwound[..2], ["999", "998"]);
    });
}

/// Each is kept by its child alone. They have all ended, or none ever began.
#[test]
fn three_thousand_ancestors_are_dropped_flat() {
    on_a_small_stack(|| {
        for ended in [true, false] {
            let mut youngest = Greenlet::new(|()| Ok(()));
            for _ in 0..3_000 {
                let child = Greenlet::new(|()| Ok(()));
                child.set_parent(&youngest).unwrap();
                youngest = child;
            }
            if ended {
                youngest.throw::<()>(KeyError("k")).unwrap_err();
            }
            assert_eq!(youngest.is_dead(), ended);
            drop(youngest);
        }
    });
}

/// What one dies of reaches its parent, which never began and dies of it as well.
#[test]
fn an_error_goes_up_a_thousand_parents_that_never_began() {
    on_a_small_stack(|| {
        let family: Vec<_> = (0..1_000).map(|_| Greenlet::new(|()| Ok(()))).collect();
        for pair in family.windows(2) {
            pair[1].set_parent(&pair[0]).unwrap();
        }
        let youngest = family.last().unwrap();
        assert!(youngest.throw::<()>(KeyError("k")).unwrap_err().is::<KeyError>());
        assert!(family.iter().all(Greenlet::is_dead));
    });
}

/// To ask the kernel for a stack takes longer than to use it.
#[test]
fn the_stack_of_one_that_has_ended_is_that_of_the_next() {
    fn address() -> Result<usize, Failure> {
        let here = 0_u8;
        Ok((&raw const here).addr())
    }
    let one = Greenlet::new(|()| address()).switch::<(), usize>(()).unwrap();
    // If the kernel had it back, it would give it away.
    let others: Vec<_> = (0..16).map(|_| vec![1_u8; STACK_SIZE]).collect();
    let next = Greenlet::new(|()| address()).switch::<(), usize>(()).unwrap();
    assert_eq!(one, next);
    drop(others);
}

#[test]
fn a_waiter_that_is_killed_in_the_middle_of_a_queue_costs_no_permit_and_no_turn() {
    let (order, _) = timed(|| {
        let (slots, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let permit = slots.acquire();
        let waiters: Vec<_> = (0..5)
            .map(|i| {
                let (slots, out) = (Rc::clone(&slots), log.clone());
                spawn(move || {
                    let _permit = slots.acquire();
                    out.say(i);
                    sleep(ms(1));
                })
            })
            .collect();
        sleep(ms(1));
        waiters[1].kill();
        waiters[3].kill();
        sleep(ms(1));
        drop(permit);
        // The third is killed in the turn in which it has got its permit.
        sleep(ms(1));
        waiters[2].kill();
        for (i, waiter) in waiters.into_iter().enumerate() {
            assert_eq!(waiter.join().is_ok(), i % 4 == 0, "{i}");
        }
        drop(slots.acquire());
        log.take()
    });
    assert_eq!(order, ["0", "4"]);
}

/// Ten thousand who are thrown out of a queue, the last first.
#[test]
fn a_queue_of_ten_thousand_is_left_from_behind() {
    in_time(|| {
        let (count, elapsed) = timed(|| {
            let none = Rc::new(Semaphore::new(0));
            let waiters: Vec<_> = (0..10_000)
                .map(|_| {
                    let none = Rc::clone(&none);
                    spawn(move || drop(none.acquire()))
                })
                .collect();
            sleep(ms(1));
            waiters.iter().rev().for_each(JoinHandle::kill);
            waiters.into_iter().filter_map(|waiter| waiter.join().err()).count()
        });
        assert_eq!((count, elapsed), (10_000, ms(1)));
    });
}
