//! A room where people talk: `cargo run --example stage4-chat`.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::time::{sleep, timeout};
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(async move {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let room = Room::new(&control, Waker::wake);
        drop(spawn(accept(listener, room.clone())));
        poll_fn(|context| control.poll_stopped(context)).await;
        room.close();
        // Whoever does not listen has heard enough.
        let _ = timeout(GRACE, wait(|who| room.when_empty(who))).await;
        Ok(())
    })?
}

async fn accept(listener: TcpListener, room: Room<Waker>) {
    loop {
        match listener.accept().await {
            Ok(stream) => drop(spawn(attend(stream, room.enter()))),
            // No descriptors left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

struct Member {
    stream: TcpStream,
    seat: Seat<Waker>,
}

/// One task hears what a member says, while this one tells it what the others say.
async fn attend(stream: TcpStream, seat: Seat<Waker>) {
    let member = Rc::new(Member { stream, seat });
    let listening = spawn(listen(Rc::clone(&member)));
    drop(tell(&member).await); // however that ended
    member.seat.leave();
    drop(listening.cancel());
}

async fn listen(member: Rc<Member>) {
    let mut buffer = [0; 4096];
    loop {
        // Whoever breaks off is done as well.
        let n = member.stream.read(&mut buffer).await.unwrap_or(0);
        if !member.seat.hear(&buffer[..n]) {
            return;
        }
        wait(|who| member.seat.when_heard(who)).await;
    }
}

async fn tell(member: &Member) -> Result<(), Box<dyn Error>> {
    let news = || wait(|who| member.seat.when_news(who));
    loop {
        match member.seat.next() {
            Next::Send(text) => {
                timeout(PATIENCE, member.stream.write_all(&text)).await??;
            }
            Next::Wait => news().await,
            Next::Close => {
                member.stream.shutdown()?;
                return Ok(timeout(GRACE, news()).await?);
            }
            Next::Gone => return Ok(()),
        }
    }
}

/// Leaves a waker with the room, and waits until it is woken.
async fn wait(leave: impl FnOnce(Waker)) {
    let mut leave = Some(leave);
    poll_fn(|context| match leave.take() {
        Some(leave) => {
            leave(context.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(()),
    })
    .await;
}
