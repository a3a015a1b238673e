//! `lineage doctor`: what of the things around is there, and what it would be for.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use serde::Serialize;

use crate::error::Error;
use crate::output::Output;

/// Programs that can show a page, by the names that they go by.
const BROWSERS: [&str; 7] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "firefox",
    "chrome",
    "microsoft-edge",
    "safari",
];

/// Something that may be there or not.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    /// What was looked for.
    name: &'static str,
    /// Whether it is there.
    found: bool,
    /// What was found, or why not.
    detail: String,
    /// What it is for.
    needed_for: &'static str,
}

/// Looks around, and tells.
///
/// # Errors
///
/// Fails when nobody reads. A thing that is missing is no failure.
pub fn doctor(json: bool, output: &mut Output) -> Result<(), Error> {
    let findings = look_around();
    if json {
        return output.json(&findings);
    }
    for Finding { name, found, detail, needed_for } in findings {
        let verdict = if found { output.green("found  ") } else { output.red("missing") };
        output.line(format_args!("{name:<10} {verdict}  {detail}"))?;
        output.line(format_args!("{:<10} for {needed_for}", ""))?;
    }
    Ok(())
}

fn look_around() -> Vec<Finding> {
    let finding = |name, it: Result<String, String>, needed_for| Finding {
        name,
        found: it.is_ok(),
        detail: it.unwrap_or_else(|why_not| why_not),
        needed_for,
    };
    vec![
        finding(
            "rustc",
            version_of("rustc"),
            "building; the command itself needs it no more",
        ),
        finding(
            "cargo",
            version_of("cargo"),
            "the examples, and the commands step, check and book",
        ),
        finding("loopback", loopback(), "the tour: the site is served on 127.0.0.1"),
        finding("/proc", proc(), "two columns of the tour: threads, memory of tasks"),
        finding("strace", strace(), "recordings where there is no loop: trace, step"),
        finding("python3", version_of("python3"), "the same measurements in Python"),
        finding("browser", browser(), "the book: the command book --open"),
        finding(
            "io_uring",
            stage6_uvloop::engine::doctor(),
            "the engine uring: run --loop uring; elsewhere the selector waits",
        ),
    ]
}

/// The first line of what a program says of its version.
fn version_of(program: &str) -> Result<String, String> {
    let said = Command::new(program).arg("--version").output();
    let said = said.map_err(|error| format!("{program} does not start: {error}"))?;
    let text = String::from_utf8_lossy(&said.stdout);
    match text.lines().next() {
        Some(line) if said.status.success() => Ok(line.to_owned()),
        _ => Err(format!("{program} --version ends with {}", said.status)),
    }
}

/// It is not there for every system, and not everywhere may it trace.
fn strace() -> Result<String, String> {
    let version = version_of("strace")?;
    let traced = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).output();
    let traced = traced.map_err(|error| error.to_string())?;
    if traced.status.success() {
        return Ok(version);
    }
    let said = String::from_utf8_lossy(&traced.stderr);
    Err(format!("{version}, but {}", said.lines().next().unwrap_or("it may not trace")))
}

fn loopback() -> Result<String, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|it| format!("could listen on {it}")).map_err(|error| error.to_string())
}

fn proc() -> Result<String, String> {
    match fs::read_to_string("/proc/self/status") {
        Ok(_) => Ok("/proc/self/status can be read".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn browser() -> Result<String, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    let nothing = || format!("none of {} is on the PATH", BROWSERS.join(", "));
    found.map(|path| path.display().to_string()).ok_or_else(nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_start_is_missing() {
        let why_not = version_of("no-such-program").expect_err("it is not there");
        assert!(why_not.starts_with("no-such-program does not start"), "{why_not}");
    }
}
