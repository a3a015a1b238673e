//! Whether any file of the workspace has changed: asked again and again, which works on
//! every system and every kind of disk.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lineage::error::Error;

use crate::places::Places;

/// Folders in which nothing is that a page shows.
const LEFT_OUT: [&str; 4] = ["target", ".git", "work", "node_modules"];

/// What a page can be made of.
const KINDS: [&str; 8] = ["rs", "md", "toml", "json", "txt", "py", "js", "css"];

/// When each file was changed.
type Times = BTreeMap<PathBuf, SystemTime>;

/// The files as they were when somebody last asked.
#[derive(Debug)]
pub(super) struct Watch {
    root: PathBuf,
    times: Times,
    /// Where the pages go.
    left_out: Option<PathBuf>,
}

impl Watch {
    /// Of the workspace around a book.
    pub(super) fn around(book: &Path) -> Result<Self, Error> {
        let places = Places::of(book).map_err(Error::Failure)?;
        let root = places.workspace().to_owned();
        let times = times(&root, None);
        Ok(Self { root, times, left_out: None })
    }

    /// From here on, what happens in that folder is no change.
    pub(super) fn leave_out(&mut self, folder: &Path) {
        let folder = folder.canonicalize().unwrap_or(folder.to_owned());
        self.times.retain(|path, _| !path.starts_with(&folder));
        self.left_out = Some(folder);
    }

    /// Whether a file is new, gone or changed since the last call.
    pub(super) fn has_changed(&mut self) -> bool {
        let now = times(&self.root, self.left_out.as_deref());
        let before = std::mem::replace(&mut self.times, now);
        before != self.times
    }
}

fn times(root: &Path, left_out: Option<&Path>) -> Times {
    let mut times = Times::new();
    collect(root, left_out, &mut times);
    times
}

fn collect(folder: &Path, left_out: Option<&Path>, times: &mut Times) {
    if left_out == Some(folder) {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !LEFT_OUT.iter().any(|left_out| name == *left_out) {
                collect(&path, left_out, times);
            }
            continue;
        }
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        let changed = entry.metadata().and_then(|it| it.modified());
        if let (true, Ok(changed)) = (KINDS.contains(&extension), changed) {
            times.insert(path, changed);
        }
    }
}
