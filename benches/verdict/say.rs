//! What is said to a reader. Who has left is no error, and whoever was to be read by nobody ends
//! quietly.

use std::fmt::Display;
use std::io;

use lineage::error::Error;
use lineage::output::Output;

/// Says it on a line, or on several.
///
/// # Errors
///
/// One that [`has_left`] knows when nobody reads any more.
pub(crate) fn say(text: impl Display) -> io::Result<()> {
    Output::stdout().line(text).map_err(io::Error::other)
}

/// Whether it is the end because of the reader. A pipe to somebody else that broke is no such end.
pub(crate) fn has_left(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner == Some(&Error::ReaderLeft)
}
