//! Chance: a row of numbers that looks random and follows from its seed.

use std::ops::Range;
use std::time::Duration;

/// `SplitMix64`: small, quick, and good enough for accidents.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `n`, which is not zero.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).expect("it is below a usize")
    }

    /// Happens so many times out of so many. Costs no roll where it never happens, so that
    /// a calm network tells the same story whatever else it could do.
    pub(super) fn happens(&mut self, times: u32, out_of: u32) -> bool {
        times > 0 && self.roll() % u64::from(out_of) < u64::from(times)
    }

    /// Some of `n`: at least one, and seldom all.
    pub(super) fn some_of(&mut self, n: usize) -> usize {
        if n > 1 { 1 + self.below(n - 1) } else { n }
    }

    pub(super) fn between(&mut self, range: &Range<Duration>) -> Duration {
        let spread = range.end.saturating_sub(range.start).as_nanos();
        let spread = u64::try_from(spread).unwrap_or(u64::MAX);
        match spread {
            0 => range.start,
            spread => range.start + Duration::from_nanos(self.roll() % spread),
        }
    }

    /// Fisher and Yates.
    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

/// A number that follows from `x` and looks as if it did not.
pub(super) fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
