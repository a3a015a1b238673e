//! The server: files of the book and nothing else, and pages that notice when they are old.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::Fixture;

/// The command, serving a fixture; it ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
    said: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn of(fixture: &Fixture) -> Self {
        Self::started(fixture, &mut Command::new(env!("CARGO_BIN_EXE_book")))
    }

    fn started(fixture: &Fixture, command: &mut Command) -> Self {
        command.current_dir(fixture.root()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let said = lines.find(|line| line.contains("http://")).expect("it says where");
        let url = said.split("http://").nth(1).expect("an address");
        let address = url.split('/').next().expect("a port").parse().expect("an address");
        // Whoever closes its stdout would end it.
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.for_each(|line| heard.lock().expect("nobody has panicked").push(line));
        });
        Self { child, address, said }
    }

    /// Until it has built the book so many times again.
    fn wait_for(&self, version: &str) {
        let version = format!("\r\n\r\n{version}");
        wait_until("it is built again", || self.ask("GET /.version").ends_with(&version));
    }

    fn wait_until_it_says(&self, words: &str) {
        let said = || self.said.lock().expect("nobody has panicked").join("\n");
        wait_until(words, || said().contains(words));
    }

    /// The whole answer.
    fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it can wait");
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn pages_are_served_and_nothing_outside_of_them() {
    let fixture = Fixture::saying("Hello there.\n");
    fixture.write("book/chapters/sub folder/index.html", "There.");
    let server = Server::of(&fixture);
    let page = server.ask("GET /one.html?x=1");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"), "{page}");
    assert!(page.contains("Hello there."));
    assert!(server.ask("GET /").contains("Hello there."));
    let head = server.ask("HEAD /one.html");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    for request in [
        "GET /three.html",
        "GET /../Cargo.toml",
        "GET /%2e%2e/Cargo.toml",
        "GET //etc/passwd",
        "GET one.html",
        "GET",
    ] {
        let answer = server.ask(request);
        assert!(answer.starts_with("HTTP/1.1 404 "), "{request}: {answer}");
    }
    // Relative links of a folder's page need the slash.
    let moved = server.ask("GET /sub%20folder?x=1");
    assert!(moved.starts_with("HTTP/1.1 301 "), "{moved}");
    assert!(moved.contains("\r\nLocation: /sub%20folder/?x=1\r\n"), "{moved}");
    assert!(server.ask("GET /sub%20folder/").contains("There."));
    assert!(server.ask("GET /one.html/").starts_with("HTTP/1.1 404 "));
    let refused = server.ask("POST /one.html");
    assert!(refused.starts_with("HTTP/1.1 405 "), "{refused}");
    assert!(refused.ends_with("\r\n\r\nonly GET and HEAD"), "{refused}");
    assert!(refused.contains("\r\nAllow: GET, HEAD\r\n"), "{refused}");
}

#[test]
fn a_change_builds_the_book_again_and_open_pages_notice() {
    let fixture = Fixture::saying("Before.\n");
    let server = Server::of(&fixture);
    assert!(server.ask("GET /one.html").contains("'/.version'"));
    assert!(server.ask("GET /.version").ends_with("\r\n\r\n0"));
    // Some file systems count in seconds, and a change within one is none.
    std::thread::sleep(Duration::from_millis(1100));
    fixture.write("book/chapters/one.md", "# One\n\nAfter.\n");
    server.wait_for("1");
    assert!(server.ask("GET /one.html").contains("After."));
}

/// Browsers open connections before they know what for.
#[test]
fn whoever_is_slow_to_ask_keeps_nobody_waiting() {
    let fixture = Fixture::saying("Before.\n");
    let server = Server::of(&fixture);
    let mut slow = TcpStream::connect(server.address).expect("it listens");
    std::thread::spawn(move || {
        while slow.write_all(b"G").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    std::thread::sleep(Duration::from_millis(1100));
    fixture.write("book/chapters/one.md", "# One\n\nAfter.\n");
    server.wait_for("1");
    assert!(server.ask("GET /one.html").contains("After."));
}

#[test]
fn a_browser_that_is_not_there_is_no_reason_to_end() {
    let fixture = Fixture::saying("Hello.\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    let server = Server::started(&fixture, command.arg("--open").env("PATH", ""));
    assert!(server.ask("GET /one.html").contains("Hello."));
    server.wait_until_it_says("cannot open a browser: ");
}

#[test]
fn an_error_while_it_serves_is_told_and_mended() {
    let fixture = Fixture::saying("Before.\n");
    let server = Server::of(&fixture);
    std::thread::sleep(Duration::from_millis(1100));
    std::fs::remove_file(fixture.root().join("book/chapters/two.md")).unwrap();
    server.wait_for("1");
    assert!(server.ask("GET /one.html").contains("Before."));
    fixture.write("book/chapters/two.md", "# Two\n\nAgain.\n");
    server.wait_for("2");
    assert!(server.ask("GET /two.html").contains("Again."));
    server.wait_until_it_says("SUMMARY.md:4: there is no chapter two.md");
}

#[test]
fn what_is_written_has_no_trace_of_the_server() {
    let fixture = Fixture::saying("Hello.\n");
    assert!(!fixture.page().contains(".version"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_without_a_complaint() {
    let fixture = Fixture::new();
    let mut server = Server::of(&fixture);
    let id = server.child.id().to_string();
    // It has said where it is right before it began to listen for the signal.
    std::thread::sleep(Duration::from_millis(300));
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
