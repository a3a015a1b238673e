//! Buffers that the kernel helps itself to, to fill them with what it receives.
//!
//! A connection that waits needs no buffer of its own: one is taken from the group when bytes
//! arrive, belongs to the connection until they are read, and then goes back.

use std::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

/// The one group that there is.
pub(super) const GROUP: u16 = 0;

/// How many buffers there are: a power of two.
pub(super) const COUNT: u16 = 512;

/// The bytes of one.
pub(super) const SIZE: u16 = 4096;

/// Which buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BufferId(pub(super) u16);

/// The group. The kernel reads the queue and writes to the memory for as long as the ring is
/// there, so they stay where they are.
pub(super) struct Buffers {
    queue: Box<Queue>,
    /// All of them. The kernel writes to those that are in the queue; the others are ours.
    memory: Vec<u8>,
    /// Where they begin, for the kernel to know.
    start: u64,
    /// How many were put into the queue so far.
    tail: u16,
}

/// The kernel's `io_uring_buf_ring`, which has to begin at a page.
#[repr(C, align(4096))]
struct Queue([Offer; COUNT as usize]);

/// The kernel's `io_uring_buf`. It is read while we write, hence the atomics.
#[repr(C)]
#[derive(Default)]
struct Offer {
    address: AtomicU64,
    length: AtomicU32,
    id: AtomicU16,
    /// Of the first one: how many there were so far. Of all others: nothing.
    tail: AtomicU16,
}

impl Buffers {
    pub(super) fn new() -> Self {
        let queue = Box::new(Queue(std::array::from_fn(|_| Offer::default())));
        let mut memory = vec![0; usize::from(SIZE) * usize::from(COUNT)];
        let start = memory.as_mut_ptr().expose_provenance() as u64;
        let mut buffers = Self { queue, memory, start, tail: 0 };
        (0..COUNT).for_each(|id| buffers.give_back(BufferId(id)));
        buffers
    }

    /// Where the queue begins, for the kernel to know.
    pub(super) fn address(&self) -> u64 {
        std::ptr::from_ref(&*self.queue).expose_provenance() as u64
    }

    /// Offers a buffer to the kernel.
    pub(super) fn give_back(&mut self, BufferId(id): BufferId) {
        let Queue(offers) = &*self.queue;
        let offer = &offers[usize::from(self.tail % COUNT)];
        offer
            .address
            .store(self.start + u64::from(id) * u64::from(SIZE), Ordering::Relaxed);
        offer.length.store(SIZE.into(), Ordering::Relaxed);
        offer.id.store(id, Ordering::Relaxed);
        self.tail = self.tail.wrapping_add(1);
        // Whoever sees the count sees the offer.
        offers[0].tail.store(self.tail, Ordering::Release);
    }

    /// What the kernel has put into a buffer that is ours again.
    pub(super) fn bytes(&self, BufferId(id): BufferId) -> &[u8] {
        &self.memory[usize::from(id) * usize::from(SIZE)..][..SIZE.into()]
    }
}

const _: () = assert!(COUNT.is_power_of_two(), "the kernel finds its place by a mask");
