//! The Python files run, and say what their Rust counterparts say. Without python3 they are
//! skipped, and that is said.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "to skip is said aloud")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use site::countdown::{IN_TURN, TOGETHER};

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

/// What needs no package is measured everywhere; what is not measured is named.
#[test]
fn pythons_ways_are_measured_or_said_to_be_missing() {
    for (question, ways) in [
        ("call", &["function", "await", "yield-from", "yield", "task-asyncio"][..]),
        ("binary", &["function", "await", "yield-from", "yield", "task-asyncio"]),
        ("depth", &["yield-from-1", "await-1000", "yield-100"]),
        ("tasks", &["spawn-asyncio", "yield-asyncio-python", "timer-asyncio"]),
    ] {
        let file = format!("bench/{question}.py");
        let Some(output) = python(&file, &["--json", "--seconds", "0.05"]) else {
            return;
        };
        let (measured, missing) = measured(&output);
        for way in ways {
            assert!(measured.iter().any(|id| id == way), "{question}: {way}");
        }
        assert_eq!(measured[0], *ways[0], "{question}");
        assert!(missing.iter().all(|id| !measured.contains(id)), "{question}");
        assert!(measured.len() + missing.len() >= 8, "{question}: some are lost");
    }
}

#[test]
fn pythons_servers_are_measured_or_said_to_be_missing() {
    let few = ["--json", "--rounds", "1", "--requests", "400", "--connections", "4"];
    let Some(output) = python("bench/echo.py", &few) else { return };
    let (measured, missing) = measured(&output);
    for way in ["selectors-4", "asyncio-protocol-4", "asyncio-streams-4"] {
        assert!(measured.iter().any(|id| id == way), "{way}");
    }
    assert_eq!(measured.len() + missing.len(), 8);
}

/// The ids of what was measured, and of what could not be.
fn measured(output: &Output) -> (Vec<String>, Vec<String>) {
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["python"].is_string());
    let id = |row: &serde_json::Value| row["id"].as_str().unwrap().to_owned();
    for row in answer["rows"].as_array().unwrap() {
        let figure = |name: &str| row[name].as_f64().unwrap();
        assert!(figure("low") <= figure("median") && figure("median") <= figure("high"));
        let values = row["values"].as_array().unwrap();
        assert_eq!(values.len() as u64, row["samples"].as_u64().unwrap(), "{row}");
    }
    for row in answer["missing"].as_array().unwrap() {
        assert!(!row["why"].as_str().unwrap().is_empty(), "{row}");
    }
    let ids = |list: &str| answer[list].as_array().unwrap().iter().map(id).collect();
    (ids("rows"), ids("missing"))
}

/// What Python says of a countdown, in order.
fn counted(style: &str) -> Option<Vec<String>> {
    let output = python(&format!("countdown/{style}.py"), &[])?;
    let said = String::from_utf8(output.stdout).unwrap();
    Some(said.lines().map(str::to_owned).collect())
}

#[test]
fn pythons_countdowns_say_what_ours_say() {
    let Some(said) = counted("blocking") else { return };
    assert_eq!(said, IN_TURN);
    let Some(mut said) = counted("threads") else { return };
    // Who of two threads is first is up to the kernel.
    let mut together = TOGETHER;
    said.sort_unstable();
    together.sort_unstable();
    assert_eq!(said, together);
}

/// The functions that the book tells its readers to open are there, whatever the version.
#[test]
fn the_twelve_functions_of_asyncio_are_found() {
    let Some(output) = python("reading/twelve.py", &[]) else { return };
    let said = String::from_utf8(output.stdout).unwrap();
    let found: Vec<_> =
        said.lines().filter(|line| line.contains(" lines, asyncio/")).collect();
    assert_eq!(found.len(), 12, "{said}");
    assert!(found[3].starts_with("base_events.BaseEventLoop._run_once "), "{said}");
}

/// Runs a file that can be interrupted, although whoever started the tests may have had
/// interrupts ignored, as a shell has for what runs in its background.
#[cfg(unix)]
const INTERRUPTIBLE: &str = "import runpy, signal, sys; \
    signal.signal(signal.SIGINT, signal.default_int_handler); \
    runpy.run_path(sys.argv[1], run_name='__main__')";

#[test]
#[cfg(unix)]
fn pythons_echo_servers_echo_until_they_are_interrupted() {
    for style in ["blocking", "threads", "spinning", "selecting"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/echo");
        let mut command = Command::new("python3");
        command.args(["-c", INTERRUPTIBLE]).arg(path.join(format!("{style}.py")));
        command.stdout(Stdio::piped());
        let Ok(mut server) = command.spawn() else {
            eprintln!("SKIPPED: echo/{style}.py, for want of python3");
            return;
        };
        let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
        let greeting = said.next().unwrap().unwrap();
        let address = greeting.strip_prefix("listening on ").unwrap();
        for message in [b"hello".to_vec(), vec![7; 100_000]] {
            assert_eq!(echo(address, &message).unwrap(), message, "{style}");
        }
        let pid = server.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert_eq!(said.next().unwrap().unwrap(), "goodbye", "{style}");
        assert!(server.wait().unwrap().success(), "{style}");
    }
}

/// Sends a message and the end; gives what comes back.
fn echo(address: &str, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    let mut reader = stream.try_clone()?;
    let reading = thread::spawn(move || {
        let mut back = Vec::new();
        reader.read_to_end(&mut back).map(|_| back)
    });
    stream.write_all(message)?;
    stream.shutdown(Shutdown::Write)?;
    reading.join().unwrap()
}
