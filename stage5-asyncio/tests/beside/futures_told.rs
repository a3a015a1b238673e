//! Who hears first of a future: callbacks and tasks, in the order in which they asked.

use stage5_asyncio::futures::Future;
use stage5_asyncio::tasks::wait;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop};

use super::clock::{say_turn as say, turns};

/// What Python raises, a result is here.
type Promise = Future<Result<&'static str, &'static str>>;

async fn waits(name: &'static str, future: Promise) {
    match catch_cancel(&future).await {
        Ok(Ok(it)) => say(format_args!("{name} heard {it}")),
        Ok(Err(error)) => say(format_args!("{name} heard of an error: {error}")),
        Err(_) => say(format_args!("{name} was cancelled")),
    }
}

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    let future: Promise = event_loop.create_future();
    future.add_done_callback(|_| say("callback 1"));
    let one = create_task(waits("task 1", future.clone()));
    turns(1).await;
    future.add_done_callback(|_| say("callback 2"));
    let two = create_task(waits("task 2", future.clone()));
    turns(1).await;
    let gone = future.add_done_callback(|_| say("never: it was removed"));
    say(format_args!("removed {}", i32::from(future.remove_done_callback(gone))));
    event_loop.call_soon(|| say("queued before the result"));
    future.set_result(Ok("it")).unwrap();
    event_loop.call_soon(|| say("queued after the result"));
    future.add_done_callback(|_| say("callback 3, when it was done"));
    say("the result is set");
    wait([one, two]).await;
    if future.set_result(Ok("again")).is_err() {
        say("a second result is refused");
    }
    say(format_args!("a cancel comes too late: {}", super::clock::py(future.cancel())));

    let future: Promise = event_loop.create_future();
    let three = create_task(waits("task 3", future.clone()));
    turns(1).await;
    future.cancel();
    three.await;

    let future: Promise = event_loop.create_future();
    let four = create_task(waits("task 4", future.clone()));
    turns(1).await;
    future.set_error("lost").unwrap();
    four.await;
}
