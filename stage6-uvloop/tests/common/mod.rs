//! Chance that comes out the same each time.

/// Whatever follows from a number that is not zero.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// One of so many, the first of which is 0.
    pub(crate) fn throw(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
