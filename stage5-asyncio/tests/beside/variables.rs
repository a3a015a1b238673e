//! What a context variable is, to tasks, callbacks, and whoever made them.

use stage5_asyncio::contextvars::ContextVar;
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop};

use super::clock::{ms, say, turns};

thread_local! {
    static NAME: ContextVar<String> = ContextVar::new("name");
}

fn get() -> String {
    NAME.with(ContextVar::get).map_or("nobody".to_owned(), |name| (*name).clone())
}

fn set(name: impl Into<String>) {
    drop(NAME.with(|it| it.set(name.into())));
}

async fn child(n: u32) {
    say(format_args!("child {n} begins as {}", get()));
    set(format!("child {n}"));
    turns(1).await;
    say(format_args!("child {n} is {}", get()));
}

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    say(format_args!("main is {}", get()));
    set("main");
    let one = create_task(child(1));
    event_loop.call_soon(|| say(format_args!("a callback is {}", get())));
    set("another");
    let two = create_task(child(2));
    event_loop.call_later(ms(10), || say(format_args!("a timer is {}", get())));
    set("main again");
    gather([one, two]).await;
    say(format_args!("main is {}", get()));
    let two = create_task(child(3));
    two.add_done_callback(|_| say(format_args!("a callback of a task is {}", get())));
    set("whoever awaits");
    two.await;
    child(4).await;
    say(format_args!("after a call, main is {}", get()));
    let token = NAME.with(|name| name.set("for a while".to_owned()));
    NAME.with(|name| name.reset(token));
    say(format_args!("after a reset, main is {}", get()));
    sleep(ms(20)).await;
}
