//! What a loop did, in order, and why.
//!
//! Every stage tells its story in the same words, so that two stories can be laid side by
//! side: turns begin and end; somebody is created, resumed, suspended, finished, cancelled or
//! panics; somebody is woken, by somebody; timers are set, fire and are cancelled; sockets
//! are parked at, and become ready. A program may add what it calls somebody, what that one holds,
//! and what it prints. It is all on one thread, and so is the recorder.
//!
//! While nobody records, a traced point asks one thread-local flag and goes on.
//!
//! ```
//! use reactor::{Reactor, backend, trace};
//! use std::time::Duration;
//!
//! let (_, recording) = trace::record(|| {
//!     backend::scope(backend::Clockwork::new(), || {
//!         let reactor = Reactor::new().unwrap();
//!         reactor.wait_until(reactor.now() + Duration::from_millis(5), "later");
//!         reactor.select(None, &mut Vec::new()).unwrap();
//!     })
//! });
//! let at: Vec<_> = recording.events.iter().map(|event| event.at.as_millis()).collect();
//! assert_eq!(at, [0, 5]); // it was set, and it fired
//! ```

mod place;
mod recorder;

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::backend::Backend;
use crate::timers::TimerId;
use crate::waiting::{Direction, Key};

pub use place::{Entered, Place};
pub use recorder::function;
use recorder::{End, Recorder};

thread_local! {
    /// Set for the length of a `record`; asked at every traced point.
    static ON: Cell<bool> = const { Cell::new(false) };

    /// Filled by the traced points, emptied by `record`.
    static RECORDER: RefCell<Recorder> = RefCell::default();
}

/// A story: who took part, and what happened.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// In the order in which they appeared; the first is number 1.
    pub subjects: Vec<Subject>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
    /// Words of the program, in the order in which it told them: see [`Recording::text`].
    pub texts: Vec<String>,
}

impl Recording {
    /// The words that an event names.
    pub fn text(&self, text: Text) -> &str {
        self.texts.get(text.0 as usize).map_or("", String::as_str)
    }
}

/// Somebody who takes turns.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in the events.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// The function that it runs, if that has a name.
    pub name: Option<String>,
    /// What the program calls it, if it does: [`name`].
    pub called: Option<String>,
    /// Who made it.
    pub parent: Id,
    /// Where it was made.
    pub place: Option<Place>,
}

/// Names a subject of a recording. Zero is the loop itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u32);

/// What a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something the loop calls once.
    Callback,
    /// A function with a stack of its own.
    Greenlet,
    /// A generator and its driver.
    Generator,
    /// A coroutine, or a future, that runs by itself.
    Task,
    /// A thread of the system, where no loop is.
    Thread,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// How long after the start of the recording, by the reactor's clock.
    pub at: Duration,
    /// What it was.
    pub what: What,
    /// Where in the source, if that is known.
    pub place: Option<Place>,
}

/// What can happen. The first field is whom it happened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The loop begins to serve those who are ready.
    TurnBegan(u64),
    /// The loop has served them. That many are ready again: if there are none, it is going
    /// to sleep.
    TurnEnded(usize),
    /// Somebody exists. By whom?
    Created(Id, Thing),
    /// Somebody may go on. Thanks to whom?
    Woken(Id, Thing),
    /// Somebody goes on.
    Resumed(Id),
    /// Somebody waits: on what, if that is known, and how many calls deep.
    Suspended(Id, Option<Thing>, u32),
    /// Somebody has come to an end.
    Finished(Id),
    /// Somebody was made to end.
    Cancelled(Id),
    /// Somebody ended in a panic.
    Panicked(Id),
    /// Somebody waits for the clock, until then; or until never.
    TimerSet(Id, Thing, Option<Duration>),
    /// It is that late.
    TimerFired(Id, Thing),
    /// Nobody waits for that any more.
    TimerCancelled(Id, Thing),
    /// Somebody waits for a socket.
    SocketParked(Id, Thing),
    /// A socket is worth trying again; perhaps somebody waited for that.
    SocketReady(Option<Id>, Thing),
    /// Somebody holds a variable of that name, which has that value from now on: [`note`].
    Noted(Id, &'static str, Text),
    /// Somebody has printed a line: [`said`].
    Said(Id, Text),
}

/// Words of the program, by their place in the recording: [`Recording::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(u32);

/// What somebody waits for, or who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// The loop, or whoever called it.
    Loop,
    /// Another subject.
    Subject(Id),
    /// A timer, by its number.
    Timer(u64),
    /// A direction of a socket, by the socket's number.
    Socket(u64, Direction),
    /// Somebody outside: another thread, or a library that wakes by itself.
    Foreign,
}

