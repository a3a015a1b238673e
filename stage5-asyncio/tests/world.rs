//! Sockets, descriptors and threads: what a loop has to do with the world, on real ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use common::{Log, MS, caught, turn, turns};
use reactor::sim;
use stage5_asyncio::net::{TcpListener, TcpStream};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::threads::ThreadPoolExecutor;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    catch_cancel, create_task, get_running_loop, new_event_loop, run, timeout, to_thread,
};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

async fn echo(stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn conversations() {
    let listener = TcpListener::bind(home()).unwrap();
    let address = listener.local_addr().unwrap();
    let server = create_task(async move {
        loop {
            drop(create_task(echo(listener.accept().await.unwrap())));
        }
    });
    let talks = (0..20_u8).map(|n| async move {
        let stream = TcpStream::connect(address).await.unwrap();
        let sent = vec![n; 5_000];
        stream.write_all(&sent).await.unwrap();
        stream.shutdown().unwrap();
        let (mut heard, mut buffer) = (Vec::<u8>::new(), [0; 333]);
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                n => heard.extend(&buffer[..n]),
            }
        }
        assert_eq!(heard, sent);
    });
    gather(talks).await;
    server.cancel();
    assert!(catch_cancel(server).await.is_err());
}

#[test]
fn twenty_connections_are_echoed_on_real_sockets_and_in_any_weather() {
    run(conversations()).unwrap();
    for seed in 0..20 {
        let network = sim::Sim::new(seed, sim::Weather::rough());
        reactor::backend::scope(network, || run(conversations()).unwrap());
    }
}

/// Two tasks cannot wait for one direction of a socket: who would get the bytes?
#[test]
fn a_second_reader_of_a_socket_is_told_that_it_is_busy() {
    run(async {
        let listener = TcpListener::bind(home()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stream, _peer) = (TcpStream::connect(address).await.unwrap(), listener);
        let stream = Rc::new(stream);
        let reads = || {
            let stream = Rc::clone(&stream);
            create_task(
                async move { stream.read(&mut [0]).await.map_err(|it| it.kind()) },
            )
        };
        let (first, second) = (reads(), reads());
        assert_eq!(second.await, Err(ErrorKind::ResourceBusy));
        first.cancel();
        turns(2).await;
        assert!(first.cancelled());
        let ended = timeout(MS, stream.read(&mut [0])).await;
        assert!(ended.is_err(), "the place is free again");
    })
    .unwrap();
}

/// M7.01
#[test]
fn a_reader_is_called_again_as_long_as_something_is_left() {
    run(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"abc").unwrap();
        let (event_loop, done) = (get_running_loop(), get_running_loop().create_future());
        let (seen, tell) = (RefCell::new(Vec::new()), done.clone());
        let mut source = ours.try_clone().unwrap();
        let read = move || {
            let mut byte = [0];
            source.read_exact(&mut byte).unwrap();
            seen.borrow_mut().push(byte[0]);
            if seen.borrow().len() == 3 {
                tell.set_result(seen.take()).unwrap();
            }
        };
        event_loop.add_reader(&ours, read).unwrap();
        assert_eq!(done.await, b"abc");
        assert!(event_loop.remove_reader(&ours));
        assert_eq!(event_loop.reactor().sockets(), 0, "nothing is watched any more");
    })
    .unwrap();
}

/// M7.02
#[test]
fn a_second_reader_replaces_the_first_and_removing_says_whether_there_was_one() {
    let log = Log::default();
    let said = log.clone();
    run(async move {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        let (event_loop, done) = (get_running_loop(), get_running_loop().create_future());
        event_loop.add_reader(&ours, || unreachable!("it was replaced")).unwrap();
        let (said, tell) = (said.clone(), done.clone());
        let mut source = ours.try_clone().unwrap();
        event_loop
            .add_reader(&ours, move || {
                source.read_exact(&mut [0]).unwrap();
                said.say("new");
                tell.set_result(()).unwrap();
            })
            .unwrap();
        done.await;
        assert!(event_loop.remove_reader(&ours));
        assert!(!event_loop.remove_reader(&ours));
        assert!(!event_loop.remove_writer(&ours));
    })
    .unwrap();
    assert_eq!(log.take(), ["new"]);
}

/// M7.03
#[test]
fn a_reader_and_a_writer_of_one_descriptor_are_two() {
    run(async {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let (event_loop, log) = (get_running_loop(), Log::default());
        for (name, is_reader) in [("r", true), ("w", false)] {
            let said = log.clone();
            let call = move || said.say(name);
            if is_reader {
                event_loop.add_reader(&ours, call).unwrap();
            } else {
                event_loop.add_writer(&ours, call).unwrap();
            }
        }
        sleep(MS).await;
        let said = log.take();
        assert!(!said.is_empty() && said.iter().all(|it| it == "w"), "{said:?}");
        assert!(event_loop.remove_writer(&ours));
        theirs.write_all(b"x").unwrap();
        sleep(MS).await;
        let said = log.take();
        assert!(!said.is_empty() && said.iter().all(|it| it == "r"), "{said:?}");
        assert!(event_loop.remove_reader(&ours));
    })
    .unwrap();
}

