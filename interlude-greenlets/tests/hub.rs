//! Greenlets on the loop: what waits, who goes on, and what is left.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::time::{Elapsed, sleep, timeout};
use interlude_greenlets::{
    Failure, Greenlet, GreenletExit, block_on, current, run, spawn,
};
use reactor::backend::{self, Clockwork};

/// A list that greenlets and guards write to.
type Log = Rc<RefCell<Vec<&'static str>>>;

const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

const FORTY_YEARS: Duration = Duration::from_hours(40 * 365 * 24);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs `main` under a virtual clock, and says how long it took by that.
fn timed<T: 'static>(main: impl FnOnce() -> T + 'static) -> (T, Duration) {
    let clock = Clockwork::new();
    let output =
        backend::scope(clock.clone(), || run(main)).expect("somebody can always go on");
    (output, clock.elapsed())
}

/// What a panic said.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref().map(String::as_str))
        .expect("a panic says something")
}

/// Says something when it is dropped.
struct Guard(Log, &'static str);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

#[test]
fn run_gives_what_main_returns() {
    assert_eq!(run(|| 7).unwrap(), 7);
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let (order, elapsed) = timed(|| {
        let log = Log::default();
        let sleeper = |name, pause| {
            let log = Rc::clone(&log);
            spawn(move || {
                sleep(ms(pause));
                log.borrow_mut().push(name);
            })
        };
        let sleepers = [sleeper("c", 30), sleeper("a", 10), sleeper("b", 20)];
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
        log.take()
    });
    assert_eq!(order, ["a", "b", "c"]);
    assert_eq!(elapsed, ms(30));
}

#[test]
fn a_spawned_greenlet_begins_in_a_later_turn() {
    let log = Log::default();
    let said = Rc::clone(&log);
    run(move || {
        let inner = Rc::clone(&said);
        let handle = spawn(move || inner.borrow_mut().push("spawned"));
        said.borrow_mut().push("main");
        assert!(!handle.is_finished());
        handle.join().unwrap();
    })
    .unwrap();
    assert_eq!(log.take(), ["main", "spawned"]);
}

#[test]
fn a_panic_goes_to_whoever_joins_and_the_others_go_on() {
    let (others, _) = timed(|| {
        let quiet = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| ()));
        let bad = spawn(|| -> () { panic!("planted") });
        let good = spawn(|| {
            sleep(ms(10));
            "fine"
        });
        let panic = bad.join().unwrap_err();
        std::panic::set_hook(quiet);
        assert_eq!(panic.downcast_ref(), Some(&"planted"));
        good.join().unwrap()
    });
    assert_eq!(others, "fine");
}

#[test]
fn a_panic_in_main_comes_out_of_run_and_the_thread_can_run_again() {
    let panicked = catch_unwind(|| run(|| std::panic::resume_unwind(Box::new("out"))));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"out"));
    assert_eq!(run(|| "again").unwrap(), "again");
}

#[test]
fn a_run_inside_a_run_is_refused() {
    run(|| {
        let refused = catch_unwind(|| run(|| ()));
        assert!(text(&*refused.unwrap_err()).contains("call spawn()"));
    })
    .unwrap();
}

#[test]
fn to_wait_without_a_loop_is_a_panic_that_says_what_to_do() {
    let panic = catch_unwind(|| sleep(ms(1))).unwrap_err();
    assert!(text(&*panic).contains("inside `run`"));
}

#[test]
fn who_waits_when_main_ends_is_unwound_while_the_loop_is_there() {
    let log = Log::default();
    let said = Rc::clone(&log);
    timed(move || {
        for name in ["one", "two"] {
            let guard = Guard(Rc::clone(&said), name);
            drop(spawn(move || {
                let _guard = guard;
                sleep(Duration::MAX);
            }));
        }
        let guard = Guard(Rc::clone(&said), "never began");
        sleep(ms(1));
        drop(spawn(move || drop(guard)));
    });
    assert_eq!(log.take(), ["one", "two", "never began"]);
}

#[test]
fn a_handle_outside_the_loop_keeps_nothing_waiting_when_it_ends() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (handle, _) = timed(|| {
        let handle = spawn(move || {
            let _guard = Guard(said, "unwound");
            sleep(Duration::MAX);
        });
        sleep(ms(1));
        handle
    });
    assert_eq!(log.take(), ["unwound"]);
    assert!(handle.is_finished());
}

#[test]
fn what_panics_as_it_is_dropped_at_the_end_takes_nobody_with_it() {
    struct Panics(Log);
    impl Drop for Panics {
        fn drop(&mut self) {
            self.0.borrow_mut().push("dropped");
            assert!(thread::panicking(), "as it is dropped");
        }
    }
    let log = Log::default();
    let [one, two] = [(); 2].map(|()| Panics(Rc::clone(&log)));
    run(|| {
        drop(spawn(|| drop(one)));
        drop(spawn(|| drop(two)));
    })
    .unwrap();
    assert_eq!(log.take(), ["dropped", "dropped"]);
    assert_eq!(run(|| 1).unwrap(), 1);
}

