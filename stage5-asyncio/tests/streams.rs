//! Streams: what a coroutine reads and writes of a connection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use common::{MS, panic_of, reports, turns};
use futures_util::StreamExt;
use reactor::sim::{Sim, Weather};
use stage5_asyncio::exceptions::{IncompleteRead, LimitOverrun};
use stage5_asyncio::streams::{
    ReadError, StreamOptions, StreamReader, StreamWriter, open_connection,
    open_connection_with, start_server, start_server_with,
};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop, run, timeout};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Runs `story` on real sockets, and in the invented network in ten kinds of weather.
fn everywhere<F: Future<Output = ()> + 'static>(story: impl Fn() -> F) {
    run(in_time(story())).unwrap();
    for seed in 0..10 {
        let sim = Sim::new(seed, Weather::rough());
        reactor::backend::scope(sim, || run(in_time(story())).unwrap());
    }
}

async fn in_time(story: impl Future<Output = ()>) {
    timeout(Duration::from_mins(1), story).await.expect("it takes no minute");
}

/// A reader with these bytes in it, and a limit.
fn fed(data: &[u8], limit: usize) -> StreamReader {
    let reader = StreamReader::new(limit);
    reader.feed_data(data);
    reader
}

/// The same, and they were the last.
fn ended(data: &[u8]) -> StreamReader {
    let reader = fed(data, 64);
    reader.feed_eof();
    reader
}

async fn echo(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1000).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data);
        writer.drain().await?;
    }
}

/// M6.36
#[test]
fn a_stream_is_read_by_lines_separators_counts_and_to_the_end() {
    run(async {
        let mut reader = ended(b"l1\nl2\nxx|rest");
        assert_eq!(reader.readline().await.unwrap(), b"l1\n");
        assert_eq!(reader.readline().await.unwrap(), b"l2\n");
        assert_eq!(reader.readuntil(b"|").await.unwrap(), b"xx|");
        assert_eq!(reader.readexactly(2).await.unwrap(), b"re");
        assert_eq!(reader.read(1).await.unwrap(), b"s");
        assert!(!reader.at_eof());
        assert_eq!(reader.read_to_end().await.unwrap(), b"t");
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        assert_eq!(reader.readline().await.unwrap(), b"");
        assert_eq!(reader.read(0).await.unwrap(), b"");
        assert!(reader.at_eof());
    })
    .unwrap();
}

/// M6.36
#[test]
fn lines_are_an_async_for() {
    run(async {
        let mut reader = ended(b"a\n\nb");
        let mut lines = Vec::new();
        while let Some(line) = reader.next().await.unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, [&b"a\n"[..], b"\n", b"b"]);
        let all: Vec<_> = ended(b"a\n\nb").map(Result::unwrap).collect().await;
        assert_eq!(all, lines);
    })
    .unwrap();
}

/// M6.37
#[test]
fn a_short_read_says_what_was_there_and_what_was_expected() {
    run(async {
        let incomplete = |error| match error {
            ReadError::Incomplete(IncompleteRead { partial, expected }) => {
                (partial, expected)
            }
            other => unreachable!("{other}"),
        };
        let error = ended(b"ab").readexactly(5).await.unwrap_err();
        assert_eq!(error.to_string(), "2 bytes read on a total of 5 expected bytes");
        assert_eq!(incomplete(error), (b"ab".to_vec(), Some(5)));
        let error = ended(b"ab").readuntil(b"\n").await.unwrap_err();
        assert_eq!(incomplete(error), (b"ab".to_vec(), None));
        assert_eq!(ended(b"ab").readline().await.unwrap(), b"ab");
        let as_io = io::Error::from(ended(b"ab").readexactly(5).await.unwrap_err());
        assert_eq!(as_io.kind(), io::ErrorKind::UnexpectedEof);
    })
    .unwrap();
}

/// M6.38
#[test]
fn over_the_limit_readuntil_leaves_the_data_and_readline_drops_that_line_only() {
    run(async {
        let overrun = |error| match error {
            ReadError::LimitOverrun(LimitOverrun { consumed, is_found }) => {
                (consumed, is_found)
            }
            other => unreachable!("{other}"),
        };
        let mut reader = fed(&[b'x'; 100], 10);
        let error = reader.readuntil(b"\n").await.unwrap_err();
        assert_eq!(overrun(error), (100, false));
        assert_eq!(reader.readexactly(100).await.unwrap(), [b'x'; 100], "it is there");

        let mut reader = fed(b"xxxxxxxxxxxxxxxxxxxx\nnext\n", 10);
        let error = reader.readuntil(b"\n").await.unwrap_err();
        assert_eq!(overrun(error), (20, true));
        let error = reader.readline().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.get_ref().unwrap().to_string().contains("longer than limit"));
        assert_eq!(reader.readline().await.unwrap(), b"next\n");

        let mut reader = fed(&[b'x'; 20], 10);
        reader.readline().await.unwrap_err();
        reader.feed_data(b"y\n");
        assert_eq!(reader.readline().await.unwrap(), b"y\n");
    })
    .unwrap();
}

