//! Waiting for tasks without touching them: for all, for one, for an error, for so long.

use stage5_asyncio::tasks::{Wait, as_completed, wait};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, create_task};

use super::clock::{ms, py, say};

type Name = &'static str;
type Named = Task<Result<Name, Name>>;

fn gives(name: Name, time: u64) -> Named {
    create_task(async move {
        sleep(ms(time)).await;
        say(format_args!("{name} is done"));
        Ok(name)
    })
}

fn fails(name: Name, time: u64) -> Named {
    create_task(async move {
        sleep(ms(time)).await;
        say(format_args!("{name} fails"));
        Err(name)
    })
}

/// How many are done, how many pending.
async fn counted(waiting: Wait<Named>) -> String {
    let (done, pending) = waiting.await;
    format!("{} done, {} pending", done.len(), pending.len())
}

pub(crate) async fn main() {
    let tasks = [gives("a", 20), gives("b", 10)];
    say(format_args!("all: {}", counted(wait(tasks)).await));

    let tasks = [gives("c", 20), gives("d", 10)];
    let (done, pending) = wait(tasks.clone()).first_completed().await;
    let is_second = done.len() == 1 && tasks[1].done();
    say(format_args!("one: {}, {} pending", py(is_second), pending.len()));
    let at_once = counted(wait(tasks.clone()).first_completed()).await;
    say(format_args!("at once, for one was done before: {at_once}"));
    wait(tasks).await;

    let tasks = [gives("e", 10), gives("f", 10), gives("g", 1000)];
    let two = counted(wait(tasks.clone()).first_completed()).await;
    say(format_args!("two at one time: {two}"));
    say(format_args!("so long: {}", counted(wait(tasks.clone()).timeout(ms(5))).await));
    tasks[2].cancel();
    let (done, _) = wait(tasks.clone()).first_exception().await;
    say(format_args!("a cancel: {} done, {}", done.len(), py(tasks[2].cancelled())));

    let tasks = [gives("h", 10), fails("i", 20), gives("j", 30)];
    let (done, pending) = wait(tasks.clone()).first_exception().await;
    say(format_args!("an error: {} done, {} pending", done.len(), pending.len()));
    say(format_args!("not raised: {}", tasks[1].exception().unwrap().unwrap()));
    wait(pending).await;

    let kept = gives("k", 20);
    let waited = kept.clone();
    let task = create_task(async move { drop(wait([waited]).await) });
    sleep(ms(10)).await;
    task.cancel();
    wait([task.clone()]).await;
    let (outer, inner) = (py(task.cancelled()), py(kept.cancelled()));
    say(format_args!("whoever waited was cancelled: {outer}, the task {inner}"));
    wait([kept]).await;

    let mut coming = as_completed([gives("l", 30), gives("m", 10), gives("n", 20)]);
    while let Some(next) = coming.next().await {
        say(format_args!("as they come: {}", next.unwrap()));
    }
}
