//! `cargo xtask python-setup`: a virtual environment for every Python there is, with what the
//! verdict compares with; or a word about what is missing.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is installed, with its versions.
const REQUIREMENTS: &str = "python/bench/requirements.txt";

/// Where: a folder a version. The verdict looks there.
const FOLDER: &str = "target/python";

/// Installs. Gives whether every Python has all of it.
pub(crate) fn install() -> io::Result<bool> {
    let pythons = pythons();
    if pythons.is_empty() {
        say!("there is no python3 on PATH that runs");
        return Ok(false);
    }
    let mut all_have_it = true;
    for (version, python) in pythons {
        let folder = Path::new(FOLDER).join(&version);
        say!("== Python {version}: {}", folder.display());
        all_have_it &= set_up(&python, &folder)?;
    }
    Ok(all_have_it)
}

/// What runs, by version: of several that are the same one, the first on PATH.
fn pythons() -> BTreeMap<String, PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let names = (9..30).map(|minor| format!("python3.{minor}"));
    let names: Vec<_> = ["python3".to_owned()].into_iter().chain(names).collect();
    let mut found = BTreeMap::new();
    for folder in env::split_paths(&path) {
        for python in names.iter().map(|name| folder.join(name)) {
            if let Some(version) = version(&python) {
                found.entry(version).or_insert(python);
            }
        }
    }
    found
}

/// `3.11.7`. `None`: it is not there, or does not run.
fn version(python: &Path) -> Option<String> {
    let said = Command::new(python).arg("--version").output().ok()?;
    let said = said.status.success().then_some(said.stdout)?;
    let said = String::from_utf8(said).ok()?;
    Some(said.trim().strip_prefix("Python ")?.to_owned())
}

/// Packages one by one, so that one that cannot be had leaves the others.
fn set_up(python: &Path, folder: &Path) -> io::Result<bool> {
    let made = Command::new(python).args(["-m", "venv"]).arg(folder).status()?;
    if !made.success() {
        say!("   no virtual environment: is its package `venv` installed?");
        return Ok(false);
    }
    let requirements = std::fs::read_to_string(REQUIREMENTS)?;
    let mut has_all = true;
    for package in requirements.lines().filter(|it| !it.starts_with('#')) {
        let pip = folder.join("bin/python");
        let installed = Command::new(pip)
            .args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:", package])
            .status()?;
        if !installed.success() {
            say!("   {package} cannot be had for it: what needs it is not measured");
        }
        has_all &= installed.success();
    }
    Ok(has_all)
}
