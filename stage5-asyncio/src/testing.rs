//! For tests: whatever a loop only warns of is a failure.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the warnings of a thread's loops are collected.
pub(crate) type Ears = Arc<Mutex<Vec<String>>>;

thread_local! {
    /// Set for the length of a `warnings`.
    static EARS: RefCell<Option<Ears>> = const { RefCell::new(None) };
}

/// Calls `body`, in which every loop is in debug mode, and fails if there is anything to warn
/// of, or an error that nobody heard of: as Python's tests do with `-X dev -W error`. Who keeps
/// the loop for long is told of only where [`slow_callback_duration`] is set: tests run on busy
/// machines.
///
/// [`slow_callback_duration`]: crate::EventLoop::set_slow_callback_duration
///
/// ```should_panic
/// use stage5_asyncio::{debug::coroutine, run, testing};
///
/// testing::strict(|| run(async { drop(coroutine(async { 7 })) }));
/// ```
///
/// # Panics
///
/// Panics with all warnings, if there are any. What a program's own exception handler is told
/// is none: it was heard of.
#[doc(alias = "IsolatedAsyncioTestCase")]
#[track_caller]
pub fn strict<R>(body: impl FnOnce() -> R) -> R {
    let (result, warnings) = warnings(body);
    assert!(warnings.is_empty(), "there were warnings:\n  {}", warnings.join("\n  "));
    result
}

/// The same for who wants to look at them: gives the warnings, which go nowhere else.
pub fn warnings<R>(body: impl FnOnce() -> R) -> (R, Vec<String>) {
    struct Restore(Option<Ears>);
    impl Drop for Restore {
        fn drop(&mut self) {
            EARS.set(self.0.take());
        }
    }
    let ears = Ears::default();
    let restore = Restore(EARS.replace(Some(Arc::clone(&ears))));
    let result = body();
    drop(restore);
    let heard = std::mem::take(&mut *ears.lock().unwrap_or_else(PoisonError::into_inner));
    (result, heard)
}

/// Whether somebody collects the warnings of this thread.
pub(crate) fn is_strict() -> bool {
    ears().is_some()
}

pub(crate) fn ears() -> Option<Ears> {
    EARS.try_with(|ears| ears.borrow().clone()).ok().flatten()
}

/// Says it to whoever collects. `false`: nobody does.
pub(crate) fn hear(ears: Option<&Ears>, text: &str) -> bool {
    let Some(ears) = ears else { return false };
    ears.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
    true
}
