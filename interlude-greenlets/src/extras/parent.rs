//! Greenlets and their parents, which may change.

use crate::extras::errors::CyclicParent;
use crate::greenlet::Greenlet;

impl Greenlet {
    /// Who gets what the body returns; the thread's main greenlet has no parent.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent.borrow().clone()
    }

    /// Itself, its parent, and so on up to the main greenlet.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Makes another greenlet the parent.
    ///
    /// ```
    /// use interlude_greenlets::{Failure, Greenlet};
    ///
    /// let collector = Greenlet::new(|word: &'static str| Ok(word.len()));
    /// let child = Greenlet::new(|()| Ok("seven letters"));
    /// child.set_parent(&collector).unwrap();
    /// // It returns to its parent, and that to its own.
    /// assert_eq!(child.switch::<(), usize>(())?, 13);
    /// assert!(collector.set_parent(&child).is_err(), "not round in a circle");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CyclicParent`], and nothing changes, if this greenlet is among the ancestors of
    /// the new parent. The main greenlet is among everybody's.
    pub fn set_parent(&self, parent: &Self) -> Result<(), CyclicParent> {
        if parent.ancestors().any(|ancestor| ancestor == *self) {
            return Err(CyclicParent);
        }
        let before = self.0.parent.replace(Some(parent.clone()));
        drop(before);
        Ok(())
    }
}
