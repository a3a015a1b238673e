//! Groups of tasks: who is cancelled, who is waited for, what is raised.

use stage5_asyncio::cancel::Cancelled;
use stage5_asyncio::exceptions::ExceptionGroup;
use stage5_asyncio::tasks::wait;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{catch_cancel, create_task, task_group};

use super::clock::{ms, py, say, turns};

type Name = &'static str;

/// Whom a group cancels first, in Python a set decides: so they leave one after the other.
async fn sleeps(name: Name, time: u64, exit: u64) -> Result<Name, String> {
    match catch_cancel(sleep(ms(time))).await {
        Ok(()) => {
            say(format_args!("{name} is done"));
            Ok(name)
        }
        Err(Cancelled) => {
            sleep(ms(exit)).await;
            say(format_args!("{name} was cancelled"));
            Cancelled.raise().await
        }
    }
}

async fn fails(name: Name, time: u64) -> Result<(), String> {
    sleep(ms(time)).await;
    say(format_args!("{name} fails"));
    Err(name.to_owned())
}

async fn stubborn(name: Name, exit: u64) -> Result<(), String> {
    if catch_cancel(sleep(ms(1000))).await.is_err() {
        sleep(ms(exit)).await;
        say(format_args!("{name} fails in its turn"));
        return Err(name.to_owned());
    }
    Ok(())
}

fn told(group: ExceptionGroup<String>) -> String {
    group.exceptions.join(", ")
}

pub(crate) async fn main() {
    let one = task_group(async |group| {
        let one = group.create_task(sleeps("one", 20, 1));
        group.create_task(sleeps("two", 10, 1));
        say("the body is done");
        Ok::<_, String>(one)
    });
    let one = one.await.unwrap().await.unwrap();
    say(format_args!("all are done, one gave {one}"));

    let raised = task_group(async |group| {
        group.create_task(sleeps("a", 1000, 1));
        group.create_task(fails("b", 10));
        group.create_task(sleeps("c", 1000, 3));
        sleeps("body", 1000, 2).await
    });
    say(format_args!("raised: {}", told(raised.await.unwrap_err())));

    let raised = task_group(async |group| {
        group.create_task(stubborn("d", 10));
        group.create_task(stubborn("e", 5));
        sleep(ms(10)).await;
        Err::<(), _>("body".to_owned())
    });
    say(format_args!("raised: {}", told(raised.await.unwrap_err())));

    let task = create_task(async {
        let whole = task_group(async |group| {
            group.create_task(sleeps("f", 1000, 1));
            group.create_task(sleeps("g", 1000, 3));
            sleeps("body", 1000, 2).await
        });
        whole.await.unwrap();
    });
    sleep(ms(10)).await;
    task.cancel();
    wait([task.clone()]).await;
    say(format_args!("cancelled from outside: {}", py(task.cancelled())));

    let ended = task_group(async |group| {
        let child = group.create_task(sleeps("h", 1000, 1));
        group.create_task(sleeps("i", 10, 1));
        turns(1).await;
        child.cancel();
        Ok::<_, String>(())
    });
    if ended.await.is_ok() {
        say("to cancel a child is no error");
    }

    let raised = task_group(async |group| {
        group.create_task(async {
            let inner = task_group(async |group| {
                group.create_task(sleeps("nested", 1000, 1));
                group.create_task(fails("deep", 10));
                Ok(())
            });
            inner.await.map_err(|group| format!("a group of {}", told(group)))
        });
        group.create_task(sleeps("sibling", 1000, 2));
        Ok(())
    });
    say(format_args!("raised: {}", told(raised.await.unwrap_err())));
}
