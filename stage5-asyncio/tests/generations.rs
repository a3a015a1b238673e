//! Older loops as guests of this one: all generations on one thread.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]

mod common;
#[path = "../steps/generations/main.rs"]
mod generations;

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{Dropped, FAR, Log, MS, caught, turn, turns};
use generations::bridges::{
    as_future, awaited, deferred, new_future, old_future, yielded,
};
use generations::guest::guest;
use interlude_greenlets as greenlets;
use stage1_callbacks as callbacks;
use stage2_generators as generators;
use stage3_yield_from as old;
use stage4_async_await as bare;
use stage5_asyncio::net::TcpStream;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop, run, timeout};

/// Runs it with a deadline; in the end nobody is watched any more.
fn in_time<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    run(async {
        let end = timeout(Duration::from_mins(1), main).await.expect("it hangs");
        assert_eq!(get_running_loop().reactor().sockets(), 0);
        end
    })
    .unwrap()
}

#[test]
fn all_generations_talk_in_turn() {
    let said = generations::talk().unwrap();
    let speakers: Vec<_> = said.iter().filter_map(|it| it.split(':').next()).collect();
    let names =
        ["asyncio", "callbacks", "greenlets", "generators", "yield from", "async/await"];
    let names = names.iter().chain(&names).zip(1..);
    let expected: Vec<_> = names.map(|(name, n)| format!("{n:>2} {name:>12}")).collect();
    assert_eq!(speakers, expected);
}

/// All of them have begun before any is over: they sleep at the same time.
#[test]
fn no_guest_holds_up_another_or_the_host() {
    let log = Log::default();
    let says = [(); 4].map(|()| log.clone());
    in_time(async move {
        let [one, two, three, host] = says;
        let guests = [
            create_task(guest(move |_| {
                one.say("begins");
                let nap = callbacks::react(|| callbacks::time::sleep(20 * MS));
                one.say("ends");
                nap.map(|end| end.unwrap())
            })),
            create_task(guest(move |_| {
                two.say("begins");
                let nap = greenlets::run(|| greenlets::time::sleep(10 * MS));
                two.say("ends");
                nap
            })),
            create_task(guest(move |_| {
                three.say("begins");
                let nap = old::run(old::time::sleep(15 * MS));
                three.say("ends");
                nap.map(|end| end.unwrap())
            })),
        ];
        turn().await;
        host.say("goes on");
        for guest in guests {
            guest.await.unwrap().unwrap();
        }
    });
    let said = ["begins", "begins", "begins", "goes on", "ends", "ends", "ends"];
    assert_eq!(log.take(), said);
}

#[test]
fn a_guest_that_is_busy_does_not_starve_its_host_nor_the_host_its_guest() {
    in_time(async {
        let (flag, other) = <(Rc<Cell<bool>>, Rc<Cell<bool>>)>::default();
        let (seen, set) = (Rc::clone(&flag), Rc::clone(&other));
        let busy = create_task(guest(move |_| {
            bare::run(async move {
                while !seen.get() {
                    bare::task::yield_now().await;
                }
                bare::time::sleep(MS).await;
                set.set(true);
            })
        }));
        turns(500).await;
        flag.set(true);
        while !other.get() {
            turn().await;
        }
        busy.await.unwrap().unwrap();
    });
}

#[test]
fn a_guest_has_sockets_of_its_own_and_its_host_is_the_client() {
    in_time(async {
        let tell = get_running_loop().create_future();
        let address = tell.clone();
        let server = create_task(guest(move |_| {
            bare::run(async move {
                let listener = bare::net::TcpListener::bind(([127, 0, 0, 1], 0).into())?;
                tell.set_result(listener.local_addr()?).unwrap();
                let stream = listener.accept().await?;
                let mut buffer = [0; 1000];
                let mut bytes = 0;
                loop {
                    match stream.read(&mut buffer).await? {
                        0 => return io::Result::Ok(bytes),
                        n => stream.write_all(&buffer[..n]).await?,
                    }
                    bytes += 1;
                }
            })
        }));
        let stream = TcpStream::connect(address.await).await.unwrap();
        for n in 0..20 {
            stream.write_all(&[n; 100]).await.unwrap();
            let (mut heard, mut buffer) = (0, [0; 100]);
            while heard < 100 {
                heard += stream.read(&mut buffer).await.unwrap();
                assert_eq!(buffer[0], n);
            }
        }
        stream.shutdown().unwrap();
        assert!(server.await.unwrap().unwrap().unwrap() >= 20);
        drop(stream);
    });
}

