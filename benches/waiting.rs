//! What does it cost to wait? With a thread for each, by asking everybody, with a selector:
//! the figures of the book's first two chapters.
//!
//! `cargo run -p book -- measure waiting` runs this and writes `benches/results/waiting.json`.

use std::env;
use std::hint::black_box;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use lineage::cost::Row;
use lineage::error::{Error, exit_code};
use lineage::output::Output;
use reactor::{Direction, Reactor};
use serde_json::json;
use site::Control;

#[path = "../reactor/examples/echo.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod reactor_echo;
#[path = "../stage0-waiting/examples/spinning/echo.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod spinning_echo;

/// How many sockets: the thousand of chapter 2.
const SOCKETS: usize = 1_000;

/// How many samples of what is quick, and of what takes a process of its own.
const MANY: usize = 200;
const FEW: usize = 7;

/// How long a server has nothing to do while its processor time is taken.
const SILENCE: Duration = Duration::from_millis(500);

type Samples = io::Result<Vec<f64>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let mut output = Output::stdout();
    exit_code(match arguments.as_slice() {
        [flag, server] if flag == "--silent" => {
            silent(server).map_err(Error::failure).and_then(|share| output.line(share))
        }
        _ => measure()
            .map_err(Error::failure)
            .and_then(|rows| output.json(&json!({ "rows": rows }))),
    })
}

fn measure() -> io::Result<[Row; 9]> {
    allow_enough_descriptors();
    Ok([
        Row::of(
            "thread",
            "start a thread, and wait for its end",
            "µs",
            threads_started()?,
        ),
        Row::of(
            "hand-over",
            "hand over to another thread, and back",
            "µs",
            handed_over()?,
        ),
        Row::of("thread-memory", "a parked thread", "KiB", parked("threads")?),
        Row::of("callback-memory", "a parked callback", "KiB", parked("callbacks")?),
        Row::of("ask", "ask 1,000 silent sockets, one by one", "µs", asked()?),
        Row::of("select", "ask a selector with 1,000 silent sockets", "µs", selected()?),
        Row::of("serve", "one of 1,000 speaks: select, read, wait", "µs", served()?),
        Row::of(
            "spinning",
            "a processor, for a server that spins",
            "%",
            busy("spinning")?,
        ),
        Row::of(
            "selecting",
            "a processor, for one that selects",
            "%",
            busy("selecting")?,
        ),
    ])
}

fn threads_started() -> Samples {
    sample(MANY, || {
        let began = Instant::now();
        thread::spawn(|| black_box(0)).join().expect("it does not panic");
        Ok(micros(began))
    })
}

/// A word to a thread that waits for it, and an answer: two switches, at least.
fn handed_over() -> Samples {
    let ((there, words), (answer, answers)) = (mpsc::channel(), mpsc::channel());
    let other = thread::spawn(move || {
        for word in words {
            answer.send(word).expect("somebody asked");
        }
    });
    let samples = sample(MANY, || {
        let began = Instant::now();
        there.send(0_u8).map_err(io::Error::other)?;
        answers.recv().map_err(io::Error::other)?;
        Ok(micros(began))
    });
    drop(there);
    other.join().expect("it does not panic");
    samples
}

/// What the tour says of a style's tasks, each time in a process of its own.
fn parked(style: &str) -> Samples {
    sample(FEW, || {
        let lineage = env!("CARGO_BIN_EXE_lineage");
        let said = Command::new(lineage).args(["child-park", style]).output()?.stdout;
        serde_json::from_slice(&said).map_err(io::Error::other)
    })
}

/// One round of the spinning server, when nobody speaks.
fn asked() -> Samples {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (mut clients, mut sockets) = (Vec::new(), Vec::new());
    for _ in 0..SOCKETS {
        clients.push(TcpStream::connect(address)?);
        let (socket, _) = listener.accept()?;
        socket.set_nonblocking(true)?;
        sockets.push(socket);
    }
    sample(MANY, || {
        let began = Instant::now();
        for mut socket in &sockets {
            let answer = socket.read(&mut [0; 4096]).map_err(|error| error.kind());
            assert_eq!(answer, Err(ErrorKind::WouldBlock));
        }
        Ok(micros(began))
    })
}

