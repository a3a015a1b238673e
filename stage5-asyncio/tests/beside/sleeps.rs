//! How tasks take turns: a sleep of no time, one that is over, calls that do not wait.

use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;

use super::clock::{ms, say, turns};

async fn nothing(deep: u32) {
    if deep > 0 {
        Box::pin(nothing(deep - 1)).await;
    }
}

async fn in_turns(name: &'static str) {
    for n in 0..3 {
        say(format_args!("{name} {n}"));
        nothing(50).await;
        turns(1).await;
    }
}

async fn counts(name: &'static str, period: u64, n: u32) {
    for left in (0..n).rev() {
        sleep(ms(period)).await;
        say(format_args!("{name} {left}"));
    }
}

pub(crate) async fn main() {
    gather(["a", "b", "c"].map(in_turns)).await;
    gather([counts("slow", 30, 2), counts("fast", 10, 6)]).await;
    gather([counts("one", 10, 3), counts("two", 10, 3)]).await;
    // There is no time below zero.
    sleep(ms(0)).await;
    say("a sleep that was over before it began");
}
