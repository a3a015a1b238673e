//! A waker that is a number: the set, the place in it, and which task of that place.
//!
//! Nothing is owned by it, so to clone it costs nothing, and to drop it. The price: the number does
//! not know whether its task is still there. Whoever wakes looks it up, and finds it gone. (The
//! task's number comes round after a million tasks; then a very old waker polls a task once
//! for nothing, as every future must expect.)

#![expect(unsafe_code, reason = "a waker is a number, which only this file reads")]

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::set;

/// How many bits each number has.
const SET: u32 = 20;
const NUMBER: u32 = 20;
const PLACE: u32 = 24;

const _: () = assert!(
    SET + NUMBER + PLACE == usize::BITS,
    "what a waker carries is one pointer, which has to have 64 bits"
);

/// How many sets there may be at once, and how many tasks may be told apart.
pub(super) const SETS: u32 = 1 << SET;
pub(super) const NUMBERS: u32 = 1 << NUMBER;

/// Where the main future of a scope is: in no task's place.
pub(super) const MAIN: u32 = (1 << PLACE) - 1;

/// Whom to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(usize);

impl Id {
    #[inline]
    pub(super) fn new(set: u32, number: u32, place: u32) -> Self {
        let (set, number) = (set as usize, number as usize);
        Self(set << (NUMBER + PLACE) | number << PLACE | place as usize)
    }

    #[inline]
    pub(super) fn set(self) -> u32 {
        Self::low(self.0 >> (NUMBER + PLACE), SET)
    }

    #[inline]
    pub(super) fn place(self) -> u32 {
        Self::low(self.0, PLACE)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are at most 24 bits left")]
    fn low(number: usize, bits: u32) -> u32 {
        (number & ((1 << bits) - 1)) as u32
    }

    /// A waker for it.
    #[inline]
    pub(super) fn waker(self) -> Waker {
        // SAFETY: the functions of the table take any number, and do what `Waker` asks of them:
        // each works on every thread, clones name the same task, and nothing is freed.
        unsafe { Waker::from_raw(raw(ptr::without_provenance(self.0))) }
    }
}

static HOW: RawWakerVTable = RawWakerVTable::new(raw, wake, wake, |_| {});

fn raw(id: *const ()) -> RawWaker {
    RawWaker::new(id, &HOW)
}

fn wake(id: *const ()) {
    set::wake(Id(id.addr()));
}
