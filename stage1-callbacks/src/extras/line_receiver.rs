//! Lines out of bytes that arrive as they please: Twisted's `LineReceiver`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::rc::Rc;

use super::protocol::Protocol;
use super::transport::{Producer, Transport};
use crate::failure::Failure;

/// What is done with lines. Nothing here is called inside another call of the same one: what
/// you have received meanwhile comes after.
pub trait Lines: 'static {
    /// The connection is there, and this is how to act on it, now and later.
    fn connection_made(&mut self, receiver: &Receiver) {
        let _ = receiver;
    }

    /// A line has arrived, without its delimiter.
    fn line_received(&mut self, receiver: &Receiver, line: &[u8]);

    /// Bytes have arrived in raw mode: all that there are.
    fn raw_data_received(&mut self, receiver: &Receiver, data: &[u8]) {
        let _ = (receiver, data);
    }

    /// A line is longer than it may be. `rest` begins with it, or with as much of it as there
    /// is, and goes on with all that came behind. Unless you do otherwise, the connection is
    /// closed.
    fn line_length_exceeded(&mut self, receiver: &Receiver, rest: &[u8]) {
        let _ = rest;
        receiver.transport().lose_connection();
    }

    /// The connection is gone: the last call, and made once. Half a line that was left is
    /// dropped.
    fn connection_lost(&mut self, reason: Failure) {
        drop(reason);
    }
}

/// A [`Protocol`] that cuts into lines what it receives.
///
/// ```
/// use stage1_callbacks::extras::line_receiver::{LineReceiver, Lines, Receiver};
///
/// struct Shout;
///
/// impl Lines for Shout {
///     fn line_received(&mut self, receiver: &Receiver, line: &[u8]) {
///         if line == b"bye" {
///             receiver.transport().lose_connection();
///         }
///         receiver.send_line(&line.to_ascii_uppercase());
///     }
/// }
///
/// let protocol = LineReceiver::new(Shout).delimiter("\n").max_length(80);
/// ```
pub struct LineReceiver<L> {
    lines: L,
    delimiter: Vec<u8>,
    max_length: usize,
    /// There from `connection_made` on.
    receiver: Option<Receiver>,
}

/// What a [`LineReceiver`] has received and not handed on, and what it is to do with it. Its
/// clones are one.
#[derive(Clone)]
pub struct Receiver(Rc<Received>);

struct Received {
    transport: Transport,
    delimiter: Vec<u8>,
    /// Filled by whatever arrives; emptied from `start` by `hand_on`.
    buffer: RefCell<Vec<u8>>,
    /// Where the first line begins, and where to look for its end.
    start: Cell<usize>,
    seen: Cell<usize>,
    is_raw: Cell<bool>,
    is_paused: Cell<bool>,
    /// Somebody is handing on: what arrives meanwhile waits for that.
    is_busy: Cell<bool>,
}

impl<L: Lines> LineReceiver<L> {
    /// Lines that end with CR LF, of 16,384 bytes at the most.
    pub fn new(lines: L) -> Self {
        let (delimiter, max_length) = (b"\r\n".to_vec(), 16384);
        Self { lines, delimiter, max_length, receiver: None }
    }

    /// Lines that end with this.
    ///
    /// # Panics
    ///
    /// Panics if it is empty.
    #[must_use]
    pub fn delimiter(mut self, delimiter: impl Into<Vec<u8>>) -> Self {
        self.delimiter = delimiter.into();
        assert!(!self.delimiter.is_empty(), "lines need a delimiter");
        self
    }

    /// Lines of so many bytes at the most.
    #[doc(alias = "MAX_LENGTH")]
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Hands on whatever can be: in a loop, however many lines there are.
    fn hand_on(&mut self, receiver: &Receiver) {
        while receiver.may_go_on() {
            if receiver.0.is_raw.get() {
                let data = receiver.clear_line_buffer();
                self.lines.raw_data_received(receiver, &data);
                continue;
            }
            let Some(line) = receiver.next_line() else {
                if receiver.left() >= self.max_length.saturating_add(self.delimiter.len())
                {
                    let rest = receiver.clear_line_buffer();
                    self.lines.line_length_exceeded(receiver, &rest);
                }
                return;
            };
            if line.len() > self.max_length {
                let rest = [line, self.delimiter.clone(), receiver.clear_line_buffer()];
                return self.lines.line_length_exceeded(receiver, &rest.concat());
            }
            self.lines.line_received(receiver, &line);
        }
    }
}

