//! What a crawl needs of memory does not depend on how many pages a level has: a page that
//! nobody visits yet is a path in the frontier, and nothing else.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lineage::styles::STYLES;

/// Links on the one page there is.
const LINKS: usize = 100_000;

/// What a crawl may have in use at its peak, in MiB.
const BOUND: u64 = 64;

/// Far more than a crawl takes: whoever is not done by then hangs.
const DEADLINE: Duration = Duration::from_mins(5);

#[test]
fn a_hundred_thousand_links_fit_into_64_mib_in_every_style() {
    thread::scope(|scope| {
        for style in STYLES {
            scope.spawn(move || {
                let peak = peak_of_a_crawl(style.name);
                assert!(peak <= BOUND, "{}: {peak} MiB", style.name);
            });
        }
    });
}

/// Serves one page with all the links, and is gone: every other visit is refused at once.
fn peak_of_a_crawl(style: &str) -> u64 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(&page()).unwrap();
    });
    let mut crawl = Command::new(env!("CARGO_BIN_EXE_lineage"));
    crawl.args(["crawl", &url, "--style", style]).stdout(Stdio::null());
    let mut crawl = crawl.stderr(Stdio::null()).spawn().unwrap();
    let (began, mut peak) = (Instant::now(), 0);
    let status = loop {
        peak = high_water_mark(crawl.id()).unwrap_or(peak);
        if let Some(status) = crawl.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < DEADLINE, "{style}: no end after {DEADLINE:?}");
        thread::sleep(Duration::from_millis(1));
    };
    serving.join().unwrap();
    assert!(status.success(), "{style}: {status}");
    assert!(peak > 0, "{style}: the process was never seen");
    peak / 1024
}

fn page() -> Vec<u8> {
    let mut page =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n"
            .to_vec();
    for n in 0..LINKS {
        writeln!(page, "<a href='/page/{n}'>{n}</a>").unwrap();
    }
    page
}

/// The most memory that a process has had in use, in KiB.
fn high_water_mark(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
