//! The same with the light tasks of stage 6, on its loop.

use stage6_uvloop::light::{run, sleep, spawn as start, yield_now as turn};

use super::{A_MOMENT, Count, PAIR, expected};

pub(super) fn spawn(n: u64) -> u64 {
    let body = async move {
        let count = Count::default();
        for _ in 0..expected(n) {
            let count = count.clone();
            start(async move { count.one_more() }).await;
        }
        count.get()
    };
    run(body).expect("a loop can be opened")
}

pub(super) fn yield_now(n: u64) -> u64 {
    let body = async move {
        let count = Count::default();
        let task = || {
            let count = count.clone();
            start(async move {
                for _ in 0..n / PAIR {
                    turn().await;
                    count.one_more();
                }
            })
        };
        let (one, other) = (task(), task());
        one.await;
        other.await;
        count.get()
    };
    run(body).expect("a loop can be opened")
}

pub(super) fn timer(n: u64) -> u64 {
    let body = async move {
        let count = Count::default();
        for _ in 0..expected(n) {
            sleep(A_MOMENT).await;
            count.one_more();
        }
        count.get()
    };
    run(body).expect("a loop can be opened")
}
