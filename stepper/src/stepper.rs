//! Where somebody stands in a recording, and what their keys do.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::screen::HELP;
use crate::source::Sources;
use crate::state::State;
use crate::story::{Place, Story, What};
use crate::table::difference;

/// How long a step is shown while it plays, from slow to fast.
const PACES: [u64; 6] = [1600, 800, 400, 200, 100, 50];

/// How far a page is.
const PAGE: usize = 10;

/// How much may be typed.
const ENOUGH: usize = 60;

/// The panes that a small screen shows one of.
pub const PANES: [&str; 3] = ["now", "events", "source"];

/// A recording, and somebody who looks at it.
#[derive(Clone, Debug)]
pub struct Stepper {
    story: Story,
    sources: Sources,
    step: usize,
    state: State,
    playing: bool,
    pace: usize,
    mode: Mode,
    notice: Option<String>,
    pane: usize,
    other: Option<Other>,
}

/// A recording that lies beside it.
#[derive(Clone, Debug)]
pub struct Other {
    /// What happened there.
    pub story: Story,
    /// The first step at which something else happens.
    pub differs: Option<usize>,
}

/// What the keys go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The recording.
    #[default]
    Watching,
    /// The question where to go, with what was typed so far.
    Asking(String),
    /// The help, with its first line that is shown.
    Helping(usize),
}

/// What comes after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More keys.
    Stay,
    /// More keys, and the screen from scratch.
    Redraw,
    /// The process stops for a while: Ctrl-Z.
    Suspend,
    /// It goes on.
    Resume,
    /// The end, as was wished.
    Quit,
    /// The end, at once: Ctrl-C.
    Interrupt,
}

impl Stepper {
    /// Stands at the first event.
    pub fn new(story: Story, sources: Sources) -> Self {
        let mut new = Self {
            story,
            sources,
            step: 0,
            state: State::default(),
            playing: false,
            pace: 2,
            mode: Mode::Watching,
            notice: None,
            pane: 0,
            other: None,
        };
        new.go(1);
        new
    }

    /// Lays another recording beside it, and stands where they first differ.
    #[must_use]
    pub fn beside(mut self, story: Story) -> Self {
        let differs = self.story.differs_from(&story);
        self.other = Some(Other { story, differs });
        self.show_the_difference();
        self
    }

    /// The recording beside it.
    pub fn other(&self) -> Option<&Other> {
        self.other.as_ref()
    }

    /// The recording.
    pub fn story(&self) -> &Story {
        &self.story
    }

    /// Its source files.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Where in it: right after this event, from 1.
    pub fn step(&self) -> usize {
        self.step
    }

    /// What the loop looks like there.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What the keys go to.
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// What there is to say about the last key.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Which of [`PANES`] a small screen shows.
    pub fn pane(&self) -> usize {
        self.pane
    }

    /// How long until the next step; `None`: until somebody presses a key.
    pub fn pace(&self) -> Option<Duration> {
        self.playing.then(|| Duration::from_millis(PACES[self.pace]))
    }

    /// The line of the event, or else where its subject was last seen (`true`).
    pub fn place(&self) -> Option<(Place, bool)> {
        let event = self.story.event(self.step);
        let here = event.place().map(|place| (place, false));
        here.or_else(|| {
            let place = self.state.place_of(event.subject()?)?;
            Some((place, true))
        })
    }

    /// It is time for the next step.
    pub fn tick(&mut self) {
        if self.playing {
            self.go(self.step + 1);
            self.playing = self.step < self.story.last();
        }
    }

