//! The same story as Chrome's trace events, for `chrome://tracing` and Perfetto.
//!
//! A subject is a lane ("thread"), a resume and what ends it is a slice in it, and an arrow
//! (a "flow") leads from whoever woke somebody to where that somebody goes on.

use std::collections::BTreeMap;

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

/// Lane 0 is the loop.
const LOOP: u32 = 0;

impl Chrome {
    /// The same story.
    pub fn new(trace: &Trace) -> Self {
        let mut drawing = Drawing { trace, flows: BTreeMap::new(), drawn: Vec::new() };
        drawing.lanes();
        trace.events.iter().for_each(|event| drawing.draw(event));
        Self { display_time_unit: "ms", trace_events: drawing.drawn }
    }
}

struct Drawing<'a> {
    trace: &'a Trace,
    /// Who was woken and has not gone on: the number of the arrow.
    flows: BTreeMap<u32, usize>,
    drawn: Vec<Value>,
}

impl Drawing<'_> {
    fn lanes(&mut self) {
        let Trace { program, style, .. } = self.trace;
        self.lane("process_name", LOOP, &format!("{program}, {style}"));
        self.lane("thread_name", LOOP, "loop");
        for subject in &self.trace.subjects {
            let name = subject.name.as_deref().unwrap_or("");
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
                self.push(event, lane, "B", &format!("turn {turn}"));
            }
            "turn-ended" => self.push(event, lane, "E", "turn"),
            "resumed" => {
                self.push(event, lane, "B", "runs");
                if let Some(flow) = self.flows.remove(&lane) {
                    self.arrow(event, lane, "f", flow);
                }
            }
            "suspended" => self.push(event, lane, "E", "runs"),
            "finished" | "cancelled" | "panicked" => {
                self.push(event, lane, "i", &event.what);
                if self.is_open(lane) {
                    self.push(event, lane, "E", "runs");
                }
            }
            "woken" => {
                let from = match event.by {
                    Some(Thing::Subject { id }) => id,
                    _ => LOOP,
                };
                self.push(event, lane, "i", "woken");
                let flow = self.drawn.len();
                self.arrow(event, from, "s", flow);
                self.flows.insert(lane, flow);
            }
            what => self.push(event, lane, "i", what),
        }
    }

    /// Whether a slice is open in that lane.
    fn is_open(&self, lane: u32) -> bool {
        let mut phases = self.drawn.iter().rev().filter(|it| it["tid"] == lane);
        phases
            .find(|it| it["ph"] == "B" || it["ph"] == "E")
            .is_some_and(|it| it["ph"] == "B")
    }

    fn push(&mut self, event: &Event, lane: u32, phase: &str, name: &str) {
        let mut drawn = json!({
            "ph": phase, "name": name, "pid": 1, "tid": lane, "ts": event.at, "cat": "lineage",
        });
        if phase == "i" {
            drawn["s"] = "t".into();
        }
        if let Some(place) = self.place(event) {
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
