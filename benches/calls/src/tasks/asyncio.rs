//! The same on stage 5's loop, and on the loop of stage 6: one program, and who opens its loop.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use stage5_asyncio::events::with_loop_factory;
use stage5_asyncio::locks::Semaphore;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, run};

use super::{A_MOMENT, Count, PAIR, expected};

/// On the fast loop.
pub(super) fn fast(program: fn(u64) -> u64, n: u64) -> u64 {
    with_loop_factory(stage6_uvloop::open, || program(n))
}

pub(super) fn spawn(n: u64) -> u64 {
    let body = async move {
        let count = Count::default();
        for _ in 0..expected(n) {
            let count = count.clone();
            create_task(async move { count.one_more() }).await;
        }
        count.get()
    };
    run(body).expect("a loop can be opened")
}

fn by_two<S: Future<Output = ()> + 'static>(
    n: u64,
    step: impl Fn() -> S + Clone + 'static,
) -> u64 {
    let body = async move {
        let count = Count::default();
        let task = || {
            let (count, step) = (count.clone(), step.clone());
            create_task(async move {
                for _ in 0..n / PAIR {
                    step().await;
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

async fn turn() {
    let mut woken = false;
    poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub(super) fn yield_now(n: u64) -> u64 {
    by_two(n, turn)
}

pub(super) fn hand_over(n: u64) -> u64 {
    let permit = Rc::new(Semaphore::new(1));
    by_two(n, move || {
        let permit = Rc::clone(&permit);
        async move {
            let _permit = permit.acquire().await;
            turn().await;
        }
    })
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
