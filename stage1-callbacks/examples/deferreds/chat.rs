//! A room where people talk: `cargo run --example stage1-deferreds-chat`.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage1_callbacks::deferred::CancelHandle;
use stage1_callbacks::extras::signal::signal;
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::time::{sleep, timeout};
use stage1_callbacks::{Deferred, Firer, run, stop};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(move || {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let room = Room::new(&control, |firer: Firer<()>| _ = firer.fire(Ok(())));
        accept(listener, room.clone());
        let (stop_it, stopped) = signal();
        control.on_stop(move || stop_it.set());
        let closed = stopped.add_callback(move |()| {
            room.close();
            timeout(GRACE, wait(|who| room.when_empty(who))).add_errback(move |_| {
                // Whoever does not listen has heard enough.
                room.clear();
            })
        });
        drop(closed.add_both(|_| stop()));
        Ok(())
    })
}

fn accept(listener: TcpListener, room: Room<Firer<()>>) {
    let guests = room.clone();
    let accepted = listener.accept();
    let accepted = accepted.add_callback(move |stream| attend(stream, guests.enter()));
    // No descriptors left: let somebody finish.
    let paused = accepted.add_errback(|_| sleep(Duration::from_millis(50)));
    drop(paused.add_callback(move |()| accept(listener, room)));
}

struct Member {
    stream: TcpStream,
    seat: Seat<Firer<()>>,
    /// What is under way, for whoever gives it up.
    reading: Cell<Option<CancelHandle>>,
    telling: Cell<Option<CancelHandle>>,
}

/// One chain hears what a member says, while another tells it what the others say.
fn attend(stream: TcpStream, seat: Seat<Firer<()>>) {
    let (reading, telling) = Default::default();
    let member = Rc::new(Member { stream, seat, reading, telling });
    let cleared = Rc::clone(&member);
    let clear = wait(|who| member.seat.when_cleared(who));
    drop(clear.add_callback(move |()| leave(&cleared)));
    listen(Rc::clone(&member));
    tell(member);
}

/// Each round is a chain of its own, which begins the next: one chain for all of them would
/// grow with every line.
fn listen(member: Rc<Member>) {
    let reading = member.stream.read();
    member.reading.set(Some(reading.cancel_handle()));
    drop(reading.add_both(move |bytes| {
        // Whoever breaks off is done as well.
        if member.seat.hear(&bytes.unwrap_or_default()) {
            let heard = wait(|who| member.seat.when_heard(who));
            drop(heard.add_callback(move |()| listen(member)));
        }
    }));
}

fn tell(member: Rc<Member>) {
    let news = || wait(|who| member.seat.when_news(who));
    let (telling, goes_on) = match member.seat.next() {
        Next::Send(text) => (timeout(PATIENCE, member.stream.write_all(text)), true),
        Next::Wait => (news(), true),
        Next::Close if member.stream.shutdown().is_ok() => {
            (timeout(GRACE, news()), false)
        }
        Next::Close | Next::Gone => return leave(&member),
    };
    member.telling.set(Some(telling.cancel_handle()));
    drop(telling.add_both(move |told| match told {
        Ok(()) if goes_on => tell(member),
        _ => leave(&member),
    }));
}

/// The end, whichever it is: lets go of what is under way, and with that of the socket.
fn leave(member: &Member) {
    member.seat.leave();
    member.reading.take().iter().for_each(CancelHandle::cancel);
    member.telling.take().iter().for_each(CancelHandle::cancel);
}

/// Leaves with the room what fires the deferred.
fn wait(leave: impl FnOnce(Firer<()>)) -> Deferred<()> {
    let (firer, woken) = Deferred::new();
    leave(firer);
    woken
}
