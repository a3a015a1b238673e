//! The playground: a program of the reader's runs on a loop of ours and is recorded, and whatever
//! is wrong with it is said in a line.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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
    #[cfg(unix)]
    is_drawn(&folder);
    let said = complaint(&tried(&folder, "fn main() { 1 }\n// stage4_async_await", &[]));
    assert!(said.contains("mine.rs:1:13"), "{said}");
    assert!(!said.contains("target/try"), "{said}");
    #[cfg(target_os = "linux")]
    has_its_bounds();
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
    assert_eq!(trace.files[0], "target/try/typed/mine.rs");
    let typed = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&trace.files[0]);
    assert_eq!(
        fs::read_to_string(typed).unwrap(),
        TWO,
        "no more than was typed is shown"
    );
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

/// Runs `try --html` with a program of that text: the status, what was told and what was wrong. In
/// the place of the book, which would draw it, stands `echo`.
#[cfg(unix)]
fn drawn(folder: &TempDir, text: &str, page: &Path) -> (Option<i32>, String, String) {
    use std::os::unix::fs::PermissionsExt;
    let (cargo, real) = (folder.path().join("cargo"), std::env::var("CARGO").unwrap());
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*'--package book') echo '{{\"executable\":\"/bin/echo\"}}';;\n\
         *) exec '{real}' \"$@\";;\nesac\n"
    );
    fs::write(&cargo, script).unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let file = folder.path().join("mine.rs");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_exercises"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    command.env("CARGO", &cargo).arg("try").arg(file).args(["--sim", "--html"]);
    let output = command.arg(page).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), told, complaint(&output))
}

/// Whatever became of the program; if there is nothing to draw, that is said.
#[cfg(unix)]
fn is_drawn(folder: &TempDir) {
    let page = folder.path().join("mine.html");
    let echo = format!("draw {} ", page.display());
    let (status, told, complaint) = drawn(folder, TWO, &page);
    assert_eq!(status, Some(0), "{complaint}");
    assert!(told.contains(&format!("two\none\n{echo}")), "{told}");
    assert!(told.ends_with("/recording.json\n"), "{told}");
    for (end, is_drawn, said) in [
        ("panic!(\"oh\");", true, "mine.rs ended in an error\n"),
        ("std::process::exit(0);", false, "mine.rs has left no recording: it ended by"),
    ] {
        let text = TWO.replace("one.await;", end);
        let (status, told, complaint) = drawn(folder, &text, &page);
        assert_eq!(status, Some(1), "{complaint}");
        assert_eq!(told.contains(&echo), is_drawn, "{told}");
        assert!(complaint.contains(said), "{complaint}");
    }
    // Said before anything is compiled.
    let (status, _, complaint) =
        drawn(folder, "fn main() { 1 } // stage4_async_await", folder.path());
    assert_eq!(status, Some(1));
    assert!(complaint.starts_with(&format!("lineage: {}: ", folder.path().display())));
    assert!(!page.exists(), "nobody has drawn it, and something is there");
}

/// One program for all of it, which is compiled once: what it does, its surroundings say.
#[cfg(target_os = "linux")]
const DOES: &str = "use std::{process::Command, thread, time::Duration};
use stage4_async_await::{run, spawn, time::sleep};

fn main() -> std::io::Result<()> {
    match &*std::env::var(\"DOES\").unwrap() {
        \"hangs\" => loop { thread::park() },
        \"takes\" => drop([(); 5].map(|()| Vec::<u8>::with_capacity(1 << 30))),
        \"complains\" => loop { eprintln!(\"again\") },
        \"panics\" => panic!(\"oh\"),
        \"leaves\" => drop(Command::new(\"sleep\").arg(\"1000\").spawn()?),
        _ => run(async {
            for _ in 0..100 {
                let nap = || spawn(sleep(Duration::from_millis(1)));
                for one in (0..100).map(|_| nap()).collect::<Vec<_>>() {
                    one.await;
                }
            }
        })?,
    }
    Ok(())
}
";

/// A place for a program, with a folder for whatever is to be gone in the end.
#[cfg(target_os = "linux")]
struct Bounds {
    folder: TempDir,
}

