//! A crawler: `cargo run --example interlude-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use interlude_greenlets::net::TcpStream;
use interlude_greenlets::time::{Elapsed, timeout};
use interlude_greenlets::{run, spawn};
use site::{Frontier, Job, Outcome, Page, Report};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    run(|| crawl_levels(Rc::new(job)))
}

fn crawl_levels(job: Rc<Job>) -> Report {
    let frontier = Rc::new(Frontier::new(&job));
    while let Some(workers) = frontier.next_level() {
        let workers: Vec<_> = (0..workers)
            .map(|_| {
                let (job, frontier) = (Rc::clone(&job), Rc::clone(&frontier));
                spawn(move || work(&job, &frontier))
            })
            .collect();
        for worker in workers {
            // A worker that panicked has said so; the others did its share.
            drop(worker.join());
        }
    }
    frontier.report()
}

/// Takes page after page of a level, until none is left: one of many that do.
fn work(job: &Job, frontier: &Frontier) {
    while let Some(path) = frontier.next_path() {
        let page = visit(job, &path);
        frontier.record(path, page);
    }
}

fn visit(job: &Job, path: &str) -> Result<Page, Outcome> {
    match timeout(job.timeout, || fetch(job, path)) {
        Ok(page) => page,
        Err(Elapsed) => Err(Outcome::TimedOut),
    }
}

fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let stream = connect(&job.target.addresses)?;
    stream.write_all(&job.request(path))?;
    let mut parser = job.parser();
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
