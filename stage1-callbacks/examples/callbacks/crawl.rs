//! A crawler: `cargo run --example stage1-callbacks-crawl`.
//!
//! Every step that waits ends a function and begins another. What the blocking version
//! keeps on its stack has to be carried along by hand, and every error handled where it
//! happens: there is nobody further up to throw it to.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::http::Parser;
use site::{Frontier, Job, Outcome, Page, Report};
use stage1_callbacks::event_loop::DelayedCall;
use stage1_callbacks::net::{TcpStream, Waiting};
use stage1_callbacks::{call_later, run, stop};

fn main() -> io::Result<()> {
    site::demo::crawl(crawl)
}

/// Visits every page that can be reached, level by level, many at a time.
pub fn crawl(job: Job) -> io::Result<Report> {
    let frontier = Frontier::new(&job);
    let crawl = Rc::new(Crawl { job, frontier, in_flight: Cell::new(0) });
    let running = Rc::clone(&crawl);
    run(move || {
        crawl_levels(&running);
        Ok(())
    })?;
    Ok(crawl.frontier.report())
}

struct Crawl {
    job: Job,
    frontier: Frontier,
    /// How many pages of this level are being visited.
    in_flight: Cell<usize>,
}

/// Called at the beginning, and whenever a level has ended.
fn crawl_levels(crawl: &Rc<Crawl>) {
    match crawl.frontier.next_level() {
        Some(workers) => (0..workers).for_each(|_| work(crawl)),
        None => stop(),
    }
}

/// Takes the next page of the level; called again when its visit has ended. The last one out
/// ends the level.
fn work(crawl: &Rc<Crawl>) {
    if let Some(path) = crawl.frontier.next_path() {
        crawl.in_flight.set(crawl.in_flight.get() + 1);
        visit(crawl, path);
    } else if crawl.in_flight.get() == 0 {
        crawl_levels(crawl);
    }
}

fn visit(crawl: &Rc<Crawl>, path: String) {
    let (running, visited) = (Rc::clone(crawl), path.clone());
    let fetch = Rc::new(Fetch {
        request: RefCell::new(crawl.job.request(&path)),
        parser: RefCell::new(crawl.job.parser()),
        step: RefCell::default(),
        timer: Cell::default(),
        done: Cell::new(Some(Box::new(move |page| {
            running.frontier.record(visited, page);
            running.in_flight.set(running.in_flight.get() - 1);
            work(&running);
        }))),
    });
    let late = Rc::clone(&fetch);
    let give_up = move || finish(&late, Err(Outcome::TimedOut));
    fetch.timer.set(Some(call_later(crawl.job.timeout, give_up)));
    connect(&fetch, crawl.job.target.addresses.clone().into_iter());
}

/// A page on its way, and all that has to be known to give it up.
struct Fetch {
    request: RefCell<Vec<u8>>,
    parser: RefCell<Parser>,
    /// What it waits for at the moment.
    step: RefCell<Option<Waiting>>,
    timer: Cell<Option<DelayedCall>>,
    /// Taken by the first end that comes, and there are many.
    done: Cell<Option<Done>>,
}

type Done = Box<dyn FnOnce(Result<Page, Outcome>)>;

/// Tries every address in turn.
fn connect(fetch: &Rc<Fetch>, mut addresses: std::vec::IntoIter<SocketAddr>) {
    let Some(address) = addresses.next() else {
        return finish(fetch, Err(Outcome::Failed));
    };
    let then = Rc::clone(fetch);
    let step = TcpStream::connect_then(address, move |connected| match connected {
        Ok(stream) => send(&then, stream),
        Err(error) if addresses.as_slice().is_empty() => finish(&then, Err(error.into())),
        Err(_) => connect(&then, addresses),
    });
    fetch.step.replace(Some(step));
}

fn send(fetch: &Rc<Fetch>, stream: TcpStream) {
    let then = Rc::clone(fetch);
    let request = fetch.request.take();
    let step = stream.clone().write_all_then(request, move |written| match written {
        Ok(()) => receive(&then, stream),
        Err(error) => finish(&then, Err(error.into())),
    });
    fetch.step.replace(Some(step));
}

fn receive(fetch: &Rc<Fetch>, stream: TcpStream) {
    let then = Rc::clone(fetch);
    let step = stream.clone().read_then(move |bytes| match bytes {
        Ok(bytes) => {
            let received = then.parser.borrow_mut().receive(&bytes);
            match received {
                Ok(Some(page)) => finish(&then, Ok(page)),
                Ok(None) => receive(&then, stream),
                Err(outcome) => finish(&then, Err(outcome)),
            }
        }
        Err(error) => finish(&then, Err(error.into())),
    });
    fetch.step.replace(Some(step));
}

/// The end, whichever it is: lets go of the timer and of the socket, and says so once.
fn finish(fetch: &Rc<Fetch>, page: Result<Page, Outcome>) {
    fetch.timer.take().iter().for_each(DelayedCall::cancel);
    fetch.step.take().iter().for_each(Waiting::cancel);
    if let Some(done) = fetch.done.take() {
        done(page);
    }
}
