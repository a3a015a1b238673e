//! The file format of a recording: `docs/trace.md`, version 1.

use std::collections::BTreeMap;

use reactor::Direction;
use reactor::trace::{
    Event as Recorded, Id, Kind, Place, Recording, Thing as Waited, What,
};
use serde::{Deserialize, Serialize};

/// The version of the format.
pub const VERSION: u32 = 1;

/// A recorded run, as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// [`VERSION`].
    pub version: u32,
    /// Which program ran.
    pub program: String,
    /// In which style.
    pub style: String,
    /// Whose clock the times are by.
    pub clock: Clock,
    /// What a simulation followed from.
    pub seed: Option<u64>,
    /// The source files, from the root of the workspace. Places name them by their index.
    pub files: Vec<String>,
    /// Who took part, by age. The loop, number 0, is not among them.
    pub subjects: Vec<Subject>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// Whose clock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// A clock that jumps to the next deadline.
    Virtual,
    /// The clock of the machine: no two recordings are the same.
    Real,
    /// The clock of a simulated network.
    Simulated,
}

/// Somebody who takes turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its number, from 1.
    pub id: u32,
    /// `callback`, `greenlet`, `generator`, `task` or `thread`.
    pub kind: String,
    /// The function that it runs.
    pub name: Option<String>,
    /// What the program calls it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub called: Option<String>,
    /// Who made it.
    pub parent: u32,
    /// Where it was made.
    #[serde(flatten)]
    pub place: Line,
}

/// A line of the source, if it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// An index into [`Trace::files`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<usize>,
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u32>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Microseconds since the start.
    pub at: u64,
    /// What it was, such as `resumed`.
    pub what: String,
    /// Whom it happened to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub subject: Option<u32>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub by: Option<Thing>,
    /// What it waits for; which timer, which socket.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on: Option<Thing>,
    /// Where.
    #[serde(flatten)]
    pub place: Line,
    /// How many calls deep, where a stage has a depth.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub depth: Option<u32>,
    /// When a timer is due, in microseconds since the start. Left out, it is never due.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due: Option<u64>,
    /// The number of a turn that began, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub turn: Option<u64>,
    /// How many are ready when a turn ends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ready: Option<usize>,
    /// The name of a variable that has another value now.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variable: Option<String>,
    /// That value, or a line that was printed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// What somebody waits for, or who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Thing {
    /// The loop, or who called it.
    Loop,
    /// Another subject.
    Subject {
        /// Its number.
        id: u32,
    },
    /// A timer.
    Timer {
        /// Its number.
        id: u64,
    },
    /// A direction of a socket.
    Socket {
        /// The socket's number.
        id: u64,
        /// `read` or `write`.
        direction: Way,
    },
    /// Another thread, or a library that wakes by itself.
    Foreign,
}

/// Which way a socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// To read, or to accept.
    Read,
    /// To write, or to be connected.
    Write,
}

impl Trace {
    /// Writes a recording down.
    pub fn new(
        program: &str,
        style: &str,
        clock: Clock,
        seed: Option<u64>,
        recording: &Recording,
    ) -> Self {
        let mut files = Files::default();
        let subjects = recording.subjects.iter().map(|subject| Subject {
            id: subject.id.number(),
            kind: kind(subject.kind).to_owned(),
            name: subject.name.clone(),
            called: subject.called.clone(),
            parent: subject.parent.number(),
            place: files.line(subject.place),
        });
        let subjects = subjects.collect();
        let events =
            recording.events.iter().map(|it| Event::new(it, recording, &mut files));
        let events = events.collect();
        Self {
            version: VERSION,
            program: program.to_owned(),
            style: style.to_owned(),
            clock,
            seed,
            files: files.names,
            subjects,
            events,
        }
    }

    /// The first step, from 1, at which something else happens in the other run, or nothing
    /// any more. When and where in the source does not matter.
    pub fn differs_from(&self, other: &Self) -> Option<usize> {
        let happened = |trace: &Self| trace.events.iter().map(Event::happened).collect();
        let [one, other]: [Vec<_>; 2] = [self, other].map(happened);
        first_difference(one.iter(), other.iter())
    }
}

/// The first place, from 1, at which two sequences are not the same. The end of one is a
/// difference, too.
pub fn first_difference<T: PartialEq>(
    mut one: impl Iterator<Item = T>,
    mut other: impl Iterator<Item = T>,
) -> Option<usize> {
    let mut places = (1..).map(|place| (place, one.next(), other.next()));
    let (place, one, other) =
        places.find(|(_, one, other)| one != other || one.is_none())?;
    (one != other).then_some(place)
}

impl Event {
    fn new(event: &Recorded, recording: &Recording, files: &mut Files) -> Self {
        let mut told = Self::told(event.what);
        told.text = match event.what {
            What::Noted(.., text) | What::Said(_, text) => {
                Some(recording.text(text).to_owned())
            }
            _ => None,
        };
        told.at = micros(event.at);
        told.place = files.line(event.place);
        told
    }