    /// Somebody has pressed a key.
    pub fn press(&mut self, key: KeyEvent) -> Then {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return match key.code {
                KeyCode::Char('c') => Then::Interrupt,
                KeyCode::Char('d') => Then::Quit,
                KeyCode::Char('l') => Then::Redraw,
                KeyCode::Char('z') => Then::Suspend,
                _ => Then::Stay,
            };
        }
        self.notice = None;
        match std::mem::take(&mut self.mode) {
            Mode::Asking(text) => self.answer(text, key.code),
            Mode::Helping(line) => self.read_on(line, key.code),
            Mode::Watching => return self.watch(key.code),
        }
        Then::Stay
    }

    fn watch(&mut self, key: KeyCode) -> Then {
        let last = self.story.last();
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return Then::Quit,
            KeyCode::Right
            | KeyCode::Down
            | KeyCode::Char('l' | 'j')
            | KeyCode::Enter => {
                self.walk(self.step + 1);
            }
            KeyCode::Left
            | KeyCode::Up
            | KeyCode::Char('h' | 'k')
            | KeyCode::Backspace => {
                self.walk(self.step - 1);
            }
            KeyCode::PageDown => self.walk(self.step + PAGE),
            KeyCode::PageUp => self.walk(self.step.saturating_sub(PAGE)),
            KeyCode::Home => self.walk(1),
            KeyCode::End => self.walk(last),
            KeyCode::Char('d') => self.show_the_difference(),
            KeyCode::Char('n') => self.next_turn(),
            KeyCode::Char('N' | 'p') => self.previous_turn(),
            KeyCode::Char(' ') => self.play(),
            KeyCode::Char('+' | '=') => self.pace = (self.pace + 1).min(PACES.len() - 1),
            KeyCode::Char('-') => self.pace = self.pace.saturating_sub(1),
            KeyCode::Char('g' | '/') => self.ask(),
            KeyCode::Tab => self.pane = (self.pane + 1) % PANES.len(),
            KeyCode::BackTab => self.pane = (self.pane + PANES.len() - 1) % PANES.len(),
            KeyCode::Char('?') => self.mode = Mode::Helping(0),
            _ => self.notice = Some("? shows the keys".to_owned()),
        }
        Then::Stay
    }

    fn play(&mut self) {
        self.playing = !self.playing;
        if self.playing && self.step == self.story.last() {
            self.go(1);
        }
    }

    /// Goes by hand, which stops the playing.
    fn walk(&mut self, step: usize) {
        self.playing = false;
        if step < 1 {
            self.notice = Some("this is the first step".to_owned());
        } else if step > self.story.last() {
            self.notice = Some("this is the last step".to_owned());
        }
        self.go(step);
    }

    fn go(&mut self, step: usize) {
        let step = step.clamp(1, self.story.last());
        if step == self.step + 1 {
            self.state.follow(self.story.event(step));
        } else if step != self.step {
            self.state = State::after(&self.story.events[..step]);
        }
        self.step = step;
    }

    fn show_the_difference(&mut self) {
        let Some(Other { differs, .. }) = self.other else {
            self.notice = Some("no other recording lies beside it".to_owned());
            return;
        };
        if let Some(step) = differs {
            self.playing = false;
            self.go(step);
        }
        self.notice = Some(difference(differs));
    }

    fn next_turn(&mut self) {
        let mut later = self.step + 1..=self.story.last();
        match later.find(|step| self.begins_a_turn(*step)) {
            Some(step) => self.walk(step),
            None => self.notice = Some("there is no later turn".to_owned()),
        }
    }

    fn previous_turn(&mut self) {
        let mut earlier = (1..self.step).rev();
        match earlier.find(|step| self.begins_a_turn(*step)) {
            Some(step) => self.walk(step),
            None => self.notice = Some("there is no earlier turn".to_owned()),
        }
    }

    fn begins_a_turn(&self, step: usize) -> bool {
        matches!(self.story.event(step).what, What::TurnBegan { .. })
    }

    fn ask(&mut self) {
        self.playing = false;
        self.mode = Mode::Asking(String::new());
    }

    fn answer(&mut self, mut text: String, key: KeyCode) {
        match key {
            KeyCode::Esc => return,
            KeyCode::Enter => return self.jump(text.trim()),
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(char) if text.chars().count() < ENOUGH => text.push(char),
            _ => {}
        }
        self.mode = Mode::Asking(text);
    }

    /// `14` is a step, `t3` a turn; anything else is looked for in the events.
    fn jump(&mut self, to: &str) {
        let turn = to.strip_prefix('t').and_then(|turn| turn.parse().ok());
        let found = match (to.parse(), turn) {
            _ if to.is_empty() => return,
            (Ok(step), _) => {
                Some(step).filter(|step| (1..=self.story.last()).contains(step))
            }
            (_, Some(turn)) => self.story.step_of_turn(turn),
            _ => self.find(to),
        };
        match found {
            Some(step) => self.walk(step),
            None if turn.is_some() => self.notice = Some(format!("no turn {to}")),
            None => self.notice = Some(format!("nothing found: {to}")),
        }
    }

    /// The next event that says so, from here around to here.
    fn find(&self, text: &str) -> Option<usize> {
        let text = text.to_lowercase();
        let mut around = (self.step + 1..=self.story.last()).chain(1..=self.step);
        around.find(|step| {
            let words = self.story.words(self.story.event(*step));
            words.to_lowercase().contains(&text)
        })
    }

    fn read_on(&mut self, line: usize, key: KeyCode) {
        self.mode = match key {
            KeyCode::Down | KeyCode::Char('j') => {
                Mode::Helping((line + 1).min(HELP.len()))
            }
            KeyCode::Up | KeyCode::Char('k') => Mode::Helping(line.saturating_sub(1)),
            _ => Mode::Watching,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stepper() -> Stepper {
        let story =
            Story::read(include_str!("../tests/fixtures/countdown.json")).unwrap();
        let sources = Sources::read(&story.files, None);
        Stepper::new(story, sources)
    }

    fn press(stepper: &mut Stepper, key: KeyCode) -> Then {
        stepper.press(KeyEvent::new(key, KeyModifiers::NONE))
    }

    fn type_in(stepper: &mut Stepper, text: &str) {
        for char in text.chars() {
            press(stepper, KeyCode::Char(char));
        }
        press(stepper, KeyCode::Enter);
    }

    #[test]
    fn keys_step_and_stop_at_both_ends() {
        let mut it = stepper();
        assert_eq!(it.step(), 1);
        press(&mut it, KeyCode::Left);
        assert_eq!((it.step(), it.notice()), (1, Some("this is the first step")));
        press(&mut it, KeyCode::Right);
        assert_eq!((it.step(), it.notice()), (2, None));
        press(&mut it, KeyCode::PageDown);
        assert_eq!(it.step(), 12);
        press(&mut it, KeyCode::End);
        assert_eq!(it.step(), 38);
        press(&mut it, KeyCode::Char('l'));
        assert_eq!((it.step(), it.notice()), (38, Some("this is the last step")));
        press(&mut it, KeyCode::Home);
        assert_eq!(it.step(), 1);
    }

    #[test]
    fn the_state_is_the_same_whichever_way_one_came() {
        let mut it = stepper();
        let mut forward = Vec::new();
        for step in 1..=38 {
            assert_eq!(it.step(), step);
            forward.push(it.state().clone());
            press(&mut it, KeyCode::Right);
        }
        for step in (1..=38).rev() {
            assert_eq!((it.step(), it.state()), (step, &forward[step - 1]));
            press(&mut it, KeyCode::Left);
        }
    }

    #[test]
    fn n_goes_from_turn_to_turn_and_back() {
        let mut it = stepper();
        let mut steps = Vec::new();
        for key in ['n', 'n', 'n', 'n', 'N', 'p', 'p'] {
            press(&mut it, KeyCode::Char(key));
            steps.push(it.step());
        }
        assert_eq!(steps, [3, 19, 28, 28, 19, 3, 3]);
        assert_eq!(it.notice(), Some("there is no earlier turn"));
    }

    #[test]
    fn a_jump_goes_to_a_step_a_turn_or_a_word() {
        let mut it = stepper();
        for (to, step) in
            [("g14", 14), ("/t3", 28), ("gpanics", 33), ("gCOUNT #2 runs", 12)]
        {
            type_in(&mut it, to);
            assert_eq!((it.step(), it.notice()), (step, None), "{to}");
        }
        for to in ["g0", "g39", "gt9", "gsneezes"] {
            type_in(&mut it, to);
            assert_eq!(it.step(), 12, "{to}");
            assert!(it.notice().is_some(), "{to}");
        }
        type_in(&mut it, "g");
        assert_eq!((it.step(), it.notice()), (12, None));
    }

    #[test]
    fn the_question_can_be_corrected_and_left() {
        let mut it = stepper();
        press(&mut it, KeyCode::Char('g'));
        for key in [KeyCode::Char('9'), KeyCode::Backspace, KeyCode::Char('q')] {
            assert_eq!(press(&mut it, key), Then::Stay);
        }
        assert_eq!(it.mode(), &Mode::Asking("q".to_owned()));
        assert_eq!(press(&mut it, KeyCode::Esc), Then::Stay);
        assert_eq!((it.mode(), it.step()), (&Mode::Watching, 1));
    }

    #[test]
    fn it_plays_to_the_end_and_pauses_for_any_step() {
        let mut it = stepper();
        it.tick();
        assert_eq!((it.step(), it.pace()), (1, None), "it does not play by itself");
        press(&mut it, KeyCode::Char(' '));
        it.tick();
        assert_eq!(it.step(), 2);
        let pace = it.pace().unwrap();
        press(&mut it, KeyCode::Char('+'));
        assert!(it.pace().unwrap() < pace);
        press(&mut it, KeyCode::Right);
        assert_eq!((it.step(), it.pace()), (3, None));
        press(&mut it, KeyCode::Char(' '));
        (0..99).for_each(|_| it.tick());
        assert_eq!((it.step(), it.pace()), (38, None));
        press(&mut it, KeyCode::Char(' '));
        assert_eq!(it.step(), 1, "from the beginning again");
    }

    #[test]
    fn control_c_ends_it_from_anywhere() {
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for first in ['?', 'g', ' ', 'x'] {
            let mut it = stepper();
            press(&mut it, KeyCode::Char(first));
            assert_eq!(it.press(control_c), Then::Interrupt, "{first}");
        }
        assert_eq!(press(&mut stepper(), KeyCode::Char('q')), Then::Quit);
    }

    #[test]
    fn where_an_event_has_no_line_its_subject_was_somewhere_before() {
        let mut it = stepper();
        type_in(&mut it, "g24");
        assert_eq!(it.place(), Some((Place { file: 0, line: 10 }, true)));
        type_in(&mut it, "g22");
        assert_eq!(it.place(), Some((Place { file: 0, line: 10 }, false)));
        type_in(&mut it, "g23");
        assert_eq!(it.place(), None, "the turn ends");
    }
}
