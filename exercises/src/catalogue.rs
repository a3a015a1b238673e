//! Which exercises there are: the folders of this package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lineage::args::Number;
use lineage::error::named;

/// One exercise, and where its files are.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// What it is called on the command line.
    pub number: Number,
    folder: PathBuf,
}

impl Exercise {
    /// Every exercise below `root`, in the order of the book.
    ///
    /// # Errors
    ///
    /// What reading the folders answers, with the folder's name.
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

    /// The exercise below `root` that is called so, such as `2.1`.
    ///
    /// # Errors
    ///
    /// As [`all`](Self::all); and says which there are, if it is none of them.
    pub fn named(root: &Path, name: &str) -> io::Result<Self> {
        let all = Self::all(root)?;
        let named = all.iter().find(|it| it.number.to_string() == name).cloned();
        named.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, no_such(&all)))
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
        fs::read_to_string(&path).map_err(named(&path))
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
    /// What reading the folder answers, with its name.
    pub fn wrong(&self) -> io::Result<Vec<String>> {
        let (mut names, folder) = (Vec::new(), self.folder.join("wrong"));
        for entry in fs::read_dir(&folder).map_err(named(&folder))? {
            names.push(format!("wrong/{}", entry?.file_name().display()));
        }
        names.sort();
        Ok(names)
    }
}

/// That there is none of that name, and which there are.
pub(crate) fn no_such(all: &[Exercise]) -> String {
    let numbers: Vec<_> = all.iter().map(|it| it.number.to_string()).collect();
    format!("there is no such exercise; there are: {}", numbers.join(", "))
}

/// The folders in `root` whose names begin with `prefix` and a number.
fn numbered(root: &Path, prefix: &str) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(named(root))? {
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
