//! A plain server for a [`Site`]: threads, blocking calls, and no loop of ours.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::{Answer, Fault, Site};

/// The longest request that is read, in bytes.
const MAX_REQUEST: usize = 16 * 1024;

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// What was asked for, as it stands in the request.
    pub path: String,
    /// When it had been read.
    pub from: Instant,
    /// When its answer was about to be sent.
    pub to: Instant,
}

/// A site that is being served on 127.0.0.1. Dropping it stops it.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    site: Site,
    /// Set by the drop; read by the accepting thread.
    stopping: AtomicBool,
    /// Answers sent, or about to be.
    served: AtomicUsize,
    in_flight: AtomicUsize,
    max_in_flight: AtomicUsize,
    /// Filled when an answer is about to be sent.
    requests: Mutex<Vec<Served>>,
    /// Every open connection, so that the drop can end it.
    connections: Mutex<HashMap<usize, TcpStream>>,
}

impl Server {
    /// Serves `site` on a free port.
    ///
    /// # Errors
    ///
    /// Fails when there is no port or no thread to be had.
    pub fn start(site: Site) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        // As long a queue as the system has, or a burst of clients waits for a second.
        SockRef::from(&listener).listen(i32::MAX)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            site,
            stopping: AtomicBool::new(false),
            served: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            max_in_flight: AtomicUsize::new(0),
            requests: Mutex::default(),
            connections: Mutex::default(),
        });
        let accepting = {
            let shared = Arc::clone(&shared);
            let name = "site".to_owned();
            thread::Builder::new().name(name).spawn(move || shared.accept(&listener))?
        };
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// The URL of the first page.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests were answered so far.
    pub fn served(&self) -> usize {
        self.shared.served.load(Ordering::Relaxed)
    }

    /// The most requests that were ever being answered at once.
    ///
    /// A request counts from when it has been read until just before its answer is sent, so
    /// a client that keeps to its bound is never seen above it. A request that is never
    /// answered does not count.
    pub fn max_in_flight(&self) -> usize {
        self.shared.max_in_flight.load(Ordering::Relaxed)
    }

    /// The requests that were answered, in the order of their answers. They are those that
    /// [`max_in_flight`](Self::max_in_flight) counts.
    pub fn requests(&self) -> Vec<Served> {
        self.shared.requests().clone()
    }

    /// Counts from zero again.
    pub fn reset_counts(&self) {
        self.shared.requests().clear();
        self.shared.served.store(0, Ordering::Relaxed);
        self.shared.max_in_flight.store(0, Ordering::Relaxed);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        // The accepting thread is in `accept`: a connection brings it back.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
        for connection in self.shared.connections().values() {
            drop(connection.shutdown(Shutdown::Both));
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for n in 0.. {
            let accepted = listener.accept();
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            let Ok((stream, _)) = accepted else {
                // No descriptors left: let somebody finish.
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            let shared = Arc::clone(self);
            let handler = thread::Builder::new().stack_size(128 * 1024);
            drop(handler.spawn(move || shared.serve(n, stream)));
        }
    }

    /// One request, one answer. What goes wrong is the client's affair.
    fn serve(&self, n: usize, stream: TcpStream) {
        if let Ok(clone) = stream.try_clone() {
            self.connections().insert(n, clone);
        }
        drop(self.answer(&stream));
        self.connections().remove(&n);
    }

    fn answer(&self, mut stream: &TcpStream) -> io::Result<()> {
        let request = read_request(stream)?;
        let Answer { delay, bytes, fault } = self.site.answer(&request);
        self.served.fetch_add(1, Ordering::Relaxed);
        if fault == Fault::Hang {
            return wait_for_the_end(stream);
        }
        let from = Instant::now();
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.max_in_flight.fetch_max(now, Ordering::Relaxed);
        thread::sleep(delay);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let path = path_of(&request);
        self.requests().push(Served { path, from, to: Instant::now() });
        stream.write_all(&bytes)?;
        match fault {
            Fault::None | Fault::Hang => stream.shutdown(Shutdown::Write),
            // To close with no time to linger resets the connection.
            Fault::Reset => SockRef::from(stream).set_linger(Some(Duration::ZERO)),
            Fault::Endless => loop {
                stream.write_all(&bytes)?;
            },
        }
    }

    fn requests(&self) -> MutexGuard<'_, Vec<Served>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, HashMap<usize, TcpStream>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_request(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < MAX_REQUEST
    {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => request.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(request)
}

/// What stands between the method and the version.
fn path_of(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let path = line.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    String::from_utf8_lossy(path).into_owned()
}

fn wait_for_the_end(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(server: &Server) -> TcpStream {
        let stream = TcpStream::connect(server.address()).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is no zero");
        stream
    }

    fn answer(mut stream: TcpStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it comes to its end");
        answer
    }

    /// Nothing is answered before the request is whole.
    #[test]
    fn a_request_may_come_in_pieces() {
        let server = Server::start(Site::friendly()).expect("there is a port");
        let mut stream = ask(&server);
        for piece in ["GET ", "/ HTTP/1.1\r", "\n\r", "\n"] {
            stream.write_all(piece.as_bytes()).expect("it is read");
            thread::sleep(Duration::from_millis(20));
        }
        assert!(answer(stream).starts_with("HTTP/1.1 200 "));
    }

    /// As long as the counts do, and no longer.
    #[test]
    fn a_request_is_remembered_with_its_time() {
        let server = Server::start(Site::friendly()).expect("there is a port");
        let mut stream = ask(&server);
        stream.write_all(b"GET /robots.txt HTTP/1.1\r\n\r\n").expect("it is read");
        answer(stream);
        let requests = server.requests();
        let [Served { path, from, to }] = &requests[..] else { panic!("{requests:?}") };
        assert_eq!(path, "/robots.txt");
        assert!(
            *to >= *from
                + server.shared.site.answer(b"GET /robots.txt HTTP/1.1\r\n\r\n").delay
        );
        server.reset_counts();
        assert_eq!(server.requests(), []);
    }

    #[test]
    fn a_request_that_is_too_long_is_answered_all_the_same() {
        let server = Server::start(Site::friendly()).expect("there is a port");
        let mut stream = ask(&server);
        stream.write_all(&[b'x'; MAX_REQUEST]).expect("it is read");
        assert!(answer(stream).starts_with("HTTP/1.1 400 "));
    }

    /// Whatever it says meanwhile, and no longer than it is there.
    #[test]
    fn whoever_is_never_answered_is_kept_until_it_gives_up() {
        let server = Server::start(Site::hostile()).expect("there is a port");
        let mut stream = ask(&server);
        for request in ["GET /hang HTTP/1.1\r\n\r\n", "are you there?"] {
            stream.write_all(request.as_bytes()).expect("it is read");
            thread::sleep(Duration::from_millis(20));
        }
        stream.set_nonblocking(true).expect("it is a socket");
        let silence = stream.read(&mut [0]).expect_err("nothing is said");
        assert_eq!(silence.kind(), io::ErrorKind::WouldBlock);
        drop(stream);
        for _ in 0..2000 {
            if server.shared.connections().is_empty() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it is kept for ever");
    }
}
