//! What does it take to wait? A parked task, an idle connection and a pending timer, in each style,
//! in memory that is really in use, each time in a process of its own.
//!
//! The verdict asks the same. `cargo run -p book -- measure memory` runs this alone, and writes
//! `benches/results/memory.json`.

use std::env;
use std::future::{Future, pending, poll_fn};
use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::pin::Pin;
use std::process::{self, Child, ChildStdout, Command, ExitCode, Stdio};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use lineage::cost::Row;
use lineage::error::{Error, exit_code};
use lineage::memory;
use lineage::output::Output;
use lineage::styles::{STYLES, Style};
use serde_json::json;
use site::Control;

#[path = "peers/tokio_echo.rs"]
#[allow(dead_code, reason = "the other benches have it serve with a larger buffer")]
pub(crate) mod tokio_echo;

use tasks::{a_little, a_page, asleep};
use timers::timer;

/// How many processes of each.
const SAMPLES: usize = 5;

/// How many connections, and how many before these: the first ones make tables grow.
const CONNECTIONS: u16 = 500;
const BEFORE: u16 = 100;

/// How many timers, and tasks that hold something; of what is large, fewer.
const MANY: u16 = 50_000;
const FEWER: u16 = 10_000;

/// As much as a connection of an echo in style async/await holds.
const PAGE: usize = 4_096;

const AN_HOUR: Duration = Duration::from_hours(1);

const LINEAGE: &str = env!("CARGO_BIN_EXE_lineage");

/// What keeps something in a process of its own: how its row ends, words, and what does it.
type Keep = (&'static str, &'static str, fn() -> io::Result<()>);

/// The same on each of the loops.
macro_rules! on_each {
    ($keep:ident) => {
        &[
            ("async-await", "async/await", $keep::<loops::AsyncAwait>),
            ("asyncio", "asyncio", $keep::<loops::Asyncio>),
            ("uvloop", "uvloop", $keep::<loops::Uvloop>),
            ("light", "light tasks", $keep::<loops::Light>),
            ("tokio", "tokio", $keep::<loops::Tokio>),
        ]
    };
}

/// Timers that nobody has a task for, and tasks of which nothing but the words is known.
const KEPT: [(&str, &str, &[Keep]); 5] = [
    (
        "timer",
        "a timer",
        &[
            ("reactor", "the reactor alone", timers::reactor),
            ("callbacks", "callbacks", timers::callbacks),
        ],
    ),
    ("timer", "a timer", on_each!(timer)),
    ("holding", "a task that holds 64 bytes", on_each!(a_little)),
    ("sleeping", "a task that holds 64 bytes and sleeps", on_each!(asleep)),
    ("holding4k", "a task that holds 4 KiB", on_each!(a_page)),
];

/// A server of tokio's, as `--keep` knows it.
const TOKIO: &str = "connection-tokio";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    exit_code(match arguments.as_slice() {
        [flag, name, ..] if flag == "--keep" => keep(name).map_err(Error::failure),
        _ => rows()
            .map_err(Error::failure)
            .and_then(|rows| Output::stdout().json(&json!({ "rows": rows }))),
    })
}

fn rows() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for what in everything() {
        let samples = (0..SAMPLES).map(|_| what.measure()).collect::<io::Result<_>>()?;
        rows.push(Row::of(&what.id, &what.label, what.unit, samples));
    }
    Ok(rows)
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
        Kept::new(id, label, "KiB", || idle(of_style(style)))
    });
    let tokios = "tokio, an idle connection with a buffer of 4 KiB".to_owned();
    let tokios = Kept::new(TOKIO.to_owned(), tokios, "KiB", || idle(this(TOKIO)?));
    let kept = kept().map(|(id, label, _)| {
        let name = id.clone();
        Kept::new(id, label, "bytes", move || answer(&mut this(&name)?))
    });
    tasks.chain(connections).chain([tokios]).chain(kept).collect()
}

/// What is kept in a process of its own: an id, words, and what does it.
fn kept() -> impl Iterator<Item = (String, String, fn() -> io::Result<()>)> {
    KEPT.into_iter().flat_map(|(what, words, keeps)| {
        keeps.iter().map(move |&(on, name, keep)| {
            (format!("{what}-{on}"), format!("{name}, {words}"), keep)
        })
    })
}

/// What the tour says of a style's tasks.
fn parked(style: &Style) -> io::Result<f64> {
    answer(Command::new(LINEAGE).args(["child-park", style.name]))
}

/// This program, asked to keep something.
fn this(name: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["--keep", name]);
    Ok(command)
}

fn answer(command: &mut Command) -> io::Result<f64> {
    serde_json::from_slice(&command.output()?.stdout).map_err(io::Error::other)
}

fn of_style(style: &Style) -> Command {
    let mut command = Command::new(LINEAGE);
    command.args(["run", "echo", "--style", style.name]);
    command
}

/// What an echo server has more in use when more clients are there and say nothing.
fn idle(server: Command) -> io::Result<f64> {
    let server = Server::start(server)?;
    let _first = server.connect(BEFORE)?;
    let before = server.memory()?;
    let _more = server.connect(CONNECTIONS)?;
    Ok((server.memory()? - before).max(0.0) / f64::from(CONNECTIONS))
}

/// Keeps many of these, says how many bytes each takes, and ends. Or serves, until it is killed.
pub(crate) fn keep(name: &str) -> io::Result<()> {
    if name == TOKIO {
        return serve();
    }
    let found = kept().find(|(id, ..)| id == name);
    let (_, _, keep) =
        found.ok_or_else(|| io::Error::other(format!("there is no {name}")))?;
    keep()
}

