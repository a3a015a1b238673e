//! A crawler: `cargo run --example stage4-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Frontier, Job, Outcome, Page, Report};
use stage4_async_await::net::TcpStream;
use stage4_async_await::time::{Elapsed, timeout};
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    run(crawl_levels(Rc::new(job)))
}

async fn crawl_levels(job: Rc<Job>) -> Report {
    let frontier = Rc::new(Frontier::new(&job));
    while let Some(workers) = frontier.next_level() {
        let workers: Vec<_> = (0..workers)
            .map(|_| spawn(work(Rc::clone(&job), Rc::clone(&frontier))))
            .collect();
        for worker in workers {
            worker.await;
        }
    }
    frontier.report()
}

/// Takes page after page of a level, until none is left: one of many that do.
async fn work(job: Rc<Job>, frontier: Rc<Frontier>) {
    while let Some(path) = frontier.next_path() {
        let page = visit(&job, &path).await;
        frontier.record(path, page);
    }
}

async fn visit(job: &Job, path: &str) -> Result<Page, Outcome> {
    match timeout(job.timeout, fetch(job, path)).await {
        Ok(page) => page,
        Err(Elapsed) => Err(Outcome::TimedOut),
    }
}

async fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let stream = connect(&job.target.addresses).await?;
    stream.write_all(&job.request(path)).await?;
    let mut parser = job.parser();
    // On the heap: an array would be a part of every future that holds this one.
    let mut buffer = vec![0; 4096];
    loop {
        let n = stream.read(&mut buffer).await?;
        if let Some(page) = parser.receive(&buffer[..n])? {
            return Ok(page);
        }
    }
}

/// Tries every address in turn.
async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match TcpStream::connect(*address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