#[test]
fn any_greenlet_can_be_the_hub() {
    let greenlet = Greenlet::new(|n: u64| {
        Ok(timed(move || {
            let half = spawn(move || sleep(ms(n)));
            half.join().unwrap();
        }))
    });
    let ((), elapsed): ((), Duration) = greenlet.switch(5_u64).unwrap();
    assert_eq!(elapsed, ms(5));
}

#[test]
fn a_destructor_that_waits_while_its_stack_is_unwound_does_not_wait() {
    struct Waits(Rc<Cell<Option<io::ErrorKind>>>, TcpStream);
    impl Drop for Waits {
        fn drop(&mut self) {
            sleep(Duration::from_hours(1));
            let refused = self.1.read(&mut [0]).unwrap_err();
            self.0.set(Some(refused.kind()));
            assert!(spawn(|| ()).join().is_err());
        }
    }
    let seen = Rc::new(Cell::new(None));
    let out = Rc::clone(&seen);
    run(move || {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let silent = listener.accept().unwrap();
        let waits = Waits(out, stream);
        drop(spawn(move || {
            let _waits = (waits, silent);
            sleep(Duration::MAX);
        }));
        sleep(ms(1));
    })
    .unwrap();
    assert_eq!(seen.get(), Some(io::ErrorKind::Other));
}

#[test]
fn a_timeout_unwinds_its_body_from_wherever_it_waits() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let guard = Guard(Rc::clone(&log), "dropped");
        let result = timeout(ms(10), move || {
            let _guard = guard;
            sleep(ms(50));
        });
        assert_eq!(result, Err(Elapsed));
        log.take()
    });
    assert_eq!(log, ["dropped"]);
    assert_eq!(elapsed, ms(10));
}

#[test]
fn a_timeout_that_is_not_needed_leaves_no_timer_behind() {
    let ((), elapsed) = timed(|| {
        let result = timeout(ms(50), || {
            sleep(ms(10));
            "in time"
        });
        assert_eq!(result, Ok("in time"));
        assert_eq!(timeout(Duration::MAX, || "at once"), Ok("at once"));
        assert_eq!(timeout(Duration::MAX, || sleep(FORTY_YEARS)), Ok(()));
    });
    assert_eq!(elapsed, ms(10) + FORTY_YEARS);
}

#[test]
fn of_two_timeouts_the_one_whose_time_is_up_gives_elapsed() {
    let (results, elapsed) = timed(|| {
        let inner_first = timeout(ms(50), || timeout(ms(10), || sleep(ms(100))));
        let outer_first = timeout(ms(10), || timeout(ms(50), || sleep(ms(100))));
        (inner_first, outer_first)
    });
    assert_eq!(results, (Ok(Err(Elapsed)), Err(Elapsed)));
    assert_eq!(elapsed, ms(20));
}

#[test]
fn a_timeout_ends_every_kind_of_wait() {
    let ((), elapsed) = timed(|| {
        let none = Semaphore::new(0);
        assert_eq!(timeout(ms(1), || drop(none.acquire())), Err(Elapsed));
        let long = spawn(|| sleep(ms(100)));
        assert!(timeout(ms(1), || long.join()).is_err());
        let never = || block_on(std::future::pending::<()>());
        assert_eq!(timeout(ms(1), never), Err(Elapsed));
    });
    assert_eq!(elapsed, ms(3));
}

#[test]
fn a_panic_in_a_timeout_is_no_timeout() {
    let (message, _) = timed(|| {
        let body = || timeout(ms(1), || std::panic::resume_unwind(Box::new("mine")));
        let panicked: Result<Result<(), _>, _> = catch_unwind(AssertUnwindSafe(body));
        *panicked.unwrap_err().downcast::<&str>().unwrap()
    });
    assert_eq!(message, "mine");
}

#[test]
fn a_killed_greenlet_is_unwound_from_where_it_waits_and_its_handle_says_so() {
    let (log, elapsed) = timed(|| {
        let log = Log::default();
        let guard = Guard(Rc::clone(&log), "dropped");
        let victim = spawn(move || {
            let _guard = guard;
            sleep(Duration::MAX);
        });
        let guard = Guard(Rc::clone(&log), "dropped before it began");
        let unborn = spawn(move || drop(guard));
        unborn.kill();
        sleep(ms(1));
        victim.kill();
        for end in [unborn.join(), victim.join()] {
            let end = end.unwrap_err().downcast::<Failure>().unwrap();
            assert!(end.is::<GreenletExit>());
        }
        log.take()
    });
    assert_eq!(log, ["dropped before it began", "dropped"]);
    assert_eq!(elapsed, ms(1));
}