fn serve() -> io::Result<()> {
    let control = Control::new();
    let remote = control.clone();
    thread::spawn(move || {
        let address = control.address().expect("it listens");
        say(format_args!("listening on {address}"));
    });
    tokio_echo::serve_with::<PAGE>((Ipv4Addr::LOCALHOST, 0).into(), remote)
}

/// Says it to whoever has started this process, if they still want to hear it.
fn say(line: impl std::fmt::Display) {
    let _nobody_may_listen = writeln!(io::stdout(), "{line}");
}

/// Looks at the memory, has `keep` take some, says what each took, and ends this process.
fn tell<T>(keep: impl FnOnce() -> T) -> ! {
    let before = in_use();
    let kept = keep();
    end(before, &kept, MANY)
}

/// Says what each of so many took since then, while they are kept, and ends this process.
fn end<T>(before: f64, kept: &T, many: u16) -> ! {
    say((in_use() - before).max(0.0) * 1024.0 / f64::from(many));
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

    use super::loops::Loop;
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

    /// Of sleeps that one task has.
    pub(super) fn timer<L: Loop>() -> io::Result<()> {
        L::run(async { tell_later(all_wait(L::sleep)) })
    }

    /// What is kept here is made by waiting.
    fn tell_later<T>(keep: impl Future<Output = T>) -> ! {
        let mut keep = Box::pin(keep);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        tell(move || keep.as_mut().poll(&mut context))
    }
}

mod tasks {
    use std::cell::Cell;

    use smol::future::yield_now;

    use super::loops::Loop;
    use super::{FEWER, MANY, PAGE, black_box, end, in_use, io, pending};

    thread_local! {
        /// How many have begun, and wait.
        static PARKED: Cell<u16> = const { Cell::new(0) };
    }

    pub(super) fn a_little<L: Loop>() -> io::Result<()> {
        L::run(tell_of_tasks(|| L::spawn(hold::<64, _>(pending)), MANY))
    }

    pub(super) fn asleep<L: Loop>() -> io::Result<()> {
        L::run(tell_of_tasks(|| L::spawn(hold::<64, _>(L::sleep)), MANY))
    }

    pub(super) fn a_page<L: Loop>() -> io::Result<()> {
        L::run(tell_of_tasks(|| L::spawn(hold::<PAGE, _>(pending)), FEWER))
    }

    /// Has so many bytes while it waits. What it waits for is made here: what is handed over as
    /// an argument stands in a future twice.
    async fn hold<const BYTES: usize, W: Future<Output = ()>>(wait: impl FnOnce() -> W) {
        let bytes = black_box([1_u8; BYTES]);
        PARKED.set(PARKED.get() + 1);
        wait().await;
        black_box(bytes);
    }

    /// Spawns them, and looks at the memory when each has had its turn: one that has not begun may
    /// take more or less than one that waits.
    async fn tell_of_tasks<T>(spawn: impl Fn() -> T, many: u16) {
        let before = in_use();
        let tasks: Vec<_> = (0..many).map(|_| spawn()).collect();
        while PARKED.get() < many {
            yield_now().await;
        }
        end(before, &tasks, many)
    }
}

/// What something can be kept on.
mod loops {
    use stage5_asyncio::events::with_loop_factory;

    use super::{AN_HOUR, io};

    /// A loop of futures.
    pub(super) trait Loop: 'static {
        fn run(main: impl Future<Output = ()> + 'static) -> io::Result<()>;
        fn spawn(task: impl Future<Output = ()> + 'static) -> impl Sized;
        /// For an hour.
        fn sleep() -> impl Future<Output = ()>;
    }

    macro_rules! loops {
        ($($name:ident $run:path, $spawn:path, $sleep:path;)*) => { $(
            pub(super) struct $name;

            impl Loop for $name {
                fn run(main: impl Future<Output = ()> + 'static) -> io::Result<()> {
                    $run(main)
                }

                fn spawn(task: impl Future<Output = ()> + 'static) -> impl Sized {
                    $spawn(task)
                }

                fn sleep() -> impl Future<Output = ()> {
                    $sleep(AN_HOUR)
                }
            }
        )* };
    }

    loops! {
        AsyncAwait stage4_async_await::run, stage4_async_await::spawn, stage4_async_await::time::sleep;
        Asyncio stage5_asyncio::run, stage5_asyncio::create_task, stage5_asyncio::time::sleep;
        Uvloop on_a_fast_loop, stage5_asyncio::create_task, stage5_asyncio::time::sleep;
        Light stage6_uvloop::light::run, stage6_uvloop::light::spawn, stage6_uvloop::light::sleep;
        Tokio on_a_local_set, tokio::task::spawn_local, tokio::time::sleep;
    }

    fn on_a_fast_loop(main: impl Future<Output = ()> + 'static) -> io::Result<()> {
        with_loop_factory(stage6_uvloop::open, || stage5_asyncio::run(main))
    }

    fn on_a_local_set(main: impl Future<Output = ()> + 'static) -> io::Result<()> {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, main);
        Ok(())
    }
}

/// An echo server, killed when this is dropped.
struct Server {
    child: Child,
    /// Kept open: who says something that nobody can read ends.
    _said: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(mut server: Command) -> io::Result<Self> {
        let mut child = server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
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