#[test]
fn a_cancel_ends_the_guest_and_drops_what_it_has() {
    let log = Log::default();
    let said = log.clone();
    in_time(async move {
        let (inner, outer) = (said.clone(), said.clone());
        let task = create_task(guest(move |_| {
            let end = bare::run(async move {
                let _guard = Dropped(inner.clone(), "its task");
                let other = Dropped(inner, "another");
                drop(bare::spawn(async move {
                    let _other = other;
                    bare::time::sleep(FAR).await;
                }));
                bare::time::sleep(FAR).await;
            });
            outer.say(end.unwrap_err());
        }));
        sleep(5 * MS).await;
        task.cancel();
        assert!(catch_cancel(task).await.is_err());
        said.say("cancelled");
        // There is room for another one.
        let again = guest(|_| bare::run(bare::time::sleep(MS)));
        again.await.unwrap().unwrap();
    });
    assert_eq!(log.take(), ["its task", "another", "the host has gone", "cancelled"]);
}

/// Of every stage: whatever it runs when it is over comes to its end.
#[test]
fn every_generation_can_be_sent_away() {
    let log = Log::default();
    let said = log.clone();
    in_time(async move {
        let logs = [(); 4].map(|()| said.clone());
        let [one, two, three, four] = logs;
        let guests = [
            create_task(guest(move |_| {
                let end = callbacks::react(|| callbacks::time::sleep(FAR));
                one.say(format_args!("1 {}", end.err().unwrap()));
            })),
            create_task(guest(move |_| {
                let inner = two.clone();
                let end = greenlets::run(move || {
                    let _guard = Dropped(inner, "its stack");
                    greenlets::time::sleep(FAR);
                });
                two.say(format_args!("2 {}", end.unwrap_err()));
            })),
            create_task(guest(move |_| {
                let end = generators::react(|| generators::time::sleep(FAR));
                three.say(format_args!("3 {}", end.err().unwrap()));
            })),
            create_task(guest(move |_| {
                let end = old::run(old::time::sleep(FAR));
                four.say(format_args!("4 {}", end.err().unwrap()));
            })),
        ];
        sleep(5 * MS).await;
        for guest in guests {
            guest.cancel();
            assert!(catch_cancel(guest).await.is_err());
        }
    });
    let gone = |n| format!("{n} the host has gone");
    assert_eq!(log.take(), [gone(1), "its stack".into(), gone(2), gone(3), gone(4)]);
}

#[test]
fn a_panic_of_a_guest_is_its_hosts() {
    in_time(async {
        let task =
            guest(|_| old::run(old::coroutine(async { Ok(()) })).map(|_| panic!("no")));
        let end: Result<io::Result<io::Result<()>>, _> = caught(task).await;
        assert_eq!(end.unwrap_err(), "no");
    });
}

/// M6.19: in whatever way somebody waits for it.
#[test]
fn a_future_that_is_cancelled_is_so_for_every_generation() {
    in_time(async {
        let future = get_running_loop().create_future::<u32>();
        let [one, two, three, four, five] = [(); 5].map(|()| future.clone());
        let ends = Rc::new(RefCell::new(Vec::new()));
        let put = [(); 5].map(|()| Rc::clone(&ends));
        let [put1, put2, put3, put4, put5] = put;
        let guests = [
            create_task(guest(move |host| {
                let end = callbacks::react(|| deferred(&host, &one)).unwrap();
                put1.borrow_mut().push(end.unwrap_err().to_string());
            })),
            create_task(guest(move |host| {
                let wait = move || greenlets::block_on(awaited(host, two));
                let end = greenlets::run(wait).unwrap();
                put2.borrow_mut().push(end.unwrap_err().to_string());
            })),
            create_task(guest(move |host| {
                let end = generators::react(|| yielded(&host, &three)).unwrap();
                put3.borrow_mut().push(end.unwrap_err().to_string());
            })),
            create_task(guest(move |host| {
                let end = old::run(old::coroutine(async move {
                    old::yield_from(&old_future(&host, &four)).await
                }));
                let failure = end.unwrap().unwrap_err();
                assert!(failure.is::<old::future::Cancelled>());
                put4.borrow_mut().push("it was cancelled".to_owned());
            })),
            create_task(guest(move |host| {
                let end = bare::run(awaited(host, five)).unwrap();
                put5.borrow_mut().push(end.unwrap_err().to_string());
            })),
        ];
        turns(3).await;
        future.cancel();
        for guest in guests {
            guest.await.unwrap();
        }
        assert_eq!(*ends.borrow(), ["it was cancelled"; 5]);
    });
}

