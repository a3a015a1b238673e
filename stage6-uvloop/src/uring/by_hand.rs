//! The echo server that nobody helps, on a ring: what this engine is measured against.
//!
//! For each message the kernel gets two entries at once: send this, and when it is sent, receive
//! the next. It answers with one, when something has come. What [`Ring`](super::ring) keeps apart
//! is known here beforehand: a client has one buffer and one chain of entries at a time.
//!
//! The invariant that the `unsafe` here rests on: a client is dropped only when the kernel has
//! answered the receive of its chain, which is the last of it.

#![expect(unsafe_code, reason = "the kernel is told addresses, and gives descriptors")]

use std::fmt;
use std::io::{self, ErrorKind};
use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use io_uring::{IoUring, opcode, squeue, types};
use slab::Slab;

/// Entries that can be handed over at once.
const ENTRIES: u32 = 4_096;

/// Names of what belongs to no client.
const LISTENER: u64 = u64::MAX;
const STOP: u64 = u64::MAX - 1;

/// A send says nothing when it went well: only its failure bears this mark.
const SENT: u64 = 1 << 62;

/// As `poll.h` has it on Linux.
const POLLIN: u32 = 1;

/// Send all of it, as `socket.h` has it on Linux.
const MSG_WAITALL: i32 = 0x100;

/// A server that echoes, with nothing between it and the kernel.
pub struct Server {
    ring: IoUring,
    listener: TcpListener,
    /// Those who are left at the end are not dropped: the kernel may be busy with them.
    clients: ManuallyDrop<Slab<Client>>,
}

struct Client {
    stream: OwnedFd,
    /// The kernel writes here and reads from here; on the heap it stays where it is.
    buffer: Box<[u8]>,
}

impl Server {
    /// Opens a ring and listens there. Port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// Where the kernel has no ring, or one older than 6.1; and as any server, where the address is
    /// taken.
    pub fn listen(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(4 * ENTRIES)
            .build(ENTRIES)?;
        let clients = ManuallyDrop::new(Slab::new());
        Ok(Self { ring, listener, clients })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until there is something to read from `stop`, or its other end is closed.
    ///
    /// # Errors
    ///
    /// What the kernel has against being called.
    pub fn serve_until(mut self, stop: impl AsFd) -> io::Result<()> {
        let stop = types::Fd(stop.as_fd().as_raw_fd());
        self.push(&opcode::PollAdd::new(stop, POLLIN).build().user_data(STOP));
        self.accept();
        while self.turn()? {}
        Ok(())
    }

    /// Hands over what is queued, and takes what has happened. `false`: it is to stop.
    fn turn(&mut self) -> io::Result<bool> {
        match self.ring.submit_and_wait(1) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            handed_over => drop(handed_over?),
        }
        let heard: Vec<_> = self.ring.completion().collect();
        for entry in heard {
            match entry.user_data() {
                STOP => return Ok(false),
                LISTENER => self.accepted(entry.result()),
                // It failed, and what was to follow it is called off: that is told as well.
                client if client & SENT > 0 => {}
                client => self.received(index(client), entry.result()),
            }
        }
        Ok(true)
    }

    fn accept(&mut self) {
        let listener = types::Fd(self.listener.as_raw_fd());
        self.push(&opcode::AcceptMulti::new(listener).build().user_data(LISTENER));
    }

    fn accepted(&mut self, descriptor: i32) {
        if descriptor < 0 {
            return self.accept();
        }
        // SAFETY: the kernel has just opened it for this entry, and nobody else knows it.
        let stream = unsafe { OwnedFd::from_raw_fd(descriptor) };
        let buffer = vec![0; 16 * 1024].into_boxed_slice();
        let index = self.clients.insert(Client { stream, buffer });
        let receive = self.receive(index);
        self.push(&receive);
    }

    fn received(&mut self, index: usize, n: i32) {
        let Some(n) = u32::try_from(n).ok().filter(|n| *n > 0) else {
            return drop(self.clients.remove(index));
        };
        let client = &self.clients[index];
        let stream = types::Fd(client.stream.as_raw_fd());
        let send = opcode::Send::new(stream, client.buffer.as_ptr(), n);
        let send = send.flags(MSG_WAITALL).build().user_data(SENT | index as u64);
        let flags = squeue::Flags::IO_LINK | squeue::Flags::SKIP_SUCCESS;
        let receive = self.receive(index);
        while !self.has_room_for_two() {
            self.hand_over(); // what is linked is handed over together
        }
        self.push(&send.flags(flags));
        self.push(&receive);
    }

    fn has_room_for_two(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.capacity() - queue.len() >= 2
    }

    fn receive(&mut self, index: usize) -> squeue::Entry {
        let Client { stream, buffer } = &mut self.clients[index];
        let stream = types::Fd(stream.as_raw_fd());
        let len = u32::try_from(buffer.len()).expect("it is small");
        let receive = opcode::Recv::new(stream, buffer.as_mut_ptr(), len);
        receive.build().user_data(index as u64)
    }

    fn push(&mut self, entry: &squeue::Entry) {
        loop {
            // SAFETY: what the entry points to is a client's, who is dropped only when the
            // kernel has answered; and the buffer does not move.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                return;
            }
            self.hand_over();
        }
    }

    fn hand_over(&self) {
        let _what_is_left_is_handed_over_later = self.ring.submit();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("listener", &self.listener).finish_non_exhaustive()
    }
}

fn index(data: u64) -> usize {
    usize::try_from(data).expect("a client's number")
}
