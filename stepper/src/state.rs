//! What the loop looks like after an event: who runs, who is ready, who waits for what.
//!
//! A state follows from the state before and an event, and from nothing else.

use std::collections::BTreeMap;

use lineage::trace::json::Thing;

use crate::story::{Event, LOOP, Place, What};

/// The loop, between two events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Microseconds since the start.
    pub now: u64,
    /// The number of the turn; 0 before the first.
    pub turn: u64,
    /// Whether that turn is under way. Between turns the loop waits.
    pub serving: bool,
    /// Who runs. Whoever is resumed inside another stands after it.
    pub running: Vec<u32>,
    /// Who may go on, next first.
    pub ready: Vec<u32>,
    /// Who waits for something.
    pub parked: BTreeMap<u32, Wait>,
    /// What is due, by the timers' numbers.
    pub timers: BTreeMap<u64, Timer>,
    /// How many have come to an end.
    pub ended: usize,
    /// What somebody holds, as far as the program says so.
    pub notes: BTreeMap<u32, BTreeMap<String, String>>,
    /// What the program has printed.
    pub printed: Vec<String>,
    /// Where everybody was last seen, or else made.
    places: BTreeMap<u32, Place>,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// If that is known.
    pub on: Option<Thing>,
    /// How many calls deep, where a stage has a depth.
    pub depth: Option<u32>,
}

/// A timer that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When, in microseconds since the start. `None` is never.
    pub due: Option<u64>,
    /// Who waits.
    pub subject: u32,
}

impl State {
    /// The state after `events`.
    pub fn after(events: &[Event]) -> Self {
        let mut state = Self::default();
        events.iter().for_each(|event| state.follow(event));
        state
    }

    /// Takes note of the next event.
    pub fn follow(&mut self, event: &Event) {
        self.now = event.at;
        self.remember_place(event);
        match event.what {
            What::Noted { subject, ref variable, ref text } => {
                let notes = self.notes.entry(subject).or_default();
                notes.insert(variable.clone(), text.clone());
            }
            What::Said { ref text, .. } => self.printed.push(text.clone()),
            What::TurnBegan { turn } => (self.turn, self.serving) = (turn, true),
            What::TurnEnded { .. } => self.serving = false,
            What::Created { .. } | What::SocketReady { .. } => {}
            What::Woken { subject, .. } => self.wake(subject),
            What::Resumed { subject } => self.resume(subject),
            What::Suspended { subject, on, depth } => {
                forget(&mut self.running, subject);
                self.park(subject, Wait { on, depth });
            }
            What::Finished { subject }
            | What::Cancelled { subject }
            | What::Panicked { subject } => self.end(subject),
            What::TimerSet { subject, on, due } => {
                if let Thing::Timer { id } = on {
                    self.timers.insert(id, Timer { due, subject });
                }
                self.leave(subject, on);
            }
            What::TimerFired { on, .. } | What::TimerCancelled { on, .. } => {
                if let Thing::Timer { id } = on {
                    self.timers.remove(&id);
                }
            }
            What::SocketParked { subject, on } => self.leave(subject, on),
        }
    }

    /// Where somebody was last seen.
    pub fn place_of(&self, id: u32) -> Option<Place> {
        self.places.get(&id).copied()
    }

    /// The timers, next due first.
    pub fn timers_by_due(&self) -> Vec<(u64, Timer)> {
        let mut timers: Vec<_> = self.timers.iter().map(|(id, it)| (*id, *it)).collect();
        timers.sort_by_key(|(id, timer)| (timer.due.is_none(), timer.due, *id));
        timers
    }

    /// The place of a waking is the waker's.
    fn remember_place(&mut self, event: &Event) {
        if let (Some(place), Some(id)) = (event.place(), event.subject())
            && !matches!(event.what, What::Woken { .. })
        {
            self.places.insert(id, place);
        }
    }

    fn wake(&mut self, id: u32) {
        self.parked.remove(&id);
        if !self.ready.contains(&id) {
            self.ready.push(id);
        }
    }

    fn resume(&mut self, id: u32) {
        self.parked.remove(&id);
        forget(&mut self.ready, id);
        self.running.push(id);
    }

    /// Whoever was woken while it ran is ready, and does not wait.
    fn park(&mut self, id: u32, wait: Wait) {
        if !self.ready.contains(&id) {
            self.parked.insert(id, wait);
        }
    }

    /// Whoever runs only takes note; a callback that is left behind waits from now on.
    fn leave(&mut self, id: u32, on: Thing) {
        if id != LOOP && !self.running.contains(&id) && !self.parked.contains_key(&id) {
            self.park(id, Wait { on: Some(on), depth: None });
        }
    }

    fn end(&mut self, id: u32) {
        forget(&mut self.running, id);
        forget(&mut self.ready, id);
        self.parked.remove(&id);
        self.ended += 1;
    }
}

