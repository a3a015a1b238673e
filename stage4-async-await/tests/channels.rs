//! Channels and locks of one thread, as tasks use them: order, room, ends, and what a cancel
//! leaves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use common::{Finally, Log, MS, caught, poll_once, say, story, turn};
use stage4_async_await::extras::channel::{
    Closed, SendError, TryRecvError, TrySendError, mpsc, oneshot, watch,
};
use stage4_async_await::extras::join_set::JoinSet;
use stage4_async_await::extras::sync::{Barrier, Broken, Condition, Event, Mutex};
use stage4_async_await::extras::together::{gather, join};
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{Elapsed, sleep, timeout};

/// M6.39: in order, and a sender that finds no room waits.
#[test]
fn a_channel_keeps_the_order_and_holds_senders_back() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let (sender, mut receiver) = mpsc::channel(2);
        let inside = Rc::clone(&said);
        drop(spawn(async move {
            for number in 0..5 {
                sender.send(number).await.unwrap();
                say(&inside, &format!("sent {number}"));
            }
        }));
        sleep(MS).await;
        assert_eq!(receiver.len(), 2);
        while let Some(number) = receiver.recv().await {
            say(&said, &format!("got {number}"));
            sleep(MS).await;
        }
    });
    let expected = [
        "sent 0", "sent 1", "got 0", "sent 2", "got 1", "sent 3", "got 2", "sent 4",
        "got 3", "got 4",
    ];
    assert_eq!(log.take(), expected);
}

/// M6.39: many senders are served in turn, also if one of them never stops.
#[test]
fn senders_take_turns() {
    let (order, _) = story(async {
        let (sender, mut receiver) = mpsc::channel(1);
        for name in ["a", "b", "c"] {
            let sender = sender.clone();
            drop(spawn(async move { while sender.send(name).await.is_ok() {} }));
        }
        let mut order = String::new();
        for _ in 0..9 {
            order += receiver.recv().await.unwrap();
        }
        order
    });
    // The first fills the room that there is, and then stands behind the others.
    assert_eq!(order, "aabcabcab");
}

/// M6.39: at once or not at all.
#[test]
fn what_does_not_wait_says_why_not() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(sender.try_send(1), Ok(()));
    assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    receiver.close();
    assert!(sender.is_closed());
    assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    let (answer, mut waits) = oneshot::channel::<u8>();
    assert_eq!(waits.try_recv(), Err(TryRecvError::Empty));
    drop(answer);
    assert_eq!(waits.try_recv(), Err(TryRecvError::Closed));
}

/// Whoever uses a channel can ask how it stands.
#[test]
fn a_channel_says_whether_anything_is_there_and_whether_it_is_closed() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert!(receiver.is_empty() && !sender.is_closed());
    sender.try_send(1).unwrap();
    assert!(!receiver.is_empty());
    receiver.try_recv().unwrap();
    assert!(receiver.is_empty());
    drop(receiver);
    assert!(sender.is_closed());
}

/// What had a place when the channel was closed still comes; nothing else does.
#[test]
fn a_channel_that_is_closed_gives_what_had_a_place() {
    story(async {
        let (sender, mut receiver) = mpsc::channel(3);
        sender.send(1).await.unwrap();
        let (two, three) =
            (sender.reserve().await.unwrap(), sender.reserve().await.unwrap());
        receiver.close();
        assert_eq!(sender.send(9).await, Err(SendError(9)));
        assert_eq!(receiver.recv().await, Some(1));
        let mut next = Box::pin(receiver.recv());
        assert!(poll_once(next.as_mut()).await.is_pending(), "two have a place");
        two.send(2).unwrap();
        assert_eq!(next.await, Some(2));
        let (end, ()) = join(receiver.recv(), async { drop(three) }).await;
        assert_eq!(end, None);
    });
}

/// Values are dropped once, and with the receiver: not when the last sender goes.
#[test]
fn values_are_dropped_with_their_receiver() {
    let log = Log::default();
    let guard = |name| Finally(Rc::clone(&log), name);
    let (sender, receiver) = mpsc::channel(2);
    sender.try_send(guard("in the channel")).unwrap();
    drop(receiver);
    assert_eq!(log.take(), ["in the channel"]);
    assert!(sender.try_send(guard("to nobody")).is_err());
    assert_eq!(log.take(), ["to nobody"]);

    let (answer, waits) = oneshot::channel();
    assert!(answer.send(guard("an answer")).is_ok());
    assert!(log.borrow().is_empty());
    drop(waits);
    assert_eq!(log.take(), ["an answer"]);

    let (news, mut reader) = watch::channel(guard("old"));
    let kept = reader.latest();
    news.send(guard("new"));
    assert!(log.borrow().is_empty(), "somebody looks at it");
    drop(kept);
    assert_eq!(log.take(), ["old"]);
}

