//! A file: opened, read and closed by the kernel, while nobody waits.
//!
//! A file has no readiness: it is always ready, and a read of it makes its reader wait for the disk
//! all the same. So epoll refuses it, and whoever has no ring needs a thread. A ring is given the
//! call, as for any other.

use std::ffi::CString;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use reactor::backend::{Event, Token};

use super::operation::{Filling, Operation, Purpose};
use super::ring::{Completion, OperationId, Ring, opened};

/// What the ring knows of it.
pub(super) struct File {
    token: Token,
    /// `None` until it is open.
    descriptor: Option<Rc<OwnedFd>>,
    state: State,
}

enum State {
    /// The kernel opens it, or reads.
    Busy(OperationId),
    /// There is something for whoever reads.
    Read { filling: Filling, given: usize, is_end: bool },
    /// It could not be opened, or not be read: the number of the error.
    Failed(i32),
}

impl File {
    /// The kernel is to open it and to read its beginning, both with the next call.
    pub(super) fn open(token: Token, path: &Path, ring: &mut Ring) -> io::Result<Self> {
        let path = CString::new(path.as_os_str().as_bytes())?;
        let id = ring.start(Operation::alone(token, Purpose::Open(path)));
        Ok(Self { token, descriptor: None, state: State::Busy(id) })
    }

    /// Copies out what is there. When all of it was given, the kernel reads on.
    pub(super) fn read(&mut self, ring: &mut Ring, out: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Busy(_) => Err(ErrorKind::WouldBlock.into()),
            State::Failed(number) => Err(io::Error::from_raw_os_error(*number)),
            State::Read { filling, given, is_end } => {
                let left = &filling.buffer[*given..filling.filled];
                let n = left.len().min(out.len());
                out[..n].copy_from_slice(&left[..n]);
                *given += n;
                if *given == filling.filled && !*is_end {
                    let buffer = mem::take(&mut filling.buffer);
                    self.fill(ring, buffer);
                }
                Ok(n)
            }
        }
    }

    fn fill(&mut self, ring: &mut Ring, buffer: Box<[u8]>) {
        let descriptor = self.descriptor.as_ref().expect("what is read is open");
        let purpose = Purpose::Fill(Filling { buffer, filled: 0 });
        let operation = Operation::new(self.token, Rc::clone(descriptor) as _, purpose);
        self.state = State::Busy(ring.start(operation));
    }

    pub(super) fn completed(
        &mut self,
        ring: &mut Ring,
        done: Completion,
        events: &mut Vec<Event>,
    ) {
        let Completion { id, result, .. } = done;
        match (&mut ring.operation(id).purpose, result) {
            (Purpose::Open(_), Ok(descriptor)) => {
                drop(ring.finished(id));
                self.descriptor = Some(Rc::new(opened(descriptor)));
                let buffer = ring.spare();
                return self.fill(ring, buffer);
            }
            (Purpose::Fill(filling), Ok(n)) => {
                filling.filled += n;
                if n > 0 && filling.filled < filling.buffer.len() {
                    return ring.queue(id);
                }
                if let Purpose::Fill(filling) = ring.finished(id).purpose {
                    self.state = State::Read { filling, given: 0, is_end: n == 0 };
                }
            }
            (_, result) => {
                drop(ring.finished(id));
                let number = result.err().and_then(|error| error.raw_os_error());
                self.state = State::Failed(number.unwrap_or_default());
            }
        }
        let token = self.token;
        events.push(Event { token, readable: true, writable: false, closed: false });
    }

    /// It is closed, by the kernel, and with its next call; or when what is in flight has ended.
    pub(super) fn call_off(self, ring: &mut Ring) {
        match self.state {
            State::Busy(id) => return ring.cancel(id),
            State::Read { filling, .. } => ring.keep_spare(filling.buffer),
            State::Failed(_) => {}
        }
        if let Some(descriptor) = self.descriptor.and_then(Rc::into_inner) {
            ring.start(Operation::alone(self.token, Purpose::Close(descriptor)));
        }
    }
}
