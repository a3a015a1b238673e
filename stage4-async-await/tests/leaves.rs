//! What waits, polled as others may poll it: here, and then in another task; again and again,
//! though nothing has happened; by a waker that is like no other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use common::{
    FAR, Log, MS, in_time, never, poll_once, say, story, turn, with_fresh_wakers,
};
use stage4_async_await::cancel::with;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{Elapsed, sleep, timeout};
use stage4_async_await::{run, spawn};

type Leaf<T> = Pin<Box<dyn Future<Output = T>>>;

/// Polls `leaf` here for `times`, in vain; then in another task, while `bring` brings what it
/// waits for. Gives what comes of it, how often the other task had to poll it, and how often
/// this one was woken meanwhile.
async fn moved<T: 'static>(
    mut leaf: Leaf<T>,
    times: u32,
    bring: impl AsyncFnOnce() + 'static,
) -> (T, u32, u32) {
    for _ in 0..times {
        assert!(poll_once(leaf.as_mut()).await.is_pending());
    }
    let there = Rc::new(Cell::new(0));
    let polls = Rc::clone(&there);
    let mut task = spawn(poll_fn(move |context| {
        polls.set(polls.get() + 1);
        leaf.as_mut().poll(context)
    }));
    let brought = spawn(async move {
        turn().await;
        bring().await;
    });
    let mut here = 0;
    let output = poll_fn(|context| {
        here += 1;
        Pin::new(&mut task).poll(context)
    })
    .await;
    brought.await;
    (output, there.get(), here)
}

/// Each leaf once, moved after `times` polls: it wakes the task where it is, once, and the
/// task where it was is not woken by it (but by the end of the other).
fn each_is_moved_after(times: u32) {
    let expected = |output| (output, 2, 2);
    let ((), took) = story(async move {
        assert_eq!(moved(Box::pin(sleep(MS)), times, async || ()).await, expected(()));
        let late = timeout(MS, std::future::pending::<()>());
        assert_eq!(moved(Box::pin(late), times, async || ()).await, (Err(Elapsed), 2, 2));

        let semaphore: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        let permit = RefCell::new(Some(semaphore.acquire().await));
        let waits = Box::pin(async { drop(semaphore.acquire().await) });
        let free = async move || drop(permit.take());
        assert_eq!(moved(waits, times, free).await, expected(()));

        let gate = Rc::new(Cell::new(false));
        let (open, waits) = (Rc::clone(&gate), spawn(until(gate)));
        let brought = async move || open.set(true);
        assert_eq!(moved(Box::pin(waits), times, brought).await, expected(()));

        let log = Log::default();
        let leaves = common::scope(&log, "it");
        let task = spawn(async { with(leaves, async |_| never().await).await });
        turn().await;
        let ends = Box::pin(task.cancel());
        assert_eq!(moved(ends, times, async || ()).await, (None, 2, 2));
    });
    assert_eq!(took, 3 * MS);
}

/// Asks again and again.
async fn until(gate: Rc<Cell<bool>>) {
    while !gate.get() {
        turn().await;
    }
}

#[test]
fn what_moves_to_another_task_wakes_it_there() {
    each_is_moved_after(1);
}

#[test]
fn what_is_polled_for_nothing_before_it_moves_wakes_as_often() {
    each_is_moved_after(3);
}

/// A stream of the loop, and its peer in plain std.
async fn pair() -> (Rc<TcpStream>, std::net::TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (Rc::new(listener.accept().await.unwrap()), peer)
}

/// The same for those that wait at a socket.
#[test]
fn what_moves_with_its_place_at_a_socket_wakes_there() {
    in_time(|| {
        run(async {
            for times in [1, 3] {
                let (stream, mut peer) = pair().await;
                let reader = Rc::clone(&stream);
                let read =
                    Box::pin(async move { reader.read(&mut [0; 8]).await.unwrap() });
                let sends = async move || peer.write_all(b"x").unwrap();
                assert_eq!(moved(read, times, sends).await, (1, 2, 2));

                let listener =
                    TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
                let address = listener.local_addr().unwrap();
                let accept =
                    Box::pin(async move { drop(listener.accept().await.unwrap()) });
                let connects =
                    async move || drop(std::net::TcpStream::connect(address).unwrap());
                assert_eq!(moved(accept, times, connects).await, ((), 2, 2));

                let (stream, mut peer) = pair().await;
                let flood = vec![7; 1 << 23];
                let size = flood.len();
                let write =
                    Box::pin(async move { stream.write_all(&flood).await.unwrap() });
                let drains = async move || {
                    let drain = std::thread::spawn(move || {
                        peer.read_exact(&mut vec![0; size]).unwrap();
                    });
                    while !drain.is_finished() {
                        sleep(MS).await;
                    }
                };
                let ((), _, here) = moved(write, times, drains).await;
                assert_eq!(here, 2);
            }
        })
        .unwrap();
    });
}

