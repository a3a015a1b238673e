//! The recorder: knows who runs, who waits for what, and what time it is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{Event, Id, Kind, Place, Recording, Subject, Text, Thing, What};
use crate::backend::Backend;
use crate::timers::TimerId;
use crate::waiting::{Direction, Key};

/// What there is to know while a story is told.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    story: Recording,
    /// Set when a reactor is made: its clock, and when the recording began by it.
    clock: Option<(Rc<dyn Backend>, Instant)>,
    /// What time it is by that clock: set by whoever tells, just before.
    pub(super) now: Option<Instant>,
    turns: u64,
    is_in_turn: bool,
    /// Who runs, innermost last: a callback may drive a generator.
    running: Vec<Frame>,
    /// Who was woken and has not run since.
    awake: BTreeSet<Id>,
    /// A callback that was just made, for whatever the next wait is.
    left: Option<Id>,
    /// Who waits for a timer or a socket, or was the last to.
    waiting: BTreeMap<Thing, Id>,
    /// What the reactor has handed back and nobody has served yet.
    delivered: VecDeque<Thing>,
    /// What the loop is serving outside of any callback or task.
    cause: Option<Thing>,
    /// Entered by whoever knows the line of the program.
    pub(super) place: Option<Place>,
}

/// Somebody who runs.
#[derive(Debug, Default)]
struct Frame {
    subject: Id,
    /// What it waits for since it was resumed: a socket rather than the timer beside it.
    on: Option<Thing>,
    /// Where it began to.
    place: Option<Place>,
    /// How many calls deep it is, and was at the most.
    depth: u32,
    deepest: u32,
    end: Option<End>,
}

/// How somebody may end.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Finished,
    Cancelled,
    Panicked,
}

impl Recorder {
    pub(super) fn into_recording(self) -> Recording {
        self.story
    }

    pub(super) fn clock(&self) -> Option<Rc<dyn Backend>> {
        self.clock.as_ref().map(|(clock, _)| Rc::clone(clock))
    }

    pub(super) fn set_clock(&mut self, backend: Rc<dyn Backend>, start: Instant) {
        self.clock.get_or_insert((backend, start));
    }

    pub(super) fn begin_turn(&mut self) {
        self.turns += 1;
        self.delivered.clear();
        self.cause = None;
        self.is_in_turn = true;
        self.tell(What::TurnBegan(self.turns));
    }

    pub(super) fn end_turn(&mut self) {
        self.is_in_turn = false;
        self.tell(What::TurnEnded(self.awake.len()));
    }

    pub(super) fn create(&mut self, kind: Kind, type_name: &str, place: Place) -> Id {
        let id = Id(u32::try_from(self.story.subjects.len()).unwrap_or(u32::MAX) + 1);
        let (name, parent) = (function(type_name), self.runs());
        let (called, made_at) = (None, Some(place));
        let subject = Subject { id, kind, name, called, parent, place: made_at };
        self.story.subjects.push(subject);
        let by = self.by();
        self.tell_at(What::Created(id, by), Some(place));
        id
    }

    pub(super) fn leave(&mut self, id: Id) {
        self.left = Some(id);
    }

    pub(super) fn wake(&mut self, id: Id, place: Option<Place>) {
        if id != Id(0) && self.awake.insert(id) {
            let by = self.by();
            self.tell_at(What::Woken(id, by), self.place.or(place));
        }
    }

    pub(super) fn resume(&mut self, id: Id) {
        if id == Id(0) {
            return;
        }
        // The loop resumes nobody unasked: whoever woke it did so behind our back.
        if !self.awake.remove(&id) && self.running.is_empty() && self.is_in_turn {
            self.tell(What::Woken(id, Thing::Foreign));
        }
        self.running.push(Frame { subject: id, ..Frame::default() });
        self.tell(What::Resumed(id));
    }

    pub(super) fn suspend(&mut self, id: Id) {
        let Some(frame) = self.pop(id) else { return };
        self.tell_at(What::Suspended(id, frame.on, frame.deepest), frame.place);
    }