/// Calls `body` and records what the loops do that it runs on this thread.
///
/// # Panics
///
/// Panics inside another `record`.
pub fn record<R>(body: impl FnOnce() -> R) -> (R, Recording) {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            ON.set(false);
            RECORDER.take();
        }
    }
    assert!(!ON.replace(true), "a recording is under way on this thread already");
    let _off = Off;
    RECORDER.set(Recorder::default());
    let result = body();
    let recording = RECORDER.take().into_recording();
    (result, recording)
}

/// Whether somebody records on this thread.
#[inline]
pub fn is_on() -> bool {
    ON.get()
}

/// A turn of the loop; dropping it ends the turn.
#[inline]
pub fn turn() -> Turn {
    tell(Recorder::begin_turn);
    Turn(())
}

/// A turn that has begun.
#[derive(Debug)]
#[must_use = "dropping it ends the turn"]
pub struct Turn(());

impl Drop for Turn {
    #[inline]
    fn drop(&mut self) {
        tell(Recorder::end_turn);
    }
}

/// Somebody new, who runs the function that was given the type of that name by the compiler:
/// ask [`type_name_of_val`].
#[inline]
#[track_caller]
pub fn created(kind: Kind, type_name: &str) -> Id {
    if !is_on() {
        return Id(0);
    }
    let place = Place::here();
    record_it(move |it| it.create(kind, type_name, place))
}

/// A callback that is left behind with whatever the caller does next: sets a timer, parks at
/// a socket.
#[inline]
#[track_caller]
pub fn left_behind<F>(callback: &F) -> Uncalled {
    if !is_on() {
        return Uncalled(Id(0));
    }
    let id = created(Kind::Callback, type_name_of_val(callback));
    tell(move |it| it.leave(id));
    Uncalled(id)
}

/// A callback that is queued, to be called soon.
#[inline]
#[track_caller]
pub fn queued<F>(callback: &F) -> Uncalled {
    if !is_on() {
        return Uncalled(Id(0));
    }
    let id = created(Kind::Callback, type_name_of_val(callback));
    woken_here(id);
    Uncalled(id)
}

/// A callback that is ready to be called, and tells of it.
#[inline]
#[track_caller]
pub fn ready(callback: impl FnOnce() + 'static) -> Box<dyn FnOnce()> {
    let uncalled = queued(&callback);
    if !is_on() {
        return Box::new(callback);
    }
    Box::new(move || {
        let running = uncalled.call();
        callback();
        running.finished();
    })
}

/// A callback that was not called yet. Dropped, it never will be. The default is nobody's.
#[derive(Debug, Default)]
pub struct Uncalled(Id);

impl Uncalled {
    /// It is called now. Say how that ended; unwinding is a panic.
    #[inline]
    pub fn call(mut self) -> Running {
        resumed(std::mem::take(&mut self.0))
    }
}

impl Drop for Uncalled {
    #[inline]
    fn drop(&mut self) {
        let id = self.0;
        if id != Id(0) {
            tell(move |it| it.end(id, End::Cancelled));
        }
    }
}

/// Somebody may go on, thanks to whoever runs now: through a std `Waker`, which hides the line
/// that it was called from.
#[inline]
pub fn woken(id: Id) {
    tell(move |it| it.wake(id, None));
}

/// Somebody may go on, thanks to whoever runs now, and calls this.
#[inline]
#[track_caller]
pub fn woken_here(id: Id) {
    let place = Place::caller();
    tell(move |it| it.wake(id, Some(place)));
}

/// The next of those whom the reactor handed back is served: what they wake was woken by
/// what they waited for.
#[inline]
pub fn handed_back() {
    tell(Recorder::next_cause);
}

/// The one who runs now waits for `id`.
#[inline]
pub fn waits_for(id: Id) {
    tell(move |it| it.waits_for(id));
}

/// The one who runs now is going to wait, for whatever it is, at that line.
#[inline]
pub fn waits_at(place: Place) {
    tell(move |it| it.waits_at(place));
}

/// The one who runs now is a call deeper, until this is dropped.
#[inline]
pub fn deeper() -> Deeper {
    tell(move |it| it.deepen(1));
    Deeper(())
}

/// A call of whoever runs now.
#[derive(Debug)]
#[must_use = "dropping it ends the call"]
pub struct Deeper(());

impl Drop for Deeper {
    #[inline]
    fn drop(&mut self) {
        tell(move |it| it.deepen(-1));
    }
}

/// The one who runs now has panicked, and that was caught.
#[inline]
pub fn panicked() {
    tell(move |it| it.will_end(End::Panicked));
}

/// The one who runs now is cancelled.
#[inline]
pub fn cancelled() {
    tell(move |it| it.will_end(End::Cancelled));
}

