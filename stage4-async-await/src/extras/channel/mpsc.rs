//! A queue with room for so many: many send, one receives, and a sender that finds no room
//! waits.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;
use reactor::trace;

use super::{Closed, SendError, TryRecvError, TrySendError};
use crate::extras::queue::{Counter, Queue, Queued};
use crate::extras::seat::Seat;
use crate::extras::sync::Event;

/// Makes a channel with room for `capacity` values, and its two ends.
///
/// ```
/// use stage4_async_await::{extras::channel::mpsc, run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let (sender, mut receiver) = mpsc::channel(2);
///     drop(spawn(async move {
///         for number in 0..5 {
///             // Waits whenever two are on their way.
///             sender.send(number).await.expect("somebody receives");
///         }
///     }));
///     let mut sum = 0;
///     while let Some(number) = receiver.recv().await {
///         sum += number;
///     }
///     assert_eq!(sum, 10);
/// })
/// # }
/// ```
///
/// # Panics
///
/// Panics if there is room for nothing: then nothing could ever be sent.
#[doc(alias = "Queue")]
pub fn channel<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel needs room for one value at least");
    let shared = Rc::new(Shared {
        values: RefCell::default(),
        capacity,
        room: Cell::new(capacity),
        queue: Queue::new(),
        receiver: Seat::default(),
        senders: Cell::new(1),
        closed: Event::new(),
        has_receiver: Cell::new(true),
    });
    (Sender(Rc::clone(&shared)), Receiver(shared))
}

struct Shared<T> {
    /// Filled by the senders, emptied by the receiver.
    values: RefCell<VecDeque<T>>,
    capacity: usize,
    /// How many places are free. Not those that somebody has, or is about to fill.
    room: Cell<usize>,
    /// Senders that wait for a place; nobody does while there is room.
    queue: Queue<Result<(), Closed>>,
    receiver: Seat,
    senders: Cell<usize>,
    /// Set by the receiver: nobody gets a place from then on.
    closed: Event,
    has_receiver: Cell<bool>,
}

impl<T> Shared<T> {
    fn try_reserve(&self) -> Result<Slot<'_, T>, TrySendError<()>> {
        if self.closed.is_set() {
            return Err(TrySendError::Closed(()));
        }
        let left = self.room.get().checked_sub(1).ok_or(TrySendError::Full(()))?;
        self.room.set(left);
        Ok(Slot(self))
    }

    /// Hands a place to whoever waited longest, or keeps it.
    #[track_caller]
    fn free(&self) {
        if self.queue.serve(Ok(())).is_err() {
            self.room.set(self.room.get() + 1);
        }
        if self.closed.is_set() {
            // Perhaps that was the last who could have sent something.
            self.receiver.wake();
        }
    }

    #[track_caller]
    fn close(&self) {
        self.closed.set();
        self.queue.serve_all(|| Err(Closed));
    }

    /// Whether all is received that ever will be.
    fn is_over(&self) -> bool {
        let nobody_sends = self.senders.get() == 0
            || self.closed.is_set() && self.room.get() == self.capacity;
        nobody_sends && self.values.borrow().is_empty()
    }
}

impl<T> Counter for Shared<T> {
    type Ware = Result<(), Closed>;
    const NAME: &'static str = "room in a channel";

    fn queue(&self) -> &Queue<Self::Ware> {
        &self.queue
    }

    #[track_caller]
    fn take_back(&self, place: Self::Ware) {
        if place.is_ok() {
            self.free();
        }
    }
}

/// Sends values. When the last one is dropped, the receiver is told so.
pub struct Sender<T>(Rc<Shared<T>>);

impl<T> Sender<T> {
    /// Waits until there is room, behind whoever waits already, and sends `value`.
    ///
    /// Cancelled, it has sent nothing, and the value is dropped with it.
    ///
    /// # Errors
    ///
    /// Gives the value back if the receiver is gone, or has closed the channel.
    #[doc(alias = "put")]
    #[track_caller]
    pub fn send(&self, value: T) -> impl Future<Output = Result<(), SendError<T>>> {
        let at = trace::Place::here();
        async move {
            match self.reserve_at(at).await {
                Ok(slot) => slot.send(value),
                Err(Closed) => Err(SendError(value)),
            }
        }
    }

