//! A room where people talk: `cargo run --example stage3-chat`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::net::{TcpListener, TcpStream};
use stage3_yield_from::time::{sleep, timeout};
use stage3_yield_from::{Coroutine, Future, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let closed = run(coroutine(async move {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let room = Room::new(&control, |future: Future<()>| _ = future.set_result(()));
        spawn(accept(listener, room.clone()));
        let (stop, stopped) = signal();
        control.on_stop(move || stop.set());
        yield_from(&stopped).await?;
        room.close();
        // Whoever does not listen has heard enough.
        let _ = yield_from(timeout(GRACE, wait(|who| room.when_empty(who)))).await;
        Ok(())
    }))?;
    closed.map_err(io::Error::from)
}

fn accept(listener: TcpListener, room: Room<Future<()>>) -> Coroutine<()> {
    coroutine(async move {
        loop {
            match yield_from(listener.accept()).await {
                Ok(stream) => drop(spawn(attend(stream, room.enter()))),
                Err(failure) => {
                    // A cancel goes on; no descriptors left: let somebody finish.
                    failure.trap::<io::Error>()?;
                    yield_from(sleep(Duration::from_millis(50))).await?;
                }
            }
        }
    })
}

struct Member {
    stream: TcpStream,
    seat: Seat<Future<()>>,
}

/// One task hears what a member says, while this one tells it what the others say.
fn attend(stream: TcpStream, seat: Seat<Future<()>>) -> Coroutine<()> {
    coroutine(async move {
        let member = Rc::new(Member { stream, seat });
        let listening = spawn(listen(Rc::clone(&member)));
        let _ = yield_from(tell(Rc::clone(&member))).await; // however that ends
        member.seat.leave();
        listening.cancel();
        Ok(())
    })
}

fn listen(member: Rc<Member>) -> Coroutine<()> {
    coroutine(async move {
        loop {
            // Whoever breaks off is done as well.
            let bytes = yield_from(member.stream.read()).await.unwrap_or_default();
            if !member.seat.hear(&bytes) {
                return Ok(());
            }
            yield_from(wait(|who| member.seat.when_heard(who))).await?;
        }
    })
}

fn tell(member: Rc<Member>) -> Coroutine<()> {
    coroutine(async move {
        let news = || wait(|who| member.seat.when_news(who));
        loop {
            match member.seat.next() {
                Next::Send(text) => {
                    yield_from(timeout(PATIENCE, member.stream.write_all(text))).await?;
                }
                Next::Wait => yield_from(news()).await?,
                Next::Close => {
                    member.stream.shutdown()?;
                    return yield_from(timeout(GRACE, news())).await;
                }
                Next::Gone => return Ok(()),
            }
        }
    })
}

/// Leaves a future with the room, and waits until it is done.
fn wait(leave: impl FnOnce(Future<()>)) -> Coroutine<()> {
    let woken = Future::new();
    leave(woken.clone());
    coroutine(async move { yield_from(&woken).await })
}