/// For what takes streams, it is one.
#[test]
fn a_receiver_is_a_stream() {
    use futures_util::StreamExt;
    let (values, took) = story(async {
        let (sender, receiver) = mpsc::channel(1);
        drop(spawn(async move {
            for number in 0..4 {
                sender.send(number).await.unwrap();
                sleep(MS).await;
            }
        }));
        receiver.map(|number| number * 2).collect::<Vec<_>>().await
    });
    assert_eq!(values, [0, 2, 4, 6]);
    assert_eq!(took, 4 * MS);
}

/// Of many changes the latest counts, and each receiver knows what it has seen.
#[test]
fn a_watch_tells_the_latest() {
    story(async {
        let (news, mut one) = watch::channel(0);
        let mut two = one.clone();
        assert_eq!(news.receivers(), 2);
        assert!(!one.has_changed());
        news.send(1);
        news.send(2);
        one.changed().await.unwrap();
        assert_eq!(*one.latest(), 2);
        assert!(!one.has_changed() && two.has_changed());
        assert_eq!(*two.latest(), 2);
        let mut late = news.subscribe();
        assert!(!late.has_changed());
        let (seen, ()) = join(
            async {
                late.changed().await.unwrap();
                *late.latest()
            },
            async {
                turn().await;
                news.send(3);
            },
        )
        .await;
        assert_eq!(seen, 3);
        // What was sent before the end is still seen; then there is nothing to wait for.
        drop(news);
        assert_eq!(one.changed().await, Ok(()));
        assert_eq!(one.changed().await, Err(Closed));
        assert_eq!(*one.latest(), 3);
    });
}

/// A sender may want to know whether anybody looks.
#[test]
fn a_watch_counts_its_receivers() {
    let (news, one) = watch::channel(0);
    let (two, three) = (one.clone(), news.subscribe());
    assert_eq!(news.receivers(), 3);
    drop(two);
    assert_eq!(news.receivers(), 2);
    drop((one, three));
    assert_eq!(news.receivers(), 0);
}

/// `Condition.wait_for`: it asks at once, and after each notification.
#[test]
fn a_condition_is_waited_for_until_it_holds() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let (mutex, condition) = (Mutex::new(0), Condition::new());
        let wants = async |least: u32, name: &str| {
            let guard = mutex.lock().await;
            let value = condition.wait_for(guard, |value| *value >= least).await;
            say(&said, &format!("{name} sees {}", *value));
        };
        let counts = async {
            for _ in 0..3 {
                turn().await;
                *mutex.lock().await += 1;
                condition.notify_all();
            }
        };
        join(join(wants(0, "one"), wants(2, "two")), counts).await;
    });
    assert_eq!(log.take(), ["one sees 0", "two sees 2"]);
}

#[test]
fn a_channel_without_room_is_refused() {
    let (told, _) = story(caught(async { drop(mpsc::channel::<()>(0)) }));
    assert!(told.unwrap_err().contains("room"));
}

/// M6.41: the lock goes from one to the next, and nobody slips in between.
#[test]
fn a_lock_is_held_by_one_at_a_time_and_in_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mutex = Rc::new(Mutex::new(Vec::new()));
        let tasks = ["one", "two", "three"].map(|name| {
            let (mutex, said) = (Rc::clone(&mutex), Rc::clone(&said));
            spawn(async move {
                for _ in 0..2 {
                    let mut held = mutex.lock().await;
                    say(&said, name);
                    held.push(name);
                    assert!(mutex.try_lock().is_none());
                    sleep(MS).await;
                    held.push(name);
                }
            })
        });
        gather(tasks).await;
        let mut mutex = Rc::into_inner(mutex).unwrap();
        let pairs = mutex.get_mut().chunks(2).all(|pair| pair[0] == pair[1]);
        assert!(pairs && mutex.into_inner().len() == 12);
    });
    assert_eq!(log.take(), ["one", "two", "three", "one", "two", "three"]);
}

/// A panic, or a cancel, frees the lock.
#[test]
fn a_lock_is_free_after_whichever_end() {
    story(async {
        let mutex = Rc::new(Mutex::new(0));
        let inside = Rc::clone(&mutex);
        let panics = spawn(async move {
            let _held = inside.lock().await;
            turn().await;
            panic!("with the lock");
        });
        assert_eq!(caught(panics).await.unwrap_err(), "with the lock");
        let inside = Rc::clone(&mutex);
        let holds = async move {
            let _held = inside.lock().await;
            sleep(2 * MS).await;
        };
        assert_eq!(timeout(MS, holds).await, Err(Elapsed));
        *mutex.try_lock().unwrap() += 1;
    });
}

