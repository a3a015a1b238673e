//! What waits, polled by a task that only counts its wakes (tokio-test's): who is woken, when,
//! how often, and that nothing is lost with whoever leaves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "it says which of them has failed")]

mod common;

use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use common::MS;
use stage4_async_await::extras::cancel_token::CancelToken;
use stage4_async_await::extras::channel::{Closed, mpsc, oneshot, watch};
use stage4_async_await::extras::interval::Interval;
use stage4_async_await::extras::join_set::JoinSet;
use stage4_async_await::extras::race::{Either, race, select};
use stage4_async_await::extras::sync::{Barrier, Condition, Event, Mutex};
use stage4_async_await::extras::together::{gather, join};
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{sleep, timeout};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready, assert_ready_err, assert_ready_ok};

type Held = Box<dyn Any>;
type Leaf = Spawn<Pin<Box<dyn Future<Output = Held>>>>;

/// Something that one at a time is served with.
struct Case {
    name: &'static str,
    /// Waits in vain, as long as nothing is given.
    wait: Box<dyn Fn() -> Leaf>,
    /// Serves one who waits, or else the next to come.
    give: Box<dyn Fn(Held)>,
    /// What there is to be given at first.
    held: Held,
}

fn leaf<T: 'static>(future: impl Future<Output = T> + 'static) -> Leaf {
    task::spawn(Box::pin(async { Box::new(future.await) as Held }))
}

/// A borrow that lasts: a test's few bytes are not given back.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

fn ready<T>(future: impl Future<Output = T> + 'static) -> T {
    assert_ready!(task::spawn(Box::pin(future)).poll())
}

impl Case {
    fn new(
        name: &'static str,
        wait: impl Fn() -> Leaf + 'static,
        give: impl Fn(Held) + 'static,
        held: impl Any,
    ) -> Self {
        Self { name, wait: Box::new(wait), give: Box::new(give), held: Box::new(held) }
    }
}

/// All that hand something from one to the next.
fn hand_over() -> Vec<Case> {
    let semaphore = leak(Semaphore::new(1));
    let owned = Rc::new(Semaphore::new(1));
    let first = Rc::clone(&owned).try_acquire_owned().unwrap();
    let mutex = leak(Mutex::new(0));
    let (slots, _) = leak(mpsc::channel::<u8>(1));
    let (sender, receiver) = mpsc::channel(1);
    let (sender, receiver) = (leak(sender), RefCell::new(receiver));
    sender.try_send(0).unwrap();
    let (lock, condition) = leak((Mutex::new(0), Condition::new()));
    let reserve = || leaf(async { slots.reserve().await.unwrap() });
    let take = move |_| assert!(receiver.borrow_mut().try_recv().is_ok());
    let notified = || leaf(async { drop(condition.wait(lock.lock().await).await) });
    let acquire_owned = move || leaf(Rc::clone(&owned).acquire_owned());
    vec![
        Case::new(
            "a permit",
            || leaf(semaphore.acquire()),
            drop,
            ready(semaphore.acquire()),
        ),
        Case::new("a permit that is owned", acquire_owned, drop, first),
        Case::new("a lock", || leaf(mutex.lock()), drop, ready(mutex.lock())),
        Case::new("a place", reserve, drop, ready(slots.reserve()).unwrap()),
        Case::new("a place that is filled", || leaf(sender.send(1)), take, ()),
        Case::new("a notification", notified, |_| condition.notify(1), ()),
    ]
}

/// The same story for each.
fn each(story: impl Fn(Case)) {
    for case in hand_over() {
        println!("{}", case.name);
        story(case);
    }
}

#[test]
fn whoever_waits_is_woken_once_and_served() {
    each(|Case { wait, give, held, .. }| {
        let mut one = wait();
        assert_pending!(one.poll());
        assert!(!one.is_woken());
        give(held);
        assert!(one.is_woken());
        assert_ready!(one.poll());
        assert!(!one.is_woken());
    });
}

/// M6.39, M6.41: first come, first served, and one for each that is given.
#[test]
fn whoever_came_first_is_served_first() {
    each(|Case { wait, give, mut held, .. }| {
        let mut all = [wait(), wait(), wait()];
        for one in &mut all {
            assert_pending!(one.poll());
        }
        for served in 0..3 {
            give(held);
            assert!(all[served].is_woken());
            for one in &mut all[served + 1..] {
                assert!(!one.is_woken());
                assert_pending!(one.poll());
            }
            held = assert_ready!(all[served].poll());
        }
    });
}

