//! A crawler: `cargo run --example stage4-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Report};
use stage4_async_await::net::TcpStream;
use stage4_async_await::sync::Semaphore;
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
    let slots = Rc::new(Semaphore::new(job.concurrency));
    let mut frontier = Frontier::new(&job);
    while let Some(level) = frontier.next_level() {
        let visits: Vec<_> = level
            .into_iter()
            .map(|path| {
                let visit = visit(Rc::clone(&job), Rc::clone(&slots), path.clone());
                (path, spawn(visit))
            })
            .collect();
        for (path, visit) in visits {
            frontier.record(path, visit.await);
        }
    }
    frontier.into_report()
}

async fn visit(
    job: Rc<Job>,
    slots: Rc<Semaphore>,
    path: String,
) -> Result<Page, Outcome> {
    let _permit = slots.acquire().await;
    match timeout(job.timeout, fetch(&job, &path)).await {
        Ok(page) => page,
        Err(Elapsed) => Err(Outcome::TimedOut),
    }
}

async fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let stream = connect(&job.target.addresses).await?;
    stream.write_all(&job.request(path)).await?;
    let mut parser = Parser::new();
    let mut buffer = [0; 4096];
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