/// Old reads, new reads: `old` was woken and has lost its place. When it is dropped, it does
/// not take the place of `new`, in the same task, with it.
#[test]
fn whoever_has_lost_its_place_at_a_socket_leaves_that_of_the_next_alone() {
    in_time(|| {
        run(async {
            let (stream, mut peer) = pair().await;
            let (mut a, mut b, mut c) = ([0; 8], [0; 8], [0; 8]);
            let mut old = Box::pin(stream.read(&mut a));
            assert!(poll_once(old.as_mut()).await.is_pending());
            peer.write_all(b"x").unwrap();
            // Until `old` has been handed back, and woken us for it.
            poll_fn({
                let mut polled = false;
                move |_| {
                    if std::mem::replace(&mut polled, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                }
            })
            .await;
            assert_eq!(stream.read(&mut b).await.unwrap(), 1);
            let mut new = Box::pin(stream.read(&mut c));
            let mut old = Some(old);
            let both = poll_fn(|context| {
                let new = new.as_mut().poll(context);
                drop(old.take());
                new
            });
            drop(spawn(async move {
                turn().await;
                peer.write_all(b"yz").unwrap();
                sleep(FAR).await;
            }));
            assert_eq!(both.await.unwrap(), 2);
        })
        .unwrap();
    });
}

/// Three that wait one after the other, each dropped in its turn, in no order: the place is
/// that of the last who parked.
#[test]
fn a_place_at_a_socket_is_that_of_the_last_who_parked() {
    in_time(|| {
        run(async {
            let (stream, mut peer) = pair().await;
            let read = || {
                let stream = Rc::clone(&stream);
                Box::pin(async move { stream.read(&mut [0; 1]).await })
            };
            let (mut one, mut two, mut three) = (read(), read(), read());
            assert!(poll_once(one.as_mut()).await.is_pending());
            // Each of the others is refused, and changes nothing by that.
            assert!(poll_once(two.as_mut()).await.is_ready());
            assert!(poll_once(three.as_mut()).await.is_ready());
            drop((two, three));
            assert!(poll_once(one.as_mut()).await.is_pending());
            peer.write_all(b"x").unwrap();
            assert_eq!(one.await.unwrap(), 1);
            // The place is free again, and whoever has it gives it up.
            let (mut four, mut five) = (read(), read());
            assert!(poll_once(four.as_mut()).await.is_pending());
            drop(four);
            assert!(poll_once(five.as_mut()).await.is_pending());
            let mut six = read();
            assert!(poll_once(six.as_mut()).await.is_ready());
            peer.write_all(b"y").unwrap();
            assert_eq!(five.await.unwrap(), 1);
        })
        .unwrap();
    });
}

/// Whoever is polled with another waker each time is not in its own way.
#[test]
fn wakers_that_are_not_alike_are_one_who_waits_at_a_socket() {
    in_time(|| {
        run(async {
            let (stream, mut peer) = pair().await;
            let reader = Rc::clone(&stream);
            let mut read =
                Box::pin(with_fresh_wakers(
                    async move { reader.read(&mut [0; 8]).await },
                ));
            for _ in 0..3 {
                assert!(poll_once(read.as_mut()).await.is_pending());
            }
            drop(spawn(async move {
                turn().await;
                peer.write_all(b"x").unwrap();
                sleep(FAR).await;
            }));
            assert_eq!(read.await.unwrap(), 1);
        })
        .unwrap();
    });
}

/// The same for the clock, for permits, and for the ends of tasks.
#[test]
fn wakers_that_are_not_alike_are_one_who_waits_anywhere() {
    let (woken, took) = story(async {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire().await;
        let behind = Rc::clone(&semaphore);
        let mut waits =
            Box::pin(with_fresh_wakers(async move { drop(behind.acquire().await) }));
        let mut nap = Box::pin(with_fresh_wakers(sleep(MS)));
        let mut ends = Box::pin(with_fresh_wakers(spawn(sleep(2 * MS))));
        for _ in 0..3 {
            assert!(poll_once(waits.as_mut()).await.is_pending());
            assert!(poll_once(nap.as_mut()).await.is_pending());
            assert!(poll_once(ends.as_mut()).await.is_pending());
        }
        nap.await;
        ends.await;
        drop(permit);
        waits.await;
        "all of them"
    });
    assert_eq!(woken, "all of them");
    assert_eq!(took, 2 * MS);
}

/// Counts its wakes.
#[derive(Default)]
struct Count(AtomicU32);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Whoever asks twice for a permit waits in two places, and whoever polls one place twice in
/// one. Nobody gets a permit before its turn, by asking again.
#[test]
fn a_permit_is_never_given_twice() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let first = semaphore.acquire().await;
        let mut places: Vec<_> = (0..4).map(|_| Box::pin(semaphore.acquire())).collect();
        for _ in 0..3 {
            for place in &mut places {
                assert!(poll_once(place.as_mut()).await.is_pending());
            }
        }
        drop(first);
        // Served is the first; the others may ask as often as they like.
        for _ in 0..2 {
            for place in &mut places[1..] {
                assert!(poll_once(place.as_mut()).await.is_pending());
            }
        }
        let mut late = Box::pin(semaphore.acquire());
        assert!(poll_once(late.as_mut()).await.is_pending(), "it is not free");
        for (number, place) in places.into_iter().enumerate() {
            let permit = place.await;
            say(&said, &number.to_string());
            assert!(poll_once(late.as_mut()).await.is_pending());
            drop(permit);
        }
        let last = late.await;
        let mut again = Box::pin(semaphore.acquire());
        assert!(poll_once(again.as_mut()).await.is_pending());
        drop(last);
        drop(again.await);
        drop(semaphore.acquire().await);
    });
    assert_eq!(log.take(), ["0", "1", "2", "3"]);
}