#[test]
fn to_kill_what_is_finished_does_nothing() {
    timed(|| {
        let done = spawn(|| "done");
        sleep(ms(1));
        done.kill();
        sleep(ms(1));
        assert_eq!(done.join().unwrap(), "done");
    });
}

#[test]
fn a_semaphore_lets_so_many_in_first_come_first_served() {
    let ((order, most), elapsed) = timed(|| {
        let slots = Rc::new(Semaphore::new(2));
        let order = Rc::new(RefCell::new(Vec::new()));
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let visits: Vec<_> = (0..6)
            .map(|i| {
                let (slots, order) = (Rc::clone(&slots), Rc::clone(&order));
                let (inside, most) = (Rc::clone(&inside), Rc::clone(&most));
                spawn(move || {
                    let _permit = slots.acquire();
                    order.borrow_mut().push(i);
                    inside.set(inside.get() + 1);
                    most.set(most.get().max(inside.get()));
                    sleep(ms(10));
                    inside.set(inside.get() - 1);
                })
            })
            .collect();
        visits.into_iter().for_each(|visit| visit.join().unwrap());
        (order.take(), most.get())
    });
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
    assert_eq!(most, 2);
    assert_eq!(elapsed, ms(30));
}

#[test]
fn who_is_thrown_out_of_the_queue_of_a_semaphore_costs_no_permit() {
    let ((), elapsed) = timed(|| {
        let slots = Rc::new(Semaphore::new(1));
        let permit = slots.acquire();
        let waiting = Rc::clone(&slots);
        let gives_up = spawn(move || timeout(ms(1), || drop(waiting.acquire())));
        let waiting = Rc::clone(&slots);
        let stays = spawn(move || drop(waiting.acquire()));
        assert_eq!(gives_up.join().unwrap(), Err(Elapsed));
        drop(permit);
        stays.join().unwrap();
        drop(slots.acquire());
    });
    assert_eq!(elapsed, ms(1));
}

#[test]
fn who_is_thrown_out_with_a_permit_already_granted_passes_it_on() {
    timed(|| {
        let slots = Rc::new(Semaphore::new(1));
        let permit = slots.acquire();
        let waiting = Rc::clone(&slots);
        // The alarm and the permit come in the same turn, the alarm first.
        let gives_up = spawn(move || timeout(ms(1), || drop(waiting.acquire())));
        sleep(ms(1));
        drop(permit);
        assert_eq!(gives_up.join().unwrap(), Err(Elapsed));
        assert_eq!(timeout(ms(1), || drop(slots.acquire())), Ok(()));
    });
}

#[test]
fn a_greenlet_that_is_no_task_can_wait_too() {
    let (sum, elapsed) = timed(|| {
        let child = Greenlet::new(|n: u64| {
            sleep(ms(n));
            Ok(n + 1)
        });
        let ticking = spawn(|| sleep(ms(3)));
        let answer = child.switch::<u64, u64>(7).unwrap();
        assert!(ticking.is_finished(), "others go on while the child sleeps");
        answer
    });
    assert_eq!(sum, 8);
    assert_eq!(elapsed, ms(7));
}

#[test]
fn block_on_is_woken_from_any_thread() {
    let answer = run(|| {
        let mut asked = false;
        block_on(poll_fn(move |context| {
            if asked {
                return Poll::Ready("woken");
            }
            asked = true;
            let waker = context.waker().clone();
            thread::spawn(move || waker.wake());
            Poll::Pending
        }))
    });
    assert_eq!(answer.unwrap(), "woken");
}

#[test]
fn a_waker_that_comes_late_wakes_nobody() {
    let ((), elapsed) = timed(|| {
        let mut kept = None;
        let mut asked = 0;
        block_on(poll_fn(|context| {
            kept.get_or_insert_with(|| context.waker().clone());
            context.waker().wake_by_ref();
            asked += 1;
            if asked == 3 { Poll::Ready(()) } else { Poll::Pending }
        }));
        kept.unwrap().wake();
        sleep(ms(5));
    });
    assert_eq!(elapsed, ms(5));
}

#[test]
fn a_wait_inside_a_poll_is_not_ended_by_the_wake_that_the_poll_is_for() {
    let (polls, elapsed) = timed(|| {
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            sleep(ms(5));
            if polls == 2 { Poll::Ready(polls) } else { Poll::Pending }
        }))
    });
    assert_eq!((polls, elapsed), (2, ms(10)));
}

