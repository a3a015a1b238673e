//! A recording keeps what `docs/trace.md` promises, for every program in every style.

#![allow(clippy::print_stderr, reason = "to skip is said aloud")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use lineage::run::Program;
use lineage::styles::{STYLES, Style};
use lineage::trace::chrome::Chrome;
use lineage::trace::json::{Clock, Event, Thing};
use lineage::trace::{Trace, record};
use serde_json::Value;
use site::countdown::TOGETHER;

const PROGRAMS: [Program; 5] = Program::ALL;

fn with_a_loop() -> impl Iterator<Item = &'static Style> {
    STYLES.iter().filter(|style| style.has_loop())
}

/// Every recording there is.
fn recordings() -> Vec<Trace> {
    let each = |program| with_a_loop().map(move |style| record(program, style).unwrap());
    PROGRAMS.into_iter().flat_map(each).collect()
}

/// What strace sees of the styles without a loop, where there is a strace that may.
static OF_THE_KERNEL: LazyLock<Vec<Trace>> = LazyLock::new(|| {
    let without = STYLES.iter().filter(|style| !style.has_loop());
    let traces = without.filter_map(|style| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel.json");
        let lineage = Command::new(env!("CARGO_BIN_EXE_lineage"))
            .args(["trace", "countdown", "--style", style.name, "--out"])
            .arg(&out)
            .output()
            .unwrap();
        if !lineage.status.success() {
            let why = String::from_utf8_lossy(&lineage.stderr).into_owned();
            assert!(why.contains("strace"), "{why}");
            eprintln!("skipped: {why}");
            return None;
        }
        Some(serde_json::from_str(&fs::read_to_string(out).unwrap()).unwrap())
    });
    traces.collect()
});

#[test]
fn recordings_keep_the_promises_of_the_format() {
    for trace in &*OF_THE_KERNEL {
        assert!(trace.events.is_sorted_by_key(|event| event.at), "{}", trace.style);
        ids_are_those_of_subjects(trace, &trace.style);
        let by_a_loop = trace.events.iter().find(|event| event.by == Some(Thing::Loop));
        assert_eq!(by_a_loop, None, "{}: there is none", trace.style);
    }
    for trace in recordings() {
        let name = format!("{} in style {}", trace.program, trace.style);
        assert!(!trace.events.is_empty(), "{name}");
        assert!(trace.events.is_sorted_by_key(|event| event.at), "{name}: time falls");
        ids_are_those_of_subjects(&trace, &name);
        places_are_lines_of_files(&trace, &name);
        turns_and_resumes_nest(&trace, &name);
        who_is_resumed_by_the_loop_was_woken(&trace, &name);
        the_end_of_a_turn_says_how_many_are_ready(&trace, &name);
        timers_fire_when_they_are_due(&trace, &name);
        things_wake_whom_they_were_for(&trace, &name);
    }
}

/// The format is what `docs/trace.md` says, to the field.
#[test]
fn a_recording_has_the_documented_fields_and_no_others() {
    let format = Documented::read();
    for trace in recordings().into_iter().chain(OF_THE_KERNEL.iter().cloned()) {
        let json = serde_json::to_value(&trace).unwrap();
        format.check(&json, &format!("{} in style {}", trace.program, trace.style));
    }
}

/// What the page promises.
struct Documented {
    text: String,
    /// The fields of the file.
    fields: BTreeSet<String>,
    /// The fields of each kind of event, and whether they are always there.
    events: BTreeMap<String, BTreeMap<String, bool>>,
    /// One of each kind of thing.
    things: Vec<Value>,
}

