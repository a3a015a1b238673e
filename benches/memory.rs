//! What does it take to wait? A parked task and an idle connection, in each style, in memory
//! that is really in use, each time in a process of its own.
//!
//! `cargo run -p book -- measure memory` runs this and writes `benches/results/memory.json`.

#![allow(clippy::print_stdout, reason = "the figures are what it is for")]

use std::io::{self, BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use lineage::cost::Row;
use lineage::memory;
use lineage::styles::{STYLES, Style};
use serde_json::json;

/// How many processes of each.
const SAMPLES: usize = 5;

/// How many connections, and how many before these: the first ones make tables grow.
const CONNECTIONS: u16 = 500;
const BEFORE: u16 = 100;

const LINEAGE: &str = env!("CARGO_BIN_EXE_lineage");

fn main() -> io::Result<()> {
    let mut rows = Vec::new();
    for style in STYLES.iter().filter(|style| style.is_concurrent()) {
        let samples = (0..SAMPLES).map(|_| parked(style)).collect::<io::Result<_>>()?;
        let label = format!("{}, a parked task", style.name);
        rows.push(Row::of(&format!("task-{}", style.name), &label, "KiB", samples));
    }
    for style in STYLES.iter().filter(|style| style.is_concurrent()) {
        let samples = (0..SAMPLES).map(|_| idle(style)).collect::<io::Result<_>>()?;
        let label = format!("{}, an idle connection", style.name);
        rows.push(Row::of(&format!("connection-{}", style.name), &label, "KiB", samples));
    }
    println!("{}", json!({ "rows": rows }));
    Ok(())
}

/// What the tour says of a style's tasks.
fn parked(style: &Style) -> io::Result<f64> {
    let said = Command::new(LINEAGE).args(["child-park", style.name]).output()?.stdout;
    serde_json::from_slice(&said).map_err(io::Error::other)
}

/// What an echo server has more in use when more clients are there and say nothing.
fn idle(style: &Style) -> io::Result<f64> {
    let server = Server::start(style)?;
    let _first = server.connect(BEFORE)?;
    let before = server.memory()?;
    let _more = server.connect(CONNECTIONS)?;
    Ok((server.memory()? - before).max(0.0) / f64::from(CONNECTIONS))
}

/// `lineage run echo`, killed when this is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(style: &Style) -> io::Result<Self> {
        let mut child = Command::new(LINEAGE)
            .args(["run", "echo", "--style", style.name])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let said = child.stdout.take().expect("it was asked for");
        BufReader::new(said).read_line(&mut line)?;
        let address = line.strip_prefix("listening on ").unwrap_or_default();
        let address = address.split(',').next().unwrap_or_default().trim().to_owned();
        Ok(Self { child, address })
    }

    /// Clients of which each has been served once, so that somebody waits for it.
    fn connect(&self, clients: u16) -> io::Result<Vec<TcpStream>> {
        use std::io::{Read, Write};
        let connect = |_| {
            let mut client = TcpStream::connect(&self.address)?;
            client.write_all(b"x")?;
            client.read_exact(&mut [0])?;
            Ok(client)
        };
        (0..clients).map(connect).collect()
    }

    fn memory(&self) -> io::Result<f64> {
        memory::in_use(&self.child.id().to_string()).map_err(io::Error::other)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
