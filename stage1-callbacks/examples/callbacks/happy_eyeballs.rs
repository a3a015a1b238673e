//! A race over the addresses of a host: `cargo run --example stage1-callbacks-happy-eyeballs`.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use site::{Race, Won};
use stage1_callbacks::event_loop::DelayedCall;
use stage1_callbacks::net::{TcpStream, Waiting};
use stage1_callbacks::{call_later, run, stop};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    let end = Rc::new(Cell::new(None));
    let told = Rc::clone(&end);
    run(move || {
        hold(race, move |end| {
            told.set(Some(end));
            stop();
        });
        Ok(())
    })?;
    end.take().expect("nothing else stops the loop")
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub fn hold(race: Race, then: impl FnOnce(io::Result<Won>) + 'static) {
    let racing = Rc::new(Racing {
        race,
        attempts: RefCell::default(),
        next: Cell::default(),
        deadline: Cell::default(),
        then: Cell::new(Some(Box::new(then))),
    });
    let late = Rc::clone(&racing);
    let give_up = move || finish(&late, Err(late.race.timed_out()));
    racing.deadline.set(Some(call_later(racing.race.timeout, give_up)));
    connect(&racing);
}

/// Who is told how a race went.
type Then = Box<dyn FnOnce(io::Result<Won>)>;

/// A race, and all that has to be known to end it.
struct Racing {
    race: Race,
    attempts: RefCell<Vec<Waiting>>,
    /// When the next attempt is begun, unless one fails before that.
    next: Cell<Option<DelayedCall>>,
    deadline: Cell<Option<DelayedCall>>,
    /// Filled at the beginning, and called at the end.
    then: Cell<Option<Then>>,
}

/// Begins an attempt: called at first, and whenever one has failed or taken too long.
fn connect(racing: &Rc<Racing>) {
    racing.next.take().iter().for_each(DelayedCall::cancel);
    if racing.race.is_lost() {
        return finish(racing, Err(racing.race.lost()));
    }
    let Some(address) = racing.race.next() else { return };
    let then = Rc::clone(racing);
    let attempt = TcpStream::connect_then(address, move |connected| {
        match then.race.record(address, connected) {
            Some(stream) => {
                finish(&then, stream.peer_addr().map(|address| then.race.won(address)));
            }
            None => connect(&then),
        }
    });
    racing.attempts.borrow_mut().push(attempt);
    let again = Rc::clone(racing);
    let next = call_later(racing.race.patience(), move || connect(&again));
    racing.next.set(Some(next));
}

/// The end, whichever it is: lets go of the timers and of those that have lost.
fn finish(racing: &Rc<Racing>, end: io::Result<Won>) {
    racing.next.take().iter().for_each(DelayedCall::cancel);
    racing.deadline.take().iter().for_each(DelayedCall::cancel);
    racing.attempts.take().iter().for_each(Waiting::cancel);
    if let Some(then) = racing.then.take() {
        then(end);
    }
}
