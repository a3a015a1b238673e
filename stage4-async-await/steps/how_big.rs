//! How big is a future? `cargo run --example stage4-how-big`.
//!
//! A future is as big as whatever it keeps while it waits, and it keeps the future that it
//! waits for. So an array in the innermost function is a part of every future above it, and
//! of every task, from the moment it is spawned.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::mem::size_of_val;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Target};
use stage4_async_await::net::TcpStream;
use stage4_async_await::run;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::timeout;

/// As many links as one page may have.
const PAGES: usize = 100_000;

/// As many requests as a crawl has under way.
const SLOTS: usize = 16;

fn main() -> io::Result<()> {
    let sizes = sizes()?;
    for (future, bytes) in sizes {
        println!("{bytes:>6} bytes  {future}");
    }
    let [.., (_, task), (_, worker)] = sizes;
    println!("a task for each of {PAGES} pages: {:>7} KiB", task * PAGES / 1024);
    println!("a worker for each of {SLOTS} slots:     {:>7} KiB", worker * SLOTS / 1024);
    Ok(())
}

/// How big the futures are of a crawl, from the inside out; nothing is polled.
pub fn sizes() -> io::Result<[(&'static str, usize); 6]> {
    run(async {
        let job = Job::new(Target::resolve("http://127.0.0.1:9/").expect("it is a URL"));
        let (job, slots) = (Rc::new(job), Rc::new(Semaphore::new(SLOTS)));
        let frontier = Rc::new(Frontier::new(&job));
        [
            ("connect", size_of_val(&connect(&job.target.addresses))),
            ("fetch, which keeps an array", size_of_val(&fetch_into_array(&job, "/"))),
            ("fetch, which keeps a vector", size_of_val(&fetch(&job, "/"))),
            ("timeout around it", size_of_val(&timeout(WAIT, fetch(&job, "/")))),
            ("a task for a page", size_of_val(&task(Rc::clone(&job), slots))),
            ("a worker for many pages", size_of_val(&work(Rc::clone(&job), frontier))),
        ]
    })
}

const WAIT: Duration = Duration::from_secs(10);

/// The first version: spawned for every page of a level at once, and waiting for a slot.
/// While it waits for the slot it needs no buffer, and has the room for one.
async fn task(job: Rc<Job>, slots: Rc<Semaphore>) -> Option<Page> {
    let _permit = slots.acquire().await;
    timeout(WAIT, fetch_into_array(&job, "/")).await.ok()?.ok()
}

/// The version of the crawler: as many as there are slots, and each takes page after page.
async fn work(job: Rc<Job>, frontier: Rc<Frontier>) {
    while let Some(path) = frontier.next_path() {
        let page = timeout(WAIT, fetch(&job, &path)).await;
        frontier.record(path, page.unwrap_or(Err(Outcome::TimedOut)));
    }
}

async fn fetch_into_array(job: &Job, path: &str) -> Result<Page, Outcome> {
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

async fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let stream = connect(&job.target.addresses).await?;
    stream.write_all(&job.request(path)).await?;
    let mut parser = Parser::new();
    let mut buffer = vec![0; 4096];
    loop {
        let n = stream.read(&mut buffer).await?;
        if let Some(page) = parser.receive(&buffer[..n])? {
            return Ok(page);
        }
    }
}

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
