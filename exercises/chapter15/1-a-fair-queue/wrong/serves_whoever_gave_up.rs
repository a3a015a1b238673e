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
    /// Not empty only while `items` is full.
    putters: VecDeque<(&'static str, u32)>,
    /// Not empty only while `items` is empty.
    getters: VecDeque<&'static str>,
}

impl Queue {
    /// A queue with room for that many items.
    pub fn new(room: usize) -> Self {
        let (items, putters, getters) = Default::default();
        Self { room, items, putters, getters }
    }

    /// Puts an item, or waits with it.
    pub fn put(&mut self, who: &'static str, item: u32) -> Vec<Event> {
        if let Some(getter) = self.getters.pop_front() {
            return vec![Event::Put(who), Event::Got(getter, item)];
        }
        if self.items.len() == self.room {
            self.putters.push_back((who, item));
            return Vec::new();
        }
        self.items.push_back(item);
        vec![Event::Put(who)]
    }

    /// Gets an item, or waits for one.
    pub fn get(&mut self, who: &'static str) -> Vec<Event> {
        let Some(item) = self.items.pop_front() else {
            self.getters.push_back(who);
            return Vec::new();
        };
        let mut events = vec![Event::Got(who, item)];
        if let Some((putter, item)) = self.putters.pop_front() {
            self.items.push_back(item);
            events.push(Event::Put(putter));
        }
        events
    }

    /// Waits no more.
    pub fn cancel(&mut self, who: &'static str) -> bool {
        let waiting = self.putters.len() + self.getters.len();
        self.putters.retain(|(putter, _)| *putter != who);
        // The item that comes will be given to nobody.
        self.putters.len() < waiting - self.getters.len() || self.getters.contains(&who)
    }
}
