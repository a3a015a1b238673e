//! Runs with other knobs: each in a process of its own, so that none can hang the server; a few
//! at once, and nobody waits for long.

use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use exercises::desk::Interrupt;
use lineage::apart::{End, Limits, Ran};
use lineage::knobs::Knobs;
use lineage::styles::STYLES;
use serde_json::json;

use super::GRACE;
use super::http::Answer;
use crate::args::this_program;
use crate::play::Wish;

/// How many may be under way at once.
const AT_ONCE: usize = 2;

/// How long somebody waits to be the next.
const PATIENCE: Duration = Duration::from_secs(2);

/// What one may take. The largest takes some milliseconds, and a fifth of this memory.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(2), output: 4 << 20, memory: 2 << 30 };

/// Who may run: the places that are free.
#[derive(Debug)]
pub(super) struct Runs {
    free: Mutex<usize>,
    freed: Condvar,
    end: Interrupt,
}

/// A place, which is free again when this is dropped.
struct Place<'a>(&'a Runs);

impl Default for Runs {
    fn default() -> Self {
        let (free, end) = (Mutex::new(AT_ONCE), Interrupt::default());
        Self { free, freed: Condvar::new(), end }
    }
}

impl Runs {
    /// The figure of a run, in HTML.
    pub(super) fn figure(&self, query: &str) -> Answer {
        let wish = match Wish::read(query) {
            Ok(wish) => wish,
            Err(error) => return Answer::text("400 Bad Request", &error),
        };
        let Some(_place) = self.place() else {
            return Answer::text(
                "503 Service Unavailable",
                "others are running: try again",
            );
        };
        let mut command = Command::new(this_program());
        command.args(["play", &wish.to_string()]);
        match LIMITS.run(&mut command, &|| self.end.is_wished()) {
            Ok(Ran { told, end: End::Well, .. }) => Answer::html(told),
            Ok(ran) => Answer::text("500 Internal Server Error", &why(&ran)),
            Err(error) => Answer::text("500 Internal Server Error", &error.to_string()),
        }
    }

    /// Which knobs the program has that a query names, and which styles.
    pub(super) fn knobs(query: &str) -> Answer {
        match Wish::read(query) {
            Ok(wish) => {
                let styles = STYLES.iter().filter(|it| wish.can_run_in(it));
                let styles: Vec<_> = styles.map(|style| style.name).collect();
                Answer::json(&json!({"knobs": Knobs::of(wish.program), "styles": styles}))
            }
            Err(error) => Answer::text("400 Bad Request", &error),
        }
    }

    /// Ends those that run, and nothing runs any more.
    pub(super) fn stop(&self) {
        self.end.now();
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.freed.wait_timeout_while(free, GRACE, |free| *free < AT_ONCE));
    }

    fn place(&self) -> Option<Place<'_>> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.freed.wait_timeout_while(free, PATIENCE, |free| *free == 0);
        let (mut free, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() || self.end.is_wished() {
            return None;
        }
        *free -= 1;
        Some(Place(self))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_all(); // whoever wants to be next, and whoever wants an end
    }
}

fn why(ran: &Ran) -> String {
    match ran.end {
        End::Hung => format!("no end after {:?}", LIMITS.time),
        End::TooMuch => "it is too large for a page".to_owned(),
        _ => String::from_utf8_lossy(&ran.complaints).trim_end().to_owned(),
    }
}
