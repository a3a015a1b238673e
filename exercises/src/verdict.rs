//! The verdict: the first line that differs from what was expected.

use std::fmt;

use lineage::args::Number;

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

/// How many characters of a line are shown.
const WIDEST: usize = 300;

impl Verdict {
    /// Holds `outcome` against the text of `expected.txt`.
    pub fn of(outcome: Outcome, expected: &str) -> Self {
        match outcome {
            Outcome::DoesNotCompile(errors) => Self::DoesNotCompile(errors),
            Outcome::Ran(ran) => Self::of_run(ran, expected),
        }
    }

    /// The verdict in a sentence. What stands behind a colon, the verdict has in it.
    pub fn sentence(&self, number: Number) -> String {
        match self {
            Self::Right => format!("{number} is right."),
            Self::DoesNotCompile(_) => format!("{number} does not compile:"),
            Self::Wrong(_) => {
                format!("{number} is not right yet. The first difference:")
            }
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
            writeln!(f, "      {}", clipped(line))?;
        }
        if let Some(line) = &self.expected {
            writeln!(f, "    - {}      (expected)", clipped(line))?;
        }
        if let Some(line) = &self.told {
            writeln!(f, "    + {}      (yours)", clipped(line))?;
        }
        if let Some(ending) = self.ending() {
            writeln!(f, "    {ending}")?;
        }
        if self.end == End::TooMuch {
            // It can only complain that nobody listens any more.
            return Ok(());
        }
        let complaints = self.complaints.lines().filter(|line| !line.is_empty());
        for line in complaints.take(6) {
            writeln!(f, "    | {}", clipped(line))?;
        }
        Ok(())
    }
}

impl Difference {
    /// How it ended, if that differs.
    fn ending(&self) -> Option<&'static str> {
        match (self.end, self.told.is_some()) {
            (End::Hung, false) => Some("and then nothing, until it was ended"),
            (End::Hung, true) => Some("and it did not end, until it was ended"),
            (End::TooMuch, _) => Some("and it went on and on, until it was ended"),
            (End::Badly, _) => Some("and it ended in an error"),
            (End::Well, false) => Some("but yours had ended"),
            (End::Well, true) => None,
        }
    }
}

/// The line, as far as anybody reads.
fn clipped(line: &str) -> String {
    match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
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

    /// What is shown of a program that should have told `a`.
    fn shown(told: &[&str], end: End) -> String {
        let Verdict::Wrong(difference) = Verdict::of(ran(told, end), "a\n") else {
            panic!("it differs")
        };
        difference.to_string()
    }

    #[test]
    fn how_it_ended_is_told_as_it_was() {
        for (told, end, ending) in [
            (&[][..], End::Hung, "and then nothing, until it was ended\n"),
            (&["x"], End::Hung, "and it did not end, until it was ended\n"),
            (&["x"], End::TooMuch, "and it went on and on, until it was ended\n"),
            (&["x"], End::Badly, "and it ended in an error\n"),
            (&[], End::Well, "but yours had ended\n"),
            (&["x"], End::Well, "+ x      (yours)\n"),
        ] {
            let shown = shown(told, end);
            assert!(shown.ends_with(ending), "{told:?} {end:?}: {shown}");
        }
    }

    #[test]
    fn a_line_without_end_is_clipped() {
        let shown = shown(&[&"ä".repeat(1_000_000)], End::Well);
        assert!(shown.chars().count() < 400, "{} characters", shown.len());
    }
}
