//! What does it take to wait? A parked task, an idle connection and a pending timer, in each style,
//! in memory that is really in use, each time in a process of its own.
//!
//! The verdict asks the same. `cargo run -p book -- measure memory` runs this alone, and writes
//! `benches/results/memory.json`.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::env;
use std::future::{Future, pending, poll_fn};
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::task::Poll;
use std::time::Duration;

use lineage::cost::Row;
use lineage::memory;
use lineage::styles::{STYLES, Style};
use serde_json::json;

/// How many processes of each.
const SAMPLES: usize = 5;

/// How many connections, and how many before these: the first ones make tables grow.
const CONNECTIONS: u16 = 500;
const BEFORE: u16 = 100;

/// How many timers, and tasks that hold something.
const MANY: u16 = 50_000;

const AN_HOUR: Duration = Duration::from_hours(1);

const LINEAGE: &str = env!("CARGO_BIN_EXE_lineage");

/// What keeps something in a process of its own: a name, words, and what does it.
type Keep = (&'static str, &'static str, fn() -> io::Result<()>);

/// Timers that nobody has a task for, and tasks that wait for nothing and hold 64 bytes.
const KEPT: [Keep; 10] = [
    ("timer-reactor", "the reactor alone, a timer", timers::reactor),
    ("timer-callbacks", "callbacks, a timer", timers::callbacks),
    ("timer-async-await", "async/await, a timer", timers::async_await),
    ("timer-asyncio", "asyncio, a timer", timers::asyncio),
    ("timer-tokio", "tokio, a timer", timers::tokio),
    (
        "holding-async-await",
        "async/await, a task that holds 64 bytes",
        holding::async_await,
    ),
    ("holding-asyncio", "asyncio, a task that holds 64 bytes", holding::asyncio),
    ("holding-uvloop", "uvloop, a task that holds 64 bytes", holding::uvloop),
    ("holding-light", "uvloop, a light task that holds 64 bytes", holding::light),
    ("holding-tokio", "tokio, a task that holds 64 bytes", holding::tokio),
];

fn main() -> io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [flag, name, ..] = arguments.as_slice()
        && flag == "--keep"
    {
        return keep(name);
    }
    let mut rows = Vec::new();
    for what in everything() {
        let samples = (0..SAMPLES).map(|_| what.measure()).collect::<io::Result<_>>()?;
        rows.push(Row::of(&what.id, &what.label, what.unit, samples));
    }
    println!("{}", json!({ "rows": rows }));
    Ok(())
}

/// Something that is kept while somebody waits.
pub(crate) struct Kept {
    pub(crate) id: String,
    pub(crate) label: String,
    pub(crate) unit: &'static str,
    measure: Box<dyn Fn() -> io::Result<f64>>,
}

impl Kept {
    fn new(
        id: String,
        label: String,
        unit: &'static str,
        measure: impl Fn() -> io::Result<f64> + 'static,
    ) -> Self {
        Self { id, label, unit, measure: Box::new(measure) }
    }

    /// What one takes.
    pub(crate) fn measure(&self) -> io::Result<f64> {
        (self.measure)()
    }
}

/// All there is to measure.
pub(crate) fn everything() -> Vec<Kept> {
    let styles = || STYLES.iter().filter(|style| style.is_concurrent());
    let tasks = styles().map(|style| {
        let (id, label) =
            (format!("task-{}", style.name), format!("{}, a parked task", style.name));
        Kept::new(id, label, "KiB", || parked(style))
    });
    let connections = styles().map(|style| {
        let id = format!("connection-{}", style.name);
        let label = format!("{}, an idle connection", style.name);
        Kept::new(id, label, "KiB", || idle(style))
    });
    let kept = KEPT.iter().map(|(id, label, _)| {
        Kept::new((*id).to_owned(), (*label).to_owned(), "bytes", || kept(id))
    });
    tasks.chain(connections).chain(kept).collect()
}

/// What the tour says of a style's tasks.
fn parked(style: &Style) -> io::Result<f64> {
    answer(Command::new(LINEAGE).args(["child-park", style.name]))
}

/// What this program says, in another process.
fn kept(name: &str) -> io::Result<f64> {
    answer(Command::new(env::current_exe()?).args(["--keep", name]))
}

fn answer(command: &mut Command) -> io::Result<f64> {
    serde_json::from_slice(&command.output()?.stdout).map_err(io::Error::other)
}

/// What an echo server has more in use when more clients are there and say nothing.
fn idle(style: &Style) -> io::Result<f64> {
    let server = Server::start(style)?;
    let _first = server.connect(BEFORE)?;
    let before = server.memory()?;
    let _more = server.connect(CONNECTIONS)?;
    Ok((server.memory()? - before).max(0.0) / f64::from(CONNECTIONS))
}

/// Keeps many of these, says how many bytes each takes, and ends.
pub(crate) fn keep(name: &str) -> io::Result<()> {
    let found = KEPT.iter().find(|(id, ..)| *id == name);
    let (_, _, keep) =
        found.ok_or_else(|| io::Error::other(format!("there is no {name}")))?;
    keep()
}

/// Looks at the memory, has `keep` take some, says what each took, and ends this process.
fn tell<T>(keep: impl FnOnce() -> T) -> ! {
    let before = in_use();
    let kept = keep();
    end(before, &kept)
}

