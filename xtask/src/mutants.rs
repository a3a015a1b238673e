//! `cargo xtask mutants`: classic bugs, planted one by one in a copy, to see that a test finds
//! each. What no test finds is a hole in the tests.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;

/// Where the patches are, from the root of the workspace.
const PATCHES: &str = "tests/mutants";

/// How many seeds the soak takes: enough for these, and quick.
const SEEDS: &str = "60";

/// A bug, and the test that has to find it.
struct Mutant {
    name: String,
    patch: PathBuf,
    bug: String,
    /// Arguments of `cargo test`.
    test: String,
}

/// Plants every bug in turn. Gives whether each was found.
pub(crate) fn hunt() -> io::Result<bool> {
    let root = fs::canonicalize(".")?;
    let copy = root.join("target/mutants/copy");
    clone(&root, &copy)?;
    let mut all_are_found = true;
    for mutant in Mutant::all(&root)? {
        say!("== {}: {}", mutant.name, mutant.bug);
        let found = mutant.is_found(&copy)?;
        let verdict = if found { "found by" } else { "NOT FOUND by" };
        say!("   {verdict} cargo test {}", mutant.test);
        all_are_found &= found;
    }
    Ok(all_are_found)
}

/// A copy of what is committed.
fn clone(root: &Path, copy: &Path) -> io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    succeed(Command::new("git").args(["clone", "--quiet"]).args([root, copy]))
}

impl Mutant {
    fn all(root: &Path) -> io::Result<Vec<Self>> {
        let entries = fs::read_dir(root.join(PATCHES))?;
        let mut paths: Vec<_> =
            entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.retain(|path| path.extension().is_some_and(|it| it == "patch"));
        paths.sort();
        paths.into_iter().map(Self::read).collect()
    }

    fn read(patch: PathBuf) -> io::Result<Self> {
        let text = fs::read_to_string(&patch)?;
        let field = |label: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(label));
            let missing = || format!("{}: no line begins with {label}", patch.display());
            line.map(|it| it.trim().to_owned()).ok_or_else(|| io::Error::other(missing()))
        };
        let (bug, caught_by) = (field("Bug:")?, field("Caught by:")?);
        let name = patch.file_stem().unwrap_or_default().display().to_string();
        Ok(Self { name, patch, bug, test: caught_by })
    }

    /// Plants the bug in the copy and runs the test. One that does not even build proves
    /// nothing.
    fn is_found(&self, copy: &Path) -> io::Result<bool> {
        succeed(git(copy).args(["checkout", "--quiet", "."]))?;
        succeed(git(copy).arg("apply").arg(&self.patch))?;
        succeed(self.test_in(copy).arg("--no-run"))?;
        let run = self.test_in(copy).output()?;
        let told = String::from_utf8_lossy(&run.stdout);
        Ok(!run.status.success() && told.contains("FAILED"))
    }

    fn test_in(&self, copy: &Path) -> Command {
        let mut test = cargo();
        test.args(["test", "--quiet"]).args(self.test.split_whitespace());
        test.current_dir(copy).env("SEEDS", SEEDS);
        test.env("CARGO_TARGET_DIR", copy.with_file_name("target"));
        // From one bug to the next hardly a file changes.
        test.env("CARGO_INCREMENTAL", "1");
        test
    }
}

fn git(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder);
    git
}

fn succeed(command: &mut Command) -> io::Result<()> {
    if command.status()?.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?} failed")))
}
