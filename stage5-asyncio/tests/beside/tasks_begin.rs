//! In which turn a task begins, and in which those who wait for it hear of its end.

use stage5_asyncio::{Task, create_task, get_running_loop};

use super::clock::{say_turn as say, turns};

async fn child(name: &'static str) -> &'static str {
    say(format_args!("{name} begins"));
    turns(1).await;
    say(format_args!("{name} ends"));
    name
}

async fn waits(name: &'static str, task: Task<&'static str>) {
    say(format_args!("{name} waits"));
    say(format_args!("{name} heard {}", (&task).await));
}

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    event_loop.call_soon(|| say("a callback before"));
    let task = create_task(child("child"));
    task.add_done_callback(|_| say("a callback of the child"));
    event_loop.call_soon(|| say("a callback after"));
    let others = ["one", "two"].map(|name| create_task(waits(name, task.clone())));
    say("main waits");
    say(format_args!("main heard {}", (&task).await));
    for other in others {
        other.await;
    }
    say("all are done");
    say(format_args!("at once: {}", (&task).await));
    let through = async || child("called").await;
    say(format_args!("main heard {}", through().await));
}
