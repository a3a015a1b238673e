//! A crawler: `cargo run --example stage1-deferreds-crawl`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Report};
use stage1_callbacks::deferred::{fail, succeed};
use stage1_callbacks::extras::lists::gather_results;
use stage1_callbacks::net::TcpStream;
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::{Elapsed, timeout};
use stage1_callbacks::{Deferred, Failure, react};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    let (frontier, slots) = (Frontier::new(&job), Semaphore::new(job.concurrency));
    let report = react(move || crawl_levels(Rc::new(job), slots, frontier))?;
    report.map_err(|failure| io::Error::other(failure.to_string()))
}

fn crawl_levels(
    job: Rc<Job>,
    slots: Semaphore,
    mut frontier: Frontier,
) -> Deferred<Report> {
    let Some(level) = frontier.next_level() else {
        return succeed(frontier.into_report());
    };
    let visits = level.into_iter().map(|path| visit(Rc::clone(&job), &slots, path));
    gather_results(visits.collect()).add_callback(move |visited| {
        for (path, page) in visited {
            frontier.record(path, page);
        }
        crawl_levels(job, slots, frontier)
    })
}

type Visited = (String, Result<Page, Outcome>);

fn visit(job: Rc<Job>, slots: &Semaphore, path: String) -> Deferred<Visited> {
    slots.acquire().add_callback(move |permit| {
        let page = timeout(job.timeout, fetch(&job, &path));
        page.add_both(move |page| {
            drop(permit);
            let page = page.map_err(|failure| match failure.trap::<Elapsed>() {
                Ok(_) => Outcome::TimedOut,
                Err(other) => Outcome::of(other.error()),
            });
            Ok((path, page))
        })
    })
}

fn fetch(job: &Job, path: &str) -> Deferred<Page> {
    let request = job.request(path);
    connect(job.target.addresses.clone().into_iter()).add_callback(move |stream| {
        let reading = stream.clone();
        stream.write_all(request).add_callback(|()| receive(reading, Parser::new()))
    })
}

/// Reads until the page is whole. The loop has become a chain, a link for each read.
fn receive(stream: TcpStream, mut parser: Parser) -> Deferred<Page> {
    stream.read().add_callback(move |bytes| match parser.receive(&bytes) {
        Ok(Some(page)) => succeed(page),
        Ok(None) => receive(stream, parser),
        Err(outcome) => fail(outcome),
    })
}

/// Tries every address in turn.
fn connect(mut addresses: std::vec::IntoIter<SocketAddr>) -> Deferred<TcpStream> {
    let Some(address) = addresses.next() else {
        return fail(io::Error::from(io::ErrorKind::AddrNotAvailable));
    };
    let connected = TcpStream::connect(address);
    connected.add_errback(move |failure: Failure| match addresses.as_slice() {
        [_, ..] if failure.is::<io::Error>() => connect(addresses),
        _ => fail_with(failure),
    })
}

fn fail_with<T: 'static>(failure: Failure) -> Deferred<T> {
    succeed(()).add_callback(|()| Err(failure))
}
