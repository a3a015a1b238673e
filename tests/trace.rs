//! A recording keeps what `docs/trace.md` promises, for every program in every style.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lineage::run::Program;
use lineage::styles::{STYLES, Style};
use lineage::trace::chrome::Chrome;
use lineage::trace::json::{Clock, Event, Thing};
use lineage::trace::{Trace, record};

const PROGRAMS: [Program; 3] = [Program::Countdown, Program::Echo, Program::Crawl];

fn with_a_loop() -> impl Iterator<Item = &'static Style> {
    STYLES.iter().filter(|style| style.has_loop())
}

/// Every recording there is.
fn recordings() -> Vec<Trace> {
    let each = |program| with_a_loop().map(move |style| record(program, style).unwrap());
    PROGRAMS.into_iter().flat_map(each).collect()
}

#[test]
fn recordings_keep_the_promises_of_the_format() {
    for trace in recordings() {
        let name = format!("{} in style {}", trace.program, trace.style);
        assert!(!trace.events.is_empty(), "{name}");
        assert!(trace.events.is_sorted_by_key(|event| event.at), "{name}: time falls");
        ids_are_those_of_subjects(&trace, &name);
        places_are_lines_of_files(&trace, &name);
        turns_and_resumes_nest(&trace, &name);
        who_is_resumed_by_the_loop_was_woken(&trace, &name);
        timers_fire_when_they_are_due(&trace, &name);
    }
}

fn ids_are_those_of_subjects(trace: &Trace, name: &str) {
    let known = |id: &u32| *id as usize <= trace.subjects.len();
    for (index, subject) in trace.subjects.iter().enumerate() {
        assert_eq!(subject.id as usize, index + 1, "{name}");
        assert!(subject.parent < subject.id, "{name}: made by somebody younger");
    }
    for event in &trace.events {
        assert!(event.subject.iter().all(known), "{name}: {event:?}");
        for thing in event.by.iter().chain(&event.on) {
            if let Thing::Subject { id } = thing {
                assert!(known(id), "{name}: {event:?}");
            }
        }
    }
}

fn places_are_lines_of_files(trace: &Trace, name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = trace
        .files
        .iter()
        .map(|file| fs::read_to_string(root.join(file)).expect(file).lines().count());
    let lines: Vec<_> = lines.collect();
    let places = trace.events.iter().map(|event| event.place);
    for place in places.chain(trace.subjects.iter().map(|subject| subject.place)) {
        assert_eq!(place.file.is_some(), place.line.is_some(), "{name}");
        if let (Some(file), Some(line)) = (place.file, place.line) {
            assert!((1..=lines[file]).contains(&(line as usize)), "{name}: {place:?}");
        }
    }
    let example = trace.files.iter().any(|file| file.contains("/examples/"));
    assert!(example, "{name}: no line of the program is named");
}

fn turns_and_resumes_nest(trace: &Trace, name: &str) {
    let (mut running, mut turns, mut in_turn) = (Vec::new(), 0, false);
    for event in &trace.events {
        match event.what.as_str() {
            "turn-began" => {
                turns += 1;
                assert_eq!(event.turn, Some(turns), "{name}");
                assert!(!in_turn && running.is_empty(), "{name}: turns nest");
                in_turn = true;
            }
            "turn-ended" => {
                assert!(in_turn && running.is_empty(), "{name}: {running:?} still run");
                in_turn = false;
            }
            "resumed" => running.push(event.subject),
            "suspended" => assert_eq!(running.pop(), Some(event.subject), "{name}"),
            "finished" | "panicked" | "cancelled"
                if running.last() == Some(&event.subject) =>
            {
                running.pop();
            }
            _ => {}
        }
    }
    assert!(running.is_empty() && !in_turn, "{name}: it stops in the middle");
}

fn who_is_resumed_by_the_loop_was_woken(trace: &Trace, name: &str) {
    let (mut woken, mut running, mut in_turn) = (BTreeSet::new(), 0, false);
    for event in &trace.events {
        match event.what.as_str() {
            "turn-began" => in_turn = true,
            "turn-ended" => in_turn = false,
            "woken" => drop(woken.insert(event.subject)),
            "resumed" => {
                let was_woken = woken.remove(&event.subject);
                assert!(was_woken || running > 0 || !in_turn, "{name}: {event:?}");
                running += 1;
            }
            "suspended" | "finished" | "panicked" => running -= 1,
            _ => {}
        }
    }
}

