//! The engine that is used unless another one is plugged in: a queue over a selector.

#[cfg(unix)]
mod sock;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use reactor::{Reactor, trace};

use crate::events::{AbstractEventLoop, Ready};
use crate::extras::deadlock::{Watch, watch};
use crate::extras::remote::Remote;

/// One thread, one queue, one selector.
#[derive(Debug)]
pub struct SelectorEventLoop {
    /// Filled by `push`; emptied by `run_ready`.
    ready: RefCell<VecDeque<Ready>>,
    /// Filled by other threads; emptied by `wait`.
    remote: Arc<Remote>,
    /// Set by `stop`; taken at the end of a turn.
    is_stopping: Cell<bool>,
    reactor: Reactor<Ready>,
}

/// Opens one, on the backend that the reactor is told to use.
///
/// # Errors
///
/// What opening the selector answers.
pub fn open() -> io::Result<Box<dyn AbstractEventLoop>> {
    let reactor = Reactor::new()?;
    let remote = Arc::new(Remote::new(reactor.waker()));
    let (ready, is_stopping) = (RefCell::default(), Cell::default());
    Ok(Box::new(SelectorEventLoop { ready, remote, is_stopping, reactor }))
}

impl AbstractEventLoop for SelectorEventLoop {
    fn push(&self, next: Ready) {
        self.ready.borrow_mut().push_back(next);
    }

    fn run_forever(&self) -> io::Result<()> {
        // Whoever was woken from outside while the loop stood still is ready now.
        self.remote.hear(self);
        loop {
            self.wait()?;
            self.run_ready();
            if self.is_stopping.take() {
                return Ok(());
            }
        }
    }

    fn stop(&self) {
        self.is_stopping.set(true);
    }

    fn take_all(&self) -> Vec<Ready> {
        self.ready.take().into()
    }

    fn queued(&self) -> usize {
        self.ready.borrow().len()
    }

    fn reactor(&self) -> &Reactor<Ready> {
        &self.reactor
    }

    fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }
}

impl SelectorEventLoop {
    /// One turn: whoever is ready by now is run, first come, first served. What they queue is
    /// for the next turn, so that nobody keeps the sockets waiting.
    #[doc(alias = "_run_once")]
    fn run_ready(&self) {
        let _turn = trace::turn();
        let now = self.ready.borrow().len();
        for _ in 0..now {
            let next = self.ready.borrow_mut().pop_front();
            // A callback may have closed the loop: then the queue is empty.
            let Some(next) = next else { return };
            next.run();
        }
    }

    /// Sleeps in the reactor until somebody is ready, then queues whoever can go on.
    fn wait(&self) -> io::Result<()> {
        let is_busy = !self.ready.borrow().is_empty() || self.is_stopping.get();
        let watch = if is_busy { Watch::busy() } else { watch()? };
        let mut handed_back = Vec::new();
        let slept = self.reactor.select(watch.patience(), &mut handed_back);
        drop(watch);
        slept?;
        for ready in handed_back {
            ready.handed_back(self);
        }
        self.remote.hear(self);
        Ok(())
    }
}
