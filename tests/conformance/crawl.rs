//! Crawls: of the sites that know what has to be found on them, and of servers that answer
//! the first request with anything at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use lineage::styles::Style;
use site::server::Server;
use site::{Job, Outcome, Report, Site, Target};

use crate::clients::ANYWHERE;

/// A port of this machine where nobody listens: it takes a superuser to do so, and reasons.
const NOBODY: SocketAddr = {
    let mut nobody = ANYWHERE;
    nobody.set_port(1);
    nobody
};

fn job(address: SocketAddr) -> Job {
    Job::new(Target::resolve(&format!("http://{address}/")).unwrap())
}

fn crawl(style: &Style, job: Job) -> Report {
    (style.crawl)(job).unwrap()
}

/// Crawls the friendly site with that many slots: the right report, and never more requests
/// in flight. Once in a few times there are as many, unless the machine is very busy.
fn assert_friendly(style: &Style, concurrency: usize) {
    let bound = if style.is_concurrent() { concurrency } else { 1 };
    let server = Server::start(Site::friendly()).unwrap();
    for _ in 0..5 {
        let report = crawl(style, Job { concurrency, ..job(server.address()) });
        assert_eq!(report, Site::friendly().expected());
        assert!(server.max_in_flight() <= bound, "{} in flight", server.max_in_flight());
        if server.max_in_flight() == bound {
            return;
        }
    }
    panic!("never {bound} in flight, {} at the most", server.max_in_flight());
}

pub(crate) fn the_friendly_site_is_as_it_knows_itself(style: &'static Style) {
    assert_friendly(style, 16);
    if style.is_concurrent() {
        assert_friendly(style, 3);
    }
}

pub(crate) fn one_page_at_a_time_is_a_bound_like_any_other(style: &'static Style) {
    assert_friendly(style, 1);
}

/// With one page that never answers: to come back at all is half of the matter.
pub(crate) fn the_hostile_site_is_as_it_knows_itself(style: &'static Style) {
    let server = Server::start(Site::hostile()).unwrap();
    for concurrency in [16, 2] {
        let timeout = Duration::from_secs(1);
        let report = crawl(style, Job { concurrency, timeout, ..job(server.address()) });
        assert_eq!(report, Site::hostile().expected());
        assert!(server.max_in_flight() <= concurrency);
        server.reset_counts();
    }
}

/// The index, its 13 parts, and the first six pages of the next level.
pub(crate) fn a_limit_lets_the_same_pages_through(style: &'static Style) {
    let server = Server::start(Site::friendly()).unwrap();
    let report = crawl(style, Job { limit: 20, ..job(server.address()) });
    let parts = (1..=13).map(|n| format!("/part-{n:02}/"));
    let pages =
        (1..=3).flat_map(|n| ["one", "two"].map(|it| format!("/part-{n:02}/{it}")));
    let expected = ["/".to_owned()].into_iter().chain(parts).chain(pages);
    assert_eq!(report, expected.map(|path| (path, Outcome::Status(200))).collect());
    assert_eq!(server.served(), 20);
}

/// A server may say anything, or nothing.
pub(crate) fn a_first_page_may_be_anything(style: &'static Style) {
    const LINK: &[u8] = b"HTTP/1.1 404 .\r\nContent-Type: text/html\r\n\r\n<a href=/x>";
    const CODED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\nContent-Length: 9\r\n\r\nlong";
    let noise: Vec<_> = (0..=255).cycle().take(100_000).collect();
    for (answer, outcome) in [
        (LINK, Outcome::Status(404)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Outcome::Status(200)),
        (b"HTTP/1.1 200 OK\r\n\r\n", Outcome::Status(200)),
        (b"HTTP/1.0 500 \r\n\r\n", Outcome::Status(500)),
        (b"HTTP/1.1 200 OK\r\nX: y;\r\n z\r\n\r\n", Outcome::Status(200)),
        (b"HTTP/1.1 200 OK\r\nno header\r\n\r\n", Outcome::Status(200)),
        (b"HTTP/1.1 204 .\r\nContent-Length: x\r\n\r\n", Outcome::Status(204)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Outcome::Malformed),
        (CODED, Outcome::Status(200)),
        (b"", Outcome::CutShort),
        (b"HTTP/1.1 200 OK\r\nContent-", Outcome::CutShort),
        (b"\x15\x03\x01\x00\x02\x02\x46", Outcome::Malformed),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Outcome::Malformed),
        (&noise, Outcome::Malformed),
    ] {
        let server = Answering::start(answer.to_vec());
        let what = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
        assert_first_page(&crawl(style, job(server.address)), outcome, &what);
    }
    assert_first_page(&crawl(style, job(NOBODY)), Outcome::Refused, "nobody listens");
    let timeout = Duration::from_millis(300);
    let silent = TcpListener::bind(ANYWHERE).unwrap();
    let report = crawl(style, Job { timeout, ..job(silent.local_addr().unwrap()) });
    assert_first_page(&report, Outcome::TimedOut, "a server that says nothing");
    let report = crawl(style, Job { timeout, ..job(dripping()) });
    assert_first_page(&report, Outcome::TimedOut, "a byte now and then, without end");
}

fn assert_first_page(report: &Report, outcome: Outcome, what: &str) {
    let expected = [("/".to_owned(), outcome)].into_iter().collect();
    assert_eq!(*report, expected, "where the answer is {what:?}");
}

pub(crate) fn every_address_is_tried(style: &'static Style) {
    let server = Answering::start(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let mut job = job(server.address);
    job.target.addresses = vec![NOBODY, NOBODY, server.address];
    assert_first_page(&crawl(style, job), Outcome::Status(200), "the third address");
}

pub(crate) fn a_time_that_no_clock_can_show_is_no_deadline(style: &'static Style) {
    let server = Answering::start(b"HTTP/1.1 200 OK\r\n\r\n".to_vec());
    let report = crawl(style, Job { timeout: Duration::MAX, ..job(server.address) });
    assert_first_page(&report, Outcome::Status(200), "in no hurry");
}

/// A server that answers everything with the same bytes and closes, until it is dropped.
struct Answering {
    address: SocketAddr,
}

impl Answering {
    fn start(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream?;
                match read_request(&mut stream) {
                    0 => return Ok(()),
                    _ => drop(stream.write_all(&answer)),
                }
            }
            std::io::Result::Ok(())
        });
        Self { address }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        // Who asks for nothing ends it.
        drop(TcpStream::connect(self.address));
    }
}

/// Reads up to the empty line, so that to close is not to reset: how many bytes it were.
fn read_request(stream: &mut TcpStream) -> usize {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(n) => request.extend_from_slice(&buffer[..n]),
        }
    }
    request.len()
}

/// A server that sends a header without end, a byte at a time, to the first who comes.
fn dripping() -> SocketAddr {
    let listener = TcpListener::bind(ANYWHERE).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        loop {
            stream.write_all(b"x")?;
            thread::sleep(Duration::from_millis(10));
        }
        #[expect(unreachable_code, reason = "it says what the thread answers")]
        std::io::Result::Ok(())
    });
    address
}
