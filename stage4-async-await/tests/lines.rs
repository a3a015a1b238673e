//! A recording says at which line of the program a task waits: at the `.await`, not where
//! the future was made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::future::poll_fn;
use std::io::Write;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures_core::Stream;
use futures_io::AsyncRead;
use futures_util::{AsyncReadExt, StreamExt};
use reactor::backend::{self, Clockwork};
use reactor::trace::{self, What};
use stage4_async_await::extras::async_generator::AsyncGenerator;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{sleep, timeout};
use stage4_async_await::{run, spawn};

/// The lines at which somebody waits for something else than the clock.
fn waits(main: impl Future<Output = ()> + 'static) -> Vec<u32> {
    let record = || backend::scope(Clockwork::new(), || run(main));
    let (ran, recording) = trace::record(record);
    ran.unwrap();
    let main = recording.subjects[0].id;
    let waits = recording.events.iter().filter_map(|event| match event.what {
        What::Suspended(id, ..) if id == main => event.place,
        _ => None,
    });
    waits
        .map(|place| {
            assert_eq!(place.file(), file!());
            place.line()
        })
        .collect()
}

/// The line of this file that ends in such a mark.
fn line(mark: &str) -> u32 {
    let ending = format!("// mark: {mark}");
    let place = include_str!("lines.rs").lines().position(|it| it.ends_with(&ending));
    u32::try_from(place.unwrap()).unwrap() + 1
}

async fn nap() {
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn a_wait_for_a_task_is_at_the_line_that_awaits_it() {
    let lines = waits(async {
        let task = spawn(nap());
        let other = spawn(nap());
        task.await; // mark: task
        other.cancel().await;
        spawn(nap()).cancel().await; // mark: cancel
    });
    assert_eq!(lines, [line("task"), line("cancel")]);
}

#[test]
fn a_wait_for_a_permit_is_at_the_line_that_asks_for_it() {
    let lines = waits(async {
        let one = Rc::new(Semaphore::new(1));
        let (other, permit) = (Rc::clone(&one), one.acquire().await);
        let task = spawn(async move {
            let _permit = other.acquire().await;
            nap().await;
        });
        drop(permit);
        nap().await; // it is the other's now
        let _permit = one.acquire().await; // mark: permit
        task.await;
    });
    assert!(lines.contains(&line("permit")), "{lines:?}");
}

/// An `async for` waits where its generator waits: at the line of the body.
#[test]
fn a_loop_over_a_generator_waits_at_the_line_of_its_body() {
    fn ticks() -> AsyncGenerator<u32> {
        AsyncGenerator::new(async |co| {
            for n in 0..2 {
                sleep(Duration::from_millis(1)).await; // mark: tick
                co.yield_(n).await?;
            }
            Ok(())
        })
    }
    let by_hand = waits(async {
        let mut ticks = ticks();
        while let Ok(Some(_)) = ticks.next().await {}
    });
    assert_eq!(by_hand, [line("tick"); 2]);
    let as_a_stream = waits(async { assert_eq!(ticks().count().await, 2) });
    assert_eq!(as_a_stream, [line("tick"); 2]);
}

/// A task that is made of an adapter has the name of the function inside.
#[test]
fn a_task_is_named_for_the_function_that_its_future_holds() {
    let record = || {
        backend::scope(Clockwork::new(), || {
            run(async {
                let second = Duration::from_secs(1);
                spawn(timeout(second, nap())).await.unwrap();
                let naps = futures_util::stream::iter([(); 2]).for_each(|()| nap());
                spawn(naps).await;
                spawn(async { pin!(nap()).await }).await;
            })
        })
    };
    let (ran, recording) = trace::record(record);
    ran.unwrap();
    let names = recording.subjects.iter().filter(|it| it.kind == trace::Kind::Task);
    let names: Vec<_> = names.map(|it| it.name.as_deref().unwrap_or("?")).collect();
    let here = "a_task_is_named_for_the_function_that_its_future_holds";
    assert_eq!(names, [here, "nap", "nap", here]);
}

/// Where the first task parks at a socket at last.
fn parks(main: impl Future<Output = ()> + 'static) -> trace::Place {
    let (ran, recording) = trace::record(|| run(main));
    ran.unwrap();
    let main = recording.subjects[0].id;
    let parked = recording.events.iter().rev().find_map(|event| match event.what {
        What::SocketParked(id, _) if id == main => Some(event.place),
        _ => None,
    });
    parked.expect("it parks").expect("it says where")
}

/// A stream of connections waits at the line that made it.
#[test]
fn a_loop_over_connections_waits_at_the_line_that_made_their_stream() {
    let place = parks(async {
        let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = spawn(TcpStream::connect(address));
        let mut incoming = listener.incoming(); // mark: incoming
        incoming.next().await.unwrap().unwrap();
        drop(client.await.unwrap());
    });
    assert_eq!(place.line(), line("incoming"));
}

/// A stream whose peer says something once its task waits.
async fn reluctant() -> TcpStream {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let mut peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(spawn(async move {
        sleep(Duration::from_millis(1)).await;
        peer.write_all(b"a line\n").unwrap();
    }));
    listener.accept().await.unwrap()
}

/// The futures crate's traits are polled, and whoever does it says where.
#[test]
fn a_wait_for_what_is_polled_is_at_the_line_that_polls() {
    let by_hand = parks(async {
        let (mut stream, mut buffer) = (reluctant().await, [0; 8]);
        let read = poll_fn(|context| {
            Pin::new(&mut stream).poll_read(context, &mut buffer) // mark: poll
        });
        assert_eq!(read.await.unwrap(), 7);
    });
    assert_eq!((by_hand.file(), by_hand.line()), (file!(), line("poll")));
    let lines = parks(async {
        let mut lines = reluctant().await.split().0.lines();
        let next = poll_fn(|context| {
            Pin::new(&mut lines).poll_next(context) // mark: line
        });
        assert_eq!(next.await.unwrap().unwrap(), "a line");
    });
    assert_eq!((lines.file(), lines.line()), (file!(), line("line")));
    let adapted = parks(async {
        let (mut stream, mut buffer) = (reluctant().await, [0; 7]);
        AsyncReadExt::read_exact(&mut stream, &mut buffer).await.unwrap();
    });
    assert!(adapted.file().contains("futures"), "{adapted:?} is no adapter's");
}
