//! `cargo xtask mutants --survey`: bugs that nobody thought of. cargo-mutants changes one thing
//! after the other; whatever no test notices is a hole in the tests, unless it is written
//! down why no test could.
//!
//! It works in a copy, which is kept: the second survey builds no more than what has changed.
//! Ctrl-C ends it with what it has found by then, and leaves no mutant in anybody's sources.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cargo;

/// What is surveyed: each package by its own tests.
const PACKAGES: [&str; 7] = [
    "reactor",
    "site",
    "stage1-callbacks",
    "interlude-greenlets",
    "stage2-generators",
    "stage3-yield-from",
    "stage4-async-await",
];

/// Survivors that no test can find, each with the reason in a line below it.
const REASONS: &str = "tests/mutants/survivors.txt";

/// Of a hundred mutants that change anything, so many have to be found.
const ENOUGH: usize = 95;

/// Where the copy is, what is built of it, and what cargo-mutants writes about each package.
const FOLDER: &str = "target/survey";

/// Set by Ctrl-C, which cargo-mutants hears as well.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Which mutants of which packages are tried.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan<'a> {
    part: Part,
    packages: Vec<&'a str>,
}

/// Every mutant from the `first` on whose number can be reached in steps of `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    first: u32,
    of: u32,
}

/// What became of a package's mutants.
#[derive(Debug, Default, PartialEq, Eq)]
struct Survey {
    found: usize,
    /// Without a reason.
    missed: Vec<String>,
    /// With one.
    excused: usize,
}

impl<'a> Plan<'a> {
    /// Of `[--all | --part K/N] [PACKAGE ...]`.
    pub(crate) fn parse(arguments: &[&'a str]) -> Result<Self, String> {
        let mut plan = Self { part: Part { first: 0, of: 40 }, packages: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match *argument {
                "--all" => plan.part = Part { first: 0, of: 1 },
                "--part" => plan.part = Part::parse(arguments.next().unwrap_or(&""))?,
                name if PACKAGES.contains(&name) => plan.packages.push(name),
                stranger => {
                    let known = PACKAGES.join(", ");
                    return Err(format!("{stranger} is not surveyed; {known} are"));
                }
            }
        }
        if plan.packages.is_empty() {
            plan.packages.extend(PACKAGES);
        }
        Ok(plan)
    }
}

impl Part {
    fn parse(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(first, of)| {
            Some(Self { first: first.parse().ok()?, of: of.parse().ok()? })
        });
        let part = numbers.filter(|part| part.first < part.of);
        part.ok_or_else(|| {
            format!("--part takes K/N, from 0/N to N-1/N, and not {text:?}")
        })
    }
}

impl Survey {
    /// Of what cargo-mutants has written so far.
    fn read(output: &Path, reasons: &BTreeSet<String>) -> io::Result<Self> {
        let lines = |name: &str| match fs::read_to_string(output.join(name)) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        };
        let found = lines("caught.txt")?.len() + lines("timeout.txt")?.len();
        let (excused, missed): (Vec<_>, Vec<_>) = lines("missed.txt")?
            .into_iter()
            .partition(|mutant| reasons.contains(&without_place(mutant)));
        Ok(Self { found, missed, excused: excused.len() })
    }

    fn is_enough(&self) -> bool {
        self.found * 100 >= ENOUGH * (self.found + self.missed.len())
    }

    fn say(&self, package: &str) {
        let Self { found, missed, excused } = self;
        let all = found + missed.len();
        let percent = (found * 100).checked_div(all).unwrap_or(100);
        say!("== {package}: {found} of {all} found, {percent} %; {excused} excused");
        missed.iter().for_each(|mutant| say!("   MISSED {mutant}"));
    }
}

/// Surveys package by package. Gives whether enough were found in each.
pub(crate) fn survey(plan: &Plan<'_>) -> io::Result<bool> {
    if !cargo().args(["mutants", "--version"]).output()?.status.success() {
        let hint = "it needs cargo-mutants: cargo install cargo-mutants --locked";
        return Err(io::Error::other(hint));
    }
    let reasons = reasons(&fs::read_to_string(REASONS)?)?;
    let root = fs::canonicalize(".")?;
    let copy = root.join(FOLDER).join("copy");
    refresh(&root, &copy)?;
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::SeqCst))
        .map_err(io::Error::other)?;
    let mut all_are_enough = true;
    for package in &plan.packages {
        let output = root.join(FOLDER).join(package);
        say!("== {package}");
        let went = mutate(package, plan.part, &copy, &output);
        let survey = Survey::read(&output.join("mutants.out"), &reasons)?;
        survey.say(package);
        went?;
        all_are_enough &= survey.is_enough();
    }
    if !all_are_enough {
        say!("== {ENOUGH} % have to be found in each package");
    }
    Ok(all_are_enough)
}

