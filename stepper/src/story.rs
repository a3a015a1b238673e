//! A recorded run, read and checked, so that nothing after this can stumble over it.

use std::collections::BTreeMap;

use lineage::trace::Trace;
use lineage::trace::json::{Clock, Line, Subject, Thing, VERSION, first_difference};
use serde::Deserialize;
use serde_json::Value;

/// Where a subject's numbers begin; this one is the loop itself.
pub const LOOP: u32 = 0;

/// A recording, as `docs/trace.md` has it.
#[derive(Clone, Debug)]
pub struct Story {
    /// Which program ran.
    pub program: String,
    /// In which style.
    pub style: String,
    /// Whose clock the times are by.
    pub clock: Clock,
    /// What a simulation followed from.
    pub seed: Option<u64>,
    /// The source files that places name.
    pub files: Vec<String>,
    /// Who took part.
    pub subjects: BTreeMap<u32, Subject>,
    /// What happened, in order. There is something.
    pub events: Vec<Event>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Event {
    /// Microseconds since the start.
    pub at: u64,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
    /// Where, if that is known.
    #[serde(flatten)]
    line: Line,
}

/// A line of a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// An index into [`Story::files`].
    pub file: usize,
    /// From 1.
    pub line: u32,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names are those of docs/trace.md")]
pub enum What {
    TurnBegan { turn: u64 },
    TurnEnded { ready: usize },
    Created { subject: u32, by: Thing },
    Woken { subject: u32, by: Thing },
    Resumed { subject: u32 },
    Suspended { subject: u32, on: Option<Thing>, depth: Option<u32> },
    Finished { subject: u32 },
    Cancelled { subject: u32 },
    Panicked { subject: u32 },
    TimerSet { subject: u32, on: Thing, due: Option<u64> },
    TimerFired { subject: u32, on: Thing },
    TimerCancelled { subject: u32, on: Thing },
    SocketParked { subject: u32, on: Thing },
    SocketReady { subject: Option<u32>, on: Thing },
    Noted { subject: u32, variable: String, text: String },
    Said { subject: u32, text: String },
}

/// The recording's outside; its events are looked at one by one.
#[derive(Deserialize)]
struct Cover {
    program: String,
    style: String,
    clock: Clock,
    seed: Option<u64>,
    files: Vec<String>,
    subjects: Vec<Subject>,
    events: Vec<Value>,
}

impl Story {
    /// Reads the JSON of a recording.
    ///
    /// # Errors
    ///
    /// Says in one line what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text)
            .map_err(|error| format!("this is no JSON: {error}"))?;
        Self::of_json(value)
    }

    /// A recording that was made just now.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), when recorder and reader disagree.
    pub fn of(trace: &Trace) -> Result<Self, String> {
        let value = serde_json::to_value(trace).map_err(|error| error.to_string())?;
        Self::of_json(value)
    }

    fn of_json(value: Value) -> Result<Self, String> {
        check_version(&value)?;
        let cover = Cover::deserialize(value)
            .map_err(|error| format!("this recording is damaged: {error}"))?;
        let mut events = Vec::with_capacity(cover.events.len());
        for (index, event) in cover.events.into_iter().enumerate() {
            let event = Event::deserialize(event)
                .map_err(|error| format!("event {} is damaged: {error}", index + 1))?;
            events.push(event.printable());
        }
        let subjects = cover.subjects.into_iter().map(printable_subject);
        let story = Self {
            program: printable(&cover.program),
            style: printable(&cover.style),
            clock: cover.clock,
            seed: cover.seed,
            files: cover.files.iter().map(|file| printable(file)).collect(),
            subjects: subjects.map(|subject| (subject.id, subject)).collect(),
            events,
        };
        story.check().map(|()| story)
    }

    /// The first step at which something else happens there, or nothing any more. Where in
    /// the source and when does not matter.
    pub fn differs_from(&self, other: &Self) -> Option<usize> {
        first_difference(self.happened(), other.happened())
    }

