//! What happened, and who it was, in words.

use lineage::trace::json::{Clock, Thing, Way};

use crate::story::{Event, Place, Story, What};

impl Story {
    /// Which program, in which style, by which clock.
    pub fn title(&self) -> String {
        let clock = match self.clock {
            Clock::Virtual => "virtual clock",
            Clock::Real => "real clock",
            Clock::Simulated => "simulated network",
        };
        let seed = self.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        format!("{}, {}, {clock}{seed}", self.program, self.style)
    }

    /// What the program calls a subject, or else its function's name or its kind; and its number.
    pub fn who(&self, id: u32) -> String {
        match self.subjects.get(&id) {
            Some(it) => {
                let name = it.called.as_ref().or(it.name.as_ref()).unwrap_or(&it.kind);
                format!("{name} #{id}")
            }
            None => "the loop".to_owned(),
        }
    }

    /// What somebody waits for, or who did something.
    pub fn thing(&self, thing: Thing) -> String {
        match thing {
            Thing::Loop => "the loop".to_owned(),
            Thing::Subject { id } => self.who(id),
            Thing::Timer { id } => format!("timer {id}"),
            Thing::Socket { id, direction: Way::Read } => format!("socket {id} (read)"),
            Thing::Socket { id, direction: Way::Write } => {
                format!("socket {id} (write)")
            }
            Thing::Foreign => "somebody outside".to_owned(),
        }
    }

    /// `folder/file.rs:12`.
    pub fn place(&self, place: Place) -> String {
        format!("{}:{}", self.files[place.file], place.line)
    }

    /// What somebody waits for, and how deep in calls.
    pub fn wait(&self, on: Option<Thing>, depth: Option<u32>) -> String {
        let on = on.map(|on| format!(" for {}", self.thing(on))).unwrap_or_default();
        match depth {
            None => on,
            Some(1) => format!("{on}, one call deep"),
            Some(depth) => format!("{on}, {depth} calls deep"),
        }
    }

    /// What the program has told of itself.
    fn program_says(&self, event: &Event) -> String {
        let who = event.subject().map_or(String::new(), |id| self.who(id));
        match &event.what {
            What::Noted { variable, text, .. } => format!("{who}: {variable} is {text}"),
            What::Said { text, .. } => format!("{who} prints: {text}"),
            _ => who,
        }
    }

    /// What happened, in a sentence.
    pub fn words(&self, event: &Event) -> String {
        let who = |id| self.who(id);
        let thing = |it| self.thing(it);
        match event.what {
            What::Noted { .. } | What::Said { .. } => self.program_says(event),
            What::TurnBegan { turn } => format!("turn {turn} begins"),
            What::TurnEnded { ready } => turn_ends(ready),
            What::Created { subject, by } => {
                format!("{} is created by {}", who(subject), thing(by))
            }
            What::Woken { subject, by } => {
                format!("{} is woken by {}", who(subject), thing(by))
            }
            What::Resumed { subject } => format!("{} runs", who(subject)),
            What::Suspended { subject, on, depth } => {
                format!("{} waits{}", who(subject), self.wait(on, depth))
            }
            What::Finished { subject } => format!("{} is done", who(subject)),
            What::Cancelled { subject } => format!("{} is cancelled", who(subject)),
            What::Panicked { subject } => format!("{} panics", who(subject)),
            What::TimerSet { subject, on, due } => {
                let due = due_at(due);
                format!("{} is set for {}, due at {due}", thing(on), who(subject))
            }
            What::TimerFired { subject, on } => {
                format!("{} of {} fires", thing(on), who(subject))
            }
            What::TimerCancelled { subject, on } => {
                format!("{} of {} is cancelled", thing(on), who(subject))
            }
            What::SocketParked { subject, on } => {
                format!("{} is parked at {}", who(subject), thing(on))
            }
            What::SocketReady { subject, on } => {
                let who = subject.map_or("nobody".to_owned(), who);
                format!("{}; {who} waits for it", ready(on))
            }
        }
    }
}

fn turn_ends(ready: usize) -> String {
    match ready {
        0 => "the turn ends: nobody is ready".to_owned(),
        1 => "the turn ends: 1 is ready".to_owned(),
        _ => format!("the turn ends: {ready} are ready"),
    }
}

/// Which way a socket has become ready.
fn ready(on: Thing) -> String {
    match on {
        Thing::Socket { id, direction: Way::Read } => format!("socket {id} is readable"),
        Thing::Socket { id, direction: Way::Write } => format!("socket {id} is writable"),
        _ => "something is ready".to_owned(),
    }
}

/// Microseconds as milliseconds, without needless zeros.
pub fn time(micros: u64) -> String {
    let digits = format!("{}.{:03}", micros / 1000, micros % 1000);
    format!("{} ms", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// When a timer is due: a time, or never.
pub fn due_at(due: Option<u64>) -> String {
    due.map_or("never".to_owned(), time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_no_needless_zeros() {
        assert_eq!(time(0), "0 ms");
        assert_eq!(time(40_000), "40 ms");
        assert_eq!(time(1_250), "1.25 ms");
    }

    #[test]
    fn every_event_is_a_sentence() {
        let story = Story::read(include_str!("../tests/fixtures/words.json")).unwrap();
        let told: Vec<_> = story.events.iter().map(|event| story.words(event)).collect();
        assert_eq!(
            told,
            [
                "callback #1 is created by the loop",
                "callback #1 is woken by somebody outside",
                "turn 1 begins",
                "callback #1 runs",
                "echo #2 is created by callback #1",
                "timer 3 is set for callback #1, due at 2001.25 ms",
                "echo #2 is parked at socket 5 (read)",
                "echo #2 waits for socket 5 (read)",
                "echo #2 waits for timer 3, one call deep",
                "echo #2 waits, 2 calls deep",
                "callback #1 waits",
                "the turn ends: 2 are ready",
                "socket 5 is writable; nobody waits for it",
                "socket 5 is readable; echo #2 waits for it",
                "timer 3 of callback #1 fires",
                "timer 4 of the loop fires",
                "timer 3 of callback #1 is cancelled",
                "echo #2 is done",
                "echo #2 is cancelled",
                "callback #1 panics",
                "echo #2: left is 3",
                "echo #2 prints: a 3",
            ]
        );
    }
}