/// Has cargo-mutants try the mutants of a package.
fn mutate(package: &str, part: Part, copy: &Path, output: &Path) -> io::Result<()> {
    if output.exists() {
        fs::remove_dir_all(output)?;
    }
    fs::create_dir_all(output)?;
    let mut mutants = cargo();
    mutants.current_dir(copy).env("CARGO_TARGET_DIR", copy.with_file_name("build"));
    // Nobody debugs a mutant, and to link without is faster.
    mutants.envs(
        ["CARGO_PROFILE_DEV_DEBUG", "CARGO_PROFILE_TEST_DEBUG"].map(|it| (it, "0")),
    );
    mutants.args([
        "mutants",
        "--in-place",
        "--package",
        package,
        "--test-package",
        package,
    ]);
    mutants.args(["--minimum-test-timeout", "60", "--output"]).arg(output);
    // By slices, a part would be some functions of one file.
    let Part { first, of } = part;
    mutants.args(["--sharding", "round-robin", "--shard", &format!("{first}/{of}")]);
    let status = mutants.status()?.code();
    if INTERRUPTED.load(Ordering::SeqCst) {
        return Err(io::Error::other("interrupted: what it had found by then is above"));
    }
    match status {
        // Two: something was missed. Three: something took too long, which is a find.
        Some(0 | 2 | 3) => Ok(()),
        Some(4) => {
            let failed =
                format!("{package}: its tests fail as they are, without any mutant");
            Err(io::Error::other(failed))
        }
        status => {
            let failed = format!("{package}: cargo-mutants ended with {status:?}");
            Err(io::Error::other(failed))
        }
    }
}

/// Makes `copy` what is in the working tree now. What is the same there is not touched: cargo
/// goes by the time of a file.
fn refresh(root: &Path, copy: &Path) -> io::Result<()> {
    let mut git = Command::new("git");
    git.current_dir(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let listed = git.output()?;
    if !listed.status.success() {
        return Err(io::Error::other("git does not say which files there are"));
    }
    let listed = String::from_utf8_lossy(&listed.stdout);
    let here = listed.split_terminator('\0').filter(|file| root.join(file).is_file());
    let here: BTreeSet<_> = here.map(PathBuf::from).collect();
    fs::create_dir_all(copy)?;
    for stale in files(copy)?.difference(&here) {
        fs::remove_file(copy.join(stale))?;
    }
    for file in &here {
        let (from, to) = (root.join(file), copy.join(file));
        if fs::read(&to).ok() != Some(fs::read(&from)?) {
            fs::create_dir_all(to.parent().expect("it is in the copy"))?;
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

/// All files below a folder, from there.
fn files(folder: &Path) -> io::Result<BTreeSet<PathBuf>> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                files.insert(path.strip_prefix(folder).expect("it is below").to_owned());
            }
        }
    }
    Ok(files)
}

/// The mutants of the list; each has a reason in the line below, which begins with a space.
fn reasons(text: &str) -> io::Result<BTreeSet<String>> {
    let lines: Vec<_> =
        text.lines().filter(|it| !it.is_empty() && !it.starts_with('#')).collect();
    let mut excused = BTreeSet::new();
    for (n, line) in lines.iter().enumerate().filter(|(_, it)| !it.starts_with(' ')) {
        if !lines.get(n + 1).is_some_and(|it| it.starts_with(' ')) {
            return Err(io::Error::other(format!("{REASONS}: no reason below: {line}")));
        }
        excused.insert((*line).to_owned());
    }
    Ok(excused)
}

