use std::collections::VecDeque;

/// Who can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has put its item.
    Put(&'static str),
    /// It has got this item.
    Got(&'static str, u32),
}

/// First in, first out; and first come, first served.
pub struct Queue {
    room: usize,
    items: VecDeque<u32>,
}

impl Queue {
    /// A queue with room for that many items.
    pub fn new(room: usize) -> Self {
        Self { room, items: VecDeque::new() }
    }

    /// Puts an item, or waits with it.
    pub fn put(&mut self, who: &'static str, item: u32) -> Vec<Event> {
        if self.items.len() == self.room {
            return Vec::new();
        }
        self.items.push_back(item);
        vec![Event::Put(who)]
    }

    /// Gets an item, or waits for one.
    pub fn get(&mut self, who: &'static str) -> Vec<Event> {
        match self.items.pop_front() {
            Some(item) => vec![Event::Got(who, item)],
            None => Vec::new(),
        }
    }

    /// Waits no more.
    pub fn cancel(&mut self, _who: &'static str) -> bool {
        false
    }
}
