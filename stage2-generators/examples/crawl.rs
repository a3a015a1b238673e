//! A crawler: `cargo run --example stage2-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Frontier, Job, Outcome, Page, Report};
use stage2_generators::net::TcpStream;
use stage2_generators::time::{Elapsed, timeout};
use stage2_generators::{Deferred, Failure, inline_callbacks, react, yield_};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    let report = react(move || crawl_levels(Rc::new(job)))?;
    report.map_err(io::Error::from)
}

fn crawl_levels(job: Rc<Job>) -> Deferred<Report> {
    inline_callbacks(async move {
        let frontier = Rc::new(Frontier::new(&job));
        while let Some(workers) = frontier.next_level() {
            let workers: Vec<_> = (0..workers)
                .map(|_| work(Rc::clone(&job), Rc::clone(&frontier)))
                .collect();
            for worker in workers {
                yield_(worker).await?;
            }
        }
        Ok(frontier.report())
    })
}

/// Takes page after page of a level, until none is left: one of many that do.
fn work(job: Rc<Job>, frontier: Rc<Frontier>) -> Deferred<()> {
    inline_callbacks(async move {
        while let Some(path) = frontier.next_path() {
            let page = yield_(visit(Rc::clone(&job), path.clone())).await;
            frontier.record(path, page.map_err(|failure| outcome(&failure)));
        }
        Ok(())
    })
}

fn visit(job: Rc<Job>, path: String) -> Deferred<Page> {
    timeout(job.timeout, fetch(job, path))
}

fn fetch(job: Rc<Job>, path: String) -> Deferred<Page> {
    inline_callbacks(async move {
        let stream = yield_(connect(&job.target.addresses)).await?;
        yield_(stream.write_all(job.request(&path))).await?;
        let mut parser = job.parser();
        loop {
            let bytes = yield_(stream.read()).await?;
            if let Some(page) = parser.receive(&bytes)? {
                return Ok(page);
            }
        }
    })
}

/// Tries every address in turn.
fn connect(addresses: &[SocketAddr]) -> Deferred<TcpStream> {
    let addresses = addresses.to_vec();
    inline_callbacks(async move {
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable).into();
        for address in addresses {
            match yield_(TcpStream::connect(address)).await {
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