impl Documented {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join("docs/trace.md")).unwrap();
        let fields = rows(&text, "| field |").flat_map(|row| quoted(row[0]));
        let mut events = BTreeMap::new();
        for row in rows(&text, "| `what` |") {
            let always = |field: &str| !row[1].contains(&format!("`{field}`?"));
            let fields = quoted(row[1]).map(|field| (field.clone(), always(&field)));
            let fields: BTreeMap<_, _> = fields.collect();
            events.extend(quoted(row[0]).map(|what| (what, fields.clone())));
        }
        let things = quoted(&text).filter(|it| it.starts_with("{\"kind\""));
        let things = things.map(|it| serde_json::from_str(&it).unwrap()).collect();
        Self { fields: fields.collect(), events, things, text }
    }

    fn check(&self, trace: &Value, name: &str) {
        assert_eq!(keys(trace), self.fields, "{name}");
        let version = format!("| `version` | `{}` |", trace["version"]);
        assert!(self.text.contains(&version), "{name}: {version}");
        let clock = trace["clock"].as_str().unwrap();
        assert!(self.text.contains(&format!("`{clock}`")), "{name}: {clock}");
        trace["subjects"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(|it| self.check_subject(it));
        for event in trace["events"].as_array().unwrap() {
            self.check_event(event, name);
        }
    }

    fn check_subject(&self, subject: &Value) {
        let kind = subject["kind"].as_str().unwrap();
        assert!(self.text.contains(&format!("`{kind}`")), "{subject}");
        let always = ["id", "kind", "name", "parent"].map(str::to_owned);
        let mut there = without_a_place(subject);
        there.remove("called");
        assert_eq!(there, always.into(), "{subject}");
    }

    fn check_event(&self, event: &Value, name: &str) {
        let what = event["what"].as_str().unwrap();
        let fields = self.events.get(what).unwrap_or_else(|| panic!("{name}: {event}"));
        let mut there = without_a_place(event);
        assert!(there.remove("at") && there.remove("what"), "{name}: {event}");
        for (field, always) in fields {
            assert!(there.remove(field) || !always, "{name}: no {field}: {event}");
        }
        assert!(there.is_empty(), "{name}: {there:?} of {event}");
        for thing in [&event["by"], &event["on"]].into_iter().filter(|it| !it.is_null()) {
            let is_alike =
                |it: &Value| it["kind"] == thing["kind"] && keys(it) == keys(thing);
            assert!(self.things.iter().any(is_alike), "{name}: {thing}");
        }
    }
}

/// The rows of the table that begins with `head`.
fn rows<'a>(text: &'a str, head: &str) -> impl Iterator<Item = Vec<&'a str>> {
    let table = text.lines().skip_while(move |line| !line.starts_with(head)).skip(2);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned)
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// The fields besides `file` and `line`, of which neither is there without the other.
fn without_a_place(value: &Value) -> BTreeSet<String> {
    let mut keys = keys(value);
    assert_eq!(keys.remove("file"), keys.remove("line"), "{value}");
    keys
}

fn ids_are_those_of_subjects(trace: &Trace, name: &str) {
    let known = |id: &u32| *id as usize <= trace.subjects.len();
    for (index, subject) in trace.subjects.iter().enumerate() {
        assert_eq!(subject.id as usize, index + 1, "{name}");
        assert!(subject.parent < subject.id, "{name}: made by somebody younger");
    }
    for event in &trace.events {
        assert!(event.subject.iter().all(known), "{name}: {event:?}");
        if event.what == "created" {
            let made = &trace.subjects[event.subject.unwrap() as usize - 1];
            let Some(Thing::Subject { id }) = event.by else {
                assert_eq!(made.parent, 0, "{name}: {event:?}");
                continue;
            };
            assert_eq!(made.parent, id, "{name}: {event:?}");
        }
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

/// Ready is whoever was woken and has neither run nor ended since.
fn the_end_of_a_turn_says_how_many_are_ready(trace: &Trace, name: &str) {
    let mut ready = BTreeSet::new();
    for event in &trace.events {
        match event.what.as_str() {
            "woken" => drop(ready.insert(event.subject)),
            "resumed" | "finished" | "cancelled" | "panicked" => {
                ready.remove(&event.subject);
            }
            "turn-ended" => {
                assert_eq!(event.ready, Some(ready.len()), "{name}: {event:?}");
            }
            _ => {}
        }
    }
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
            "timer-set" => {
                let never = u64::MAX;
                assert_eq!(due.insert(id, event.due.unwrap_or(never)), None, "{name}");
            }
            "timer-fired" => assert!(due.remove(&id) <= Some(event.at), "{name}: early"),
            "timer-cancelled" => assert!(due.remove(&id).is_some(), "{name}"),
            _ => {}
        }
    }
}

