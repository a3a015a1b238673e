//! What a stream keeps, and whom it lets wait: reads, limits, drains, the end.

use std::fmt;
use std::net::{TcpListener, TcpStream};
use std::rc::Rc;

use stage5_asyncio::streams::{
    DEFAULT_LIMIT, ReadError, StreamReader, StreamWriter, open_connection,
};
use stage5_asyncio::tasks::wait;
use stage5_asyncio::{create_task, get_running_loop};

use super::clock::{py, tell as say, turns};
use super::water_marks::read;

/// More than the kernel takes.
const MANY: usize = 16_000_000;

/// Bytes, as Python writes them.
struct Bytes<'a>(&'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b'{}'", self.0.escape_ascii())
    }
}

fn fed(data: &[u8], limit: usize, ended: bool) -> StreamReader {
    let reader = StreamReader::new(limit);
    reader.feed_data(data);
    if ended {
        reader.feed_eof();
    }
    reader
}

/// A stream, and its peer.
async fn connected() -> (StreamReader, StreamWriter, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (reader, writer) = open_connection(address).await.unwrap();
    let (theirs, _) = listener.accept().unwrap();
    theirs.set_nonblocking(true).unwrap();
    (reader, writer, theirs)
}

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    let mut reader = fed(b"one\ntwo\nthree|four", DEFAULT_LIMIT, true);
    say(format_args!("a line: {}", Bytes(&reader.readline().await.unwrap())));
    say(format_args!("exactly two: {}", Bytes(&reader.readexactly(2).await.unwrap())));
    say(format_args!("up to a bar: {}", Bytes(&reader.readuntil(b"|").await.unwrap())));
    say(format_args!("some: {}", Bytes(&reader.read(2).await.unwrap())));
    say(format_args!("the rest: {}", Bytes(&reader.read_to_end().await.unwrap())));
    let line = reader.readline().await.unwrap();
    say(format_args!("the end: {}, {}", Bytes(&line), py(reader.at_eof())));

    let mut reader = fed(b"half", DEFAULT_LIMIT, true);
    if let Err(ReadError::Incomplete(error)) = reader.readexactly(10).await {
        let expected = error.expected.unwrap();
        say(format_args!("too few: {} of {expected}", Bytes(&error.partial)));
    }
    let mut reader = fed(b"half", DEFAULT_LIMIT, true);
    if let Err(ReadError::Incomplete(error)) = reader.readuntil(b"|").await {
        say(format_args!("no bar: {}", Bytes(&error.partial)));
    }

    let mut reader = fed(b"a line that is too long\nshort\n", 10, false);
    if reader.readline().await.is_err() {
        say("a line over the limit is an error");
    }
    let next = reader.readline().await.unwrap();
    say(format_args!("and the next one is there: {}", Bytes(&next)));
    let mut reader = fed(b"a line that is too long\n", 10, false);
    if let Err(ReadError::LimitOverrun(error)) = reader.readuntil(b"\n").await {
        let kept = reader.readexactly(24).await.unwrap();
        say(format_args!("kept, all {}: {}", error.consumed, Bytes(&kept)));
    }

    // Whoever reads it has it alone: so what feeds it is a connection.
    let (mut reader, _writer, feeder) = connected().await;
    let task = create_task(async move {
        let read = reader.readexactly(4).await.unwrap();
        say(format_args!("waited for: {}", Bytes(&read)));
        reader
    });
    turns(1).await;
    event_loop.sock_sendall(&feeder, b"ha").await.unwrap();
    turns(2).await;
    say("half of it is not enough");
    event_loop.sock_sendall(&feeder, b"lf!").await.unwrap();
    let left = task.await.read(10).await.unwrap();
    say(format_args!("what is left: {}", Bytes(&left)));

    let (mut reader, writer, theirs) = connected().await;
    let writer = Rc::new(writer);
    writer.transport().set_write_buffer_limits(Some(1000), None);
    writer.write(b"little");
    writer.drain().await.unwrap();
    say("to drain a little does not wait");
    writer.write(&vec![b'x'; MANY]);
    let drains = |name| {
        let writer = Rc::clone(&writer);
        create_task(async move {
            writer.drain().await.unwrap();
            say(format_args!("{name} has drained"));
        })
    };
    let tasks = ["one", "two"].map(drains);
    turns(3).await;
    let they_wait = py(!tasks.iter().any(|task| task.done()));
    say(format_args!("they wait: {they_wait}"));
    read(&theirs, MANY + 6).await;
    wait(tasks).await;
    event_loop.sock_sendall(&theirs, b"bye").await.unwrap();
    drop(theirs);
    let rest = reader.read_to_end().await.unwrap();
    say(format_args!("to the end: {}, {}", Bytes(&rest), py(reader.at_eof())));
    writer.close();
    writer.wait_closed().await.unwrap();
    say("closed");
    match writer.drain().await {
        Ok(()) => say("to drain what is closed does nothing"),
        Err(_) => say("to drain what is closed is an error"),
    }
}
