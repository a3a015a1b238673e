//! What a clock cannot spoil: instructions, allocations and atomic operations, counted by
//! valgrind, and system calls, counted by strace. So a change for the worse is seen on any
//! machine, however busy.
//!
//! Each is counted over some times and over twice as many: what is there besides cancels out.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use crate::callgrind::{Counted, Profile};
use crate::cases;
use crate::echo;
use crate::results::Results;
use crate::say::say;
use crate::strace;
use crate::table::number;

/// How often a case does it, the first time.
const TIMES: u64 = 512;

/// How many requests a server gets, the first time.
const REQUESTS: u64 = 128;

/// How many connections, one after the other and all at once.
const ONE: u64 = 1;
const MANY: u64 = 64;

/// As much as a program's first thread has.
const STACK: usize = 8 << 20;

/// The file's name.
pub(crate) const NAME: &str = "counts";

/// What is to be counted, and what comes of it: rows, each an id, a label, a unit and a figure.
type Job = Box<dyn Fn() -> io::Result<Vec<Row>> + Send + Sync>;
type Row = (String, String, &'static str, f64);

/// Counts what can be asserted: what is ours, one request after the other.
pub(crate) fn ours() -> io::Result<Results> {
    all_of(cases::ours().map(|case| case.id).map(of_case).chain(servers(false)))
}

/// Whether a row is of what [`ours`] counts.
pub(crate) fn is_asserted(row: &str) -> bool {
    let id = row.rsplit_once('-').map_or(row, |(id, _what)| id);
    let server = id.strip_prefix("echo-1-");
    server.is_some_and(|server| echo::ours().any(|(name, _)| name == server))
        || cases::ours().any(|case| case.id == id)
}

/// Counts everything.
pub(crate) fn all() -> io::Result<Results> {
    all_of(cases::counted().map(|case| case.id).map(of_case).chain(servers(true)))
}

/// As many at a time as there are processors: to be counted disturbs nobody.
fn all_of(jobs: impl Iterator<Item = Job>) -> io::Result<Results> {
    let jobs: Vec<_> = jobs.collect();
    let (next, rows) = (Mutex::new(0..jobs.len()), Mutex::new(Vec::new()));
    let one_after_the_other = || -> io::Result<()> {
        loop {
            let Some(n) = next.lock().expect("nobody panics").next() else {
                return Ok(());
            };
            let found = jobs[n]()?;
            let lines = found.iter().map(|(id, _, unit, count)| {
                format!("{id:<52}{:>10} {unit}", number(*count))
            });
            say(lines.collect::<Vec<_>>().join("\n"))?;
            rows.lock().expect("nobody panics").push((n, found));
        }
    };
    // What one of them fails at, nobody need wait for the others to tell.
    let while_all_goes_well = || {
        one_after_the_other().inspect_err(|_| *next.lock().expect("nobody panics") = 0..0)
    };
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> =
            (0..processors).map(|_| scope.spawn(while_all_goes_well)).collect();
        workers.into_iter().try_for_each(|it| it.join().expect("nobody panics"))
    })?;
    let mut rows = rows.into_inner().expect("nobody panics");
    rows.sort_by_key(|(n, _)| *n);
    let mut results =
        Results::named(NAME, "cargo bench --bench verdict -- check --write");
    for (id, label, unit, count) in rows.into_iter().flat_map(|(_, rows)| rows) {
        results.add(id, &label, unit, &[count]);
    }
    Ok(results)
}

fn of_case(id: String) -> Job {
    Box::new(move || {
        let case = cases::named(&id)?;
        let times = (TIMES / case.each).max(2);
        let counted = case_counted(&id, 2 * times)? - case_counted(&id, times)?;
        Ok(rows(&id, &case.label, counted, times * case.each))
    })
}

/// Ours, with one connection; or all, with many as well.
fn servers(is_all: bool) -> impl Iterator<Item = Job> {
    let crowds: &[u64] = if is_all { &[ONE, MANY] } else { &[ONE] };
    let names: Vec<_> =
        if is_all { echo::servers().collect() } else { echo::ours().collect() };
    crowds.iter().flat_map(move |&crowd| {
        let can = move |name: &str| crowd == ONE || name != "blocking";
        let names = names.clone().into_iter().filter(move |(name, _)| can(name));
        names.map(move |(name, label)| of_server(name, label, crowd))
    })
}

/// Of a ring only the calls are counted: while a thread waits for one, valgrind lets no other run, and
/// the server would not say where it is, nor hear that it is to end.
fn of_server(name: &'static str, label: &'static str, crowd: u64) -> Job {
    Box::new(move || {
        let id = format!("echo-{crowd}-{name}");
        let (once, twice) = (REQUESTS / crowd * 4, REQUESTS / crowd * 8);
        let requests = (twice - once) * crowd;
        let mut found = Vec::new();
        if echo::is_heard_under_valgrind(name) {
            let twice = served_counted(name, crowd, twice)?;
            let counted = twice - served_counted(name, crowd, once)?;
            found = rows(&id, label, counted, requests);
        }
        let calls = served_calls(name, crowd, twice)?
            .saturating_sub(served_calls(name, crowd, once)?);
        let calls = as_float(calls) / as_float(requests);
        found.push((format!("{id}-calls"), label.to_owned(), "system calls", calls));
        Ok(found)
    })
}

