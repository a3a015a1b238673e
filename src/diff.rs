//! `lineage diff`: what a stage changes in the one before it.

use std::fmt;

use similar::{ChangeTag, TextDiff};

use crate::error::Error;
use crate::output::Output;
use crate::sources::{File, STAGES, Stage};
use crate::styles::{STYLES, Style};

/// The order in which files are shown: that of reading. Others follow, then the programs.
const ORDER: [&str; 10] = [
    "src/event_loop.rs",
    "src/net.rs",
    "src/time.rs",
    "src/sync.rs",
    "src/task.rs",
    "src/coroutine.rs",
    "src/greenlet.rs",
    "src/deferred.rs",
    "src/future.rs",
    "src/failure.rs",
];

/// Files that did the same job under another name.
const RENAMED: [(&str, &str); 3] = [
    ("src/deferred.rs", "src/future.rs"),
    ("src/sync.rs", "src/locks.rs"),
    ("src/task.rs", "src/tasks.rs"),
];

/// A stage, with the programs of one of its styles: one side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    stage: &'static Stage,
    /// The folder of the programs, from the folder of the stage: `examples/deferreds`.
    programs: &'static str,
}

/// A file as both sides have it.
struct Pair {
    before: Option<&'static File>,
    after: Option<&'static File>,
}

impl Side {
    /// The side of that name: a stage's folder, the beginning of one, its number, a style.
    pub fn named(name: &str) -> Option<Self> {
        if let Some(style) = Style::named(name) {
            return Self::of(style);
        }
        let stage = STAGES.iter().find(|stage| {
            let number = stage.number().map(|number| number.to_string());
            stage.name == name
                || stage.name.split('-').next() == Some(name)
                || number.as_deref() == Some(name)
        })?;
        // Of the styles of a stage, the last is the one that history went on from.
        STYLES.iter().rev().find(|style| style.stage() == stage.name).and_then(Self::of)
    }

    fn of(style: &'static Style) -> Option<Self> {
        let stage = STAGES.iter().find(|stage| stage.name == style.stage())?;
        Some(Self { stage, programs: &style.folder[stage.name.len() + 1..] })
    }

    /// What it is called beside `other`: if they are of one stage, by its programs.
    fn name(&self, other: Side) -> String {
        let name = self.stage.name;
        if name == other.stage.name {
            format!("{name}/{}", self.programs)
        } else {
            name.to_owned()
        }
    }

    /// What a file is called when it is compared: its programs' folder is left out.
    fn key(&self, file: &File) -> Option<String> {
        if let Some(name) = file.path.strip_prefix(self.programs) {
            return Some(format!("examples{name}"));
        }
        let is_compared = file.path.starts_with("src/") && file.path != "src/lib.rs";
        is_compared.then(|| file.path.to_owned())
    }

    fn find(&self, key: &str) -> Option<&'static File> {
        self.stage.files.iter().find(|file| self.key(file).as_deref() == Some(key))
    }

    fn keys(&self) -> Vec<String> {
        self.stage.files.iter().filter_map(|file| self.key(file)).collect()
    }
}

impl Pair {
    /// All files that one of the sides has, in reading order. One that was renamed goes by
    /// its old name.
    fn all(from: Side, to: Side) -> Vec<(String, Self)> {
        let mut keys = from.keys();
        keys.extend(to.keys().into_iter().filter(|key| {
            let old = RENAMED.iter().find(|(_, new)| new == key).map(|(old, _)| *old);
            from.find(key).is_none() && old.and_then(|old| from.find(old)).is_none()
        }));
        keys.sort_by_key(|key| place(key));
        keys.into_iter().map(|key| (key.clone(), Self::of(from, to, &key))).collect()
    }

    fn of(from: Side, to: Side, key: &str) -> Self {
        let before = from.find(key);
        let renamed = RENAMED.iter().find(|(old, _)| *old == key).map(|(_, new)| *new);
        let after = to.find(key).or_else(|| to.find(renamed?));
        Self { before, after }
    }

    fn texts(&self) -> (&'static str, &'static str) {
        (self.before.map_or("", |it| it.text), self.after.map_or("", |it| it.text))
    }

