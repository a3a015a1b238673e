//! The half of a stream that is read: bytes come in on one side as they arrive, and go out on
//! the other as they are asked for.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;
use reactor::trace::Place;

use crate::exceptions::{IncompleteRead, LimitOverrun};
use crate::extras::waiter::Waiter;
use crate::tasks::{WaitsFor, waits};
use crate::transports::Transport;

/// What is read of a connection, or of a pipe. One task reads: that is what `&mut` says.
///
/// To drop what a read gives before it is done loses nothing: what has arrived stays here. (But
/// [`read_to_end`](Self::read_to_end), which takes as it goes.)
///
/// ```
/// use stage5_asyncio::streams::{DEFAULT_LIMIT, StreamReader};
///
/// # fn main() -> std::io::Result<()> {
/// # stage5_asyncio::run(async {
/// let mut reader = StreamReader::new(DEFAULT_LIMIT);
/// reader.feed_data(b"two\nlines\n");
/// reader.feed_eof();
/// let mut lines = 0;
/// while let Some(line) = reader.next().await? {
///     assert!(line.ends_with(b"\n"));
///     lines += 1;
/// }
/// assert_eq!(lines, 2);
/// # Ok(())
/// # })?
/// # }
/// ```
#[doc(alias = "asyncio.StreamReader")]
pub struct StreamReader(pub(crate) Rc<Fed>);

/// Why there is less than was asked for.
#[derive(Debug)]
pub enum ReadError {
    /// The end came before that.
    Incomplete(IncompleteRead),
    /// It would be more than the limit.
    LimitOverrun(LimitOverrun),
    /// The connection broke.
    Io(io::Error),
}

/// What has arrived, and who waits for it.
pub(crate) struct Fed {
    /// What `readuntil` gives has to be shorter; twice as much is read ahead.
    limit: usize,
    /// Filled by `feed_data`; emptied by the reads.
    buffer: RefCell<Vec<u8>>,
    /// No more will come. Set by `feed_eof`.
    has_ended: Cell<bool>,
    /// Set by `fail`.
    error: RefCell<Option<io::Error>>,
    /// Whoever waits for more.
    waiter: Cell<Option<Waiter>>,
    /// Told to pause when the buffer is too full. Set as it is connected.
    transport: RefCell<Option<Rc<dyn Transport>>>,
    is_paused: Cell<bool>,
    /// Set for a pipe: nobody else has it, so it is closed with its reader.
    is_the_only_end: Cell<bool>,
}

impl StreamReader {
    /// One that is fed by hand.
    ///
    /// # Panics
    ///
    /// Panics if the limit is zero.
    pub fn new(limit: usize) -> Self {
        assert!(limit > 0, "a stream needs room for one byte at least");
        Self(Rc::new(Fed {
            limit,
            buffer: RefCell::default(),
            has_ended: Cell::default(),
            error: RefCell::default(),
            waiter: Cell::default(),
            transport: RefCell::default(),
            is_paused: Cell::default(),
            is_the_only_end: Cell::default(),
        }))
    }

    /// Has the transport closed when this is dropped.
    pub(super) fn is_the_only_end(&self) {
        self.0.is_the_only_end.set(true);
    }

    /// Reads up to `n` bytes, as soon as there are any. None at all: it is the end.
    ///
    /// # Errors
    ///
    /// What broke the connection.
    #[track_caller]
    pub fn read(&mut self, n: usize) -> impl Future<Output = io::Result<Vec<u8>>> {
        self.attempt(Place::here(), move |fed| {
            fed.check()?;
            Ok((n == 0 || fed.has_some() || fed.has_ended()).then(|| fed.take(n)))
        })
    }

