//! Callbacks for descriptors: called again and again, as long as there is something to do.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::rc::Rc;

use reactor::trace::{self, Place};
use reactor::{Descriptor, Direction};

use crate::event_loop::EventLoop;
use crate::events::{Handle, Ready, get_running_loop};

/// All descriptors that a loop watches for its callbacks, by their number.
pub(crate) type Readers = RefCell<BTreeMap<RawFd, Watched>>;

/// A descriptor, and who is called when it can be read, or written.
pub(crate) struct Watched {
    descriptor: Descriptor<Ready>,
    sides: [Option<Rc<Reader>>; 2],
}

/// A callback that is called again and again.
struct Reader {
    number: RawFd,
    direction: Direction,
    /// The line that added it.
    place: Place,
    /// Not here while it runs.
    callback: Cell<Option<Box<dyn FnMut()>>>,
    /// What waits in the reactor, or on the ready queue.
    handle: RefCell<Option<Handle>>,
    is_removed: Cell<bool>,
}

/// For other libraries, and whatever else has a descriptor.
impl EventLoop {
    /// Has `callback` called whenever `what` can be read, until it is
    /// [removed](Self::remove_reader): once in every turn, as long as something is left. It
    /// replaces the one that was there.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend that is invented; what the selector answers, for instance
    /// that it is a regular file.
    #[track_caller]
    pub fn add_reader(
        &self,
        what: &impl AsFd,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.add(what, Direction::Read, Box::new(callback))
    }

    /// The same for whenever it can be written.
    ///
    /// # Errors
    ///
    /// As [`add_reader`](Self::add_reader).
    #[track_caller]
    pub fn add_writer(
        &self,
        what: &impl AsFd,
        callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        self.add(what, Direction::Write, Box::new(callback))
    }

    /// Takes the callback back, which is not called any more. `false`: there was none.
    pub fn remove_reader(&self, what: &impl AsFd) -> bool {
        self.remove(what.as_fd().as_raw_fd(), Direction::Read)
    }

    /// The same for a writer.
    pub fn remove_writer(&self, what: &impl AsFd) -> bool {
        self.remove(what.as_fd().as_raw_fd(), Direction::Write)
    }

    #[track_caller]
    fn add(
        &self,
        what: &impl AsFd,
        direction: Direction,
        callback: Box<dyn FnMut()>,
    ) -> io::Result<()> {
        let number = what.as_fd().as_raw_fd();
        if !self.0.readers.borrow().contains_key(&number) {
            let descriptor = self.reactor().watch(what.as_fd().try_clone_to_owned()?)?;
            let watched = Watched { descriptor, sides: [None, None] };
            self.0.readers.borrow_mut().insert(number, watched);
        }
        let reader = Rc::new(Reader {
            number,
            direction,
            place: Place::here(),
            callback: Cell::new(Some(callback)),
            handle: RefCell::default(),
            is_removed: Cell::new(false),
        });
        let before = self.set(number, direction, Some(Rc::clone(&reader)));
        self.stop_calling(before);
        self.arm(&reader);
        Ok(())
    }

    fn remove(&self, number: RawFd, direction: Direction) -> bool {
        let reader = self.set(number, direction, None);
        let was_there = reader.is_some();
        self.stop_calling(reader);
        self.forget_unwatched();
        was_there
    }

    /// Lets descriptors go that nobody is called for.
    fn forget_unwatched(&self) {
        let mut readers = self.0.readers.borrow_mut();
        let is_idle = |_: &_, it: &mut Watched| it.sides.iter().all(Option::is_none);
        let left: Vec<_> = readers.extract_if(.., is_idle).collect();
        drop(readers);
        drop(left);
    }

    /// Puts a reader in its place; gives the one that was there.
    fn set(
        &self,
        number: RawFd,
        direction: Direction,
        reader: Option<Rc<Reader>>,
    ) -> Option<Rc<Reader>> {
        let mut readers = self.0.readers.borrow_mut();
        let watched = readers.get_mut(&number)?;
        mem::replace(&mut watched.sides[direction as usize], reader)
    }

    /// A reader that is not called any more, even if it is on the ready queue.
    fn stop_calling(&self, reader: Option<Rc<Reader>>) {
        let Some(reader) = reader else { return };
        reader.is_removed.set(true);
        let handle = reader.handle.take();
        handle.iter().for_each(Handle::cancel);
        let waited = self
            .key(&reader)
            .and_then(|key| self.reactor().stop_waiting(key, reader.direction));
        drop(waited);
    }

    /// Leaves it with the reactor, for one more call.
    fn arm(&self, reader: &Rc<Reader>) {
        let Some(key) = self.key(reader).filter(|_| !reader.is_removed.get()) else {
            return;
        };
        let again = Rc::clone(reader);
        let handle = Handle::at(reader.place, move || again.call(), trace::left_behind);
        reader.handle.replace(Some(handle.clone()));
        let displaced =
            self.reactor().wait_for(key, reader.direction, Ready::call(handle));
        drop(displaced);
    }

    fn key(&self, reader: &Reader) -> Option<reactor::Key> {
        self.0.readers.borrow().get(&reader.number).map(|it| it.descriptor.key())
    }
}

impl Reader {
    /// Calls it, and has it called again. One that panics is called again, too.
    fn call(self: Rc<Self>) {
        /// Puts the callback back.
        struct Again(Rc<Reader>, Option<Box<dyn FnMut()>>);
        impl Drop for Again {
            fn drop(&mut self) {
                self.0.callback.set(self.1.take());
                get_running_loop().arm(&self.0);
            }
        }
        let callback = self.callback.take();
        let mut again = Again(self, callback);
        if let Some(callback) = &mut again.1 {
            callback();
        }
    }
}
