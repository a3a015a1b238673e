//! What a cancel meets: a task that has not begun, that waits, that catches, that is done.

use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, catch_cancel, create_task, current_task, finally};

use super::clock::{ms, py, say, turns};

async fn plain(name: &'static str) {
    say(format_args!("{name} begins"));
    finally(sleep(ms(10_000)), async || say(format_args!("{name} is left"))).await;
}

async fn cleans_up(name: &'static str) {
    let cleanup = async || {
        say(format_args!("{name} cleans up"));
        sleep(ms(5)).await;
        say(format_args!("{name} has cleaned up"));
    };
    finally(sleep(ms(10_000)), cleanup).await;
}

async fn refuses() -> &'static str {
    if catch_cancel(sleep(ms(10_000))).await.is_err() {
        say("refused");
    }
    sleep(ms(1)).await;
    "a result all the same"
}

async fn end_of<T: Told + Clone>(task: &Task<T>) -> String {
    let end = catch_cancel(task).await;
    end.map_or_else(|_| "was cancelled".to_owned(), |it| format!("gave {}", it.told()))
}

trait Told: 'static {
    fn told(&self) -> &'static str;
}

impl Told for &'static str {
    fn told(&self) -> &'static str {
        self
    }
}

impl Told for () {
    fn told(&self) -> &'static str {
        "None"
    }
}

pub(crate) async fn main() {
    let task = create_task(plain("never"));
    say(format_args!("cancel: {}", py(task.cancel())));
    say(format_args!("one that had not begun {}", end_of(&task).await));

    let task = create_task(plain("waits"));
    turns(1).await;
    let (first, again) = (py(task.cancel()), py(task.cancel()));
    let asked = task.cancelling();
    say(format_args!("cancel: {first}, again: {again}, {asked} asked for"));
    say(format_args!("one that waited {}", end_of(&task).await));
    say(format_args!("cancel of one that is done: {}", py(task.cancel())));

    let task = create_task(cleans_up("tidy"));
    turns(1).await;
    task.cancel();
    say(format_args!("a tidy one {}", end_of(&task).await));

    let task = create_task(cleans_up("hurried"));
    turns(1).await;
    task.cancel();
    sleep(ms(1)).await;
    task.cancel();
    say(format_args!("one that was hurried {}", end_of(&task).await));

    let task = create_task(refuses());
    turns(1).await;
    task.cancel();
    say(format_args!("one that refuses {}", end_of(&task).await));
    let (is_cancelled, asked) = (py(task.cancelled()), task.cancelling());
    say(format_args!("it is cancelled: {is_cancelled}, {asked} asked for"));

    let task = create_task(async {
        current_task().unwrap().cancel();
        say("goes on until it waits");
        turns(1).await;
        say("never");
    });
    say(format_args!("one that cancels itself {}", end_of(&task).await));

    let task = create_task(async {
        current_task().unwrap().cancel();
        "its result"
    });
    say(format_args!("one that never waits {}", end_of(&task).await));
}
