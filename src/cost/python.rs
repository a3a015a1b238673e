//! The same question, asked of Python: `python/bench/call.py`, if there is a python3.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Row;

/// What Python measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Python {
    /// Its name and version.
    pub(super) python: String,
    pub(super) rows: Vec<Row>,
}

/// The scripts are compiled in, so that they are there wherever the command is: what they
/// import comes first.
const SCRIPTS: [(&str, &str); 3] = [
    ("measuring", include_str!("../../python/bench/measuring.py")),
    ("loops", include_str!("../../python/bench/loops.py")),
    ("__main__", include_str!("../../python/bench/call.py")),
];

/// Makes modules of texts, and runs the last one.
const LOADER: &str = "import json, sys, types\n\
for name, text in json.loads(sys.argv.pop(1)):\n \
    module = sys.modules[name] = types.ModuleType(name)\n \
    exec(text, module.__dict__)";

/// `None`: there is no Python, or it cannot.
pub(super) fn measure(seconds: Duration) -> Option<Python> {
    let python = if Path::new("/usr/bin/env").exists() { "python3" } else { "python" };
    let scripts = serde_json::to_string(&SCRIPTS).ok()?;
    let measured = Command::new(python)
        .args([
            "-c",
            LOADER,
            &scripts,
            "--json",
            "--seconds",
            &seconds.as_secs_f64().to_string(),
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    serde_json::from_slice(&measured.stdout).ok()
}
