//! A room where people talk: `cargo run --example stage5-chat`.

use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use site::Control;
use site::chat::{GRACE, Next, PATIENCE, Room, Seat};
use stage5_asyncio::events::TimerHandle;
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::transports::Transport;
use stage5_asyncio::{get_running_loop, run, timeout};

fn main() -> io::Result<()> {
    site::demo::chat(serve)
}

/// Keeps a room on `address` open until `control` says stop, and lets everybody hear of that.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(async move {
        let room = Room::new(&control, |it| _ = get_running_loop().call_soon(it));
        let members = room.clone();
        let enter = move || Member::new(members.enter());
        let server = get_running_loop().create_server(enter, address).await?;
        control.listening(server.sockets()[0]);
        poll_fn(|context| control.poll_stopped(context)).await;
        room.close();
        server.close();
        // Whoever does not listen has heard enough.
        let _ = timeout(GRACE, server.wait_closed()).await;
        server.abort_clients();
        server.wait_closed().await;
        Ok(())
    })?
}

/// What the room is left with.
type Callback = Box<dyn FnOnce()>;

/// Told what a member says and how its connection is, and tells it what the others say.
struct Member {
    own: Weak<Self>,
    seat: Seat<Callback>,
    /// Given by `connection_made`.
    transport: OnceCell<Rc<dyn Transport>>,
    /// Set while somebody waits for the peer.
    timer: RefCell<Option<TimerHandle>>,
}

impl Protocol for Member {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        // What is not sent is the room's to keep: so it knows who is slow.
        transport.set_write_buffer_limits(Some(0), None);
        let _ = self.transport.set(transport);
        self.tell();
    }

    fn data_received(&self, data: &[u8]) {
        // Until that has been said, nothing more is heard.
        self.transport().pause_reading();
        if self.seat.hear(data) {
            self.seat.when_heard(self.then(|it| it.transport().resume_reading()));
        }
    }

    fn eof_received(&self) -> bool {
        self.seat.hear(&[]);
        true // the member may still listen
    }

    fn pause_writing(&self) {
        self.abort_after(PATIENCE);
    }

    fn resume_writing(&self) {
        self.timer.take().iter().for_each(TimerHandle::cancel);
        self.tell();
    }

    fn connection_lost(&self, _: Option<io::Error>) {
        self.timer.take().iter().for_each(TimerHandle::cancel);
        self.seat.leave();
    }
}

impl Member {
    fn new(seat: Seat<Callback>) -> Rc<Self> {
        let (transport, timer) = Default::default();
        Rc::new_cyclic(|own| Self { own: own.clone(), seat, transport, timer })
    }

    /// Tells what there is to tell. If the peer takes all of it, what comes next is told in the
    /// next turn: the others have to hear of it meanwhile.
    fn tell(&self) {
        match self.seat.next() {
            Next::Send(text) => {
                self.transport().write(&text);
                if self.transport().get_write_buffer_size() == 0 {
                    get_running_loop().call_soon(self.then(Self::tell));
                }
            }
            Next::Wait => self.seat.when_news(self.then(Self::tell)),
            Next::Close => {
                self.transport().write_eof();
                self.abort_after(GRACE);
                self.seat.when_news(self.then(|it| it.transport().close()));
            }
            Next::Gone => self.transport().close(),
        }
    }

    fn abort_after(&self, patience: Duration) {
        let abort = self.then(|it| it.transport().abort());
        self.timer.replace(Some(get_running_loop().call_later(patience, abort)));
    }

    /// What does `what`, when it is called.
    fn then(&self, what: fn(&Self)) -> Callback {
        let own = self.own.upgrade().expect("it is told something");
        Box::new(move || what(&own))
    }

    fn transport(&self) -> &Rc<dyn Transport> {
        self.transport.get().expect("it is connected")
    }
}
