//! Channels between the tasks of one loop: what is sent does not leave the thread, and so it
//! need not be `Send`, and nothing is locked or counted atomically.
//!
//! | | who sends | who receives | what is kept |
//! |---|---|---|---|
//! | [`oneshot`] | one, once | one | the value |
//! | [`mpsc`] | many | one | as many as there is room for; then the senders wait |
//! | [`watch`] | one | many | the latest value |
//!
//! A receive that is cancelled has received nothing: what was there is still there. A send
//! that is cancelled has sent nothing, and drops the value that it was given. Whoever needs
//! the value then [reserves](mpsc::Sender::reserve) a place first.
//!
//! The price is `Send`: neither end can go to another thread, nor can a task that holds one.
//! For that there are the channels of other crates, which run on this loop as well.
//!
//! ```compile_fail,E0277
//! use stage4_async_await::extras::channel::mpsc;
//!
//! let (sender, _receiver) = mpsc::channel(1);
//! std::thread::spawn(move || sender.try_send("from another thread"));
//! ```

use std::error::Error;
use std::fmt;

pub mod mpsc;
pub mod oneshot;
pub mod watch;

/// The other end is gone, or has closed the channel.
#[doc(alias = "QueueShutDown")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// There was nobody to receive the value; here it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// Why a value could not be sent at once; here it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room.
    #[doc(alias = "QueueFull")]
    Full(T),
    /// Nobody will receive it.
    Closed(T),
}

/// Why there is nothing to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryRecvError {
    /// There may be, later.
    #[doc(alias = "QueueEmpty")]
    Empty,
    /// There never will be.
    Closed,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the channel is closed")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Closed.fmt(f)
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the channel is full"),
            Self::Closed(_) => Closed.fmt(f),
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty"),
            Self::Closed => Closed.fmt(f),
        }
    }
}

/// Whatever the value is.
impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SendError").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl Error for Closed {}
impl<T> Error for SendError<T> {}
impl<T> Error for TrySendError<T> {}
impl Error for TryRecvError {}
