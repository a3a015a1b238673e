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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The values that the algorithm's author gives for this seed.
    #[test]
    fn the_row_of_numbers_is_that_of_splitmix() {
        let mut dice = Dice::new(1_234_567);
        let row = [(); 5].map(|()| dice.roll());
        assert_eq!(
            row,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    /// Whatever `throw` gives in a thousand throws.
    fn thrown<T: Ord>(mut throw: impl FnMut(&mut Dice) -> T) -> BTreeSet<T> {
        let mut dice = Dice::new(7);
        (0..1000).map(|_| throw(&mut dice)).collect()
    }

    #[test]
    fn every_number_below_comes_and_none_above() {
        assert!(thrown(|dice| dice.below(5)).into_iter().eq(0..5));
        assert!(thrown(|dice| dice.below(1)).into_iter().eq(0..1));
    }

    #[test]
    fn some_of_many_are_at_least_one_and_not_all() {
        assert!(thrown(|dice| dice.some_of(5)).into_iter().eq(1..5));
        assert!(thrown(|dice| dice.some_of(2)).into_iter().eq(1..2));
        for n in [0, 1] {
            assert!(thrown(|dice| dice.some_of(n)).into_iter().eq([n]));
        }
    }

    #[test]
    fn what_happens_so_many_times_out_of_so_many_does_and_what_never_does_costs_no_roll()
    {
        let mut dice = Dice::new(7);
        let mut count = |times| (0..1000).filter(|_| dice.happens(times, 4)).count();
        assert_eq!((count(0), count(4)), (0, 1000));
        assert!((200..300).contains(&count(1)));
        let (mut one, mut other) = (Dice::new(1), Dice::new(1));
        assert!(!one.happens(0, 4));
        assert_eq!(one.roll(), other.roll());
    }

    #[test]
    fn a_time_is_in_its_range_and_an_empty_range_costs_no_roll() {
        let nanos = Duration::from_nanos;
        let times = thrown(|dice| dice.between(&(nanos(10)..nanos(13))));
        assert!(times.into_iter().eq([10, 11, 12].map(nanos)));
        let (mut one, mut other) = (Dice::new(1), Dice::new(1));
        for range in [nanos(10)..nanos(10), nanos(10)..nanos(3)] {
            assert_eq!(one.between(&range), nanos(10));
        }
        assert_eq!(one.roll(), other.roll());
    }

    #[test]
    fn a_shuffle_loses_nobody_and_every_order_comes() {
        let shuffled = |n| {
            thrown(move |dice| {
                let mut all: Vec<_> = (0..n).collect();
                dice.shuffle(&mut all);
                all
            })
        };
        assert_eq!([0, 1, 2, 3, 4].map(|n| shuffled(n).len()), [1, 1, 2, 6, 24]);
        for mut order in shuffled(4) {
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3]);
        }
    }
}
