//! A room where people talk: `cargo run --example stage2-chat`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage2_generators::extras::signal::signal;
use stage2_generators::net::{TcpListener, TcpStream};
use stage2_generators::time::{sleep, timeout};
use stage2_generators::{Deferred, Firer, inline_callbacks, react, yield_};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let closed = react(move || {
        inline_callbacks(async move {
            let listener = TcpListener::bind(address)?;
            control.listening(listener.local_addr()?);
            let room = Room::new(&control, |firer: Firer<()>| _ = firer.fire(Ok(())));
            drop(accept(listener, room.clone()));
            let (stop, stopped) = signal();
            control.on_stop(move || stop.set());
            yield_(stopped).await?;
            room.close();
            let empty = timeout(GRACE, wait(|who| room.when_empty(who)));
            if yield_(empty).await.is_err() {
                room.clear(); // whoever does not listen has heard enough
            }
            Ok(())
        })
    })?;
    closed.map_err(io::Error::from)
}

fn accept(listener: TcpListener, room: Room<Firer<()>>) -> Deferred<()> {
    inline_callbacks(async move {
        loop {
            match yield_(listener.accept()).await {
                Ok(stream) => drop(attend(stream, room.enter())),
                Err(failure) => {
                    // A cancel goes on; no descriptors left: let somebody finish.
                    failure.trap::<io::Error>()?;
                    yield_(sleep(Duration::from_millis(50))).await?;
                }
            }
        }
    })
}

struct Member {
    stream: TcpStream,
    seat: Seat<Firer<()>>,
}

/// One generator hears what a member says, while another tells it what the others say.
fn attend(stream: TcpStream, seat: Seat<Firer<()>>) -> Deferred<()> {
    inline_callbacks(async move {
        let member = Rc::new(Member { stream, seat });
        let listening = listen(Rc::clone(&member));
        let telling = tell(Rc::clone(&member));
        let gives_up = telling.cancel_handle();
        let clear = wait(|who| member.seat.when_cleared(who));
        drop(clear.add_callback(move |()| gives_up.cancel()));
        let _ = yield_(telling).await; // however that ends
        member.seat.leave();
        listening.cancel();
        Ok(())
    })
}

fn listen(member: Rc<Member>) -> Deferred<()> {
    inline_callbacks(async move {
        loop {
            // Whoever breaks off is done as well.
            let bytes = yield_(member.stream.read()).await.unwrap_or_default();
            if !member.seat.hear(&bytes) {
                return Ok(());
            }
            yield_(wait(|who| member.seat.when_heard(who))).await?;
        }
    })
}

fn tell(member: Rc<Member>) -> Deferred<()> {
    inline_callbacks(async move {
        let news = || wait(|who| member.seat.when_news(who));
        loop {
            match member.seat.next() {
                Next::Send(text) => {
                    yield_(timeout(PATIENCE, member.stream.write_all(text))).await?;
                }
                Next::Wait => yield_(news()).await?,
                Next::Close => {
                    member.stream.shutdown()?;
                    return yield_(timeout(GRACE, news())).await;
                }
                Next::Gone => return Ok(()),
            }
        }
    })
}

/// Leaves with the room what fires the deferred.
fn wait(leave: impl FnOnce(Firer<()>)) -> Deferred<()> {
    let (firer, woken) = Deferred::new();
    leave(firer);
    woken
}
