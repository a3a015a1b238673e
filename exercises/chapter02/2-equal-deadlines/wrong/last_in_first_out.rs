use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    deadline: u64,
    age: std::cmp::Reverse<u64>,
}

#[derive(Default)]
pub struct Timers {
    pending: BTreeMap<Id, &'static str>,
    age: u64,
}

impl Timers {
    pub fn insert(&mut self, deadline: u64, name: &'static str) -> Id {
        self.age += 1;
        // The youngest first.
        let id = Id { deadline, age: std::cmp::Reverse(self.age) };
        self.pending.insert(id, name);
        id
    }

    pub fn cancel(&mut self, id: Id) -> bool {
        self.pending.remove(&id).is_some()
    }

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

    pub fn next(&self) -> Option<u64> {
        self.pending.first_key_value().map(|(id, _)| id.deadline)
    }
}
