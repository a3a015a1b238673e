//! What does a stage ask of whoever builds it? The time that cargo takes where nothing is built yet, and the
//! room that its echo server takes, built for release and stripped of its names.
//!
//! `cargo run -p book -- measure builds` runs this, and writes `benches/results/builds.json`. It takes some
//! minutes, and the machine for itself. After a Ctrl-C it answers with what it has.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use lineage::cost::Row;
use lineage::error::{Error, exit_code};
use lineage::output::Output;
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

/// How often each is built.
const BUILDS: usize = 3;

const HELP: &str =
    "cold build times and sizes, stage by stage, as JSON; it takes some minutes";

/// What was measured, and what was not.
struct Builds {
    rows: Vec<Row>,
    missing: BTreeMap<String, String>,
    interrupted: Arc<AtomicBool>,
    began: Instant,
}

fn main() -> ExitCode {
    let mut output = Output::stdout();
    if env::args().any(|argument| argument == "--help") {
        return exit_code(output.line(HELP));
    }
    exit_code(measured().map_err(Error::failure).and_then(
        |Builds { rows, missing, .. }| {
            output.json(&json!({ "rows": rows, "missing": missing }))
        },
    ))
}

fn measured() -> io::Result<Builds> {
    let interrupted = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))?;
    let (rows, missing, began) = (Vec::new(), BTreeMap::new(), Instant::now());
    let mut builds = Builds { rows, missing, interrupted, began };
    builds.progress("fetches what is not here yet");
    let _whoever_builds_will_say_what_is_wrong = cargo(&["fetch", "--locked", "--quiet"]);
    builds.times();
    builds.sizes();
    let _a_compiler_may_be_dying_in_it = empty(&folder("cold"));
    Ok(builds)
}

impl Builds {
    /// All take turns, round by round, so that a busy moment does not hit one of them alone.
    fn times(&mut self) {
        let mut times = STAGES.map(|_| Vec::new());
        for round in 1..=BUILDS {
            for ((package, ..), times) in STAGES.iter().zip(&mut times) {
                let id = format!("cold-{package}");
                self.progress(&format!("builds {package}, {round} of {BUILDS}"));
                times.extend(self.unless_interrupted(&id, || cold(package)));
            }
        }
        for ((package, label, _), times) in STAGES.iter().zip(times) {
            if !times.is_empty() {
                let id = format!("cold-{package}");
                self.missing.remove(&id); // fewer times are some
                self.rows.push(Row::of(&id, label, "s", times));
            }
        }
    }

    fn sizes(&mut self) {
        for (package, label, example) in STAGES {
            let id = format!("size-{package}");
            self.progress(&format!("weighs {example}"));
            if let Some(size) = self.unless_interrupted(&id, || size(package, example)) {
                self.rows.push(Row::of(&id, label, "KiB", vec![size]));
            }
        }
    }

    /// What ends by a Ctrl-C has failed, but nothing is wrong with it.
    fn unless_interrupted(
        &mut self,
        id: &str,
        measure: impl FnOnce() -> io::Result<f64>,
    ) -> Option<f64> {
        let is_interrupted = || self.interrupted.load(Ordering::Relaxed);
        let measured = if is_interrupted() { None } else { Some(measure()) };
        let why = match measured {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) if !is_interrupted() => error.to_string(),
            _ => "interrupted".to_owned(),
        };
        self.missing.insert(id.to_owned(), why);
        None
    }

    fn progress(&self, what: &str) {
        if !self.interrupted.load(Ordering::Relaxed) {
            let seconds = self.began.elapsed().as_secs();
            let _nobody_may_look = writeln!(io::stderr(), "{seconds:>5} s  {what}");
        }
    }
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
    let folder = folder.to_string_lossy();
    let build = ["build", "--quiet", "--locked", "--target-dir", &folder];
    cargo(&[&build, arguments].concat())
}

fn cargo(arguments: &[&str]) -> io::Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).env("CARGO_PROFILE_RELEASE_STRIP", "symbols");
    // Not from somebody's cache of what was built elsewhere.
    command.env("RUSTC_WRAPPER", "").current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("cargo {}: {status}", arguments.join(" "))))
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