/// Out of the middle, from the front and from the end of the line, served or not.
#[test]
fn whoever_leaves_the_line_leaves_the_others_in_order() {
    let ((), _) = story(async {
        let semaphore = Semaphore::new(2);
        let permits = (semaphore.acquire().await, semaphore.acquire().await);
        let mut places: Vec<_> =
            (0..6).map(|_| Some(Box::pin(semaphore.acquire()))).collect();
        for place in places.iter_mut().flatten() {
            assert!(poll_once(place.as_mut()).await.is_pending());
        }
        places[2] = None;
        places[5] = None;
        drop(permits);
        // 0 and 1 are served; 0 leaves without having looked, and 3 is served in its place.
        places[0] = None;
        let mut served = Vec::new();
        for (number, place) in places.iter_mut().enumerate() {
            let Some(place) = place else { continue };
            if let Poll::Ready(permit) = poll_once(place.as_mut()).await {
                served.push((number, permit));
            }
        }
        let numbers: Vec<_> = served.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 3]);
        drop(served);
        drop(places[4].take().unwrap().await);
        // Both are free again, and there are two.
        let both = (semaphore.acquire().await, semaphore.acquire().await);
        let mut third = pin!(semaphore.acquire());
        assert!(poll_once(third.as_mut()).await.is_pending());
        drop(both);
    });
}

/// The waker of the last poll is the one that counts, in every leaf, for whoever polls by hand.
#[test]
fn only_the_last_waker_is_woken() {
    story(async {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let mut task = spawn(sleep(MS));
        let [mut nap, mut place] = [
            Box::pin(sleep(MS)) as Pin<Box<dyn Future<Output = ()> + '_>>,
            Box::pin(async { drop(semaphore.acquire().await) }),
        ];
        let counts: [[Arc<Count>; 3]; 2] = Default::default();
        for wakers in &counts {
            let mut wakers = wakers.iter().map(|it| Waker::from(Arc::clone(it)));
            let mut poll = |leaf: Pin<&mut dyn Future<Output = ()>>| {
                let waker = wakers.next().unwrap();
                assert!(leaf.poll(&mut Context::from_waker(&waker)).is_pending());
            };
            poll(nap.as_mut());
            poll(place.as_mut());
            poll(pin!(&mut task));
        }
        drop(permit);
        sleep(2 * MS).await;
        let woken = counts.map(|all| all.map(|it| it.0.load(Ordering::Relaxed)));
        assert_eq!(woken, [[0; 3], [1; 3]]);
        nap.await;
        place.await;
        task.await;
    });
}

