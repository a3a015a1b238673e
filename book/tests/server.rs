//! The server: files of the book and nothing else, and pages that notice when they are old.

mod support;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
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
        Self::start(fixture.root(), command)
    }

    fn start(root: &std::path::Path, command: &mut Command) -> Self {
        command.current_dir(root).stdout(Stdio::piped());
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
        self.ask_with(request, &format!("Host: {}\r\n", self.address))
    }

    fn ask_with(&self, request: &str, headers: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "{request} HTTP/1.1\r\n{headers}\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// Its status after Ctrl-C.
    #[cfg(unix)]
    fn interrupted(&mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id]).status();
        assert!(kill.expect("it runs").success());
        self.child.wait().expect("it is ours").code()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it can wait");
        stream
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    wait(Duration::from_secs(20), what, is_so);
}

fn wait(patience: Duration, what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + patience;
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
    assert!(server.ask("GET /one.html#there").contains("Hello there."));
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
    assert_eq!(server.interrupted(), Some(0));
}

/// The status that a request is answered with; `PORT` in its headers is where the server is.
fn status(server: &Server, request: &str, headers: &str) -> String {
    let port = server.address.port().to_string();
    let answer = server.ask_with(request, &headers.replace("PORT", &port));
    answer.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

/// A name that somebody else makes lead here is not ours (DNS rebinding).
#[test]
fn other_hosts_are_refused() {
    let fixture = Fixture::saying("Hello.\n");
    let server = Server::of(&fixture);
    for (headers, right) in [
        ("Host: localhost:PORT\r\n", "200"),
        ("HOST: LOCALHOST:PORT\r\n", "200"),
        ("Host: 127.0.0.1\r\n", "421"),
        ("Host: evil.example:PORT\r\n", "421"),
        ("Host: 127.0.0.1.evil.example:PORT\r\n", "421"),
        ("Host: 127.0.0.1:PORT@evil.example\r\n", "421"),
        ("Host: 0.0.0.0:PORT\r\n", "421"),
        ("Host: 127.0.0.1:PORT\r\nHost: evil.example\r\n", "421"),
        ("X: y\r\n", "421"),
    ] {
        for request in ["GET /one.html", "GET /.version"] {
            assert_eq!(status(&server, request, headers), right, "{headers:?}");
        }
    }
}

/// A page of somebody else has nothing to ask, and a link from one leads to pages only.
#[test]
fn other_origins_are_refused() {
    let fixture = Fixture::saying("Hello.\n");
    let server = Server::of(&fixture);
    let far = "Sec-Fetch-Site: cross-site\r\n";
    let link = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
    let frame = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n";
    for (headers, page, run) in [
        (["Origin: http://127.0.0.1:PORT\r\n", ""], "200", "400"),
        (["Sec-Fetch-Site: same-origin\r\n", ""], "200", "400"),
        (["Sec-Fetch-Site: none\r\n", ""], "200", "400"),
        ([far, link], "200", "403"),
        ([far, frame], "403", "403"),
        ([far, "Sec-Fetch-Mode: no-cors\r\n"], "403", "403"),
        (["Sec-Fetch-Site: same-site\r\n", ""], "403", "403"),
        (["Origin: http://127.0.0.1:1\r\n", ""], "403", "403"),
        (["Origin: https://evil.example\r\n", ""], "403", "403"),
        (["Origin: null\r\n", ""], "403", "403"),
    ] {
        let headers = format!("Host: 127.0.0.1:PORT\r\n{}{}", headers[0], headers[1]);
        assert_eq!(status(&server, "GET /one.html", &headers), page, "{headers:?}");
        for question in ["GET /.run?program=x", "GET /.exercise?9.9"] {
            assert_eq!(
                status(&server, question, &headers),
                run,
                "{question} {headers:?}"
            );
        }
    }
    let own = "Host: 127.0.0.1:PORT\r\n";
    for order in ["POST /.run?program=x", "POST /.exercise?1.1", "DELETE /.exercise?1.1"]
    {
        assert_eq!(status(&server, order, own), "405");
    }
}

#[test]
fn half_a_request_and_one_without_end_get_no_answer_and_keep_nobody_waiting() {
    let fixture = Fixture::saying("Hello.\n");
    let server = Server::of(&fixture);
    let heard = |mut stream: TcpStream| {
        let mut answer = Vec::new();
        // A reset says the same as an end.
        drop(stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    };
    for half in ["", "GET", "GET / HTTP/1.1\r\nHost: x", "GET / HTTP/1.1\r\nHost: x\r\n"]
    {
        let mut stream = server.connect();
        stream.write_all(half.as_bytes()).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("it is connected");
        assert_eq!(heard(stream), "", "{half:?}");
    }
    let mut endless = server.connect();
    let pieces = std::iter::from_fn(|| endless.write_all(&[b'x'; 4096]).ok());
    let sent = 4096 * pieces.count();
    assert!(sent < 64 << 20, "more than the pipes hold was read: {sent} bytes");
    assert_eq!(heard(endless), "");
    // One letter now and then does not buy any more time.
    let mut slow = server.connect();
    let began = Instant::now();
    while slow.write_all(b"G").is_ok() {
        assert!(began.elapsed() < Duration::from_mins(1), "it listens for ever");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(server.ask("GET /one.html").contains("Hello."));
}

/// The last ones are: before anybody's patience with the first is at its end.
#[test]
fn whoever_opens_too_many_connections_is_let_down_at_once() {
    let fixture = Fixture::saying("Hello.\n");
    let server = Server::of(&fixture);
    let mut silent: Vec<_> = (0..300).map(|_| server.connect()).collect();
    let mut last = silent.pop().expect("there are 300");
    // A reset says the same as an end.
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    silent[0].set_nonblocking(true).expect("it need not wait");
    let first = silent[0].read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(first, Err(ErrorKind::WouldBlock), "the first has to wait as the last");
    drop((silent, last));
    wait_until("there is room again", || {
        let mut stream = server.connect();
        let mut answer = String::new();
        drop(write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\n\r\n", server.address));
        drop(stream.read_to_string(&mut answer));
        answer.contains("Hello.")
    });
}

/// A little now and then does not buy any more time.
#[cfg(target_os = "linux")]
#[test]
fn whoever_does_not_hear_the_answer_out_is_left() {
    let fixture = Fixture::saying("Hello.\n");
    fixture.write("book/chapters/large.txt", "");
    let large = std::fs::File::options()
        .write(true)
        .open(fixture.root().join("book/chapters/large.txt"))
        .expect("it is there");
    large.set_len(64 << 20).expect("it can be long");
    let server = Server::of(&fixture);
    assert!(server.ask("GET /one.html").contains("Hello."));
    let before = sockets(server.child.id());
    let asks = || {
        let mut stream = server.connect();
        write!(stream, "GET /large.txt HTTP/1.1\r\nHost: {}\r\n\r\n", server.address)
            .expect("it reads");
        stream
    };
    let (_silent, mut slow) = (asks(), asks());
    wait_until("both are answered", || sockets(server.child.id()) == before + 2);
    std::thread::spawn(move || {
        while slow.read_exact(&mut [0; 16_384]).is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    wait_until("nobody is answered", || sockets(server.child.id()) == before);
    assert!(server.ask("GET /one.html").contains("Hello."));
}

/// How many sockets a process has open.
#[cfg(target_os = "linux")]
fn sockets(id: u32) -> usize {
    let open = std::fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten();
    let targets = open.flatten().filter_map(|it| std::fs::read_link(it.path()).ok());
    targets.filter(|it| it.to_string_lossy().starts_with("socket:")).count()
}

/// A workspace with the sources that the runs below name.
fn with_runs() -> Fixture {
    let fixture = Fixture::saying("Hello.\n");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in ["examples/callbacks/echo.rs", "src/event_loop.rs"] {
        let file = format!("stage1-callbacks/{file}");
        let text = std::fs::read_to_string(root.join(&file)).expect("it is there");
        fixture.write(&file, &text);
    }
    fixture
}

const RUN: &str = "GET /.run?program=echo&style=callbacks";

#[test]
fn a_run_is_the_recorded_one_until_a_knob_is_turned() {
    let fixture = with_runs();
    let server = Server::of(&fixture);
    let figure = server.ask(RUN);
    assert!(figure.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html"), "{figure}");
    assert!(figure.contains("<figure class=\"trace\" id=\"trace-echo-callbacks\""));
    assert!(figure.contains("<tbody>\n<tr><td>1</td><td>0 ms</td>"));
    let body = |answer: String| answer.split_once("\r\n\r\n").map(|it| it.1.to_owned());
    let untouched = body(figure);
    let knobs = "seed=1&latency=1&jitter=0&loss=0&split=0&reset=0&clients=2";
    assert_eq!(body(server.ask(&format!("{RUN}&{knobs}"))), untouched);
    let turned = body(server.ask(&format!("{RUN}&clients=3&jitter=20&seed=5")));
    assert_ne!(turned, untouched);
    assert_eq!(body(server.ask(&format!("{RUN}&clients=3&jitter=20&seed=5"))), turned);
    let pair = server.ask(&format!("{RUN}&style=callbacks"));
    assert_eq!(pair.matches("<figure").count(), 2);
    assert!(pair.contains("<div class=\"trace-pair\">"));
    let knobs = server.ask("GET /.knobs?program=countdown&style=callbacks");
    assert!(knobs.contains("\"rocket a, every\""), "{knobs}");
    for wrong in [
        "&clients=7",
        "&clients=99999999999999999999999999",
        "&latency=-1",
        "&style=threads",
        "&period=1",
        "&seed=1&seed=1",
        "&style=callbacks&style=callbacks",
        &format!("&seed={}", "9".repeat(15_000)),
    ] {
        let answer = server.ask(&format!("{RUN}{wrong}"));
        assert!(answer.starts_with("HTTP/1.1 400 "), "{wrong:.20}: {answer}");
    }
}

/// A source that is a pipe without a writer is never read to its end.
#[cfg(target_os = "linux")]
#[test]
fn a_run_that_hangs_is_ended_and_nobody_is_left() {
    let fixture = with_runs();
    let server = Server::of(&fixture);
    let source = fixture.root().join("stage1-callbacks/examples/callbacks/echo.rs");
    std::fs::remove_file(&source).expect("it is there");
    assert!(Command::new("mkfifo").arg(source).status().expect("it runs").success());
    let answer = server.ask(RUN);
    assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nno end after 2s"), "{answer}");
    assert_eq!(children(server.child.id()), 0);
    // Nor is he, if the server ends before.
    let mut server = server;
    let mut stream = server.connect();
    write!(stream, "{RUN} HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    wait_until("it runs", || children(server.child.id()) == 1);
    let left = started_by(server.child.id());
    assert_eq!(server.interrupted(), Some(0));
    assert!(left.iter().all(|id| !is_there(id)), "{left:?} is left");
}

/// Asks for a run, and says whether it was answered as it may be; or does not stay for that.
#[cfg(target_os = "linux")]
fn asks(server: &Server, seed: usize, stays: bool) -> bool {
    let (mut stream, host) = (server.connect(), server.address);
    let run = format!("{RUN}&seed={seed} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    stream.write_all(run.as_bytes()).expect("it reads");
    let mut answer = String::new();
    if stays {
        // With too many at once, some are let down.
        drop(stream.read_to_string(&mut answer));
    }
    let may_be = ["HTTP/1.1 200 ", "HTTP/1.1 503 "];
    answer.is_empty() || may_be.iter().any(|it| answer.starts_with(it))
}

/// Whoever asks for a thousand runs at once gets them, one or two at a time, and leaves nothing
/// behind, whether he stays for the answer or not.
#[cfg(target_os = "linux")]
#[test]
fn many_runs_at_once_are_few_processes_and_leave_none() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let fixture = with_runs();
    let server = Server::of(&fixture);
    server.ask(RUN);
    let id = server.child.id();
    let descriptors =
        || std::fs::read_dir(format!("/proc/{id}/fd")).map_or(0, Iterator::count);
    let (before, done) = (descriptors(), AtomicBool::new(false));
    let most = std::thread::scope(|scope| {
        let server = &server;
        let crowd = (0..40).map(|n| {
            scope.spawn(move || (1..=25).all(|seed| asks(server, seed, n % 2 == 1)))
        });
        let crowd: Vec<_> = crowd.collect();
        let watch = scope.spawn(|| {
            let mut most = 0;
            while !done.load(Ordering::SeqCst) {
                most = most.max(children(id));
                std::thread::sleep(Duration::from_millis(1));
            }
            most
        });
        let answered: Vec<_> =
            crowd.into_iter().map(|one| one.join().unwrap_or(false)).collect();
        done.store(true, Ordering::SeqCst);
        assert!(!answered.contains(&false), "it was answered otherwise");
        watch.join().expect("it does not panic")
    });
    // Two, but who looks at one thread after the other sees a place change hands meanwhile.
    assert!((1..=8).contains(&most), "{most} processes at once");
    wait_until("nobody is left", || children(id) == 0 && descriptors() <= before);
    assert!(server.ask(RUN).starts_with("HTTP/1.1 200 "));
}

/// How many processes a process has started that are still there.
#[cfg(target_os = "linux")]
fn children(id: u32) -> usize {
    started_by(id).len()
}

/// The numbers of those.
#[cfg(target_os = "linux")]
fn started_by(id: u32) -> Vec<String> {
    let tasks =
        std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = tasks.flat_map(|task| {
        let children = std::fs::read_to_string(task.path().join("children"));
        let children = children.unwrap_or_default();
        children.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    });
    children.collect()
}

/// Whether there is such a process, and somebody in it who could run.
#[cfg(target_os = "linux")]
fn is_there(id: &String) -> bool {
    let status =
        std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// The book's own workspace, served, with a desk elsewhere; and a cargo that counts.
#[cfg(target_os = "linux")]
struct Desk {
    server: Server,
    folder: tempfile::TempDir,
}

#[cfg(target_os = "linux")]
impl Desk {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (cargo, log) = (folder.path().join("cargo"), folder.path().join("log"));
        let real = std::env::var("CARGO").expect("cargo says so to what it runs");
        let script =
            format!("#!/bin/sh\necho >>'{}'\nexec '{real}' \"$@\"\n", log.display());
        std::fs::write(&cargo, script).expect("it can be written");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&cargo, mode).expect("it can be run");
        let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
        command.env("CARGO", cargo).env("LINEAGE_WORK", folder.path().join("desk"));
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self { server: Server::start(&root, &mut command), folder }
    }

    /// How often something was built.
    fn builds(&self) -> usize {
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        log.unwrap_or_default().len()
    }

    /// Saves exercise 1.1.
    fn save(&self, body: &str) {
        let folder = self.folder.path().join("desk/1.1");
        std::fs::create_dir_all(&folder).expect("a folder");
        let text = format!(
            "use std::time::Duration;\npub fn wall_time(pages: u32, latency: Duration, \
             workers: u32) -> Option<Duration> {{\n    {body}\n}}\n"
        );
        std::fs::write(folder.join("exercise.rs"), text).expect("it can be written");
    }

    /// How it stands; `None`, if that is `state`.
    fn ask(&self, state: &str) -> Option<Told> {
        let answer = self.server.ask(&format!("GET /.exercise?1.1&{state}"));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json"));
        let body = answer.split_once("\r\n\r\n").expect("it has a body").1;
        serde_json::from_str(body).expect("it is JSON")
    }

    /// Asks until it is no more busy.
    fn verdict(&self) -> Told {
        let is_busy = || self.ask("").expect("it is another").html.is_none();
        // The first build may take long, on a machine with much to do.
        wait(Duration::from_mins(5), "it is built and run", || !is_busy());
        self.ask("").expect("it is another")
    }
}

#[cfg(target_os = "linux")]
#[derive(serde::Deserialize)]
struct Told {
    state: String,
    words: String,
    html: Option<String>,
}

/// One test, as there is one place for the runs, and one folder of pages.
#[cfg(target_os = "linux")]
#[test]
fn an_exercise_is_built_and_run_as_soon_as_it_is_saved() {
    let desk = Desk::new();
    only_what_is_in_the_catalogue_is_taken(&desk);
    who_has_not_begun_is_told_how(&desk);
    what_does_not_compile_is_said_in_the_compilers_words(&desk);
    whatever_asks_how_often_it_is_built_once(&desk);
    what_is_right_is_remembered(&desk);
    what_hangs_keeps_nobody_waiting_and_ends_with_the_next_text(&desk);
    nobody_is_left_after_ctrl_c(desk);
}

#[cfg(target_os = "linux")]
fn only_what_is_in_the_catalogue_is_taken(desk: &Desk) {
    let long = "9".repeat(15_000);
    for query in ["", "?", "?9.9", "?1", "?1.1.1", "?../1.1", "?%31.1", "?01.1", &long] {
        let answer = desk.server.ask(&format!("GET /.exercise{query}"));
        assert!(answer.starts_with("HTTP/1.1 4"), "{query:.20}: {answer}");
    }
    let said = desk.server.ask("GET /.exercise?9.9");
    assert!(
        said.contains("there is no such exercise; there are: 1.1, 1.2, 2.1"),
        "{said}"
    );
    assert!(desk.ask(&long).is_some());
}

#[cfg(target_os = "linux")]
fn who_has_not_begun_is_told_how(desk: &Desk) {
    let told = desk.verdict();
    assert!(told.words.contains("not begun"), "{}", told.words);
    assert!(told.words.ends_with("cargo run -- check 1.1"), "{}", told.words);
    assert!(desk.ask(&told.state).is_none(), "nothing is new");
    assert_eq!((desk.builds(), desk.folder.path().join("desk").exists()), (0, false));
}

#[cfg(target_os = "linux")]
fn what_does_not_compile_is_said_in_the_compilers_words(desk: &Desk) {
    desk.save("\"<script>\"");
    let told = desk.verdict();
    assert_eq!(told.words, "1.1 does not compile:");
    let html = told.html.expect("there is more");
    assert!(html.contains("mismatched types"), "{html}");
    assert!(html.contains("desk/1.1/exercise.rs:3:5"), "{html}");
    assert!(html.contains("&lt;script&gt;") && !html.contains("<script>"), "{html}");
    assert!(!html.contains("<figure"), "it has no run");
}

#[cfg(target_os = "linux")]
const WRONG: &str = "if pages == 41 { println!(\"<b>mine\"); }
    Some(latency * pages * workers.min(1))";

#[cfg(target_os = "linux")]
fn whatever_asks_how_often_it_is_built_once(desk: &Desk) {
    let before = desk.builds();
    desk.save(WRONG);
    let told: Vec<_> = std::thread::scope(|scope| {
        let tabs: Vec<_> = (0..20).map(|_| scope.spawn(|| desk.verdict())).collect();
        tabs.into_iter().map(|it| it.join().expect("it is told")).collect()
    });
    assert!(told.iter().all(|it| it.state == told[0].state));
    assert_eq!(told[0].words, "1.1 is not right yet. The first difference:");
    let html = told[0].html.as_deref().expect("there is more");
    assert!(html.contains("    - 40 pages of 50 ms, 16 workers: 150 ms"), "{html}");
    assert!(html.contains("<div class=\"trace-pair\">"));
    assert_eq!(html.matches("<tr class=\"differs\"><td>6</td>").count(), 2);
    assert!(
        html.contains("≠ the first difference: callback 1 (the check) prints: 40 pages")
    );
    // The reader's lines are there; whoever wants those of the solution has the command.
    assert!(html.contains("println!(\\\"\\u003cb>mine"), "the source is not there");
    assert!(html.contains("prints: &lt;b&gt;mine") && !html.contains("<b>mine"));
    assert!(!html.contains("div_ceil"));
    assert_eq!(desk.builds(), before + 1);
    // Nothing is built again that is saved as it was.
    desk.save(WRONG);
    assert!(desk.ask(&told[0].state).is_none());
    assert_eq!(desk.builds(), before + 1);
}

#[cfg(target_os = "linux")]
fn what_is_right_is_remembered(desk: &Desk) {
    let solved = desk.folder.path().join("desk/1.1/solved.rs");
    assert!(!solved.exists());
    desk.save(
        "if pages == 0 { return Some(latency * 0); }\n    \
         Some(latency * (workers > 0).then(|| pages.div_ceil(workers))?)",
    );
    let told = desk.verdict();
    assert_eq!(told.words, "1.1 is right.");
    let html = told.html.expect("there is more");
    assert!(html.contains("<p>The pages come in rounds."), "{html}");
    assert!(html.contains("<div class=\"trace-pair\">"));
    assert!(solved.exists());
}

#[cfg(target_os = "linux")]
fn what_hangs_keeps_nobody_waiting_and_ends_with_the_next_text(desk: &Desk) {
    let id = desk.server.child.id();
    desk.save("loop { std::thread::park() }");
    let told = desk.verdict();
    assert_eq!(told.words, "1.1 is not right yet. The first difference:");
    let html = told.html.expect("there is more");
    assert!(html.contains("and then nothing, until it was ended"), "{html}");
    assert!(html.contains("there is no run to look at"), "{html}");
    assert_eq!(children(id), 0);
    // Again, but it is not heard out.
    desk.save("loop { std::thread::yield_now() }");
    hangs(desk);
    let began = Instant::now();
    assert!(desk.server.ask("GET /01-waiting.html").contains("<h1"));
    let other = desk.server.ask("GET /.exercise?1.2");
    assert!(other.contains("You have not begun"), "{other}");
    assert!(began.elapsed() < Duration::from_secs(5), "it waits for what hangs");
    desk.save("None");
    let told = desk.verdict();
    assert!(told.html.expect("there is more").contains("(yours)"));
    assert_eq!(children(id), 0);
}

/// Until the program runs.
#[cfg(target_os = "linux")]
fn hangs(desk: &Desk) -> Vec<String> {
    let running = || started_by(desk.server.child.id());
    let is_program = |id: &String| {
        let command = std::fs::read_to_string(format!("/proc/{id}/cmdline"));
        command.is_ok_and(|it| it.contains("exercise-1-1-yours"))
    };
    desk.ask("");
    wait(Duration::from_mins(5), "it runs", || running().iter().any(is_program));
    running()
}

#[cfg(target_os = "linux")]
fn nobody_is_left_after_ctrl_c(mut desk: Desk) {
    desk.save("loop { std::thread::park() } // again");
    let left = hangs(&desk);
    assert_eq!(desk.server.interrupted(), Some(0));
    assert!(left.iter().all(|id| !is_there(id)), "{left:?} is left");
    drop(desk);
    // In the middle of a build.
    let mut desk = Desk::new();
    desk.save("None // in the middle");
    desk.ask("");
    let id = desk.server.child.id();
    wait_until("it is built", || children(id) > 0);
    let left = started_by(id);
    assert_eq!(desk.server.interrupted(), Some(0));
    assert!(left.iter().all(|id| !is_there(id)), "{left:?} is left");
}
