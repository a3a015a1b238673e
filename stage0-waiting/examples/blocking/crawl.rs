//! A crawler, one page after the other: `cargo run --example stage0-blocking-crawl`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use site::{Frontier, Job, Outcome, Page, Report};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, one at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    Ok(crawl_levels(&job))
}

fn crawl_levels(job: &Job) -> Report {
    let frontier = Frontier::new(job);
    while frontier.next_level().is_some() {
        work(job, &frontier);
    }
    frontier.report()
}

/// Takes page after page of a level, until none is left.
fn work(job: &Job, frontier: &Frontier) {
    while let Some(path) = frontier.next_path() {
        let page = visit(job, &path);
        frontier.record(path, page);
    }
}

fn visit(job: &Job, path: &str) -> Result<Page, Outcome> {
    let deadline = Instant::now().checked_add(job.timeout);
    fetch(job, path, deadline)
}

fn fetch(job: &Job, path: &str, deadline: Option<Instant>) -> Result<Page, Outcome> {
    let mut stream = connect(&job.target.addresses, deadline)?;
    let mut request = &*job.request(path);
    while !request.is_empty() {
        set_timeout(&stream, deadline)?;
        let n = stream.write(request).map_err(or_timed_out)?;
        request = &request[n..];
    }
    let mut parser = job.parser();
    let mut buffer = [0; 4096];
    loop {
        set_timeout(&stream, deadline)?;
        let n = stream.read(&mut buffer).map_err(or_timed_out)?;
        if let Some(page) = parser.receive(&buffer[..n])? {
            return Ok(page);
        }
    }
}

/// Tries every address in turn.
fn connect(
    addresses: &[SocketAddr],
    deadline: Option<Instant>,
) -> Result<TcpStream, Outcome> {
    let mut failure = Outcome::Failed;
    for address in addresses {
        let connected = match deadline {
            Some(_) => TcpStream::connect_timeout(address, left(deadline)?),
            None => TcpStream::connect(address),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = or_timed_out(error),
        }
    }
    Err(failure)
}

/// A blocking call cannot be told to stop. So each is told beforehand how long it may take.
fn set_timeout(stream: &TcpStream, deadline: Option<Instant>) -> Result<(), Outcome> {
    if deadline.is_some() {
        let left = left(deadline)?;
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))?;
    }
    Ok(())
}

fn left(deadline: Option<Instant>) -> Result<Duration, Outcome> {
    let left =
        deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    left.filter(|left| !left.is_zero()).ok_or(Outcome::TimedOut)
}

/// On Unix, a call whose time is up says that it would block.
fn or_timed_out(error: io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::WouldBlock => Outcome::TimedOut,
        _ => error.into(),
    }
}
