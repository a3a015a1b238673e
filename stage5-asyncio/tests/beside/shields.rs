//! What a shield keeps a cancel from, and what it does not.

use stage5_asyncio::cancel::Cancelled;
use stage5_asyncio::tasks::{shield, wait, wait_for};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, catch_cancel, create_task};

use super::clock::{ms, py, say};

type Name = &'static str;

fn works(name: Name) -> Task<Name> {
    create_task(async move {
        match catch_cancel(sleep(ms(20))).await {
            Ok(()) => {
                say(format_args!("{name} is done"));
                name
            }
            Err(Cancelled) => {
                say(format_args!("{name} is cancelled"));
                Cancelled.raise().await
            }
        }
    })
}

async fn outer(task: Task<Name>) -> Name {
    match catch_cancel(shield(&task)).await {
        Ok(name) => name,
        Err(Cancelled) => {
            say("whoever waited is cancelled");
            Cancelled.raise().await
        }
    }
}

pub(crate) async fn main() {
    let inner = works("kept");
    let task = create_task(outer(inner.clone()));
    sleep(ms(10)).await;
    say(format_args!("cancel: {}", py(task.cancel())));
    wait([task.clone()]).await;
    let (is_cancelled, is_done) = (py(task.cancelled()), py(inner.done()));
    say(format_args!("outer cancelled {is_cancelled}, inner done {is_done}"));
    say(format_args!("later: {}", inner.await));

    let inner = works("hit");
    let task = create_task(outer(inner.clone()));
    sleep(ms(10)).await;
    inner.cancel();
    wait([task.clone()]).await;
    let reached = py(task.cancelled());
    say(format_args!("a cancel of the inner reaches the outer: {reached}"));

    say(format_args!("nobody cancels: {}", outer(works("calm")).await));

    let inner = works("waited for");
    if wait_for(shield(&inner), ms(10)).await.is_err() {
        let goes_on = py(!inner.done());
        say(format_args!("the time is up, the inner goes on: {goes_on}"));
    }
    say(format_args!("later: {}", inner.await));

    let inner = works("done before");
    (&inner).await;
    say(format_args!("at once: {}", shield(&inner).await));
}
