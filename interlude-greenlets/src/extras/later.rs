//! Greenlets that begin later.

use std::time::Duration;

use reactor::trace::Place;

use crate::extras::current::{current, try_current};
use crate::task::JoinHandle;

/// Starts a greenlet in `duration`. Until then it has no stack. Killed before, it never
/// begins; dropped, it does.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
///
/// ```
/// use interlude_greenlets::extras::later::spawn_later;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let word = interlude_greenlets::run(|| {
///     spawn_later(Duration::from_millis(1), || "later").join().unwrap()
/// })?;
/// assert_eq!(word, "later");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn spawn_later<T: 'static>(
    duration: Duration,
    body: impl FnOnce() -> T + 'static,
) -> JoinHandle<T> {
    let _place = Place::here().enter();
    let event_loop = current();
    let (handle, id) = event_loop.prepare(body);
    let timer = event_loop.reactor.wait_until(event_loop.reactor.after(duration), id);
    handle.at_the_end(move || {
        let event_loop = try_current();
        // Nothing is left of it if it is killed before.
        let _id = event_loop.and_then(|it| it.reactor.cancel(timer));
    });
    handle
}
