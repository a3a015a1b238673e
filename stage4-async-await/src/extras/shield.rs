//! What is not cancelled with whoever awaits it: a task of its own.

use crate::event_loop::spawn;
use crate::task::JoinHandle;

/// Has `future` run to its end, even if whoever awaits it is cancelled: `asyncio.shield`.
///
/// Here to be shielded is to be spawned. What is dropped by a cancel is the handle, and a
/// handle that is dropped lets its task run on. As in asyncio, it begins at the call, whether
/// it is awaited or not; the end of the loop cancels it like any other task; and if it fails
/// when nobody awaits it any more, that is [reported](super::report::on_report).
///
/// ```
/// use stage4_async_await::extras::shield::shield;
/// use stage4_async_await::{run, time::{sleep, timeout}};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let ms = Duration::from_millis(1);
///     let is_saved = Rc::new(Cell::new(false));
///     let saved = Rc::clone(&is_saved);
///     let save = async move {
///         sleep(2 * ms).await;
///         saved.set(true);
///     };
///     assert!(timeout(ms, shield(save)).await.is_err());
///     sleep(2 * ms).await;
///     assert!(is_saved.get());
/// })
/// # })
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn shield<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    spawn(future)
}
