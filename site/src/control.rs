//! How the outside talks to a server that runs: where it listens, and when it is to stop.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// Handed to a program that serves; a clone stays outside, on any thread.
#[derive(Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// Told when the server listens, or never will.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Set by the server, read outside.
    address: Option<SocketAddr>,
    /// Set outside when the server ended before it listened.
    failed: bool,
    /// Set outside, read by the server.
    stopped: bool,
    /// Set by the server: how much it keeps for its clients, and the most there ever was.
    kept: (usize, usize),
    /// Left by the server; called by whoever stops it.
    on_stop: Vec<Box<dyn FnOnce() + Send>>,
}

impl Control {
    /// A control that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The server says where it listens.
    pub fn listening(&self, address: SocketAddr) {
        self.state().address = Some(address);
        self.0.changed.notify_all();
    }

    /// The outside waits until the server listens. `None`: it failed before it did.
    pub fn address(&self) -> Option<SocketAddr> {
        let undecided = |state: &mut State| state.address.is_none() && !state.failed;
        let state = self.0.changed.wait_while(self.state(), undecided);
        state.unwrap_or_else(PoisonError::into_inner).address
    }

    /// Whoever ran the server says that it came back, so that nobody waits for an address
    /// that will never be.
    pub fn failed(&self) {
        self.state().failed = true;
        self.0.changed.notify_all();
    }

    /// The outside asks the server to stop. A second time does nothing.
    pub fn stop(&self) {
        let callbacks = {
            let mut state = self.state();
            state.stopped = true;
            std::mem::take(&mut state.on_stop)
        };
        callbacks.into_iter().for_each(|callback| callback());
    }

    /// Whether the server was asked to stop.
    pub fn stopped(&self) -> bool {
        self.state().stopped
    }

    /// The server says how many bytes it keeps for its clients.
    pub fn keeps(&self, bytes: usize) {
        let mut state = self.state();
        state.kept = (bytes, state.kept.1.max(bytes));
    }

    /// How many bytes the server keeps for its clients now, and the most it ever kept.
    pub fn kept(&self) -> (usize, usize) {
        self.state().kept
    }

    /// Leaves a callback for the moment of [`stop`](Self::stop). It is called on the thread
    /// that stops the server; at once, if that has happened.
    pub fn on_stop(&self, callback: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        if state.stopped {
            drop(state);
            callback();
        } else {
            state.on_stop.push(Box::new(callback));
        }
    }

    /// Ready once the server was asked to stop; until then, the task is woken by it.
    pub fn poll_stopped(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.stopped() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        self.on_stop(move || waker.wake());
        Poll::Pending
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let mut debug = f.debug_struct("Control");
        debug.field("address", &state.address).field("stopped", &state.stopped).finish()
    }
}
