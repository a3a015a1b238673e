//! A word that somebody else may say, and that many listen for: stop.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::rc::{Rc, Weak};

use reactor::trace;
use slab::Slab;

use crate::extras::queue::{Counter, Queue, Queued};
use crate::extras::race::{Either, select};

/// Asks tasks to stop, where a drop would stop them: each may end what it is at. A clone is
/// the same token; a child is cancelled with its parent, and not the other way round.
///
/// ```
/// use stage4_async_await::{extras::cancel_token::CancelToken, run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let server = CancelToken::new();
///     let connection = server.child();
///     let task = spawn(async move {
///         connection.cancelled().await;
///         "says goodbye"
///     });
///     server.cancel();
///     assert_eq!(task.await, "says goodbye");
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct CancelToken(Rc<Node>);

struct Node {
    /// Set once, by `cancel`.
    is_cancelled: Cell<bool>,
    queue: Queue<()>,
    /// The parent, and this node's key there. None at the root, and once it is cancelled.
    parent: Cell<Option<(Rc<Node>, usize)>>,
    /// Those that are to be cancelled with it.
    children: RefCell<Slab<Weak<Node>>>,
}

impl CancelToken {
    /// A token without a parent.
    pub fn new() -> Self {
        Self(Rc::new(Node::new(false)))
    }

    /// A token that is cancelled with this one, or alone. Of one that is cancelled already, it
    /// is too.
    pub fn child(&self) -> Self {
        let child = Rc::new(Node::new(self.is_cancelled()));
        if !self.is_cancelled() {
            let key = self.0.children.borrow_mut().insert(Rc::downgrade(&child));
            child.parent.set(Some((Rc::clone(&self.0), key)));
        }
        Self(child)
    }

    /// Cancels it, and whatever comes of it. For good: there is no way back.
    #[track_caller]
    pub fn cancel(&self) {
        let mut all = vec![Rc::clone(&self.0)];
        let mut next = 0;
        while let Some(node) = all.get(next) {
            node.is_cancelled.set(true);
            let children = mem::take(&mut *node.children.borrow_mut());
            all.extend(children.iter().filter_map(|(_, child)| child.upgrade()));
            next += 1;
        }
        // Whoever is woken finds all of them cancelled.
        all.iter().for_each(|node| node.queue.serve_all(|| ()));
    }

    /// Whether it is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.get()
    }

    /// Waits until it is cancelled.
    #[track_caller]
    pub fn cancelled(&self) -> impl Future<Output = ()> {
        let at = trace::Place::here();
        async move {
            if !self.is_cancelled() {
                Queued::new(&*self.0, at).await;
            }
        }
    }

    /// Awaits `future`, unless the token is cancelled first: then it is dropped, the exits
    /// that it leaves behind are awaited, and there is no output.
    ///
    /// ```
    /// # use stage4_async_await::{extras::cancel_token::CancelToken, run};
    /// # fn main() -> std::io::Result<()> {
    /// # run(async {
    /// let token = CancelToken::new();
    /// assert_eq!(token.run_until_cancelled(async { 1 }).await, Some(1));
    /// token.cancel();
    /// assert_eq!(token.run_until_cancelled(async { 1 }).await, None);
    /// # })
    /// # }
    /// ```
    #[track_caller]
    pub fn run_until_cancelled<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> {
        let both = select(self.cancelled(), future);
        async move {
            match both.await {
                Either::Left(()) => None,
                Either::Right(output) => Some(output),
            }
        }
    }
}

impl Node {
    fn new(is_cancelled: bool) -> Self {
        let (queue, parent, children) =
            (Queue::new(), Cell::default(), RefCell::default());
        Self { is_cancelled: Cell::new(is_cancelled), queue, parent, children }
    }
}

impl Counter for Node {
    type Ware = ();
    const NAME: &'static str = "a cancel token";

    fn queue(&self) -> &Queue<()> {
        &self.queue
    }

    /// The others are told all the same.
    fn take_back(&self, (): ()) {}
}

impl Drop for Node {
    /// Leaves its parent. If it was the last to keep that, the parent leaves its own, and so
    /// on: one after the other, however deep the tree is.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some((parent, key)) = next {
            let left = parent.children.borrow_mut().try_remove(key);
            drop(left);
            next = Rc::into_inner(parent).and_then(|parent| parent.parent.take());
        }
    }
}

impl Default for CancelToken {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}
