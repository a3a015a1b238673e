//! Wakes and calls from other threads, on their way into a loop of stages 5 and 6: none is lost.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Wake, Waker};

use loom::sync::Notify;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// All that the included file asks of the rest of the stage.
mod tasks {
    use std::cell::RefCell;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct TaskId(pub(crate) usize);

    thread_local! {
        /// Filled by `heard`, on the loop's thread; emptied by its turn.
        pub(crate) static HEARD: RefCell<Vec<TaskId>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn heard(id: TaskId) {
        HEARD.with_borrow_mut(|heard| heard.push(id));
    }
}

mod events {
    use reactor::trace::{Place, Uncalled};

    pub(crate) trait AbstractEventLoop {
        fn push(&self, next: Ready);
    }

    pub(crate) struct Handle(Box<dyn FnOnce()>);

    pub(crate) struct Ready(Handle);

    impl Handle {
        pub(crate) fn at<F: FnOnce() + 'static>(
            _: Place,
            callback: F,
            _: fn(&F) -> Uncalled,
        ) -> Self {
            Self(Box::new(callback))
        }
    }

    impl Ready {
        pub(crate) fn call(handle: Handle) -> Self {
            Self(handle)
        }

        pub(crate) fn run(self) {
            (self.0.0)();
        }
    }
}

mod debug {
    use reactor::trace::Place;

    pub(crate) struct At(pub(crate) Place);

    impl std::fmt::Display for At {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }
}

mod testing {
    pub(crate) struct Ears;

    pub(crate) fn ears() -> Option<Ears> {
        None
    }
}

mod extras {
    pub(crate) mod report {
        use crate::testing::Ears;

        pub(crate) fn tell_or_hear(
            _: Option<&Ears>,
            _: log::Level,
            _: Option<reactor::trace::Place>,
            _: std::fmt::Arguments<'_>,
        ) {
        }
    }
}

#[path = "../../stage5-asyncio/src/extras/remote.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "it is a part of a library, and all of it is used there"
)]
mod remote;

use events::{AbstractEventLoop, Ready};
use remote::{Listed, Remote};
use tasks::{HEARD, TaskId};

/// A loop, as far as other threads can see it, and its tasks. Each keeps its waker, and looks at
/// nothing but a flag of its own.
struct Loop<const TASKS: usize> {
    remote: Arc<Remote>,
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

/// What the calls that came in are pushed to.
#[derive(Default)]
struct Engine(RefCell<Vec<Ready>>);

impl AbstractEventLoop for Engine {
    fn push(&self, next: Ready) {
        self.0.borrow_mut().push(next);
    }
}

impl<const TASKS: usize> Loop<TASKS> {
    fn new() -> Arc<Self> {
        let sleep = Arc::new(Sleep(Notify::new()));
        let remote = Arc::new(Remote::new(Waker::from(Arc::clone(&sleep))));
        let tasks = std::array::from_fn(|_| Task::default());
        Arc::new(Self { remote, sleep, tasks })
    }

    /// Another thread lets a task end, and wakes it. It writes the flag as loosely as it can: the
    /// wake is what has to carry the news.
    fn let_end(self: &Arc<Self>, task: usize) -> thread::JoinHandle<()> {
        let this = Arc::clone(self);
        thread::spawn(move || {
            this.tasks[task].may_end.store(true, Ordering::Relaxed);
            this.remote.wake(TaskId(task), &this.tasks[task].listed);
        })
    }

    /// Makes the calls, steps whoever has been woken, and says who has come to its end.
    fn turn(&self, mut ended: [bool; TASKS]) -> [bool; TASKS] {
        let engine = Engine::default();
        self.remote.hear(&engine);
        engine.0.take().into_iter().for_each(Ready::run);
        for TaskId(index) in HEARD.take() {
            let task = &self.tasks[index];
            task.listed.clear();
            ended[index] |= task.may_end.load(Ordering::Relaxed);
        }
        ended
    }

    /// Turns and sleeps, until everybody has come to its end. A lost wake is a sleep that nobody
    /// ends, and that loom finds.
    fn run(&self) {
        let mut ended = self.turn([false; TASKS]);
        while ended != [true; TASKS] {
            self.sleep.0.wait();
            ended = self.turn(ended);
        }
    }
}

/// A wake that comes between the clearing of the flag and the step, or before both: the step sees
/// what was written before it, or there is another.
#[test]
fn a_wake_that_meets_a_step_is_not_lost() {
    loom::model(|| {
        let event_loop = Loop::<1>::new();
        event_loop.remote.wake(TaskId(0), &event_loop.tasks[0].listed);
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

/// A thread that calls and then gives its handle up: as long as it has one the loop may sleep, and
/// when the loop sees that there is none it sees the call. Nobody sleeps for ever.
#[test]
fn the_last_call_is_there_before_its_handle_is_gone() {
    loom::model(|| {
        let event_loop = Loop::<0>::new();
        let (handle, made) =
            (event_loop.remote.handle(), Arc::new(AtomicBool::new(false)));
        let set = Arc::clone(&made);
        let thread = thread::spawn(move || {
            handle.call_soon_threadsafe(move || set.store(true, Ordering::Relaxed));
            drop(handle);
        });
        while !event_loop.remote.is_abandoned() {
            event_loop.sleep.0.wait();
            event_loop.turn([]);
        }
        assert!(made.load(Ordering::Relaxed), "the loop takes itself for abandoned");
        thread.join().expect("it does not panic");
    });
}
