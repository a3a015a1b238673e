//! Which exercises: everything, a chapter, or one.

use std::fmt;
use std::str::FromStr;

/// Names an exercise: its chapter, and its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    /// The chapter, from 1.
    pub chapter: u32,
    /// The exercise in that chapter, from 1.
    pub place: u32,
}

/// What was asked for: everything, a chapter, or one exercise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Every exercise.
    All,
    /// Those of a chapter.
    Chapter(u32),
    /// That one.
    One(Number),
}

impl Choice {
    /// Whether `number` was asked for.
    pub fn takes(self, number: Number) -> bool {
        match self {
            Self::All => true,
            Self::Chapter(chapter) => chapter == number.chapter,
            Self::One(one) => one == number,
        }
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| "an exercise is needed, such as 2.1, or a chapter, such as 2";
        Ok(match text.split_once('.') {
            None => Self::Chapter(text.parse().map_err(wrong)?),
            Some((chapter, place)) => Self::One(Number {
                chapter: chapter.parse().map_err(wrong)?,
                place: place.parse().map_err(wrong)?,
            }),
        })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.chapter, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Number};

    #[test]
    fn a_choice_is_a_chapter_or_an_exercise() {
        let one = Number { chapter: 2, place: 1 };
        assert_eq!("2.1".parse(), Ok(Choice::One(one)));
        assert_eq!("2".parse(), Ok(Choice::Chapter(2)));
        for text in ["", "two", "2.", ".1", "2.1.1", "-1"] {
            assert!(text.parse::<Choice>().is_err(), "{text:?} was taken");
        }
    }
}