    /// Waits until there is room, and keeps it for one value.
    ///
    /// ```
    /// # use stage4_async_await::{extras::channel::mpsc, run, time::timeout};
    /// # use std::time::Duration;
    /// # fn main() -> std::io::Result<()> {
    /// # let clock = reactor::backend::Clockwork::new();
    /// # reactor::backend::scope(clock, || {
    /// # run(async {
    /// let (sender, _receiver) = mpsc::channel(1);
    /// sender.send("first").await.unwrap();
    /// let precious = "second";
    /// // This one times out, and `precious` is still here.
    /// match timeout(Duration::from_millis(1), sender.reserve()).await {
    ///     Ok(slot) => slot.unwrap().send(precious).unwrap(),
    ///     Err(_) => assert_eq!(precious, "second"),
    /// }
    /// # })
    /// # })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Closed`] if the receiver is gone, or has closed the channel.
    #[track_caller]
    pub fn reserve(&self) -> impl Future<Output = Result<Slot<'_, T>, Closed>> {
        self.reserve_at(trace::Place::here())
    }

    async fn reserve_at(&self, at: trace::Place) -> Result<Slot<'_, T>, Closed> {
        match self.0.try_reserve() {
            Ok(slot) => Ok(slot),
            Err(TrySendError::Closed(())) => Err(Closed),
            Err(TrySendError::Full(())) => {
                Queued::new(&*self.0, at).await.map(|()| Slot(&self.0))
            }
        }
    }

    /// Sends `value` if there is room, in which case nobody waits for it.
    ///
    /// # Errors
    ///
    /// Gives the value back, and says why.
    #[doc(alias = "put_nowait")]
    #[track_caller]
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        match self.0.try_reserve() {
            Ok(slot) => slot.send(value).map_err(|it| TrySendError::Closed(it.0)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(value)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(value)),
        }
    }

    /// Waits until the receiver is gone, or has closed the channel.
    #[track_caller]
    pub fn closed(&self) -> impl Future<Output = ()> {
        self.0.closed.wait()
    }

    /// Whether it is.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_set()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.set(self.0.senders.get() + 1);
        Self(Rc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.senders.set(self.0.senders.get() - 1);
        if self.0.senders.get() == 0 {
            self.0.receiver.wake();
        }
    }
}

/// Room for one value. Dropped without being used, it goes to the next who waits.
#[must_use = "a place that is dropped at once is of no use"]
pub struct Slot<'a, T>(&'a Shared<T>);

impl<T> Slot<'_, T> {
    /// Sends the value.
    ///
    /// # Errors
    ///
    /// Gives it back if the receiver is gone. A receiver that has closed the channel takes
    /// what there was room for before.
    #[track_caller]
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        if !self.0.has_receiver.get() {
            return Err(SendError(value));
        }
        let shared = ManuallyDrop::new(self).0;
        shared.values.borrow_mut().push_back(value);
        shared.receiver.wake();
        Ok(())
    }
}

impl<T> Drop for Slot<'_, T> {
    fn drop(&mut self) {
        self.0.free();
    }
}

/// Receives the values, in the order in which they were sent. Dropped, it closes the channel.
pub struct Receiver<T>(Rc<Shared<T>>);

impl<T> Receiver<T> {
    /// Waits for a value. `None`: there will be no more.
    #[doc(alias = "get")]
    #[track_caller]
    pub fn recv(&mut self) -> impl Future<Output = Option<T>> {
        Recv { shared: &self.0, at: trace::Place::here() }
    }

    /// The next value, if it is there.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    #[doc(alias = "get_nowait")]
    #[track_caller]
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.0.try_recv()
    }

    /// Nobody can send from now on. What is there, or has a place already, is still received.
    #[track_caller]
    pub fn close(&mut self) {
        self.0.close();
    }

    /// How many values are there.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.0.values.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Shared<T> {
    #[track_caller]
    fn try_recv(&self) -> Result<T, TryRecvError> {
        let next = self.values.borrow_mut().pop_front();
        match next {
            Some(value) => {
                self.free();
                Ok(value)
            }
            None if self.is_over() => Err(TryRecvError::Closed),
            None => Err(TryRecvError::Empty),
        }
    }

    #[track_caller]
    fn poll_recv(&self, context: &Context<'_>, at: trace::Place) -> Poll<Option<T>> {
        match self.try_recv() {
            Ok(value) => Poll::Ready(Some(value)),
            Err(TryRecvError::Closed) => Poll::Ready(None),
            Err(TryRecvError::Empty) => {
                self.receiver.take(context, "a value from a channel", at);
                Poll::Pending
            }
        }
    }
}

/// The values, for whatever takes a stream of the futures crate.
impl<T> Stream for Receiver<T> {
    type Item = T;

    #[track_caller]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_recv(context, trace::Place::here())
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.0.has_receiver.set(false);
        self.0.close();
        // The senders may be kept for long; the values go now.
        let left = mem::take(&mut *self.0.values.borrow_mut());
        drop(left);
    }
}

/// A receive that is under way. It holds nothing that could be lost.
struct Recv<'a, T> {
    shared: &'a Shared<T>,
    at: trace::Place,
}

impl<T> Future for Recv<'_, T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.shared.poll_recv(context, self.at)
    }
}

impl<T> Drop for Recv<'_, T> {
    fn drop(&mut self) {
        self.shared.receiver.leave();
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("values", &self.values.borrow().len())
            .field("capacity", &self.capacity)
            .field("waiting", &self.queue.len())
            .field("closed", &self.closed.is_set())
            .finish()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.0).finish()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.0).finish()
    }
}

impl<T> fmt::Debug for Slot<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Slot").field(self.0).finish()
    }
}
