//! Where things are: the workspace, the book's folder in it, and the files that chapters
//! name.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use crate::behaviours::Witness;
use crate::coverage::Shown;
use crate::item::Entry;
use crate::results::Results;

/// What a directive becomes, or what is wrong with it, in one line.
pub type Answer<T> = Result<T, String>;

/// The folders, and the files that were read once in this build.
#[derive(Debug)]
pub struct Places {
    workspace: PathBuf,
    book: PathBuf,
    texts: RefCell<HashMap<PathBuf, Rc<str>>>,
    pub(crate) parsed: RefCell<HashMap<String, Rc<[Entry]>>>,
    pub(crate) results: RefCell<HashMap<String, Rc<Results>>>,
    /// Which tests name which behaviour: all sources are read for that.
    pub(crate) witnesses: OnceCell<BTreeMap<String, Vec<Witness>>>,
    /// Filled with what the chapters show; read by those that show the rest.
    pub(crate) shown: RefCell<Vec<Shown>>,
}

impl Places {
    /// The book in a folder. Its workspace is the nearest one around it.
    ///
    /// # Errors
    ///
    /// Fails when there is no workspace around the folder.
    pub fn of(book: &Path) -> Answer<Self> {
        let whole = book.canonicalize().map_err(|_| nothing_at(book))?;
        let is_workspace = |folder: &&Path| {
            let manifest = fs::read_to_string(folder.join("Cargo.toml"));
            manifest.is_ok_and(|text| text.lines().any(|line| line == "[workspace]"))
        };
        let workspace = whole.ancestors().find(is_workspace);
        let workspace = workspace
            .ok_or_else(|| format!("no workspace is around {}", book.display()))?
            .to_owned();
        let (texts, parsed, results, witnesses, shown) = Default::default();
        Ok(Self { workspace, book: whole, texts, parsed, results, witnesses, shown })
    }

    /// The root of the workspace.
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// The book's folder.
    pub fn book(&self) -> &Path {
        &self.book
    }

    /// The text of a file of the workspace.
    ///
    /// # Errors
    ///
    /// Says what there is instead, if the file is missing.
    pub fn read(&self, path: &str) -> Answer<Rc<str>> {
        self.read_below(&self.workspace, path)
    }

    /// The text of a file in the book's folder.
    ///
    /// # Errors
    ///
    /// Like [`read`](Self::read).
    pub fn read_own(&self, path: &str) -> Answer<Rc<str>> {
        self.read_below(&self.book, path)
    }

    /// Whether the workspace has that file.
    pub fn has(&self, path: &str) -> bool {
        is_plain(path) && self.workspace.join(path).is_file()
    }

    /// From now on a file of the workspace, or one that is elsewhere, has that text.
    pub fn keep(&self, path: &str, text: &str) {
        self.texts.borrow_mut().insert(self.workspace.join(path), text.into());
    }

    fn read_below(&self, root: &Path, path: &str) -> Answer<Rc<str>> {
        let place = root.join(path);
        if let Some(text) = self.texts.borrow().get(&place) {
            return Ok(Rc::clone(text));
        }
        if !is_plain(path) {
            return Err(format!(
                "{path} is no path from the root: no `..`, no `/` first"
            ));
        }
        let text = fs::read_to_string(&place).map_err(|_| missing(root, path))?;
        // As on every system: what is shown does not depend on how git checked it out.
        let text: Rc<str> = text.replace("\r\n", "\n").into();
        self.texts.borrow_mut().insert(place, Rc::clone(&text));
        Ok(text)
    }
}

/// Whether a path stays below the folder that it is joined to.
fn is_plain(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn nothing_at(path: &Path) -> String {
    format!("there is no folder {}", path.display())
}

/// Which file is missing, and which are there.
fn missing(root: &Path, path: &str) -> String {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let there = names_in(&root.join(folder));
    match folder.display().to_string().as_str() {
        _ if there.is_empty() => format!("there is no file {path}"),
        "" => format!("there is no file {path}; there are: {}", there.join(", ")),
        folder => {
            format!("there is no file {path}; {folder} has: {}", there.join(", "))
        }
    }
}

/// The names of the files in a folder, sorted; none if there is no such folder.
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut names: Vec<_> =
        files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
