//! Work that is done one piece at a time, by as many as like to share it: Twisted's
//! `Cooperator.coiterate`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::deferred::{CancelHandle, Cancelled, Deferred, Firer};
use crate::failure::Failure;

/// Takes a deferred from `work`, waits for it, and takes the next, until there are no more or
/// one fails; fires with how it ended. Several can share one iterator, so that as many pieces
/// are under way as there are sharers. Cancelling it cancels the piece that is under way: if
/// that fails, so does this, and if it has an answer to give, the next is taken.
///
/// A chain in which each piece gives back the next would do the same, and keep every link
/// until the last has fired; this keeps one piece, however many there are.
///
/// ```
/// # use stage2_generators::{Deferred, react, time::sleep};
/// # use stage2_generators::extras::cooperate::coiterate;
/// # use std::time::Duration;
/// let done = react(|| {
///     let naps = (0..3).map(|_| sleep(Duration::from_millis(1)));
///     coiterate(naps).add_callback(|()| Ok("three naps, one after the other"))
/// });
/// assert_eq!(done.unwrap().unwrap(), "three naps, one after the other");
/// ```
#[doc(alias = "Cooperator")]
#[track_caller]
pub fn coiterate(work: impl Iterator<Item = Deferred<()>> + 'static) -> Deferred<()> {
    let under_way = Rc::new(RefCell::new(None));
    let piece = Rc::clone(&under_way);
    let gone = Rc::clone(&under_way);
    let (firer, end) = Deferred::with_relay(
        move || piece.borrow().iter().cloned().collect(),
        move |firer: Firer<()>| {
            if gone.borrow().as_ref().is_none_or(CancelHandle::is_gone) {
                let _ = firer.fire(Err(Cancelled.into()));
            }
        },
    );
    let work = Cell::new(Some(Box::new(work) as Box<dyn Iterator<Item = _>>));
    Rc::new(Cooperation { work, under_way, firer }).go_on();
    end
}

/// Work under way.
struct Cooperation {
    /// Taken while a piece is being made, which may ask for the work again.
    work: Cell<Option<Box<dyn Iterator<Item = Deferred<()>>>>>,
    /// The piece that is waited for; a cancel goes there.
    under_way: Rc<RefCell<Option<CancelHandle>>>,
    firer: Firer<()>,
}

impl Cooperation {
    /// Takes pieces until one has to be waited for, or nobody wants more.
    fn go_on(self: Rc<Self>) {
        let before = self.under_way.take();
        drop(before);
        let mut work = self.work.take().expect("it is put back before it is waited for");
        let end = loop {
            if self.firer.is_fired() {
                return;
            }
            let Some(piece) = work.next() else { break Ok(()) };
            match piece.try_take() {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => break Err(failure),
                Err(piece) => {
                    self.work.set(Some(work));
                    return self.wait_for(piece);
                }
            }
        };
        drop(work);
        let _ = self.firer.fire(end);
    }

    fn wait_for(self: Rc<Self>, piece: Deferred<()>) {
        self.under_way.replace(Some(piece.cancel_handle()));
        drop(piece.add_both(move |result: Result<(), Failure>| match result {
            Ok(()) => self.go_on(),
            Err(failure) => drop(self.firer.fire(Err(failure))),
        }));
    }
}
