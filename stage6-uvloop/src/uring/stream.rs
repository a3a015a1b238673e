//! A stream: its bytes are received before anybody reads, and sent after somebody wrote.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::rc::Rc;
use std::time::Duration;

use reactor::Direction;
use reactor::backend::{Event, Token};
use rustix::io::Errno;
use socket2::{SockAddr, Socket};

use super::buffers::{BufferId, SIZE};
use super::operation::{Operation, Outgoing, Purpose};
use super::ring::{Completion, OperationId, Ring};

/// How many chunks may lie here unread before the kernel is told to leave off.
const UNREAD: usize = 32;

/// How many bytes may wait to be sent, behind those that are under way.
const ROOM: usize = 1 << 16;

/// What the ring knows of a stream.
pub(super) struct Stream {
    token: Token,
    descriptor: Rc<Socket>,
    connection: Connection,
    input: Input,
    output: Output,
}

enum Connection {
    /// The kernel is busy with it.
    Pending(OperationId),
    Established,
    /// With this error of the system.
    Failed(i32),
}

/// What was received.
#[derive(Default)]
struct Input {
    /// Filled by completions, emptied by `read`.
    chunks: VecDeque<Chunk>,
    /// What comes after the last chunk, if that is known.
    end: Option<End>,
    in_flight: Option<OperationId>,
    /// Whether that was told to leave off.
    is_called_off: bool,
    /// Whether somebody was told `WouldBlock` and waits.
    is_awaited: bool,
}

/// Bytes that nobody has read yet.
struct Chunk {
    home: Home,
    start: usize,
    end: usize,
}

enum Home {
    /// A buffer of the group, to be given back.
    Group(BufferId),
    /// One that the operation had for itself.
    Own(Box<[u8]>),
}

enum End {
    Finished,
    Failed(io::Error),
}

/// What is to be sent. The bytes themselves are with the operation.
#[derive(Default)]
struct Output {
    in_flight: Option<OperationId>,
    /// For the next operation: room that the last one does not need any more.
    spare: Vec<u8>,
    /// Told to whoever writes next.
    failure: Option<io::Error>,
    /// Whether nothing more may be written.
    is_finished: bool,
    /// Whether somebody was told `WouldBlock` and waits.
    is_awaited: bool,
}

impl Stream {
    /// One that is connected.
    pub(super) fn connected(token: Token, descriptor: &Rc<Socket>) -> Self {
        Self::new(token, descriptor, Connection::Established)
    }

    /// One that begins to connect.
    pub(super) fn connecting(
        token: Token,
        descriptor: &Rc<Socket>,
        address: SockAddr,
        ring: &mut Ring,
    ) -> Self {
        let purpose = Purpose::Connect(Box::new(address));
        let begun =
            ring.start(Operation::new(token, Rc::clone(descriptor) as _, purpose));
        Self::new(token, descriptor, Connection::Pending(begun))
    }

    /// One that somebody else has begun to connect: it is when it can be written to.
    pub(super) fn begun(token: Token, descriptor: &Rc<Socket>, ring: &mut Ring) -> Self {
        let purpose = Purpose::Poll(Direction::Write);
        let begun =
            ring.start(Operation::new(token, Rc::clone(descriptor) as _, purpose));
        Self::new(token, descriptor, Connection::Pending(begun))
    }

    fn new(token: Token, descriptor: &Rc<Socket>, connection: Connection) -> Self {
        let (input, output) = Default::default();
        Self { token, descriptor: Rc::clone(descriptor), connection, input, output }
    }

    fn operation(&self, purpose: Purpose) -> Operation {
        Operation::new(self.token, Rc::clone(&self.descriptor) as _, purpose)
    }

    /// Copies what was received, as much as fits.
    pub(super) fn read(
        &mut self,
        ring: &mut Ring,
        buffer: &mut [u8],
    ) -> io::Result<usize> {
        let filled = self.input.take(ring, buffer);
        if filled > 0 || buffer.is_empty() {
            return Ok(filled);
        }
        if let Connection::Failed(code) = self.connection {
            return Err(io::Error::from_raw_os_error(code));
        }
        match self.input.end.take() {
            None => Err(ErrorKind::WouldBlock.into()),
            Some(end) => {
                self.input.end = Some(End::Finished);
                end.into()
            }
        }
    }

    /// Whether a completion will tell of whatever comes next.
    pub(super) fn is_emptied(&self) -> bool {
        self.input.chunks.is_empty() && self.input.end.is_none()
    }

    /// Takes as many bytes as there is room for, and promises to send them.
    pub(super) fn write(&mut self, ring: &mut Ring, bytes: &[u8]) -> io::Result<usize> {
        match self.connection {
            Connection::Pending(_) => return Err(ErrorKind::WouldBlock.into()),
            Connection::Failed(code) => return Err(io::Error::from_raw_os_error(code)),
            Connection::Established => {}
        }
        if let Some(failure) = self.output.failure.take() {
            return Err(failure);
        }
        if self.output.is_finished {
            return Err(Errno::PIPE.into());
        }
        let room = self.output.room(ring);
        let taken = &bytes[..bytes.len().min(room)];
        match self.output.in_flight {
            _ if bytes.is_empty() => {}
            _ if room == 0 => return Err(ErrorKind::WouldBlock.into()),
            Some(id) => outgoing(ring, id).next.extend_from_slice(taken),
            None => self.send(ring, taken),
        }
        Ok(taken.len())
    }

