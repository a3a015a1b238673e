//! A room where people talk: `cargo run --example interlude-chat`.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use interlude_greenlets::extras::event::Event;
use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::time::{sleep, timeout};
use interlude_greenlets::{block_on, run, spawn};
use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(move || {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let room = Room::new(&control, |event: Rc<Event>| event.set());
        let guests = room.clone();
        drop(spawn(move || accept(&listener, &guests)));
        block_on(poll_fn(|context| control.poll_stopped(context)));
        room.close();
        // Whoever does not listen has heard enough.
        let _ = timeout(GRACE, || wait(|who| room.when_empty(who)));
        Ok(())
    })?
}

fn accept(listener: &TcpListener, room: &Room<Rc<Event>>) {
    loop {
        match listener.accept() {
            Ok(stream) => {
                let seat = room.enter();
                drop(spawn(move || attend(stream, seat)));
            }
            // No descriptors left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

struct Member {
    stream: TcpStream,
    seat: Seat<Rc<Event>>,
}

/// One greenlet hears what a member says, while this one tells it what the others say.
fn attend(stream: TcpStream, seat: Seat<Rc<Event>>) {
    let member = Rc::new(Member { stream, seat });
    let heard = Rc::clone(&member);
    let listening = spawn(move || listen(&heard));
    drop(tell(&member)); // however that ended
    member.seat.leave();
    listening.kill();
}

fn listen(member: &Member) {
    let mut buffer = [0; 4096];
    loop {
        // Whoever breaks off is done as well.
        let n = member.stream.read(&mut buffer).unwrap_or(0);
        if !member.seat.hear(&buffer[..n]) {
            return;
        }
        wait(|who| member.seat.when_heard(who));
    }
}

fn tell(member: &Member) -> Result<(), Box<dyn Error>> {
    let news = || wait(|who| member.seat.when_news(who));
    loop {
        match member.seat.next() {
            Next::Send(text) => timeout(PATIENCE, || member.stream.write_all(&text))??,
            Next::Wait => news(),
            Next::Close => {
                member.stream.shutdown()?;
                return Ok(timeout(GRACE, news)?);
            }
            Next::Gone => return Ok(()),
        }
    }
}

/// Leaves an event with the room, and waits until it is set.
#[track_caller]
fn wait(leave: impl FnOnce(Rc<Event>)) {
    let woken = Rc::new(Event::default());
    leave(Rc::clone(&woken));
    woken.wait();
}
