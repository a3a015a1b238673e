//! Results of many at once: in order, with an error, with a cancel.

use std::pin::Pin;

use stage5_asyncio::cancel::Cancelled;
use stage5_asyncio::tasks::{gather, try_gather, wait};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop};

use super::clock::{ms, py, say};

type Name = &'static str;
type Coroutine = Pin<Box<dyn Future<Output = Result<Name, Name>>>>;

async fn gives(name: Name, time: u64) -> Name {
    match catch_cancel(sleep(ms(time))).await {
        Ok(()) => {
            say(format_args!("{name} is done"));
            name
        }
        Err(Cancelled) => {
            say(format_args!("{name} is cancelled"));
            Cancelled.raise().await
        }
    }
}

async fn fails(name: Name, time: u64) -> Result<Name, Name> {
    sleep(ms(time)).await;
    say(format_args!("{name} fails"));
    Err(name)
}

pub(crate) async fn main() {
    let results = gather([gives("a", 20), gives("b", 10), gives("c", 0)]).await;
    say(format_args!("in order: {}", results.join(" ")));
    let of_nobody = gather([(); 0].map(|()| gives("nobody", 0))).await;
    say(format_args!("of nobody: {}", of_nobody.len()));

    let slow = create_task(gives("slow", 30));
    let waiting = slow.clone();
    let children: [Coroutine; 3] = [
        Box::pin(async move { Ok((&waiting).await) }),
        Box::pin(fails("first", 10)),
        Box::pin(fails("second", 20)),
    ];
    if let Err(error) = try_gather(children).await {
        say(format_args!("raised: {error}"));
    }
    say(format_args!("the others go on: {}", slow.await));

    // What `return_exceptions` is for, a `Result` is as it is.
    let children: [Coroutine; 2] =
        [Box::pin(async { Ok(gives("d", 10).await) }), Box::pin(fails("e", 0))];
    let results = gather(children).await.into_iter();
    let told: Vec<_> = results.map(|it| it.unwrap_or_else(|error| error)).collect();
    say(format_args!("in place: {}", told.join(" ")));

    let gathering = gather([gives("f", 1000), gives("g", 1000)]);
    sleep(ms(10)).await;
    say(format_args!("cancel: {}", py(gathering.cancel())));
    if catch_cancel(gathering).await.is_err() {
        say("the gathering was cancelled");
    }

    let task = create_task(async { gather([gives("h", 1000), gives("i", 1000)]).await });
    sleep(ms(10)).await;
    task.cancel();
    wait([task.clone()]).await;
    say(format_args!("whoever gathered was cancelled: {}", py(task.cancelled())));

    let child = create_task(gives("j", 1000));
    let other = create_task(gives("k", 20));
    let victim = child.clone();
    get_running_loop().call_later(ms(10), move || _ = victim.cancel());
    if catch_cancel(gather([child, other.clone()])).await.is_err() {
        say("a child was cancelled");
    }
    say(format_args!("the other goes on: {}", other.await));
}
