//! A line, from whose middle anybody may leave.
//!
//! A `Vec` would close the gap at once, and when 10,000 leave, one by one, that is fifty
//! million moves. Here a gap stays until there are more gaps than people.

use std::collections::VecDeque;

/// Whoever stands in line, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Line<T> {
    /// How many came so far: numbers them.
    came: u64,
    /// By their numbers. `None`: that one has left.
    places: VecDeque<(u64, Option<T>)>,
    gaps: usize,
}

impl<T> Line<T> {
    /// Goes to the end. The number is what to leave by.
    pub(crate) fn join(&mut self, who: T) -> u64 {
        self.came += 1;
        self.places.push_back((self.came, Some(who)));
        self.came
    }

    /// Leaves, from wherever that is. `None`: that one is not there any more.
    pub(crate) fn leave(&mut self, number: u64) -> Option<T> {
        let index = self.places.binary_search_by_key(&number, |place| place.0).ok()?;
        let who = self.places[index].1.take()?;
        self.gaps += 1;
        if self.gaps > self.places.len() / 2 {
            self.places.retain(|place| place.1.is_some());
            self.gaps = 0;
        }
        Some(who)
    }

    /// The first one leaves.
    pub(crate) fn next(&mut self) -> Option<T> {
        while let Some((_, who)) = self.places.pop_front() {
            if who.is_some() {
                return who;
            }
            self.gaps -= 1;
        }
        None
    }

    /// Whether nobody stands there.
    pub(crate) fn is_empty(&self) -> bool {
        self.gaps == self.places.len()
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { came: 0, places: VecDeque::new(), gaps: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn whoever_is_left_is_in_order_whoever_leaves() {
        let mut line = Line::default();
        let numbers: Vec<_> = (0..10).map(|who| line.join(who)).collect();
        for who in [3, 0, 9, 4] {
            assert_eq!(line.leave(numbers[who]), Some(who));
            assert_eq!(line.leave(numbers[who]), None, "it has left");
        }
        assert_eq!(line.next(), Some(1));
        assert_eq!(line.leave(numbers[1]), None, "it was the first");
        let late = line.join(10);
        assert_eq!(line.leave(numbers[5]), Some(5));
        assert_eq!(line.leave(late), Some(10));
        line.join(11);
        let rest: Vec<_> = std::iter::from_fn(|| line.next()).collect();
        assert_eq!(rest, [2, 6, 7, 8, 11]);
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let mut line = Line::default();
        let first = line.join("first");
        line.leave(first);
        let second = line.join("second");
        assert_eq!(line.leave(first), None);
        assert_eq!(line.leave(second), Some("second"));
    }

    #[test]
    fn gaps_stay_until_there_are_more_of_them_than_people() {
        let mut line = Line::default();
        let numbers: Vec<_> = (0..6).map(|who| line.join(who)).collect();
        [1, 3, 5].into_iter().for_each(|who| assert!(line.leave(numbers[who]).is_some()));
        assert_eq!(line.places.len(), 6, "half of them");
        // The first gap is passed over, and is none any more.
        assert_eq!((line.next(), line.next()), (Some(0), Some(2)));
        assert_eq!((line.places.len(), line.gaps), (3, 2));
        assert_eq!(line.leave(numbers[4]), Some(4));
        assert_eq!((line.places.len(), line.gaps), (0, 0));
    }

    // One who stays must not make room grow for those who come and go behind.
    #[test]
    fn there_are_never_many_more_places_than_people() {
        let mut line = Line::default();
        line.join(0);
        for _ in 0..1000 {
            let number = line.join(1);
            line.leave(number);
            assert!(line.places.len() <= 2, "{line:?}");
        }
        let numbers: Vec<_> = (0..1000).map(|who| line.join(who)).collect();
        for (left, number) in numbers.into_iter().enumerate() {
            line.leave(number);
            assert!(line.places.len() <= 2 * (1000 - left) + 1);
        }
        assert_eq!((line.next(), line.next()), (Some(0), None));
    }
}
