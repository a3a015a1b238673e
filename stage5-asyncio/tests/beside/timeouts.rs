//! Blocks that have so much time: at the edge, nested, moved, cancelled from outside.

use stage5_asyncio::cancel::Cancelled;
use stage5_asyncio::tasks::{wait, wait_for};
use stage5_asyncio::time::sleep;
use stage5_asyncio::timeouts::Timeout;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop, timeout, timeout_at};

use super::clock::{ms, py, say};

async fn takes(time: u64, name: &'static str) -> &'static str {
    match catch_cancel(sleep(ms(time))).await {
        Ok(()) => name,
        Err(Cancelled) => {
            say(format_args!("{name} is cancelled"));
            sleep(ms(2)).await;
            say(format_args!("{name} is gone"));
            Cancelled.raise().await
        }
    }
}

fn in_time(time: u64) -> Timeout {
    Timeout::new(get_running_loop().time() + ms(time))
}

pub(crate) async fn main() {
    let block = in_time(10);
    if block.over(takes(1000, "body")).await.is_err() {
        say(format_args!("timeout, expired {}", py(block.expired())));
    }

    let block = in_time(10);
    let quick = block.over(takes(5, "quick")).await;
    say(format_args!("in time: {}", quick.unwrap()));
    say(format_args!("expired {}", py(block.expired())));

    let outer = in_time(1000);
    let body = async {
        if timeout(ms(10), takes(1000, "nested")).await.is_err() {
            let expired = py(outer.expired());
            say(format_args!("the inner one, the outer expired {expired}"));
        }
    };
    outer.over(body).await.unwrap();

    let body = async {
        if timeout(ms(1000), takes(1000, "deep")).await.is_err() {
            say("never: the inner one had time");
        }
    };
    if timeout(ms(10), body).await.is_err() {
        say("the outer one");
    }

    let body = async {
        sleep(ms(1)).await;
        say("never");
    };
    if timeout(ms(0), body).await.is_err() {
        say("no time at all");
    }

    let block = in_time(10);
    let body = async {
        block.reschedule(get_running_loop().time() + ms(50));
        say(format_args!("moved: {}", takes(30, "patient").await));
    };
    block.over(body).await.unwrap();

    let body = async { say(format_args!("no limit: {}", takes(30, "free").await)) };
    timeout_at(None, body).await.unwrap();

    let task = create_task(async {
        if timeout(ms(1000), takes(2000, "inside")).await.is_err() {
            say("never: it was cancelled");
        }
    });
    sleep(ms(10)).await;
    task.cancel();
    wait([task.clone()]).await;
    say(format_args!("cancelled from outside: {}", py(task.cancelled())));

    if wait_for(takes(1000, "waited for"), ms(10)).await.is_err() {
        say("wait_for gave up");
    }
    let waited = wait_for(takes(5, "in time"), ms(10)).await;
    say(format_args!("wait_for: {}", waited.unwrap()));
}
