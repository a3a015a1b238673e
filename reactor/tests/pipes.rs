//! Pipes: how the two ends learn that the other is gone.

#![cfg(unix)]

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use reactor::{Direction, Reactor};

const SOON: Option<Duration> = Some(Duration::from_secs(5));

/// M7.17: on Linux a writer that is gone shows as HUP without IN. The reader is woken.
#[test]
fn a_reader_learns_that_the_writer_is_gone() {
    let reactor = Reactor::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    let pipe = reactor.adopt(reader.into(), Direction::Read).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(pipe.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    let _ = reactor.wait_for(pipe.key(), Direction::Read, "r");
    let mut ready = Vec::new();

    writer.write_all(b"hello").unwrap();
    reactor.select(SOON, &mut ready).unwrap();
    assert_eq!(ready, ["r"]);
    assert_eq!(pipe.read(&mut buffer).unwrap(), 5);
    assert_eq!(pipe.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);

    let _ = reactor.wait_for(pipe.key(), Direction::Read, "again");
    drop(writer);
    reactor.select(SOON, &mut ready).unwrap();
    assert_eq!(ready, ["r", "again"]);
    assert_eq!(pipe.read(&mut buffer).unwrap(), 0);
    assert_eq!(pipe.write(b"x").unwrap_err().kind(), ErrorKind::Unsupported);
}

/// M7.17: a reader that is gone shows as OUT and ERR. The writer is woken.
#[test]
fn a_writer_learns_that_the_reader_is_gone() {
    let reactor = Reactor::new().unwrap();
    let (mut reader, writer) = io::pipe().unwrap();
    let pipe = reactor.adopt(writer.into(), Direction::Write).unwrap();
    while pipe.write(&[0; 4096]).is_ok() {}
    let _ = reactor.wait_for(pipe.key(), Direction::Write, "w");
    reader.read_exact(&mut [0; 16]).unwrap();
    drop(reader);
    let mut ready = Vec::new();
    reactor.select(SOON, &mut ready).unwrap();
    assert_eq!(ready, ["w"]);
    assert_eq!(pipe.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// M7.18: a regular file cannot be waited for; it is always "ready" and always blocks.
#[cfg(target_os = "linux")]
#[test]
fn a_regular_file_is_refused() {
    let reactor = Reactor::<()>::new().unwrap();
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let error = reactor.adopt(file.into(), Direction::Read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
}