/// M6.39, M6.41: from the front, from the middle, from the end.
#[test]
fn whoever_leaves_is_passed_over() {
    each(|Case { wait, give, mut held, .. }| {
        for leaves in 0..3 {
            let mut all = [wait(), wait(), wait()].map(Some);
            for one in all.iter_mut().flatten() {
                assert_pending!(one.poll());
            }
            all[leaves] = None;
            for one in all.iter_mut().flatten() {
                give(held);
                assert!(one.is_woken());
                held = assert_ready!(one.poll());
            }
        }
    });
}

/// M6.41: dropped when it had been woken, and had not been polled yet.
#[test]
fn what_was_meant_for_whoever_left_goes_to_the_next() {
    each(|Case { wait, give, held, .. }| {
        let mut all = [wait(), wait(), wait()].map(Some);
        for one in all.iter_mut().flatten() {
            assert_pending!(one.poll());
        }
        give(held);
        for served in 0..2 {
            assert!(all[served].as_ref().unwrap().is_woken());
            assert!(!all[served + 1].as_ref().unwrap().is_woken());
            all[served] = None;
        }
        let last = all[2].as_mut().unwrap();
        assert!(last.is_woken());
        assert_ready!(last.poll());
    });
}

/// A notification is for those who wait; everything else is kept for whoever comes later.
#[test]
fn what_was_meant_for_whoever_left_is_kept_if_there_is_no_next() {
    each(|Case { name, wait, give, held, .. }| {
        let mut one = wait();
        assert_pending!(one.poll());
        give(held);
        drop(one);
        let mut late = wait();
        match name {
            "a notification" => assert_pending!(late.poll()),
            _ => drop(assert_ready!(late.poll())),
        }
    });
}

#[test]
fn whoever_asks_again_and_again_waits_in_one_place() {
    each(|Case { wait, give, mut held, .. }| {
        let mut all = [wait(), wait()];
        for _ in 0..3 {
            for one in &mut all {
                assert_pending!(one.poll());
            }
        }
        for one in &mut all {
            give(held);
            assert!(one.is_woken());
            held = assert_ready!(one.poll());
        }
        // Nobody is in line any more who could be handed this.
        let mut late = wait();
        assert_pending!(late.poll());
        give(held);
        assert!(late.is_woken());
        assert_ready!(late.poll());
    });
}

/// Polled here, then there: whoever polled last is woken, and nobody else.
#[test]
fn the_last_task_that_polled_is_woken() {
    each(|Case { wait, give, held, .. }| {
        let mut moves = Box::pin(wait().into_inner());
        let (mut here, mut there) = (task::spawn(()), task::spawn(()));
        here.enter(|context, _| assert_pending!(moves.as_mut().poll(context)));
        there.enter(|context, _| assert_pending!(moves.as_mut().poll(context)));
        give(held);
        assert!(!here.is_woken());
        assert!(there.is_woken());
        here.enter(|context, _| assert_ready!(moves.as_mut().poll(context)));
    });
}

/// Something that many wait for, and that happens to all of them at once.
struct Shared {
    name: &'static str,
    wait: Box<dyn Fn() -> Leaf>,
    happen: Box<dyn Fn()>,
}

impl Shared {
    fn new(
        name: &'static str,
        wait: impl Fn() -> Leaf + 'static,
        happen: impl Fn() + 'static,
    ) -> Self {
        Self { name, wait: Box::new(wait), happen: Box::new(happen) }
    }
}

fn broadcasts() -> Vec<Shared> {
    let event = leak(Event::new());
    // M6.42: set, then cleared, it still releases those who wait.
    let set_and_clear = || {
        event.set();
        event.clear();
    };
    let (lock, condition) = leak((Mutex::new(0), Condition::new()));
    let notified = || leaf(async { drop(condition.wait(lock.lock().await).await) });
    let (news, reader) = watch::channel(0);
    let changed = move || {
        let mut reader = reader.clone();
        leaf(async move { reader.changed().await.unwrap() })
    };
    let (token, parent) = (leak(CancelToken::new()), leak(CancelToken::new()));
    let child = leak(parent.child());
    let barrier = leak(Barrier::new(4));
    let last = || assert_eq!(ready(barrier.wait()), Ok(3));
    let (sender, receiver) = mpsc::channel::<()>(1);
    let (sender, receiver) = (leak(sender), RefCell::new(receiver));
    let close = move || receiver.borrow_mut().close();
    vec![
        Shared::new("an event", || leaf(event.wait()), set_and_clear),
        Shared::new("a condition", notified, || condition.notify_all()),
        Shared::new("a change", changed, move || news.send(1)),
        Shared::new("a token", || leaf(token.cancelled()), || token.cancel()),
        Shared::new("its child", || leaf(child.cancelled()), || parent.cancel()),
        Shared::new("a barrier", || leaf(barrier.wait()), last),
        Shared::new("the end of a channel", || leaf(sender.closed()), close),
    ]
}

