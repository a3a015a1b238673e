//! Which exercises there are: the folders of this package.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Names an exercise: its chapter, and its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    /// The chapter, from 1.
    pub chapter: u32,
    /// The exercise in that chapter, from 1.
    pub place: u32,
}

/// One exercise, and where its files are.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// What it is called on the command line.
    pub number: Number,
    folder: PathBuf,
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

impl Exercise {
    /// Every exercise below `root`, in the order of the book.
    ///
    /// # Errors
    ///
    /// What reading the folders answers.
    pub fn all(root: &Path) -> io::Result<Vec<Self>> {
        let mut all = Vec::new();
        for (chapter, folder) in numbered(root, "chapter")? {
            for (place, folder) in numbered(&folder, "")? {
                all.push(Self { number: Number { chapter, place }, folder });
            }
        }
        all.sort_by_key(|exercise| exercise.number);
        Ok(all)
    }

    /// Where one of its files is.
    pub fn file(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// The text of one of its files.
    ///
    /// # Errors
    ///
    /// What reading it answers, with the file's name.
    pub fn read(&self, file: &str) -> io::Result<String> {
        let path = self.file(file);
        fs::read_to_string(&path).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", path.display()))
        })
    }

    /// The first line of its statement.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn title(&self) -> io::Result<String> {
        let statement = self.read("statement.md")?;
        let first = statement.lines().next().unwrap_or_default();
        Ok(first.trim_start_matches('#').trim().to_owned())
    }

    /// Its hints, from the first to the last.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn hints(&self) -> io::Result<Vec<String>> {
        let hints = self.read("hints.md")?;
        Ok(hints.split("\n---\n").map(|hint| hint.trim().to_owned()).collect())
    }

    /// The names of the solutions that look right and are wrong.
    ///
    /// # Errors
    ///
    /// What reading the folder answers.
    pub fn wrong(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join("wrong"))? {
            names.push(format!("wrong/{}", entry?.file_name().display()));
        }
        names.sort();
        Ok(names)
    }
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

/// The folders in `root` whose names begin with `prefix` and a number.
fn numbered(root: &Path, prefix: &str) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(prefix));
        let digits = digits.map(|rest| rest.split('-').next().unwrap_or(rest));
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    Ok(found)
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("'{text}' is no exercise: a chapter such as 2, or 2.1");
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
