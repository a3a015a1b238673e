//! `cargo xtask mutants --survey`: bugs that nobody thought of. cargo-mutants changes one thing
//! after the other; whatever no test notices is a hole in the tests, unless it is written
//! down why no test could.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::Command;

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

/// One mutant in so many is tried, if nobody asks for more.
const SAMPLE: u32 = 40;

/// Of a hundred mutants that change anything, so many have to be found.
const ENOUGH: usize = 95;

/// Where cargo-mutants writes what it did.
const OUTPUT: &str = "target/survey";

/// What became of a package's mutants.
#[derive(Default)]
struct Survey {
    found: usize,
    /// Without a reason.
    missed: Vec<String>,
}

/// Surveys `packages`, or all: a sample of their mutants, or `all` of them. Gives whether
/// enough were found.
pub(crate) fn survey(packages: &[&str], all: bool) -> io::Result<bool> {
    if let Some(stranger) = packages.iter().find(|name| !PACKAGES.contains(name)) {
        let known = PACKAGES.join(", ");
        return Err(io::Error::other(format!("{stranger} is not surveyed; {known} are")));
    }
    if !cargo().args(["mutants", "--version"]).output()?.status.success() {
        let hint = "it needs cargo-mutants: cargo install cargo-mutants --locked";
        return Err(io::Error::other(hint));
    }
    let excused = reasons(&fs::read_to_string(REASONS)?)?;
    let mut whole = Survey::default();
    for package in
        PACKAGES.iter().filter(|it| packages.is_empty() || packages.contains(it))
    {
        say!("== {package}");
        let Survey { found, missed } = of_package(package, all, &excused)?;
        say!("   {found} found, {} missed without a reason", missed.len());
        missed.iter().for_each(|mutant| say!("   MISSED {mutant}"));
        whole.found += found;
        whole.missed.extend(missed);
    }
    let Survey { found, missed } = whole;
    let all = found + missed.len();
    let percent = (found * 100).checked_div(all).unwrap_or(100);
    say!("== {found} of {all} found: {percent} %, of {ENOUGH} % at least");
    Ok(percent >= ENOUGH)
}

fn of_package(
    package: &str,
    all: bool,
    excused: &BTreeSet<String>,
) -> io::Result<Survey> {
    let output = Path::new(OUTPUT).join(package);
    fs::create_dir_all(&output)?;
    let mut mutants = cargo();
    mutants.args(["mutants", "--package", package, "--test-package", package]);
    mutants.args(["--timeout", "60", "--colors", "never", "--output"]).arg(&output);
    if !all {
        // By slices, it would be the first few functions of the first file.
        mutants.args(["--sharding", "round-robin", "--shard", &format!("0/{SAMPLE}")]);
    }
    // It ends with 2 when something was missed, and with 3 at a time-out, which is a find.
    let status = run(&mut mutants)?;
    if !matches!(status, Some(0 | 2 | 3)) {
        let package = format!("{package}: cargo-mutants ended with {status:?}");
        return Err(io::Error::other(package));
    }
    let lines = |name: &str| -> io::Result<Vec<String>> {
        let text = fs::read_to_string(output.join("mutants.out").join(name))?;
        Ok(text.lines().map(str::to_owned).collect())
    };
    let found = lines("caught.txt")?.len() + lines("timeout.txt")?.len();
    let mut missed = lines("missed.txt")?;
    missed.retain(|mutant| !excused.contains(&without_place(mutant)));
    Ok(Survey { found, missed })
}

fn run(command: &mut Command) -> io::Result<Option<i32>> {
    Ok(command.status()?.code())
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
    use super::*;

    #[test]
    fn a_survivor_is_known_by_its_file_and_change_and_has_a_reason() {
        let known =
            reasons("# a\n\nb.rs: replace c with d\n  why\n").expect("it is fine");
        let survivor = without_place("b.rs:12:3: replace c with d");
        assert!(known.contains(&survivor), "{survivor}");
        assert!(reasons("b.rs: replace c with d\ne.rs: x\n  why\n").is_err());
        assert!(!known.contains(&without_place("b.rs:12:3: replace c with e")));
    }
}
