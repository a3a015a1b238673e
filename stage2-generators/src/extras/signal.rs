//! A callback that another thread may have called, once.
//!
//! A callback belongs to its loop's thread, and only [`call_soon_threadsafe`] may cross over.
//! So what crosses is the name of a timer that is never due: the callback waits with it, and
//! the loop's own thread takes it back and calls it.
//!
//! [`call_soon_threadsafe`]: Remote::call_soon_threadsafe

use reactor::TimerId;
use reactor::trace::Uncalled;

use crate::deferred::Deferred;
use crate::event_loop::{current, once, remote};
use crate::extras::remote::Remote;

/// Has a callback called, from any thread.
#[derive(Clone, Debug)]
pub struct Signal {
    timer: TimerId,
    remote: Remote,
}

/// A signal for another thread, and the deferred that fires once it is set: what
/// `reactor.callFromThread(d.callback, None)` is for.
///
/// ```
/// use stage2_generators::{extras::signal::signal, react};
///
/// # fn main() -> std::io::Result<()> {
/// let end = react(|| {
///     let (signal, is_set) = signal();
///     std::thread::spawn(move || signal.set());
///     is_set.add_callback(|()| Ok("it is set"))
/// })?;
/// assert_eq!(end.unwrap(), "it is set");
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
pub fn signal() -> (Signal, Deferred<()>) {
    let (firer, deferred) = Deferred::new();
    // Too late for a deferred that was cancelled meanwhile, which is no harm.
    (signal_then(move || _ = firer.fire(Ok(()))), deferred)
}

/// Calls `callback` once the signal is set. A loop that ends before drops it.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
pub fn signal_then(callback: impl FnOnce() + 'static) -> Signal {
    let timer = current().reactor.wait_until(None, once(Uncalled::default(), callback));
    Signal { timer, remote: remote() }
}

impl Signal {
    /// Has the callback called, in one of its loop's next turns. A second time does nothing.
    pub fn set(&self) {
        let timer = self.timer;
        self.remote.call_soon_threadsafe(move || {
            if let Some(callback) = current().reactor.cancel(timer) {
                callback.call();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::thread;

    use super::*;
    use crate::event_loop::{call_soon, run, stop};

    #[test]
    fn a_signal_of_another_thread_is_heard_once_and_on_this_one() {
        let (here, heard) = (thread::current().id(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&heard);
        run(move || {
            let signal = signal_then(move || {
                assert_eq!(thread::current().id(), here);
                count.set(count.get() + 1);
            });
            let remote = remote();
            thread::spawn(move || {
                signal.set();
                signal.set();
                remote.call_soon_threadsafe(stop);
            });
            Ok(())
        })
        .expect("it is stopped");
        assert_eq!(heard.get(), 1);
    }

    #[test]
    fn what_waits_for_a_signal_that_nobody_sets_goes_with_its_loop() {
        let kept = Rc::new(());
        let inside = Rc::clone(&kept);
        let mut outside = None;
        run(|| {
            outside = Some(signal_then(move || drop(inside)));
            call_soon(stop);
            Ok(())
        })
        .expect("it is stopped");
        assert_eq!(Rc::strong_count(&kept), 1);
        outside.expect("it was made").set(); // and nobody hears it
    }
}