#[test]
fn what_happens_to_all_wakes_each_who_waits_once() {
    for Shared { name, wait, happen } in broadcasts() {
        println!("{name}");
        let mut gone = wait();
        assert_pending!(gone.poll());
        drop(gone);
        let mut all = [wait(), wait(), wait()];
        for _ in 0..2 {
            for one in &mut all {
                assert_pending!(one.poll());
            }
        }
        happen();
        // One that leaves now takes nothing from the others.
        let [first, second, mut third] = all;
        assert!(first.is_woken() && second.is_woken() && third.is_woken());
        drop(first);
        drop(second);
        assert_ready!(third.poll());
        assert!(!third.is_woken());
    }
}

/// Where only one can wait: given at once or later, here or there, and twice for nothing.
#[test]
fn a_receiver_is_woken_by_the_value_and_not_before() {
    let (sender, mut receiver) = mpsc::channel(2);
    let mut waits = task::spawn(receiver.recv());
    assert_pending!(waits.poll());
    assert_pending!(waits.poll());
    assert!(!waits.is_woken());
    sender.try_send(1).unwrap();
    assert!(waits.is_woken());
    // A second value wakes nobody: it is there to be found.
    assert_eq!(assert_ready!(waits.poll()), Some(1));
    drop(waits);
    sender.try_send(2).unwrap();
    assert_eq!(assert_ready!(task::spawn(receiver.recv()).poll()), Some(2));

    let (sender, receiver) = oneshot::channel();
    let mut waits = task::spawn(receiver);
    assert_pending!(waits.poll());
    sender.send(3).unwrap();
    assert!(waits.is_woken());
    assert_eq!(assert_ready_ok!(waits.poll()), 3);
}

/// M6.39: a receive that was woken, and is dropped before it looks, has taken nothing.
#[test]
fn a_value_that_woke_somebody_who_left_is_still_there() {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut waits = task::spawn(receiver.recv());
    assert_pending!(waits.poll());
    sender.try_send(1).unwrap();
    assert!(waits.is_woken());
    drop(waits);
    assert_eq!(receiver.try_recv(), Ok(1));

    let (sender, mut receiver) = oneshot::channel();
    let mut waits = task::spawn(&mut receiver);
    assert_pending!(waits.poll());
    sender.send(2).unwrap();
    drop(waits);
    assert_eq!(receiver.try_recv(), Ok(2));

    // And whoever has left is not woken any more.
    let (sender, mut receiver) = mpsc::channel(1);
    let mut here = task::spawn(());
    let mut waits = Box::pin(receiver.recv());
    here.enter(|context, _| assert_pending!(waits.as_mut().poll(context)));
    drop(waits);
    sender.try_send(3).unwrap();
    assert!(!here.is_woken());
}