#[cfg(target_os = "linux")]
impl Bounds {
    /// In a path with spaces, and with a name that means something to cargo.
    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("my programs").join("build.rs")
    }

    fn passing(&self) -> std::path::PathBuf {
        self.folder.path().join("passing")
    }

    fn command(&self, does: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exercises"));
        command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
        command.env("TMPDIR", self.passing()).env("DOES", does);
        command.arg("try").arg(self.file()).args(["--sim", "--out"]);
        command.arg(self.folder.path().join("run.json"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// It says that, with that status, and has left nobody and nothing.
    fn end(&self, does: &str, output: &Output, status: i32, said: &str) {
        let complaint = complaint(output);
        assert_eq!(output.status.code(), Some(status), "{does}: {complaint}");
        assert!(complaint.contains(said), "{does}: {complaint}");
        assert!(complaint.len() < 5000, "{does}: {} bytes", complaint.len());
        // Whoever was killed may take a moment to be gone.
        let patience = Instant::now() + Duration::from_secs(20);
        while !those_with(&self.passing()).is_empty() {
            assert!(Instant::now() < patience, "{does}: they go on");
            thread::sleep(Duration::from_millis(5));
        }
        let left = fs::read_dir(self.passing()).unwrap().count();
        assert_eq!(left, 0, "{does}: left in the folder for what passes");
    }
}

/// Those processes that have this folder for what passes, without those that have ended.
#[cfg(target_os = "linux")]
fn those_with(passing: &Path) -> Vec<u32> {
    let wanted = format!("TMPDIR={}", passing.display());
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let all = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        all.split(|byte| *byte == 0).any(|it| it == wanted.as_bytes())
    };
    pids.filter(has).collect()
}

/// Within its time, its memory and its output, and whoever presses Ctrl-C is rid of all of it.
#[cfg(target_os = "linux")]
fn has_its_bounds() {
    let bounds = Bounds { folder: tempfile::tempdir().unwrap() };
    let file = bounds.file();
    for folder in [bounds.passing(), file.parent().unwrap().to_owned()] {
        fs::create_dir(folder).unwrap();
    }
    let missing = bounds.command("nothing").output().unwrap();
    bounds.end("nothing", &missing, 1, "my programs/build.rs: there is no such file");
    fs::write(&file, b"fn main() {} // \xff").unwrap();
    let no_text = bounds.command("nothing").output().unwrap();
    bounds.end("nothing", &no_text, 1, "my programs/build.rs: it is no text");
    fs::write(&file, DOES).unwrap();
    is_interrupted_while_it_compiles(&bounds);
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/try/build.rs");
    let mut written = None;
    for (does, status, said) in [
        ("counts", 0, "steps, the first 20000 are in the recording\n"),
        ("takes", 1, "build.rs wanted more than the 4 GiB of memory that it may have"),
        ("complains", 1, "build.rs went on and on (here are the first words)"),
        ("panics", 1, "build.rs:9:21:\noh\n"),
        ("leaves", 0, ""),
    ] {
        let output = bounds.command(does).output().unwrap();
        bounds.end(does, &output, status, said);
        let now = fs::metadata(&copy).unwrap().modified().unwrap();
        let before = written.replace(now);
        assert!(before.is_none_or(|it| it == now), "what had not changed is built again");
    }
    is_interrupted_while_it_runs(&bounds);
    let late = bounds.command("hangs").output().unwrap();
    let said = "had not ended after 20s, and was ended; it has left no recording\n";
    bounds.end("hangs", &late, 1, said);
}

/// In the place of cargo stands somebody who never ends, and has started somebody else.
#[cfg(target_os = "linux")]
fn is_interrupted_while_it_compiles(bounds: &Bounds) {
    use std::os::unix::fs::PermissionsExt;
    let cargo = bounds.folder.path().join("cargo");
    fs::write(&cargo, "#!/bin/sh\nsleep 1000 &\nwait\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = bounds.command("builds");
    is_interrupted(bounds, "builds", command.env("CARGO", cargo), "-TERM");
}

#[cfg(target_os = "linux")]
fn is_interrupted_while_it_runs(bounds: &Bounds) {
    is_interrupted(bounds, "hangs", &mut bounds.command("hangs"), "-INT");
}

/// As soon as one who `sleep`s, or the program itself, is there.
#[cfg(target_os = "linux")]
fn is_interrupted(bounds: &Bounds, does: &str, command: &mut Command, signal: &str) {
    let child = command.spawn().unwrap();
    let runs = |pid: &u32| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        ["sleep\n", "tried\n"].contains(&&*name)
    };
    let patience = Instant::now() + Duration::from_mins(2);
    while !those_with(&bounds.passing()).iter().any(runs) {
        assert!(Instant::now() < patience, "{does}: it never came so far");
        thread::sleep(Duration::from_millis(5));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    bounds.end(does, &output, 130, "");
    assert_eq!(complaint(&output).matches("interrupted").count(), 1, "{does}: said once");
}
