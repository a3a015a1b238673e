//! What does an echo cost a server? Each server is a process of its own, on a processor of its
//! own where there are two; so is the load. What is measured is the processor's time, that of
//! the kernel included.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, ChildStdout, Command, Stdio};

use lineage::styles::{STYLES, Serve};
use site::Control;
use stage5_asyncio::events::with_loop_factory;

use crate::load::{Answered, Plan};
use crate::python::Python;
use crate::{mio_echo, protocol_echo, reactor_echo, smol_echo, tokio_echo};

/// Loops without streams, the reactor without any stage, and peers.
const OTHERS: [(&str, &str, Serve); 6] = [
    ("asyncio-protocols", "asyncio, protocols", protocol_echo::serve),
    ("uvloop-protocols", "uvloop, protocols", fast_protocol_echo),
    ("reactor", "the reactor alone", reactor_echo::serve),
    ("mio", "mio by hand", mio_echo::serve),
    ("tokio", "tokio, current thread", tokio_echo::serve),
    ("smol", "smol, LocalExecutor", smol_echo::serve),
];

/// What waits by completions.
#[cfg(target_os = "linux")]
const RINGS: &[(&str, &str, Serve)] = &[
    ("asyncio-uring", "asyncio, on a ring", |address, control| {
        on_a_ring(styled("asyncio"), address, control)
    }),
    ("uvloop-uring", "uvloop, on a ring", |address, control| {
        on_a_ring(styled("uvloop"), address, control)
    }),
    ("uvloop-protocols-uring", "uvloop, protocols, on a ring", |address, control| {
        on_a_ring(fast_protocol_echo, address, control)
    }),
    ("uring", "a ring by hand", crate::uring_echo::serve),
];
#[cfg(not(target_os = "linux"))]
const RINGS: &[(&str, &str, Serve)] = &[];

/// Where there is no ring, it is none: no selector stands in for it.
#[cfg(target_os = "linux")]
fn on_a_ring(serve: Serve, address: SocketAddr, control: Control) -> io::Result<()> {
    let ring = std::rc::Rc::new(stage6_uvloop::uring::Uring::new()?);
    reactor::backend::scope(ring, || serve(address, control))
}

#[cfg(target_os = "linux")]
fn styled(name: &str) -> Serve {
    lineage::styles::Style::named(name).expect("it is in the table").echo
}

/// The same program as asyncio's, on the other loop.
fn fast_protocol_echo(address: SocketAddr, control: Control) -> io::Result<()> {
    with_loop_factory(stage6_uvloop::open, || protocol_echo::serve(address, control))
}

/// Python's, of `python/bench/echo.py`.
const PYTHONS: [(&str, &str); 8] = [
    ("selectors", "selectors, by hand"),
    ("asyncio-protocol", "asyncio, a protocol"),
    ("asyncio-streams", "asyncio, streams"),
    ("asyncio-sockets", "asyncio, sock_recv"),
    ("uvloop-protocol", "uvloop, a protocol"),
    ("uvloop-streams", "uvloop, streams"),
    ("tornado", "Tornado, IOStream"),
    ("twisted", "Twisted, a protocol"),
];

/// The servers of this program: an id, and words.
pub(crate) fn servers() -> impl Iterator<Item = (&'static str, &'static str)> {
    let styles = STYLES.iter().map(|style| (style.name, style.name));
    let others = RINGS.iter().chain(&OTHERS);
    styles.chain(others.map(|(id, label, _)| (*id, *label)))
}

/// Whether it waits by completions.
pub(crate) fn has_a_ring(name: &str) -> bool {
    RINGS.iter().any(|(id, _, _)| *id == name)
}