/// `reserve`, and only then `send`: what a cancelled wait would have dropped is still ours.
#[test]
fn a_place_that_was_reserved_for_somebody_who_left_is_free_for_the_next() {
    let (sender, mut receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let (mut one, mut two) = (task::spawn(sender.reserve()), task::spawn(sender.send(2)));
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert!(one.is_woken() && !two.is_woken());
    let slot = assert_ready_ok!(one.poll());
    drop(slot);
    assert!(two.is_woken());
    assert_ready_ok!(two.poll());
    assert_eq!(receiver.try_recv(), Ok(2));
}

/// The end of one side wakes the other, wherever it waits.
#[test]
fn the_end_of_one_side_wakes_the_other() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let other = sender.clone();
    let mut waits = task::spawn(receiver.recv());
    assert_pending!(waits.poll());
    drop(sender);
    assert!(!waits.is_woken(), "there is another sender");
    drop(other);
    assert!(waits.is_woken());
    assert_eq!(assert_ready!(waits.poll()), None);
    drop(waits);

    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(0).unwrap();
    let (mut send, mut reserve) =
        (task::spawn(sender.send(1)), task::spawn(sender.reserve()));
    assert_pending!(send.poll());
    assert_pending!(reserve.poll());
    drop(receiver);
    assert!(send.is_woken() && reserve.is_woken());
    assert_eq!(assert_ready_err!(send.poll()).0, 1);
    assert_eq!(assert_ready_err!(reserve.poll()), Closed);

    let (sender, mut receiver) = oneshot::channel::<u8>();
    let mut waits = task::spawn(&mut receiver);
    assert_pending!(waits.poll());
    drop(sender);
    assert!(waits.is_woken());
    assert_eq!(assert_ready_err!(waits.poll()), Closed);

    let (mut sender, receiver) = oneshot::channel::<u8>();
    let mut gone = task::spawn(sender.closed());
    assert_pending!(gone.poll());
    drop(receiver);
    assert!(gone.is_woken());
    assert_ready!(gone.poll());
    drop(gone);
    assert_eq!(sender.send(1), Err(1));

    let (sender, mut reader) = watch::channel(0);
    let mut waits = task::spawn(reader.changed());
    assert_pending!(waits.poll());
    drop(sender);
    assert!(waits.is_woken());
    assert_eq!(assert_ready_err!(waits.poll()), Closed);
}

/// Of a channel that is closed: the last who had a place, and could have sent something.
#[test]
fn the_last_place_that_is_given_up_wakes_the_receiver() {
    let (sender, mut receiver) = mpsc::channel::<u8>(1);
    let slot = assert_ready_ok!(task::spawn(sender.reserve()).poll());
    receiver.close();
    let mut waits = task::spawn(receiver.recv());
    assert_pending!(waits.poll());
    drop(slot);
    assert!(waits.is_woken());
    assert_eq!(assert_ready!(waits.poll()), None);
}

/// Notified, and waiting for the lock when it is dropped: the notification goes on.
#[test]
fn a_notification_that_cannot_be_acted_on_goes_to_the_next() {
    let (mutex, condition) = (Mutex::new(()), Condition::new());
    let wait = || task::spawn(async { condition.wait(mutex.lock().await).await });
    let (mut one, mut two) = (wait(), wait());
    assert_pending!(one.poll());
    assert_pending!(two.poll());
    let held = mutex.try_lock().unwrap();
    condition.notify(1);
    assert!(one.is_woken());
    // It has heard, and waits for the lock.
    assert_pending!(one.poll());
    assert!(!two.is_woken());
    drop(one);
    assert!(two.is_woken());
    assert_pending!(two.poll());
    drop(held);
    assert!(two.is_woken());
    drop(assert_ready!(two.poll()));
    assert!(mutex.try_lock().is_some());

    // What was said to all is not said again to whoever comes later.
    let (mut one, mut late) = (wait(), wait());
    assert_pending!(one.poll());
    let held = mutex.try_lock().unwrap();
    condition.notify_all();
    assert_pending!(one.poll());
    drop(held);
    assert!(one.is_woken());
    drop(one);
    assert_pending!(late.poll());
    assert!(!late.is_woken());
}

/// M6.43: whoever is cancelled has not come.
#[test]
fn whoever_leaves_a_barrier_is_not_counted() {
    let barrier = Barrier::new(2);
    let mut gone = task::spawn(barrier.wait());
    assert_pending!(gone.poll());
    assert_eq!(barrier.waiting(), 1);
    drop(gone);
    assert_eq!(barrier.waiting(), 0);
    let (mut one, mut two) = (task::spawn(barrier.wait()), task::spawn(barrier.wait()));
    assert_pending!(one.poll());
    assert_eq!(assert_ready_ok!(two.poll()), 1);
    // The next round begins at once, and the last one's number is kept.
    let mut next = task::spawn(barrier.wait());
    assert_pending!(next.poll());
    assert_eq!(assert_ready_ok!(one.poll()), 0);
    assert!(!next.is_woken());
}

