//! A crawler: `cargo run --example stage5-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Frontier, Job, Outcome, Page, Report};
use stage5_asyncio::exceptions::Elapsed;
use stage5_asyncio::streams::{StreamReader, Streams, open_connection};
use stage5_asyncio::tasks::gather;
#[cfg(feature = "tls")]
use stage5_asyncio::tls;
use stage5_asyncio::{finally, run, timeout};

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
        let begin = |_| work(Rc::clone(&job), Rc::clone(&frontier));
        gather((0..workers).map(begin)).await;
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
    let (mut reader, writer) = connect(&job.target.addresses).await?;
    #[cfg(feature = "tls")]
    let writer = tls::encrypted(writer, job.target.server_name.as_deref()).await?;
    writer.write(&job.request(path));
    finally(receive(job, &mut reader), async || {
        // What was not taken of the request never will be.
        writer.transport().abort();
        let _ = writer.wait_closed().await;
    })
    .await
}

async fn receive(job: &Job, reader: &mut StreamReader) -> Result<Page, Outcome> {
    let mut parser = job.parser();
    loop {
        let bytes = reader.read(4096).await?;
        if let Some(page) = parser.receive(&bytes)? {
            return Ok(page);
        }
    }
}

/// Tries every address in turn.
async fn connect(addresses: &[SocketAddr]) -> io::Result<Streams> {
    let mut failure = io::ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match open_connection(*address).await {
            Ok(streams) => return Ok(streams),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}
