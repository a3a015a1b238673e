//! A crawler: `cargo run --example stage1-deferreds-crawl`.

use std::io;
use std::iter;
use std::net::SocketAddr;
use std::rc::Rc;

use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Report};
use stage1_callbacks::deferred::{fail, succeed};
use stage1_callbacks::extras::cooperate::coiterate;
use stage1_callbacks::extras::lists::gather_results;
use stage1_callbacks::net::TcpStream;
use stage1_callbacks::time::{Elapsed, timeout};
use stage1_callbacks::{Deferred, Failure, react};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    let frontier = Rc::new(Frontier::new(&job));
    let report = react(move || crawl_levels(Rc::new(job), frontier))?;
    report.map_err(io::Error::from)
}

fn crawl_levels(job: Rc<Job>, frontier: Rc<Frontier>) -> Deferred<Report> {
    let Some(workers) = frontier.next_level() else {
        return succeed(frontier.report());
    };
    let workers = (0..workers).map(|_| work(Rc::clone(&job), Rc::clone(&frontier)));
    let level = gather_results(workers.collect());
    level.add_callback(move |_| crawl_levels(job, frontier))
}

/// Takes page after page of a level, until none is left: one of many that do.
fn work(job: Rc<Job>, frontier: Rc<Frontier>) -> Deferred<()> {
    coiterate(iter::from_fn(move || {
        let (path, frontier) = (frontier.next_path()?, Rc::clone(&frontier));
        Some(visit(&job, &path).add_both(move |page| {
            frontier.record(path, page.map_err(outcome));
        }))
    }))
}

fn visit(job: &Job, path: &str) -> Deferred<Page> {
    timeout(job.timeout, fetch(job, path))
}

fn fetch(job: &Job, path: &str) -> Deferred<Page> {
    let (request, parser) = (job.request(path), job.parser());
    connect(job.target.addresses.clone().into_iter()).add_callback(move |stream| {
        let reading = stream.clone();
        stream.write_all(request).add_callback(|()| receive(reading, parser))
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

fn outcome(failure: Failure) -> Outcome {
    match failure.trap::<Elapsed>() {
        Ok(_) => Outcome::TimedOut,
        Err(other) => Outcome::of(other.error()),
    }
}
