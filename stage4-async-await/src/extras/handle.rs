//! What becomes of a handle, and of an output that nobody has taken: it is dropped, and a
//! panic is reported.

use crate::extras::report::report_panic;
use crate::task::{JoinHandle, State, Step, Task};

/// The task runs on, but whoever waited for it is not woken any more.
impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.0.known.is_finished.get() {
            self.0.forget();
        } else {
            drop(self.0.body.state().replace(State::Awaited(None)));
        }
    }
}

impl<B: Step + ?Sized> Task<B> {
    /// "Task exception was never retrieved" in asyncio.
    fn forget(&self) {
        if let Some(panic) = self.body.forget() {
            let what = format!("{self} panicked, and nobody awaits it");
            report_panic(&what, &*panic);
        }
    }
}

impl<B: Step + ?Sized> Drop for Task<B> {
    fn drop(&mut self) {
        self.forget();
    }
}
