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

/// Whether there is what a patch says that it is caught by: `-p PACKAGE --test TARGET`, and
/// perhaps the name of a test.
fn is_there(root: &Path, caught_by: &str) -> bool {
    let mut words = caught_by.split_whitespace();
    let (package, flag, target) = (words.next(), words.next(), words.next());
    let folder = root.join(package.filter(|name| *name != "lineage").unwrap_or_default());
    let file = folder.join("tests").join(target.unwrap_or_default()).with_extension("rs");
    let tests = fs::read_to_string(file).unwrap_or_default();
    let name = words.next().map_or("#[test]".to_owned(), |name| format!("fn {name}()"));
    flag == Some("--test") && tests.contains(&name)
}

#[test]
fn every_planted_bug_fits_and_says_which_test_finds_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let museum = fs::read_to_string(root.join("book/chapters/appendix-bug-museum.md"));
    let (museum, mut count) = (museum.unwrap(), 0);
    for entry in fs::read_dir(root.join("tests/mutants")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|it| it != "patch") {
            continue; // the survivors of the survey
        }
        let (name, text) = (path.display(), fs::read_to_string(&path).unwrap());
        let field = |field| text.lines().find_map(|line| line.strip_prefix(field));
        for said in ["Bug: ", "Looks like: "] {
            assert!(field(said).is_some(), "{name}: {said}");
        }
        let caught_by = field("Caught by: -p ").unwrap_or_default();
        assert!(is_there(root, caught_by), "{name}: there is no test {caught_by:?}");
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
