//! A recording of a program that has no loop of its own: its system calls, as strace sees
//! them. In stage 0 it is the kernel that parks and resumes, so the kernel has to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::Command;

use super::json::{Clock, Event, Line, Subject, Thing, Trace, VERSION};
use crate::error::Error;
use crate::styles::Style;

/// The calls in which a thread begins, waits and ends.
const CALLS: &str = "trace=clock_nanosleep,nanosleep,futex,clone,clone3,exit,exit_group";

/// Runs the countdown of `style` in a process of its own, under strace.
///
/// # Errors
///
/// A failure when strace is not there, or may not trace.
pub(super) fn countdown(style: &Style) -> Result<Trace, Error> {
    let executable = std::env::current_exe().map_err(Error::failure)?;
    let run = Command::new("strace")
        .args(["-f", "-ttt", "-T", "-qq", "-o", "/dev/stderr", "-e", CALLS])
        .arg(executable)
        .args(["run", "countdown", "--style", style.name])
        .output()
        .map_err(|error| not_there(style, &error))?;
    let calls = String::from_utf8_lossy(&run.stderr);
    if !run.status.success() {
        let said = calls.lines().last().unwrap_or_default();
        return Err(Error::Failure(format!("strace: {said}")));
    }
    Ok(told(style, &calls))
}

fn not_there(style: &Style, error: &io::Error) -> Error {
    Error::Failure(format!(
        "style {} has no loop of its own, so the kernel is asked, by strace: {error}",
        style.name
    ))
}

fn told(style: &Style, calls: &str) -> Trace {
    let mut story = Story::default();
    calls.lines().filter_map(Call::parse).for_each(|call| story.tell(&call));
    story.events.sort_by_key(|event| event.at);
    story.end();
    Trace {
        version: VERSION,
        program: "countdown".to_owned(),
        style: style.name.to_owned(),
        clock: Clock::Real,
        seed: None,
        files: Vec::new(),
        subjects: story.subjects,
        events: story.events,
    }
}

/// A line of strace: `PID SECONDS CALL(…) = RESULT <SECONDS>`. A call that does not return at
/// once has two lines, of which the second says `resumed`.
#[derive(Debug)]
struct Call<'a> {
    thread: u32,
    /// Microseconds of the system's clock.
    at: u64,
    name: &'a str,
    rest: &'a str,
    /// When it came back, if it did in this line.
    back: Option<u64>,
    is_second_line: bool,
}

impl<'a> Call<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (thread, rest) = line.split_once(' ')?;
        let (at, rest) = rest.trim_start().split_once(' ')?;
        let at = micros(at)?;
        let resumed = rest.strip_prefix("<... ");
        let (name, rest) = resumed.unwrap_or(rest).split_once(['(', ' '])?;
        let took =
            rest.rsplit_once(" <").and_then(|(_, it)| micros(it.strip_suffix('>')?));
        let back = if resumed.is_some() { Some(at) } else { took.map(|took| at + took) };
        let thread = thread.parse().ok()?;
        Some(Self { thread, at, name, rest, back, is_second_line: resumed.is_some() })
    }

    fn is_sleep(&self) -> bool {
        self.name.ends_with("nanosleep")
    }

    /// Whether it waits: for the clock, or for another thread.
    fn is_wait(&self) -> bool {
        self.is_sleep() || self.rest.contains("FUTEX_WAIT")
    }

    /// How long it asked to sleep, in microseconds.
    fn asked(&self) -> Option<u64> {
        let field = |name| {
            let (_, rest) = self.rest.split_once(name)?;
            rest.split([',', '}']).next()?.parse::<u64>().ok()
        };
        Some(field("tv_sec=")? * 1_000_000 + field("tv_nsec=")? / 1000)
    }
}

/// Seconds with six places, as microseconds.
fn micros(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 1_000_000 + part.parse::<u64>().ok()?)
}

/// What has been told so far.
#[derive(Default)]
struct Story {
    start: Option<u64>,
    subjects: Vec<Subject>,
    events: Vec<Event>,
    /// The numbers of the threads.
    threads: BTreeMap<u32, u32>,
    timers: u64,
    /// Who waits, and on which timer.
    waiting: BTreeMap<u32, Option<Thing>>,
}

impl Story {
    fn tell(&mut self, call: &Call<'_>) {
        let start = *self.start.get_or_insert(call.at);
        let at = call.at.saturating_sub(start);
        let thread = self.thread(at, call.thread, 0);
        if call.is_second_line {
            self.ends_to_wait(at, thread);
        } else if call.is_wait() {
            self.begins_to_wait(at, thread, call);
            if let Some(back) = call.back {
                self.ends_to_wait(back - start, thread);
            }
        } else if call.name.starts_with("exit") {
            self.push(at, Event::of("finished", None), thread);
        }
        let child = call.rest.rsplit_once(" = ").map(|(_, result)| result);
        let child = child.and_then(|it| it.split(' ').next()?.parse().ok());
        if let (true, Some(child)) = (call.name.starts_with("clone"), child) {
            self.thread(at, child, thread);
        }
    }

