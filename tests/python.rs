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