impl<L: Lines> Protocol for LineReceiver<L> {
    fn connection_made(&mut self, transport: &Transport) {
        let receiver = Receiver(Rc::new(Received {
            transport: transport.clone(),
            delimiter: self.delimiter.clone(),
            buffer: RefCell::default(),
            start: Cell::default(),
            seen: Cell::default(),
            is_raw: Cell::default(),
            is_paused: Cell::default(),
            is_busy: Cell::new(true),
        }));
        self.receiver = Some(receiver.clone());
        self.lines.connection_made(&receiver);
        self.hand_on(&receiver);
        receiver.rest();
    }

    fn data_received(&mut self, data: &[u8]) {
        let Some(receiver) = self.receiver.clone() else { return };
        receiver.0.is_busy.set(true);
        receiver.0.buffer.borrow_mut().extend_from_slice(data);
        self.hand_on(&receiver);
        receiver.rest();
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.lines.connection_lost(reason);
    }
}

impl Receiver {
    /// The connection.
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }

    /// Sends a line, with its delimiter.
    #[doc(alias = "sendLine")]
    pub fn send_line(&self, line: &[u8]) {
        self.transport().write([line, &self.0.delimiter].concat());
    }

    /// Takes what arrives as it is, from the end of this line on.
    #[doc(alias = "setRawMode")]
    pub fn set_raw_mode(&self) {
        self.0.is_raw.set(true);
    }

    /// Cuts what arrives into lines; first `rest`, what was left of the raw bytes.
    #[doc(alias = "setLineMode")]
    pub fn set_line_mode(&self, rest: &[u8]) {
        self.0.is_raw.set(false);
        self.data_received(rest);
    }

    /// Has it receive some more bytes, as if they had arrived. Inside a call they come after
    /// that, else in the next turn of the loop.
    #[doc(alias = "dataReceived")]
    pub fn data_received(&self, data: &[u8]) {
        if !data.is_empty() {
            self.0.buffer.borrow_mut().extend_from_slice(data);
            self.wake();
        }
    }

    /// Takes all that was received and not handed on.
    #[doc(alias = "clearLineBuffer")]
    pub fn clear_line_buffer(&self) -> Vec<u8> {
        let buffer = mem::take(&mut *self.0.buffer.borrow_mut());
        self.0.seen.set(0);
        let start = self.0.start.take();
        if start == 0 { buffer } else { buffer[start..].to_vec() }
    }

    /// Hands on what has waited, after a pause.
    fn wake(&self) {
        if !self.0.is_busy.get() {
            self.transport().call_again();
        }
    }

    fn may_go_on(&self) -> bool {
        let is_open = self.transport().connected() && !self.transport().disconnecting();
        is_open && !self.0.is_paused.get() && self.left() > 0
    }

    fn left(&self) -> usize {
        self.0.buffer.borrow().len() - self.0.start.get()
    }

    /// Cuts a line off. Nothing is looked at twice, and nothing is moved.
    fn next_line(&self) -> Option<Vec<u8>> {
        let (buffer, width) = (self.0.buffer.borrow(), self.0.delimiter.len());
        let (start, from) =
            (self.0.start.get(), self.0.seen.get().max(self.0.start.get()));
        let found = buffer[from..].windows(width).position(|it| it == self.0.delimiter);
        let Some(found) = found else {
            self.0.seen.set((buffer.len() + 1).saturating_sub(width));
            return None;
        };
        self.0.start.set(from + found + width);
        Some(buffer[start..from + found].to_vec())
    }

    /// Nobody is handing on any more: what was handed on is forgotten.
    fn rest(&self) {
        let start = self.0.start.take();
        self.0.seen.set(self.0.seen.get().saturating_sub(start));
        self.0.buffer.borrow_mut().drain(..start);
        self.0.is_busy.set(false);
    }
}

/// To pause it hands on no more lines, even of those that have arrived.
impl Producer for Receiver {
    fn resume_producing(&self) {
        self.0.is_paused.set(false);
        self.wake();
        self.transport().resume_producing();
    }

    fn pause_producing(&self) {
        self.0.is_paused.set(true);
        self.transport().pause_producing();
    }

    fn stop_producing(&self) {
        self.transport().stop_producing();
    }
}

impl<L> fmt::Debug for LineReceiver<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReceiver").finish_non_exhaustive()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("left", &self.left()).finish_non_exhaustive()
    }
}
