//! A hundred thousand timers at once: all set and called off, or all set and awaited. The
//! reactor's, which every stage's are, and tokio's sleeps.
//!
//! Whoever is awaited is due by the clock on the wall, for both. (tokio can have a virtual one,
//! but a program that has once used it pays for that in whatever else it asks of tokio.)

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use calls::Body;
use reactor::Reactor;
use tokio::time::{Sleep, sleep_until};

/// How many timers make a crowd.
pub(crate) const CROWD: usize = 100_000;

/// Sets a crowd, calls it off, the first one first; so many crowds, one after the other.
pub(crate) const CALLED_OFF: [Body; 2] = [
    body("reactor", "the reactor alone", |n| crowds(n, reactors::called_off)),
    body("tokio", "tokio", |n| crowds(n, tokios::called_off)),
];

/// Sets a crowd, and waits for all of it.
pub(crate) const FIRED: [Body; 2] = [
    body("reactor", "the reactor alone", |n| crowds(n, reactors::fired)),
    body("tokio", "tokio", |n| crowds(n, tokios::fired)),
];

/// So far away that none of a crowd is due before all are set.
const LATER: Duration = Duration::from_millis(50);
const MUCH_LATER: Duration = Duration::from_mins(1);

/// How far the deadlines are apart at the most.
const SHORT: Duration = Duration::from_millis(50);
pub(crate) const LONG: Duration = Duration::from_secs(30);

const fn body(id: &'static str, label: &'static str, run: fn(u64) -> u64) -> Body {
    Body { id, label, run }
}

fn crowds(n: u64, one: fn() -> usize) -> u64 {
    (0..n).map(|_| one() as u64).sum()
}

/// When the timers of a crowd are due.
fn crowd(from_now: Duration, within: Duration) -> impl Iterator<Item = Instant> {
    random_deadlines(Instant::now() + from_now, within).take(CROWD)
}

/// Deadlines without end, in any order, the same ones every time.
pub(crate) fn random_deadlines(
    from: Instant,
    within: Duration,
) -> impl Iterator<Item = Instant> {
    let nanos = u64::try_from(within.as_nanos()).expect("it is no century");
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    std::iter::repeat_with(move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        from + Duration::from_nanos(random % nanos)
    })
}

mod reactors {
    use super::{Duration, LATER, LONG, MUCH_LATER, Reactor, SHORT, crowd};

    /// There is a turn before the cancels, as in most programs: by then the timers have been put
    /// in order.
    pub(super) fn called_off() -> usize {
        let reactor = open();
        let set: Vec<_> =
            crowd(MUCH_LATER, LONG).map(|at| reactor.wait_until(at, ())).collect();
        let turn = reactor.select(Some(Duration::ZERO), &mut Vec::new());
        turn.expect("the selector answers");
        set.into_iter().filter_map(|id| reactor.cancel(id)).count()
    }

    pub(super) fn fired() -> usize {
        let (reactor, mut ready) = (open(), Vec::new());
        for at in crowd(LATER, SHORT) {
            reactor.wait_until(at, ());
        }
        while reactor.timers() > 0 {
            reactor.select(None, &mut ready).expect("the selector answers");
        }
        ready.len()
    }

    fn open() -> Reactor<()> {
        Reactor::new().expect("a selector can be opened")
    }
}

mod tokios {
    use super::{
        Instant, LATER, LONG, MUCH_LATER, Pin, Poll, SHORT, Sleep, crowd, poll_fn,
        sleep_until,
    };

    pub(super) fn called_off() -> usize {
        run(async { all_set(crowd(MUCH_LATER, LONG)).await.len() })
    }

    pub(super) fn fired() -> usize {
        run(async {
            let mut count = 0;
            for sleep in all_set(crowd(LATER, SHORT)).await {
                sleep.await;
                count += 1;
            }
            count
        })
    }

    /// A sleep has its timer when it has been polled, and may not move from then on.
    async fn all_set(deadlines: impl Iterator<Item = Instant>) -> Vec<Pin<Box<Sleep>>> {
        let sleeps = deadlines.map(|at| Box::pin(sleep_until(at.into())));
        let mut sleeps: Vec<_> = sleeps.collect();
        poll_fn(|context| {
            for sleep in &mut sleeps {
                let _it_may_be_late = sleep.as_mut().poll(context);
            }
            Poll::Ready(())
        })
        .await;
        sleeps
    }

    /// In a task, as everything that is compared (ADR 40).
    fn run(main: impl Future<Output = usize> + Send + 'static) -> usize {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().expect("it can be had");
        runtime.block_on(runtime.spawn(main)).expect("it does not panic")
    }
}
