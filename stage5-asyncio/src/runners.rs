//! From opening a loop to closing it: what a program starts with.

use std::io;

#[cfg(unix)]
use crate::debug;
use crate::event_loop::EventLoop;
use crate::events::{LoopFactory, new_event_loop, with_loop_factory};
use crate::tasks;

/// Runs `main` to its end on a loop of its own. Tasks that are left over then are cancelled,
/// and their exits are awaited; then the loop is closed.
///
/// # Errors
///
/// What opening or asking the selector answers; `Interrupted` with
/// [`Cancelled`](crate::exceptions::Cancelled) in it if `main` was cancelled; `Deadlock` when nobody
/// can wake the loop any more, as [`EventLoop::run_until_complete`] has it.
///
/// # Panics
///
/// Panics inside another `run`, and with whatever `main` panics with.
#[doc(alias("asyncio.run", "block_on"))]
#[track_caller]
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> io::Result<T> {
    assert!(
        crate::event_loop::try_current().is_none(),
        "run() cannot be called from a running event loop: await the future instead"
    );
    let runner = Runner::new()?;
    let output = runner.run(main)?;
    runner.close().map(|()| output)
}

/// A loop that several `run`s have in common: what one leaves behind outside of tasks, the next
/// finds there. Dropping it closes the loop.
#[derive(Debug)]
pub struct Runner {
    event_loop: EventLoop,
    /// If the environment asks for debug mode, whoever wants to see the tasks is shown them.
    #[cfg(unix)]
    _serving: Option<debug::Serving>,
}

impl Runner {
    /// Opens a loop.
    ///
    /// # Errors
    ///
    /// What opening the selector answers.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            event_loop: new_event_loop()?,
            #[cfg(unix)]
            _serving: debug::serve_if_asked(),
        })
    }

    /// Opens a loop on the engine that `factory` opens.
    ///
    /// # Errors
    ///
    /// What the factory answers.
    #[doc(alias = "loop_factory")]
    pub fn with_factory(factory: LoopFactory) -> io::Result<Self> {
        with_loop_factory(factory, Self::new)
    }

    /// Runs `main` to its end.
    ///
    /// # Errors
    ///
    /// As [`run`].
    #[track_caller]
    pub fn run<T: 'static>(
        &self,
        main: impl Future<Output = T> + 'static,
    ) -> io::Result<T> {
        self.event_loop.run_until_complete(main)
    }

    /// The loop.
    pub fn get_loop(&self) -> &EventLoop {
        &self.event_loop
    }

    /// Cancels whoever is left, waits for their exits, and closes the loop. To close twice is
    /// fine.
    ///
    /// # Errors
    ///
    /// What the reactor answers while the exits are awaited.
    pub fn close(&self) -> io::Result<()> {
        if self.event_loop.is_closed() {
            return Ok(());
        }
        let left = self.cancel_all_tasks().and_then(|()| self.shutdown());
        self.event_loop.close();
        left
    }

    fn shutdown(&self) -> io::Result<()> {
        let event_loop = self.event_loop.clone();
        self.event_loop.run_until_complete(async move {
            event_loop.shutdown_asyncgens().await;
            event_loop.shutdown_default_executor().await;
        })
    }

    fn cancel_all_tasks(&self) -> io::Result<()> {
        let left = tasks::all_tasks_of(&self.event_loop);
        for task in &left {
            task.cancel();
        }
        self.event_loop.run_until_complete(async move {
            for task in left {
                task.ended().await;
            }
        })
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // What could not be waited for is dropped with the loop.
        let _ = self.close();
    }
}