/// M7.04
#[test]
fn a_reader_that_is_removed_by_another_of_the_same_turn_is_not_called() {
    run(async {
        let (event_loop, log) = (get_running_loop(), Log::default());
        let pairs: Vec<_> = (0..2).map(|_| UnixStream::pair().unwrap()).collect();
        let pairs = Rc::new(pairs);
        for n in 0..2 {
            let (said, all) = (log.clone(), Rc::clone(&pairs));
            event_loop
                .add_reader(&pairs[n].0, move || {
                    said.say("called");
                    let event_loop = get_running_loop();
                    event_loop.remove_reader(&all[0].0);
                    event_loop.remove_reader(&all[1].0);
                })
                .unwrap();
        }
        for (_, theirs) in &*pairs {
            let mut theirs = theirs;
            theirs.write_all(b"x").unwrap();
        }
        sleep(5 * MS).await;
        assert_eq!(log.take(), ["called"]);
    })
    .unwrap();
}

#[test]
fn a_reader_that_panics_is_told_of_and_called_again() {
    let event_loop = new_event_loop().unwrap();
    let reports = common::reports_of(&event_loop);
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(b"x").unwrap();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    event_loop
        .add_reader(&ours, move || {
            count.set(count.get() + 1);
            if count.get() == 2 {
                get_running_loop().stop();
            }
            panic!("call {}", count.get());
        })
        .unwrap();
    event_loop.run_forever().unwrap();
    let said = reports.take();
    assert_eq!((said.len(), calls.get()), (2, 2), "{said:?}");
    event_loop.close();
}

/// M6.45
#[test]
fn work_is_done_on_another_thread_and_the_loop_goes_on_meanwhile() {
    run(async {
        let here = thread::current().id();
        assert_ne!(to_thread(|| thread::current().id()).await, here);
        let failed = to_thread(|| "1".repeat(30).parse::<i32>()).await;
        assert!(failed.is_err());
        let panicked: Result<(), _> = caught(to_thread(|| panic!("over there"))).await;
        assert_eq!(panicked, Err("over there".to_owned()));

        // It ends only after the loop has turned.
        let (turned, wait) = mpsc::channel();
        let work = to_thread(move || wait.recv().unwrap());
        turns(100).await;
        assert!(!work.done());
        turned.send("turned").unwrap();
        assert_eq!(work.await, "turned");
    })
    .unwrap();
}

/// M6.45: what has not begun does not begin.
#[test]
fn work_that_is_cancelled_before_it_begins_is_never_done() {
    run(async {
        let pool = ThreadPoolExecutor::new(1);
        let event_loop = get_running_loop();
        let (go, wait) = mpsc::channel::<()>();
        let busy = event_loop.run_in_executor(Some(&pool), move || wait.recv());
        let next = event_loop.run_in_executor(Some(&pool), || panic!("it was cancelled"));
        assert!(next.cancel());
        assert!(catch_cancel(next).await.is_err());
        go.send(()).unwrap();
        assert!(busy.await.is_ok());
        let after = event_loop.run_in_executor(Some(&pool), || 5);
        assert_eq!(after.await, 5);
        pool.shutdown();
        let late = common::panic_of(|| event_loop.run_in_executor(Some(&pool), || ()));
        assert!(late.contains("shut down"), "{late}");
    })
    .unwrap();
}

#[test]
fn a_pool_has_no_more_threads_than_it_is_told_and_run_waits_for_them() {
    let (tell, told) = mpsc::channel();
    run(async move {
        get_running_loop().set_default_executor(ThreadPoolExecutor::new(2));
        let ids = gather((0..20).map(|_| to_thread(|| thread::current().id()))).await;
        let mut different = Vec::new();
        for id in ids {
            if !different.contains(&id) {
                different.push(id);
            }
        }
        assert!(different.len() <= 2, "{different:?}");
        // Nobody awaits this one, and it is done all the same.
        drop(to_thread(move || tell.send("done")));
        turn().await;
    })
    .unwrap();
    assert_eq!(told.try_recv(), Ok("done"));
}

/// M6.46
#[test]
fn a_signal_handler_is_a_callback_of_the_loop_and_the_newest_replaces_the_others() {
    use signal_hook::consts::{SIGKILL, SIGUSR1};
    let log = Log::default();
    let said = log.clone();
    run(async move {
        let event_loop = get_running_loop();
        for name in ["a", "b"] {
            let (log, inner) = (said.clone(), event_loop.clone());
            let handler = move || {
                assert!(inner.is_running());
                log.say(name);
            };
            event_loop.add_signal_handler(SIGUSR1, handler).unwrap();
        }
        signal_hook::low_level::raise(SIGUSR1).unwrap();
        said.say("raised");
        sleep(20 * MS).await;
        said.say(event_loop.remove_signal_handler(SIGUSR1));
        said.say(event_loop.remove_signal_handler(SIGUSR1));
        let refused = event_loop.add_signal_handler(SIGKILL, || {}).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert_eq!(event_loop.reactor().sockets(), 0);
        signal_hook::low_level::raise(SIGUSR1).unwrap();
        sleep(MS).await;
    })
    .unwrap();
    assert_eq!(log.take(), ["raised", "b", "true", "false"]);
}
