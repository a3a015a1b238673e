//! A future that another thread may finish.
//!
//! A future belongs to its loop's thread, and only [`call_soon_threadsafe`] may cross over.
//! So what crosses is a number, and the loop's own thread knows which future it means.
//!
//! [`call_soon_threadsafe`]: Remote::call_soon_threadsafe

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use crate::event_loop::remote;
use crate::extras::remote::Remote;
use crate::future::{Future, Slot};

thread_local! {
    /// Filled by `signal`; emptied when a signal is set, or its future is gone.
    static SIGNALS: RefCell<BTreeMap<u64, Weak<Slot<()>>>> =
        const { RefCell::new(BTreeMap::new()) };

    /// Counts the signals so far: none is ever taken for a later one.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// A signal for another thread, and the future that is done once it is set.
///
/// ```
/// use stage3_yield_from::extras::signal::signal;
/// use stage3_yield_from::{coroutine, run, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let (signal, is_set) = signal();
///     let thread = std::thread::spawn(move || signal.set());
///     yield_from(&is_set).await?;
///     thread.join().expect("it only sets a signal");
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
pub fn signal() -> (Signal, Future<()>) {
    let future = Future::named("a signal");
    let id = COUNT.replace(COUNT.get() + 1);
    SIGNALS.with_borrow_mut(|signals| {
        signals.retain(|_, future| future.strong_count() > 0);
        signals.insert(id, Rc::downgrade(&future.0));
    });
    (Signal { id, remote: remote() }, future)
}

/// Finishes a future from any thread.
#[derive(Clone, Debug)]
pub struct Signal {
    id: u64,
    remote: Remote,
}

impl Signal {
    /// Finishes the future, in one of its loop's next turns. A second time does nothing.
    pub fn set(&self) {
        let id = self.id;
        self.remote.call_soon_threadsafe(move || {
            let future = SIGNALS.with_borrow_mut(|signals| signals.remove(&id));
            if let Some(future) = future.and_then(|future| future.upgrade()).map(Future) {
                // Somebody may have cancelled it meanwhile.
                let _ = future.set_result(());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{SIGNALS, signal};
    use crate::{coroutine, run};

    // A weak reference keeps the room of a future, though not the future.
    #[test]
    fn signals_that_nobody_waits_for_any_more_are_forgotten() {
        let main = coroutine(async {
            let kept = signal();
            for _ in 0..100 {
                drop(signal());
            }
            let count = SIGNALS.with_borrow(BTreeMap::len);
            assert_eq!(count, 2, "the one that is kept, and the last");
            drop(kept);
            Ok(())
        });
        run(main).expect("it has a reactor").expect("it forgets them");
    }
}
