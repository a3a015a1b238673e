//! The programs of this stage, where plain waiting is hard: to stop, and to be in time.

#![expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use site::countdown::{IN_TURN, ROCKETS, TOGETHER};
use site::server::Server;
use site::{Control, Job, Outcome, Report, Site, Target};

// The examples, as they are run.
#[path = "../examples/blocking/countdown.rs"]
mod blocking_countdown;
#[path = "../examples/blocking/crawl.rs"]
mod blocking_crawl;
#[path = "../examples/blocking/echo.rs"]
mod blocking_echo;
#[path = "../examples/spinning/echo.rs"]
mod spinning_echo;
#[path = "../examples/threads/countdown.rs"]
mod threads_countdown;
#[path = "../examples/threads/crawl.rs"]
mod threads_crawl;
#[path = "../examples/threads/echo.rs"]
mod threads_echo;

type Crawl = fn(Job) -> io::Result<Report>;
type Serve = fn(SocketAddr, Control) -> io::Result<()>;

const CRAWLS: [Crawl; 2] = [blocking_crawl::crawl, threads_crawl::crawl];
const SERVERS: [Serve; 3] =
    [blocking_echo::serve, threads_echo::serve, spinning_echo::serve];
const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Far more than anything here takes, far less than for ever.
const LONG: Duration = Duration::from_secs(20);

#[test]
fn one_thread_counts_down_in_turn_and_three_together() {
    assert_eq!(blocking_countdown::countdown().unwrap(), IN_TURN);
    let mut said = threads_countdown::countdown().unwrap();
    // Whoever wakes first need not be the first to run. Only a rocket's own words are in
    // order, whatever the kernel does.
    for rocket in ROCKETS {
        let own = said.iter().filter(|word| word.starts_with(rocket.name));
        assert!(own.is_sorted_by(|a, b| a > b), "{said:?}");
    }
    let mut all = TOGETHER;
    said.sort_unstable();
    all.sort_unstable();
    assert_eq!(said, all);
}

#[test]
fn a_page_that_drips_is_out_of_time_although_every_read_is_quick() {
    let listener = TcpListener::bind(ANYWHERE).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || drip(stream?));
        }
    });
    for crawl in CRAWLS {
        let mut job = Job::new(Target::resolve(&url).unwrap());
        job.timeout = Duration::from_millis(300);
        let began = Instant::now();
        let report = crawl(job).unwrap();
        assert_eq!(report.pages()["/"], Outcome::TimedOut);
        assert!(began.elapsed() < LONG);
    }
}

/// A header that never ends, a byte at a time, for as long as somebody reads it.
fn drip(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
    loop {
        stream.write_all(b"x")?;
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn both_crawls_find_the_same_and_threads_stay_within_their_number() {
    let [blocking, threads] = CRAWLS.map(|crawl| {
        let server = Server::start(Site::hostile()).unwrap();
        let mut job = Job::new(Target::resolve(&server.url()).unwrap());
        job.timeout = Duration::from_secs(1);
        job.concurrency = 4;
        (crawl(job).unwrap(), server.max_in_flight())
    });
    assert_eq!(blocking.0, threads.0);
    assert_eq!(blocking.1, 1);
    assert!((2..=4).contains(&threads.1), "{} in flight", threads.1);
}

#[test]
fn a_server_that_is_stopped_ends_although_clients_are_there_and_cuts_them_off() {
    for serve in SERVERS {
        let control = Control::new();
        let (ended, end) = mpsc::channel();
        let inside = control.clone();
        thread::spawn(move || ended.send(serve(ANYWHERE, inside)));
        let address = control.address().unwrap();
        let mut served = client(address);
        // That one is known to be served; the other may be in the queue.
        served.write_all(b"x").unwrap();
        served.read_exact(&mut [0]).unwrap();
        let mut other = client(address);
        control.stop();
        end.recv_timeout(LONG).expect("it ends").unwrap();
        for client in [&mut served, &mut other] {
            // An end or a reset, as long as it is not the timeout.
            let heard = client.read(&mut [0]).map_err(|error| error.kind());
            assert!(matches!(heard, Ok(0) | Err(io::ErrorKind::ConnectionReset)));
        }
    }
}

#[test]
fn a_server_that_was_stopped_before_it_began_does_not_begin() {
    for serve in SERVERS {
        let control = Control::new();
        control.stop();
        let (ended, end) = mpsc::channel();
        thread::spawn(move || ended.send(serve(ANYWHERE, control)));
        end.recv_timeout(LONG).expect("it ends").unwrap();
    }
}

fn client(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(LONG)).expect("it is not zero");
    stream
}