    fn send(&mut self, ring: &mut Ring, taken: &[u8]) {
        let mut outgoing = Outgoing {
            bytes: std::mem::take(&mut self.output.spare),
            ..Outgoing::default()
        };
        outgoing.bytes.extend_from_slice(taken);
        let purpose = Purpose::Send(outgoing);
        let operation = self.operation(purpose);
        self.output.in_flight = Some(ring.start(operation));
    }

    pub(super) fn is_connected(&self) -> io::Result<()> {
        match self.connection {
            Connection::Pending(_) => Err(ErrorKind::WouldBlock.into()),
            // What broke off since then is told to whoever asks first.
            Connection::Established => self.descriptor.take_error()?.map_or(Ok(()), Err),
            Connection::Failed(code) => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Closes directions; but what was promised to be sent goes first.
    pub(super) fn shutdown(&mut self, ring: &mut Ring, how: Shutdown) -> io::Result<()> {
        let writes = how != Shutdown::Read;
        match self.output.in_flight.filter(|_| writes) {
            None => self.descriptor.shutdown(how)?,
            Some(id) => {
                outgoing(ring, id).is_last = true;
                if how == Shutdown::Both {
                    self.descriptor.shutdown(Shutdown::Read)?;
                }
            }
        }
        self.output.is_finished |= writes;
        Ok(())
    }

    /// Somebody waits: starts what it takes, or says at once that it is worth trying.
    pub(super) fn arm(
        &mut self,
        ring: &mut Ring,
        direction: Direction,
        events: &mut Vec<Event>,
    ) {
        let is_known = match direction {
            Direction::Read => {
                self.input.is_awaited = true;
                !self.is_emptied()
            }
            Direction::Write => {
                self.output.is_awaited = true;
                self.output.failure.is_some() || self.output.room(ring) > 0
            }
        };
        let is_pending = matches!(self.connection, Connection::Pending(_));
        let has_failed = matches!(self.connection, Connection::Failed(_));
        if has_failed || is_known && !is_pending {
            self.tell(direction, events);
        } else if direction == Direction::Read && !is_pending {
            self.receive(ring);
        }
    }

    /// Asks for bytes, unless that was done.
    fn receive(&mut self, ring: &mut Ring) {
        if self.input.in_flight.is_none() {
            let many = ring.has_buffers();
            self.receive_into(ring, if many { None } else { Some(own_buffer()) });
        }
    }

    /// `None`: into buffers of the group, and again and again.
    fn receive_into(&mut self, ring: &mut Ring, buffer: Option<Box<[u8]>>) {
        let purpose = buffer.map_or(Purpose::ReceiveMany, Purpose::Receive);
        let operation = self.operation(purpose);
        self.input.in_flight = Some(ring.start(operation));
        self.input.is_called_off = false;
    }

    fn tell(&mut self, direction: Direction, events: &mut Vec<Event>) {
        let readable = direction == Direction::Read;
        let awaited = match direction {
            Direction::Read => &mut self.input.is_awaited,
            Direction::Write => &mut self.output.is_awaited,
        };
        *awaited = false;
        let closed = readable && self.input.end.is_some();
        events.push(Event { token: self.token, readable, writable: !readable, closed });
    }

    /// The kernel has something to say.
    pub(super) fn completed(
        &mut self,
        ring: &mut Ring,
        done: Completion,
        events: &mut Vec<Event>,
    ) {
        match ring.operation(done.id).purpose {
            Purpose::Send(_) => self.has_sent(ring, done, events),
            Purpose::Connect(_) => {
                drop(ring.finished(done.id));
                self.has_connected(ring, done.result.map(drop), events);
            }
            Purpose::Poll(_) => {
                drop(ring.finished(done.id));
                let error = self.descriptor.take_error();
                let result = error.and_then(|error| error.map_or(Ok(()), Err));
                self.has_connected(ring, result, events);
            }
            _ => self.has_received(ring, done, events),
        }
    }

    fn has_connected(
        &mut self,
        ring: &mut Ring,
        result: io::Result<()>,
        events: &mut Vec<Event>,
    ) {
        let refused = Errno::CONNREFUSED.raw_os_error();
        self.connection = match result {
            Ok(()) => Connection::Established,
            Err(error) => Connection::Failed(error.raw_os_error().unwrap_or(refused)),
        };
        self.tell(Direction::Write, events);
        if matches!(self.connection, Connection::Failed(_)) {
            self.tell(Direction::Read, events);
        } else if self.input.is_awaited {
            self.receive(ring);
        }
    }

    fn has_received(
        &mut self,
        ring: &mut Ring,
        done: Completion,
        events: &mut Vec<Event>,
    ) {
        let Completion { id, result, more, buffer } = done;
        let mut home = buffer.map(Home::Group);
        let mut was_many = true;
        if !more {
            self.input.in_flight = None;
            if let Purpose::Receive(buffer) = ring.finished(id).purpose {
                (home, was_many) = (Some(Home::Own(buffer)), false);
            }
        }
        match result {
            Ok(0) => self.input.end = Some(End::Finished),
            Ok(end) => {
                let home = home.expect("the kernel says where it has put the bytes");
                self.input.chunks.push_back(Chunk { home, start: 0, end });
                self.input.leave_off(ring);
                return self.tell(Direction::Read, events);
            }
            Err(error) if was_many && is_for_want_of_buffers(&error) => {
                return self.receive_into(ring, Some(own_buffer()));
            }
            Err(error) if was_many && error.kind() == ErrorKind::InvalidInput => {
                ring.give_up_many();
                return self.receive(ring);
            }
            Err(error) if is_called_off(&error) => {
                if self.input.is_awaited {
                    self.receive(ring);
                }
                return;
            }
            Err(error) => self.input.end = Some(End::Failed(error)),
        }
        if let Some(Home::Group(id)) = home {
            ring.give_back(id);
        }
        self.tell(Direction::Read, events);
    }

    fn has_sent(&mut self, ring: &mut Ring, done: Completion, events: &mut Vec<Event>) {
        if !ring.goes_on(done.id, &done.result) {
            self.output.in_flight = None;
            let Purpose::Send(outgoing) = ring.finished(done.id).purpose else { return };
            if outgoing.bytes.capacity() <= SIZE.into() {
                self.output.spare = outgoing.bytes;
                self.output.spare.clear();
            }
            self.output.failure = done.result.err();
            if outgoing.is_last {
                // A peer that is gone need not be told.
                let _ = self.descriptor.shutdown(Shutdown::Write);
            }
        }
        if self.output.is_awaited {
            self.tell(Direction::Write, events);
        }
    }

    /// It is closed. What is awaited is called off; what was promised to be sent is not. As with
    /// any socket, a peer whose bytes nobody has read is told by a reset.
    pub(super) fn call_off(mut self, ring: &mut Ring) {
        let is_unread = !self.input.chunks.is_empty();
        for chunk in self.input.chunks.drain(..) {
            chunk.home.give_back(ring);
        }
        if let Connection::Pending(id) = self.connection {
            ring.cancel(id);
        }
        if let Some(id) = self.input.in_flight {
            ring.cancel(id);
        }
        if is_unread {
            if let Some(id) = self.output.in_flight {
                ring.cancel(id);
            }
            // Where there is no such thing as a reset, there is nothing to do.
            let _ = self.descriptor.set_linger(Some(Duration::ZERO));
        }
    }
}

impl Input {
    fn take(&mut self, ring: &mut Ring, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(chunk) = self.chunks.front_mut() {
            filled += chunk.take(ring, &mut buffer[filled..]);
            if chunk.start < chunk.end {
                break;
            }
            if let Some(chunk) = self.chunks.pop_front() {
                chunk.home.give_back(ring);
            }
        }
        filled
    }

    /// Nobody reads: the kernel is to keep the rest, so that the peer has to wait.
    fn leave_off(&mut self, ring: &mut Ring) {
        if let Some(id) = self.in_flight
            && self.chunks.len() >= UNREAD
            && !self.is_called_off
        {
            ring.cancel(id);
            self.is_called_off = true;
        }
    }
}

impl Chunk {
    fn take(&mut self, ring: &mut Ring, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.end - self.start);
        let bytes = match &self.home {
            Home::Group(id) => ring.received(*id),
            Home::Own(bytes) => bytes,
        };
        buffer[..n].copy_from_slice(&bytes[self.start..][..n]);
        self.start += n;
        n
    }
}

impl Home {
    fn give_back(self, ring: &mut Ring) {
        if let Self::Group(id) = self {
            ring.give_back(id);
        }
    }
}

impl Output {
    fn room(&self, ring: &mut Ring) -> usize {
        self.in_flight
            .map_or(ROOM, |id| ROOM.saturating_sub(outgoing(ring, id).next.len()))
    }
}

impl From<End> for io::Result<usize> {
    fn from(end: End) -> Self {
        match end {
            End::Finished => Ok(0),
            End::Failed(error) => Err(error),
        }
    }
}

fn outgoing(ring: &mut Ring, id: OperationId) -> &mut Outgoing {
    match &mut ring.operation(id).purpose {
        Purpose::Send(outgoing) => outgoing,
        other => unreachable!("a stream's output is sent, not {other:?}"),
    }
}

fn own_buffer() -> Box<[u8]> {
    vec![0; SIZE.into()].into()
}

fn is_for_want_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error())
}

fn is_called_off(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::CANCELED.raw_os_error())
}
