//! Servers in processes of their own, where descriptors and signals can be told apart
//! from everybody else's.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use lineage::styles::Style;

use crate::chat::Guest;
use crate::clients::{
    bytes, connect, exchange, one_crowd_at_a_time, reset, round_trip, stuff,
};
use crate::eventually;
use crate::ring::{self, typed_for};

/// `lineage run echo` or `chat`, which is killed at the latest when this is dropped.
struct Process {
    child: Child,
    address: SocketAddr,
    said: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it by way of a shell, which may set limits before it gives way.
    fn start(style: &Style, program: &str, limits: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{limits} exec \"$@\""), "sh"])
            .args([env!("CARGO_BIN_EXE_lineage"), "run", program])
            .args(typed_for(style))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.strip_prefix("listening on ").unwrap_or_default();
        let address = address.split(',').next().unwrap_or_default().parse();
        let address = address.unwrap_or_else(|_| panic!("no address in {line:?}"));
        Self { child, address, said }
    }

    /// How many descriptors it has open.
    fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().count()
    }

    /// Whether one of them is an `io_uring`.
    fn has_a_ring(&self) -> bool {
        let open = fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let mut open = open.filter_map(|it| fs::read_link(it.ok()?.path()).ok());
        open.any(|it| it.to_string_lossy().contains("io_uring"))
    }

    fn interrupt(&self) {
        // Every shell has this command built in.
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end: its status, and all that it said since.
    fn end(mut self) -> (ExitStatus, String) {
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        let mut said = String::new();
        self.said.read_to_string(&mut said).unwrap();
        let mut stderr = self.child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (status.unwrap(), said)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Clients that stay, clients that reset, clients that say nothing: none leaves a trace.
pub(crate) fn descriptors_go_back_to_where_they_were(style: &'static Style) {
    if !cfg!(target_os = "linux") {
        return; // there is no /proc
    }
    let _crowd = one_crowd_at_a_time();
    let server = Process::start(style, "echo", "");
    let before = server.descriptors();
    let silent: Vec<_> = (0..20).map(|_| connect(server.address)).collect();
    let heard: Vec<_> = (0..20).map(|_| connect(server.address)).collect();
    if style.is_concurrent() {
        heard.iter().for_each(|client| exchange(client, b"hello"));
        assert!(server.descriptors() >= before + 40, "all of them are open");
    }
    drop((silent, heard));
    for _ in 0..10 {
        reset(server.address);
    }
    assert_eq!(round_trip(server.address, b"hello"), b"hello");
    eventually("all descriptors are closed", || server.descriptors() == before);
}

/// By a ring if that was typed, and by nothing else.
pub(crate) fn a_style_waits_by_the_engine_that_was_asked_for(style: &'static Style) {
    let server = Process::start(style, "echo", "");
    assert_eq!(server.has_a_ring(), ring::is(style));
    assert_eq!(round_trip(server.address, b"hello"), b"hello");
}

/// More clients than it can have. Those that it cannot have now wait; nobody is lost.
pub(crate) fn a_flood_is_survived_with_64_descriptors(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    let server = Process::start(style, "echo", "ulimit -n 64;");
    let flood: Vec<_> = (0..100).map(|_| connect(server.address)).collect();
    for mut client in &flood {
        client.write_all(b"x").unwrap();
    }
    // Each is served as soon as those before it have left.
    for mut client in flood {
        let mut heard = [0];
        client.read_exact(&mut heard).unwrap();
        assert_eq!(heard, *b"x");
    }
    assert!(round_trip(server.address, bytes(100_000)) == bytes(100_000));
}

/// One client that was served and stays, one that is being written to and does not read,
/// one that nobody may have noticed yet.
pub(crate) fn ctrl_c_ends_with_a_goodbye_although_clients_are_there(
    style: &'static Style,
) {
    let server = Process::start(style, "echo", "");
    let heard = connect(server.address);
    exchange(&heard, b"hello");
    let stuck = connect(server.address);
    if style.is_concurrent() {
        stuff(&stuck);
    }
    let new = connect(server.address);
    server.interrupt();
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.ends_with("goodbye\n"), "{said}");
    for client in [heard, stuck, new] {
        assert_is_over(client);
    }
}

/// An end or a reset, as long as it is one.
fn assert_is_over(mut client: TcpStream) {
    if let Err(error) = client.read_to_end(&mut Vec::new()) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
}

/// To those who read, those who do not, and those whom nobody has asked anything yet.
pub(crate) fn ctrl_c_says_goodbye_to_everybody_in_a_room(style: &'static Style) {
    if style.chat.is_none() {
        return;
    }
    let server = Process::start(style, "chat", "");
    let (mut ann, deaf) =
        (Guest::named(server.address, "ann"), Guest::named(server.address, "deaf"));
    let new = connect(server.address);
    new.peek(&mut [0]).unwrap();
    ann.says("one last thing");
    ann.hears_until("ann: one last thing");
    server.interrupt();
    assert_eq!(ann.hears_the_rest(), "* the room closes\n");
    let (status, said) = server.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.ends_with("\ngoodbye\n") && !said.contains("although"), "{said}");
    assert_eq!(deaf.hears_the_rest().lines().last(), Some("* the room closes"));
    let mut rest = String::new();
    (&new).read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "- what is your name?\n* the room closes\n");
}

/// However its guests leave.
pub(crate) fn descriptors_of_a_room_go_back_to_where_they_were(style: &'static Style) {
    if style.chat.is_none() {
        return;
    }
    let _crowd = one_crowd_at_a_time();
    let server = Process::start(style, "chat", "");
    let before = server.descriptors();
    let guests = (0..20).map(|n| Guest::named(server.address, &format!("guest{n}")));
    let guests: Vec<_> = guests.collect();
    assert!(server.descriptors() >= before + 20, "all of them are open");
    let silent: Vec<_> = (0..10).map(|_| connect(server.address)).collect();
    for (n, guest) in guests.into_iter().enumerate() {
        match n % 2 {
            0 => guest.says("/quit"),
            _ => drop(guest), // with unread bytes, some of them: a reset
        }
    }
    drop(silent);
    eventually("all descriptors are closed", || server.descriptors() == before);
}
