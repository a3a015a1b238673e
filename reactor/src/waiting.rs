//! Who waits on which socket.
//!
//! The platform tells an edge once: "it became ready". A reader that takes half of what is
//! there and waits again would sleep for ever. So an entry remembers that it is ready until
//! an attempt says `WouldBlock`, and who waits meanwhile is handed back at once.

use std::mem;

use slab::Slab;

use crate::backend::{Event, Token};
use crate::trace;

/// Which way a caller wants to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Until a read, or an accept, is worth trying.
    Read,
    /// Until a write is worth trying, or a connection attempt has ended.
    Write,
}

/// Names a socket of a reactor. A key may outlive its socket without harm: the generation
/// tells it from the next socket with the same index. Nor is it taken for that of another
/// reactor's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    reactor: u32,
    index: u32,
    generation: u32,
}

impl Key {
    pub(crate) fn token(self) -> Token {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// Tells it from all other sockets of its reactor.
    pub(crate) fn number(self) -> u64 {
        self.generation.into()
    }

    #[expect(clippy::cast_possible_truncation, reason = "takes the two halves apart")]
    fn of(reactor: u32, token: Token) -> Self {
        Self { reactor, index: token as u32, generation: (token >> 32) as u32 }
    }
}

/// An entry for every open socket, where one reader and one writer may wait.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    /// Tells this reactor from all others.
    reactor: u32,
    entries: Slab<Entry<T>>,
    /// Counts the sockets so far; each entry keeps the count it was made at.
    generation: u32,
    /// Counts the calls of `deliver`; each side keeps the count of its last attempt.
    turn: u64,
    /// Who was parked at a side that is ready: filled by `park`, read by the next `deliver`.
    at_once: Vec<(Key, Direction)>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    /// Whether readiness lasts until an attempt says `WouldBlock`. Set by `open`; not so where
    /// the attempts are made behind our back.
    remembers: bool,
    sides: [Side<T>; 2],
}

#[derive(Debug)]
struct Side<T> {
    /// Left by `park`; taken by `deliver`, `unpark`, or by whoever is parked next.
    waiter: Option<T>,
    /// Set by an event, cleared by an attempt that would block.
    ready: bool,
    /// Set by a read that took all there was, cleared by an event: to try again is in vain.
    empty: bool,
    /// Set by an event after which no other need come.
    closed: bool,
    /// Counts the attempts of one turn, and says which turn that is.
    attempts: u32,
    turn: u64,
}

/// How often a side may be tried in one turn.
const ATTEMPTS: u32 = 128;

/// How parking went.
#[derive(Debug)]
pub(crate) struct Parked<T> {
    /// Who waited there before.
    pub(crate) displaced: Option<T>,
    /// The side is ready: the next `deliver` hands the waiter back.
    pub(crate) at_once: bool,
}