fn rows(id: &str, label: &str, counted: Counted, times: u64) -> Vec<Row> {
    let Counted { instructions, allocations, atomics } = counted;
    [("instructions", instructions), ("allocations", allocations), ("atomics", atomics)]
        .map(|(what, count)| {
            let each = as_float(count) / as_float(times);
            (format!("{id}-{what}"), label.to_owned(), what, each)
        })
        .into()
}

/// Does it so often, for somebody who counts from outside: in a thread of its own, since
/// valgrind does not say how large the stack of the first one is, and the stages ask.
pub(crate) fn run(id: &str, times: &str) -> io::Result<()> {
    let times = times.parse().map_err(io::Error::other)?;
    let id = id.to_owned();
    let counted = move || {
        cases::named(&id)?.run(times);
        Ok(())
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(counted)?;
    thread.join().map_err(|_| io::Error::other("it panicked"))?
}

fn case_counted(id: &str, times: u64) -> io::Result<Counted> {
    let profile = Profile::named(id);
    let mut watcher = profile.watcher();
    watcher.arg(env::current_exe()?).args(["--count", id, &times.to_string()]);
    let run = watcher.output()?;
    if !run.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&run.stderr).into_owned()));
    }
    profile.counted()
}

fn served_counted(name: &str, crowd: u64, rounds: u64) -> io::Result<Counted> {
    let profile = Profile::named(&format!("{name}-{crowd}"));
    Served::by(profile.watcher(), name)?.asked(crowd, rounds)?;
    profile.counted()
}

fn served_calls(name: &str, crowd: u64, rounds: u64) -> io::Result<u64> {
    let process = std::process::id();
    let file = env::temp_dir().join(format!("verdict-{process}-{name}-{crowd}.strace"));
    let mut strace = Command::new("strace");
    strace.args(["--follow-forks", "--output"]).arg(&file);
    let mut server = Served::by(strace, name)?;
    server.is_a_child = true;
    server.asked(crowd, rounds)?;
    let lines = fs::read_to_string(&file)?;
    fs::remove_file(&file)?;
    Ok(strace::calls_in(&lines))
}

/// A server that somebody watches.
struct Served {
    process: Child,
    address: SocketAddr,
    /// Whether it is the watcher's child, and not the watcher itself.
    is_a_child: bool,
}

impl Served {
    fn by(mut watcher: Command, name: &str) -> io::Result<Self> {
        watcher.arg(env::current_exe()?).args(["--serve", name]);
        watcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = watcher.spawn()?;
        let mut line = String::new();
        let said = process.stdout.as_mut().expect("it was asked for");
        BufReader::new(said).read_line(&mut line)?;
        let address = line.rsplit(' ').next().unwrap_or_default().trim();
        let address =
            address.parse().map_err(|_| io::Error::other(format!("{name}: {line:?}")))?;
        Ok(Self { process, address, is_a_child: false })
    }

    /// Has it answer so many rounds of so many connections, and ends it. Where there are several,
    /// it stands still until all have asked: or how many it finds at once would be chance.
    fn asked(mut self, crowd: u64, rounds: u64) -> io::Result<()> {
        let connect = |_| {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        let mut streams = (0..crowd).map(connect).collect::<io::Result<Vec<_>>>()?;
        let server = self.server()?;
        let mut buffer = [b'e'; 64];
        for _ in 0..rounds {
            if crowd > ONE {
                stand_still(&server)?;
            }
            for stream in &mut streams {
                stream.write_all(&buffer)?;
            }
            if crowd > ONE {
                signal("-CONT", &server)?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut buffer)?;
            }
        }
        drop(streams);
        drop(self.process.stdin.take());
        self.process.wait().map(drop)
    }

    fn server(&self) -> io::Result<String> {
        let watcher = self.process.id();
        if !self.is_a_child {
            return Ok(watcher.to_string());
        }
        let children =
            fs::read_to_string(format!("/proc/{watcher}/task/{watcher}/children"))?;
        Ok(children.trim().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Stops a process, and waits until it is.
fn stand_still(process: &str) -> io::Result<()> {
    signal("-STOP", process)?;
    loop {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let state = stat.rsplit(") ").next().unwrap_or_default();
        if state.starts_with(['T', 't']) {
            return Ok(());
        }
        thread::sleep(Duration::from_micros(200));
    }
}

fn signal(which: &str, process: &str) -> io::Result<()> {
    let went = Command::new("kill").args([which, process]).status()?;
    if went.success() { Ok(()) } else { Err(io::Error::other("the server has gone")) }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some digits")]
fn as_float(n: u64) -> f64 {
    n as f64
}
