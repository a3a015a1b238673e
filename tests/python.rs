//! The Python files run, and say what their Rust counterparts say. Without python3 they are
//! skipped, and that is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "to skip is said aloud")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs a file below `python/`. `None`: there is no python3.
fn python(file: &str, args: &[&str]) -> Option<Output> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(file);
    let Ok(output) = Command::new("python3").arg(path).args(args).output() else {
        eprintln!("SKIPPED: {file}, for want of python3");
        return None;
    };
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{file}: {complaints}");
    Some(output)
}

#[test]
fn a_call_is_measured_in_each_of_pythons_ways() {
    let Some(output) = python("bench/call.py", &["--json", "--seconds", "0.05"]) else {
        return;
    };
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["python"].is_string());
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let figure = |name: &str| row[name].as_f64().unwrap();
        assert!(figure("low") <= figure("median") && figure("median") <= figure("high"));
        assert!(figure("low") > 0.0 && row["samples"].as_u64().unwrap() >= 3, "{row}");
    }
}
