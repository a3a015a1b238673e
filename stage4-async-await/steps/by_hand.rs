//! An async function twice: as you write it, and as the state machine that the compiler makes
//! of it. `cargo run --example stage4-by-hand`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::run;
use stage4_async_await::time::sleep;

const PAUSE: Duration = Duration::from_millis(10);

fn main() -> io::Result<()> {
    println!("as you write it");
    let written = watch(count(PAUSE))?;
    println!("by hand");
    let by_hand = watch(Count::Start { pause: PAUSE })?;
    assert_eq!(written, by_hand);
    println!("bytes kept");
    for (place, bytes) in sizes() {
        println!("  {place:<12}{bytes:>3}");
    }
    Ok(())
}

/// What you write: two waits, and a number that has to outlive them.
async fn count(pause: Duration) -> u32 {
    let mut waits = 0;
    sleep(pause).await;
    waits += 1;
    sleep(pause).await;
    waits += 1;
    waits
}

/// What comes of it: for each place where it can stand, what it needs in order to go on.
enum Count {
    Start { pause: Duration },
    FirstAwait { pause: Duration, waits: u32, nap: Nap },
    SecondAwait { waits: u32, nap: Nap },
    End,
}

/// The future that is awaited. The compiler keeps it in place; by hand, it needs a box.
type Nap = Pin<Box<dyn Future<Output = ()>>>;

impl Future for Count {
    type Output = u32;

    /// Goes on where it stands, as far as it can.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        loop {
            *self = match &mut *self {
                Self::Start { pause } => {
                    let nap = Box::pin(sleep(*pause));
                    Self::FirstAwait { pause: *pause, waits: 0, nap }
                }
                Self::FirstAwait { pause, waits, nap } => {
                    ready!(nap.as_mut().poll(context));
                    let nap = Box::pin(sleep(*pause));
                    Self::SecondAwait { waits: *waits + 1, nap }
                }
                Self::SecondAwait { waits, nap } => {
                    ready!(nap.as_mut().poll(context));
                    let output = *waits + 1;
                    *self = Self::End;
                    return Poll::Ready(output);
                }
                Self::End => panic!("a future is not polled after it finished"),
            };
        }
    }
}

/// How much it needs at each place; the whole has room for the largest, and says where it stands.
fn sizes() -> [(&'static str, usize); 5] {
    let [pause, waits, nap] = [size_of::<Duration>(), size_of::<u32>(), size_of::<Nap>()];
    [
        ("Start", pause),
        ("FirstAwait", pause + waits + nap),
        ("SecondAwait", waits + nap),
        ("End", 0),
        ("Count", size_of::<Count>()),
    ]
}

/// Runs a future under a virtual clock and says what each poll gave.
fn watch(future: impl Future<Output = u32> + 'static) -> io::Result<Vec<Poll<u32>>> {
    let clock = Clockwork::new();
    let time = Rc::clone(&clock);
    backend::scope(clock, || {
        run(async move {
            let mut future = pin!(future);
            let mut seen = Vec::new();
            poll_fn(|context| {
                let poll = future.as_mut().poll(context);
                println!("  polled after {:>2} ms: {poll:?}", time.elapsed().as_millis());
                seen.push(poll);
                poll.map(drop)
            })
            .await;
            seen
        })
    })
}