fn forget(list: &mut Vec<u32>, id: u32) {
    list.retain(|other| *other != id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Story;

    fn story() -> Story {
        Story::read(include_str!("../tests/fixtures/countdown.json")).unwrap()
    }

    /// What the loop looks like after an event of the countdown.
    fn at(step: usize) -> State {
        State::after(&story().events[..step])
    }

    fn parked(step: usize) -> Vec<(u32, Thing)> {
        at(step).parked.into_iter().map(|(id, wait)| (id, wait.on.unwrap())).collect()
    }

    fn dues(step: usize) -> Vec<(u64, u64)> {
        let timers = at(step).timers_by_due().into_iter();
        timers.filter_map(|(id, it)| Some((id, it.due?))).collect()
    }

    #[test]
    fn at_first_there_is_nobody_and_no_turn() {
        assert_eq!(at(0), State::default());
        assert_eq!((at(2).turn, at(2).serving), (0, false));
    }

    #[test]
    fn who_was_woken_is_ready_in_that_order_until_it_runs() {
        assert!(at(1).ready.is_empty(), "created, and not yet woken");
        assert_eq!(at(2).ready, [1]);
        assert_eq!((at(4).ready, at(4).running), (vec![], vec![1]));
        assert_eq!(at(10).ready, [2, 3, 4]);
        assert_eq!((at(12).ready, at(12).running), (vec![3, 4], vec![2]));
        assert_eq!(at(30).ready, [4, 1]);
    }

    #[test]
    fn who_was_suspended_is_parked_until_it_is_woken() {
        let (one, two) = (Thing::Timer { id: 1 }, Thing::Timer { id: 2 });
        let count = Thing::Subject { id: 2 };
        assert_eq!(parked(10), []);
        assert_eq!(parked(11), [(1, count)]);
        assert_eq!(parked(17), [(1, count), (2, one), (3, two)]);
        assert_eq!(at(17).parked[&3].depth, Some(2));
        assert_eq!(parked(24).len(), 4, "a timer fires, and nobody was told yet");
        assert!(!at(25).parked.contains_key(&2));
    }

    #[test]
    fn timers_are_there_until_they_fire_or_are_cancelled() {
        assert_eq!(dues(12), []);
        assert_eq!(dues(16), [(1, 40_000), (2, 70_500)]);
        assert_eq!(dues(21), [(1, 40_000), (3, 40_000), (2, 70_500)]);
        assert_eq!(dues(24), [(3, 40_000), (2, 70_500)]);
        assert_eq!(dues(35), []);
    }

    #[test]
    fn a_timer_that_is_never_due_is_the_last() {
        let set = |id, due| What::TimerSet { subject: 1, on: Thing::Timer { id }, due };
        let state = events(&[set(1, None), set(2, Some(5)), set(3, Some(4))]);
        let ids = state.timers_by_due().into_iter().map(|(id, _)| id);
        assert_eq!(ids.collect::<Vec<_>>(), [3, 2, 1]);
    }

    #[test]
    fn a_turn_is_under_way_from_its_beginning_to_its_end() {
        let turn = |step| (at(step).turn, at(step).serving);
        assert_eq!(turn(3), (1, true));
        assert_eq!(turn(18), (1, false));
        assert_eq!(turn(19), (2, true));
    }

    #[test]
    fn who_has_ended_is_nowhere() {
        let end = at(38);
        assert_eq!((end.running, end.ready, end.ended), (vec![], vec![], 4));
        assert!(end.parked.is_empty() && end.timers.is_empty());
    }

    #[test]
    fn a_place_is_the_subjects_own_and_not_its_wakers() {
        assert_eq!(at(30).place_of(1), Some(Place { file: 0, line: 1 }));
        assert_eq!(at(12).place_of(2), Some(Place { file: 0, line: 3 }));
        assert_eq!(at(15).place_of(2), Some(Place { file: 0, line: 10 }));
        assert_eq!(at(15).place_of(9), None);
    }

    fn events(whats: &[What]) -> State {
        let json = |what: &What| {
            let mut event = Story::read(include_str!("../tests/fixtures/words.json"))
                .unwrap()
                .events
                .swap_remove(0);
            event.what = what.clone();
            event
        };
        State::after(&whats.iter().map(json).collect::<Vec<_>>())
    }

    #[test]
    fn a_callback_that_is_left_behind_waits_though_it_never_ran() {
        let on = Thing::Timer { id: 7 };
        let by = Thing::Loop;
        let due = Some(5);
        let set =
            [What::Created { subject: 1, by }, What::TimerSet { subject: 1, on, due }];
        assert_eq!(events(&set).parked[&1].on, Some(on));
        let run = [What::Resumed { subject: 1 }, set[1].clone()];
        assert!(events(&run).parked.is_empty(), "who runs only takes note");
        let of_the_loop = [What::TimerSet { subject: LOOP, on, due }];
        assert!(events(&of_the_loop).parked.is_empty());
    }

    #[test]
    fn what_somebody_holds_is_its_last_value_and_what_is_printed_stays() {
        let note = |text: &str| What::Noted {
            subject: 1,
            variable: "left".to_owned(),
            text: text.to_owned(),
        };
        let said = What::Said { subject: 1, text: "a 2".to_owned() };
        let state = events(&[note("2"), said, note("1")]);
        assert_eq!(state.notes[&1]["left"], "1");
        assert_eq!(state.printed, ["a 2"]);
    }

    #[test]
    fn who_is_resumed_inside_another_stands_after_it() {
        let two = [What::Resumed { subject: 1 }, What::Resumed { subject: 2 }];
        assert_eq!(events(&two).running, [1, 2]);
        let ended = [two[0].clone(), two[1].clone(), What::Finished { subject: 2 }];
        assert_eq!(events(&ended).running, [1]);
    }

    #[test]
    fn who_was_woken_while_it_ran_is_ready_and_not_parked() {
        let (subject, by) = (1, Thing::Foreign);
        let wait = What::Suspended { subject, on: None, depth: None };
        let woken = [What::Resumed { subject }, What::Woken { subject, by }, wait];
        let state = events(&woken);
        assert_eq!((state.ready, state.parked.len()), (vec![1], 0));
    }
}
