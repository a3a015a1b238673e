//! `{{#behaviours GROUP ...}}`: what the ancestors do, and the tests that hold us to it. The list is
//! `docs/behaviours.toml`; a test says in its comment which of them it shows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::html::{escape, inline};
use crate::places::{Answer, Places};

/// The list, from the root of the workspace.
pub const FILE: &str = "docs/behaviours.toml";

/// The groups, by the first number of an id: what they are about, and whose they are.
const GROUPS: [(&str, &str); 7] = [
    ("M1", "Callbacks and Deferreds: Twisted"),
    ("M2", "Greenlets: greenlet, gevent"),
    ("M3", "Generators as coroutines: PEP 342, PEP 479"),
    ("M4", "`yield from`: PEP 380"),
    ("M5", "`async` and `await`: PEP 492"),
    ("M6", "Loop, tasks, sharing: PEP 3156, asyncio"),
    ("M7", "Selectors and engines: asyncio, uvloop, the kernel"),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    behaviour: Vec<Behaviour>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Behaviour {
    id: String,
    /// What it is.
    says: String,
    /// A test or a section of the ancestor's.
    source: Option<String>,
}

/// What names a behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The file, from the root of the workspace.
    pub file: String,
    /// The function below the comment. `None`: an example in the documentation.
    pub test: Option<String>,
    /// What else the comment says: how it reads in Rust, and why.
    pub remark: String,
}

impl Witness {
    fn package(&self) -> &str {
        self.file.split('/').next().unwrap_or(&self.file)
    }
}

/// The tables of these groups.
///
/// # Errors
///
/// Says which group there is none of, what of the list nobody shows, and who shows what is not
/// on the list.
pub fn expand(places: &Places, groups: &[&str]) -> Answer<String> {
    let text = places.read(FILE)?;
    let list: List = toml::from_str(&text).map_err(|error| format!("{FILE}: {error}"))?;
    let all = || witnesses(places.workspace());
    let witnesses = places.witnesses.get_or_init(all);
    let is_listed = |id: &String| list.behaviour.iter().any(|it| it.id == *id);
    if let Some((id, shown)) = witnesses.iter().find(|(id, _)| !is_listed(id)) {
        return Err(format!("{FILE}: there is no {id}, which {} names", shown[0].file));
    }
    let mut html = String::new();
    for &group in groups {
        let title = GROUPS.iter().find(|(name, _)| *name == group);
        let (_, title) = title.ok_or_else(|| format!("there is no group {group}"))?;
        _ = writeln!(
            html,
            "\n## {title}\n\n<div class=\"table-wrapper\">\n<table class=\"behaviours\">"
        );
        html.push_str(
            "<thead><tr><th>Behaviour</th><th>There</th><th>Here</th></tr></thead>\n<tbody>\n",
        );
        for it in list.behaviour.iter().filter(|it| it.id.starts_with(group)) {
            let shown = witnesses.get(&it.id);
            let shown =
                shown.ok_or_else(|| format!("{FILE}: no test names {}", it.id))?;
            html.push_str(&row(it, shown));
        }
        html.push_str("</tbody>\n</table>\n</div>\n");
    }
    Ok(html)
}

fn row(Behaviour { id, says, source }: &Behaviour, shown: &[Witness]) -> String {
    // A package is named once, behind the last of its tests.
    let tests: Vec<_> = shown
        .chunk_by(|one, next| one.package() == next.package())
        .map(|its| {
            let cells: Vec<_> = its.iter().map(cell).collect();
            format!("{} ({})", cells.join("<br>"), escape(its[0].package()))
        })
        .collect();
    format!(
        "<tr id=\"{id}\"><td><b>{id}</b> {}</td><td>{}</td><td>{}</td></tr>\n",
        inline(says),
        source.as_deref().map(inline).unwrap_or_default(),
        tests.join("<br>")
    )
}

fn cell(Witness { test, remark, .. }: &Witness) -> String {
    let name = match test {
        Some(test) => {
            format!("<code>{}</code>", escape(test))
        }
        None => "an example that does not compile, or an assertion in it".to_owned(),
    };
    let remark =
        if remark.is_empty() { String::new() } else { format!(": {}", inline(remark)) };
    format!("{name}{remark}")
}

/// Who names which behaviour, in the workspace below `root`.
pub fn witnesses(root: &Path) -> BTreeMap<String, Vec<Witness>> {
    let mut files = Vec::new();
    collect(root, "", &mut files);
    files.sort();
    let mut witnesses: BTreeMap<String, Vec<Witness>> = BTreeMap::new();
    for file in files {
        let Ok(text) = fs::read_to_string(root.join(&file)) else { continue };
        // Most name none, and need not be taken apart.
        if ids_in(&text).next().is_none() {
            continue;
        }
        for (ids, witness) in witnesses_in(&file, &text) {
            for id in ids {
                witnesses.entry(id).or_default().push(witness.clone());
            }
        }
    }
    witnesses
}