/// A timer or a socket wakes whoever waited for it, or a callback that was made for that.
fn things_wake_whom_they_were_for(trace: &Trace, name: &str) {
    let mut whose = BTreeMap::new();
    for event in &trace.events {
        match event.what.as_str() {
            "timer-fired" | "socket-ready" if event.subject.is_some() => {
                whose.insert(event.on, vec![event.subject]);
            }
            "created" => whose.entry(event.by).or_default().push(event.subject),
            "woken"
                if matches!(
                    event.by,
                    Some(Thing::Timer { .. } | Thing::Socket { .. })
                ) =>
            {
                assert!(whose[&event.by].contains(&event.subject), "{name}: {event:?}");
            }
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

/// As chapter 17 tells of the race. In the simulated network, to ask a world that answers at once
/// takes a microsecond: turns that begin at the same time have one question between them.
#[test]
fn the_fast_loop_takes_the_same_steps_of_a_race_and_asks_less_often() {
    let [plain, fast] = ["asyncio", "uvloop"]
        .map(|name| record(Program::HappyEyeballs, Style::named(name).unwrap()).unwrap());
    let steps = |trace: &Trace| -> Vec<_> {
        let events = trace.events.iter();
        events.map(|it| (it.what.clone(), it.subject, it.by, it.on, it.ready)).collect()
    };
    assert_eq!(steps(&plain), steps(&fast));
    let turns = |trace: &Trace| -> Vec<_> {
        let begun = trace.events.iter().filter(|event| event.what == "turn-began");
        begun.map(|event| event.at).collect()
    };
    let times = |trace| turns(trace).into_iter().collect::<BTreeSet<_>>().len();
    assert_eq!((turns(&plain).len(), times(&plain)), (18, 18));
    assert_eq!((turns(&fast).len(), times(&fast)), (18, 6));
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

/// Each line is told when its rocket says it, by whoever is that rocket then.
#[test]
fn what_a_countdown_prints_is_told_in_its_place_in_time() {
    for style in with_a_loop() {
        let trace = record(Program::Countdown, style).unwrap();
        let whose = |event: &Event| {
            let subject = &trace.subjects[event.subject.unwrap() as usize - 1];
            subject.called.clone().unwrap_or_default()
        };
        let said = trace.events.iter().filter(|event| event.what == "said");
        let told: Vec<_> =
            said.map(|it| (it.at / 1000, whose(it), it.text.clone().unwrap())).collect();
        let expected = [40, 80, 100, 120, 140, 200].into_iter().zip(TOGETHER);
        let expected = expected
            .map(|(at, line)| (at, format!("rocket {}", &line[..1]), line.to_owned()));
        assert_eq!(told, expected.collect::<Vec<_>>(), "{}", style.name);
    }
}

/// And of whoever prints it, what it holds is what it prints.
#[test]
fn a_rocket_says_how_much_it_has_left() {
    for style in with_a_loop() {
        let trace = record(Program::Countdown, style).unwrap();
        let mut left = BTreeMap::new();
        for event in &trace.events {
            let text = event.text.clone().unwrap_or_default();
            match event.what.as_str() {
                "noted" => {
                    assert_eq!(event.variable.as_deref(), Some("left"), "{}", style.name);
                    left.insert(event.subject, text);
                }
                "said" => {
                    assert!(text.ends_with(&left[&event.subject]), "{}", style.name);
                }
                _ => {}
            }
        }
    }
}

/// But for a room that calls a waker of std, which does not say who called it.
#[test]
fn whoever_wakes_somebody_does_it_at_a_line() {
    let is_std = |it: &Trace| {
        it.program == "chat" && ["async-await", "asyncio", "uvloop"].contains(&&*it.style)
    };
    for trace in recordings().into_iter().filter(|trace| !is_std(trace)) {
        let wakes = trace.events.iter().filter(|event| event.what == "woken");
        let mut by_subjects =
            wakes.filter(|it| matches!(it.by, Some(Thing::Subject { .. })));
        let without = by_subjects.find(|event| event.place.line.is_none());
        assert_eq!(without, None, "{} in style {}", trace.program, trace.style);
    }
}

/// An `.await` of a handle does not know its line; what came before it is a call, which does.
#[test]
fn whoever_waits_by_a_call_waits_at_a_line() {
    let is_a_call =
        |it: &Trace| !["async-await", "asyncio", "uvloop"].contains(&&*it.style);
    for trace in recordings().into_iter().filter(is_a_call) {
        let mut waits = trace.events.iter().filter(|event| event.what == "suspended");
        let without = waits.find(|event| event.place.line.is_none());
        assert_eq!(without, None, "{} in style {}", trace.program, trace.style);
    }
}

#[test]
fn how_deep_a_coroutine_waits_is_told() {
    let deepest = |style| {
        let trace = record(Program::Countdown, Style::named(style).unwrap()).unwrap();
        trace.events.iter().filter_map(|event| event.depth).max()
    };
    // A generator is driven from outside; `yield from` stands on the call that waits.
    assert_eq!((deepest("generators"), deepest("yield-from")), (Some(1), Some(2)));
    assert_eq!(deepest("async-await"), None, "it is one call, whatever it awaits");
}

#[test]
fn a_trace_file_reads_back_as_it_was_written() {
    let trace = record(Program::Countdown, Style::named("generators").unwrap()).unwrap();
    let text = serde_json::to_string(&trace).unwrap();
    assert_eq!(serde_json::from_str::<Trace>(&text).unwrap(), trace);
}

#[test]
fn chromes_slices_are_closed_lane_by_lane_and_its_arrows_end() {
    for trace in recordings().into_iter().chain(OF_THE_KERNEL.iter().cloned()) {
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
fn a_run_without_a_loop_can_be_stepped_through_too() {
    if OF_THE_KERNEL.is_empty() {
        return;
    }
    let step = Command::new(env!("CARGO_BIN_EXE_lineage"))
        .args(["step", "countdown", "--style", "threads", "--plain"])
        .output()
        .unwrap();
    let [said, why] = [step.stdout, step.stderr].map(|it| String::from_utf8(it).unwrap());
    assert!(said.starts_with("countdown, threads, real clock"), "{said}{why}");
}

/// `lineage step` of the toolbox: its rows name who runs, and the lines of the program.
#[test]
fn every_program_of_asyncio_can_be_stepped_through() {
    for (program, file, rows) in [
        (
            "countdown",
            "countdown",
            ["rocket a #2 waits for timer 1", "call_soon #5 runs"],
        ),
        ("echo", "echo", ["echo #", "callback #"]),
        ("crawl", "crawl", ["connect #", "timer "]),
        ("happy-eyeballs", "happy_eyeballs", ["hold #", "create_task #"]),
        ("chat", "chat", ["serve #", "callback #"]),
    ] {
        let step = Command::new(env!("CARGO_BIN_EXE_lineage"))
            .args(["step", program, "--style", "asyncio", "--plain"])
            .output()
            .unwrap();
        let [said, why] =
            [step.stdout, step.stderr].map(|it| String::from_utf8(it).unwrap());
        assert!(said.starts_with(&format!("{program}, asyncio, ")), "{said}{why}");
        assert!(said.contains(&format!("stage5-asyncio/examples/{file}.rs:")), "{said}");
        for row in rows {
            assert!(said.contains(row), "no {row:?} in {said}");
        }
    }
}

#[test]
fn a_style_without_a_loop_says_so() {
    let error = record(Program::Crawl, Style::named("threads").unwrap()).unwrap_err();
    assert!(error.to_string().contains("no loop"), "{error}");
}
