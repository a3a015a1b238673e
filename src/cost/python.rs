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

/// The script is compiled in, so that it is there wherever the command is.
const SCRIPT: &str = include_str!("../../python/bench/call.py");

/// `None`: there is no Python, or it cannot.
pub(super) fn measure(seconds: Duration) -> Option<Python> {
    let python = if Path::new("/usr/bin/env").exists() { "python3" } else { "python" };
    let measured = Command::new(python)
        .args(["-c", SCRIPT, "--json", "--seconds", &seconds.as_secs_f64().to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    serde_json::from_slice(&measured.stdout).ok()
}
