//! The load: a process of its own, that asks a server for echoes and takes the time.
//!
//! First as fast as they come back, which gives the rate. Then by a clock, at half that rate,
//! whether the server keeps up or not; and the time of an answer is counted from when its
//! question was due. So a server that stands still is charged for everybody who waits
//! meanwhile, and not only for the one whose question it held up.
//!
//! It never sleeps where it has a processor to itself. Whoever answers a client that sleeps has to wake it,
//! which is asked of no server whose clients are elsewhere; and a slow server would have to do so more often
//! than a fast one, which finds it busy (ADR 59).

use std::collections::VecDeque;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};

/// What is to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) connections: usize,
    /// Bytes of a message.
    pub(crate) size: usize,
    /// How long each of the two parts takes.
    pub(crate) time: Duration,
}

/// What came out.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// How many requests in the first part, and how many a second.
    pub(crate) requests: u64,
    pub(crate) rate: f64,
    /// Microseconds, at half that rate.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// `None`: of fewer than a thousand answers there is none.
    pub(crate) p999: Option<f64>,
}

/// Connects, says so, and begins when it is told to by a line on its input. Says when the first
/// part is over, and goes on when it is told to.
pub(crate) fn run(address: SocketAddr, plan: Plan) -> io::Result<()> {
    let mut load = Load::connect(address, plan)?;
    load.flood(plan.time / 4, plan)?; // warms up, each connection once at the least
    wait("ready")?;
    let (requests, rate) = load.flood(plan.time, plan)?;
    wait("halfway")?;
    let delays = load.by_the_clock(rate / 2.0, plan)?;
    say(&serde_json::to_string(&Answered::of(requests, rate, delays))?)
}

impl Answered {
    pub(crate) fn of(requests: u64, rate: f64, mut delays: Vec<Duration>) -> Self {
        delays.sort_unstable();
        let at = |share: usize| {
            let index =
                (delays.len() * share / 1_000).min(delays.len().saturating_sub(1));
            delays.get(index).map_or(f64::NAN, |it| it.as_secs_f64() * 1e6)
        };
        let (p50, p99) = (at(500), at(990));
        let p999 = (delays.len() >= 1_000).then(|| at(999));
        Self { requests, rate, p50, p99, p999 }
    }
}

fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")?;
    io::stdout().flush()
}

fn wait(line: &str) -> io::Result<()> {
    say(line)?;
    io::stdin().lock().read_line(&mut String::new()).map(drop)
}

/// So many connections are within every server's backlog. Beyond it the kernel drops what comes, and
/// whoever connects tries again a second later.
pub(crate) const AT_A_TIME: usize = 64;

/// Asks and hears: then those that came before are accepted, too.
fn ask_once(mut stream: &std::net::TcpStream, plan: Plan) -> io::Result<()> {
    let mut message = vec![b'e'; plan.size];
    stream.write_all(&message)?;
    stream.read_exact(&mut message)
}

/// Connections to one server.
pub(crate) struct Load {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// Those that have nothing to wait for.
    idle: VecDeque<usize>,
    /// How long it sleeps at the most, if nothing has come.
    nap: Duration,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// Bytes of the question that are not written, and of the answer that are not read.
    unwritten: usize,
    unread: usize,
    /// When the question was due.
    due: Instant,
}

impl Load {
    /// When this is back, the server may still have to accept some of them.
    pub(crate) fn connect(address: SocketAddr, plan: Plan) -> io::Result<Self> {
        // One leaves before the others come: there is no server to whom that does not happen, and
        // asyncio's is three times as dear as long as it has not (ADR 59).
        drop(std::net::TcpStream::connect(address)?);
        let poll = Poll::new()?;
        let mut clients = Vec::new();
        for n in 0..plan.connections {
            let stream = std::net::TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            if n % AT_A_TIME == AT_A_TIME - 1 {
                ask_once(&stream, plan)?;
            }
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let both = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(n), both)?;
            clients.push(Client { stream, unwritten: 0, unread: 0, due: Instant::now() });
        }
        let (idle, events) =
            ((0..plan.connections).collect(), Events::with_capacity(1_024));
        let (message, buffer) = (vec![b'e'; plan.size], vec![0; 16 * 1_024]);
        let is_alone = available_parallelism().is_ok_and(|it| it.get() > 1);
        let nap = if is_alone { Duration::ZERO } else { Duration::from_millis(1) };
        Ok(Self { poll, events, clients, idle, nap, message, buffer })
    }

    /// Every connection asks again as soon as it has its answer, and asks once in any case. What is
    /// under way when the time is up is waited for, and counts: the server works on it, too.
    pub(crate) fn flood(&mut self, time: Duration, plan: Plan) -> io::Result<(u64, f64)> {
        let began = Instant::now();
        let mut requests = 0;
        loop {
            while let Some(n) = self.idle.pop_front() {
                self.ask(n, began, plan)?;
            }
            requests += self.answers(self.nap, |_| {})?;
            if began.elapsed() >= time {
                break;
            }
        }
        while self.idle.len() < self.clients.len() {
            requests += self.answers(self.nap, |_| {})?;
        }
        Ok((requests, as_float(requests) / began.elapsed().as_secs_f64()))
    }

    /// Questions are due one after the other, whatever becomes of them. All that are due before the time
    /// is up are asked, also those for which nobody was free by then: who stands still at the end is
    /// charged for it, too. Gives how long each took to be answered, from when it was due.
    pub(crate) fn by_the_clock(
        &mut self,
        rate: f64,
        plan: Plan,
    ) -> io::Result<Vec<Duration>> {
        let began = Instant::now();
        let end = began + plan.time;
        let (mut asked, mut delays) = (0_u64, Vec::new());
        let due = |n: u64| began + Duration::from_secs_f64(as_float(n) / rate);
        while due(asked) <= end || self.idle.len() < self.clients.len() {
            let now = Instant::now().min(end);
            while due(asked) <= now {
                // Who is late because all are busy keeps the time at which it was due.
                let Some(n) = self.idle.pop_front() else { break };
                self.ask(n, due(asked), plan)?;
                asked += 1;
            }
            self.answers(Duration::ZERO, |due| delays.push(due.elapsed()))?;
        }
        Ok(delays)
    }

    fn ask(&mut self, n: usize, due: Instant, plan: Plan) -> io::Result<()> {
        let client = &mut self.clients[n];
        (client.unwritten, client.unread, client.due) = (plan.size, plan.size, due);
        client.write(&self.message)
    }

    /// Takes what has come back; tells `done` when each of it was due.
    fn answers(
        &mut self,
        nap: Duration,
        mut done: impl FnMut(Instant),
    ) -> io::Result<u64> {
        self.poll.poll(&mut self.events, Some(nap))?;
        let mut answered = 0;
        for event in &self.events {
            let Token(n) = event.token();
            let client = &mut self.clients[n];
            client.write(&self.message)?;
            if client.unread > 0 && client.read(&mut self.buffer)? {
                done(client.due);
                self.idle.push_back(n);
                answered += 1;
            }
        }
        Ok(answered)
    }
}

impl Client {
    fn write(&mut self, message: &[u8]) -> io::Result<()> {
        while self.unwritten > 0 {
            match self.stream.write(&message[message.len() - self.unwritten..]) {
                Ok(n) => self.unwritten -= n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the answer is whole.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<bool> {
        while self.unread > 0 {
            match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.unread -= n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of some digits")]
fn as_float(n: u64) -> f64 {
    n as f64
}