    /// The events without when and where.
    fn happened(&self) -> impl Iterator<Item = &What> {
        self.events.iter().map(|event| &event.what)
    }

    /// The number of the last step. Step 1 is right after the first event.
    pub fn last(&self) -> usize {
        self.events.len()
    }

    /// The event that led to a step.
    ///
    /// # Panics
    ///
    /// Panics if there is no such step.
    pub fn event(&self, step: usize) -> &Event {
        &self.events[step - 1]
    }

    /// The step at which a turn begins.
    pub fn step_of_turn(&self, turn: u64) -> Option<usize> {
        let begins = |event: &Event| event.what == What::TurnBegan { turn };
        self.events.iter().position(begins).map(|index| index + 1)
    }

    fn check(&self) -> Result<(), String> {
        if self.events.is_empty() {
            return Err("nothing happens in this recording".to_owned());
        }
        let mut now = 0;
        for (index, event) in self.events.iter().enumerate() {
            self.check_event(event, now)
                .map_err(|wrong| format!("event {} {wrong}", index + 1))?;
            now = event.at;
        }
        Ok(())
    }

    fn check_event(&self, event: &Event, now: u64) -> Result<(), String> {
        if event.at < now {
            return Err("happens before the one before it".to_owned());
        }
        let by = match event.thing() {
            Some(Thing::Subject { id }) => Some(id),
            _ => None,
        };
        let named = event.subject().into_iter().chain(by);
        for id in named.filter(|id| *id != LOOP) {
            if !self.subjects.contains_key(&id) {
                return Err(format!("is about subject {id}, which is not listed"));
            }
        }
        match event.place() {
            Some(Place { file, .. }) if file >= self.files.len() => {
                Err(format!("is in file {file}, which is not listed"))
            }
            _ => Ok(()),
        }
    }
}

impl Event {
    /// Where it happened, if that is known.
    pub fn place(&self) -> Option<Place> {
        let Line { file, line } = self.line;
        file.zip(line).map(|(file, line)| Place { file, line })
    }

    /// Whom it happened to; nobody in particular when a turn begins or ends.
    pub fn subject(&self) -> Option<u32> {
        match self.what {
            What::TurnBegan { .. } | What::TurnEnded { .. } => None,
            What::SocketReady { subject, .. } => subject,
            What::Created { subject, .. }
            | What::Woken { subject, .. }
            | What::Resumed { subject }
            | What::Suspended { subject, .. }
            | What::Finished { subject }
            | What::Cancelled { subject }
            | What::Panicked { subject }
            | What::TimerSet { subject, .. }
            | What::TimerFired { subject, .. }
            | What::TimerCancelled { subject, .. }
            | What::SocketParked { subject, .. }
            | What::Noted { subject, .. }
            | What::Said { subject, .. } => Some(subject),
        }
    }

    fn printable(mut self) -> Self {
        match &mut self.what {
            What::Noted { variable, text, .. } => {
                (*variable, *text) = (printable(variable), printable(text));
            }
            What::Said { text, .. } => *text = printable(text),
            _ => {}
        }
        self
    }

    /// Who did it, or what it is about.
    fn thing(&self) -> Option<Thing> {
        match self.what {
            What::Created { by, .. } | What::Woken { by, .. } => Some(by),
            What::Suspended { on, .. } => on,
            What::TimerSet { on, .. }
            | What::TimerFired { on, .. }
            | What::TimerCancelled { on, .. }
            | What::SocketParked { on, .. }
            | What::SocketReady { on, .. } => Some(on),
            _ => None,
        }
    }
}

fn check_version(value: &Value) -> Result<(), String> {
    let Some(version) = value.get("version") else {
        return Err(match value.get("traceEvents") {
            Some(_) => "this is for trace viewers; record it without --perfetto",
            None => "this is no recording: it has no version",
        }
        .to_owned());
    };
    if version.as_u64() == Some(VERSION.into()) {
        return Ok(());
    }
    let version: String = version.to_string().chars().take(20).collect();
    Err(format!("this recording has version {version}, and this reads {VERSION}"))
}

