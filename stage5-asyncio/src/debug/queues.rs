//! The queues of a program that it wants seen: by name, with how many items there are in each.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use serde::{Deserialize, Serialize};

use super::Plain;
use crate::event_loop::EventLoop;
use crate::queues::{BaseQueue, Store};

/// A queue, as it was when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueInfo {
    /// The name it is shown by.
    pub name: String,
    /// How many items there are.
    pub size: usize,
    /// For how many there is room. `None`: for all.
    pub maxsize: Option<usize>,
    /// How many wait for an item.
    pub getters: usize,
    /// How many wait for room.
    pub putters: usize,
}

/// The queues that a loop shows: filled by `show_queue`. Those that are gone are tidied away.
pub(crate) type Shown = RefCell<Vec<(String, Weak<dyn Length>)>>;

/// What is long.
pub(crate) trait Length {
    /// All there is to know but the name.
    fn info(&self) -> QueueInfo;
}

impl EventLoop {
    /// Shows a queue by that name to whoever looks at the tasks of this loop: `lineage ps`,
    /// `lineage top`, Ctrl-\. It is asked how long it is when somebody looks, and only then: to
    /// put and to get costs what it did. A queue that is dropped is shown no more.
    ///
    /// ```
    /// use std::rc::Rc;
    /// use stage5_asyncio::{debug::tree, get_running_loop, queues::Queue, run};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(async {
    ///     let (event_loop, jobs) = (get_running_loop(), Rc::new(Queue::bounded(3)));
    ///     event_loop.show_queue("jobs", &jobs);
    ///     jobs.put_nowait("wash up").unwrap();
    ///     assert_eq!(tree(&event_loop).queues[0].to_string(), "queue jobs: 1 of 3 items");
    /// })
    /// # }
    /// ```
    pub fn show_queue<T: 'static, S: Store<T> + 'static>(
        &self,
        name: impl Into<String>,
        queue: &Rc<BaseQueue<T, S>>,
    ) {
        let queue: Rc<dyn Length> = Rc::clone(queue) as _;
        let mut shown = self.0.queues.borrow_mut();
        shown.retain(|(_, it)| it.strong_count() > 0);
        shown.push((name.into(), Rc::downgrade(&queue)));
    }
}

pub(super) fn infos(event_loop: &EventLoop) -> Vec<QueueInfo> {
    let shown = event_loop.0.queues.borrow();
    let info = |(name, queue): &(String, Weak<dyn Length>)| {
        Some(QueueInfo { name: name.clone(), ..queue.upgrade()?.info() })
    };
    shown.iter().filter_map(info).collect()
}

impl fmt::Display for QueueInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, size, maxsize, getters, putters } = self;
        write!(f, "queue {}: {size}", Plain(name))?;
        match maxsize {
            Some(maxsize) => write!(f, " of {maxsize} items")?,
            None => write!(f, " {}", if *size == 1 { "item" } else { "items" })?,
        }
        for (number, what) in [(getters, "an item"), (putters, "room")] {
            match number {
                0 => {}
                1 => write!(f, ", 1 waits for {what}")?,
                _ => write!(f, ", {number} wait for {what}")?,
            }
        }
        Ok(())
    }
}