    pub(super) fn end(&mut self, id: Id, end: End) {
        let end = self.pop(id).and_then(|frame| frame.end).unwrap_or(end);
        self.awake.remove(&id);
        self.tell(match end {
            End::Finished => What::Finished(id),
            End::Cancelled => What::Cancelled(id),
            End::Panicked => What::Panicked(id),
        });
    }

    pub(super) fn will_end(&mut self, end: End) {
        if let Some(frame) = self.running.last_mut() {
            frame.end = Some(end);
        }
    }

    pub(super) fn waits_for(&mut self, id: Id) {
        if id != Id(0) {
            self.wait_on(Thing::Subject(id));
        }
    }

    pub(super) fn waits_at(&mut self, place: Place) {
        if let Some(frame) = self.running.last_mut() {
            frame.place = Some(place);
        }
    }

    pub(super) fn deepen(&mut self, by: i32) {
        if let Some(frame) = self.running.last_mut() {
            frame.depth = frame.depth.saturating_add_signed(by);
            frame.deepest = frame.deepest.max(frame.depth);
        }
    }

    pub(super) fn next_cause(&mut self) {
        self.cause = self.delivered.pop_front();
    }

    pub(super) fn set_timer(&mut self, timer: TimerId) {
        let thing = Thing::Timer(timer.number());
        let due = timer.deadline().map(|deadline| self.since_start(deadline));
        let subject = self.begin_wait(thing);
        self.tell(What::TimerSet(subject, thing, due));
    }

    pub(super) fn fire_timer(&mut self, timer: TimerId) {
        let thing = Thing::Timer(timer.number());
        let subject = self.waiting.remove(&thing).unwrap_or_default();
        self.tell(What::TimerFired(subject, thing));
        self.deliver(subject, thing);
    }

    pub(super) fn cancel_timer(&mut self, timer: TimerId) {
        let thing = Thing::Timer(timer.number());
        let subject = self.waiting.remove(&thing).unwrap_or_default();
        self.tell(What::TimerCancelled(subject, thing));
    }

    pub(super) fn park(&mut self, key: Key, direction: Direction) {
        let thing = Thing::Socket(key.number(), direction);
        let subject = self.begin_wait(thing);
        self.tell(What::SocketParked(subject, thing));
    }

    pub(super) fn ready(&mut self, key: Key, direction: Direction, somebody: bool) {
        let thing = Thing::Socket(key.number(), direction);
        let subject = self.waiting.remove(&thing).filter(|_| somebody);
        self.tell(What::SocketReady(subject, thing));
        if somebody {
            self.deliver(subject.unwrap_or_default(), thing);
        }
    }

    /// The loop has a name already.
    pub(super) fn name(&mut self, value: String) {
        let subject = self.runs().0.checked_sub(1).map(|it| it as usize);
        if let Some(subject) = subject.and_then(|it| self.story.subjects.get_mut(it)) {
            subject.called = Some(value);
        }
    }

    pub(super) fn note(&mut self, variable: &'static str, value: String, place: Place) {
        let what = What::Noted(self.runs(), variable, self.keep(value));
        self.tell_at(what, Some(place));
    }

    pub(super) fn say(&mut self, line: String, place: Place) {
        let what = What::Said(self.runs(), self.keep(line));
        self.tell_at(what, Some(place));
    }

    fn keep(&mut self, words: String) -> Text {
        self.story.texts.push(words);
        Text(u32::try_from(self.story.texts.len()).unwrap_or(u32::MAX) - 1)
    }

    /// Whoever is to wait: the callback that was just made, or the one who runs.
    fn begin_wait(&mut self, thing: Thing) -> Id {
        self.wait_on(thing);
        let subject = self.left.take().unwrap_or_else(|| self.runs());
        self.waiting.insert(thing, subject);
        subject
    }

    fn wait_on(&mut self, thing: Thing) {
        let place = self.place;
        let Some(frame) = self.running.last_mut() else { return };
        let is_beside = matches!(thing, Thing::Timer(_))
            && matches!(frame.on, Some(Thing::Socket(..)));
        if !is_beside {
            (frame.on, frame.place) = (Some(thing), place.or(frame.place));
        }
    }