impl<T> Waiting<T> {
    pub(crate) fn new(reactor: u32) -> Self {
        Self {
            reactor,
            entries: Slab::new(),
            generation: 0,
            turn: 0,
            at_once: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, remembers: bool) -> Key {
        // The top bit stays clear, so that no token is the one of the remote waker.
        self.generation = (self.generation + 1) & 0x7fff_ffff;
        let sides = Default::default();
        let entry = Entry { generation: self.generation, remembers, sides };
        let index = u32::try_from(self.entries.insert(entry))
            .expect("no system has four billion descriptors");
        Key { reactor: self.reactor, index, generation: self.generation }
    }

    /// Forgets a socket, and gives back who waited on it.
    pub(crate) fn close(&mut self, key: Key) -> [Option<T>; 2] {
        match self.entry(key) {
            Some(_) => {
                self.entries.remove(key.index as usize).sides.map(|side| side.waiter)
            }
            None => [None, None],
        }
    }

    pub(crate) fn park(&mut self, key: Key, direction: Direction, data: T) -> Parked<T> {
        let side = self.side(key, direction).expect(
            "wait_for: the socket is closed, or belongs to another loop, so nobody could \
             ever be woken; keep it alive, and on its loop, for as long as somebody waits",
        );
        let parked = Parked { displaced: side.waiter.replace(data), at_once: side.ready };
        trace::socket_parked(key, direction);
        if parked.at_once {
            self.at_once.push((key, direction));
        }
        parked
    }

    pub(crate) fn unpark(&mut self, key: Key, direction: Direction) -> Option<T> {
        self.side(key, direction)?.waiter.take()
    }

    /// Whether a side may be tried once more before the others have their turn. If not, it
    /// counts as ready: who parks there comes back with the next `deliver`. One that is known
    /// to be empty need not be tried at all.
    pub(crate) fn may_try(&mut self, key: Key, direction: Direction) -> bool {
        let turn = self.turn;
        let Some(side) = self.side(key, direction) else { return true };
        if side.turn != turn {
            (side.turn, side.attempts) = (turn, 0);
        }
        side.attempts += 1;
        let enough = side.attempts > ATTEMPTS;
        side.ready |= enough && !side.empty;
        !enough && !side.empty
    }

    /// An attempt said `WouldBlock`: what was ready is used up.
    pub(crate) fn used_up(&mut self, key: Key, direction: Direction) {
        if let Some(side) = self.side(key, direction) {
            side.ready = false;
        }
    }

    /// A read took all there was: an event will tell of more, unless the last one is over.
    pub(crate) fn emptied(&mut self, key: Key) {
        if let Some(side) = self.side(key, Direction::Read) {
            side.empty = !side.closed;
            side.ready &= side.closed;
        }
    }

    /// Whether somebody waits there.
    pub(crate) fn is_taken(&mut self, key: Key, direction: Direction) -> bool {
        self.side(key, direction).is_some_and(|side| side.waiter.is_some())
    }

    /// Whether nobody waits there, and nothing is there to try.
    pub(crate) fn can_only_wait(&mut self, key: Key, direction: Direction) -> bool {
        self.side(key, direction).is_some_and(|side| side.empty && side.waiter.is_none())
    }

    /// Whether the next `deliver` has somebody to hand back without any event.
    pub(crate) fn is_ready(&self) -> bool {
        !self.at_once.is_empty()
    }

    /// Hands back who waited for what happened. An event of a socket that is closed by now
    /// finds nobody: its generation is gone.
    pub(crate) fn deliver(&mut self, events: &mut Vec<Event>, ready: &mut Vec<T>) {
        self.turn += 1;
        for (key, direction) in mem::take(&mut self.at_once) {
            let Some(side) = self.side(key, direction) else { continue };
            let waiter = side.waiter.take();
            if waiter.is_some() {
                trace::socket_ready(key, direction, true);
            }
            ready.extend(waiter);
        }
        for event in events.drain(..) {
            let key = Key::of(self.reactor, event.token);
            let Some(entry) = self.entry(key) else { continue };
            let remembers = entry.remembers;
            let [read, write] = &mut entry.sides;
            let sides = [
                (Direction::Read, read, event.readable),
                (Direction::Write, write, event.writable),
            ];
            for (direction, side, happened) in sides {
                if happened {
                    trace::socket_ready(key, direction, side.waiter.is_some());
                    (side.ready, side.empty) = (remembers, false);
                    side.closed |= event.closed;
                    ready.extend(side.waiter.take());
                }
            }
        }
    }

    /// Everybody, for the end of the loop.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.waiters_mut().filter_map(Option::take).collect()
    }

    /// How many entries are taken.
    pub(crate) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiters().count()
    }

    /// Whether anybody waits.
    pub(crate) fn has_waiter(&self) -> bool {
        self.waiters().next().is_some()
    }

    fn waiters(&self) -> impl Iterator<Item = &T> {
        let sides = self.entries.iter().flat_map(|(_, entry)| &entry.sides);
        sides.filter_map(|side| side.waiter.as_ref())
    }

    fn waiters_mut(&mut self) -> impl Iterator<Item = &mut Option<T>> {
        let sides = self.entries.iter_mut().flat_map(|(_, entry)| &mut entry.sides);
        sides.map(|side| &mut side.waiter)
    }

    fn side(&mut self, key: Key, direction: Direction) -> Option<&mut Side<T>> {
        self.entry(key).map(|entry| &mut entry.sides[direction as usize])
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry<T>> {
        let entry = self.entries.get_mut(key.index as usize)?;
        let is_it = (entry.generation, self.reactor) == (key.generation, key.reactor);
        is_it.then_some(entry)
    }
}

impl<T> Default for Side<T> {
    fn default() -> Self {
        let (ready, empty, closed) = (false, false, false);
        Self { waiter: None, ready, empty, closed, attempts: 0, turn: 0 }
    }
}
