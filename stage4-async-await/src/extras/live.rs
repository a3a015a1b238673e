//! The asynchronous generators that are alive on a loop: closed at its end, as asyncio's
//! `shutdown_asyncgens` does it.
//!
//! Most belong to a task and go with it. One that somebody keeps elsewhere, in a static or
//! beyond the end of `run`, would otherwise hold its guards for ever, and nobody could await its
//! exits any more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::thread;

use crate::cancel::Exits;
use crate::event_loop::{EventLoop, spawn, try_current};
use crate::extras::report::report_panic;

/// The body of a generator, whatever it yields.
pub(crate) type Body = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Filled by the first poll of a generator on a loop; emptied by its drop, or by the loop's end.
    static LIVE: RefCell<BTreeMap<u64, Weak<Suspended>>> = const { RefCell::new(BTreeMap::new()) };

    /// How many generators there were so far.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// A body between two polls: gone while it runs, and for good once it is over.
pub(crate) struct Suspended(Cell<Option<Body>>);

impl Suspended {
    pub(crate) fn new(body: Body) -> Self {
        Self(Cell::new(Some(body)))
    }

    pub(crate) fn is_over(&self) -> bool {
        let body = self.0.take();
        let is_over = body.is_none();
        self.0.set(body);
        is_over
    }

    pub(crate) fn take(&self) -> Option<Body> {
        self.0.take()
    }

    pub(crate) fn put(&self, body: Body) {
        self.0.set(Some(body));
    }

    /// Drops the body, and awaits the exits that it leaves behind. Gives what the drop panicked
    /// with.
    pub(crate) async fn close(&self) -> thread::Result<()> {
        let mut exits = Exits::default();
        let dropped = exits.left_by(|| drop(self.take()));
        poll_fn(|context| exits.poll(context)).await;
        dropped
    }
}

/// A generator's place on the list of those that are alive.
pub(crate) struct Live(u64);

impl Live {
    /// Puts it on the list, if a loop is running on this thread.
    pub(crate) fn on_this_loop(body: &Rc<Suspended>) -> Option<Self> {
        try_current()?;
        let number = COUNT.replace(COUNT.get() + 1);
        LIVE.with_borrow_mut(|live| live.insert(number, Rc::downgrade(body)));
        Some(Self(number))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A thread that ends has no loop any more, and no list.
        let _ = LIVE.try_with(|live| live.borrow_mut().remove(&self.0));
    }
}

impl EventLoop {
    /// Closes the generators that are still alive, in the order in which they began.
    #[doc(alias = "shutdown_asyncgens")]
    pub(crate) fn close_generators(&self) -> io::Result<()> {
        if LIVE.with_borrow(BTreeMap::is_empty) {
            return Ok(());
        }
        let closing = spawn(async {
            while let Some((_, next)) = LIVE.with_borrow_mut(BTreeMap::pop_first) {
                let Some(body) = next.upgrade() else { continue };
                if let Err(panic) = body.close().await {
                    report_panic("An async generator panicked as it was closed", &*panic);
                }
            }
        });
        self.run_until(|| closing.is_finished())
    }
}