/// Many sleeps with one deadline end in the order in which they began, whatever else their
/// tasks are woken by meanwhile.
#[test]
fn sleeps_of_one_deadline_end_in_order_though_they_are_polled_again() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let tasks = ["one", "two", "three", "four"].map(|name| {
            let said = Rc::clone(&said);
            let wakes = Rc::new(RefCell::new(None::<Waker>));
            let keep = Rc::clone(&wakes);
            let task = spawn(async move {
                let mut nap = pin!(sleep(MS));
                poll_fn(|context| {
                    keep.replace(Some(context.waker().clone()));
                    nap.as_mut().poll(context)
                })
                .await;
                say(&said, name);
            });
            (task, wakes)
        });
        turn().await;
        for (_, wakes) in tasks.iter().rev() {
            wakes.borrow().as_ref().unwrap().wake_by_ref();
        }
        for (task, _) in tasks {
            task.await;
        }
    });
    assert_eq!(log.take(), ["one", "two", "three", "four"]);
}

/// M5.02: a suspension at the leaf surfaces at the driver, here a poll by hand through three
/// functions, and the return value at the end. A poll carries no value back in: the answer
/// travels in what both sides share, and a permit of the stage says that it is there.
#[test]
fn leaf_suspensions_surface_at_the_driver() {
    async fn leaf(asked: &Semaphore, answer: &Cell<i32>) -> i32 {
        let _permit = asked.acquire().await;
        answer.get()
    }
    async fn middle(asked: &[Semaphore; 2], answer: &Cell<i32>) -> i32 {
        leaf(&asked[0], answer).await + leaf(&asked[1], answer).await
    }
    let (asked, answer) = ([(); 2].map(|()| Semaphore::new(1)), Cell::new(0));
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    let [first, second] = asked.each_ref().map(|it| {
        let Poll::Ready(permit) = pin!(it.acquire()).poll(&mut context) else {
            panic!("it is free");
        };
        permit
    });
    let mut outer = pin!(async { middle(&asked, &answer).await });
    assert!(outer.as_mut().poll(&mut context).is_pending());
    answer.set(10);
    drop(first);
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert!(outer.as_mut().poll(&mut context).is_pending());
    answer.set(20);
    drop(second);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(outer.as_mut().poll(&mut context), Poll::Ready(30));
}

/// M5.03: the loop polls nobody after the end, however often a waker that is left is called.
/// Whoever polls by hand is told so by each leaf, or is given the same answer once more.
#[test]
fn nobody_is_polled_after_the_end() {
    let again = |future: Pin<&mut dyn Future<Output = ()>>| {
        let poll = || future.poll(&mut Context::from_waker(Waker::noop())).is_ready();
        catch_unwind(AssertUnwindSafe(poll)).map_err(|panic| common::text_of(&*panic))
    };
    story(async move {
        let (polls, kept) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
        let (counting, keep) = (Rc::clone(&polls), Rc::clone(&kept));
        spawn(poll_fn(move |context| {
            counting.set(counting.get() + 1);
            keep.replace(Some(context.waker().clone()));
            Poll::Ready(())
        }))
        .await;
        for _ in 0..3 {
            kept.borrow().as_ref().unwrap().wake_by_ref();
            turn().await;
        }
        assert_eq!(polls.get(), 1);

        let mut task = spawn(async {});
        (&mut task).await;
        let told = again(pin!(&mut task)).unwrap_err();
        assert!(told.contains("a JoinHandle gives its output once"), "{told}");

        let mut race = Box::pin(async { timeout(MS, async {}).await.unwrap() });
        race.as_mut().await;
        let told = again(race.as_mut()).unwrap_err();
        assert!(told.contains("resumed after completion"), "{told}");

        let mut race = Box::pin(timeout(MS, turn()));
        assert_eq!(race.as_mut().await, Ok(()));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            race.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        }));
        let told = common::text_of(&*polled.unwrap_err());
        assert!(told.contains("a future is not polled after it finished"), "{told}");

        let mut nap = pin!(sleep(MS));
        nap.as_mut().await;
        assert_eq!(again(nap), Ok(true));
    });
}
