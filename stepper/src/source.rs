//! The source lines that a recording names, read from the workspace.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::story::Place;

/// The recording's files, line by line, or why there is none.
#[derive(Clone, Debug)]
pub struct Sources {
    files: Vec<Result<Vec<String>, String>>,
}

impl Sources {
    /// Reads `files` below `root`, as far as they are there.
    pub fn read(files: &[String], root: Option<&Path>) -> Self {
        let read = |file: &String| match root {
            Some(root) => lines(root, file),
            None => Err("no workspace is around here".to_owned()),
        };
        Self { files: files.iter().map(read).collect() }
    }

    /// The line at a place.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn line(&self, place: Place) -> Result<&str, String> {
        let lines = self.files[place.file].as_ref().map_err(Clone::clone)?;
        let index = (place.line as usize).checked_sub(1);
        let line = index.and_then(|index| lines.get(index));
        line.map(String::as_str)
            .ok_or_else(|| format!("the file has no line {} now", place.line))
    }

    /// At the most `count` lines around a place, with their numbers.
    ///
    /// # Errors
    ///
    /// Says why there are none.
    pub fn around(&self, place: Place, count: usize) -> Result<Vec<(u32, &str)>, String> {
        self.line(place)?;
        let lines = self.files[place.file].as_ref().map_err(Clone::clone)?;
        let window = window(place.line as usize - 1, lines.len(), count);
        Ok((1..).zip(lines.iter().map(String::as_str)).skip(window).take(count).collect())
    }
}

/// Where to begin, so that `count` of `all` are shown with `at` in the middle.
pub fn window(at: usize, all: usize, count: usize) -> usize {
    at.saturating_sub(count / 2).min(all.saturating_sub(count))
}

/// The root of the workspace: around here, or else where this was built.
pub fn root() -> Option<PathBuf> {
    let here = std::env::current_dir().unwrap_or_default();
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut around = here.ancestors().chain(built.ancestors());
    let is_ours = |folder: &&Path| folder.join("stepper/Cargo.toml").is_file();
    around.find(is_ours).map(Path::to_owned)
}

/// A recording may come from anywhere: it gets to see nothing outside of the workspace.
fn lines(root: &Path, file: &str) -> Result<Vec<String>, String> {
    let mut parts = Path::new(file).components();
    if !parts.all(|part| matches!(part, Component::Normal(_))) {
        return Err("this is no path from the root of the workspace".to_owned());
    }
    let path = root.join(file);
    if !path.is_file() {
        return Err("the workspace has no such file".to_owned());
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(text.lines().map(|line| line.replace('\t', "    ")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str) -> Sources {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        Sources::read(&[file.to_owned()], Some(&root))
    }

    fn at(line: u32) -> Place {
        Place { file: 0, line }
    }

    #[test]
    fn a_line_stands_in_the_middle_as_far_as_there_are_lines_around_it() {
        let sources = sources("programs/countdown.rs");
        let numbers = |line, count| -> Vec<u32> {
            let lines = sources.around(at(line), count).unwrap();
            lines.into_iter().map(|(number, _)| number).collect()
        };
        assert_eq!(numbers(6, 3), [5, 6, 7]);
        assert_eq!(numbers(1, 3), [1, 2, 3]);
        assert_eq!(numbers(12, 3), [10, 11, 12]);
        assert_eq!(numbers(6, 100).len(), 12);
        assert!(numbers(6, 0).is_empty());
    }

    #[test]
    fn what_is_not_there_says_why() {
        let why = |file: &str| sources(file).line(at(1)).unwrap_err();
        assert_eq!(why("programs/landing.rs"), "the workspace has no such file");
        assert_eq!(
            why("../../Cargo.toml"),
            "this is no path from the root of the workspace"
        );
        assert_eq!(why("/etc/hosts"), "this is no path from the root of the workspace");
        let sources = sources("programs/countdown.rs");
        assert_eq!(sources.line(at(99)).unwrap_err(), "the file has no line 99 now");
        assert_eq!(sources.line(at(0)).unwrap_err(), "the file has no line 0 now");
    }

    #[test]
    fn the_root_has_the_workspaces_manifest() {
        assert!(root().unwrap().join("stepper/Cargo.toml").is_file());
    }
}
