//! A room where people talk, two threads for each: `cargo run --example stage0-threads-chat`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle, Thread, sleep};
use std::time::{Duration, Instant};

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let here = listener.local_addr()?;
    control.listening(here);
    // Nobody can tell a thread in `accept` anything; a connection brings it back.
    control.on_stop(move || drop(TcpStream::connect(here)));
    let room = Room::new(&control, |thread: Thread| thread.unpark());
    let members = accept(&listener, &room, &control);
    room.close();
    room.when_empty(thread::current());
    thread::park_timeout(GRACE);
    for (stream, thread) in members {
        // Whoever does not listen has heard enough.
        drop(stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both)));
        drop(thread.join());
    }
    Ok(())
}

/// A stream, for as long as its threads have it, and the one of them that is the last.
type Guest = (Weak<TcpStream>, JoinHandle<io::Result<()>>);

fn accept(listener: &TcpListener, room: &Room<Thread>, control: &Control) -> Vec<Guest> {
    let mut guests = Vec::new();
    while !control.stopped() {
        match listener.accept().and_then(|(stream, _)| guest(stream, room.enter())) {
            Ok(guest) => guests.push(guest),
            // No descriptors or no threads left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)),
        }
        guests.retain(|(_, thread)| !thread.is_finished());
    }
    guests
}

fn guest(stream: TcpStream, seat: Seat<Thread>) -> io::Result<Guest> {
    let stream = Arc::new(stream);
    let weak = Arc::downgrade(&stream);
    Ok((weak, thread().spawn(move || attend(stream, seat))?))
}

fn thread() -> thread::Builder {
    thread::Builder::new().stack_size(64 * 1024)
}

struct Member {
    stream: Arc<TcpStream>,
    seat: Seat<Thread>,
}

/// One thread hears what a member says, while this one tells it what the others say.
fn attend(stream: Arc<TcpStream>, seat: Seat<Thread>) -> io::Result<()> {
    let member = Member { stream, seat };
    thread::scope(|scope| {
        thread().spawn_scoped(scope, || listen(&member))?;
        drop(tell(&member)); // however that ended
        member.seat.leave();
        // Nobody can tell a thread in `read` anything; to be cut off from its member does.
        member.stream.shutdown(Shutdown::Both)
    })
}

fn listen(member: &Member) {
    let mut buffer = [0; 4096];
    loop {
        // Whoever breaks off is done as well.
        let n = (&*member.stream).read(&mut buffer).unwrap_or(0);
        if !member.seat.hear(&buffer[..n]) {
            return;
        }
        wait(|who| member.seat.when_heard(who), Duration::MAX);
    }
}

fn tell(member: &Member) -> io::Result<()> {
    let news = |patience| wait(|who| member.seat.when_news(who), patience);
    loop {
        match member.seat.next() {
            Next::Send(text) => write_all(&member.stream, &text)?,
            Next::Wait => news(Duration::MAX),
            Next::Close => {
                member.stream.shutdown(Shutdown::Write)?;
                news(GRACE);
                return Ok(());
            }
            Next::Gone => return Ok(()),
        }
    }
}

/// A blocking call cannot be told to stop. So each is told beforehand how long it may take.
fn write_all(mut stream: &TcpStream, mut text: &[u8]) -> io::Result<()> {
    let began = Instant::now();
    while !text.is_empty() {
        let left = PATIENCE.checked_sub(began.elapsed()).filter(|left| !left.is_zero());
        stream.set_write_timeout(Some(left.ok_or(io::ErrorKind::TimedOut)?))?;
        match stream.write(text) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => text = &text[written?..],
        }
    }
    Ok(())
}

/// Leaves this thread's handle with the room, and waits until it is woken, or for that long.
fn wait(leave: impl FnOnce(Thread), patience: Duration) {
    leave(thread::current());
    thread::park_timeout(patience);
}
