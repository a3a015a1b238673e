//! Connections that come, as a stream: `async for`, if Rust had it.

use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use reactor::trace::Place;

use crate::net::{TcpListener, TcpStream};

impl TcpListener {
    /// The connections that come, as a stream. It does not end, and goes on after an error.
    ///
    /// ```
    /// use futures_util::{StreamExt, TryStreamExt};
    /// use stage4_async_await::net::{TcpListener, TcpStream};
    /// use stage4_async_await::{run, spawn};
    /// use std::io;
    ///
    /// # fn main() -> io::Result<()> {
    /// run(async {
    ///     let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    ///     let address = listener.local_addr()?;
    ///     for _ in 0..3 {
    ///         drop(spawn(TcpStream::connect(address)));
    ///     }
    ///     let three: Vec<_> = listener.incoming().take(3).try_collect().await?;
    ///     assert_eq!(three.len(), 3);
    ///     Ok(())
    /// })?
    /// # }
    /// ```
    #[track_caller]
    pub fn incoming(&mut self) -> Incoming<'_> {
        Incoming::of(self)
    }
}

/// The connections of a listener, which is its own for that time.
#[derive(Debug)]
pub struct Incoming<'a, S = TcpStream> {
    listener: &'a TcpListener,
    /// Where it was made, for the recording: who asks for an item is hidden by what asks for it.
    place: Place,
    streams: PhantomData<fn() -> S>,
}

impl<'a, S> Incoming<'a, S> {
    #[track_caller]
    pub(crate) fn of(listener: &'a mut TcpListener) -> Self {
        Self { listener, place: Place::here(), streams: PhantomData }
    }
}

impl<S: From<reactor::TcpStream<Waker>>> Stream for Incoming<'_, S> {
    type Item = io::Result<S>;

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let _place = self.place.enter();
        let TcpListener { inner, accepts } = self.listener;
        accepts.poll(context, || Ok(inner.accept()?.into())).map(Some)
    }
}

impl From<reactor::TcpStream<Waker>> for TcpStream {
    fn from(inner: reactor::TcpStream<Waker>) -> Self {
        Self::new(inner)
    }
}
