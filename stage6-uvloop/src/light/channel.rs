//! To hand values from task to task of one thread, some of them on their way at a time.

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A channel for up to `capacity` values at a time.
///
/// # Panics
///
/// Panics if that is none.
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel has room for one value at least");
    let shared = Rc::new(RefCell::new(Shared {
        capacity,
        values: VecDeque::new(),
        receiver: None,
        waiting: VecDeque::new(),
        tickets: 0,
        senders: 1,
        is_open: true,
    }));
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

/// One end of a channel. Its clones are as good.
pub struct Sender<T>(Rc<RefCell<Shared<T>>>);

/// The other end.
pub struct Receiver<T>(Rc<RefCell<Shared<T>>>);

/// Nobody will receive it: here it is again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendError<T>(pub T);

struct Shared<T> {
    capacity: usize,
    values: VecDeque<T>,
    /// Left by a receiver that waits.
    receiver: Option<Waker>,
    /// Senders that wait for room, the first first. Only the first may send; it stays until it
    /// has, so that nobody overtakes it.
    waiting: VecDeque<(u64, Waker)>,
    tickets: u64,
    senders: usize,
    /// Whether there is a receiver.
    is_open: bool,
}

impl<T> Shared<T> {
    fn has_room(&self) -> bool {
        self.values.len() < self.capacity
    }

    /// Whom to wake because there is room.
    fn first_waiting(&self) -> Option<Waker> {
        let (_, waker) = self.waiting.front().filter(|_| self.has_room())?;
        Some(waker.clone())
    }
}

impl<T> Sender<T> {
    /// Hands a value over, as soon as there is room; those who wait are served in their order.
    ///
    /// # Errors
    ///
    /// [`SendError`] with the value, if the receiver is gone.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        Sending { shared: &self.0, value: Some(value), ticket: None }.await
    }
}

impl<T> Receiver<T> {
    /// The next value. `None`: there is none, and nobody is left to send one.
    pub async fn recv(&mut self) -> Option<T> {
        poll_fn(|context| self.poll_recv(context)).await
    }

    fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Option<T>> {
        let mut shared = self.0.borrow_mut();
        if let Some(value) = shared.values.pop_front() {
            let sender = shared.first_waiting();
            drop(shared);
            if let Some(sender) = sender {
                sender.wake();
            }
            return Poll::Ready(Some(value));
        }
        if shared.senders == 0 {
            return Poll::Ready(None);
        }
        let before = shared.receiver.take();
        let (same, other) = match before {
            Some(before) if before.will_wake(context.waker()) => (Some(before), None),
            other => (None, other),
        };
        shared.receiver = same.or_else(|| Some(context.waker().clone()));
        drop((shared, other));
        Poll::Pending
    }
}

/// A value on its way. Dropped, it lets the next one go first.
struct Sending<'a, T> {
    shared: &'a RefCell<Shared<T>>,
    value: Option<T>,
    /// Its place among those that wait.
    ticket: Option<u64>,
}

impl<T> Unpin for Sending<'_, T> {}

impl<T> Future for Sending<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut shared = self.shared.borrow_mut();
        if !shared.is_open {
            drop(shared);
            let value = self.value.take().expect("a future is not polled after its end");
            return Poll::Ready(Err(SendError(value)));
        }
        let first = shared.waiting.front().map(|(ticket, _)| *ticket);
        if !shared.has_room() || first != self.ticket {
            return self.wait(shared, context);
        }
        if self.ticket.take().is_some() {
            shared.waiting.pop_front();
        }
        let value = self.value.take().expect("a future is not polled after its end");
        shared.values.push_back(value);
        let (receiver, next) = (shared.receiver.take(), shared.first_waiting());
        drop(shared);
        if let Some(receiver) = receiver {
            receiver.wake();
        }
        if let Some(next) = next {
            next.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T> Sending<'_, T> {
    /// Stands in line, where it stood before if it did.
    fn wait(
        &mut self,
        mut shared: RefMut<'_, Shared<T>>,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let waker = context.waker().clone();
        let ticket = *self.ticket.get_or_insert_with(|| {
            shared.tickets += 1;
            shared.tickets
        });
        let mine = shared.waiting.iter_mut().find(|(it, _)| *it == ticket);
        let before = if let Some((_, before)) = mine {
            Some(mem::replace(before, waker))
        } else {
            shared.waiting.push_back((ticket, waker));
            None
        };
        drop((shared, before));
        Poll::Pending
    }
}

impl<T> Drop for Sending<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut shared = self.shared.borrow_mut();
        let place = shared.waiting.iter().position(|(it, _)| *it == ticket);
        let gone = place.and_then(|place| shared.waiting.remove(place));
        let next = shared.first_waiting();
        drop((shared, gone));
        next.into_iter().for_each(Waker::wake);
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.borrow_mut().senders += 1;
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.senders -= 1;
        let receiver = if shared.senders == 0 { shared.receiver.take() } else { None };
        drop(shared);
        receiver.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut shared = self.0.borrow_mut();
        shared.is_open = false;
        let left = mem::take(&mut shared.values);
        let waiting: Vec<_> = shared.waiting.iter().map(|(_, it)| it.clone()).collect();
        drop((shared, left));
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver is gone")
    }
}

impl<T: fmt::Debug> Error for SendError<T> {}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
