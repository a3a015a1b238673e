//! What a clock cannot spoil: instructions, allocations and atomic operations, counted by
//! valgrind, and system calls, counted by strace. So a change for the worse is seen on any
//! machine, however busy.
//!
//! Each is counted over some times and over twice as many: what is there besides cancels out.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::callgrind::{Counted, Profile};
use crate::cases;
use crate::echo;
use crate::results::Results;
use crate::say::say;
use crate::strace;
use crate::table::number;

/// How often a case does it, the first time.
const TIMES: u64 = 512;

/// How many connections, one after the other and all at once.
const ONE: u64 = 1;
const MANY: u64 = 64;

/// How many requests a server gets of all of them together, the first time.
const REQUESTS: u64 = 512;
const MANY_REQUESTS: u64 = 4 * REQUESTS;

/// How long a server may be silent, however slow it is made by whoever watches it.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long until it is looked at again.
const A_MOMENT: Duration = Duration::from_micros(200);

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
        let counted = more(case_counted(&id, 2 * times)?, case_counted(&id, times)?)?;
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

fn of_server(name: &'static str, label: &'static str, crowd: u64) -> Job {
    Box::new(move || {
        let id = format!("echo-{crowd}-{name}");
        let requests = if crowd == ONE { REQUESTS } else { MANY_REQUESTS };
        let (once, twice) = (requests / crowd, 2 * requests / crowd);
        let counted = more(
            served_counted(name, crowd, twice)?,
            served_counted(name, crowd, once)?,
        )?;
        let mut found = rows(&id, label, counted, requests);
        let calls = served_calls(name, crowd, twice)?
            .saturating_sub(served_calls(name, crowd, once)?);
        let calls = as_float(calls) / as_float(requests);
        found.push((format!("{id}-calls"), label.to_owned(), "system calls", calls));
        Ok(found)
    })
}

/// What the second half took. If that is nothing, something else was counted.
fn more(twice: Counted, once: Counted) -> io::Result<Counted> {
    if twice.instructions > once.instructions {
        return Ok(twice - once);
    }
    Err(io::Error::other("twice as often took no more instructions"))
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
    let watcher = profile.watcher();
    let server = if echo::has_a_ring(name) {
        Served::unheard(watcher, name)?
    } else {
        Served::by(watcher, name)?
    };
    server.asked(crowd, rounds)?;
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
    /// Whether it has no thread that reads its input.
    is_unheard: bool,
}

impl Served {
    fn by(watcher: Command, name: &str) -> io::Result<Self> {
        let mut process = started(watcher, &["--serve", name])?;
        let mut line = String::new();
        let said = process.stdout.as_mut().expect("it was asked for");
        BufReader::new(said).read_line(&mut line)?;
        let address = line.rsplit(' ').next().unwrap_or_default().trim();
        let address =
            address.parse().map_err(|_| io::Error::other(format!("{name}: {line:?}")))?;
        Ok(Self { process, address, is_a_child: false, is_unheard: false })
    }

    /// While a thread waits for a ring, valgrind lets no other one run: nobody could say where the
    /// server listens, nor hear that it is to end. So it is told a port that was free just now, and
    /// is called until it answers.
    fn unheard(watcher: Command, name: &str) -> io::Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = started(watcher, &["--serve", name, &address.port().to_string()])?;
        let mut server = Self { process, address, is_a_child: false, is_unheard: true };
        server.until("does not listen", |server| {
            if let Some(end) = server.process.try_wait()? {
                return Err(io::Error::other(format!("{name} has ended: {end}")));
            }
            Ok(TcpStream::connect(server.address).is_ok())
        })?;
        Ok(server)
    }

    /// Has it answer so many rounds of so many connections, and ends it. What it finds when it looks
    /// must not be chance: so it sleeps before anybody comes, asks or leaves, and where several ask
    /// it stands still until all have.
    fn asked(mut self, crowd: u64, rounds: u64) -> io::Result<()> {
        let server = self.server()?;
        let mut streams = Vec::new();
        for _ in 0..crowd {
            self.asleep(&server)?;
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            streams.push(stream);
        }
        let mut buffer = [b'e'; 64];
        for _ in 0..rounds {
            self.asleep(&server)?;
            if crowd > ONE {
                self.stands_still(&server)?;
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
        for stream in streams {
            self.asleep(&server)?;
            drop(stream);
        }
        self.asleep(&server)?;
        self.end()
    }

    /// Stops it, and waits until it is.
    fn stands_still(&mut self, server: &str) -> io::Result<()> {
        signal("-STOP", server)?;
        let stat = format!("/proc/{server}/stat");
        self.until("does not stop", |_| Ok(['T', 't'].contains(&state(&stat)?)))
    }

    fn asleep(&mut self, server: &str) -> io::Result<()> {
        self.until("does not wait for anybody", |_| is_asleep(server))
    }

    /// Whoever hears nothing is sent a signal, and woken by a call to take it.
    fn end(&mut self) -> io::Result<()> {
        drop(self.process.stdin.take());
        if self.is_unheard {
            signal("-TERM", &self.server()?)?;
        }
        self.until("does not end", |server| {
            let has_ended = server.process.try_wait()?.is_some();
            if server.is_unheard && !has_ended {
                let _it_may_just_have_ended = TcpStream::connect(server.address);
            }
            Ok(has_ended)
        })
    }

    fn until(
        &mut self,
        otherwise: &str,
        mut is_so: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<()> {
        let end = Instant::now() + PATIENCE;
        while !is_so(self)? {
            if Instant::now() > end {
                return Err(io::Error::other(format!(
                    "the server at {} {otherwise}",
                    self.address
                )));
            }
            thread::sleep(A_MOMENT);
        }
        Ok(())
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

fn started(mut watcher: Command, arguments: &[&str]) -> io::Result<Child> {
    watcher.arg(env::current_exe()?).args(arguments);
    watcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    watcher.spawn()
}

/// Whether all threads of a process wait for something.
fn is_asleep(process: &str) -> io::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let stat = thread?.path().join("stat");
        // One that has ended meanwhile wakes nobody.
        if state(&stat).is_ok_and(|state| state != 'S') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What somebody does, in one letter, of a file like `/proc/PID/stat`.
fn state(stat: impl AsRef<Path>) -> io::Result<char> {
    let stat = fs::read_to_string(stat)?;
    let behind_the_name = stat.rsplit(") ").next().unwrap_or_default();
    behind_the_name.chars().next().ok_or_else(|| io::Error::other("no state"))
}

fn signal(which: &str, process: &str) -> io::Result<()> {
    let went = Command::new("kill").args([which, process]).status()?;
    if went.success() { Ok(()) } else { Err(io::Error::other("the server has gone")) }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some digits")]
fn as_float(n: u64) -> f64 {
    n as f64
}
