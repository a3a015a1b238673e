use std::collections::BTreeMap;

pub type Id = u64;

#[derive(Default)]
pub struct Timers {
    pending: BTreeMap<u64, Vec<&'static str>>,
}

impl Timers {
    pub fn insert(&mut self, deadline: u64, name: &'static str) -> Id {
        self.pending.entry(deadline).or_default().push(name);
        deadline
    }

    pub fn cancel(&mut self, id: Id) -> bool {
        // Everybody of that deadline.
        self.pending.remove(&id).is_some()
    }

    pub fn due(&mut self, now: u64) -> Vec<&'static str> {
        let later = self.pending.split_off(&(now + 1));
        std::mem::replace(&mut self.pending, later).into_values().flatten().collect()
    }

    pub fn next(&self) -> Option<u64> {
        self.pending.first_key_value().map(|(deadline, _)| *deadline)
    }
}
