//! Several attempts at the same thing, each begun a while after the one before: the first that
//! succeeds wins. RFC 8305 connects like that, and is better known as Happy Eyeballs.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use crate::events::get_running_loop;
use crate::tasks::{Task, create_task, wait};
use crate::timeouts::timeout_at;

/// Begins the attempts, one after the other: the next one when the last has failed, or `delay`
/// after that began. `None` waits for it to fail. Whoever loses is cancelled.
///
/// # Errors
///
/// Every attempt's, in the order of the attempts.
pub async fn staggered_race<T: 'static, F>(
    attempts: impl IntoIterator<Item = impl FnOnce() -> F>,
    delay: Option<Duration>,
) -> Result<T, Vec<io::Error>>
where
    F: Future<Output = io::Result<T>> + 'static,
{
    let mut race = Race { running: Vec::new(), begun: 0, errors: BTreeMap::new() };
    for attempt in attempts {
        race.begin(attempt());
        let due = delay.and_then(|delay| get_running_loop().reactor().after(delay));
        if let Ok(Some(won)) = timeout_at(due, race.until(Race::has_last_failed)).await {
            return Ok(won);
        }
    }
    let won = race.until(|race| race.running.is_empty()).await;
    won.ok_or_else(|| std::mem::take(&mut race.errors).into_values().collect())
}

/// Those who run, and what the others have failed with. Dropped, it cancels whoever still runs.
struct Race<T: 'static> {
    running: Vec<(usize, Task<io::Result<T>>)>,
    begun: usize,
    /// By the number of the attempt.
    errors: BTreeMap<usize, io::Error>,
}

impl<T: 'static> Race<T> {
    fn begin(&mut self, attempt: impl Future<Output = io::Result<T>> + 'static) {
        self.running.push((self.begun, create_task(attempt)));
        self.begun += 1;
    }

    fn has_last_failed(&self) -> bool {
        self.errors.contains_key(&(self.begun - 1))
    }

    /// Waits for one to succeed. `None`: it is so before that.
    async fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> Option<T> {
        loop {
            if let Some(won) = self.collect() {
                return Some(won);
            }
            if is_so(self) {
                return None;
            }
            wait(self.running.iter().map(|(_, task)| task.clone()))
                .first_completed()
                .await;
        }
    }

    /// Takes the results of whoever is done. `Some`: that one has won.
    fn collect(&mut self) -> Option<T> {
        let done: Vec<_> = self.running.extract_if(.., |(_, task)| task.done()).collect();
        for (number, task) in done {
            match task.take() {
                Ok(Ok(won)) => return Some(won),
                Ok(Err(error)) => drop(self.errors.insert(number, error)),
                // Somebody else has cancelled it.
                Err(cancelled) => drop(self.errors.insert(
                    number,
                    io::Error::new(io::ErrorKind::Interrupted, cancelled),
                )),
            }
        }
        None
    }
}

impl<T: 'static> Drop for Race<T> {
    fn drop(&mut self) {
        for (_, task) in &self.running {
            task.cancel();
        }
    }
}
