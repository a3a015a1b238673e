//! Something that is wrong with the book, and where.

use std::fmt;

/// A line of the list that a build ends with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file: a chapter by its name in `chapters/`, anything else from the book's folder,
    /// or from the root of the workspace.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem in a line.
    pub fn at(file: &str, line: usize, message: impl fmt::Display) -> Self {
        Self::new(file, Some(line), message)
    }

    /// A problem with a file as a whole.
    pub fn with(file: &str, message: impl fmt::Display) -> Self {
        Self::new(file, None, message)
    }

    /// A problem, whose line may be known.
    pub fn new(file: &str, line: Option<usize>, message: impl fmt::Display) -> Self {
        Self { file: file.to_owned(), line, message: message.to_string() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// All problems, each once, in the order of the files: a line each.
pub fn list(problems: &mut Vec<Problem>) -> String {
    problems.sort();
    problems.dedup();
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