/// Those that are ours and have a loop, and mio by hand. How often others ask the kernel in vain
/// depends on how soon the client answers; what a ring finds done at once is chance; and of those
/// that block, so little is theirs that the C library's part shows.
pub(crate) fn ours() -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_chance = |id: &str| {
        matches!(id, "blocking" | "threads" | "tokio" | "smol") || has_a_ring(id)
    };
    servers().filter(move |(id, _)| !is_chance(id))
}

/// The servers of each Python.
pub(crate) fn pythons() -> impl Iterator<Item = (&'static str, &'static str)> {
    PYTHONS.into_iter()
}

/// Is such a server, until its input ends.
pub(crate) fn serve(name: &str) -> io::Result<()> {
    let serve = named(name)?;
    let control = Control::new();
    let remote = control.clone();
    let watcher = std::thread::spawn(move || {
        if let Some(address) = control.address() {
            // Where nobody reads, the input is at its end, too.
            let _ = writeln!(io::stdout(), "listening on {address}");
        }
        let _end = io::stdin().read(&mut [0]);
        control.stop();
    });
    serve((Ipv4Addr::LOCALHOST, 0).into(), remote)?;
    watcher.join().map_err(|_| io::Error::other("nobody watches its input"))
}

/// Is such a server where it is known to be, until it is killed: with no thread that says it, or
/// that listens for an end.
pub(crate) fn serve_at(name: &str, port: &str) -> io::Result<()> {
    let port: u16 = port.parse().map_err(io::Error::other)?;
    named(name)?((Ipv4Addr::LOCALHOST, port).into(), Control::new())
}

fn named(name: &str) -> io::Result<Serve> {
    let ours = STYLES.iter().map(|style| (style.name, style.echo));
    let others = RINGS.iter().chain(&OTHERS).map(|(id, _, serve)| (*id, *serve));
    let (_, serve) = ours
        .chain(others)
        .find(|(id, _)| *id == name)
        .ok_or_else(|| io::Error::other(format!("there is no server {name}")))?;
    Ok(serve)
}

/// What one request of a server takes.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Nanoseconds of a processor.
    pub(crate) processor: f64,
    /// Of these, the kernel's. It looks every few milliseconds who is at work, so this is the
    /// rougher the shorter the time. `None`: the time was too short.
    pub(crate) kernel: Option<f64>,
    pub(crate) answered: Answered,
}

/// Why it cannot be asked here, if so: each side needs a descriptor a connection.
pub(crate) fn cannot_be(plan: Plan) -> Option<String> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let most = getrlimit(Resource::Nofile).maximum?;
        let few = most < plan.connections as u64 + 100;
        few.then(|| format!("a process may have no more than {most} descriptors"))
    }
    #[cfg(not(unix))]
    {
        let _ = plan;
        None
    }
}

/// Has a server of ours asked.
pub(crate) fn measure(name: &str, plan: Plan) -> io::Result<Cost> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--serve", name]);
    of_server(command, plan)
}

/// Has one of Python's asked.
pub(crate) fn measure_python(
    python: &Python,
    name: &str,
    plan: Plan,
) -> io::Result<Cost> {
    of_server(python.server(name), plan).map_err(|error| {
        let hint = "are its packages there? `cargo xtask python-setup` brings them";
        io::Error::other(format!("{error}; {hint}"))
    })
}