/// They leave from the front or from the end, not served or served and unheard: each in as many
/// steps as the first, or this would take hours.
#[test]
fn a_quarter_of_a_million_leave_a_queue_and_whoever_stays_is_served() {
    const COUNT: usize = 250_000;
    common::in_time(|| {
        for (is_served, backwards) in [false, true].map(|it| (it, !it)) {
            let mutex = Mutex::new(());
            let guard = mutex.try_lock();
            let mut places: Vec<_> =
                (0..=COUNT).map(|_| Box::pin(mutex.lock())).collect();
            let (mut crowd, mut one) = (task::spawn(()), task::spawn(()));
            let mut stays = places.pop().unwrap();
            for place in &mut places {
                crowd.enter(|context, _| assert_pending!(place.as_mut().poll(context)));
            }
            one.enter(|context, _| assert_pending!(stays.as_mut().poll(context)));
            if backwards {
                places.reverse();
            }
            if is_served {
                drop(guard);
                assert!(crowd.is_woken());
                drop(places);
            } else {
                drop(places);
                assert!(!one.is_woken());
                drop(guard);
            }
            assert!(one.is_woken());
            let guard =
                one.enter(|context, _| assert_ready!(stays.as_mut().poll(context)));
            assert!(mutex.try_lock().is_none());
            drop(guard);
            assert!(mutex.try_lock().is_some());
        }
    });
}

/// Those that wait at the loop: the clock, the end of a task, the next of a set. They are woken
/// once, by what they wait for, and dropped they leave nothing behind.
#[test]
fn what_waits_at_the_loop_is_woken_once() {
    let ((), took) = common::story(async {
        let mut tasks = [spawn(sleep(MS)), spawn(sleep(MS))];
        let mut set = JoinSet::new();
        set.spawn(sleep(MS));
        let mut interval = Interval::new(MS);
        interval.tick().await;
        let mut leaves: [Leaf; 4] = [
            leaf(sleep(MS)),
            leaf(timeout(MS, std::future::pending::<()>())),
            leaf(async move { set.join_next().await.unwrap().unwrap() }),
            leaf(async move { interval.tick().await }),
        ];
        let [one, two] = &mut tasks;
        let (mut one, mut gone) = (task::spawn(one), task::spawn(two));
        for _ in 0..2 {
            for leaf in &mut leaves {
                assert_pending!(leaf.poll());
                assert!(!leaf.is_woken());
            }
            assert_pending!(one.poll());
            assert_pending!(gone.poll());
        }
        let mut here = task::spawn(());
        let mut nap = Box::pin(sleep(MS));
        here.enter(|context, _| assert_pending!(nap.as_mut().poll(context)));
        drop(nap);
        sleep(2 * MS).await;
        assert!(!here.is_woken(), "its timer went with it");
        assert!(one.is_woken() && gone.is_woken());
        assert_ready!(one.poll());
        drop(gone);
        for leaf in &mut leaves {
            assert!(leaf.is_woken());
            assert_ready!(leaf.poll());
            assert!(!leaf.is_woken());
        }
        let [_, two] = tasks;
        two.await;
    });
    assert_eq!(took, 2 * MS);
}

/// Each of those that wait together is woken through the waker of the whole.
#[test]
fn what_waits_together_passes_the_waker_on() {
    let (one, two) = (Event::new(), Event::new());
    let mut both = task::spawn(join(one.wait(), two.wait()));
    let mut first = task::spawn(select(one.wait(), two.wait()));
    let mut all = task::spawn(gather([&one, &two].map(Event::wait)));
    let mut winner = task::spawn(race([&one, &two].map(Event::wait)));
    assert_pending!(both.poll());
    assert_pending!(first.poll());
    assert_pending!(all.poll());
    assert_pending!(winner.poll());
    two.set();
    assert!(both.is_woken() && first.is_woken() && all.is_woken() && winner.is_woken());
    assert_eq!(assert_ready!(first.poll()), Either::Right(()));
    assert_eq!(assert_ready!(winner.poll()), (1, ()));
    assert_pending!(both.poll());
    assert_pending!(all.poll());
    one.set();
    assert!(both.is_woken() && all.is_woken());
    assert_ready!(both.poll());
    assert_eq!(assert_ready!(all.poll()).len(), 2);
}

/// The task runs on, and its end wakes nobody who has stopped waiting for it.
#[test]
fn the_end_of_a_task_whose_handle_is_gone_wakes_nobody() {
    common::story(async {
        let handle = Rc::new(RefCell::new(Some(spawn(sleep(MS)))));
        let held = Rc::clone(&handle);
        let mut waits = task::spawn(std::future::poll_fn(move |context| {
            let mut handle = held.borrow_mut();
            let handle = handle.as_mut().expect("it is asked only while it is there");
            Pin::new(handle).poll(context)
        }));
        assert_pending!(waits.poll());
        drop(handle.take());
        sleep(2 * MS).await;
        assert!(!waits.is_woken());
    });
}
