//! What keeps a test that goes wrong from going on for ever.

/// Counts the turns of a test's loop.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// One more, and not a million.
    pub(crate) fn one_more(&mut self) {
        self.0 += 1;
        assert!(self.0 < 1_000_000, "it goes on for ever");
    }
}
