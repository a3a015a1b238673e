//! The asynchronous generators that are alive on a loop: closed at its end.
//!
//! Most belong to a task and go with it. One that somebody keeps elsewhere, in a static or
//! beyond the end of `run`, would otherwise hold what it has for ever, and nobody could await
//! its exits any more.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::thread;

use crate::cancel::{End, Scope, Settle};
use crate::event_loop::{EventLoop, Inner, try_current};
use crate::extras::report::{guard, report_panic};

/// The body of a generator, whatever it yields.
type Body = Pin<Box<dyn Future<Output = End<()>>>>;

/// All generators of a loop that have begun, in that order.
pub(crate) type Generators = RefCell<BTreeMap<u64, Weak<Suspended>>>;

/// A body between two polls: gone while it runs, and for good once it is over.
pub(crate) struct Suspended {
    body: Cell<Option<Body>>,
    /// Where the body is cancelled.
    scope: Rc<Scope>,
}

impl Suspended {
    pub(crate) fn new(body: impl Future<Output = ()> + 'static) -> Self {
        let scope = Rc::default();
        let body: Body = Box::pin(Settle::within(Rc::clone(&scope), body));
        Self { body: Cell::new(Some(body)), scope }
    }

    pub(crate) fn is_over(&self) -> bool {
        let body = self.body.take();
        let is_over = body.is_none();
        self.body.set(body);
        is_over
    }

    pub(crate) fn take(&self) -> Option<Body> {
        self.body.take()
    }

    pub(crate) fn put(&self, body: Body) {
        self.body.set(Some(body));
    }

    /// Cancels the body, and polls it to its end; one that has not begun is dropped. Gives what
    /// that panicked with.
    pub(crate) async fn close(&self, has_begun: bool) -> thread::Result<()> {
        let Some(mut body) = self.take() else { return Ok(()) };
        if !has_begun {
            return guard(|| drop(body));
        }
        self.scope.request();
        let end = poll_fn(|context| match guard(|| body.as_mut().poll(context)) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(End::Panicked(panic)),
        });
        match end.await {
            End::Panicked(panic) => Err(panic),
            End::Finished(()) | End::Cancelled => Ok(()),
        }
    }
}

/// A generator's place on the list of those that are alive.
pub(crate) struct Live(Weak<Inner>, u64);

impl Live {
    /// Puts it on the list, if a loop is running on this thread.
    pub(crate) fn on_this_loop(body: &Rc<Suspended>) -> Option<Self> {
        thread_local! {
            static COUNT: Cell<u64> = const { Cell::new(0) };
        }
        let event_loop = try_current()?;
        let number = COUNT.replace(COUNT.get() + 1);
        event_loop.0.generators.borrow_mut().insert(number, Rc::downgrade(body));
        Some(Self(Rc::downgrade(&event_loop.0), number))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(event_loop) = self.0.upgrade() {
            event_loop.generators.borrow_mut().remove(&self.1);
        }
    }
}

impl EventLoop {
    /// Closes the generators that are still alive, in the order in which they began.
    pub async fn shutdown_asyncgens(&self) {
        while let Some((_, next)) = self.next_generator() {
            let Some(body) = next.upgrade() else { continue };
            if let Err(panic) = body.close(true).await {
                report_panic("An async generator panicked as it was closed", &*panic);
            }
        }
    }

    fn next_generator(&self) -> Option<(u64, Weak<Suspended>)> {
        self.0.generators.borrow_mut().pop_first()
    }
}
