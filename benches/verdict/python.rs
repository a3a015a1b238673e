//! What Python measures of itself: every `python3` there is, each with the packages of
//! `cargo xtask python-setup` if it has them.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

/// One Python.
#[derive(Debug)]
pub(crate) struct Python {
    /// `python` for the first on the path, `python3.9` for another one: what rows are called by.
    pub(crate) name: String,
    /// `3.11.7`.
    pub(crate) version: String,
    program: PathBuf,
}

/// What a script of `python/bench/` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Said {
    pub(crate) rows: Vec<Row>,
    pub(crate) missing: Vec<Missing>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) unit: String,
    pub(crate) values: Vec<f64>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Missing {
    pub(crate) id: String,
    pub(crate) why: String,
}

/// The scripts, each a question.
pub(crate) const SCRIPTS: [&str; 4] = ["binary", "call", "depth", "tasks"];

impl Python {
    /// Those on the path that run, the first one first, and one of each version.
    pub(crate) fn all() -> Vec<Self> {
        let mut found = BTreeSet::new();
        let minors = (9..30).map(|minor| format!("python3.{minor}"));
        let names = ["python3".to_owned()].into_iter().chain(minors);
        let mut pythons = Vec::new();
        for name in names {
            for folder in env::split_paths(&env::var_os("PATH").unwrap_or_default()) {
                let program = folder.join(&name);
                let Some(version) = version(&program) else { continue };
                if found.insert(version.clone()) {
                    let is_first = pythons.is_empty();
                    let minor = version.rsplit_once('.').map_or("3", |(minor, _)| minor);
                    let name = if is_first {
                        "python".to_owned()
                    } else {
                        format!("python{minor}")
                    };
                    let program = with_packages(&version).unwrap_or(program);
                    pythons.push(Self { name, version, program });
                }
            }
        }
        // Two of one minor version: the second is told by the whole of it.
        let mut names = BTreeSet::new();
        for python in &mut pythons {
            if !names.insert(python.name.clone()) {
                python.name = format!("python{}", python.version);
            }
        }
        pythons
    }

    /// Has a script measure for so long. `None`: it cannot, whatever the reason.
    pub(crate) fn measure(&self, script: &str, time: Duration) -> Option<Said> {
        let seconds = time.as_secs_f64().to_string();
        let arguments = ["--json", "--seconds", &seconds];
        let output = Command::new(&self.program)
            .arg(path_of(script))
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }

    /// What runs one of its echo servers.
    pub(crate) fn server(&self, style: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(path_of("echo")).args(["--serve", style]);
        command
    }
}

fn path_of(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("python/bench/{script}.py"))
}

fn version(program: &Path) -> Option<String> {
    let said =
        Command::new(program).arg("--version").stderr(Stdio::null()).output().ok()?;
    let said = said.status.success().then_some(said.stdout)?;
    let said = String::from_utf8(said).ok()?;
    Some(said.trim().strip_prefix("Python ")?.to_owned())
}

/// Where `cargo xtask python-setup` has put it.
fn with_packages(version: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    let program = folder.join(version).join("bin/python");
    program.exists().then_some(program)
}