    /// The thread's number; told as created when it is seen for the first time.
    fn thread(&mut self, at: u64, thread: u32, parent: u32) -> u32 {
        if let Some(number) = self.threads.get(&thread) {
            return *number;
        }
        let id = u32::try_from(self.subjects.len()).unwrap_or(u32::MAX) + 1;
        let parent = if id == 1 { 0 } else { parent.max(1) };
        let name = (id == 1).then(|| "main".to_owned());
        let kind = "thread".to_owned();
        let (called, place) = (None, Line::default());
        self.subjects.push(Subject { id, kind, name, called, parent, place });
        self.threads.insert(thread, id);
        let by = if parent == 0 { Thing::Foreign } else { Thing::Subject { id: parent } };
        self.push(at, Event { by: Some(by), ..Event::of("created", None) }, id);
        self.push(at, Event { by: Some(by), ..Event::of("woken", None) }, id);
        self.push(at, Event::of("resumed", None), id);
        id
    }

    fn begins_to_wait(&mut self, at: u64, thread: u32, call: &Call<'_>) {
        let timer = call.is_sleep().then(|| {
            self.timers += 1;
            Thing::Timer { id: self.timers }
        });
        if let Some(timer) = timer {
            let due = call.asked().map(|asked| at + asked);
            let on = Some(timer);
            self.push(at, Event { on, due, ..Event::of("timer-set", None) }, thread);
        }
        self.push(at, Event { on: timer, ..Event::of("suspended", None) }, thread);
        self.waiting.insert(thread, timer);
    }

    fn ends_to_wait(&mut self, at: u64, thread: u32) {
        let Some(timer) = self.waiting.remove(&thread) else { return };
        if let Some(timer) = timer {
            self.push(
                at,
                Event { on: Some(timer), ..Event::of("timer-fired", None) },
                thread,
            );
        }
        let by = Some(timer.unwrap_or(Thing::Foreign));
        self.push(at, Event { by, ..Event::of("woken", None) }, thread);
        self.push(at, Event::of("resumed", None), thread);
    }

    /// The end of the process is the end of every thread, also of those whose own end strace
    /// did not live to see.
    fn end(&mut self) {
        let at = self.events.last().map_or(0, |last| last.at);
        let has_ended =
            |it: &Event| (it.what == "finished").then_some(it.subject).flatten();
        let ended: BTreeSet<_> = self.events.iter().filter_map(has_ended).collect();
        let last = self.events.pop_if(|last| last.what == "finished");
        let open =
            self.threads.values().copied().filter(|thread| !ended.contains(thread));
        for thread in open.collect::<BTreeSet<_>>() {
            self.push(at, Event::of("finished", None), thread);
        }
        self.events.extend(last);
    }

    fn push(&mut self, at: u64, event: Event, thread: u32) {
        self.events.push(Event { at, subject: Some(thread), ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What strace wrote of two threads: one sleeps twice, the other waits for it.
    const CALLS: &str = "\
7 100.000000 clone3({flags=CLONE_VM}, 88) = 8 <0.000100>
7 100.000200 futex(0x55, FUTEX_WAIT_BITSET_PRIVATE, 4294967295, NULL <unfinished ...>
8 100.000300 clock_nanosleep(CLOCK_MONOTONIC, 0, {tv_sec=0, tv_nsec=40000000}, 0x7f) = 0 <0.040100>
8 100.041000 clock_nanosleep(CLOCK_MONOTONIC, 0, {tv_sec=1, tv_nsec=2000},  <unfinished ...>
8 101.041100 <... clock_nanosleep resumed>0x7f) = 0 <1.000100>
8 101.041200 futex(0x55, FUTEX_WAKE_PRIVATE, 1) = 1 <0.000010>
7 101.041300 <... futex resumed>) = 0 <1.041000>
8 101.041400 exit(0) = ?
7 101.041500 exit_group(0) = ?
";

    #[test]
    fn threads_wait_for_the_clock_and_for_each_other() {
        let style = Style::named("threads").expect("it is in the table");
        let trace = told(style, CALLS);
        let story: Vec<_> = trace
            .events
            .iter()
            .map(|it| (it.at, it.what.as_str(), it.subject.unwrap_or_default()))
            .collect();
        let born =
            |at, who| [(at, "created", who), (at, "woken", who), (at, "resumed", who)];
        let back = |at, who| {
            [(at, "timer-fired", who), (at, "woken", who), (at, "resumed", who)]
        };
        let mut expected = Vec::new();
        expected.extend(born(0, 1));
        expected.extend(born(0, 2));
        expected.push((200, "suspended", 1));
        expected.extend([(300, "timer-set", 2), (300, "suspended", 2)]);
        expected.extend(back(40_400, 2));
        expected.extend([(41_000, "timer-set", 2), (41_000, "suspended", 2)]);
        expected.extend(back(1_041_100, 2));
        expected.extend([(1_041_300, "woken", 1), (1_041_300, "resumed", 1)]);
        expected.extend([(1_041_400, "finished", 2), (1_041_500, "finished", 1)]);
        assert_eq!(story, expected);
        let ends = |calls| {
            let trace = told(style, calls);
            let ends = trace.events.iter().filter(|it| it.what == "finished");
            ends.map(|it| (it.at, it.subject.unwrap_or_default())).collect::<Vec<_>>()
        };
        assert_eq!(ends(CALLS), [(1_041_400, 2), (1_041_500, 1)]);
        let unseen = CALLS.replace("8 101.041400 exit(0) = ?\n", "");
        assert_eq!(ends(&unseen), [(1_041_500, 2), (1_041_500, 1)], "no lane stays open");
        let due: Vec<_> = trace.events.iter().filter_map(|event| event.due).collect();
        assert_eq!(due, [40_300, 1_041_002]);
    }
}
