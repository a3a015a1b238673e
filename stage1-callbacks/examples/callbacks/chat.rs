//! A room where people talk: `cargo run --example stage1-callbacks-chat`.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage1_callbacks::event_loop::DelayedCall;
use stage1_callbacks::extras::signal::signal_then;
use stage1_callbacks::net::{TcpListener, TcpStream, Waiting};
use stage1_callbacks::{call_later, run, stop};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(move || {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let room = Room::new(&control, |callback: Callback| callback());
        accept(listener, room.clone());
        let stopped = signal_then(move || {
            room.close();
            let left = room.clone();
            // Whoever does not listen has heard enough.
            let late = call_later(GRACE, move || left.clear());
            room.when_empty(Box::new(move || {
                late.cancel();
                stop();
            }));
        });
        control.on_stop(move || stopped.set());
        Ok(())
    })
}

/// What the room is left with.
type Callback = Box<dyn FnOnce()>;

fn accept(listener: TcpListener, room: Room<Callback>) {
    listener.clone().accept_then(move |stream| match stream {
        Ok(stream) => {
            attend(stream, room.enter());
            accept(listener, room);
        }
        // No descriptors left: let somebody finish.
        Err(_) => {
            call_later(Duration::from_millis(50), || accept(listener, room));
        }
    });
}

struct Member {
    stream: TcpStream,
    seat: Seat<Callback>,
    /// What is under way, for whoever gives it up.
    reading: Cell<Option<Waiting>>,
    writing: Cell<Option<Waiting>>,
    timer: Cell<Option<DelayedCall>>,
}

/// One callback hears what a member says, while another tells it what the others say.
fn attend(stream: TcpStream, seat: Seat<Callback>) {
    let (reading, writing, timer) = Default::default();
    let member = Rc::new(Member { stream, seat, reading, writing, timer });
    let cleared = Rc::clone(&member);
    member.seat.when_cleared(Box::new(move || leave(&cleared)));
    listen(&member);
    tell(&member);
}

fn listen(member: &Rc<Member>) {
    let then = Rc::clone(member);
    let reading = member.stream.read_then(move |bytes| {
        // Whoever breaks off is done as well.
        if then.seat.hear(&bytes.unwrap_or_default()) {
            let next = Rc::clone(&then);
            then.seat.when_heard(Box::new(move || listen(&next)));
        }
    });
    member.reading.set(Some(reading));
}

fn tell(member: &Rc<Member>) {
    let then = Rc::clone(member);
    match member.seat.next() {
        Next::Send(text) => {
            let writing = member.stream.write_all_then(text, move |written| {
                then.timer.take().iter().for_each(DelayedCall::cancel);
                if written.is_ok() { tell(&then) } else { leave(&then) }
            });
            member.writing.set(Some(writing));
            leave_after(PATIENCE, member);
        }
        Next::Wait => member.seat.when_news(Box::new(move || tell(&then))),
        Next::Close if member.stream.shutdown().is_ok() => {
            member.seat.when_news(Box::new(move || leave(&then)));
            leave_after(GRACE, member);
        }
        Next::Close | Next::Gone => leave(member),
    }
}

fn leave_after(patience: Duration, member: &Rc<Member>) {
    let late = Rc::clone(member);
    member.timer.set(Some(call_later(patience, move || leave(&late))));
}

/// The end, whichever it is: lets go of whatever is under way, and with that of the socket.
fn leave(member: &Member) {
    member.seat.leave();
    member.timer.take().iter().for_each(DelayedCall::cancel);
    member.reading.take().iter().for_each(Waiting::cancel);
    member.writing.take().iter().for_each(Waiting::cancel);
}
