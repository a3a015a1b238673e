//! What handles, channels, locks and errors say of themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::panic::panic_any;

use common::{FAR, MS, poll_once, story};
use stage4_async_await::extras::async_generator::AsyncGenerator;
use stage4_async_await::extras::cancel_token::CancelToken;
use stage4_async_await::extras::channel::{
    Closed, SendError, TryRecvError, TrySendError, mpsc, oneshot, watch,
};
use stage4_async_await::extras::join_set::JoinSet;
use stage4_async_await::extras::outcome::JoinError;
use stage4_async_await::extras::outside::handle;
use stage4_async_await::extras::sync::{Barrier, Broken, Condition, Event, Mutex};
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{Elapsed, sleep};

#[test]
fn a_handle_says_whether_its_task_is_finished() {
    story(async {
        let (short, long) = (spawn(sleep(MS)), spawn(sleep(FAR)));
        assert_eq!(format!("{short:?}"), "JoinHandle { finished: false }");
        sleep(2 * MS).await;
        assert_eq!(format!("{short:?}"), "JoinHandle { finished: true }");
        let cancelling = long.cancel();
        let shown = "Cancelling(JoinHandle { finished: false })";
        assert_eq!(format!("{cancelling:?}"), shown);
        cancelling.await;
        let mut tasks = JoinSet::new();
        let abort = tasks.spawn(sleep(MS));
        assert_eq!(
            format!("{tasks:?} {abort:?}"),
            "JoinSet { tasks: 1, .. } AbortHandle { .. }"
        );
        tasks.join_next().await;
        assert_eq!(format!("{tasks:?}"), "JoinSet { tasks: 0, .. }");
        assert_eq!(format!("{:?}", handle()), "Handle { .. }");
    });
}

#[test]
fn a_task_that_gives_nothing_says_why() {
    story(async {
        let mut tasks = JoinSet::<()>::new();
        tasks.spawn(sleep(FAR)).abort();
        tasks.spawn(async { panic!("oh") });
        tasks.spawn(async { panic_any(7) });
        let mut told = Vec::new();
        while let Some(end) = tasks.join_next().await {
            let error: JoinError = end.unwrap_err();
            told.push(format!("{error:?}: {error}"));
        }
        told.sort();
        let said = [
            "Cancelled: the task was cancelled",
            "Panicked(None): the task panicked, with something that is no text",
            "Panicked(Some(\"oh\")): the task panicked: oh",
        ];
        assert_eq!(told, said);
    });
}

#[test]
fn channels_say_how_full_they_are() {
    story(async {
        let (sender, receiver) = mpsc::channel(2);
        sender.send(1).await.unwrap();
        let shown = "Channel { values: 1, capacity: 2, waiting: 0, closed: false }";
        assert_eq!(
            format!("{sender:?} {receiver:?}"),
            format!("Sender({shown}) Receiver({shown})")
        );
        let slot = sender.reserve().await.unwrap();
        assert_eq!(format!("{slot:?}"), format!("Slot({shown})"));

        let (answer, question) = oneshot::channel::<()>();
        assert_eq!(
            format!("{answer:?} {question:?}"),
            "Sender { closed: false } Receiver { open: true }"
        );
        drop(question);
        assert_eq!(format!("{answer:?}"), "Sender { closed: true }");

        let (teller, watcher) = watch::channel(7);
        assert_eq!(format!("{teller:?} {watcher:?}"), "Sender(7) Receiver(7)");
    });
}

#[test]
fn what_a_channel_did_not_take_or_give_has_its_words() {
    let closed = "the channel is closed";
    assert_eq!(
        (Closed.to_string(), SendError('x').to_string()),
        (closed.into(), closed.into())
    );
    assert_eq!(format!("{:?}", SendError('x')), "SendError(..)");
    for (error, shown, said) in [
        (TrySendError::Full('x'), "Full(..)", "the channel is full"),
        (TrySendError::Closed('x'), "Closed(..)", closed),
    ] {
        assert_eq!(
            (format!("{error:?}"), error.to_string()),
            (shown.into(), said.into())
        );
    }
    assert_eq!(TryRecvError::Empty.to_string(), "the channel is empty");
    assert_eq!(TryRecvError::Closed.to_string(), closed);
}

#[test]
fn what_tasks_share_says_how_it_stands() {
    story(async {
        let (permits, event) = (Semaphore::new(2), Event::new());
        let _permit = permits.acquire().await;
        assert_eq!(format!("{permits:?}"), "Semaphore { free: Cell { value: 1 }, .. }");
        assert_eq!(format!("{event:?}"), "Event { set: false, .. }");
        event.set();
        assert_eq!(format!("{event:?}"), "Event { set: true, .. }");
        let mutex = Mutex::new(7);
        let guard = mutex.lock().await;
        assert_eq!(format!("{guard:?}"), "7");
        let condition = Condition::new();
        let mut waits = Box::pin(condition.wait(guard));
        assert!(poll_once(waits.as_mut()).await.is_pending());
        assert_eq!(format!("{condition:?}"), "Condition { waiting: 1 }");
        assert!(format!("{mutex:?}").starts_with("Mutex("));
        let barrier = Barrier::new(2);
        assert_eq!(
            format!("{barrier:?}"),
            "Barrier { parties: 2, waiting: 0, broken: false }"
        );
        barrier.abort();
        assert_eq!(
            format!("{barrier:?}"),
            "Barrier { parties: 2, waiting: 0, broken: true }"
        );
        let token = CancelToken::new();
        assert_eq!(format!("{token:?}"), "CancelToken { cancelled: false }");
        token.cancel();
        assert_eq!(format!("{token:?}"), "CancelToken { cancelled: true }");
    });
    assert_eq!(Broken.to_string(), "the barrier is broken");
    assert_eq!(Elapsed.to_string(), "the time was up");
}

#[test]
fn inside_a_generator_one_sees_where_it_stands() {
    story(async {
        let mut items = AsyncGenerator::<String>::new(async |co| {
            let standing = co.yield_("first".to_owned());
            let shown = format!("{co:?} {standing:?}");
            standing.await;
            co.yield_(shown).await;
            Ok(())
        });
        assert!(items.next().await.unwrap().is_some());
        let shown = items.next().await.unwrap().unwrap();
        assert!(shown.starts_with("Co { .. } Yield { stands: "), "{shown}");
    });
}
