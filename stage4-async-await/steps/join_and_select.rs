//! A `join` and a `select`, by hand: `cargo run --example stage4-join-and-select`.
//!
//! Both are futures that hold two others, and poll them with the waker that they are polled with
//! themselves. A join is ready when both are, and a select when one is: then it drops the other.
//! Neither knows of a loop, and neither starts a task.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::run;
use stage4_async_await::time::sleep;

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<Vec<String>> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let (clock, saying) = (Clockwork::new(), Rc::clone(&said));
    let time = Rc::clone(&clock);
    let says: Says = Rc::new(move |what| {
        let millis = time.elapsed().as_millis();
        saying.borrow_mut().push(format!("{millis:>2} ms  {what}"));
    });
    backend::scope(clock, || {
        run(async move {
            let both = join(work(&says, "tea", 30), work(&says, "toast", 10)).await;
            says(&format!("join gives {both:?}"));
            let one = select(work(&says, "bus", 30), work(&says, "tram", 10)).await;
            says(&format!("select gives {one:?}"));
        })
    })?;
    Ok(said.take())
}

type Says = Rc<dyn Fn(&str)>;

/// A box, so that the future can be moved into what is made of it: the box moves, the future does
/// not. `time.rs` does without, by a projection.
type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

/// Waits for both.
fn join<A, B>(a: Boxed<A>, b: Boxed<B>) -> Join<A, B> {
    Join { a: Half::Runs(a), b: Half::Runs(b) }
}

struct Join<A, B> {
    a: Half<A>,
    b: Half<B>,
}

/// One of two futures. Whichever is ready first has to be kept, and must not be polled again.
enum Half<T> {
    Runs(Boxed<T>),
    IsReady(T),
    IsTaken,
}

impl<A: Unpin, B: Unpin> Future for Join<A, B> {
    type Output = (A, B);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<(A, B)> {
        // Both, always: to stop after the first that is pending would leave the second unpolled,
        // and nobody would have its waker.
        let (a, b) = (self.a.is_ready(context), self.b.is_ready(context));
        if a && b { Poll::Ready((self.a.take(), self.b.take())) } else { Poll::Pending }
    }
}

impl<T> Half<T> {
    fn is_ready(&mut self, context: &mut Context<'_>) -> bool {
        if let Self::Runs(future) = self {
            match future.as_mut().poll(context) {
                Poll::Ready(output) => *self = Self::IsReady(output),
                Poll::Pending => return false,
            }
        }
        true
    }

    fn take(&mut self) -> T {
        match std::mem::replace(self, Self::IsTaken) {
            Self::IsReady(output) => output,
            _ => panic!("a future is not polled after it finished"),
        }
    }
}

/// Waits for one of the two, and drops the other.
fn select<T>(a: Boxed<T>, b: Boxed<T>) -> Select<T> {
    Select { both: Some([a, b]) }
}

struct Select<T> {
    /// Gone when the race is over: what is dropped then is the loser.
    both: Option<[Boxed<T>; 2]>,
}

impl<T> Future for Select<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let both = self.both.as_mut().expect("a future is not polled after it finished");
        // The first is asked first each time. If both are ready it always wins: fair it is not.
        let first = both.iter_mut().find_map(|it| match it.as_mut().poll(context) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        });
        let Some(output) = first else { return Poll::Pending };
        self.both = None;
        Poll::Ready(output)
    }
}

/// Takes that long, and says how it ended.
fn work(says: &Says, name: &'static str, millis: u64) -> Boxed<&'static str> {
    let says = Rc::clone(says);
    Box::pin(async move {
        let mut guard = Guard { says, name, is_done: false };
        sleep(Duration::from_millis(millis)).await;
        guard.is_done = true;
        name
    })
}

/// Dropped at the end of the work, or with it.
struct Guard {
    says: Says,
    name: &'static str,
    is_done: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let how = if self.is_done { "is done" } else { "is dropped half way" };
        (self.says)(&format!("{} {how}", self.name));
    }
}
