//! What a wait costs in memory: two runs of different length are compared, so that what is
//! made once cancels out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::pin::Pin;
use std::rc::Rc;

use allocation_counter::measure;
use stage2_generators::coroutine::{Generator, Step};
use stage2_generators::deferred::{Deferred, Firer, succeed};
use stage2_generators::extras::requests::{call, turn};
use stage2_generators::extras::trampoline::{Door, react};
use stage2_generators::failure::Failure;
use stage2_generators::net::TcpListener;
use stage2_generators::{inline_callbacks, yield_};

/// How many allocations a thousand times more take, in thousandths.
fn per_time(body: impl Fn(u32)) -> u64 {
    body(1);
    let [few, many] = [100, 1_100].map(|times| measure(|| body(times)).count_total);
    many - few
}

/// The value goes in and out through the door.
#[test]
fn to_resume_a_generator_allocates_nothing() {
    let allocations = per_time(|times| {
        let sum = Generator::<u32, u32, u32>::new(|co| async move {
            let mut total = 0;
            while total < 10_000 {
                total += co.yield_(total).await?;
            }
            Ok(total)
        });
        assert_eq!(sum.start().unwrap(), Step::Yield(0));
        for n in 1..=times {
            assert_eq!(sum.resume(1).unwrap(), Step::Yield(n));
        }
    });
    assert_eq!(allocations, 0);
}

/// The one is the deferred's own.
#[test]
fn to_yield_a_deferred_that_has_fired_takes_no_more_than_the_deferred() {
    let yielded = per_time(|times| {
        let count = inline_callbacks(async move {
            let mut count = 0;
            for _ in 0..times {
                count += yield_(succeed(1)).await?;
            }
            Ok(count)
        });
        assert_eq!(count.try_take().unwrap().unwrap(), times);
    });
    let made = per_time(|times| (0..times).for_each(|_| drop(succeed(1))));
    assert!(
        yielded <= made + 10,
        "{yielded} for a thousand, of which {made} to make them"
    );
    assert!(yielded <= 1_000 + 10, "{yielded} for a thousand");
}

/// The one is the deferred's own: it is the routine itself that stands among its links, again
/// and again, and the yield finds the value where the chain has left it.
#[test]
fn to_wait_for_a_deferred_takes_no_more_than_the_deferred() {
    let waited = per_time(|times| {
        let next = Rc::new(RefCell::new(None::<Firer<u32>>));
        let bell = Rc::clone(&next);
        let count = inline_callbacks(async move {
            let mut count = 0;
            for _ in 0..times {
                let (firer, deferred) = Deferred::new();
                bell.replace(Some(firer));
                count += yield_(deferred).await?;
            }
            Ok(count)
        });
        while let Some(firer) = next.take() {
            firer.fire(Ok(1)).unwrap();
        }
        assert_eq!(count.try_take().unwrap().unwrap(), times);
    });
    assert!(waited <= 1_000 + 10, "{waited} for a thousand");
}

/// However many have called each other: the innermost is resumed, and nobody else.
#[test]
fn a_turn_on_a_trampoline_allocates_nothing_at_any_depth() {
    type Boxed = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;
    fn down(co: Door, left: u32, times: u32) -> Boxed {
        Box::pin(async move {
            if left > 0 {
                return call(&co, |co| down(co, left - 1, times)).await;
            }
            for _ in 0..times {
                turn(&co).await?;
            }
            Ok(())
        })
    }
    for depth in [0, 100] {
        let turns =
            per_time(|times| react(|co| down(co, depth, times)).unwrap().unwrap());
        assert_eq!(turns, 0, "at depth {depth}");
    }
}

/// There and back over real sockets, since the invented ones allocate: what is read, and for each
/// of the two operations its deferred and itself.
#[test]
fn a_message_takes_five() {
    let taken = per_time(|times| {
        stage2_generators::run(move || {
            let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
            let address = listener.local_addr()?;
            let server = inline_callbacks(async move {
                let stream = yield_(listener.accept()).await?;
                for _ in 0..times {
                    let bytes = yield_(stream.read()).await?;
                    yield_(stream.write_all(bytes)).await?;
                }
                Ok(())
            });
            let client = std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(address)?;
                for _ in 0..times {
                    stream.write_all(b"x")?;
                    stream.read_exact(&mut [0])?;
                }
                Ok::<_, std::io::Error>(())
            });
            drop(server.add_both(move |end| {
                end.unwrap();
                client.join().unwrap().unwrap();
                stage2_generators::stop();
            }));
            Ok(())
        })
        .unwrap();
    });
    assert!(taken <= 5_000 + 10, "{taken} for a thousand");
}
