//! The verdict: the first line that differs from what was expected.

use std::fmt;

use crate::trial::{End, Outcome, Ran};

/// Whether it is right, and if not, where it first goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It told what was expected, and ended well.
    Right,
    /// It does not compile.
    DoesNotCompile(String),
    /// It goes wrong.
    Wrong(Difference),
}

/// Where it first goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The lines before, which are right.
    before: Vec<String>,
    /// The line that was expected. `None`: nothing more was.
    expected: Option<String>,
    /// The line that was told instead. `None`: nothing more was.
    told: Option<String>,
    end: End,
    complaints: String,
}

/// How many lines before the difference are shown.
const CONTEXT: usize = 3;

impl Verdict {
    /// Holds `outcome` against the text of `expected.txt`.
    pub fn of(outcome: Outcome, expected: &str) -> Self {
        match outcome {
            Outcome::DoesNotCompile(errors) => Self::DoesNotCompile(errors),
            Outcome::Ran(ran) => Self::of_run(ran, expected),
        }
    }

    fn of_run(ran: Ran, expected: &str) -> Self {
        let Ran { told, complaints, end } = ran;
        let expected: Vec<_> = expected.lines().collect();
        let same = told.iter().zip(&expected).take_while(|(a, b)| a == *b).count();
        if same == expected.len() && same == told.len() && end == End::Well {
            return Self::Right;
        }
        Self::Wrong(Difference {
            before: told[same.saturating_sub(CONTEXT)..same].to_vec(),
            expected: expected.get(same).map(|line| (*line).to_owned()),
            told: told.get(same).cloned(),
            end,
            complaints,
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.before {
            writeln!(f, "      {line}")?;
        }
        if let Some(line) = &self.expected {
            writeln!(f, "    - {line}      (expected)")?;
        }
        if let Some(line) = &self.told {
            writeln!(f, "    + {line}      (yours)")?;
        }
        match (self.end, self.told.is_some()) {
            (End::Hung, _) => writeln!(f, "    and then nothing, until it was ended")?,
            (End::Badly, _) => writeln!(f, "    and it ended in an error")?,
            (End::Well, false) => writeln!(f, "    but yours had ended")?,
            (End::Well, true) => {}
        }
        for line in self.complaints.lines().take(6) {
            writeln!(f, "    | {line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(told: &[&str], end: End) -> Outcome {
        let told = told.iter().map(|&line| line.to_owned()).collect();
        Outcome::Ran(Ran { told, complaints: String::new(), end })
    }

    #[test]
    fn only_all_the_lines_and_a_good_end_are_right() {
        assert_eq!(Verdict::of(ran(&["a", "b"], End::Well), "a\nb\n"), Verdict::Right);
        for (told, end) in [
            (&["a", "b"][..], End::Badly),
            (&["a", "b"], End::Hung),
            (&["a"], End::Well),
            (&["a", "b", "c"], End::Well),
            (&["b", "a"], End::Well),
        ] {
            let verdict = Verdict::of(ran(told, end), "a\nb\n");
            assert!(matches!(verdict, Verdict::Wrong(_)), "{told:?} {end:?}");
        }
    }

    #[test]
    fn the_first_difference_is_shown_with_what_was_right_before() {
        let Verdict::Wrong(difference) =
            Verdict::of(ran(&["a", "x", "y"], End::Well), "a\nb\nc\n")
        else {
            panic!("it differs")
        };
        let shown = difference.to_string();
        assert_eq!(shown, "      a\n    - b      (expected)\n    + x      (yours)\n");
    }
}
