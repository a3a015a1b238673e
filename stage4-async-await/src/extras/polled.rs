//! The traits of the futures crate, for streams: a poll is one attempt, by whoever has the
//! stream to itself.
//!
//! In a recording the wait is at the line that polls. If that is an adapter's, it is a line of the
//! adapter: who awaits that one is hidden by it.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncRead, AsyncWrite};
use reactor::trace::Place;

use crate::event_loop::current;
use crate::extras::deadlock::WaitsFor;
use crate::extras::streams::{ReadHalf, WriteHalf};
#[cfg(unix)]
use crate::extras::unix::UnixStream;
use crate::extras::waiter::Waiter;
use crate::net::{Side, TcpStream};

impl Side {
    /// Makes one attempt. If it would block, whoever polls is woken when another is worth
    /// while: it alone, and nobody is told that the side is busy. So it has to have the side to
    /// itself; the traits ask for `&mut self`.
    #[track_caller]
    pub(crate) fn poll<T>(
        &self,
        context: &Context<'_>,
        attempt: impl FnOnce() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.leave_waker(context);
                Poll::Pending
            }
            result => Poll::Ready(result),
        }
    }

    #[track_caller]
    fn leave_waker(&self, context: &Context<'_>) {
        let _place = Place::here().enter();
        let waker = Waiter::of(context, WaitsFor::Socket).waker();
        let before = current().reactor.wait_for(self.key, self.direction, waker);
        // It was the same one that waited before, maybe elsewhere.
        drop(before);
        // Nor is it in the way of a future that comes later.
        self.parked.set(0);
    }
}

/// Whatever is, in the end, a stream.
trait Bytes {
    fn bytes(&self) -> &TcpStream;
}

impl Bytes for TcpStream {
    fn bytes(&self) -> &TcpStream {
        self
    }
}

#[cfg(unix)]
impl Bytes for UnixStream {
    fn bytes(&self) -> &TcpStream {
        &self.0
    }
}

impl Bytes for ReadHalf {
    fn bytes(&self) -> &TcpStream {
        &self.0
    }
}

impl Bytes for WriteHalf {
    fn bytes(&self) -> &TcpStream {
        &self.0
    }
}

macro_rules! can_be_read {
    ($Stream:ty) => {
        impl AsyncRead for $Stream {
            #[track_caller]
            fn poll_read(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                let TcpStream { inner, reads, .. } = self.bytes();
                reads.poll(context, || inner.read(buffer))
            }
        }
    };
}

macro_rules! can_be_written {
    ($Stream:ty) => {
        impl AsyncWrite for $Stream {
            #[track_caller]
            fn poll_write(
                self: Pin<&mut Self>,
                context: &mut Context<'_>,
                bytes: &[u8],
            ) -> Poll<io::Result<usize>> {
                let TcpStream { inner, writes, .. } = self.bytes();
                writes.poll(context, || inner.write(bytes))
            }

            /// What is written is the kernel's: nothing is kept here.
            fn poll_flush(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            /// Tells the peer that nothing more will be written. Afterwards it can still be
            /// read.
            fn poll_close(
                self: Pin<&mut Self>,
                _: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                Poll::Ready(self.bytes().inner.shutdown(Shutdown::Write))
            }
        }
    };
}

can_be_read!(TcpStream);
can_be_read!(ReadHalf);
can_be_written!(TcpStream);
can_be_written!(WriteHalf);
#[cfg(unix)]
can_be_read!(UnixStream);
#[cfg(unix)]
can_be_written!(UnixStream);