    /// The reactor hands back what was left with it. A callback or a greenlet is ready with
    /// that; what wakes itself will say so when it is served.
    fn deliver(&mut self, subject: Id, thing: Thing) {
        self.delivered.push_back(thing);
        let kind =
            subject.0.checked_sub(1).map(|it| self.story.subjects[it as usize].kind);
        if matches!(kind, Some(Kind::Callback | Kind::Greenlet))
            && self.awake.insert(subject)
        {
            self.tell(What::Woken(subject, thing));
        }
    }

    /// Who runs, if it is not the loop.
    fn runs(&self) -> Id {
        self.running.last().map(|frame| frame.subject).unwrap_or_default()
    }

    /// Who is to be told as the cause of what happens.
    fn by(&self) -> Thing {
        match self.running.last() {
            Some(frame) => Thing::Subject(frame.subject),
            None => self.cause.unwrap_or(Thing::Loop),
        }
    }

    fn pop(&mut self, id: Id) -> Option<Frame> {
        let is_innermost = self.running.last().is_some_and(|it| it.subject == id);
        is_innermost.then(|| self.running.pop()).flatten()
    }

    fn tell(&mut self, what: What) {
        self.tell_at(what, self.place);
    }

    fn tell_at(&mut self, what: What, place: Option<Place>) {
        let at = self.now.map_or(Duration::ZERO, |now| self.since_start(now));
        self.story.events.push(Event { at, what, place });
    }

    fn since_start(&self, instant: Instant) -> Duration {
        let start = self.clock.as_ref().map_or(instant, |(_, start)| *start);
        instant.saturating_duration_since(start)
    }
}

/// The function that a closure, a future or a generator was written in, from the name of its
/// type: `count` of `app::count<T>::{{closure}}`. Of what only holds such a one, as a timeout or a
/// stream's adapter does, it is that of the first one it holds.
pub fn function(type_name: &str) -> Option<String> {
    let path = without_generics(type_name);
    let Some((path, _)) = path.split_once(CLOSURE) else {
        return function(first_held(type_name)?);
    };
    let name =
        path.rsplit("::").find(|part| !part.starts_with('{') && !part.is_empty())?;
    Some(name.to_owned())
}

const CLOSURE: &str = "::{{closure}}";

/// `app::fetch<T>::{{closure}}` of `time::Race<app::fetch<T>::{{closure}}, U>`.
fn first_held(type_name: &str) -> Option<&str> {
    let held = &type_name[..type_name.find(CLOSURE)? + CLOSURE.len()];
    let mut depth = 0;
    let before = held.rfind(|letter| {
        depth += i32::from(letter == '>') - i32::from(letter == '<');
        depth < 0 || depth == 0 && [' ', '(', '&'].contains(&letter)
    })?;
    Some(&held[before + 1..])
}

/// `app::begin::{{closure}}` of `app::begin<Vec<u8>>::{{closure}}`.
fn without_generics(path: &str) -> String {
    let mut depth = 0;
    let outside = path.chars().filter(|letter| {
        depth += i32::from(*letter == '<');
        let is_outside = depth == 0;
        depth -= i32::from(*letter == '>');
        is_outside
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use super::function;

    #[test]
    fn a_closure_is_named_after_the_function_it_was_written_in() {
        for (type_name, name) in [
            ("app::count::{{closure}}", Some("count")),
            ("app::count::{{closure}}::{{closure}}", Some("count")),
            ("net::begin<Vec<u8>>::{{closure}}", Some("begin")),
            ("net::begin<(), app::fetch::{{closure}}>::{{closure}}", Some("begin")),
            ("alloc::boxed::Box<dyn Fn()>", None),
            ("time::Race<app::fetch::{{closure}}>", Some("fetch")),
            ("time::Race<u8, app::fetch<Vec<u8>>::{{closure}}, u8>", Some("fetch")),
            (
                "a::Pair<time::Race<app::one::{{closure}}>, app::two::{{closure}}>",
                Some("one"),
            ),
            ("(app::one::{{closure}}, u8)", Some("one")),
            ("time::Race<app::fetch<u8, u16>::{{closure}}>", Some("fetch")),
            ("app::one::{impl#0}::{{closure}}", Some("one")),
            ("app::one::<u8>::{{closure}}", Some("one")),
        ] {
            assert_eq!(function(type_name).as_deref(), name, "{type_name}");
        }
    }
}
