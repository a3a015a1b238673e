//! Every recording that there can be is stepped through.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use lineage::run::Program;
use lineage::styles::{STYLES, Style};
use lineage::trace::{Trace, json, record};
use stepper::source::{self, Sources};
use stepper::state::State;
use stepper::story::{Event, Story, What};
use stepper::table;

const PROGRAMS: [Program; 5] = Program::ALL;

fn recordings() -> impl Iterator<Item = (String, Story)> {
    let styles = STYLES.iter().filter(|style| style.has_loop());
    let pairs = styles.flat_map(|style| PROGRAMS.map(|program| (program, style)));
    pairs.map(|(program, style)| {
        let trace = record(program, style).expect("it runs");
        (
            format!("{} in style {}", program.name(), style.name),
            Story::of(&trace).expect("it is one"),
        )
    })
}

#[test]
fn who_the_loop_resumes_was_ready_and_in_the_end_nobody_is() {
    for (name, story) in recordings() {
        let mut state = State::default();
        for event in &story.events {
            if let What::Resumed { subject } = event.what
                && state.serving
                && state.running.is_empty()
            {
                assert_eq!(state.ready.first(), Some(&subject), "{name}");
            }
            state.follow(event);
        }
        assert!(state.running.is_empty() && state.ready.is_empty(), "{name}: {state:?}");
        assert!(state.timers.is_empty(), "{name}: {:?}", state.timers);
    }
}

#[test]
fn every_place_is_a_line_of_the_workspace() {
    for (name, story) in recordings() {
        let sources = Sources::read(&story.files, source::root().as_deref());
        for place in story.events.iter().filter_map(Event::place) {
            assert!(sources.line(place).is_ok(), "{name}: {}", story.place(place));
        }
    }
}

#[test]
fn the_table_has_a_row_for_every_step() {
    let trace = record(Program::Countdown, Style::named("yield-from").unwrap()).unwrap();
    let story = Story::of(&trace).unwrap();
    let text =
        table::text(&story, &Sources::read(&story.files, source::root().as_deref()));
    let rows = text.lines().skip_while(|line| !line.starts_with("STEP")).skip(1);
    let steps: Vec<usize> =
        rows.map(|row| row.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(steps.into_iter().eq(1..=story.last()));
}

#[test]
fn the_table_shows_what_the_screen_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let text = std::fs::read_to_string(root.join("countdown.json")).unwrap();
    let story = Story::read(&text).unwrap();
    insta::assert_snapshot!(table::text(
        &story,
        &Sources::read(&story.files, Some(&root))
    ));
}

/// The book marks the step that the stepper begins at.
#[test]
fn two_runs_differ_where_their_recordings_do() {
    let style = Style::named("yield-from").unwrap();
    let trace = record(Program::Countdown, style).unwrap();
    let differs = |other: &Trace| {
        let [one, two] = [&trace, other].map(|it| Story::of(it).unwrap());
        assert_eq!(one.differs_from(&two), two.differs_from(&one));
        assert_eq!(trace.differs_from(other), other.differs_from(&trace));
        assert_eq!(one.differs_from(&two), trace.differs_from(other));
        trace.differs_from(other)
    };
    let changed = |change: fn(&mut Vec<json::Event>)| {
        let mut other = trace.clone();
        change(&mut other.events);
        other
    };
    assert_eq!(differs(&trace), None);
    let later = changed(|events| {
        for event in events {
            (event.at, event.place) = (9_000_000, json::Line::default());
        }
    });
    assert_eq!(differs(&later), None, "when and where does not matter");
    assert_eq!(differs(&changed(|events| events.swap(4, 5))), Some(5));
    assert_eq!(differs(&changed(|events| events.truncate(7))), Some(8));
    let last = trace.events.len();
    assert_eq!(differs(&changed(|events| drop(events.pop()))), Some(last));
}
