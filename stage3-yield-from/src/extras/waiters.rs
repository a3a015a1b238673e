//! Tasks that wait in line for something that is handed to them: first come, first served.

use std::cell::RefCell;

use reactor::trace::Place;

use crate::extras::line::Line;
use crate::failure::Failure;
use crate::future::Future;
use crate::task::yield_from_at;

/// Whoever waits. Filled by [`wait`](Self::wait), emptied by [`serve`](Self::serve).
#[derive(Debug, Default)]
pub(crate) struct Waiters(RefCell<Line<Future<()>>>);

impl Waiters {
    /// Waits for its turn. Whoever is cancelled when it has been served already does not need
    /// that any more: `pass_on` is to give it to the next.
    pub(crate) async fn wait(
        &self,
        place: Place,
        what: &'static str,
        pass_on: impl FnOnce(),
    ) -> Result<(), Failure> {
        let served = Future::named(what);
        let number = self.0.borrow_mut().join(served.clone());
        let mut waiter = Waiter { waiters: self, number, served, pass_on: Some(pass_on) };
        yield_from_at(place, &waiter.served).await?;
        waiter.pass_on = None;
        Ok(())
    }

    /// Serves whoever waited longest. Whoever was cancelled meanwhile is passed over. `false`:
    /// nobody waits.
    pub(crate) fn serve(&self) -> bool {
        let next = || self.0.borrow_mut().next();
        std::iter::from_fn(next).any(|waiter| waiter.set_result(()).is_ok())
    }
}

/// A task's place in the line. Dropped, because the task was cancelled, it is given up.
struct Waiter<'a, F: FnOnce()> {
    waiters: &'a Waiters,
    /// What to leave the line by.
    number: u64,
    /// Finished by whoever serves it.
    served: Future<()>,
    /// `None` once it has taken what it waited for.
    pass_on: Option<F>,
}

impl<F: FnOnce()> Drop for Waiter<'_, F> {
    fn drop(&mut self) {
        let Some(pass_on) = self.pass_on.take() else { return };
        if self.served.done() && !self.served.cancelled() {
            pass_on();
        } else {
            let left = self.waiters.0.borrow_mut().leave(self.number);
            drop(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::sync::Semaphore;
    use crate::time::{sleep, timeout};
    use crate::{coroutine, run, spawn, yield_from};

    /// However many come and give up, the line is no longer than it was.
    #[test]
    fn whoever_gives_up_leaves_the_line() {
        let main = coroutine(async {
            let semaphore = Semaphore::new(0);
            let first = spawn(semaphore.acquire());
            for _ in 0..3 {
                let gives_up = timeout(Duration::from_millis(1), semaphore.acquire());
                assert!(yield_from(gives_up).await.is_err());
            }
            first.cancel();
            yield_from(sleep(Duration::ZERO)).await?;
            assert!(semaphore.0.waiters.0.borrow().is_empty());
            Ok(())
        });
        run(main).expect("a loop can be opened").expect("nothing fails");
    }
}
