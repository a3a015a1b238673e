//! The playground: a program of the reader's runs on a loop of ours and is recorded, and whatever
//! is wrong with it is said in a line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lineage::trace::Trace;
use tempfile::TempDir;

/// Runs `try` with a program of that text.
fn tried(folder: &TempDir, text: &str, more: &[&str]) -> Output {
    let file = folder.path().join("mine.rs");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_exercises"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command.arg("try").arg(file).args(more).output().unwrap()
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TWO: &str = "use std::time::Duration;
use stage4_async_await::{run, spawn, time::sleep};

fn main() -> std::io::Result<()> {
    run(async {
        let one = spawn(async {
            sleep(Duration::from_secs(3600)).await;
            println!(\"one\");
        });
        println!(\"two\");
        one.await;
    })
}
";

/// One test, as all of them take the same place.
#[test]
fn a_program_of_the_readers_is_run_and_recorded_or_it_is_said_why_not() {
    let folder = tempfile::tempdir().unwrap();
    is_recorded(&folder);
    is_refused_with_a_word(&folder);
    let said = complaint(&tried(&folder, "fn main() { 1 }\n// stage4_async_await", &[]));
    assert!(said.contains("mine.rs:1:13"), "{said}");
    assert!(!said.contains("target/try"), "{said}");
}

/// An hour is over at once; the run names the program's own lines.
fn is_recorded(folder: &TempDir) {
    let out = folder.path().join("run.json");
    let out = out.to_str().unwrap();
    let output = tried(folder, TWO, &["--sim", "--out", out]);
    assert!(output.status.success(), "{}", complaint(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "two\none\n");
    let trace: Trace = serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap();
    assert_eq!(
        (&*trace.program, &*trace.style, trace.seed),
        ("mine", "async-await", Some(1))
    );
    assert_eq!(trace.files[0], "target/try/mine.rs");
    assert!(trace.subjects.iter().any(|it| it.place.line == Some(6)));
    assert!(trace.events.last().unwrap().at >= 3_600_000_000);
}

fn is_refused_with_a_word(folder: &TempDir) {
    for (text, more, status, said) in [
        (&*TWO.replace("run(async", "run(async move |"), &[][..], 1, "does not compile:"),
        (&TWO.replace("fn main", "fn start"), &[], 1, "it has no main to begin with"),
        (&TWO.replace("fn main", "async fn main"), &[], 1, "an async main has nobody"),
        (&TWO.replace("stage4", "stage9"), &[], 2, "it names no stage"),
        (TWO, &["--style", "threads"], 2, "style threads has no loop"),
        (
            &TWO.replace("one.await;", "panic!(\"oh\");"),
            &["--sim"],
            1,
            "ended in an error",
        ),
        (
            &TWO.replace("one.await;", "loop { println!(\"again\") }"),
            &["--sim"],
            1,
            "went on and on",
        ),
        (
            &TWO.replace("one.await;", "std::future::pending::<()>().await;"),
            &["--sim"],
            1,
            "Deadlock",
        ),
    ] {
        let output = tried(folder, text, more);
        let complaint = complaint(&output);
        assert!(complaint.contains(said), "{said}: {complaint}");
        assert_eq!(output.status.code(), Some(status), "{complaint}");
    }
}
