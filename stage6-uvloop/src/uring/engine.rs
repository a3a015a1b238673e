//! The ring and the sockets over it: who is told of what.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};

use reactor::Direction;
use reactor::backend::{Event, Token};

use super::file::File;
use super::listener::Listener;
use super::operation::{Operation, Purpose};
use super::polled::Polled;
use super::ring::{Completion, Ring};
use super::stream::Stream;

/// The token of the way in from other threads, which no socket can have.
const WAKE: Token = Token::MAX;

/// All that there is between the kernel and the handles.
pub(super) struct Engine {
    ring: Ring,
    /// By the lower half of their token, which is a small number.
    sockets: Vec<Option<(Token, Socket)>>,
    /// What happened since the last `wait` ended.
    events: Vec<Event>,
    /// Whether somebody has woken the loop since then.
    is_woken: bool,
}

/// Something open.
pub(super) enum Socket {
    Listener(Listener),
    Stream(Box<Stream>),
    Polled(Polled),
    File(Box<File>),
}

impl Engine {
    /// `wakes` is read from until it is closed: whatever comes there wakes the loop.
    pub(super) fn new(mut ring: Ring, wakes: &Rc<OwnedFd>) -> Self {
        let purpose = Purpose::Wake(Box::new([0; 8]));
        ring.start(Operation::new(WAKE, Rc::clone(wakes) as _, purpose));
        Self { ring, sockets: Vec::new(), events: Vec::new(), is_woken: false }
    }

    pub(super) fn ring(&mut self) -> &mut Ring {
        &mut self.ring
    }

    pub(super) fn open(&mut self, token: Token, socket: Socket) {
        let index = index(token);
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        self.sockets[index] = Some((token, socket));
    }

    /// Calls off what is awaited there. What is dropped is closed now, and not in the next turn.
    pub(super) fn close(&mut self, token: Token) {
        let place = self.sockets.get_mut(index(token));
        let is_it = |it: &mut (Token, Socket)| it.0 == token;
        let Some((_, socket)) = place.and_then(|place| place.take_if(is_it)) else {
            return;
        };
        match socket {
            Socket::Listener(listener) => listener.call_off(&mut self.ring),
            Socket::Stream(stream) => stream.call_off(&mut self.ring),
            Socket::Polled(polled) => polled.call_off(&mut self.ring),
            // No peer waits to learn of it.
            Socket::File(file) => return file.call_off(&mut self.ring),
        }
        // What fails here fails in the next `wait` as well, and is told there.
        let _ = self.look();
    }

    pub(super) fn arm(&mut self, token: Token, direction: Direction) {
        let Self { ring, sockets, events, .. } = self;
        match find(sockets, token) {
            Some(Socket::Listener(listener)) => listener.arm(ring, events),
            Some(Socket::Stream(stream)) => stream.arm(ring, direction, events),
            Some(Socket::Polled(polled)) => polled.arm(ring, direction),
            // It is on its way.
            Some(Socket::File(_)) | None => {}
        }
    }

    pub(super) fn accept(&mut self, token: Token) -> io::Result<OwnedFd> {
        match find(&mut self.sockets, token) {
            Some(Socket::Listener(listener)) => listener.accept(),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(super) fn read(&mut self, token: Token, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { ring, sockets, .. } = self;
        match find(sockets, token) {
            Some(Socket::File(file)) => file.read(ring, buffer),
            _ => find_stream(sockets, token)?.read(ring, buffer),
        }
    }

    pub(super) fn is_emptied(&mut self, token: Token) -> bool {
        find_stream(&mut self.sockets, token).is_ok_and(|stream| stream.is_emptied())
    }

    /// Where there is no room, it is made: only a peer that does not read is waited for.
    pub(super) fn write(&mut self, token: Token, bytes: &[u8]) -> io::Result<usize> {
        loop {
            let Self { ring, sockets, .. } = self;
            match find_stream(sockets, token)?.write(ring, bytes) {
                Err(error)
                    if error.kind() == ErrorKind::WouldBlock && ring.is_owed_a_call() =>
                {
                    self.look()?;
                }
                result => return result,
            }
        }
    }

    pub(super) fn is_connected(&mut self, token: Token) -> io::Result<()> {
        self.look()?;
        find_stream(&mut self.sockets, token)?.is_connected()
    }

    pub(super) fn shutdown(&mut self, token: Token, how: Shutdown) -> io::Result<()> {
        self.look()?;
        let Self { ring, sockets, .. } = self;
        find_stream(sockets, token)?.shutdown(ring, how)
    }

    /// Hands over what is queued and hears what comes of it, without sleeping. What is called
    /// off, the kernel does not finish where it is told, but where it is asked for completions.
    pub(super) fn look(&mut self) -> io::Result<()> {
        if self.ring.is_owed_a_call() {
            self.ring.enter(Some(Duration::ZERO))?;
        }
        self.hear();
        Ok(())
    }

    /// Sleeps until something happens that somebody waits for. That something was sent is not
    /// worth a turn of the loop.
    pub(super) fn wait(
        &mut self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let mut left = timeout;
        let result = loop {
            self.hear();
            let is_over = left == Some(Duration::ZERO);
            let has_news = !self.events.is_empty() || std::mem::take(&mut self.is_woken);
            if has_news || is_over {
                break self.pass();
            }
            let began = left.map(|_| Instant::now());
            if let Err(error) = self.ring.enter(left) {
                break Err(error);
            }
            left =
                left.zip(began).map(|(left, began)| left.saturating_sub(began.elapsed()));
        };
        self.is_woken = false;
        events.append(&mut self.events);
        result
    }

    /// There is something to do: hands over what is queued, if there is anything.
    fn pass(&mut self) -> io::Result<()> {
        if self.ring.is_owed_a_call() {
            self.ring.submit()?;
        }
        self.hear();
        Ok(())
    }

    fn hear(&mut self) {
        while let Some(done) = self.ring.heard() {
            self.completed(done);
        }
    }

    fn completed(&mut self, done: Completion) {
        let Self { ring, sockets, events, is_woken } = self;
        let token = ring.operation(done.id).token;
        if token == WAKE {
            *is_woken = true;
            ring.queue(done.id);
            return;
        }
        match find(sockets, token) {
            Some(Socket::Listener(listener)) => listener.completed(ring, done, events),
            Some(Socket::Stream(stream)) => stream.completed(ring, done, events),
            Some(Socket::Polled(polled)) => polled.completed(ring, done, events),
            Some(Socket::File(file)) => file.completed(ring, done, events),
            None => ring.forget(done),
        }
    }
}

type Sockets = [Option<(Token, Socket)>];

fn find(sockets: &mut Sockets, token: Token) -> Option<&mut Socket> {
    let (its, socket) = sockets.get_mut(index(token))?.as_mut()?;
    (*its == token).then_some(socket)
}

fn find_stream(sockets: &mut Sockets, token: Token) -> io::Result<&mut Stream> {
    match find(sockets, token) {
        Some(Socket::Stream(stream)) => Ok(stream),
        _ => Err(ErrorKind::NotConnected.into()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "takes the lower half")]
fn index(token: Token) -> usize {
    token as u32 as usize
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("in_flight", &self.ring).finish_non_exhaustive()
    }
}