/// Says what each took since then, while they are kept, and ends this process.
fn end<T>(before: f64, kept: &T) -> ! {
    println!("{}", (in_use() - before).max(0.0) * 1024.0 / f64::from(MANY));
    black_box(kept);
    process::exit(0);
}

fn in_use() -> f64 {
    memory::in_use("self").expect("there is a /proc")
}

/// Polls each once, so that it waits.
async fn all_wait<F: Future<Output = ()> + 'static>(
    make: impl Fn() -> F,
) -> Vec<Pin<Box<F>>> {
    let mut waiting: Vec<_> = (0..MANY).map(|_| Box::pin(make())).collect();
    poll_fn(|context| {
        let is_pending = |it: &mut Pin<Box<F>>| it.as_mut().poll(context).is_pending();
        assert!(waiting.iter_mut().all(is_pending));
        Poll::Ready(())
    })
    .await;
    waiting
}

mod timers {
    use std::time::Instant;

    use super::{AN_HOUR, MANY, all_wait, io, tell};

    pub(super) fn reactor() -> io::Result<()> {
        let reactor = reactor::Reactor::new()?;
        let deadline = Instant::now() + AN_HOUR;
        tell(|| {
            (0..MANY).for_each(|n| {
                reactor.wait_until(deadline, n);
            });
        })
    }

    pub(super) fn callbacks() -> io::Result<()> {
        use stage1_callbacks::{call_later, run};
        let set = |_| drop(call_later(AN_HOUR, || {}));
        run(move || tell(|| (0..MANY).for_each(set)))
    }

    pub(super) fn async_await() -> io::Result<()> {
        use stage4_async_await::{run, time::sleep};
        run(async { tell_later(all_wait(|| sleep(AN_HOUR))) })
    }

    pub(super) fn asyncio() -> io::Result<()> {
        use stage5_asyncio::{run, time::sleep};
        run(async { tell_later(all_wait(|| sleep(AN_HOUR))) })
    }

    pub(super) fn tokio() -> io::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build()?;
        runtime.block_on(async { tell_later(all_wait(|| tokio::time::sleep(AN_HOUR))) })
    }

    /// What is kept here is made by waiting.
    fn tell_later<T>(keep: impl Future<Output = T>) -> ! {
        let mut keep = Box::pin(keep);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        tell(move || keep.as_mut().poll(&mut context))
    }
}

mod holding {
    use std::cell::Cell;

    use smol::future::yield_now;
    use stage5_asyncio::events::with_loop_factory;

    use super::{MANY, black_box, end, in_use, io, pending};

    thread_local! {
        /// How many have begun, and wait.
        static PARKED: Cell<u16> = const { Cell::new(0) };
    }

    async fn hold() {
        let bytes = black_box([1_u8; 64]);
        PARKED.set(PARKED.get() + 1);
        pending::<()>().await;
        black_box(bytes);
    }

    /// Spawns them, and looks at the memory when each has had its turn: one that has not begun may
    /// take more or less than one that waits.
    async fn tell_of_tasks<T>(spawn: impl Fn() -> T) {
        let before = in_use();
        let tasks: Vec<_> = (0..MANY).map(|_| spawn()).collect();
        while PARKED.get() < MANY {
            yield_now().await;
        }
        end(before, &tasks)
    }

    pub(super) fn async_await() -> io::Result<()> {
        use stage4_async_await::{run, spawn};
        run(tell_of_tasks(|| spawn(hold())))
    }

    pub(super) fn asyncio() -> io::Result<()> {
        use stage5_asyncio::{create_task, run};
        run(tell_of_tasks(|| create_task(hold())))
    }

    pub(super) fn uvloop() -> io::Result<()> {
        with_loop_factory(stage6_uvloop::open, asyncio)
    }

    pub(super) fn light() -> io::Result<()> {
        use stage6_uvloop::light::{run, spawn};
        run(tell_of_tasks(|| spawn(hold())))
    }

    pub(super) fn tokio() -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let spawn = || tokio::task::spawn_local(hold());
        tokio::task::LocalSet::new().block_on(&runtime, tell_of_tasks(spawn));
        Ok(())
    }
}

/// `lineage run echo`, killed when this is dropped.
struct Server {
    child: Child,
    /// Kept open: who says something that nobody can read ends.
    _said: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(style: &Style) -> io::Result<Self> {
        let mut child = Command::new(LINEAGE)
            .args(["run", "echo", "--style", style.name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let said = child.stdout.take().expect("it was asked for");
        let mut said = BufReader::new(said);
        said.read_line(&mut line)?;
        let address = line.strip_prefix("listening on ").unwrap_or_default();
        let address = address.split(',').next().unwrap_or_default().trim().to_owned();
        Ok(Self { child, _said: said, address })
    }

    /// Clients of which each has been served once, so that somebody waits for it.
    fn connect(&self, clients: u16) -> io::Result<Vec<TcpStream>> {
        let connect = |_| {
            let mut client = TcpStream::connect(&self.address)?;
            client.write_all(b"x")?;
            client.read_exact(&mut [0])?;
            Ok(client)
        };
        (0..clients).map(connect).collect()
    }

    fn memory(&self) -> io::Result<f64> {
        memory::in_use(&self.child.id().to_string()).map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