#[test]
fn a_coroutine_awaits_a_deferred_and_a_cancel_of_it_is_the_deferreds() {
    let log = Log::default();
    let said = log.clone();
    in_time(async move {
        let futures = Rc::new(RefCell::new(Vec::new()));
        let put = Rc::clone(&futures);
        let task = create_task(guest(move |host| {
            callbacks::react(move || {
                let (firer, later) = callbacks::Deferred::new();
                drop(callbacks::time::sleep(MS).add_callback(move |()| {
                    firer.fire(Ok(21)).unwrap();
                    Ok(())
                }));
                let doubled = later.add_callback(|n: u32| Ok(2 * n));
                put.borrow_mut().push(as_future(&host, doubled));
                let (firer, never) = callbacks::Deferred::<u32>::new();
                let (done, ended) = callbacks::Deferred::<()>::new();
                let never = never.add_errback(move |failure| {
                    let _it_could_have_fired = firer;
                    said.say(failure.is::<callbacks::deferred::Cancelled>());
                    done.fire(Ok(())).unwrap();
                    Err(failure)
                });
                put.borrow_mut().push(as_future(&host, never));
                ended
            })
        }));
        turn().await;
        let [doubled, never] = futures.take().try_into().unwrap();
        assert_eq!(doubled.await.unwrap(), 42);
        never.cancel();
        task.await.unwrap().unwrap().unwrap();
    });
    assert_eq!(log.take(), ["true"]);
}

#[test]
fn a_coroutine_awaits_a_future_of_the_first_asyncio_and_may_cancel_it() {
    in_time(async {
        let futures = Rc::new(RefCell::new(Vec::new()));
        let put = Rc::clone(&futures);
        let task = create_task(guest(move |host| {
            old::run(old::coroutine(async move {
                let [first, second] = [(); 2].map(|()| old::Future::<u32>::new());
                put.borrow_mut().push(new_future(&host, &first));
                put.borrow_mut().push(new_future(&host, &second));
                old::yield_from(old::time::sleep(MS)).await?;
                first.set_result(5)?;
                old::yield_from(&second).await
            }))
        }));
        turn().await;
        let [first, second] = futures.take().try_into().unwrap();
        assert_eq!(first.await.unwrap(), 5);
        second.cancel();
        let failure = task.await.unwrap().unwrap().unwrap_err();
        assert!(failure.is::<old::future::Cancelled>());
    });
}

#[test]
fn a_guest_that_nobody_can_wake_says_so() {
    in_time(async {
        let stuck = guest(|_| {
            let (firer, never) = callbacks::Deferred::<()>::new();
            let end = callbacks::react(|| never).map(drop);
            drop(firer);
            end
        });
        let error = stuck.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadlock);
    });
}

#[test]
fn another_thread_wakes_a_guest_while_all_loops_sleep() {
    in_time(async {
        let called = guest(|_| {
            old::run(old::coroutine(async {
                let future = old::Future::new();
                let remote = old::remote();
                thread_local! {
                    static WAITS: RefCell<Option<old::Future<u32>>> =
                        const { RefCell::new(None) };
                }
                WAITS.set(Some(future.clone()));
                let other = thread::spawn(move || {
                    remote.call_soon_threadsafe(|| {
                        WAITS.take().unwrap().set_result(7).unwrap();
                    });
                });
                let got = old::yield_from(&future).await;
                other.join().unwrap();
                got
            }))
        });
        assert_eq!(called.await.unwrap().unwrap().unwrap(), 7);
    });
}

/// The loop of a stage is one to a thread, as it is without a host.
#[test]
fn a_second_guest_of_the_same_stage_is_turned_away() {
    in_time(async {
        let first = create_task(guest(|_| bare::run(bare::time::sleep(5 * MS))));
        turn().await;
        let second = caught(guest(|_| bare::run(async {}))).await.map(|_| ());
        assert!(second.unwrap_err().contains("running"), "it runs already");
        first.await.unwrap().unwrap();
    });
}

#[test]
fn guests_that_come_and_go_leave_nothing_behind() {
    fn descriptors() -> usize {
        std::fs::read_dir("/dev/fd").unwrap().count()
    }
    let child = thread::spawn(|| {
        let mut counts = Vec::new();
        for _ in 0..3 {
            in_time(async {
                for _ in 0..20 {
                    let nap = guest(|_| bare::run(bare::time::sleep(Duration::ZERO)));
                    nap.await.unwrap().unwrap();
                }
            });
            counts.push(descriptors());
        }
        counts
    });
    // Other tests have descriptors meanwhile, but not sixty times as many each time.
    let counts = child.join().unwrap();
    assert!(counts[2] < counts[0] + 40, "{counts:?}");
}
