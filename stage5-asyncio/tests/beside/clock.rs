//! A loop whose time is counted, not waited for, and which counts its turns: the twin of
//! `python/beside/clock.py`.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use reactor::Direction;
use reactor::backend::{self, Backend, Clockwork, Event, Listener, Stream, Token};
use stage5_asyncio::run;
use stage5_asyncio::time::sleep;

/// A clockwork that counts how often it was waited for: once in every turn.
#[derive(Debug)]
struct Turns {
    clock: Rc<Clockwork>,
    begun: Cell<u32>,
}

thread_local! {
    /// Set for the length of a script.
    static TURNS: RefCell<Option<Rc<Turns>>> = const { RefCell::new(None) };

    /// Filled by `say`.
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Plays a script that needs a kernel; gives what was told.
pub(crate) fn events_of_sockets(main: impl Future<Output = ()> + 'static) -> Vec<String> {
    run(main).expect("a script ends well");
    SAID.take()
}

/// Plays a script; gives what was said.
pub(crate) fn events(main: impl Future<Output = ()> + 'static) -> Vec<String> {
    let turns = Rc::new(Turns { clock: Clockwork::new(), begun: Cell::new(0) });
    TURNS.set(Some(Rc::clone(&turns)));
    backend::scope(turns, || run(main)).expect("a script ends well");
    TURNS.set(None);
    SAID.take()
}

/// What happened, and when, in milliseconds.
pub(crate) fn say(what: impl Display) {
    let now =
        TURNS.with_borrow(|turns| turns.as_ref().expect("a script").clock.elapsed());
    let event = format!("{:>3} {what}", now.as_millis());
    SAID.with_borrow_mut(|said| said.push(event));
}

/// What happened, and in which turn.
pub(crate) fn say_turn(what: impl Display) {
    let turn = TURNS.with_borrow(|turns| turns.as_ref().expect("a script").begun.get());
    let event = format!("turn {turn}: {what}");
    SAID.with_borrow_mut(|said| said.push(event));
}

/// What happened, where the time depends on a kernel.
pub(crate) fn tell(what: impl Display) {
    SAID.with_borrow_mut(|said| said.push(what.to_string()));
}

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// As `asyncio.sleep(0)`, so many times.
pub(crate) async fn turns(n: u32) {
    for _ in 0..n {
        sleep(Duration::ZERO).await;
    }
}

/// Whether it panics, where Python raises.
pub(crate) fn panics(body: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(body)).is_err()
}

/// As Python writes a truth.
pub(crate) fn py(is_so: bool) -> &'static str {
    if is_so { "True" } else { "False" }
}

impl Backend for Turns {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.clock.listen(token, address)
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.clock.connect(token, address)
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.clock.arm(token, direction);
    }

    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.begun.set(self.begun.get() + 1);
        self.clock.wait(timeout, events)
    }

    fn waker(&self) -> Waker {
        self.clock.waker()
    }
}
