//! Part of a file on its way to a peer: whoever sends it takes the next piece, until all is sent.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::rc::Rc;
use std::sync::Arc;

use crate::threads::to_thread;

/// How much is read at once where the kernel does not send the file itself, in bytes.
#[doc(alias = "SENDFILE_FALLBACK_READBUFFER_SIZE")]
const CHUNK: usize = 256 * 1024;

/// How much the kernel is asked for at once: it counts with a sign.
const MOST: u64 = 1 << 30;

/// How to send a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendfileOptions {
    /// Where to begin, in bytes from the beginning of the file.
    pub offset: u64,
    /// How many bytes to send, if the file has so many. `None`: all that it has.
    pub count: Option<u64>,
    /// Whether it is to be read and written where the kernel cannot send it by itself.
    pub fallback: bool,
}

impl Default for SendfileOptions {
    fn default() -> Self {
        Self { offset: 0, count: None, fallback: true }
    }
}

/// Part of a file on its way. Its clones are the same.
#[derive(Clone)]
pub struct FilePart(Rc<Inside>);

struct Inside {
    /// A copy of the caller's: both have one position.
    file: Arc<File>,
    offset: u64,
    count: u64,
    /// Counted by whoever sends.
    sent: Cell<u64>,
    /// Set by `Sending`: nobody waits for it any more.
    is_given_up: Cell<bool>,
}

impl FilePart {
    pub(crate) fn new(file: &File, options: SendfileOptions) -> io::Result<Self> {
        let SendfileOptions { offset, count, fallback: _ } = options;
        Ok(Self(Rc::new(Inside {
            file: Arc::new(file.try_clone()?),
            offset,
            count: count.unwrap_or(u64::MAX),
            sent: Cell::default(),
            is_given_up: Cell::default(),
        })))
    }

    /// How many bytes were sent.
    pub fn sent(&self) -> u64 {
        self.0.sent.get()
    }

    /// Sends one piece after the other by `send`, which is told where a piece begins and how long
    /// it may be: to the end, or until `send` fails.
    pub(crate) fn send_by(
        &self,
        mut send: impl FnMut(&File, u64, usize) -> io::Result<usize>,
    ) -> io::Result<()> {
        while let Some((from, most)) = self.next() {
            match send(&self.0.file, from, most)? {
                0 => return Ok(()),
                n => self.was_sent(n),
            }
        }
        Ok(())
    }

    /// Reads the next piece into `buffer`, on a thread. An empty one is the end: where all is sent
    /// that was asked for, no thread has to find that out.
    pub(crate) async fn read(&self, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
        let Some((from, most)) = self.next() else { return Ok(Vec::new()) };
        let file = Arc::clone(&self.0.file);
        to_thread(move || {
            buffer.resize(most.min(CHUNK), 0);
            let n = read_at(&file, &mut buffer, from)?;
            buffer.truncate(n);
            Ok(buffer)
        })
        .await
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.0.is_given_up.get()
    }

    pub(crate) fn was_sent(&self, n: usize) {
        self.0.sent.set(self.sent() + n as u64);
    }

    /// Where the next piece begins, and how long it may be. `None`: there is none.
    fn next(&self) -> Option<(u64, usize)> {
        let left = self.0.count - self.sent();
        let from = self.0.offset.saturating_add(self.sent());
        let is_over = left == 0 || self.is_given_up();
        (!is_over).then(|| (from, left.min(MOST) as usize))
    }
}

/// Whoever waits for a part to be sent. Dropped, it gives up, and the file's position says how far
/// it has come.
pub(crate) struct Sending(pub(crate) FilePart);

impl Drop for Sending {
    fn drop(&mut self) {
        let Inside { file, offset, .. } = &*self.0.0;
        self.0.0.is_given_up.set(true);
        // What has no position has none to be told by.
        let _ = (&**file).seek(SeekFrom::Start(offset.saturating_add(self.0.sent())));
    }
}

/// Whether that is no fault of the file's or the peer's: it has to be read and written.
pub(crate) fn has_to_be_read(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// What there is to say where it is [not to be](SendfileOptions::fallback).
pub(crate) fn has_no_fallback() -> io::Error {
    let message = "the kernel cannot send this file there, and no fallback is wanted";
    io::Error::new(io::ErrorKind::Unsupported, message)
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, from)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, from)
}

impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inside { offset, sent, .. } = &*self.0;
        f.debug_struct("FilePart").field("offset", offset).field("sent", sent).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// There is no loop here that could lend one.
    #[test]
    fn what_is_over_starts_no_thread() {
        let options = SendfileOptions { count: Some(0), ..SendfileOptions::default() };
        let file = File::open("Cargo.toml").expect("it is there");
        let part = FilePart::new(&file, options).expect("it can be copied");
        let reading = pin!(part.read(vec![1]));
        let mut context = Context::from_waker(Waker::noop());
        let polled = reading.poll(&mut context);
        assert!(matches!(polled, Poll::Ready(Ok(empty)) if empty.is_empty()));
    }
}