    /// Reads everything, to the end.
    ///
    /// # Errors
    ///
    /// What broke the connection.
    #[track_caller]
    pub fn read_to_end(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> {
        let mut all = Vec::new();
        self.attempt(Place::here(), move |fed| {
            fed.check()?;
            all.append(&mut fed.take(usize::MAX));
            Ok(fed.has_ended().then(|| mem::take(&mut all)))
        })
    }

    /// Reads `n` bytes, no more and no less.
    ///
    /// # Errors
    ///
    /// [`IncompleteRead`] with what was left, if the end comes before; what broke the connection.
    #[doc(alias = "read_exact")]
    #[track_caller]
    pub fn readexactly(
        &mut self,
        n: usize,
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> {
        self.attempt(Place::here(), move |fed| {
            fed.check()?;
            if fed.len() >= n {
                Ok(Some(fed.take(n)))
            } else if fed.has_ended() {
                Err(fed.incomplete(Some(n)))
            } else {
                Ok(None)
            }
        })
    }

    /// Reads a line, with its end, `\n`. The last one may have none; after it, the line is empty.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with a [`LimitOverrun`] in it, if the line is longer than the limit: then
    /// as much of it as there is is thrown away. What broke the connection.
    #[track_caller]
    pub fn readline(&mut self) -> impl Future<Output = io::Result<Vec<u8>>> {
        let mut searched = 0;
        self.attempt(Place::here(), move |fed| fed.line(&mut searched))
    }

    /// Reads up to the separator, and that too.
    ///
    /// # Errors
    ///
    /// [`IncompleteRead`] with what was left, if the end comes before; [`LimitOverrun`] if it
    /// would be more than the limit: then it stays where it is. What broke the connection.
    ///
    /// # Panics
    ///
    /// Panics if the separator is empty.
    #[doc(alias = "read_until")]
    #[track_caller]
    pub fn readuntil<'a>(
        &'a mut self,
        separator: &'a [u8],
    ) -> impl Future<Output = Result<Vec<u8>, ReadError>> + 'a {
        assert!(!separator.is_empty(), "a separator has one byte at least");
        let mut searched = 0;
        self.attempt(Place::here(), move |fed| fed.until(separator, &mut searched))
    }

    /// The next line, with its end; `None` after the last one. A `while let` over it is an
    /// `async for`.
    ///
    /// # Errors
    ///
    /// As [`readline`](Self::readline).
    #[doc(alias("__anext__", "async for"))]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is `next` of an async iterator"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = io::Result<Option<Vec<u8>>>> {
        let line = self.readline();
        async { Ok(Some(line.await?).filter(|line| !line.is_empty())) }
    }

    /// Whether the end has come, and all before it is read.
    pub fn at_eof(&self) -> bool {
        self.0.has_ended() && !self.0.has_some()
    }

    /// These bytes have arrived.
    ///
    /// # Panics
    ///
    /// Panics after the end.
    pub fn feed_data(&self, data: &[u8]) {
        self.0.feed_data(data);
    }

    /// No more will arrive.
    pub fn feed_eof(&self) {
        self.0.feed_eof();
    }

    /// Whoever reads from now on fails with `error`.
    #[doc(alias = "set_exception")]
    pub fn set_error(&self, error: io::Error) {
        self.0.fail(error);
    }

    /// Tries until there is an answer; waits for more in between.
    fn attempt<T, E>(
        &self,
        place: Place,
        mut attempt: impl FnMut(&Fed) -> Result<Option<T>, E>,
    ) -> impl Future<Output = Result<T, E>> {
        poll_fn(move |context| self.0.poll(context, place, &mut attempt))
    }
}

impl Fed {
    /// Tries. If there is no answer yet, whoever asks parks here.
    fn poll<T, E>(
        &self,
        context: &Context<'_>,
        place: Place,
        attempt: &mut impl FnMut(&Self) -> Result<Option<T>, E>,
    ) -> Poll<Result<T, E>> {
        if let Some(answer) = attempt(self).transpose() {
            self.resume_if_little_enough();
            return Poll::Ready(answer);
        }
        waits(WaitsFor::Other("data from a stream"), place);
        let _place = place.enter();
        let before = self.waiter.replace(Some(Waiter::of(context)));
        drop(before);
        // It waits for more than there may be at a time.
        self.resume();
        Poll::Pending
    }

    /// A line, or what is left of one.
    fn line(&self, searched: &mut usize) -> io::Result<Option<Vec<u8>>> {
        match self.until(b"\n", searched) {
            Err(ReadError::Incomplete(IncompleteRead { partial, .. })) => {
                Ok(Some(partial))
            }
            Err(ReadError::LimitOverrun(overrun)) => {
                let found = self.buffer.borrow().get(overrun.consumed) == Some(&b'\n');
                drop(self.take(if found { overrun.consumed + 1 } else { usize::MAX }));
                self.resume_if_little_enough();
                Err(ReadError::LimitOverrun(overrun).into())
            }
            line => Ok(line?),
        }
    }

    /// Up to `separator`, of which nothing begins before `searched`.
    fn until(
        &self,
        separator: &[u8],
        searched: &mut usize,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        self.check()?;
        let found = find(&self.buffer.borrow()[*searched..], separator);
        let Some(found) = found else {
            *searched = (self.len() + 1).saturating_sub(separator.len());
            if *searched > self.limit {
                return Err(LimitOverrun { consumed: *searched, is_found: false }.into());
            }
            return if self.has_ended() { Err(self.incomplete(None)) } else { Ok(None) };
        };
        let consumed = *searched + found;
        if consumed > self.limit {
            return Err(LimitOverrun { consumed, is_found: true }.into());
        }
        Ok(Some(self.take(consumed + separator.len())))
    }

