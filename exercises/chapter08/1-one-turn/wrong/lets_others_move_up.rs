use std::collections::{BTreeMap, VecDeque};

/// Names a callback, so that it can be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Handle(u64);

type Callback = Box<dyn FnOnce(&mut Loop)>;

/// Callbacks that are ready, and callbacks that wait for their time.
#[derive(Default)]
pub struct Loop {
    /// A cancelled callback stays in the queue, as `None`: a turn is counted beforehand.
    ready: VecDeque<(Handle, Option<Callback>)>,
    /// By when, and by age.
    scheduled: BTreeMap<(u64, Handle), Callback>,
    handles: u64,
}

impl Loop {
    /// Has `callback` called in the next turn.
    pub fn call_soon(&mut self, callback: impl FnOnce(&mut Loop) + 'static) -> Handle {
        let handle = self.handle();
        self.ready.push_back((handle, Some(Box::new(callback))));
        handle
    }

    /// Has `callback` called when it is `when`, or a little later.
    pub fn call_at(
        &mut self,
        when: u64,
        callback: impl FnOnce(&mut Loop) + 'static,
    ) -> Handle {
        let handle = self.handle();
        self.scheduled.insert((when, handle), Box::new(callback));
        handle
    }

    /// Sees to it that the callback is not called. If it was, nothing happens.
    pub fn cancel(&mut self, handle: Handle) {
        // Whoever is behind moves up, and the turn was counted before.
        self.ready.retain(|(ready, _)| *ready != handle);
        self.scheduled.retain(|(_, scheduled), _| *scheduled != handle);
    }

    /// How long the loop may sleep if it is `now`. `None` is for ever.
    pub fn timeout(&self, now: u64) -> Option<u64> {
        if !self.ready.is_empty() {
            return Some(0);
        }
        let ((when, _), _) = self.scheduled.first_key_value()?;
        Some(when.saturating_sub(now))
    }

    /// One turn, after the sleep.
    pub fn run_once(&mut self, now: u64) {
        while let Some(first) = self.scheduled.first_entry() {
            let &(when, handle) = first.key();
            if when > now {
                break;
            }
            let callback = first.remove();
            self.ready.push_back((handle, Some(callback)));
        }
        // Whoever is ready by now; what they add comes behind, and is not counted.
        for _ in 0..self.ready.len() {
            let next = self.ready.pop_front();
            if let Some((_, Some(callback))) = next {
                callback(self);
            }
        }
    }

    fn handle(&mut self) -> Handle {
        self.handles += 1;
        Handle(self.handles)
    }
}
