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

use crate::load::{Answered, Plan};
use crate::python::Python;
use crate::{mio_echo, reactor_echo, smol_echo, tokio_echo};

/// Peers, and the reactor without any stage.
const OTHERS: [(&str, &str, Serve); 4] = [
    ("reactor", "the reactor alone", reactor_echo::serve),
    ("mio", "mio by hand", mio_echo::serve),
    ("tokio", "tokio, current thread", tokio_echo::serve),
    ("smol", "smol, LocalExecutor", smol_echo::serve),
];

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
    styles.chain(OTHERS.iter().map(|(id, label, _)| (*id, *label)))
}

/// Those that are ours, and mio by hand. How often others ask the kernel in vain depends on how
/// soon the client answers.
pub(crate) fn ours() -> impl Iterator<Item = (&'static str, &'static str)> {
    servers().filter(|(id, _)| !matches!(*id, "tokio" | "smol"))
}

/// The servers of each Python.
pub(crate) fn pythons() -> impl Iterator<Item = (&'static str, &'static str)> {
    PYTHONS.into_iter()
}

/// Is such a server, until its input ends.
pub(crate) fn serve(name: &str) -> io::Result<()> {
    let ours = STYLES.iter().map(|style| (style.name, style.echo));
    let others = OTHERS.iter().map(|(id, _, serve)| (*id, *serve));
    let (_, serve) = ours
        .chain(others)
        .find(|(id, _)| *id == name)
        .ok_or_else(|| io::Error::other(format!("there is no server {name}")))?;
    let control = Control::new();
    let remote = control.clone();
    let watcher = std::thread::spawn(move || {
        if let Some(address) = control.address() {
            writeln!(io::stdout(), "listening on {address}").expect("somebody reads");
        }
        let _end = io::stdin().read(&mut [0]);
        control.stop();
    });
    serve((Ipv4Addr::LOCALHOST, 0).into(), remote)?;
    watcher.join().map_err(|_| io::Error::other("nobody has read the address"))
}

/// What one request of a server takes.
#[derive(Debug)]
pub(crate) struct Cost {
    /// Nanoseconds of a processor.
    pub(crate) processor: f64,
    pub(crate) answered: Answered,
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
    of_server(python.server(name), plan)
}

fn of_server(command: Command, plan: Plan) -> io::Result<Cost> {
    let (server, line) = Process::start(command)?;
    let address = line.rsplit(' ').next().unwrap_or_default().trim();
    let address: SocketAddr =
        address.parse().map_err(|_| io::Error::other(line.clone()))?;
    let (connections, size) = (plan.connections.to_string(), plan.size.to_string());
    let time = plan.time.as_millis().to_string();
    let mut command = Command::new(env::current_exe()?);
    command.args(["--load", &address.to_string(), &connections, &size, &time]);
    pin(server.child.id(), 0);
    let (mut load, ready) = Process::start(command)?;
    pin(load.child.id(), 1);
    is_line(&ready, "ready")?;
    let before = processor_time(server.child.id())?;
    is_line(&load.goes_on()?, "halfway")?;
    let used = processor_time(server.child.id())? - before;
    let answered: Answered = serde_json::from_str(&load.goes_on()?)?;
    #[expect(clippy::cast_precision_loss, reason = "a time of some digits, and a count")]
    let processor = used as f64 / answered.requests.max(1) as f64;
    Ok(Cost { processor, answered })
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

/// Keeps a process to one processor, if there are two.
fn pin(process: u32, processor: usize) {
    #[cfg(target_os = "linux")]
    if std::thread::available_parallelism().is_ok_and(|it| it.get() > 1) {
        use rustix::process::Pid;
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        set.set(processor);
        let _it_may_be_forbidden =
            sched_setaffinity(Pid::from_raw(process.cast_signed()), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (process, processor);
}
