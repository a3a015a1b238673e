//! What is called when a greenlet has ended, without anybody who waits: gevent's `link`.

use std::cell::{Cell, RefCell};
use std::thread;

use crate::event_loop::spawn;
use crate::extras::current::try_current;
use crate::extras::errors::failure_of;
use crate::extras::report::bury;
use crate::failure::{Failure, GreenletExit, guard};
use crate::task::{JoinHandle, State};

type Callback<T> = Box<dyn FnOnce(&thread::Result<T>)>;

/// What is called at the end of a greenlet.
pub(crate) struct Links<T>(RefCell<Vec<(u64, Callback<T>)>>);

/// Names a link, so that it can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link(u64);

thread_local! {
    /// How many links there have been.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

impl<T> Links<T> {
    /// Calls them, in the order in which they were made. What one panics with is reported.
    pub(crate) fn call(&self, end: &thread::Result<T>) {
        for (_, link) in self.0.take() {
            if let Err(panic) = guard(|| link(end)) {
                bury([panic]);
            }
        }
    }
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> State<T> {
    /// Shows how a task ended, if nobody has taken that away, and keeps it.
    pub(crate) fn look_at<R>(
        &self,
        look: impl FnOnce(&thread::Result<T>) -> R,
    ) -> Option<R> {
        let end = self.end.take()?;
        let seen = look(&end);
        self.end.replace(Some(end));
        Some(seen)
    }
}

impl<T> JoinHandle<T> {
    fn call_at_the_end(&self, link: Callback<T>) -> Link {
        let number = COUNT.get();
        COUNT.set(number + 1);
        let mut link = Some(link);
        if self.is_finished() {
            self.state.look_at(|end| link.take().into_iter().for_each(|link| link(end)));
        } else if let Some(link) = link {
            self.state.links.0.borrow_mut().push((number, link));
        }
        Link(number)
    }

    /// Calls `callback` when it ends, or now, on the stack that it ends on.
    pub(crate) fn at_the_end(&self, callback: impl FnOnce() + 'static) {
        self.call_at_the_end(Box::new(|_| callback()));
    }

    /// Whether it has ended, and not by returning.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.look_at(Result::is_err) == Some(true)
    }

    /// Calls nobody when the greenlet ends: takes a link back, unless it has been called.
    pub fn unlink(&self, link: Link) {
        let mut links = self.state.links.0.borrow_mut();
        let found = links.iter().position(|(number, _)| *number == link.0);
        let found = found.map(|at| links.remove(at));
        drop(links);
        bury([found]);
    }

    /// Calls `callback`, in a greenlet of its own, with what this one dies of, if it fails.
    /// To be asked to end, and to do so, is no failure.
    ///
    /// ```
    /// use interlude_greenlets::extras::async_result::AsyncResult;
    /// use interlude_greenlets::{run, spawn};
    /// use std::rc::Rc;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let told = run(|| {
    ///     let (told, ours) = (Rc::new(AsyncResult::default()), spawn(|| panic!("no such page")));
    ///     let theirs = Rc::clone(&told);
    ///     ours.link_exception(move |failure| theirs.set(failure.to_string()));
    ///     told.get().unwrap()
    /// })?;
    /// assert!(told.contains("no such page"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn link_exception(&self, callback: impl FnOnce(Failure) + 'static) -> Link {
        self.call_at_the_end(Box::new(|end| {
            let failure = end.as_ref().err().map(|panic| failure_of(&**panic));
            if let Some(failure) = failure.filter(|it| !it.is::<GreenletExit>()) {
                begin(|| callback(failure));
            }
        }))
    }
}

impl<T: Clone + 'static> JoinHandle<T> {
    /// Calls `callback`, in a greenlet of its own, with a copy of what this one returns or
    /// dies of. Whoever joins goes on before that. If the greenlet has ended, it is called
    /// in the next turn. When the loop is over, nobody is called.
    ///
    /// ```
    /// use interlude_greenlets::extras::queue::Queue;
    /// use interlude_greenlets::{run, spawn};
    /// use std::rc::Rc;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let told = run(|| {
    ///     let results = Rc::new(Queue::default());
    ///     for n in [1, 2] {
    ///         let results = Rc::clone(&results);
    ///         spawn(move || 10 * n).link(move |end| results.put(end.unwrap()));
    ///     }
    ///     [results.get(), results.get()]
    /// })?;
    /// assert_eq!(told, [10, 20]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn link(&self, callback: impl FnOnce(Result<T, Failure>) + 'static) -> Link {
        self.call_at_the_end(Box::new(|end| {
            let end = match end {
                Ok(value) => Ok(value.clone()),
                Err(panic) => Err(failure_of(&**panic)),
            };
            begin(|| callback(end));
        }))
    }

    /// The same, with the value, and only if there is one.
    pub fn link_value(&self, callback: impl FnOnce(T) + 'static) -> Link {
        self.call_at_the_end(Box::new(|end| {
            if let Ok(value) = end {
                let value = value.clone();
                begin(|| callback(value));
            }
        }))
    }
}

/// Starts a greenlet for a callback, unless none begins any more.
fn begin(callback: impl FnOnce() + 'static) {
    if try_current().is_some_and(|it| !it.is_over.get()) {
        drop(spawn(callback));
    }
}
