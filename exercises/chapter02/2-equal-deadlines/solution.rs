use std::collections::BTreeMap;

/// The deadline, and how many timers were set before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    deadline: u64,
    age: u64,
}

/// Names that wait for a point in time.
#[derive(Default)]
pub struct Timers {
    pending: BTreeMap<Id, &'static str>,
    age: u64,
}

impl Timers {
    /// Adds a timer.
    pub fn insert(&mut self, deadline: u64, name: &'static str) -> Id {
        self.age += 1;
        let id = Id { deadline, age: self.age };
        self.pending.insert(id, name);
        id
    }

    /// Takes a timer back. Says whether it was there.
    pub fn cancel(&mut self, id: Id) -> bool {
        self.pending.remove(&id).is_some()
    }

    /// Everybody whose time has come.
    pub fn due(&mut self, now: u64) -> Vec<&'static str> {
        let mut due = Vec::new();
        while let Some(first) = self.pending.first_entry() {
            if first.key().deadline > now {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<u64> {
        self.pending.first_key_value().map(|(id, _)| id.deadline)
    }
}
