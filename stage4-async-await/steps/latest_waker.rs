//! A future that keeps its first waker, and one that keeps its latest:
//! `cargo run --example stage4-latest-waker`.
//!
//! A future may be polled in one task and then handed to another. From then on it is the other one
//! that has to be woken. So whoever is polled keeps the waker of this poll, and forgets the one
//! before. A future that keeps its first works in every test but this one.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use reactor::backend::{self, Clockwork};
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<Vec<String>> {
    let mut said = Vec::new();
    for (keeps, name) in [(Keeps::Latest, "the latest"), (Keeps::First, "the first")] {
        let ended = backend::scope(Clockwork::new(), || run(hand_over(keeps)));
        said.push(match ended {
            Ok(word) => format!("it keeps {name} waker: {word}"),
            Err(error) => {
                let first_line = error.to_string().lines().next().map(str::to_owned);
                format!("it keeps {name} waker: {}", first_line.unwrap_or_default())
            }
        });
    }
    Ok(said)
}

/// Polls a letter here, hands it to another task, and sends it.
async fn hand_over(keeps: Keeps) -> &'static str {
    let letter_box = Rc::new(LetterBox::default());
    let mut letter = Letter { from: Rc::clone(&letter_box), keeps };
    poll_once(pin!(&mut letter)).await;
    let reader = spawn(letter);
    // The reader is polled, and waits.
    next_turn().await;
    letter_box.send("the letter has arrived");
    reader.await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    First,
    Latest,
}

/// Where a letter is put, and who waits for it.
#[derive(Default)]
struct LetterBox {
    letter: Cell<Option<&'static str>>,
    waiting: RefCell<Option<Waker>>,
}

impl LetterBox {
    fn send(&self, letter: &'static str) {
        self.letter.set(Some(letter));
        let waker = self.waiting.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Waits for a letter.
struct Letter {
    from: Rc<LetterBox>,
    keeps: Keeps,
}

impl Future for Letter {
    type Output = &'static str;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<&'static str> {
        if let Some(letter) = self.from.letter.take() {
            return Poll::Ready(letter);
        }
        let mut waiting = self.from.waiting.borrow_mut();
        // This condition is the bug.
        if self.keeps == Keeps::Latest || waiting.is_none() {
            *waiting = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|context| {
        let _ = future.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

/// Lets the others run, once.
async fn next_turn() {
    let mut is_queued = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_queued, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