/// `a.rs: replace …` of `a.rs:12:3: replace …`: lines move.
fn without_place(mutant: &str) -> String {
    let mut parts = mutant.splitn(4, ':');
    let (file, what) =
        (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    format!("{file}:{what}")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn folder() -> TempDir {
        TempDir::new().expect("it can be made")
    }

    #[test]
    fn a_survivor_is_known_by_its_file_and_change_and_has_a_reason() {
        let known =
            reasons("# a\n\nb.rs: replace c with d\n  why\n").expect("it is fine");
        let survivor = without_place("b.rs:12:3: replace c with d");
        assert!(known.contains(&survivor), "{survivor}");
        assert!(reasons("b.rs: replace c with d\ne.rs: x\n  why\n").is_err());
        assert!(!known.contains(&without_place("b.rs:12:3: replace c with e")));
    }

    #[test]
    fn a_plan_is_a_part_of_some_packages() {
        let plan = |arguments: &[&'static str]| Plan::parse(arguments);
        let part = |first, of| Part { first, of };
        let usual = Plan { part: part(0, 40), packages: PACKAGES.to_vec() };
        assert_eq!(plan(&[]), Ok(usual));
        let site = plan(&["site", "--part", "3/20"]);
        assert_eq!(site, Ok(Plan { part: part(3, 20), packages: vec!["site"] }));
        let two = plan(&["--all", "site", "reactor"]).expect("it is fine");
        assert_eq!((two.part, two.packages), (part(0, 1), vec!["site", "reactor"]));
        for wrong in [&["book"][..], &["--part"], &["--part", "20/20"], &["--part", "1"]]
        {
            assert!(plan(wrong).is_err(), "{wrong:?}");
        }
    }

    /// Of three that were missed one has a reason, and a timeout is a find.
    #[test]
    fn what_was_written_down_is_counted() {
        let output = folder();
        let write =
            |name, text| fs::write(output.path().join(name), text).expect("it is ours");
        write("caught.txt", "a.rs:1:1: x\n".repeat(37));
        write("timeout.txt", "a.rs:1:1: x\n".to_owned());
        write("missed.txt", "a.rs:1:1: x\na.rs:2:1: known\na.rs:3:1: y\n".to_owned());
        let known = BTreeSet::from(["a.rs: known".to_owned()]);
        let mut survey = Survey::read(output.path(), &known).expect("it is there");
        assert_eq!((survey.found, survey.missed.len(), survey.excused), (38, 2, 1));
        assert!(survey.is_enough());
        survey.found -= 1;
        assert!(!survey.is_enough());
    }

    /// Of a survey that was interrupted before anything was tried.
    #[test]
    fn where_nothing_was_written_nothing_is_counted() {
        let nowhere = folder().path().join("none");
        let survey = Survey::read(&nowhere, &BTreeSet::new()).expect("that is no error");
        assert_eq!(survey, Survey::default());
        assert!(survey.is_enough());
    }

    #[test]
    fn a_copy_is_what_is_here_and_keeps_what_is_the_same() {
        let (here, copy) = (folder(), folder());
        let (here, copy) = (here.path(), copy.path());
        let git = Command::new("git").args(["init", "--quiet"]).arg(here).status();
        assert!(git.expect("there is git").success());
        fs::create_dir_all(here.join("src")).expect("it is ours");
        let write = |name| fs::write(here.join(name), name).expect("it is ours");
        ["same", "gone", "src/old"].into_iter().for_each(write);
        fs::write(here.join(".gitignore"), "ignored").expect("it is ours");
        write("ignored");
        refresh(here, copy).expect("it can be copied");
        let all = [".gitignore", "gone", "same", "src/old"].map(PathBuf::from);
        assert_eq!(files(copy).expect("it is there"), all.into());

        let time = |name| copy.join(name).metadata().and_then(|it| it.modified());
        let before = time("same").expect("it is there");
        fs::remove_file(here.join("gone")).expect("it was there");
        fs::write(here.join("src/new"), "new").expect("it is ours");
        fs::write(copy.join("src/old"), "with a mutant").expect("it is ours");
        refresh(here, copy).expect("it can be copied");
        let all = [".gitignore", "same", "src/new", "src/old"].map(PathBuf::from);
        assert_eq!(files(copy).expect("it is there"), all.into());
        assert_eq!(
            fs::read_to_string(copy.join("src/old")).expect("it is there"),
            "src/old"
        );
        assert_eq!(time("same").expect("it is there"), before);
    }
}
