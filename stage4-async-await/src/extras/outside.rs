//! How another thread starts tasks: by a handle, the one part of a loop that may leave its own
//! thread.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use reactor::trace::Place;

use crate::event_loop::current;
use crate::extras::remote::Remote;

/// A handle of the running loop, for other threads.
///
/// ```
/// use stage4_async_await::{event_loop::handle, run};
/// use std::thread;
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let handle = handle();
///     let sum = thread::spawn(move || handle.spawn(|| async { 1 + 2 }).recv());
///     // This loop goes on meanwhile; a thread may wait for the other.
///     while !sum.is_finished() {
///         stage4_async_await::task::yield_now().await;
///     }
///     assert_eq!(sum.join().unwrap(), Ok(3));
/// })
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "get_running_loop")]
pub fn handle() -> Handle {
    let remote = Arc::clone(&current().remote);
    remote.add_handle();
    Handle(remote)
}

/// Starts tasks on a loop from any thread.
///
/// While there is one, its loop may sleep for ever: somebody may call. The drop of the last
/// one has the loop look whether anybody is left who can wake it.
pub struct Handle(Arc<Remote>);

impl Handle {
    /// Starts a task on the loop, in one of its next turns, with the future that `make` gives
    /// there: so the future need not be [`Send`]. The output comes back to whoever receives it.
    ///
    /// Nothing comes, and the sender is gone, if the task panics, which is reported on the
    /// loop's thread; if the loop ends before it; and if the loop is over already. To receive
    /// blocks, as anything does that waits outside of a loop; on a loop's own thread, that is
    /// a deadlock.
    #[doc(alias("run_coroutine_threadsafe", "call_soon_threadsafe"))]
    #[track_caller]
    pub fn spawn<F>(
        &self,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> Receiver<F::Output>
    where
        F: Future + 'static,
        F::Output: Send,
    {
        let (place, (sender, receiver)) = (Place::here(), channel());
        self.0.call(Box::new(move || {
            let task = async move {
                // Perhaps nobody wants it any more.
                let _ = sender.send(make().await);
            };
            drop(current().spawn(place, task));
        }));
        receiver
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.0.add_handle();
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.drop_handle();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
