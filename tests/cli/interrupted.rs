//! Ctrl-C: whatever goes on, nothing is left of it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use lineage::styles::Style;
use site::demo::Course;

use super::{lineage, send};

/// The status of somebody who was interrupted, as shells have it: 128 and the signal.
const INTERRUPTED: Option<i32> = Some(130);

/// Starts a command, with pipes to read from.
fn start(args: &str) -> Child {
    lineage(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The process that `parent` has started and that still runs.
fn child_of(parent: u32) -> Option<u32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.into_iter().find(|pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which is in brackets and may be anything: state, parent.
        let rest = stat.rsplit(") ").next().unwrap_or_default();
        rest.split(' ').nth(1) == Some(&parent.to_string())
    })
}

/// Looks again and again until something is there.
fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..10_000 {
        if let Some(found) = look() {
            return found;
        }
        thread::sleep(Duration::from_millis(3));
    }
    panic!("it never came to pass that {what}");
}

#[test]
fn a_tour_ends_with_the_child_that_runs() {
    // In the first crawl, and later on: among crawls and their tasks.
    for (signal, lines) in [("INT", 0), ("TERM", 0), ("INT", 7)] {
        let mut tour = start("--plain");
        let mut stdout = BufReader::new(tour.stdout.take().unwrap());
        for _ in 0..lines {
            stdout.read_line(&mut String::new()).unwrap();
        }
        let pid = tour.id();
        let child = eventually("the tour has a child", || child_of(pid));
        send(signal, &tour);
        let status = tour.wait().unwrap();
        assert_eq!(status.code(), INTERRUPTED, "{signal}");
        // Its parent is gone, and so nobody would wait for it: it was ended before.
        assert!(!Path::new(&format!("/proc/{child}")).exists(), "{child} runs on");
        let mut stderr = String::new();
        tour.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert_eq!(stderr, "lineage: interrupted\n");
    }
}

/// What is long, and has nothing of its own to say of a Ctrl-C.
#[test]
fn a_measurement_and_a_soak_end_with_a_word() {
    for args in ["cost --seconds 60", "soak --seeds 1000000"] {
        let long = start(args);
        until_it_listens(long.id());
        send("INT", &long);
        let output = long.wait_with_output().unwrap();
        assert_eq!(output.status.code(), INTERRUPTED, "{args}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "lineage: interrupted\n");
    }
}

/// In the place of cargo stands somebody who never ends.
#[test]
fn what_is_built_first_is_interrupted_with_a_word() {
    let cargo = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-that-never-ends");
    fs::write(&cargo, "#!/bin/sh\nsleep 1000\n").unwrap();
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
    for args in ["try Cargo.toml", "check 1.1", "book", "step countdown"] {
        let mut built = lineage(args);
        built.env("CARGO", &cargo).stdout(Stdio::piped()).stderr(Stdio::piped());
        let built = built.spawn().unwrap();
        eventually("cargo is run", || child_of(built.id()));
        send("INT", &built);
        let output = built.wait_with_output().unwrap();
        assert_eq!(output.status.code(), INTERRUPTED, "{args}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "lineage: interrupted\n");
    }
}

/// The mask of signals in a line of what the kernel tells of a process.
fn mask(pid: u32, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|it| it.strip_prefix(line))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Waits until a process listens for some signal.
fn until_it_listens(pid: u32) {
    const TERM: u64 = 1 << 14;
    eventually("it listens for signals", || {
        (mask(pid, "SigCgt:")? & TERM != 0).then_some(())
    });
}

/// `nohup lineage …`; in a script, `lineage … &` is started with SIGINT ignored.
#[test]
fn a_signal_that_was_ignored_from_the_start_stays_ignored() {
    for (signal, bit) in [("HUP", 0), ("INT", 1)] {
        let soak = lineage("soak --seeds 1000000");
        let trap = format!("trap '' {signal}; exec \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &trap, "sh"]).arg(soak.get_program()).args(soak.get_args());
        let mut long =
            shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until_it_listens(long.id());
        assert_eq!(mask(long.id(), "SigIgn:").unwrap() >> bit & 1, 1, "{signal}");
        send(signal, &long);
        assert_eq!(long.try_wait().unwrap(), None, "{signal} has ended it");
        send("TERM", &long);
        assert_eq!(long.wait().unwrap().code(), INTERRUPTED);
    }
}

/// Whoever nobody answers may be interrupted, in a style that blocks as in any other.
#[test]
fn a_race_ends_with_a_word_although_nobody_answers() {
    let course = Course::lay().unwrap();
    let silent = course.addresses()[0];
    for style in Style::names() {
        let race = start(&format!("run happy-eyeballs {silent} --style {style}"));
        until_it_listens(race.id());
        send("INT", &race);
        let output = race.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*output.stdout), (INTERRUPTED, &b""[..]));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "lineage: interrupted\n");
    }
}

#[test]
fn a_crawl_says_how_far_it_came() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let crawl = start(&format!("crawl http://{}/", silent.local_addr().unwrap()));
    let _connection = silent.accept().unwrap();
    send("INT", &crawl);
    let output = crawl.wait_with_output().unwrap();
    assert_eq!(output.status.code(), INTERRUPTED);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "lineage: interrupted after 0 pages\n");
}
