//! Who is resumed when somebody far inside can go on? Everybody above it, or it alone.
//!
//! Each chain is driven by hand, without any loop: what is measured is the way from the driver
//! down to the innermost, and back up with what it yields.

use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use interlude_greenlets::{Greenlet, current};
use stage2_generators::extras::requests::{call, turn};
use stage2_generators::extras::trampoline::{self, react};
use stage3_yield_from::coroutine::{Co, Generator, Step};

/// A chain of calls, of which the innermost is suspended again and again.
#[derive(Clone, Copy, Debug)]
pub struct Nested {
    /// The id of the benchmark, and of the row in the book.
    pub id: &'static str,
    /// What it is, in words.
    pub label: &'static str,
    /// The depths it can be had at.
    pub depths: &'static [u64],
    /// Calls that deep, is resumed that often, and gives the sum of both, as the chain has
    /// counted it.
    pub run: fn(depth: u64, resumes: u64) -> u64,
}

/// The depths at which the chains are compared.
const DEPTHS: &[u64] = &[1, 10, 100, 1_000];

/// The chains; the first is the measure of the others.
pub const DEPTH: [Nested; 6] = [
    Nested { id: "await-static", label: "await", depths: DEPTHS, run: static_futures },
    Nested {
        id: "await-boxed",
        label: "await of boxed futures",
        depths: DEPTHS,
        run: boxed_futures,
    },
    Nested { id: "yield-from", label: "yield from", depths: DEPTHS, run: delegation },
    Nested {
        id: "yield-from-door",
        label: "await through one door",
        depths: DEPTHS,
        run: one_door,
    },
    Nested {
        id: "trampoline",
        label: "generators on a trampoline",
        depths: DEPTHS,
        run: on_a_trampoline,
    },
    Nested {
        id: "greenlet",
        label: "functions in a greenlet",
        depths: DEPTHS,
        run: in_a_greenlet,
    },
];

/// Suspends that often, and counts.
struct Leaf {
    resumes: u64,
    counted: u64,
}

impl Leaf {
    fn new(resumes: u64) -> Self {
        Self { resumes, counted: 0 }
    }
}

impl Future for Leaf {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<u64> {
        if self.counted == self.resumes {
            return Poll::Ready(self.counted);
        }
        self.counted += 1;
        Poll::Pending
    }
}

fn drive(future: impl Future<Output = u64>) -> u64 {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(counted) = black_box(future.as_mut()).poll(&mut context) {
            return counted;
        }
    }
}

/// A level of which the compiler knows what is below it.
struct Level<F>(F);

impl<F: Future<Output = u64> + Unpin> Future for Level<F> {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u64> {
        Pin::new(&mut self.0).poll(context).map(|counted| counted + 1)
    }
}

fn nine<F>(inner: F) -> impl Future<Output = u64> + Unpin
where
    F: Future<Output = u64> + Unpin,
{
    let three = Level(Level(Level(inner)));
    Level(Level(Level(Level(Level(Level(three))))))
}

fn ten(inner: impl Future<Output = u64> + Unpin) -> impl Future<Output = u64> + Unpin {
    Level(nine(inner))
}

fn hundred(
    inner: impl Future<Output = u64> + Unpin,
) -> impl Future<Output = u64> + Unpin {
    ten(ten(ten(ten(ten(ten(ten(ten(ten(ten(inner))))))))))
}

/// A type of a thousand levels: the compiler takes some seconds for it.
fn thousand(
    inner: impl Future<Output = u64> + Unpin,
) -> impl Future<Output = u64> + Unpin {
    let five = hundred(hundred(hundred(hundred(hundred(inner)))));
    hundred(hundred(hundred(hundred(hundred(five)))))
}

fn static_futures(depth: u64, resumes: u64) -> u64 {
    let leaf = Leaf::new(resumes);
    match depth {
        1 => drive(Level(leaf)),
        10 => drive(ten(leaf)),
        100 => drive(hundred(leaf)),
        1_000 => drive(thousand(leaf)),
        _ => panic!("a chain of {depth} levels is no type of this program"),
    }
}

fn boxed_futures(depth: u64, resumes: u64) -> u64 {
    fn nest(depth: u64, resumes: u64) -> Pin<Box<dyn Future<Output = u64>>> {
        Box::pin(async move {
            if depth == 0 {
                return Leaf::new(resumes).await;
            }
            nest(depth - 1, resumes).await + 1
        })
    }
    drive(nest(depth, resumes))
}

fn delegation(depth: u64, resumes: u64) -> u64 {
    fn nest(depth: u64, resumes: u64) -> Generator<(), (), u64> {
        Generator::new(move |co| async move {
            if depth > 0 {
                return Ok(co.yield_from(&nest(depth - 1, resumes)).await? + 1);
            }
            for _ in 0..resumes {
                co.yield_(()).await?;
            }
            Ok(resumes)
        })
    }
    exhaust(&nest(depth, resumes))
}

/// Who is called is no object of its own: what the innermost yields leaves by the door of the
/// outermost at once.
fn one_door(depth: u64, resumes: u64) -> u64 {
    type Counted = Result<u64, stage3_yield_from::Failure>;
    fn nest(
        co: Co<(), ()>,
        depth: u64,
        resumes: u64,
    ) -> Pin<Box<dyn Future<Output = Counted>>> {
        Box::pin(async move {
            if depth > 0 {
                return Ok(nest(co, depth - 1, resumes).await? + 1);
            }
            for _ in 0..resumes {
                co.yield_(()).await?;
            }
            Ok(resumes)
        })
    }
    exhaust(&Generator::new(move |co| nest(co, depth, resumes)))
}

fn exhaust(outermost: &Generator<(), (), u64>) -> u64 {
    loop {
        match outermost.next().expect("nothing fails here") {
            Step::Yield(()) => {}
            Step::Return(counted) => return counted,
        }
    }
}

fn on_a_trampoline(depth: u64, resumes: u64) -> u64 {
    type Counted = Result<u64, stage2_generators::Failure>;
    fn nest(
        co: trampoline::Door,
        depth: u64,
        resumes: u64,
    ) -> Pin<Box<dyn Future<Output = Counted>>> {
        Box::pin(async move {
            if depth > 0 {
                return Ok(call(&co, |co| nest(co, depth - 1, resumes)).await? + 1);
            }
            for _ in 0..resumes {
                turn(&co).await?;
            }
            Ok(resumes)
        })
    }
    let counted = react(move |co| nest(co, depth, resumes));
    counted.expect("a loop can be opened").expect("nothing fails here")
}

fn in_a_greenlet(depth: u64, resumes: u64) -> u64 {
    #[inline(never)]
    fn nest(main: &Greenlet, depth: u64, resumes: u64) -> u64 {
        if depth > 0 {
            return nest(main, black_box(depth - 1), resumes) + 1;
        }
        for _ in 0..resumes {
            main.switch::<u64, ()>(0).expect("nothing is thrown here");
        }
        resumes
    }
    let main = current();
    let inner = Greenlet::new(move |()| Ok(nest(&main, depth, resumes)));
    for _ in 0..resumes {
        inner.switch::<(), u64>(()).expect("it suspends so often");
    }
    inner.switch(()).expect("nothing fails here")
}