/// A separator that comes in two pieces is found, and one that begins at the limit.
#[test]
fn a_separator_of_several_bytes_is_found_across_pieces() {
    run(async {
        let mut reader = fed(b"ab--", 4);
        assert!(timeout(MS, reader.readuntil(b"---")).await.is_err());
        reader.feed_data(b"-cd---");
        assert_eq!(reader.readuntil(b"---").await.unwrap(), b"ab---");
        assert_eq!(reader.readuntil(b"---").await.unwrap(), b"cd---");
    })
    .unwrap();
}

/// What was dropped half way has taken nothing.
#[test]
fn a_read_that_is_cancelled_leaves_what_has_come() {
    everywhere(async || {
        let server = start_server(
            async |_reader, writer: StreamWriter| {
                writer.write(b"12");
                sleep(50 * MS).await;
                writer.write(b"34");
                Ok(())
            },
            home(),
        );
        let server = server.await.unwrap();
        let (mut reader, _writer) = open_connection(server.sockets()[0]).await.unwrap();
        let got = loop {
            if let Ok(got) = timeout(5 * MS, reader.readexactly(4)).await {
                break got;
            }
        };
        assert_eq!(got.unwrap(), b"1234");
    });
}

#[test]
fn twenty_clients_are_echoed_by_streams_and_nothing_is_left_open() {
    everywhere(async || {
        let server = start_server(echo, home()).await.unwrap();
        let address = server.sockets()[0];
        gather((0..20_u8).map(|n| async move {
            let (mut reader, writer) = open_connection(address).await.unwrap();
            assert_eq!(writer.peername(), Some(address));
            let sent = vec![n; 5_000];
            writer.write(&sent);
            writer.write_eof();
            assert_eq!(reader.read_to_end().await.unwrap(), sent);
            writer.close();
            writer.wait_closed().await.unwrap();
        }))
        .await;
        server.close();
        server.wait_closed().await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// A peer that does not read holds up whoever drains; one that reads again lets it go on.
#[test]
fn drain_waits_above_the_high_water_until_the_low() {
    everywhere(async || {
        let clients = Rc::<RefCell<Vec<_>>>::default();
        let kept = Rc::clone(&clients);
        let keep = move |reader, writer| {
            kept.borrow_mut().push((reader, writer));
            async { Ok(()) }
        };
        let options = StreamOptions { limit: 100, ..StreamOptions::default() };
        let server = start_server_with(options, keep, home()).await.unwrap();
        let (_reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        writer.transport().set_write_buffer_limits(Some(1000), Some(0));
        let mut written = 0;
        // Nobody reads: sooner or later there is no more room.
        while timeout(20 * MS, writer.drain()).await.is_ok() {
            writer.write(&vec![b'x'; 100_000]);
            written += 100_000;
        }
        let (mut reader, _other) = clients.borrow_mut().pop().unwrap();
        let reads = create_task(async move {
            let got = reader.readexactly(written).await.unwrap().len();
            (got, reader)
        });
        writer.drain().await.unwrap();
        assert_eq!(writer.transport().get_write_buffer_size(), 0);
        assert_eq!(reads.await.0, written);
    });
}

#[test]
fn whoever_writes_to_a_lost_connection_hears_of_it_in_drain() {
    run(async {
        let server = start_server(async |_, _| Ok(()), home()).await.unwrap();
        let (mut reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        let error = loop {
            writer.write(b"x");
            if let Err(error) = writer.drain().await {
                break error;
            }
        };
        let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
        assert!(kinds.contains(&error.kind()), "{error}");
        writer.write(b"it is ignored");
        assert!(writer.wait_closed().await.is_err());
        assert!(reader.read(1).await.is_err());
    })
    .unwrap();
}

/// A handler that fails, or panics, is told to the exception handler, and its connection ends.
#[test]
fn an_error_of_a_handler_is_reported_and_its_client_is_closed() {
    run(async {
        let log = reports();
        let handler = async |mut reader: StreamReader, _writer| match reader
            .read(1)
            .await?
            .as_slice()
        {
            b"e" => Err(io::Error::other("no")),
            _ => panic!("not at all"),
        };
        let server = start_server(handler, home()).await.unwrap();
        for ask in [b"e", b"p"] {
            let (mut reader, writer) =
                open_connection(server.sockets()[0]).await.unwrap();
            writer.write(ask);
            assert_eq!(reader.read(1).await.unwrap(), b"");
        }
        turns(5).await;
        let said = log.take();
        let start = "Unhandled exception in client_connected_cb: ";
        assert_eq!(said[0], format!("{start}no"));
        assert_eq!(said[1], format!("{start}not at all"));
    })
    .unwrap();
}

#[test]
fn a_refused_connection_is_an_error() {
    everywhere(async || {
        let server = start_server(echo, home()).await.unwrap();
        let address = server.sockets()[0];
        server.close();
        let options = StreamOptions::default();
        let refused = open_connection_with(options, address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    });
}

#[test]
fn nothing_is_written_after_the_end() {
    run(async {
        let server = start_server(echo, home()).await.unwrap();
        let (_reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        writer.write_eof();
        let panicked = panic_of(|| writer.write(b"x"));
        assert_eq!(panicked, "nothing can be written after write_eof()");
    })
    .unwrap();
}
