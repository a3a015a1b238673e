//! What the kernel is busy with, and all that it may touch meanwhile.
//!
//! Whatever an entry of the submission queue points to, a buffer, an address, a descriptor,
//! belongs to an [`Operation`], and so to the ring, until the kernel has said that it is done.
//! Nobody can drop it under the kernel's hands: neither who asked for it nor who cancels it.

use std::ffi::CString;
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

use io_uring::{opcode, squeue, types};
use reactor::Direction;
use reactor::backend::Token;
use rustix::event::PollFlags;
use rustix::net::{SendFlags, SocketFlags};
use socket2::SockAddr;

use super::buffers::GROUP;

/// Paths begin where the process stands.
const HERE: RawFd = libc::AT_FDCWD;

/// Where to read: where the last read has ended.
const ON: u64 = u64::MAX;

/// Something that the kernel was asked to do, and has not done yet.
pub(super) struct Operation {
    /// Whose it is. Of a socket that is closed by now, nobody is told.
    pub(super) token: Token,
    /// Kept open until the kernel is done with it. `None`: there is none yet, or the purpose has it.
    descriptor: Option<Rc<dyn AsFd>>,
    pub(super) purpose: Purpose,
}

/// What it was asked to do, and with what.
pub(super) enum Purpose {
    /// To take connections, as they come: one, or as many as there are.
    Accept { many: bool },
    /// To connect to an address.
    Connect(Box<SockAddr>),
    /// To receive into this buffer, once.
    Receive(Box<[u8]>),
    /// To receive as often as something comes, each time into a buffer of the group.
    ReceiveMany,
    /// To send.
    Send(Outgoing),
    /// To say when a direction is ready.
    Poll(Direction),
    /// To read the number of wakes.
    Wake(Box<[u8]>),
    /// To open the file of that name, for reading.
    Open(CString),
    /// To read on in a file.
    Fill(Filling),
    /// To close what nobody else has any more.
    Close(OwnedFd),
}

/// A buffer for what is in a file.
pub(super) struct Filling {
    pub(super) buffer: Box<[u8]>,
    /// So much of it is there.
    pub(super) filled: usize,
}

/// What is to be sent. Its writer was told that it is written.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Under way. Nobody touches it until the kernel is done.
    pub(super) bytes: Vec<u8>,
    /// So many of them were sent.
    pub(super) sent: usize,
    /// What is to follow.
    pub(super) next: Vec<u8>,
    /// Whether nothing more will follow, and the peer is to be told.
    pub(super) is_last: bool,
}

impl Outgoing {
    /// So many bytes more were sent. `false`: those were the last.
    pub(super) fn advance(&mut self, n: usize) -> bool {
        self.sent += n;
        if self.sent == self.bytes.len() {
            self.bytes.clear();
            self.sent = 0;
            std::mem::swap(&mut self.bytes, &mut self.next);
        }
        !self.bytes.is_empty()
    }
}

impl Operation {
    pub(super) fn new(token: Token, descriptor: Rc<dyn AsFd>, purpose: Purpose) -> Self {
        Self { token, descriptor: Some(descriptor), purpose }
    }

    /// One on no descriptor.
    pub(super) fn alone(token: Token, purpose: Purpose) -> Self {
        Self { token, descriptor: None, purpose }
    }

    /// What the kernel is told. It holds addresses of what `self` owns on the heap.
    pub(super) fn entry(&mut self) -> squeue::Entry {
        let descriptor = types::Fd(self.descriptor.as_ref().map_or(HERE, number));
        match &mut self.purpose {
            Purpose::Accept { many: true } => {
                opcode::AcceptMulti::new(descriptor).flags(close_on_exec()).build()
            }
            Purpose::Accept { many: false } => {
                let (nowhere, no_room) = (std::ptr::null_mut(), std::ptr::null_mut());
                let accept = opcode::Accept::new(descriptor, nowhere, no_room);
                accept.flags(close_on_exec()).build()
            }
            Purpose::Connect(address) => {
                let (start, length) = (address.as_ptr().cast(), address.len());
                opcode::Connect::new(descriptor, start, length).build()
            }
            Purpose::Receive(buffer) => {
                let length = length(buffer);
                opcode::Recv::new(descriptor, buffer.as_mut_ptr(), length).build()
            }
            Purpose::ReceiveMany => opcode::RecvMulti::new(descriptor, GROUP).build(),
            Purpose::Send(Outgoing { bytes, sent, .. }) => {
                let left = &bytes[*sent..];
                let send = opcode::Send::new(descriptor, left.as_ptr(), length(left));
                send.flags(SendFlags::NOSIGNAL.bits().cast_signed()).build()
            }
            Purpose::Poll(direction) => {
                opcode::PollAdd::new(descriptor, interest(*direction)).build()
            }
            Purpose::Wake(count) => {
                let length = length(count);
                opcode::Read::new(descriptor, count.as_mut_ptr(), length).build()
            }
            Purpose::Open(path) => open(descriptor, path),
            Purpose::Fill(filling) => fill(descriptor, filling),
            Purpose::Close(descriptor) => {
                opcode::Close::new(types::Fd(descriptor.as_raw_fd())).build()
            }
        }
    }

    pub(super) fn descriptor(&self) -> Option<&dyn AsFd> {
        self.descriptor.as_deref()
    }
}

fn open(folder: types::Fd, path: &CString) -> squeue::Entry {
    let open = opcode::OpenAt::new(folder, path.as_ptr());
    open.flags(libc::O_RDONLY | libc::O_CLOEXEC).build()
}

fn fill(file: types::Fd, Filling { buffer, filled }: &mut Filling) -> squeue::Entry {
    let room = &mut buffer[*filled..];
    let read = opcode::Read::new(file, room.as_mut_ptr(), length(room));
    read.offset(ON).build()
}

fn number(descriptor: &Rc<dyn AsFd>) -> RawFd {
    descriptor.as_fd().as_raw_fd()
}

fn close_on_exec() -> i32 {
    SocketFlags::CLOEXEC.bits().cast_signed()
}

/// Who hangs up is told of in any case.
fn interest(direction: Direction) -> u32 {
    let flags = match direction {
        Direction::Read => PollFlags::IN | PollFlags::RDHUP,
        Direction::Write => PollFlags::OUT,
    };
    flags.bits().into()
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("no buffer of ours has four billion bytes")
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Accept { .. } => "accept",
            Self::Connect(_) => "connect",
            Self::Receive(_) => "receive",
            Self::ReceiveMany => "receive many",
            Self::Send(_) => "send",
            Self::Poll(Direction::Read) => "poll, to read",
            Self::Poll(Direction::Write) => "poll, to write",
            Self::Wake(_) => "wake",
            Self::Open(_) => "open",
            Self::Fill(_) => "read a file",
            Self::Close(_) => "close",
        };
        f.write_str(what)
    }
}
