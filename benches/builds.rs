//! What does a stage ask of whoever builds it? The time that cargo takes where nothing is built yet, and the
//! room that its echo server takes, built for release and stripped of its names.
//!
//! `cargo run -p book -- measure builds` runs this, and writes `benches/results/builds.json`. It takes some
//! minutes, and the machine for itself.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lineage::cost::Row;
use serde_json::json;

/// A package, what readers call it, and one of its examples: its echo server, if it has one. (That of stage
/// 6 is stage 5's; what it has is the program that reads files by its ring.)
const STAGES: [(&str, &str, &str); 9] = [
    ("reactor", "the reactor alone", "reactor-echo"),
    ("stage0-waiting", "threads", "stage0-threads-echo"),
    ("stage1-callbacks", "callbacks and Deferreds", "stage1-deferreds-echo"),
    ("interlude-greenlets", "greenlets", "interlude-echo"),
    ("stage2-generators", "generators", "stage2-echo"),
    ("stage3-yield-from", "yield from", "stage3-echo"),
    ("stage4-async-await", "async/await", "stage4-echo"),
    ("stage5-asyncio", "asyncio", "stage5-echo"),
    ("stage6-uvloop", "uvloop (it reads files)", "stage6-files"),
];

/// How often each is built. The first time, cargo may have to fetch what it builds.
const BUILDS: usize = 3;

fn main() -> io::Result<()> {
    if env::args().any(|argument| argument == "--help") {
        println!(
            "cold build times and sizes, stage by stage, as JSON; it takes some minutes"
        );
        return Ok(());
    }
    let mut rows = Vec::new();
    for (package, label, example) in STAGES {
        let times = (0..BUILDS).map(|_| cold(package)).collect::<io::Result<_>>()?;
        rows.push(Row::of(&format!("cold-{package}"), label, "s", times));
        eprintln!("{package}: built {BUILDS} times");
        let size = size(package, example)?;
        rows.push(Row::of(&format!("size-{package}"), label, "KiB", vec![size]));
    }
    println!("{}", json!({ "rows": rows }));
    Ok(())
}

/// How many seconds cargo takes to build the library, as for everyday work, with nothing built yet.
fn cold(package: &str) -> io::Result<f64> {
    let folder = folder("cold");
    empty(&folder)?;
    let began = Instant::now();
    run(&folder, &["--package", package, "--lib"])?;
    let took = began.elapsed().as_secs_f64();
    empty(&folder)?;
    Ok(took)
}

/// How many KiB the program has.
#[expect(clippy::cast_precision_loss, reason = "a size of some digits")]
fn size(package: &str, example: &str) -> io::Result<f64> {
    let folder = folder("sizes");
    run(&folder, &["--package", package, "--release", "--example", example])?;
    let program = folder.join("release/examples").join(example);
    Ok(fs::metadata(program)?.len() as f64 / 1024.0)
}

fn run(folder: &Path, arguments: &[&str]) -> io::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--locked", "--target-dir"]).arg(folder);
    build.args(arguments).env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = build.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{arguments:?}")))
    }
}

/// Within this workspace's own target folder, so that whoever ends this half way has lost nothing but time.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn empty(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
