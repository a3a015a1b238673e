//! A room where people talk: who is here, in which order they hear what is said, and what
//! becomes of those who are slow to listen.
//!
//! A member has two ends. What one end reads is [heard](Seat::hear), and lines come of it; what
//! they say is put into the outbox of everybody, and [`Seat::next`] hands it to the other end,
//! which writes. Whoever finds nothing to do leaves a `T` with the room, as it leaves one with
//! the reactor, and the room gives it to the function that it was made with once there is
//! something. What `T` is, is the business of a style: a thread, a callback, a waker.
//!
//! Lines that all hear are in one order for all, and begin with `* ` or with a name. A line
//! that begins with `- ` is for one member alone.

mod hall;
mod lines;

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use self::hall::Hall;
use crate::Control;

/// The longest line that is heard, in bytes, without its end.
pub const LONGEST_LINE: usize = 1000;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 16;

/// How much may wait for a member to take it, in bytes. For whoever is further behind than
/// that, nobody waits: it is told so, and has to go.
pub const HIGH_WATER: usize = 64 * 1024;

/// How much may wait for a member who speaks. Above that it has to listen first: its next
/// lines stay where they are.
pub const LOW_WATER: usize = 4 * 1024;

/// How long a member may take to take what it was handed. Then it is cut off.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How long a member may take to go, and a room to close.
pub const GRACE: Duration = Duration::from_millis(500);

/// A room. Its clones are one room.
pub struct Room<T>(Arc<Shared<T>>);

struct Shared<T> {
    hall: Mutex<Hall<T>>,
    /// Calls whoever waits. Never called, nor is a `T` dropped, while the lock is held.
    wake: fn(T),
    /// Told how much the room keeps for its members.
    control: Control,
}

/// A member's place in a room. It does not keep the room; dropping it leaves.
pub struct Seat<T> {
    room: Weak<Shared<T>>,
    number: u64,
}

/// What the end that writes has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// To send this. To ask again is to say that it has been sent.
    Send(Vec<u8>),
    /// To wait: there is no [news](Seat::when_news).
    Wait,
    /// To tell the peer that this was all, and to wait until it is done as well. Whoever closes
    /// before loses what is still on its way, if the peer was talking.
    Close,
    /// To close: the peer is done.
    Gone,
}

impl<T> Room<T> {
    /// An empty room. `wake` calls whoever was left with it; `control` is told what it keeps.
    pub fn new(control: &Control, wake: fn(T)) -> Self {
        let (hall, control) = (Mutex::default(), control.clone());
        Self(Arc::new(Shared { hall, wake, control }))
    }

    /// Somebody comes, and is asked for a name.
    pub fn enter(&self) -> Seat<T> {
        let number = self.0.with(Hall::enter);
        Seat { room: Arc::downgrade(&self.0), number }
    }

    /// Tells everybody that the room closes. Whoever comes now is told the same.
    pub fn close(&self) {
        self.0.with(Hall::close);
    }

    /// Wakes those who wait for [the worst](Seat::when_cleared), because the others will not
    /// go: for a style in which nothing ends by itself.
    pub fn clear(&self) {
        self.0.with(Hall::clear);
    }

    /// Wakes `who` once nobody is left; at once, if nobody is here.
    pub fn when_empty(&self, who: T) {
        self.0.with(|hall| hall.when_empty(who));
    }
}

impl<T> Seat<T> {
    /// Takes what was read; nothing at all means that the peer is done. Says whether there is
    /// any use in reading on.
    pub fn hear(&self, bytes: &[u8]) -> bool {
        self.with(|hall, number| hall.hear(number, bytes)).unwrap_or(false)
    }

    /// Wakes `who` when what was heard has been said: then is the time to read more. At once,
    /// most of the time; a member who is too fast waits until it has taken its own words.
    pub fn when_heard(&self, who: T) {
        self.wake_when(who, Hall::when_heard);
    }

    /// What to do next at the end that writes.
    pub fn next(&self) -> Next {
        self.with(Hall::next).unwrap_or(Next::Gone)
    }

    /// Wakes `who` when [`next`](Self::next) would no longer say [`Next::Wait`].
    pub fn when_news(&self, who: T) {
        self.wake_when(who, Hall::when_news);
    }

    /// Wakes `who` when the member has to go, here and now.
    pub fn when_cleared(&self, who: T) {
        self.wake_when(who, Hall::when_cleared);
    }

    /// Goes, with or without goodbye. A second time does nothing.
    pub fn leave(&self) {
        self.with(Hall::leave);
    }

    fn with<R>(&self, body: impl FnOnce(&mut Hall<T>, u64) -> R) -> Option<R> {
        Some(self.room.upgrade()?.with(|hall| body(hall, self.number)))
    }

    fn wake_when(&self, who: T, when: fn(&mut Hall<T>, u64, T)) {
        // Where there is no room any more, there is nobody to wait for.
        if let Some(room) = self.room.upgrade() {
            room.with(|hall| when(hall, self.number, who));
        }
    }
}

impl<T> Shared<T> {
    /// Calls `body` under the lock, and after that whoever it woke.
    fn with<R>(&self, body: impl FnOnce(&mut Hall<T>) -> R) -> R {
        let mut hall = self.hall.lock().unwrap_or_else(PoisonError::into_inner);
        let result = body(&mut hall);
        self.control.keeps(hall.held());
        let (woken, left) = (mem::take(&mut hall.woken), mem::take(&mut hall.left));
        drop(hall);
        drop(left);
        woken.into_iter().for_each(self.wake);
        result
    }
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> Clone for Room<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Room<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Seat<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("number", &self.number).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