/// M6.42: a condition wakes as many as it is told to, and they have the lock one by one.
#[test]
fn a_condition_notifies_the_first() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let shared = Rc::new((Mutex::new(0), Condition::new()));
        for name in ["one", "two", "three"] {
            let (shared, said) = (Rc::clone(&shared), Rc::clone(&said));
            drop(spawn(async move {
                let (mutex, condition) = &*shared;
                let mut held = condition.wait(mutex.lock().await).await;
                *held += 1;
                say(&said, &format!("{name}, {}", *held));
                turn().await;
            }));
        }
        turn().await;
        let (mutex, condition) = &*shared;
        {
            let _held = mutex.lock().await;
            condition.notify(2);
            turn().await;
            say(&said, "notified");
        }
        sleep(MS).await;
        say(&said, "later");
        condition.notify(7);
        sleep(MS).await;
    });
    assert_eq!(log.take(), ["notified", "one, 1", "two, 2", "later", "three, 3"]);
}

/// M6.43: as many as are needed go on, each with a number of its own; the next round begins.
#[test]
fn a_barrier_lets_rounds_through() {
    let (numbers, took) = story(async {
        let barrier = Rc::new(Barrier::new(3));
        let waits = (0..6).map(|delay| {
            let barrier = Rc::clone(&barrier);
            spawn(async move {
                sleep(delay * MS).await;
                barrier.wait().await.unwrap()
            })
        });
        gather(waits).await
    });
    assert_eq!(numbers, [0, 1, 2, 0, 1, 2]);
    assert_eq!(took, 5 * MS);
}

/// M6.43: broken for all, until it is reset; a reset breaks it for those who wait.
#[test]
fn a_barrier_breaks_and_mends() {
    story(async {
        let barrier = Barrier::new(2);
        let (broken, ()) = join(barrier.wait(), async { barrier.abort() }).await;
        assert_eq!(broken, Err(Broken));
        assert!(barrier.is_broken());
        assert_eq!(barrier.wait().await, Err(Broken));
        barrier.reset();
        let (broken, ()) = join(barrier.wait(), async { barrier.reset() }).await;
        assert_eq!(broken, Err(Broken));
        assert_eq!(join(barrier.wait(), barrier.wait()).await, (Ok(0), Ok(1)));
    });
}

/// A permit goes with its task, wherever the semaphore was made.
#[test]
fn a_permit_that_is_owned_keeps_its_semaphore() {
    story(async {
        let semaphore = Rc::new(Semaphore::new(2));
        let one = Rc::clone(&semaphore).acquire_owned().await;
        let two = semaphore.try_acquire().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
        assert!(Rc::clone(&semaphore).try_acquire_owned().is_none());
        drop(two);
        let two = Rc::clone(&semaphore).try_acquire_owned().unwrap();
        let weak = Rc::downgrade(&semaphore);
        drop(semaphore);
        drop(one);
        assert_eq!(weak.upgrade().unwrap().available_permits(), 1);
        drop(two);
        assert!(weak.upgrade().is_none());
    });
}

/// Ten thousand tasks in one queue are cancelled: each takes one step more, and whoever stays
/// gets its turn.
#[test]
fn ten_thousand_tasks_that_wait_are_cancelled_in_as_many_steps() {
    const COUNT: usize = 10_000;
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    story(async move {
        let mutex = Rc::new(Mutex::new(()));
        let held = mutex.try_lock().unwrap();
        let mut set = JoinSet::new();
        for _ in 0..COUNT {
            let (mutex, polls) = (Rc::clone(&mutex), Rc::clone(&counted));
            set.spawn(async move {
                let mut waits = pin!(mutex.lock());
                drop(
                    poll_fn(|context| {
                        polls.set(polls.get() + 1);
                        waits.as_mut().poll(context)
                    })
                    .await,
                );
            });
        }
        let stays = Rc::clone(&mutex);
        let stays = spawn(async move { drop(stays.lock().await) });
        sleep(MS).await;
        assert_eq!(counted.get(), COUNT);
        set.abort_all();
        // The first of those that are about to end is served, and passes it on.
        drop(held);
        stays.await;
        let mut ended = 0;
        while set.join_next().await.is_some() {
            ended += 1;
        }
        assert_eq!(ended, COUNT);
    });
    // None of them was polled again, whether it was served or not.
    assert_eq!(polls.get(), COUNT);
}

/// M6.42, and whoever comes when it is set does not wait.
#[test]
fn an_event_that_is_set_holds_nobody_back() {
    let ((), took) = story(async {
        let event = Rc::new(Event::new());
        event.set();
        event.wait().await;
        event.clear();
        assert!(!event.is_set());
        let remote = Rc::clone(&event);
        drop(spawn(async move {
            sleep(MS).await;
            remote.set();
        }));
        event.wait().await;
    });
    assert_eq!(took, MS);
}
