//! An older loop as a guest of this one: wherever it would sleep, this one goes on instead.
//!
//! An older loop is a function that runs until its program is over, and sleeps in a selector
//! when there is nothing to do. Twisted has a reactor, and Tornado a loop, that were written
//! anew for asyncio: the old interface on the new loop. Ours has a seam below the loop instead,
//! the backend, so the loop need not be written anew. It gets a backend that does not sleep,
//! but waits as a coroutine does; and since the old loop knows nothing of coroutines, it has a
//! stack of its own. That is what greenlets are for.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};

use interlude_greenlets::{Failure, Greenlet, current};
use reactor::Direction;
use reactor::backend::{self, Backend, Event, Listener, Mio, Stream, Token, Watched};
use stage5_asyncio::get_running_loop;
use stage5_asyncio::time::sleep;
use stage5_asyncio::timeout;

/// Runs `main`, which runs an older loop, on this one, and gives what it returns. Each stage's
/// loop can be a guest once at a time. Dropped half way, it has the selector of the guest fail,
/// so that the guest comes to its end.
///
/// # Panics
///
/// Panics as `main` does.
pub(crate) async fn guest<T: 'static>(
    main: impl FnOnce(Host) -> T + 'static,
) -> io::Result<T> {
    let room = Rc::new(Room::open()?);
    let end: Rc<Cell<Option<thread::Result<T>>>> = Rc::default();
    let (host, put) = (Host(room.selector.waker()), Rc::clone(&end));
    let greenlet = Greenlet::new(move |()| {
        put.set(Some(catch_unwind(AssertUnwindSafe(|| main(host)))));
        Ok(Asks::Nothing)
    });
    let mut stay = Stay { greenlet, room };
    while let Asks::ForSleep(time) = stay.go_on() {
        stay.room.sleep(time).await?;
    }
    let end = end.take().expect("it asks for nothing once it is over");
    end.map_or_else(|panic| resume_unwind(panic), Ok)
}

/// What a guest has of its host: whoever tells it something from outside, wakes it.
#[derive(Clone)]
pub(crate) struct Host(Waker);

impl Host {
    /// Calls `tell`, which may set a future of the guest's, fire a deferred, wake a task; and has
    /// the guest look.
    pub(crate) fn tell(&self, tell: impl FnOnce()) {
        tell();
        self.0.wake_by_ref();
    }
}

/// What a guest wants when it switches to its host.
enum Asks {
    /// To sleep for so long, or until something happens; `None` is for ever.
    ForSleep(Option<Duration>),
    /// It is over.
    Nothing,
}

/// A guest that is here.
struct Stay {
    greenlet: Greenlet,
    room: Rc<Room>,
}

impl Stay {
    /// Lets the guest go on, until it would sleep. The reactor that it opens is on its own
    /// backend; one that others open meanwhile is not.
    fn go_on(&mut self) -> Asks {
        let room = Rc::clone(&self.room) as Rc<dyn Backend>;
        let asks = backend::scope(room, || self.greenlet.switch(()));
        asks.expect("its panics are caught on its own stack")
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if self.room.is_asleep.get() {
            let gone: Result<Asks, Failure> = self.greenlet.throw("the host has gone");
            drop(gone);
        }
    }
}

/// The backend of a guest: sockets of its own, and the host's sleep.
#[derive(Debug)]
struct Room {
    selector: Mio,
    host: Greenlet,
    /// Whether the guest waits for its host.
    is_asleep: Cell<bool>,
    /// Set when the host has gone: from then on every sleep fails.
    is_over: Cell<bool>,
}

impl Room {
    fn open() -> io::Result<Self> {
        let (is_asleep, is_over) = Default::default();
        Ok(Self { selector: Mio::new()?, host: current(), is_asleep, is_over })
    }

    /// The sleep, as the host has it: a selector has a descriptor, and can be waited for.
    async fn sleep(&self, time: Option<Duration>) -> io::Result<()> {
        match time {
            Some(Duration::ZERO) => sleep(Duration::ZERO).await,
            Some(time) => timeout(time, self.happening()).await.unwrap_or(Ok(()))?,
            None => self.happening().await?,
        }
        Ok(())
    }

    /// Waits until something happens in the guest's selector.
    async fn happening(&self) -> io::Result<()> {
        struct Watching<'a>(&'a Mio);
        impl Drop for Watching<'_> {
            fn drop(&mut self) {
                get_running_loop().remove_reader(self.0);
            }
        }
        let (event_loop, happened) =
            (get_running_loop(), get_running_loop().create_future());
        let tell = happened.clone();
        // It is called in each turn until it is removed: the first time is enough.
        event_loop.add_reader(&self.selector, move || _ = tell.set_result(()))?;
        let _watching = Watching(&self.selector);
        happened.await;
        Ok(())
    }
}

impl Backend for Room {
    /// The one place where a guest gives way.
    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let gone = |failure: Failure| io::Error::other(failure.to_string());
        if self.is_over.get() {
            return Err(gone("the host has gone".into()));
        }
        self.is_asleep.set(true);
        let woken = self.host.switch::<_, ()>(Asks::ForSleep(timeout));
        self.is_asleep.set(false);
        self.is_over.set(woken.is_err());
        woken.map_err(gone)?;
        self.selector.wait(Some(Duration::ZERO), events)
    }

    fn now(&self) -> Instant {
        self.selector.now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.selector.listen(token, address)
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.selector.connect(token, address)
    }

    fn watch(&self, token: Token, descriptor: OwnedFd) -> io::Result<Box<dyn Watched>> {
        self.selector.watch(token, descriptor)
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.selector.arm(token, direction);
    }

    fn waker(&self) -> Waker {
        self.selector.waker()
    }
}
