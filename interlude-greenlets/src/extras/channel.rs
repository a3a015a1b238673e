//! A channel: a tasklet that sends and one that receives meet, and the value changes hands.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use crate::extras::tasklet::{Turn, schedule};
use crate::failure::Failure;
use crate::greenlet::current;

/// Where tasklets meet. Nothing is kept in between: whoever comes first waits for the other.
///
/// A tasklet that waits is kept by the channel. If it has the only handle to that, nobody
/// can ever end it; Stackless left this to the collector of cycles, which Rust has not.
///
/// ```
/// use interlude_greenlets::extras::channel::Channel;
/// use interlude_greenlets::extras::tasklet::Tasklet;
/// use std::rc::Rc;
///
/// let channel = Rc::new(Channel::default());
/// let theirs = Rc::clone(&channel);
/// Tasklet::new(move || theirs.send("hello"));
/// assert_eq!(channel.receive()?, "hello");
/// # Ok::<(), interlude_greenlets::Failure>(())
/// ```
pub struct Channel<T> {
    senders: Queue<T>,
    receivers: Queue<T>,
    preference: Cell<Preference>,
    is_closing: Cell<bool>,
}

type Queue<T> = RefCell<VecDeque<Waiting<T>>>;

/// A tasklet that waits at a channel.
struct Waiting<T> {
    turn: Turn,
    /// What it sends, or what it has received.
    value: Rc<Cell<Option<T>>>,
}

/// Who goes on first when two have met. The other one is the last of the runnable.
///
/// ```
/// use interlude_greenlets::extras::channel::{Channel, Preference};
/// use interlude_greenlets::extras::tasklet::{Tasklet, run};
/// use std::{cell::RefCell, rc::Rc};
///
/// let told = |preference| {
///     let (channel, log) = (Rc::new(Channel::new(preference)), Rc::new(RefCell::new(vec![])));
///     let (out, sender_log) = (Rc::clone(&channel), Rc::clone(&log));
///     Tasklet::new(move || {
///         out.send(1)?;
///         sender_log.borrow_mut().push("sender");
///         Ok(())
///     });
///     let receiver_log = Rc::clone(&log);
///     Tasklet::new(move || {
///         channel.receive()?;
///         receiver_log.borrow_mut().push("receiver");
///         Ok(())
///     });
///     run().unwrap();
///     log.take()
/// };
/// assert_eq!(told(Preference::Receiver), ["receiver", "sender"]);
/// assert_eq!(told(Preference::Sender), ["sender", "receiver"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// Stackless: -1.
    #[default]
    Receiver,
    /// Whoever came second, and runs anyway. Stackless: 0.
    Neither,
    /// Stackless: 1.
    Sender,
}

/// The channel is closed, and nobody waits there for you.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel is closed")]
pub struct Closed;

impl<T: 'static> Channel<T> {
    /// A channel with a preference.
    pub fn new(preference: Preference) -> Self {
        let channel = Self::default();
        channel.preference.set(preference);
        channel
    }

    /// Sends a value: waits until somebody receives it.
    ///
    /// # Errors
    ///
    /// [`Closed`]; what the tasklet is killed with while it waits, and then the value is not
    /// received; [`NoneRunnable`](super::tasklet::NoneRunnable) in the main greenlet, when
    /// nobody can receive it any more.
    pub fn send(&self, value: T) -> Result<(), Failure> {
        let first = self.receivers.borrow_mut().pop_front();
        let Some(receiver) = first else {
            return self.wait_in(&self.senders, Some(value)).map(drop);
        };
        receiver.value.set(Some(value));
        self.let_go(receiver.turn, Preference::Receiver)
    }

    /// Receives a value: waits until somebody sends one.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn receive(&self) -> Result<T, Failure> {
        let first = self.senders.borrow_mut().pop_front();
        let value = match first {
            None => self.wait_in(&self.receivers, None)?,
            Some(sender) => {
                let value = sender.value.take();
                self.let_go(sender.turn, Preference::Sender)?;
                value
            }
        };
        Ok(value.expect("two have met"))
    }

    /// How many wait to send; or, as a negative number, to receive.
    pub fn balance(&self) -> isize {
        let count = |queue: &Queue<T>| queue.borrow().len().cast_signed();
        count(&self.senders) - count(&self.receivers)
    }

    /// Has nobody wait here any more. Those who do can still be met.
    pub fn close(&self) {
        self.is_closing.set(true);
    }

    /// Takes that back.
    pub fn open(&self) {
        self.is_closing.set(false);
    }

    /// Whether it is closed, and nobody waits.
    pub fn is_closed(&self) -> bool {
        self.is_closing.get() && self.balance() == 0
    }

    /// Lets the one that waited go on: before us, if it is the preferred one.
    fn let_go(&self, other: Turn, other_is: Preference) -> Result<(), Failure> {
        if self.preference.get() == other_is {
            other.comes_next();
            return schedule();
        }
        other.comes_last();
        Ok(())
    }

    /// Waits until somebody comes to meet us; gives what we have then.
    fn wait_in(&self, queue: &Queue<T>, value: Option<T>) -> Result<Option<T>, Failure> {
        if self.is_closing.get() {
            return Err(Closed.into());
        }
        let (turn, value) = (Turn::of(current()), Rc::new(Cell::new(value)));
        let theirs = Waiting { turn: turn.clone(), value: Rc::clone(&value) };
        queue.borrow_mut().push_back(theirs);
        let end = turn.wait();
        if end.is_err() {
            let mut queue = queue.borrow_mut();
            let ours = queue.iter().position(|it| Rc::ptr_eq(&it.value, &value));
            let ours = ours.and_then(|ours| queue.remove(ours));
            drop((queue, ours));
        }
        end.map(|()| value.take())
    }
}

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Self {
            senders: Queue::default(),
            receivers: Queue::default(),
            preference: Cell::default(),
            is_closing: Cell::default(),
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (senders, receivers) = (self.senders.borrow(), self.receivers.borrow());
        f.debug_struct("Channel")
            .field("senders", &senders.len())
            .field("receivers", &receivers.len())
            .finish_non_exhaustive()
    }
}
