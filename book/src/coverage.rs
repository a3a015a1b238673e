//! That nothing is left out: each core item of a stage is shown by a finished chapter.
//!
//! Which chapters are finished, and which stages a part of the book is about, stands in
//! `book.toml`, under `[preprocessor.lineage]`. A part is held to it when all of its chapters
//! are finished. What counts are functions, types, traits and methods in `src/`, but not in
//! `src/extras`. An item is shown if all of it is; or if a diff touches it; or if a stage
//! before has the same one, byte for byte, and that was shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::item::Entry;
use crate::listing::Lines;
use crate::places::{Answer, Places};
use crate::problem::Problem;

/// Lines of a source file that a chapter shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The file, from the root of the workspace.
    pub file: String,
    /// Which of its lines.
    pub lines: Lines,
    /// Whether that is enough to have shown an item that they are a part of.
    pub is_change: bool,
}

/// What `book.toml` says of the state of the book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Progress {
    /// The chapters that are whole, by their files.
    #[serde(default)]
    pub finished: Vec<String>,
    /// The parts of the book.
    #[serde(default)]
    pub parts: Vec<Part>,
}

/// A part of the book.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its title.
    pub title: String,
    /// The stages whose code it is about, by their folders.
    pub stages: Vec<String>,
    /// Its chapters, by their files.
    pub chapters: Vec<String>,
}

/// What the chapters show, by their files.
pub type ShownBy = BTreeMap<String, Vec<Shown>>;

/// A core item, and where it is.
#[derive(Clone, Debug)]
pub struct Core {
    /// The file, from the root of the workspace.
    pub file: String,
    /// Its name and lines.
    pub entry: Entry,
    /// What it says.
    pub text: String,
}

/// The core items that no finished chapter shows, of the parts that are finished.
pub fn check(places: &Places, progress: &Progress, shown: &ShownBy) -> Vec<Problem> {
    let mut problems = unknown(progress, shown);
    let finished = |chapter: &String| progress.finished.contains(chapter);
    let finished_shown: Vec<&Shown> = shown
        .iter()
        .filter(|(chapter, _)| finished(chapter))
        .flat_map(|(_, shown)| shown)
        .collect();
    let mut seen = Vec::new();
    for part in &progress.parts {
        let is_finished = part.chapters.iter().all(finished);
        for stage in &part.stages {
            match cores(places, stage) {
                Ok(cores) => {
                    let missing = missing(part, cores, &finished_shown, &mut seen);
                    problems.extend(missing.into_iter().filter(|_| is_finished));
                }
                Err(message) => problems.push(Problem::with("book.toml", message)),
            }
        }
    }
    problems
}

/// Chapters that `book.toml` names and nobody has written.
fn unknown(progress: &Progress, shown: &ShownBy) -> Vec<Problem> {
    let named = progress.parts.iter().flat_map(|part| &part.chapters);
    let named = named.chain(&progress.finished);
    let unknown = named.filter(|chapter| !shown.contains_key(*chapter));
    let message = |chapter| format!("{chapter} is not in SUMMARY.md");
    unknown.map(|chapter| Problem::with("book.toml", message(chapter))).collect()
}

/// What of a stage is not shown. `seen` are the texts that were, in this stage or before.
fn missing(
    part: &Part,
    cores: Vec<Core>,
    shown: &[&Shown],
    seen: &mut Vec<String>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for core in cores {
        if seen.contains(&core.text) {
            continue;
        }
        if shown.iter().any(|shown| shown.shows(&core)) {
            seen.push(core.text);
            continue;
        }
        let Core { file, entry, .. } = core;
        let message =
            format!("no finished chapter of part {:?} shows {}", part.title, entry.name);
        problems.push(Problem::at(&file, entry.lines.first, message));
    }
    problems
}

impl Shown {
    /// Whether the item has been shown by that.
    pub fn shows(&self, core: &Core) -> bool {
        let lines = core.entry.lines;
        let touches = self.is_change && lines.hold(self.lines);
        self.file == core.file && (self.lines.hold(lines) || touches)
    }
}

/// All core items of a stage.
fn cores(places: &Places, stage: &str) -> Answer<Vec<Core>> {
    let mut cores = Vec::new();
    for file in files(places, stage)? {
        cores.extend(cores_of(places, &file)?);
    }
    Ok(cores)
}

/// The core items of a file.
///
/// # Errors
///
/// Fails when there is no such file, or when it is no Rust.
pub fn cores_of(places: &Places, file: &str) -> Answer<Vec<Core>> {
    let text = places.read(file)?;
    let entries = places.entries(file)?;
    let cores = entries.iter().filter(|entry| entry.is_core).map(|entry| Core {
        file: file.to_owned(),
        entry: entry.clone(),
        text: entry.lines.of(&text),
    });
    Ok(cores.collect())
}

/// The source files of a stage, but for the extras.
fn files(places: &Places, stage: &str) -> Answer<Vec<String>> {
    let folder = format!("{stage}/src");
    let mut found = Vec::new();
    collect(&places.workspace().join(&folder), &folder, &mut found);
    if found.is_empty() {
        return Err(format!("there is no source in {folder}"));
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, name: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{name}/{file}");
        if entry.path().is_dir() && file != "extras" {
            collect(&entry.path(), &path, found);
        } else if entry.path().extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}
