//! The same story as Chrome's trace events, for `chrome://tracing` and Perfetto.
//!
//! A subject is a lane ("thread"), a resume and what ends it is a slice in it, and an arrow
//! (a "flow") leads from whoever woke somebody to where that somebody goes on. An arrow begins
//! and ends in slices, or no viewer draws it; so the loop's lane has no gaps.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::json::{Event, Thing, Trace};

/// The object format of Chrome's trace events.
#[derive(Debug, Serialize)]
pub struct Chrome {
    #[serde(rename = "displayTimeUnit")]
    display_time_unit: &'static str,
    #[serde(rename = "traceEvents")]
    trace_events: Vec<Value>,
}

/// Lane 0 is the loop, or the kernel where there is no loop.
const LOOP: u32 = 0;

/// The slice in which the loop waits, and hears from timers and sockets.
const BETWEEN: &str = "between turns";

impl Chrome {
    /// The same story.
    pub fn new(trace: &Trace) -> Self {
        let mut drawing = Drawing {
            trace,
            flows: BTreeMap::new(),
            open: BTreeSet::new(),
            drawn: Vec::new(),
        };
        drawing.lanes();
        drawing.open(0, LOOP, BETWEEN, None);
        trace.events.iter().for_each(|event| drawing.draw(event));
        drawing.close(trace.events.last().map_or(0, |event| event.at), LOOP);
        Self { display_time_unit: "ms", trace_events: drawing.drawn }
    }
}

struct Drawing<'a> {
    trace: &'a Trace,
    /// Who was woken and has not gone on: the number of the arrow.
    flows: BTreeMap<u32, usize>,
    /// The lanes in which a slice has begun and not ended.
    open: BTreeSet<u32>,
    drawn: Vec<Value>,
}

impl Drawing<'_> {
    fn lanes(&mut self) {
        let Trace { program, style, .. } = self.trace;
        self.lane("process_name", LOOP, &format!("{program}, {style}"));
        let has_a_loop = self.trace.events.iter().any(|event| event.turn.is_some());
        self.lane("thread_name", LOOP, if has_a_loop { "loop" } else { "kernel" });
        for subject in &self.trace.subjects {
            let name = subject.called.as_deref().or(subject.name.as_deref());
            let name = name.unwrap_or_default();
            self.lane(
                "thread_name",
                subject.id,
                &format!("{} {} {name}", subject.kind, subject.id),
            );
        }
    }

    fn lane(&mut self, what: &str, lane: u32, name: &str) {
        self.drawn.push(
            json!({"ph": "M", "name": what, "pid": 1, "tid": lane, "args": {"name": name}}),
        );
    }

    fn draw(&mut self, event: &Event) {
        let lane = event.subject.unwrap_or(LOOP);
        match event.what.as_str() {
            "turn-began" => {
                let turn = event.turn.unwrap_or_default();
                self.close(event.at, LOOP);
                self.open(event.at, LOOP, &format!("turn {turn}"), None);
            }
            "turn-ended" => {
                self.close(event.at, LOOP);
                self.open(event.at, LOOP, BETWEEN, None);
            }
            "resumed" => {
                self.open(event.at, lane, "runs", self.place(event));
                if let Some(flow) = self.flows.remove(&lane) {
                    self.arrow(event, lane, "f", flow);
                }
            }
            "suspended" | "finished" | "cancelled" | "panicked" => {
                self.instant(event, lane);
                self.close(event.at, lane);
            }
            "woken" => {
                let from = match event.by {
                    Some(Thing::Subject { id }) => id,
                    _ => LOOP,
                };
                self.instant(event, lane);
                let flow = self.drawn.len();
                self.arrow(event, from, "s", flow);
                self.flows.insert(lane, flow);
            }
            _ => self.instant(event, lane),
        }
    }

    fn open(&mut self, at: u64, lane: u32, name: &str, place: Option<String>) {
        self.open.insert(lane);
        self.push("B", at, lane, Some(name), place);
    }

    /// Closes the lane's slice, if one is open: who never ran has none.
    fn close(&mut self, at: u64, lane: u32) {
        if self.open.remove(&lane) {
            self.push("E", at, lane, None, None);
        }
    }

    fn instant(&mut self, event: &Event, lane: u32) {
        let text = event.text.as_deref().unwrap_or_default();
        let name = match (event.what.as_str(), &event.variable) {
            ("noted", Some(variable)) => format!("{variable} = {text}"),
            ("said", _) => format!("prints {text}"),
            (what, _) => what.to_owned(),
        };
        self.push("i", event.at, lane, Some(&name), self.place(event));
    }

    fn push(
        &mut self,
        phase: &str,
        at: u64,
        lane: u32,
        name: Option<&str>,
        place: Option<String>,
    ) {
        let mut drawn =
            json!({ "ph": phase, "pid": 1, "tid": lane, "ts": at, "cat": "lineage" });
        if let Some(name) = name {
            drawn["name"] = name.into();
        }
        if phase == "i" {
            drawn["s"] = "t".into();
        }
        if let Some(place) = place {
            drawn["args"] = json!({ "place": place });
        }
        self.drawn.push(drawn);
    }

    fn arrow(&mut self, event: &Event, lane: u32, phase: &str, flow: usize) {
        self.drawn.push(json!({
            "ph": phase, "name": "wakes", "id": flow, "pid": 1, "tid": lane,
            "ts": event.at, "cat": "lineage", "bp": "e",
        }));
    }

    fn place(&self, event: &Event) -> Option<String> {
        let (file, line) = (event.place.file?, event.place.line?);
        Some(format!("{}:{line}", self.trace.files.get(file)?))
    }
}