/// The same question, put to a selector.
fn selected() -> Samples {
    let crowd = Crowd::gather()?;
    let mut ready = Vec::new();
    sample(MANY, || {
        let began = Instant::now();
        crowd.reactor.select(Some(Duration::ZERO), &mut ready)?;
        assert!(ready.is_empty());
        Ok(micros(began))
    })
}

/// What it takes to serve the one that speaks: to sleep is not part of it.
fn served() -> Samples {
    let mut crowd = Crowd::gather()?;
    let mut ready = Vec::new();
    let mut next = (0..SOCKETS).step_by(7).cycle();
    sample(MANY, || {
        let speaker = next.next().expect("it is endless");
        crowd.clients[speaker].write_all(b"x")?;
        let began = Instant::now();
        crowd.reactor.select(None, &mut ready)?;
        for name in ready.drain(..) {
            while crowd.streams[name].read(&mut [0; 4096]).is_ok() {}
            let _ =
                crowd.reactor.wait_for(crowd.streams[name].key(), Direction::Read, name);
        }
        Ok(micros(began))
    })
}

/// A reactor with many sockets, all of them silent and waited for, and their other ends.
struct Crowd {
    streams: Vec<reactor::TcpStream<usize>>,
    clients: Vec<TcpStream>,
    reactor: Reactor<usize>,
}

impl Crowd {
    fn gather() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        let listener = reactor.listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr()?;
        let (mut streams, mut clients) = (Vec::new(), Vec::new());
        for name in 0..SOCKETS {
            clients.push(TcpStream::connect(address)?);
            let stream = accepted(&reactor, &listener)?;
            let nothing = stream.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(nothing, Err(ErrorKind::WouldBlock));
            let _ = reactor.wait_for(stream.key(), Direction::Read, name);
            streams.push(stream);
        }
        // A new socket can be written to: an event for each, and nobody waits for it.
        reactor.select(Some(Duration::ZERO), &mut Vec::new())?;
        Ok(Self { streams, clients, reactor })
    }
}

/// Whoever has connected knows of it a moment before the listener does; and that nobody was there is
/// remembered until a `select` says otherwise.
fn accepted(
    reactor: &Reactor<usize>,
    listener: &reactor::TcpListener<usize>,
) -> io::Result<reactor::TcpStream<usize>> {
    loop {
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = reactor.wait_for(listener.key(), Direction::Read, SOCKETS);
                reactor.select(None, &mut Vec::new())?;
            }
            accepted => return accepted,
        }
    }
}

/// How much of a processor a server asks for while three clients are there and say nothing.
fn busy(server: &str) -> Samples {
    sample(FEW, || {
        let said =
            Command::new(env::current_exe()?).args(["--silent", server]).output()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let share = said.lines().last().and_then(|line| line.parse().ok());
        share.ok_or_else(|| io::Error::other(said))
    })
}

/// How much of a processor such a server takes, in percent: in a process of its own, since the
/// spinning one has something to say at its end.
fn silent(server: &str) -> io::Result<f64> {
    let serve = match server {
        "spinning" => spinning_echo::serve,
        _ => reactor_echo::serve,
    };
    let control = Control::new();
    let remote = control.clone();
    let server = thread::spawn(move || {
        serve((Ipv4Addr::LOCALHOST, 0).into(), remote).expect("it serves");
        processor_time()
    });
    let address = control.address().ok_or(ErrorKind::NotConnected)?;
    let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(address)).collect();
    thread::sleep(SILENCE);
    control.stop();
    let took = server.join().expect("it does not panic")?;
    drop(clients);
    Ok(took.as_secs_f64() / SILENCE.as_secs_f64() * 100.0)
}

/// How long this thread has had a processor, or has been in the queue for one, as Linux
/// counts it: whatever else the machine does meanwhile.
fn processor_time() -> io::Result<Duration> {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let times = counted.split_whitespace().take(2).map(str::parse::<u64>);
    let times = times.sum::<Result<u64, _>>().map_err(io::Error::other)?;
    Ok(Duration::from_nanos(times))
}

fn sample(count: usize, mut one: impl FnMut() -> io::Result<f64>) -> Samples {
    (0..count).map(|_| one()).collect()
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

/// Two ends for each socket: more than many systems allow a process by default.
fn allow_enough_descriptors() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
