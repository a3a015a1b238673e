//! A port that hands every connection to a protocol: Twisted's `listenTCP`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::protocol::{Factory, Protocol};
use super::transport::Connection;
use crate::deferred::Deferred;
use crate::event_loop::{DelayedCall, call_later};
use crate::failure::{guard, report};
use crate::net::{TcpListener, TcpStream, Waiting};
use crate::time::sleep;

/// How long to wait when no connection can be had, for want of descriptors for instance.
const BREATHER: Duration = Duration::from_millis(100);

/// Listens, and has `factory` make a protocol for each connection, until the port is told to
/// stop or the loop ends. See [`Protocol`] for an example.
///
/// # Errors
///
/// Whatever `bind` and `listen` answer.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "listenTCP")]
pub fn listen_tcp(
    address: SocketAddr,
    factory: impl Factory,
) -> io::Result<ListeningPort> {
    let listener = TcpListener::bind(address)?;
    let host = listener.local_addr()?;
    let port = Rc::new(Port {
        listener: RefCell::new(Some(listener)),
        factory: Cell::new(Some(Box::new(factory))),
        accepting: RefCell::default(),
        breather: RefCell::default(),
    });
    Rc::clone(&port).accept();
    Ok(ListeningPort { port, host })
}

/// A port that listens. Dropping it changes nothing. Its clones are one port.
///
/// ```
/// use stage1_callbacks::extras::listening::listen_tcp;
/// use stage1_callbacks::react;
///
/// # fn main() -> std::io::Result<()> {
/// let end = react(|| {
///     let nobody = |_peer| None; // everybody is turned away
///     let port = listen_tcp(([127, 0, 0, 1], 0).into(), nobody).unwrap();
///     assert_ne!(port.get_host().port(), 0); // the one that was free
///     port.stop_listening()
/// })?;
/// assert!(end.is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ListeningPort {
    port: Rc<Port>,
    host: SocketAddr,
}

struct Port {
    /// Gone once it is told to stop.
    listener: RefCell<Option<TcpListener>>,
    /// Taken while it makes a protocol; gone once it is told to stop.
    factory: Cell<Option<Box<dyn Factory>>>,
    accepting: RefCell<Option<Waiting>>,
    breather: RefCell<Option<DelayedCall>>,
}

impl ListeningPort {
    /// Where it listens, or did.
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> SocketAddr {
        self.host
    }

    /// Takes no more connections, and closes the socket; those that are there go on. Fires in
    /// the next turn.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias = "stopListening")]
    #[track_caller]
    pub fn stop_listening(&self) -> Deferred<()> {
        self.port.accepting.take().iter().for_each(Waiting::cancel);
        self.port.breather.take().iter().for_each(DelayedCall::cancel);
        let (listener, factory) = (self.port.listener.take(), self.port.factory.take());
        drop((listener, factory));
        sleep(Duration::ZERO)
    }
}

impl Port {
    fn accept(self: Rc<Self>) {
        let Some(listener) = self.listener.borrow().clone() else { return };
        let own = Rc::clone(&self);
        let accepting = listener.accept_then(move |result| own.accepted(result));
        self.accepting.replace(Some(accepting));
    }

    fn accepted(self: Rc<Self>, result: io::Result<TcpStream>) {
        match result {
            Ok(stream) => {
                self.take(stream);
                self.accept();
            }
            Err(error) => {
                report(format_args!("No connection can be accepted for now: {error}"));
                let own = Rc::clone(&self);
                let breather = call_later(BREATHER, move || own.accept());
                self.breather.replace(Some(breather));
            }
        }
    }

    fn take(&self, stream: TcpStream) {
        // One that has no peer is gone already.
        let Ok(peer) = stream.peer_addr() else { return };
        let Some(protocol) = self.build(peer) else { return };
        Connection::begin(stream, peer, protocol, |_| ());
    }

    fn build(&self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        let mut factory = self.factory.take()?;
        let built = guard(|| factory.build_protocol(peer));
        if self.listener.borrow().is_some() {
            self.factory.set(Some(factory));
        } else {
            drop(factory); // it has told its own port to stop
        }
        built.unwrap_or_else(|panic| {
            report(format_args!("Unhandled error in a factory: {panic}"));
            None
        })
    }
}

impl fmt::Debug for ListeningPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ListeningPort").field(&self.host).finish()
    }
}
