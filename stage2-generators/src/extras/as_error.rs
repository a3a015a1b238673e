//! A failure where an error is asked for.

use std::error::Error;
use std::ops::Deref;

use crate::failure::Failure;

/// `&*failure` is an [`Error`], of which one can ask all that one asks of errors.
///
/// The failure itself is none: `?` makes a failure of every error, and of a failure it makes the
/// same one; what were both, it could not tell apart. `anyhow::Error` is built so, for that
/// reason.
impl Deref for Failure {
    type Target = dyn Error;

    fn deref(&self) -> &Self::Target {
        self.error()
    }
}

/// For whoever takes errors of any kind by reference.
impl AsRef<dyn Error> for Failure {
    fn as_ref(&self) -> &(dyn Error + 'static) {
        self.error()
    }
}