/// What the program calls whoever runs now, from its beginning to its end: "rocket a".
///
/// For a program that wants to be understood; the loop needs none of this.
///
/// ```
/// use reactor::trace;
///
/// let ((), recording) = trace::record(|| {
///     let task = trace::created(trace::Kind::Task, "app::count::{{closure}}");
///     let running = trace::resumed(task);
///     trace::name("rocket a");
///     trace::note("left", 3);
///     let line = trace::said("a 3".to_owned());
///     running.finished();
///     assert_eq!(line, "a 3"); // as it was given
/// });
/// assert_eq!(recording.subjects[0].called.as_deref(), Some("rocket a"));
/// assert_eq!(recording.events.len(), 5); // created, resumed, noted, said, finished
/// ```
#[inline]
pub fn name(value: impl Display) {
    if is_on() {
        write_out(value, Recorder::name);
    }
}

/// Whoever runs now holds a variable of that name, and this is its value from now on.
#[inline]
#[track_caller]
pub fn note(variable: &'static str, value: impl Display) {
    let place = Place::caller();
    if is_on() {
        write_out(value, move |it, words| it.note(variable, words, place));
    }
}

/// Whoever runs now has printed that line, which is given back.
#[inline]
#[track_caller]
pub fn said(line: String) -> String {
    let place = Place::caller();
    if is_on() {
        record_it(|it| it.say(line.clone(), place));
    }
    line
}

/// Somebody goes on. Say how that ended; unwinding is a panic.
#[inline]
pub fn resumed(id: Id) -> Running {
    tell(move |it| it.resume(id));
    Running(id)
}

/// Somebody who goes on.
#[derive(Debug)]
#[must_use = "say how it ended: suspended or finished"]
pub struct Running(Id);

impl Running {
    /// It waits again.
    #[inline]
    pub fn suspended(mut self) {
        if let Some(id) = self.take() {
            tell(move |it| it.suspend(id));
        }
    }

    /// It has come to its end.
    #[inline]
    pub fn finished(mut self) {
        if let Some(id) = self.take() {
            tell(move |it| it.end(id, End::Finished));
        }
    }

    /// It has come to its end, or else it waits again.
    #[inline]
    pub fn stopped(self, is_finished: bool) {
        if is_finished {
            self.finished();
        } else {
            self.suspended();
        }
    }

    /// It has come to its end, because somebody gave it up.
    #[inline]
    pub fn cancelled(mut self) {
        if let Some(id) = self.take() {
            tell(move |it| it.end(id, End::Cancelled));
        }
    }

    #[inline]
    fn take(&mut self) -> Option<Id> {
        Some(std::mem::take(&mut self.0)).filter(|id| *id != Id(0))
    }
}

impl Drop for Running {
    #[inline]
    fn drop(&mut self) {
        if let Some(id) = self.take() {
            let end = if thread::panicking() { End::Panicked } else { End::Finished };
            tell(move |it| it.end(id, end));
        }
    }
}

impl Id {
    /// Its number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// From now on this is the clock.
pub(crate) fn clock(backend: &Rc<dyn Backend>) {
    if is_on() {
        let start = unrecorded(|| backend.now());
        record_it(|it| it.set_clock(Rc::clone(backend), start));
    }
}

#[inline]
pub(crate) fn timer_set(timer: TimerId) {
    tell(move |it| it.set_timer(timer));
}

#[inline]
pub(crate) fn timer_fired(timer: TimerId) {
    tell(move |it| it.fire_timer(timer));
}

#[inline]
pub(crate) fn timer_cancelled(timer: TimerId) {
    tell(move |it| it.cancel_timer(timer));
}

#[inline]
pub(crate) fn socket_parked(key: Key, direction: Direction) {
    tell(move |it| it.park(key, direction));
}

#[inline]
pub(crate) fn socket_ready(key: Key, direction: Direction, somebody_waited: bool) {
    tell(move |it| it.ready(key, direction, somebody_waited));
}

#[inline]
fn tell(what: impl FnOnce(&mut Recorder)) {
    if is_on() {
        record_it(what);
    }
}

/// Never inlined, and given what it needs by value: so a traced point needs no stack of its own
/// while nobody records.
///
/// The clock is the engine's, and an engine may be the program's, which may tell something itself.
/// So nothing is borrowed while it is asked.
#[cold]
#[inline(never)]
fn record_it<R>(what: impl FnOnce(&mut Recorder) -> R) -> R {
    let clock = RECORDER.with_borrow(Recorder::clock);
    let now = clock.map(|clock| unrecorded(|| clock.now()));
    RECORDER.with_borrow_mut(|it| {
        it.now = now;
        what(it)
    })
}

/// What is done to find out what to record is no part of it, and would have no end.
fn unrecorded<R>(body: impl FnOnce() -> R) -> R {
    struct On;
    impl Drop for On {
        fn drop(&mut self) {
            ON.set(true);
        }
    }
    ON.set(false);
    let _on = On;
    body()
}

/// The value is the program's: writing it out, or dropping it, may tell something itself. So
/// nothing is borrowed by then.
#[cold]
#[inline(never)]
fn write_out(value: impl Display, what: impl FnOnce(&mut Recorder, String)) {
    let words = value.to_string();
    drop(value);
    record_it(|it| what(it, words));
}