#[test]
fn a_timeout_that_is_over_keeps_no_handle_to_its_greenlet() {
    timed(|| {
        let log = Log::default();
        let (here, guard) = (current(), Guard(Rc::clone(&log), "unwound"));
        let greenlet = Greenlet::new(move |()| {
            let _guard = guard;
            timeout(ms(50), || sleep(ms(1)))?;
            here.switch::<(), ()>(())
        });
        greenlet.switch::<(), ()>(()).unwrap();
        drop(greenlet);
        sleep(ms(1)); // the hub has a handle until it is its turn
        assert_eq!(log.take(), ["unwound"]);
    });
}

/// M2.21
#[test]
fn a_thousand_greenlets_wait_for_sockets_and_none_keeps_the_others_waiting() {
    const CLIENTS: usize = 200;
    const SLEEPERS: usize = 600;
    run(|| {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let address = listener.local_addr().unwrap();
        drop(spawn(move || {
            while let Ok(stream) = listener.accept() {
                drop(spawn(move || echo(&stream)));
            }
        }));
        let sleepers: Vec<_> =
            (0..SLEEPERS).map(|_| spawn(|| (0..10).for_each(|_| sleep(ms(5))))).collect();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|i| {
                spawn(move || {
                    let stream = TcpStream::connect(address)?;
                    let sent = i.to_string().into_bytes();
                    let mut heard = vec![0; sent.len()];
                    sleep(ms(50)); // until all are there
                    stream.write_all(&sent)?;
                    let mut n = 0;
                    while n < heard.len() {
                        n += stream.read(&mut heard[n..])?;
                    }
                    assert_eq!(heard, sent);
                    io::Result::Ok(())
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap().unwrap());
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    })
    .unwrap();
}

fn echo(stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer)? {
            0 => return stream.shutdown(),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

#[test]
fn megabytes_come_back_as_they_were_sent_and_the_end_is_an_end() {
    let (sent, heard) = run(|| {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let address = listener.local_addr().unwrap();
        drop(spawn(move || echo(&listener.accept()?)));
        let stream = Rc::new(TcpStream::connect(address).unwrap());
        let sent: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
        let (writing, bytes) = (Rc::clone(&stream), sent.clone());
        let writer = spawn(move || {
            writing.write_all(&bytes).unwrap();
            writing.shutdown().unwrap();
        });
        let (mut heard, mut buffer) = (Vec::new(), [0; 16_384]);
        loop {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                n => heard.extend_from_slice(&buffer[..n]),
            }
        }
        writer.join().unwrap();
        (sent, heard)
    })
    .unwrap();
    assert!(sent == heard);
}

#[test]
fn a_refused_connection_is_an_error() {
    // A port that was free a moment ago may be somebody's by now; this one is nobody's.
    let nobody = SocketAddr::new(ANYWHERE.ip(), 1);
    let error = run(move || TcpStream::connect(nobody).map(drop)).unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_second_reader_of_a_socket_is_told_that_it_is_busy_and_the_first_reads_on() {
    let heard = run(|| {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = Rc::new(listener.accept().unwrap());
        let first = Rc::clone(&stream);
        let first = spawn(move || {
            let mut buffer = [0; 16];
            let n = first.read(&mut buffer).unwrap();
            buffer[..n].to_vec()
        });
        sleep(ms(1));
        let busy = stream.read(&mut [0]).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::ResourceBusy);
        peer.write_all(b"first").unwrap();
        first.join().unwrap()
    });
    assert_eq!(heard.unwrap(), b"first");
}

/// M7.10: greenlets that begin one after the other do not starve a socket.
#[test]
fn who_is_always_ready_does_not_starve_a_socket() {
    const MANY: u32 = 10_000;
    fn again(turns: Rc<Cell<u32>>) {
        turns.set(turns.get() + 1);
        if turns.get() < MANY {
            drop(spawn(move || again(turns)));
        }
    }
    run(|| {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap();
        let reading = spawn(move || stream.read(&mut [0]).unwrap());
        sleep(ms(1));
        peer.write_all(b"x").unwrap(); // by now the read waits
        let turns = Rc::new(Cell::new(0));
        again(Rc::clone(&turns));
        assert_eq!(reading.join().unwrap(), 1);
        assert!(turns.replace(MANY) < MANY, "the socket is starved");
    })
    .unwrap();
}

#[test]
fn a_read_that_was_timed_out_can_be_tried_again() {
    run(|| {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let mut peer =
            std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap();
        let mut buffer = [0; 5];
        assert_eq!(
            timeout(ms(1), || stream.read(&mut buffer).map(drop)).ok().map(drop),
            None
        );
        let mut late = peer.try_clone().unwrap();
        drop(spawn(move || {
            sleep(ms(1)); // so that the second try has to wait, too
            late.write_all(b"later").unwrap();
        }));
        assert_eq!(stream.read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer, b"later");
        drop(stream);
        assert_eq!(peer.read(&mut buffer).unwrap(), 0, "a dropped stream is closed");
    })
    .unwrap();
}