    /// The files, from the root of the workspace.
    fn paths(&self, from: Side, to: Side) -> [Option<String>; 2] {
        let path = |side: Side, file: Option<&File>| {
            file.map(|it| format!("{}/{}", side.stage.name, it.path))
        };
        [path(from, self.before), path(to, self.after)]
    }

    /// Lines that are added, and lines that are removed.
    fn counts(&self) -> (usize, usize) {
        let (before, after) = self.texts();
        let diff = TextDiff::from_lines(before, after);
        let count = |tag| diff.iter_all_changes().filter(|it| it.tag() == tag).count();
        (count(ChangeTag::Insert), count(ChangeTag::Delete))
    }
}

/// A cell of the table.
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed) = self.counts();
        let text = match (self.before, self.after) {
            (None, None) => "–".to_owned(),
            (None, Some(_)) => format!("new, {added}"),
            (Some(_), None) => format!("deleted, {removed}"),
            (Some(_), Some(_)) => format!("{added}/{removed}"),
        };
        f.pad(&text)
    }
}

/// The names of all stages.
pub fn stage_names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// The table of all neighbours: a line a file, a column a step of history.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn all(output: &mut Output) -> Result<(), Error> {
    let sides: Vec<Side> = STAGES
        .iter()
        .filter(|stage| stage.number() > Some(0))
        .filter_map(|stage| Side::named(stage.name))
        .collect();
    let steps: Vec<_> = sides.windows(2).map(|pair| (pair[0], pair[1])).collect();
    output.line("Lines added/removed from stage to stage; 0/0 is byte-identical.\n")?;
    let number = |side: Side| side.stage.number().unwrap_or_default();
    let heads =
        steps.iter().map(|(from, to)| format!("{}→{}", number(*from), number(*to)));
    output.line(row("file", heads))?;
    let rows = rows(&steps);
    let (programs, files): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|it| is_program(it));
    let (tools, files): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|it| comes_last(&sides, it));
    let line = |key: &String| {
        let cells = steps.iter().map(|(from, to)| cell(*from, *to, key));
        row(&label(key, &sides), cells)
    };
    files.iter().try_for_each(|key| output.line(line(key)))?;
    output.line(toolbox(&steps, &tools))?;
    programs.iter().try_for_each(|key| output.line(line(key)))?;
    output.line("\nextras and lib.rs are not compared; programs of stage 1: deferreds.")
}

/// What changes between two sides, a line a file.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn pair(from: Side, to: Side, output: &mut Output) -> Result<(), Error> {
    let names = format!("{} → {}", from.name(to), to.name(from));
    output
        .line(format_args!("{names}: lines added/removed; 0/0 is byte-identical.\n"))?;
    for (key, pair) in Pair::all(from, to) {
        output.line(row(&label(&key, &[from, to]), [pair.to_string()]))?;
    }
    Ok(())
}

/// One file's unified diff.
///
/// # Errors
///
/// [`Error::Usage`] when neither side has such a file.
pub fn file(from: Side, to: Side, name: &str, output: &mut Output) -> Result<(), Error> {
    for line in unified(from, to, name)? {
        output.line(paint(&line, output))?;
    }
    Ok(())
}

/// The lines of one file's unified diff; of identical files, a line that says so.
///
/// # Errors
///
/// [`Error::Usage`] when neither side has such a file.
pub fn unified(from: Side, to: Side, name: &str) -> Result<Vec<String>, Error> {
    let pair = called(from, to, name)?;
    let names = pair.paths(from, to).map(|path| path.unwrap_or("/dev/null".to_owned()));
    let (before, after) = pair.texts();
    if before == after {
        return Ok(vec![format!("{} and {} are byte-identical.", names[0], names[1])]);
    }
    let diff = TextDiff::from_lines(before, after);
    let unified = diff.unified_diff().header(&names[0], &names[1]).to_string();
    Ok(unified.lines().map(str::to_owned).collect())
}

/// Where both sides have a file of that name, from the root of the workspace.
///
/// # Errors
///
/// [`Error::Usage`] when neither side has such a file.
pub fn paths(from: Side, to: Side, name: &str) -> Result<[Option<String>; 2], Error> {
    Ok(called(from, to, name)?.paths(from, to))
}

