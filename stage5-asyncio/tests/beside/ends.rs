//! How a run ends: whoever is left is cancelled, then generators are closed, then no more.

use std::cell::RefCell;

use stage5_asyncio::extras::async_generator::AsyncGenerator;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{catch_cancel, create_task, finally};

use super::clock::{ms, say, turns};

thread_local! {
    /// What outlives the main coroutine.
    static GENERATOR: RefCell<Option<AsyncGenerator<u32>>> = const { RefCell::new(None) };
}

/// Who is cancelled first, in Python a set decides: so they leave one after the other.
async fn left(name: &'static str, exit: u64) {
    let cleanup = async || {
        sleep(ms(exit)).await;
        say(format_args!("{name} is gone"));
    };
    finally(sleep(ms(100_000)), cleanup).await;
}

async fn refuses() {
    let _ = catch_cancel(sleep(ms(100_000))).await;
    sleep(ms(20)).await;
    say("one that refuses ends by itself");
}

fn numbers() -> AsyncGenerator<u32> {
    AsyncGenerator::new(async |co| {
        let body = async {
            for n in 0..10 {
                co.yield_(n).await?;
            }
            Ok(())
        };
        finally(body, async || {
            say("the generator closes");
            sleep(ms(10)).await;
            say("the generator is closed");
        })
        .await
    })
}

pub(crate) async fn main() {
    drop([create_task(left("a", 10)), create_task(left("b", 5))]);
    drop(create_task(refuses()));
    let mut generator = numbers();
    say(format_args!("first: {}", generator.next().await.unwrap().unwrap()));
    GENERATOR.set(Some(generator));
    turns(1).await;
    say("main ends");
}