    /// Takes everything, which somebody else will read.
    #[cfg(feature = "tls")]
    pub(crate) fn take_all(&self) -> Vec<u8> {
        self.is_paused.set(false);
        self.take(usize::MAX)
    }

    /// What is left, which is less than was asked for.
    fn incomplete(&self, expected: Option<usize>) -> ReadError {
        ReadError::Incomplete(IncompleteRead { partial: self.take(usize::MAX), expected })
    }

    /// Takes the first `n` bytes, or as many as there are.
    fn take(&self, n: usize) -> Vec<u8> {
        let mut buffer = self.buffer.borrow_mut();
        if n >= buffer.len() {
            return mem::take(&mut *buffer);
        }
        let rest = buffer.split_off(n);
        mem::replace(&mut *buffer, rest)
    }

    pub(crate) fn feed_data(&self, data: &[u8]) {
        assert!(!self.has_ended(), "nothing can be fed after the end");
        if data.is_empty() {
            return;
        }
        self.buffer.borrow_mut().extend_from_slice(data);
        self.wake();
        let is_too_much = self.len() > 2 * self.limit && !self.is_paused.get();
        let transport = self.transport.borrow().clone().filter(|_| is_too_much);
        if let Some(transport) = transport {
            transport.pause_reading();
            self.is_paused.set(true);
        }
    }

    pub(crate) fn feed_eof(&self) {
        self.has_ended.set(true);
        self.wake();
    }

    pub(crate) fn fail(&self, error: io::Error) {
        self.error.replace(Some(error));
        self.wake();
    }

    pub(crate) fn set_transport(&self, transport: Rc<dyn Transport>) {
        let before = self.transport.replace(Some(transport));
        drop(before);
    }

    /// Fails as the connection did.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.error.borrow().as_ref().map_or(Ok(()), |error| Err(again(error)))
    }

    #[track_caller]
    fn wake(&self) {
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    fn resume_if_little_enough(&self) {
        if self.len() <= self.limit {
            self.resume();
        }
    }

    fn resume(&self) {
        if self.is_paused.replace(false) {
            let transport = self.transport.borrow().clone();
            transport.iter().for_each(|it| it.resume_reading());
        }
    }

    /// Whether it is fed by something whose two directions end apart.
    pub(crate) fn can_write_eof(&self) -> bool {
        let transport = self.transport.borrow().clone();
        transport.is_some_and(|it| it.can_write_eof())
    }

    fn has_ended(&self) -> bool {
        self.has_ended.get()
    }

    fn has_some(&self) -> bool {
        self.len() > 0
    }

    fn len(&self) -> usize {
        self.buffer.borrow().len()
    }
}

/// What nobody can read any more is not kept: whoever writes to a pipe hears of that, even if it was
/// paused, and so nobody would hear of its end.
impl Drop for StreamReader {
    fn drop(&mut self) {
        if self.0.is_the_only_end.get() {
            let transport = self.0.transport.borrow().clone();
            transport.iter().for_each(|it| it.close());
        }
    }
}

/// Where `separator` is found first.
fn find(bytes: &[u8], separator: &[u8]) -> Option<usize> {
    match separator {
        [byte] => bytes.iter().position(|it| it == byte),
        _ => bytes.windows(separator.len()).position(|it| it == separator),
    }
}

/// The same error once more: each read gets one.
pub(crate) fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// Lines, with their ends.
impl Stream for StreamReader {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let line = self.0.poll(context, Place::here(), &mut |fed| fed.line(&mut 0));
        line.map(|line| line.map(|it| Some(it).filter(|it| !it.is_empty())).transpose())
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LimitOverrun> for ReadError {
    fn from(overrun: LimitOverrun) -> Self {
        Self::LimitOverrun(overrun)
    }
}

/// `UnexpectedEof`, or `InvalidData`: so that `?` does in a function that only knows of io.
impl From<ReadError> for io::Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Incomplete(it) => Self::new(io::ErrorKind::UnexpectedEof, it),
            ReadError::LimitOverrun(it) => Self::new(io::ErrorKind::InvalidData, it),
            ReadError::Io(error) => error,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Incomplete(it) => it.fmt(f),
            Self::LimitOverrun(it) => it.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for ReadError {}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReader")
            .field("bytes", &self.0.len())
            .field("eof", &self.0.has_ended())
            .finish_non_exhaustive()
    }
}
