//! The planted bugs of `tests/mutants` fit the code as it is. `cargo xtask mutants` plants
//! them, one by one, and sees that the test that each names finds it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

/// The lines that a hunk expects to find: those it keeps, and those it takes away.
fn expects(hunk: &str) -> String {
    let lines = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
    lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
}

#[test]
fn every_planted_bug_fits_and_says_which_test_finds_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let museum = fs::read_to_string(root.join("book/chapters/appendix-bug-museum.md"));
    let (museum, mut count) = (museum.unwrap(), 0);
    for entry in fs::read_dir(root.join("tests/mutants")).unwrap() {
        let path = entry.unwrap().path();
        let (name, text) = (path.display(), fs::read_to_string(&path).unwrap());
        for field in ["Bug: ", "Looks like: ", "Caught by: -p "] {
            assert!(text.lines().any(|line| line.starts_with(field)), "{name}: {field}");
        }
        let exhibit = path.file_name().unwrap().display().to_string();
        assert!(museum.contains(&exhibit), "{name}: the museum does not show it");
        let file = text.lines().find_map(|line| line.strip_prefix("--- a/")).unwrap();
        let code = fs::read_to_string(root.join(file)).unwrap();
        for hunk in text.split("\n@@ ").skip(1) {
            assert!(code.contains(&expects(hunk)), "{name}: {file} has changed");
        }
        count += 1;
    }
    assert!(count >= 6);
}
