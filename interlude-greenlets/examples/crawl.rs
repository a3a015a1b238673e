//! A crawler: `cargo run --example interlude-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use interlude_greenlets::net::TcpStream;
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::time::{Elapsed, timeout};
use interlude_greenlets::{run, spawn};
use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Report};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    run(|| crawl_levels(Rc::new(job)))
}

fn crawl_levels(job: Rc<Job>) -> Report {
    let slots = Rc::new(Semaphore::new(job.concurrency));
    let mut frontier = Frontier::new(&job);
    while let Some(level) = frontier.next_level() {
        let visits: Vec<_> = level
            .into_iter()
            .map(|path| {
                let (job, slots, visited) =
                    (Rc::clone(&job), Rc::clone(&slots), path.clone());
                (path, spawn(move || visit(&job, &slots, &visited)))
            })
            .collect();
        for (path, visit) in visits {
            // A visit that panicked is a failed one; the others go on.
            frontier.record(path, visit.join().unwrap_or(Err(Outcome::Failed)));
        }
    }
    frontier.into_report()
}

fn visit(job: &Job, slots: &Semaphore, path: &str) -> Result<Page, Outcome> {
    let _permit = slots.acquire();
    match timeout(job.timeout, || fetch(job, path)) {
        Ok(page) => page,
        Err(Elapsed) => Err(Outcome::TimedOut),
    }
}

fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let stream = connect(&job.target.addresses)?;
    stream.write_all(&job.request(path))?;
    let mut parser = Parser::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if let Some(page) = parser.receive(&buffer[..n])? {
            return Ok(page);
        }
    }
}

/// Tries every address in turn.
fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect(*address) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
