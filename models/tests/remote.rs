//! Wakes from other threads, on their way into the loop of stage 4: none is lost.

use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// All that the included file asks of the rest of the stage.
mod task {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct TaskId(pub(crate) usize);
}

#[path = "../../stage4-async-await/src/extras/remote.rs"]
mod remote;

use remote::{Errand, Listed, Remote};
use task::TaskId;

/// A loop, as far as other threads can see it, and its tasks. Each keeps its waker, and looks
/// at nothing but a flag of its own.
struct Loop<const TASKS: usize> {
    remote: Remote,
    sleep: Arc<Sleep>,
    tasks: [Task; TASKS],
}

#[derive(Default)]
struct Task {
    listed: Listed,
    may_end: AtomicBool,
}

/// What a selector does for a loop: it sleeps until it is woken, this time or the next.
struct Sleep(Notify);

impl Wake for Sleep {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}

impl<const TASKS: usize> Loop<TASKS> {
    fn new() -> Arc<Self> {
        let sleep = Arc::new(Sleep(Notify::new()));
        let remote = Remote::new(Waker::from(Arc::clone(&sleep)));
        Arc::new(Self { remote, sleep, tasks: std::array::from_fn(|_| Task::default()) })
    }

    /// What a waker does on another thread.
    fn wake(&self, task: usize) {
        self.remote.push(TaskId(task), &self.tasks[task].listed);
    }

    /// Another thread lets a task end, and wakes it. It writes the flag as loosely as it can:
    /// the wake is what has to carry the news.
    fn let_end(self: &Arc<Self>, task: usize) -> thread::JoinHandle<()> {
        let this = Arc::clone(self);
        thread::spawn(move || {
            this.tasks[task].may_end.store(true, Ordering::Relaxed);
            this.wake(task);
        })
    }

    /// Steps whoever has been woken, and says who has come to its end.
    fn turn(&self, mut ended: [bool; TASKS]) -> [bool; TASKS] {
        for errand in self.remote.take() {
            match errand {
                Errand::Wake(TaskId(index)) => {
                    let task = &self.tasks[index];
                    task.listed.clear();
                    ended[index] |= task.may_end.load(Ordering::Relaxed);
                }
                Errand::Call(call) => call(),
            }
        }
        ended
    }

    /// Turns and sleeps, until everybody has come to its end. A lost wake is a sleep that
    /// nobody ends, and that loom finds.
    fn run(&self) {
        let mut ended = self.turn([false; TASKS]);
        while ended != [true; TASKS] {
            if self.remote.is_abandoned() {
                self.sleep.0.wait();
            }
            ended = self.turn(ended);
        }
        // A wake that comes too late is on the list once more, and no more than once.
        assert!(self.remote.take().len() <= TASKS);
    }
}

/// A wake that comes between the clearing of the flag and the poll, or before both: the poll
/// sees what was written before it, or there is another.
#[test]
fn a_wake_that_meets_a_step_is_not_lost() {
    loom::model(|| {
        let event_loop = Loop::<1>::new();
        event_loop.wake(0);
        let other = event_loop.let_end(0);
        event_loop.run();
        other.join().expect("it does not panic");
    });
}

/// Only the first on the list ends the sleep: for all the others, too.
#[test]
fn two_threads_that_wake_two_tasks_end_one_sleep() {
    loom::model(|| {
        let event_loop = Loop::<2>::new();
        let others = [0, 1].map(|task| event_loop.let_end(task));
        event_loop.run();
        others.into_iter().for_each(|other| other.join().expect("it does not panic"));
    });
}

/// A thread that calls and then gives its handle up: as long as it has one the loop may sleep,
/// and when the loop sees that there is none it sees the call. Nobody sleeps for ever.
#[test]
fn the_last_call_is_there_before_its_handle_is_gone() {
    loom::model(|| {
        let event_loop = Loop::<0>::new();
        event_loop.remote.add_handle();
        let (other, made) = (Arc::clone(&event_loop), Arc::new(AtomicBool::new(false)));
        let set = Arc::clone(&made);
        let thread = thread::spawn(move || {
            other.remote.call(Box::new(move || set.store(true, Ordering::Relaxed)));
            other.remote.drop_handle();
        });
        while !event_loop.remote.is_abandoned() {
            event_loop.sleep.0.wait();
            event_loop.turn([]);
        }
        assert!(made.load(Ordering::Relaxed), "the loop takes itself for abandoned");
        thread.join().expect("it does not panic");
    });
}

/// A call that comes as the loop ends is made, or dropped: it is not kept.
#[test]
fn a_call_that_meets_the_end_of_the_loop_is_not_kept() {
    loom::model(|| {
        let event_loop = Loop::<0>::new();
        let (other, kept) = (Arc::clone(&event_loop), Arc::new(()));
        let keep = Arc::clone(&kept);
        let thread = thread::spawn(move || {
            other.remote.call(Box::new(move || drop(keep)));
        });
        drop(event_loop.remote.close());
        thread.join().expect("it does not panic");
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}
