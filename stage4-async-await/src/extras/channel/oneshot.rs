//! One value, sent once: an answer to whoever asked.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use reactor::trace;

use super::{Closed, TryRecvError};
use crate::extras::seat::Seat;

/// Makes the two ends.
///
/// ```
/// use stage4_async_await::{extras::channel::oneshot, run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let (answer, waits) = oneshot::channel();
///     drop(spawn(async move { answer.send(42) }));
///     assert_eq!(waits.await, Ok(42));
/// })
/// # }
/// ```
#[doc(alias = "create_future")]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        value: Cell::new(None),
        is_open: Cell::new(true),
        receiver: Seat::default(),
        sender: Seat::default(),
    });
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    /// Filled by the sender, emptied by the receiver.
    value: Cell<Option<T>>,
    /// Until either end is gone, or the receiver is closed.
    is_open: Cell<bool>,
    receiver: Seat,
    sender: Seat,
}

/// Sends the value. Dropped without that, it tells the receiver that none will come.
pub struct Sender<T>(Rc<Shared<T>>);

impl<T> Sender<T> {
    /// Sends the value. It may still be that nobody looks at it.
    ///
    /// # Errors
    ///
    /// Gives the value back if nobody can receive it any more.
    pub fn send(self, value: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(value);
        }
        self.0.value.set(Some(value));
        Ok(())
    }

    /// Whether nobody can receive the value any more.
    pub fn is_closed(&self) -> bool {
        !self.0.is_open.get()
    }

    /// Waits until nobody can: a reason to stop working on the answer.
    #[track_caller]
    pub fn closed(&mut self) -> impl Future<Output = ()> {
        let at = trace::Place::here();
        poll_fn(move |context| {
            if self.is_closed() {
                return Poll::Ready(());
            }
            self.0.sender.take(context, "the end of a receiver", at);
            Poll::Pending
        })
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.is_open.set(false);
        self.0.sender.leave();
        self.0.receiver.wake();
    }
}

/// Awaits the value. Dropped, it closes the channel.
#[must_use = "whoever sends is told that nobody receives"]
pub struct Receiver<T>(Rc<Shared<T>>);

impl<T> Receiver<T> {
    /// The value, if it is there.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let is_open = self.0.is_open.get();
        let none = if is_open { TryRecvError::Empty } else { TryRecvError::Closed };
        self.0.value.take().ok_or(none)
    }

    /// Tells the sender to send nothing more. What was sent before can still be received.
    #[track_caller]
    pub fn close(&mut self) {
        self.0.is_open.set(false);
        self.0.sender.wake();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    #[track_caller]
    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, Closed>> {
        match self.try_recv() {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(TryRecvError::Closed) => Poll::Ready(Err(Closed)),
            Err(TryRecvError::Empty) => {
                self.0.receiver.take(context, "an answer", trace::Place::here());
                Poll::Pending
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.receiver.leave();
        self.close();
        // The sender may be kept for long; the value goes now.
        drop(self.0.value.take());
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_open = self.0.is_open.get();
        f.debug_struct("Receiver").field("open", &is_open).finish()
    }
}
