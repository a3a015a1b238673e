//! Deadlines, kept by the highest bit in which they differ from now.
//!
//! A tree keeps all deadlines in order, though most of them are called off before they matter. Here
//! they lie in 64 heaps without any order. Heap 3, say, has those that are like `now` down to
//! bit 4, and differ in bit 3:
//!
//! ```text
//!   now     1 0 1 1 0 0 1 0
//!   heap 1  1 0 1 1 0 0 1 1 ·      heap n: bit n is the first that differs
//!   heap 3  1 0 1 1 1 · · ·        (so each heap is over before the next one begins)
//!   heap 6  1 1 · · · · · ·
//! ```
//!
//! To add one and to take one out again is a push and a swap. When time goes on, the highest bit of
//! `now` that changes says which heaps are over, and which one has to be sorted into lower
//! ones. So a timer moves at most 64 times in its life, and one that is an hour away moves once it
//! is half an hour away. This is a timing wheel (Varghese and Lauck, 1987) with two slots a
//! level, and a radix heap by its other name (Ahuja and others, 1990).

use std::task::Waker;

use slab::Slab;

/// In nanoseconds since the set began.
type Time = u64;

#[derive(Default)]
pub(super) struct Timers {
    /// What `advance` was told last.
    now: Time,
    /// Filled by `add`; an entry leaves when it is due, or taken out.
    entries: Slab<Entry>,
    /// By the highest bit in which their entries differ from `now`. None until the first timer.
    heaps: Vec<Heap>,
    /// Bit `n` is set while heap `n` has an entry.
    occupied: u64,
    added: u64,
}

struct Entry {
    when: Time,
    /// Tells the entry from the next one with its key; those of one deadline ring by it.
    number: u64,
    heap: u32,
    /// Where it lies in its heap.
    place: usize,
    waker: Waker,
}

#[derive(Clone, Default)]
struct Heap {
    keys: Vec<usize>,
    /// No entry is earlier. The one that was the earliest may have been taken out.
    not_before: Time,
}

/// Names a timer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    key: usize,
    number: u64,
}

impl Timers {
    /// One that is woken at `when`. What is over already is due at the next `advance`.
    pub(super) fn add(&mut self, when: Time, waker: Waker) -> Timer {
        if self.heaps.is_empty() {
            self.heaps = vec![Heap::default(); u64::BITS as usize];
        }
        let when = when.max(self.now + 1);
        let number = self.added;
        self.added += 1;
        let key = self.entries.insert(Entry { when, number, heap: 0, place: 0, waker });
        self.place(key);
        Timer { key, number }
    }

    /// Whom the timer wakes, unless it is over.
    pub(super) fn waker(&mut self, timer: Timer) -> Option<&mut Waker> {
        let entry = self.entries.get_mut(timer.key);
        entry.filter(|it| it.number == timer.number).map(|it| &mut it.waker)
    }

    /// Takes it out, unless it is over.
    pub(super) fn remove(&mut self, timer: Timer) -> Option<Waker> {
        self.waker(timer)?;
        let Entry { heap, place, waker, .. } = self.entries.remove(timer.key);
        let keys = &mut self.heaps[heap as usize].keys;
        keys.swap_remove(place);
        match keys.get(place) {
            Some(&moved) => self.entries[moved].place = place,
            None if keys.is_empty() => self.occupied &= !(1 << heap),
            None => {}
        }
        Some(waker)
    }

    /// No timer is due before this.
    pub(super) fn next(&self) -> Option<Time> {
        let first = self.heaps.get(self.occupied.trailing_zeros() as usize)?;
        Some(first.not_before)
    }

    /// Goes on to `now`, and gives whom to wake, the earliest first.
    pub(super) fn advance(&mut self, now: Time) -> Vec<Waker> {
        if now <= self.now {
            return Vec::new();
        }
        let highest = (self.now ^ now).ilog2();
        self.now = now;
        let mut due = Vec::new();
        // The lower heaps are over. What is not yet due in the highest goes to lower ones, now.
        for heap in 0..=highest {
            if self.occupied & (1 << heap) == 0 {
                continue;
            }
            self.occupied &= !(1 << heap);
            let mut keys = std::mem::take(&mut self.heaps[heap as usize].keys);
            for key in keys.drain(..) {
                if self.entries[key].when <= now {
                    due.push(self.entries.remove(key));
                } else {
                    self.place(key);
                }
            }
            // Kept for its allocation.
            self.heaps[heap as usize].keys = keys;
        }
        due.sort_unstable_by_key(|it| (it.when, it.number));
        due.into_iter().map(|it| it.waker).collect()
    }

    /// Puts an entry on the heap where it belongs.
    fn place(&mut self, key: usize) {
        let entry = &mut self.entries[key];
        let number = (self.now ^ entry.when).ilog2();
        let heap = &mut self.heaps[number as usize];
        let is_first = heap.keys.is_empty() || entry.when < heap.not_before;
        heap.not_before = if is_first { entry.when } else { heap.not_before };
        (entry.heap, entry.place) = (number, heap.keys.len());
        heap.keys.push(key);
        self.occupied |= 1 << number;
    }
}