/// Sources of tests, and of examples in the documentation.
fn collect(root: &Path, prefix: &str, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(root.join(prefix)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path =
            if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.path().is_dir() {
            if !name.starts_with('.') && name != "target" && name != "book" {
                collect(root, &path, files);
            }
        } else if Path::new(&name).extension().is_some_and(|it| it == "rs")
            && name != "tidy.rs"
        {
            files.push(path);
        }
    }
}

/// Comments that name behaviours, each with what stands below it.
fn witnesses_in(file: &str, text: &str) -> Vec<(Vec<String>, Witness)> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let length = lines[at..].iter().take_while(|line| line.starts_with("//")).count();
        let words: Vec<_> = lines[at..at + length]
            .iter()
            .map(|line| line.trim_start_matches(['/', '!']).trim())
            .collect();
        let said = words.join(" ");
        let (ids, remark) = ids_and_remark(&said);
        if !ids.is_empty() {
            let below = lines[at + length..].iter().find(|line| !line.starts_with("#["));
            let name = below.and_then(|line| function(line));
            let is_example = said.contains("```");
            let remark = if is_example { String::new() } else { remark };
            if is_example || name.is_some() {
                let name = name.filter(|_| !is_example).map(str::to_owned);
                found.push((ids, Witness { file: file.to_owned(), test: name, remark }));
            }
        }
        at += length.max(1);
    }
    found
}

/// `works` of `pub(crate) fn works(…`.
fn function(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("fn ")?;
    rest.split(['(', '<']).next()
}

/// The ids in a comment, and what it says besides.
fn ids_and_remark(comment: &str) -> (Vec<String>, String) {
    let mut ids: Vec<_> = ids_in(comment).map(str::to_owned).collect();
    ids.sort();
    ids.dedup();
    // `M1.04: so is this.` begins with the ids.
    let begins = comment.get(..5).is_some_and(is_id);
    let remark = comment.trim_start_matches(|it: char| {
        it == 'M' || it.is_ascii_digit() || ".,: ".contains(it)
    });
    let remark = if begins { remark.trim() } else { comment };
    (ids, remark.trim_start_matches("and ").to_owned())
}

fn ids_in(text: &str) -> impl Iterator<Item = &str> {
    let places = text.match_indices('M');
    places.filter_map(|(at, _)| text.get(at..at + 5)).filter(|it| is_id(it))
}

fn is_id(text: &str) -> bool {
    let digit = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
    text.len() == 5
        && text.starts_with('M')
        && text.as_bytes()[2] == b'.'
        && [1, 3, 4].into_iter().all(digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_behaviours_and_says_how_they_read_here() {
        let ids = |comment| ids_and_remark(comment);
        let known = |ids: &[&str], remark: &str| {
            (ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>(), remark.to_owned())
        };
        assert_eq!(ids("M1.04"), known(&["M1.04"], ""));
        assert_eq!(ids("M5.02, M5.01: lazy."), known(&["M5.01", "M5.02"], "lazy."));
        assert_eq!(ids("As in M1.04."), known(&["M1.04"], "As in M1.04."));
        assert_eq!(ids("M16 and M1.4 are none"), known(&[], "M16 and M1.4 are none"));
    }

    /// A group that stands on no page would be a list that nobody reads.
    #[test]
    fn every_group_has_its_page() {
        let chapters = Path::new(env!("CARGO_MANIFEST_DIR")).join("chapters");
        let texts = fs::read_dir(chapters).unwrap().flatten();
        let texts = texts.filter_map(|file| fs::read_to_string(file.path()).ok());
        let text: String = texts.collect();
        let on_pages = text.split("{{#behaviours ").skip(1);
        let mut groups: Vec<_> = on_pages
            .filter_map(|rest| rest.split_once("}}"))
            .flat_map(|(groups, _)| groups.split(' '))
            .collect();
        groups.sort_unstable();
        assert_eq!(groups, GROUPS.map(|(group, _)| group));
    }

    #[test]
    fn what_names_a_behaviour_is_a_function_or_an_example() {
        let text = "\
            /// M1.01: first.\n#[test]\nfn first() {}\n\
            // M1.02 in passing\nlet a = 1;\n\
            //! M1.03\n//! ```compile_fail\n//! ```\n\n\
            /// M1.04\n/// goes on.\n#[cfg(unix)]\n#[test]\npub(crate) fn second<T>() {}\n";
        let found = witnesses_in("a/tests/b.rs", text);
        let told: Vec<_> = found
            .iter()
            .map(|(ids, it)| (ids[0].as_str(), it.test.as_deref(), it.remark.as_str()))
            .collect();
        let second = ("M1.04", Some("second"), "goes on.");
        assert_eq!(
            told,
            [("M1.01", Some("first"), "first."), ("M1.03", None, ""), second]
        );
    }
}