fn printable_subject(subject: Subject) -> Subject {
    let name = subject.name.as_deref().map(printable);
    let called = subject.called.as_deref().map(printable);
    Subject { kind: printable(&subject.kind), name, called, ..subject }
}

/// A text of a stranger's file may tell a terminal nothing.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COUNTDOWN: &str = include_str!("../tests/fixtures/countdown.json");

    fn with(changes: impl FnOnce(&mut Value)) -> Result<Story, String> {
        let mut value = serde_json::from_str(COUNTDOWN).unwrap();
        changes(&mut value);
        Story::read(&value.to_string())
    }

    fn wrong(changes: impl FnOnce(&mut Value)) -> String {
        with(changes).unwrap_err()
    }

    #[test]
    fn a_recording_is_read() {
        let story = Story::read(COUNTDOWN).unwrap();
        assert_eq!(
            (story.program.as_str(), story.style.as_str()),
            ("countdown", "tasks")
        );
        assert_eq!(story.event(5).place(), Some(Place { file: 0, line: 3 }));
        assert_eq!(story.step_of_turn(2), Some(19));
        assert_eq!(story.step_of_turn(99), None);
    }

    #[test]
    fn what_is_no_recording_is_told_in_one_line() {
        let told = |text: &str| Story::read(text).unwrap_err();
        assert_eq!(
            told("{"),
            "this is no JSON: EOF while parsing an object at line 1 column 1"
        );
        assert_eq!(told("[1, 2]"), "this is no recording: it has no version");
        assert_eq!(
            told("{\"version\": 2}"),
            "this recording has version 2, and this reads 1"
        );
        assert!(told("{\"traceEvents\": []}").contains("--perfetto"));
        assert_eq!(
            told("{\"version\": 1}"),
            "this recording is damaged: missing field `program`"
        );
    }

    #[test]
    fn a_damaged_event_is_named() {
        assert_eq!(
            wrong(|it| it["events"][4]["subject"] = json!("x")),
            "event 5 is damaged: invalid type: string \"x\", expected u32"
        );
        let missing =
            wrong(|it| drop(it["events"][4].as_object_mut().unwrap().remove("by")));
        assert_eq!(missing, "event 5 is damaged: missing field `by`");
        assert!(
            wrong(|it| it["events"][4]["what"] = json!("sneezed")).contains("sneezed")
        );
    }

    #[test]
    fn an_event_is_about_what_there_is() {
        assert_eq!(
            wrong(|it| it["events"][4]["subject"] = json!(77)),
            "event 5 is about subject 77, which is not listed"
        );
        assert_eq!(
            wrong(|it| it["events"][4]["file"] = json!(1)),
            "event 5 is in file 1, which is not listed"
        );
        assert_eq!(
            wrong(|it| it["events"][0]["at"] = json!(9_000_000)),
            "event 2 happens before the one before it"
        );
        assert_eq!(
            wrong(|it| it["events"] = json!([])),
            "nothing happens in this recording"
        );
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let story = with(|it| {
            it["subjects"][0]["name"] = json!("\u{1b}[2Jx");
            it["subjects"][0]["called"] = json!("\u{1b}[2Jy");
            it["events"][0] =
                json!({"at": 0, "what": "said", "subject": 1, "text": "\u{1b}[2Jz"});
        })
        .unwrap();
        let subject = &story.subjects[&1];
        assert_eq!(subject.name.as_deref(), Some("\u{fffd}[2Jx"));
        assert_eq!(subject.called.as_deref(), Some("\u{fffd}[2Jy"));
        let text = "\u{fffd}[2Jz".to_owned();
        assert_eq!(story.events[0].what, What::Said { subject: 1, text });
    }
}
