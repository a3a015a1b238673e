//! Pipes: how the two ends learn that the other is gone.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

mod bounds;

use bounds::Turns;
use reactor::backend::Clockwork;
use reactor::{Direction, Pipe, Reactor};

const SOON: Option<Duration> = Some(Duration::from_secs(5));

/// Writes until nothing more fits.
fn fill<T>(pipe: &Pipe<T>) {
    let mut turns = Turns::default();
    while pipe.write(&[0; 4096]).is_ok() {
        turns.one_more();
    }
}

fn selected<T>(reactor: &Reactor<T>) -> Vec<T> {
    let mut ready = Vec::new();
    reactor.select(SOON, &mut ready).unwrap();
    ready
}

/// M7.17: on Linux a writer that is gone shows as HUP without IN. The reader is woken.
#[test]
fn a_reader_learns_that_the_writer_is_gone() {
    let reactor = Reactor::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    let pipe = reactor.adopt(reader.into(), Direction::Read).unwrap();
    assert!(format!("{pipe:?}").starts_with("Pipe("));
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
    fill(&pipe);
    let _ = reactor.wait_for(pipe.key(), Direction::Write, "w");
    reader.read_exact(&mut [0; 16]).unwrap();
    drop(reader);
    let mut ready = Vec::new();
    reactor.select(SOON, &mut ready).unwrap();
    assert_eq!(ready, ["w"]);
    assert_eq!(pipe.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// Three descriptors of one pipe, one after the other: each is a new beginning, and what the
/// last one left does not stand in its way.
#[test]
fn a_clone_of_a_pipe_can_be_adopted_after_the_first_was_dropped() {
    let reactor = Reactor::new().unwrap();
    let (reader, mut writer) = io::pipe().unwrap();
    for name in ["one", "two", "three"] {
        let clone = reader.try_clone().unwrap().into();
        let pipe = reactor.adopt(clone, Direction::Read).unwrap();
        assert_eq!(pipe.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(reactor.wait_for(pipe.key(), Direction::Read, name), None);
        writer.write_all(b"x").unwrap();
        assert_eq!(selected(&reactor), [name]);
        assert_eq!(pipe.read(&mut [0]).unwrap(), 1);
        drop(pipe);
        assert_eq!(reactor.waiters(), 0);
    }

    let (mut reader, writer) = io::pipe().unwrap();
    for name in ["one", "two", "three"] {
        let clone = writer.try_clone().unwrap().into();
        let pipe = reactor.adopt(clone, Direction::Write).unwrap();
        fill(&pipe);
        assert_eq!(reactor.wait_for(pipe.key(), Direction::Write, name), None);
        reader.read_exact(&mut [0; 4096]).unwrap();
        assert_eq!(selected(&reactor), [name]);
    }
}

/// The two directions of one file, adopted one by one and side by side; and two descriptors of
/// one direction.
#[test]
fn clones_that_are_adopted_at_once_do_not_disturb_each_other() {
    let reactor = Reactor::new().unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let adopt =
        |direction| reactor.adopt(ours.try_clone().unwrap().into(), direction).unwrap();
    let (first, second) = (adopt(Direction::Read), adopt(Direction::Read));
    let writes = adopt(Direction::Write);
    for (pipe, name) in [(&first, "first"), (&second, "second")] {
        assert_eq!(pipe.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(reactor.wait_for(pipe.key(), Direction::Read, name), None);
    }
    assert_eq!(writes.write(b"out").unwrap(), 3);
    drop(first);
    theirs.write_all(b"in").unwrap();
    assert_eq!(selected(&reactor), ["second"]);
    assert_eq!(second.read(&mut [0; 8]).unwrap(), 2);
    theirs.read_exact(&mut [0; 3]).unwrap();
}

/// What could not be adopted leaves nothing behind: neither with the selector nor in the table.
#[test]
fn a_pipe_that_is_refused_can_be_adopted_elsewhere() {
    let (reader, mut writer) = io::pipe().unwrap();
    let clone = reader.try_clone().unwrap();
    let refuses = Reactor::<&str>::with_backend(Clockwork::new());
    let error = refuses.adopt(clone.into(), Direction::Read).unwrap_err();
    assert_eq!((error.kind(), refuses.waiters()), (ErrorKind::Unsupported, 0));
    let reactor = Reactor::new().unwrap();
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    #[cfg(target_os = "linux")]
    for _ in 0..2 {
        let file = file.try_clone().unwrap();
        let error = reactor.adopt(file.into(), Direction::Read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
    drop(file);
    let pipe = reactor.adopt(reader.into(), Direction::Read).unwrap();
    assert_eq!(reactor.wait_for(pipe.key(), Direction::Read, "r"), None);
    writer.write_all(b"x").unwrap();
    assert_eq!(selected(&reactor), ["r"]);
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
