//! What a clock cannot spoil: instructions and allocations, counted by valgrind, and system
//! calls, counted by strace. So a change for the worse is seen on any machine, however busy.
//!
//! Each is counted over some times and over twice as many: what is there besides cancels out.
//! An atomic operation counts as one instruction, although it costs many; the times show that.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::cases;
use crate::echo;
use crate::results::Results;
use crate::table::number;

/// How often a case runs, the first time.
const TIMES: u64 = 512;

/// How many requests a server gets, the first time.
const REQUESTS: u64 = 100;

/// As much as a program's first thread has.
const STACK: usize = 8 << 20;

/// The file's name.
pub(crate) const NAME: &str = "counts";

/// Counts everything.
pub(crate) fn all() -> io::Result<Results> {
    let mut results =
        Results::named(NAME, "cargo bench --bench verdict -- check --write");
    for case in cases::ours() {
        let each = |count: fn(&str, u64) -> io::Result<u64>| -> io::Result<f64> {
            let (once, twice) = (count(&case.id, TIMES)?, count(&case.id, 2 * TIMES)?);
            Ok(as_float(twice.saturating_sub(once)) / as_float(TIMES * case.each))
        };
        let (instructions, allocations) = (each(instructions)?, each(allocations)?);
        let row = |what| format!("{}-{what}", case.id);
        results.add(row("instructions"), &case.label, "instructions", &[instructions]);
        results.add(row("allocations"), &case.label, "allocations", &[allocations]);
        tell(&results);
    }
    for (name, label) in echo::ours() {
        let each = |count: fn(&str, u64) -> io::Result<u64>| -> io::Result<f64> {
            let (once, twice) = (count(name, REQUESTS)?, count(name, 2 * REQUESTS)?);
            Ok(as_float(twice.saturating_sub(once)) / as_float(REQUESTS))
        };
        let (calls, instructions) = (each(served_calls)?, each(served_instructions)?);
        let row = |what| format!("echo-1-{name}-{what}");
        results.add(row("calls"), label, "system calls", &[calls]);
        results.add(row("instructions"), label, "instructions", &[instructions]);
        tell(&results);
    }
    Ok(results)
}

fn tell(results: &Results) {
    for row in results.rows.iter().rev().take(2).rev() {
        println!("{:<46}{:>10} {}", row.id, number(row.median), row.unit);
    }
}

/// Does it so often, for somebody who counts from outside: in a thread of its own, since
/// valgrind does not say how large the stack of the first one is, and the stages ask.
pub(crate) fn run(id: &str, times: &str) -> io::Result<()> {
    let times = times.parse().map_err(io::Error::other)?;
    let id = id.to_owned();
    let counted = move || {
        let case = cases::ours().find(|case| case.id == id);
        let case = case.ok_or_else(|| io::Error::other(format!("there is no {id}")))?;
        case.run(times);
        Ok(())
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(counted)?;
    thread.join().map_err(|_| io::Error::other("it panicked"))?
}

const CALLGRIND: &[&str] =
    &["--tool=callgrind", "--callgrind-out-file=/dev/null", "--error-limit=no"];
const MEMCHECK: &[&str] = &["--leak-check=no", "--undef-value-errors=no"];

fn instructions(id: &str, times: u64) -> io::Result<u64> {
    counted("refs:", &under_valgrind(CALLGRIND, id, times)?)
}

fn allocations(id: &str, times: u64) -> io::Result<u64> {
    counted("heap usage:", &under_valgrind(MEMCHECK, id, times)?)
}

fn under_valgrind(tool: &[&str], id: &str, times: u64) -> io::Result<String> {
    let run = Command::new("valgrind")
        .args(tool)
        .arg(env::current_exe()?)
        .args(["--count", id, &times.to_string()])
        .output()?;
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    if run.status.success() { Ok(said) } else { Err(io::Error::other(said)) }
}

/// The number behind these words.
fn counted(words: &str, said: &str) -> io::Result<u64> {
    let line = said.lines().find_map(|line| line.split_once(words));
    let digits: Option<String> = line.map(|(_, rest)| {
        let rest = rest.trim_start().chars();
        rest.take_while(|it| it.is_ascii_digit() || *it == ',')
            .filter(|it| *it != ',')
            .collect()
    });
    let digits = digits.ok_or_else(|| io::Error::other(said.to_owned()))?;
    digits.parse().map_err(io::Error::other)
}

fn served_instructions(name: &str, requests: u64) -> io::Result<u64> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(CALLGRIND);
    counted("refs:", &Served::by(valgrind, name, requests)?)
}

fn served_calls(name: &str, requests: u64) -> io::Result<u64> {
    let file = env::temp_dir().join(format!("verdict-{}", std::process::id()));
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--output"]).arg(&file);
    Served::by(strace, name, requests)?;
    let lines = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    // One that another thread interrupted is told in two lines.
    let calls =
        lines.lines().filter(|line| line.contains('(') && !line.contains("resumed>"));
    Ok(calls.count() as u64)
}

/// A server that somebody watches.
struct Served(Child);

impl Served {
    /// Has a server answer so many requests of one connection, one after the other, and ends
    /// it. Gives what its watcher says.
    fn by(mut watcher: Command, name: &str, requests: u64) -> io::Result<String> {
        watcher.arg(env::current_exe()?).args(["--serve", name]);
        watcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut server = Self(watcher.spawn()?);
        let mut line = String::new();
        let said = server.0.stdout.take().expect("it was asked for");
        let mut said = BufReader::new(said);
        said.read_line(&mut line)?;
        let address = line.rsplit(' ').next().unwrap_or_default().trim();
        let address: SocketAddr =
            address.parse().map_err(|_| io::Error::other(format!("{name}: {line:?}")))?;
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut buffer = [b'e'; 64];
        for _ in 0..requests {
            stream.write_all(&buffer)?;
            stream.read_exact(&mut buffer)?;
        }
        drop(stream);
        drop(server.0.stdin.take());
        let mut told = String::new();
        server.0.stderr.take().expect("it was asked for").read_to_string(&mut told)?;
        server.0.wait()?;
        Ok(told)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some digits")]
fn as_float(n: u64) -> f64 {
    n as f64
}
