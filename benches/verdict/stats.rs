//! What many samples say: their median, and an interval that it lies in.

use std::ops::Range;

/// A median, and where it lies with 95 % (by bootstrap).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// How far what the medians say can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// All of the intervals say the same.
    Noise,
    /// Another run may fall to the other side.
    Nothing,
}

impl Beyond {
    pub(crate) fn of(noise_may_turn_it: bool) -> Self {
        if noise_may_turn_it { Self::Nothing } else { Self::Noise }
    }

    /// What is said behind a verdict.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Noise => "",
            Self::Nothing => ", narrowly",
        }
    }
}

/// How many samples are drawn again.
const RESAMPLES: usize = 1_000;

impl Summary {
    /// # Panics
    ///
    /// Panics when there are no samples.
    pub(crate) fn of(samples: &[f64]) -> Self {
        let mut random = Random(0x2545_f491_4f6c_dd1d);
        let mut medians: Vec<_> = (0..RESAMPLES)
            .map(|_| median(samples.iter().map(|_| samples[random.below(samples.len())])))
            .collect();
        medians.sort_by(f64::total_cmp);
        let edge = RESAMPLES / 40; // 2.5 %
        let median = median(samples.iter().copied());
        let (low, high) = (medians[edge], medians[RESAMPLES - 1 - edge]);
        Self { median, low: low.min(median), high: high.max(median) }
    }

    /// Whether all of the interval does.
    pub(crate) fn lies_in(self, range: &Range<f64>) -> bool {
        range.contains(&self.low) && range.contains(&self.high)
    }

    /// Whether some of it lies there.
    pub(crate) fn touches(self, range: &Range<f64>) -> bool {
        self.low < range.end && self.high >= range.start
    }
}

fn median(samples: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<_> = samples.collect();
    sorted.sort_by(f64::total_cmp);
    let (upper, lower) = (sorted[sorted.len() / 2], sorted[(sorted.len() - 1) / 2]);
    f64::midpoint(lower, upper)
}

/// xorshift, with the same seed each time: the same samples give the same interval.
struct Random(u64);

impl Random {
    #[expect(clippy::cast_possible_truncation, reason = "what is left is below `n`")]
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}