fn timers_fire_when_they_are_due(trace: &Trace, name: &str) {
    let mut due = BTreeMap::new();
    for event in &trace.events {
        let Some(Thing::Timer { id }) = event.on else { continue };
        match event.what.as_str() {
            "timer-set" => assert_eq!(due.insert(id, event.due.unwrap()), None, "{name}"),
            "timer-fired" => assert!(due.remove(&id) <= Some(event.at), "{name}: early"),
            "timer-cancelled" => assert!(due.remove(&id).is_some(), "{name}"),
            _ => {}
        }
    }
}

#[test]
fn a_recording_by_an_invented_clock_is_the_same_each_time() {
    for style in with_a_loop() {
        for program in PROGRAMS {
            let trace = record(program, style).unwrap();
            if trace.clock != Clock::Real {
                assert_eq!(trace, record(program, style).unwrap(), "{}", style.name);
            }
        }
    }
}

#[test]
fn a_task_waits_on_its_own_line_of_the_program() {
    for style in with_a_loop() {
        let trace = record(Program::Countdown, style).unwrap();
        let source: Vec<_> = style.sources.countdown.lines().collect();
        let set = trace.events.iter().filter(|event| event.what == "timer-set");
        let made =
            |event: &Event| trace.subjects[event.subject.unwrap() as usize - 1].place;
        let lines = set.map(|event| event.place.line.or(made(event).line).unwrap());
        for line in lines {
            assert!(
                source[line as usize - 1].contains("rocket.period"),
                "{}",
                style.name
            );
        }
    }
}

#[test]
fn a_trace_file_reads_back_as_it_was_written() {
    let trace = record(Program::Countdown, Style::named("generators").unwrap()).unwrap();
    let text = serde_json::to_string(&trace).unwrap();
    assert_eq!(serde_json::from_str::<Trace>(&text).unwrap(), trace);
}

#[test]
fn chromes_slices_are_closed_lane_by_lane_and_its_arrows_end() {
    for trace in recordings() {
        let name = format!("{} in style {}", trace.program, trace.style);
        let drawn = serde_json::to_value(Chrome::new(&trace)).unwrap();
        let mut open = BTreeMap::<u64, usize>::new();
        let (mut arrows, mut now) = (BTreeSet::new(), 0);
        for event in drawn["traceEvents"].as_array().unwrap() {
            assert_eq!(event["pid"], 1, "{name}: {event}");
            let lane = event["tid"].as_u64().unwrap();
            let phase = event["ph"].as_str().unwrap();
            // A viewer complains of a slice that is closed under another name.
            assert_eq!(event["name"].is_string(), phase != "E", "{name}: {event}");
            if phase != "M" {
                let at = event["ts"].as_u64().unwrap();
                assert!(at >= now, "{name}: {event}");
                now = at;
            }
            let in_a_slice = open.get(&lane).is_some_and(|open| *open > 0);
            match phase {
                "B" => *open.entry(lane).or_default() += 1,
                "E" => *open.get_mut(&lane).expect("it was opened") -= 1,
                // A viewer does not draw an arrow that begins or ends outside of a slice.
                "s" => {
                    assert!(in_a_slice, "{name}: {event}");
                    assert!(arrows.insert(event["id"].as_u64()), "{name}");
                }
                "f" => {
                    assert!(in_a_slice && event["bp"] == "e", "{name}: {event}");
                    assert!(arrows.remove(&event["id"].as_u64()), "{name}");
                }
                "i" => assert_eq!(event["s"], "t", "{name}: {event}"),
                phase => assert_eq!(phase, "M", "{name}: {event}"),
            }
        }
        assert!(open.values().all(|open| *open == 0), "{name}: {open:?}");
    }
}

#[test]
fn a_style_without_a_loop_says_so() {
    let error = record(Program::Crawl, Style::named("threads").unwrap()).unwrap_err();
    assert!(error.to_string().contains("no loop"), "{error}");
}
