//! Greenlets that change their parents.

use crate::extras::errors::CyclicParent;
use crate::greenlet::Greenlet;

impl Greenlet {
    /// Makes another greenlet the parent.
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