/// The pair of files that goes by that name on either side.
fn called(from: Side, to: Side, name: &str) -> Result<Pair, Error> {
    let pairs = Pair::all(from, to);
    let keys: Vec<_> = pairs.iter().map(|(key, _)| key.clone()).collect();
    let called = |file: Option<&File>| file.is_some_and(|it| is_called(it.path, name));
    let found = pairs.into_iter().find(|(key, pair)| {
        is_called(key, name) || called(pair.before) || called(pair.after)
    });
    found.map(|(_, pair)| pair).ok_or_else(|| {
        let keys = keys.join(", ");
        Error::Usage(format!("there is no file {name:?}; there are: {keys}"))
    })
}

/// A line of a diff, with its colour.
pub fn paint(line: &str, output: &Output) -> String {
    match line.bytes().next() {
        _ if line.starts_with("--- ") || line.starts_with("+++ ") => output.bold(line),
        Some(b'+') => output.green(line),
        Some(b'-') => output.red(line),
        _ => line.to_owned(),
    }
}

fn is_program(key: &str) -> bool {
    key.starts_with("examples/")
}

/// `net.rs`, `net` and `src/net.rs` all mean `src/net.rs`.
fn is_called(path: &str, name: &str) -> bool {
    let matches = |path: &str| path == name || path.ends_with(&format!("/{name}"));
    matches(path) || path.strip_suffix(".rs").is_some_and(matches)
}

/// The files of all steps, each once, by their oldest name.
fn rows(steps: &[(Side, Side)]) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for (key, _) in steps.iter().flat_map(|(from, to)| Pair::all(*from, *to)) {
        let old = RENAMED.iter().find(|(_, new)| *new == key);
        let key = old.map_or(key, |(old, _)| (*old).to_owned());
        if !rows.contains(&key) {
            rows.push(key);
        }
    }
    rows.sort_by_key(|key| place(key));
    rows
}

/// Whether the last of the sides is the only one that has such a file.
fn comes_last(sides: &[Side], key: &str) -> bool {
    let [before @ .., _] = sides else { return false };
    before.iter().all(|side| side.find(key).is_none())
}

/// The line of all files that are new with the last step, which brings a whole toolbox.
fn toolbox(steps: &[(Side, Side)], keys: &[String]) -> String {
    let added = |(from, to): &(Side, Side)| {
        let lines = keys.iter().map(|key| Pair::of(*from, *to, key).counts().0);
        lines.sum::<usize>()
    };
    let cells = steps.iter().map(|step| match added(step) {
        0 => "–".to_owned(),
        lines => format!("new, {lines}"),
    });
    row(&format!("{} tools (diff 4 5)", keys.len()), cells)
}

/// Where a file stands in the order of reading.
fn place(key: &str) -> (bool, usize) {
    let known = ORDER.iter().position(|known| *known == key);
    (is_program(key), known.unwrap_or(ORDER.len()))
}

fn cell(from: Side, to: Side, key: &str) -> String {
    let pair = Pair::of(from, to, key);
    let renamed = RENAMED.iter().find(|(old, _)| *old == key);
    match (pair.before, renamed) {
        (None, Some((_, new))) if pair.after.is_none() => {
            Pair::of(from, to, new).to_string()
        }
        _ => pair.to_string(),
    }
}

/// A file's name in a table: without `src/`, with its new name if it got one.
fn label(key: &str, sides: &[Side]) -> String {
    let short = |key: &str| key.trim_start_matches("src/").to_owned();
    let renamed = RENAMED.iter().find(|(old, _)| *old == key);
    let has = |key: &str| sides.iter().any(|side| side.find(key).is_some());
    match renamed.filter(|(_, new)| has(new)) {
        Some((_, new)) => format!("{} → {}", short(key), short(new)),
        None => short(key),
    }
}

fn row(head: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: String = cells.into_iter().map(|cell| format!("{cell:<15}")).collect();
    format!("{head:<26}{cells}").trim_end().to_owned()
}