    /// What happened, without when and where.
    fn happened(&self) -> Self {
        Self { at: 0, place: Line::default(), ..self.clone() }
    }

    /// Everything but when and where, and the program's words.
    fn told(what: What) -> Self {
        match what {
            What::TurnBegan(turn) => {
                Self { turn: Some(turn), ..Self::of("turn-began", None) }
            }
            What::TurnEnded(ready) => {
                Self { ready: Some(ready), ..Self::of("turn-ended", None) }
            }
            What::Created(id, by) => Self::by("created", id, by),
            What::Woken(id, by) => Self::by("woken", id, by),
            What::Resumed(id) => Self::of("resumed", Some(id)),
            What::Suspended(id, on, depth) => Self {
                on: on.map(Thing::from),
                depth: (depth > 0).then_some(depth),
                ..Self::of("suspended", Some(id))
            },
            What::Finished(id) => Self::of("finished", Some(id)),
            What::Cancelled(id) => Self::of("cancelled", Some(id)),
            What::Panicked(id) => Self::of("panicked", Some(id)),
            What::TimerSet(id, timer, due) => {
                Self { due: due.map(micros), ..Self::on("timer-set", Some(id), timer) }
            }
            What::TimerFired(id, timer) => Self::on("timer-fired", Some(id), timer),
            What::TimerCancelled(id, timer) => {
                Self::on("timer-cancelled", Some(id), timer)
            }
            What::SocketParked(id, socket) => Self::on("socket-parked", Some(id), socket),
            What::SocketReady(id, socket) => Self::on("socket-ready", id, socket),
            What::Noted(id, variable, _) => Self {
                variable: Some(variable.to_owned()),
                ..Self::of("noted", Some(id))
            },
            What::Said(id, _) => Self::of("said", Some(id)),
        }
    }

    pub(super) fn of(what: &str, subject: Option<Id>) -> Self {
        Self {
            at: 0,
            what: what.to_owned(),
            subject: subject.map(Id::number),
            by: None,
            on: None,
            place: Line::default(),
            depth: None,
            due: None,
            turn: None,
            ready: None,
            variable: None,
            text: None,
        }
    }

    fn by(what: &str, subject: Id, by: Waited) -> Self {
        Self { by: Some(by.into()), ..Self::of(what, Some(subject)) }
    }

    fn on(what: &str, subject: Option<Id>, on: Waited) -> Self {
        Self { on: Some(on.into()), ..Self::of(what, subject) }
    }
}

/// The files so far, numbered as they come.
#[derive(Default)]
struct Files {
    names: Vec<String>,
    numbers: BTreeMap<&'static str, Option<usize>>,
}

impl Files {
    fn line(&mut self, place: Option<Place>) -> Line {
        place.map_or_else(Line::default, |place| match self.number(place.file()) {
            Some(file) => Line { file: Some(file), line: Some(place.line()) },
            None => Line::default(),
        })
    }

    /// `None`: the file is not ours, and nobody has it at hand.
    fn number(&mut self, file: &'static str) -> Option<usize> {
        let Self { names, numbers } = self;
        *numbers.entry(file).or_insert_with(|| {
            let name = from_the_root(file)?;
            let known = names.iter().position(|other| *other == name);
            Some(known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            }))
        })
    }
}

/// A file's name from the root of the workspace, without detours.
fn from_the_root(file: &str) -> Option<String> {
    let file = file.replace('\\', "/");
    let is_ours = !file.starts_with('/') && file.get(1..2) != Some(":");
    let mut parts: Vec<&str> = Vec::new();
    for part in file.split('/') {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    is_ours.then(|| parts.join("/"))
}

impl From<Waited> for Thing {
    fn from(thing: Waited) -> Self {
        match thing {
            Waited::Loop => Self::Loop,
            Waited::Subject(id) => Self::Subject { id: id.number() },
            Waited::Timer(id) => Self::Timer { id },
            Waited::Socket(id, direction) => {
                let direction = match direction {
                    Direction::Read => Way::Read,
                    Direction::Write => Way::Write,
                };
                Self::Socket { id, direction }
            }
            Waited::Foreign => Self::Foreign,
        }
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Callback => "callback",
        Kind::Greenlet => "greenlet",
        Kind::Generator => "generator",
        Kind::Task => "task",
        Kind::Thread => "thread",
    }
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::from_the_root;

    #[test]
    fn a_file_is_named_from_the_root_without_detours() {
        let name = from_the_root("src/../stage4-async-await/examples/echo.rs");
        assert_eq!(name.as_deref(), Some("stage4-async-await/examples/echo.rs"));
        let windows = from_the_root("stage4-async-await\\src\\net.rs");
        assert_eq!(windows.as_deref(), Some("stage4-async-await/src/net.rs"));
        assert_eq!(from_the_root("/rustc/0/library/core/src/iter.rs"), None);
        assert_eq!(from_the_root("C:\\registry\\mio.rs"), None);
    }
}