fn of_server(command: Command, plan: Plan) -> io::Result<Cost> {
    let (server, line) = Process::start(command)?;
    let address = line.rsplit(' ').next().unwrap_or_default().trim();
    let address: SocketAddr = address.parse().map_err(|_| {
        io::Error::other(match line.trim() {
            "" => "its server ended before it listened",
            line => line,
        })
    })?;
    let (connections, size) = (plan.connections.to_string(), plan.size.to_string());
    let time = plan.time.as_millis().to_string();
    let mut command = Command::new(env::current_exe()?);
    command.args(["--load", &address.to_string(), &connections, &size, &time]);
    pin(server.child.id(), 0);
    let (mut load, ready) = Process::start(command)?;
    pin(load.child.id(), 1);
    is_line(&ready, "ready")?;
    let (before, shared) =
        (processor_time(server.child.id())?, ticks(server.child.id())?);
    is_line(&load.goes_on()?, "halfway")?;
    let used = processor_time(server.child.id())?.checked_sub(before);
    // Of a thread that has ended, nobody knows any more.
    let used = used.ok_or_else(|| io::Error::other("a thread of it ended meanwhile"))?;
    let kernel = ticks(server.child.id())?.since(shared).kernels();
    let answered: Answered = serde_json::from_str(&load.goes_on()?)?;
    #[expect(clippy::cast_precision_loss, reason = "a time of some digits, and a count")]
    let processor = used as f64 / answered.requests.max(1) as f64;
    let kernel = kernel.map(|share| share * processor);
    Ok(Cost { processor, kernel, answered })
}

fn is_line(line: &str, expected: &str) -> io::Result<()> {
    if line.trim() == expected {
        return Ok(());
    }
    Err(io::Error::other(format!("the load says {line:?}, and not {expected}")))
}

/// A process that is talked to by lines, and killed when it is dropped.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Process {
    /// Gives its first line, too.
    fn start(mut command: Command) -> io::Result<(Self, String)> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let said = BufReader::new(child.stdout.take().expect("it was asked for"));
        let mut process = Self { child, said };
        let line = process.line()?;
        Ok((process, line))
    }

    fn goes_on(&mut self) -> io::Result<String> {
        self.child.stdin.as_mut().expect("it was asked for").write_all(b"\n")?;
        self.line()
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Nanoseconds that the threads of a process have run so far.
fn processor_time(process: u32) -> io::Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let nanos = text.split_whitespace().next().and_then(|it| it.parse::<u64>().ok());
        sum += nanos.ok_or_else(|| io::Error::other("the kernel does not count"))?;
    }
    Ok(sum)
}

/// How often the kernel found a process at work, in the program or in the kernel.
#[derive(Clone, Copy)]
pub(crate) struct Ticks {
    program: u32,
    kernel: u32,
}

impl Ticks {
    /// With fewer, a share would be a guess.
    const ENOUGH: u32 = 6;

    /// Hundredths of a second, from the 14th and 15th words of `/proc/PID/stat`.
    pub(crate) fn of(stat: &str) -> io::Result<Self> {
        let behind_the_name = stat.rsplit(") ").next().unwrap_or_default();
        let mut words = behind_the_name.split(' ').skip(11).map(str::parse);
        let (Some(Ok(program)), Some(Ok(kernel))) = (words.next(), words.next()) else {
            return Err(io::Error::other("the kernel does not count"));
        };
        Ok(Self { program, kernel })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        let (program, kernel) =
            (self.program - before.program, self.kernel - before.kernel);
        Self { program, kernel }
    }

    /// The kernel's share.
    pub(crate) fn kernels(self) -> Option<f64> {
        let all = self.program + self.kernel;
        (all >= Self::ENOUGH).then(|| f64::from(self.kernel) / f64::from(all))
    }
}

fn ticks(process: u32) -> io::Result<Ticks> {
    Ticks::of(&fs::read_to_string(format!("/proc/{process}/stat"))?)
}

/// Keeps a process to the first or the second of the processors that this one may have, if there are two.
fn pin(process: u32, which: usize) {
    #[cfg(target_os = "linux")]
    if let Ok(ours) = rustix::thread::sched_getaffinity(None)
        && ours.count() > 1
    {
        use rustix::process::Pid;
        use rustix::thread::{CpuSet, sched_setaffinity};
        let processor = (0..CpuSet::MAX_CPU).filter(|it| ours.is_set(*it)).nth(which);
        let mut set = CpuSet::new();
        set.set(processor.expect("there are two"));
        let _it_may_be_forbidden =
            sched_setaffinity(Pid::from_raw(process.cast_signed()), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (process, which);
}
