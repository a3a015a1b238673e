//! The site against a crawler that shares no code with any style: plain std, one page after
//! the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use site::server::Server;
use site::{Fault, Frontier, Job, News, Outcome, Page, Progress, Report, Site, Target};

fn crawl(job: &Job) -> Report {
    let frontier = Frontier::new(job);
    while frontier.next_level().is_some() {
        while let Some(path) = frontier.next_path() {
            let page = fetch(job, &path);
            frontier.record(path, page);
        }
    }
    frontier.report()
}

fn fetch(job: &Job, path: &str) -> Result<Page, Outcome> {
    let mut stream = TcpStream::connect(&*job.target.addresses)?;
    stream.set_read_timeout(Some(job.timeout))?;
    stream.write_all(&job.request(path))?;
    let (mut parser, mut buffer) = (job.parser(), [0; 512]);
    loop {
        let n = match stream.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err(Outcome::TimedOut);
            }
            result => result?,
        };
        if let Some(page) = parser.receive(&buffer[..n])? {
            return Ok(page);
        }
    }
}

fn job(server: &Server) -> Job {
    let target = Target::resolve(&server.url()).unwrap();
    Job { timeout: Duration::from_millis(300), ..Job::new(target) }
}

#[test]
fn the_hostile_site_is_what_it_says() {
    let server = Server::start(Site::hostile()).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let progress = Progress::told_to(move |news| listener.lock().unwrap().push(news));
    let report = crawl(&Job { progress, ..job(&server) });
    assert_eq!(report, Site::hostile().expected());
    assert_told(&told.lock().unwrap(), &report);
    assert_eq!(server.served(), Site::hostile().len());
    assert_eq!(server.max_in_flight(), 1);
}

/// What was told while the crawl went on is what it came to; and who links to what is broken.
fn assert_told(told: &[News], report: &Report) {
    let visits: Vec<_> = told
        .iter()
        .map(|news| match news {
            News::Visited(visit) => visit,
            other => panic!("there is nothing else to tell: {other:?}"),
        })
        .collect();
    let pages: Report =
        visits.iter().map(|it| (it.path.to_string(), it.outcome)).collect();
    assert_eq!(pages.pages(), report.pages());
    for visit in visits {
        assert_eq!(visit.leads_to.as_deref(), report.leads_away(&visit.path));
        let from = visit.linked_from.to_string();
        if *visit.path == *"/missing" {
            assert_eq!(from, "/");
        }
        assert!(!from.is_empty() || *visit.path == *"/", "{} has a referrer", visit.path);
    }
}

#[test]
fn the_friendly_site_is_what_it_says() {
    let server = Server::start(Site::friendly()).unwrap();
    let began = Instant::now();
    let report = crawl(&job(&server));
    assert_eq!(report, Site::friendly().expected());
    assert_eq!((report.len(), report.errors()), (40, 0));
    assert!(began.elapsed() >= Duration::from_secs(2), "each page takes 50 ms");
}

#[test]
fn requests_in_flight_are_counted() {
    let server = Server::start(Site::friendly()).unwrap();
    let job = job(&server);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fetch(&job, "/").unwrap());
        }
    });
    assert!((2..=8).contains(&server.max_in_flight()));
    assert_eq!(server.served(), 8);
    server.reset_counts();
    assert_eq!((server.served(), server.max_in_flight()), (0, 0));
}

#[test]
fn a_server_that_is_dropped_lets_go_of_everybody() {
    let server = Server::start(Site::hostile()).unwrap();
    let address = server.address();
    let mut hanging = TcpStream::connect(address).unwrap();
    hanging.write_all(b"GET /hang HTTP/1.1\r\n\r\n").unwrap();
    while server.served() == 0 {
        thread::yield_now();
    }
    drop(server);
    assert_eq!(hanging.read(&mut [0]).unwrap(), 0);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

#[test]
fn requests_that_are_none_are_answered_politely() {
    let site = Site::friendly();
    for (request, status) in [
        (&b"POST / HTTP/1.1\r\n\r\n"[..], "405"),
        (b"HEAD / HTTP/1.1\r\n\r\n", "405"),
        (b"\r\n\r\n", "400"),
        (b"\xff\xfe", "400"),
        (b"GET /nowhere HTTP/1.1\r\n\r\n", "404"),
        (b"GET / HTTP/1.1\r\n\r\n", "200"),
    ] {
        let answer = site.answer(request);
        assert_eq!(std::str::from_utf8(&answer.bytes[9..12]), Ok(status));
        assert_eq!(answer.fault, Fault::None);
        // Whatever went wrong is said to whoever reads it; but HEAD is answered by a head.
        let is_empty = answer.bytes.ends_with(b"\r\n\r\n");
        assert_eq!(is_empty, request.starts_with(b"HEAD"), "{status}");
    }
}
