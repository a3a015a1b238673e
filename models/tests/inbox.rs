//! Wakes from other threads, on their way into a set of stage 6's light tasks: none is lost.

use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// All that the included file asks of the rest of the stage.
mod waker {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    pub(crate) struct Id(pub(crate) usize);
}

#[path = "../../stage6-uvloop/src/light/inbox.rs"]
mod inbox;

use inbox::Inbox;
use waker::Id;

/// A set, as far as other threads can see it. Each of its tasks looks at nothing but a flag.
struct Set<const TASKS: usize> {
    inbox: Inbox,
    may_end: [AtomicBool; TASKS],
}

/// The task around a scope: it sleeps until it is woken, this time or the next.
struct Outer(Notify);

impl Wake for Outer {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

impl Outer {
    fn new() -> Arc<Self> {
        Arc::new(Self(Notify::new()))
    }
}

impl<const TASKS: usize> Set<TASKS> {
    fn new() -> Arc<Self> {
        let may_end = std::array::from_fn(|_| AtomicBool::new(false));
        Arc::new(Self { inbox: Inbox::new(), may_end })
    }

    /// Another thread lets a task end, and wakes it. It writes the flag as loosely as it can: the
    /// wake is what has to carry the news.
    fn let_end(self: &Arc<Self>, task: usize) -> thread::JoinHandle<()> {
        let this = Arc::clone(self);
        thread::spawn(move || {
            this.may_end[task].store(true, Ordering::Relaxed);
            this.inbox.wake(Id(task));
        })
    }

    /// Steps whoever has been woken, and says who has come to its end.
    fn poll(&self, mut ended: [bool; TASKS]) -> [bool; TASKS] {
        for Id(task) in self.inbox.take() {
            ended[task] |= self.may_end[task].load(Ordering::Relaxed);
        }
        ended
    }

    /// Polls and sleeps, until everybody has come to its end. A lost wake is a sleep that nobody
    /// ends, and that loom finds.
    fn run(&self, outer: &Outer, mut ended: [bool; TASKS]) {
        loop {
            ended = self.poll(ended);
            if ended == [true; TASKS] {
                return;
            }
            outer.0.wait();
        }
    }
}

/// Only the first on the list wakes the task around the scope: for the other, too.
#[test]
fn two_threads_that_wake_two_tasks_are_both_heard() {
    loom::model(|| {
        let (set, outer) = (Set::<2>::new(), Outer::new());
        set.inbox.wakes(Waker::from(Arc::clone(&outer)));
        let others = [0, 1].map(|task| set.let_end(task));
        set.run(&outer, [false; 2]);
        others.into_iter().for_each(|other| other.join().expect("it does not panic"));
    });
}

/// The scope goes over to another task: whoever has woken the one before has not done so in vain.
#[test]
fn a_wake_that_meets_a_new_waker_is_heard() {
    loom::model(|| {
        let (set, before, after) = (Set::<1>::new(), Outer::new(), Outer::new());
        set.inbox.wakes(Waker::from(before));
        let other = set.let_end(0);
        let ended = set.poll([false]);
        set.inbox.wakes(Waker::from(Arc::clone(&after)));
        if ended != [true] {
            set.run(&after, ended);
        }
        other.join().expect("it does not panic");
    });
}
