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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use std::thread;

    use super::*;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn whoever_asks_for_the_address_waits_until_there_is_one() {
        let control = Control::new();
        let server = control.clone();
        let asks = thread::spawn(move || control.address());
        server.listening(([127, 0, 0, 1], 7).into());
        let address = Some(([127, 0, 0, 1], 7).into());
        assert_eq!(asks.join().expect("it is told"), address);
        // Who fails later has listened.
        server.failed();
        assert_eq!(server.address(), address);
        let shown = "Control { address: Some(127.0.0.1:7), stopped: false }";
        assert_eq!(format!("{server:?}"), shown);
    }

    #[test]
    fn nobody_waits_for_the_address_of_a_server_that_failed() {
        let control = Control::new();
        let server = control.clone();
        let asks = thread::spawn(move || control.address());
        server.failed();
        assert_eq!(asks.join().expect("it is told"), None);
    }

    #[test]
    fn a_stop_is_heard_once_by_each_who_listens_and_at_once_by_who_comes_late() {
        let (control, heard) = (Control::new(), Arc::new(AtomicUsize::new(0)));
        let listen = || {
            let heard = Arc::clone(&heard);
            control.on_stop(move || _ = heard.fetch_add(1, Ordering::SeqCst));
        };
        listen();
        listen();
        assert_eq!((control.stopped(), heard.load(Ordering::SeqCst)), (false, 0));
        control.stop();
        control.stop();
        assert_eq!((control.stopped(), heard.load(Ordering::SeqCst)), (true, 2));
        listen();
        assert_eq!(heard.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_task_that_waits_for_the_stop_is_woken_by_it() {
        let (control, woken) = (Control::new(), Arc::new(Woken::default()));
        let waker = Waker::from(Arc::clone(&woken));
        let poll = || control.poll_stopped(&mut Context::from_waker(&waker));
        assert_eq!((poll(), woken.0.load(Ordering::SeqCst)), (Poll::Pending, 0));
        control.stop();
        assert_eq!((poll(), woken.0.load(Ordering::SeqCst)), (Poll::Ready(()), 1));
    }

    #[test]
    fn the_most_that_was_ever_kept_is_remembered() {
        let control = Control::new();
        assert_eq!(control.kept(), (0, 0));
        [5, 9, 2].into_iter().for_each(|bytes| control.keeps(bytes));
        assert_eq!(control.kept(), (2, 9));
    }
}
