//! A scope: a future in which light tasks live.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::set::{Next, Set};
use crate::event_loop::STEPS;

/// Runs `main` and every light task that is [spawned](super::spawn) meanwhile. At the end of
/// `main`, those that are left are dropped, and so they are when the scope is dropped itself.
///
/// A scope may be awaited by any task, a light one of another scope included.
pub fn scope<F: Future>(main: F) -> Scope<F> {
    Scope { main, members: Members(Set::open()) }
}

pin_project! {
    /// Awaited, it gives what its main future gives.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Scope<F> {
        #[pin]
        main: F,
        members: Members,
    }
}

/// Whoever lives in a scope. Dropped, they are dropped.
struct Members(Rc<Set>);

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    /// The heart of light tasks, and the one place where they are resumed. Those that are ready
    /// take their steps, first come, first served, and after some of them it is the turn of
    /// the other tasks of the loop.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let set = &this.members.0;
        let running = set.enter(context.waker());
        for _ in 0..STEPS {
            match set.next() {
                None => break,
                Some(Next::Main) => {
                    let waker = set.main_waker();
                    let polled =
                        this.main.as_mut().poll(&mut Context::from_waker(&waker));
                    if polled.is_ready() {
                        return polled;
                    }
                }
                Some(Next::Task(task)) => {
                    if task.step() {
                        set.leave(&task);
                    }
                }
            }
        }
        drop(running);
        set.rest(context.waker());
        Poll::Pending
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<F> fmt::Debug for Scope<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
