//! In front of a terminal: colour, unless somebody does not want it, and a way to leave.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::{lineage, send};

/// A new terminal: the end of who sits in front of it, and the end of the programs.
pub(super) fn terminal() -> (File, File) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    // No program is to hold the person's end: it would never hear of a hang-up.
    fcntl_setfd(&person, FdFlags::CLOEXEC).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let programs = OpenOptions::new()
        .read(true)
        .write(true)
        // Ctrl-C there is not to end the tests.
        .custom_flags(OFlags::NOCTTY.bits().cast_signed())
        .open(std::ffi::OsStr::from_bytes(name.as_bytes()));
    (person.into(), programs.unwrap())
}

/// Ctrl-Z, and until it is obeyed: whoever has not stopped yet does not go on at a SIGCONT.
#[cfg(target_os = "linux")]
pub(super) fn stop(child: &Child) {
    send("TSTP", child);
    let began = Instant::now();
    while state(child) != 'T' {
        assert!(began.elapsed().as_secs() < 60, "it does not stop");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What `ps` says of a process: `T` is stopped, `S` sleeps.
#[cfg(target_os = "linux")]
fn state(child: &Child) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let (_name, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

/// Runs a command in front of a terminal where somebody has typed something.
fn run(args: &str, typed: &str, environment: &[(&str, &str)]) -> (ExitStatus, String) {
    let (mut person, programs) = terminal();
    let mut command = lineage(args);
    command.envs(environment.iter().copied());
    command.stdin(programs.try_clone().unwrap()).stdout(programs.try_clone().unwrap());
    let mut child = command.stderr(programs).spawn().unwrap();
    drop(command); // and with it our copies of the programs' end
    person.write_all(typed.as_bytes()).unwrap();
    let mut seen = Vec::new();
    // On Linux, a terminal that nobody holds any more ends with an error.
    let _ = person.read_to_end(&mut seen);
    (child.wait().unwrap(), String::from_utf8_lossy(&seen).into_owned())
}

#[test]
fn colour_is_for_terminals_unless_somebody_does_not_want_it() {
    let seen = |environment: &[_]| run("diff 3 4 echo.rs", "", environment).1;
    assert!(seen(&[]).contains("\x1b[31m-"), "what is gone is red");
    for environment in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let seen = seen(&[environment]);
        assert!(seen.contains("+++ ") && !seen.contains('\x1b'), "{environment:?}");
    }
    assert!(seen(&[("NO_COLOR", "")]).contains('\x1b'), "an empty NO_COLOR says nothing");
}

#[test]
fn a_tour_is_left_with_a_q() {
    let (status, seen) = run("", "q", &[]);
    assert_eq!(status.code(), Some(0), "{seen}");
    assert!(seen.contains("Guess: one thread"), "{seen:?}");
    assert!(seen.ends_with("q\r\n"), "the next prompt has a line of its own: {seen:?}");
    assert!(!seen.contains("blocking"), "nothing was run any more: {seen:?}");
}

#[test]
fn a_tour_is_left_in_the_middle_of_a_crawl() {
    let (mut person, programs) = terminal();
    let mut command = lineage("");
    command.stdin(programs.try_clone().unwrap()).stdout(programs.try_clone().unwrap());
    let mut child = command.stderr(programs).spawn().unwrap();
    drop(command);
    person.write_all(b"\n").unwrap(); // no guess
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(b"/40") {
        person.read_exact(&mut byte).unwrap();
        seen.extend(byte);
    }
    person.write_all(b"q").unwrap();
    let _ = person.read_to_end(&mut seen);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(seen.ends_with(b"/40\r\n"), "the next prompt has a line of its own");
}

#[test]
fn a_plain_tour_is_plain_even_there() {
    let (mut person, programs) = terminal();
    let mut command = lineage("--plain");
    command.stdin(programs.try_clone().unwrap()).stdout(programs.try_clone().unwrap());
    let mut child = command.stderr(programs).spawn().unwrap();
    drop(command);
    let mut seen = [0; 200];
    person.read_exact(&mut seen).unwrap();
    send("INT", &child);
    child.wait().unwrap();
    assert!(seen.starts_with(b"One crawler") && !seen.contains(&0x1b), "{seen:?}");
}

/// Key by key while it asks, and as before while it is stopped.
#[test]
#[cfg(target_os = "linux")]
fn a_tour_that_is_stopped_gives_the_terminal_back() {
    use rustix::termios::{LocalModes, tcgetattr};

    let (mut person, programs) = terminal();
    let mut command = lineage("");
    command.stdin(programs.try_clone().unwrap()).stdout(programs.try_clone().unwrap());
    let mut child = command.stderr(programs.try_clone().unwrap()).spawn().unwrap();
    drop(command);
    let is_line_by_line =
        || tcgetattr(&programs).unwrap().local_modes.contains(LocalModes::ICANON);
    let wait_for = |line_by_line| {
        let began = Instant::now();
        while is_line_by_line() != line_by_line {
            assert!(began.elapsed().as_secs() < 60, "line by line: not {line_by_line}");
            thread::sleep(Duration::from_millis(5));
        }
    };
    wait_for(false);
    for _ in 0..2 {
        stop(&child);
        assert!(is_line_by_line());
        send("CONT", &child);
        wait_for(false);
    }
    person.write_all(b"q").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(is_line_by_line());
}
