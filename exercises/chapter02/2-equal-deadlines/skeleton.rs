use std::collections::BTreeMap;

pub type Id = u64;

/// Names that wait for a point in time.
#[derive(Default)]
pub struct Timers {
    pending: BTreeMap<u64, &'static str>,
}

impl Timers {
    /// Adds a timer.
    pub fn insert(&mut self, deadline: u64, name: &'static str) -> Id {
        self.pending.insert(deadline, name);
        deadline
    }

    /// Takes a timer back. Says whether it was there.
    pub fn cancel(&mut self, id: Id) -> bool {
        self.pending.remove(&id).is_some()
    }

    /// Everybody whose time has come.
    pub fn due(&mut self, now: u64) -> Vec<&'static str> {
        let later = self.pending.split_off(&(now + 1));
        std::mem::replace(&mut self.pending, later).into_values().collect()
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<u64> {
        self.pending.first_key_value().map(|(deadline, _)| *deadline)
    }
}
