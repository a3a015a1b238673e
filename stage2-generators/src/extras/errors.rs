//! What can go wrong with a generator.

use std::error::Error;
use std::fmt;

use crate::failure::Failure;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($text)
            }
        }

        impl Error for $name {}
    )*};
}

errors! {
    /// A value was sent to a generator that stands at no yield.
    NotStarted: "can't send a value to a generator that has just been created",
    /// A generator was started twice.
    AlreadyStarted: "the generator has already started",
    /// A generator was resumed from within itself.
    AlreadyRunning: "the generator is already executing",
    /// A generator was resumed after its end.
    Finished: "the generator is finished",
    /// What `close` raises in a body: everything that cleans up gets to see it.
    GeneratorExit: "the generator was closed",
    /// A body yielded although it was closed.
    IgnoredExit: "the generator ignored GeneratorExit",
    /// A body awaited a yield while another one had no answer yet, as in a join or a select.
    SecondYield: "a generator stands at one yield at a time, and an earlier one has no answer \
         yet: await this one after that, or in a generator of its own",
    /// A body awaited something other than its yield: nobody here could ever wake it.
    ForeignAwait: "a generator may only await its own yields: nobody would wake it again",
}

/// A body let another generator's [`Finished`] escape. "Finished" is an answer, not an error
/// that may end somebody else (PEP 479).
#[derive(Debug)]
pub struct RaisedFinished(Failure);

impl RaisedFinished {
    /// What a body raised, unless that would pass for its own end.
    pub(crate) fn instead(failure: Failure) -> Failure {
        if failure.is::<Finished>() { Self(failure).into() } else { failure }
    }
}

impl fmt::Display for RaisedFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the generator raised Finished")
    }
}

impl Error for RaisedFinished {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.error())
    }
}
