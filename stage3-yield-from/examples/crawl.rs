//! A crawler: `cargo run --example stage3-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Frontier, Job, Outcome, Page, Report};
use stage3_yield_from::net::TcpStream;
use stage3_yield_from::time::{Elapsed, timeout};
use stage3_yield_from::{Coroutine, Failure, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    let report = run(crawl_levels(Rc::new(job)))?;
    report.map_err(io::Error::from)
}

fn crawl_levels(job: Rc<Job>) -> Coroutine<Report> {
    coroutine(async move {
        let frontier = Rc::new(Frontier::new(&job));
        while let Some(workers) = frontier.next_level() {
            let workers: Vec<_> = (0..workers)
                .map(|_| spawn(work(Rc::clone(&job), Rc::clone(&frontier))))
                .collect();
            for worker in workers {
                yield_from(&worker).await?;
            }
        }
        Ok(frontier.report())
    })
}

/// Takes page after page of a level, until none is left: one of many that do.
fn work(job: Rc<Job>, frontier: Rc<Frontier>) -> Coroutine<()> {
    coroutine(async move {
        while let Some(path) = frontier.next_path() {
            let page = yield_from(visit(Rc::clone(&job), path.clone())).await;
            frontier.record(path, page.map_err(|failure| outcome(&failure)));
        }
        Ok(())
    })
}

fn visit(job: Rc<Job>, path: String) -> Coroutine<Page> {
    timeout(job.timeout, fetch(job, path))
}

fn fetch(job: Rc<Job>, path: String) -> Coroutine<Page> {
    coroutine(async move {
        let stream = yield_from(connect(job.target.addresses.clone())).await?;
        yield_from(stream.write_all(job.request(&path))).await?;
        let mut parser = job.parser();
        loop {
            let bytes = yield_from(stream.read()).await?;
            if let Some(page) = parser.receive(&bytes)? {
                return Ok(page);
            }
        }
    })
}

/// Tries every address in turn.
fn connect(addresses: Vec<SocketAddr>) -> Coroutine<TcpStream> {
    coroutine(async move {
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable).into();
        for address in addresses {
            match yield_from(TcpStream::connect(address)).await {
                Ok(stream) => return Ok(stream),
                Err(refused) if refused.is::<io::Error>() => failure = refused,
                Err(cancelled) => return Err(cancelled),
            }
        }
        Err(failure)
    })
}

fn outcome(failure: &Failure) -> Outcome {
    match failure.get::<Elapsed>() {
        Some(_) => Outcome::TimedOut,
        None => Outcome::of(failure.error()),
    }
}
