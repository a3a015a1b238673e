//! What was counted since somebody began to look: steps, and how long they took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::watch::Job;

/// What a loop has done since somebody began to look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Steps of tasks.
    pub polls: u64,
    /// Callbacks that were called.
    pub callbacks: u64,
    /// How long the loop was kept by all of them.
    pub busy: Duration,
    /// What kept it longest.
    pub slowest: Option<Slowest>,
}

/// What kept a loop longest, at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowest {
    /// What it was, and where.
    pub what: String,
    /// How long it took.
    pub took: Duration,
}

/// What a loop counts.
#[derive(Clone, Default)]
pub(super) struct Counts {
    /// When it began.
    pub(super) epoch: usize,
    pub(super) all: Tally,
    /// Polls, and how long they took, by the number of the task.
    pub(super) tasks: BTreeMap<u64, (u64, Duration)>,
}

impl Counts {
    pub(super) fn count(&mut self, job: Job, took: Duration) {
        self.all.busy += took;
        match job {
            Job::Callback(_) => self.all.callbacks += 1,
            Job::Step(number, ..) => {
                self.all.polls += 1;
                let (polls, busy) = self.tasks.entry(number).or_default();
                *polls += 1;
                *busy += took;
            }
        }
        let record = self.all.slowest.as_ref().map_or(Duration::ZERO, |it| it.took);
        if took > record {
            self.all.slowest = Some(Slowest { what: job.to_string(), took });
        }
    }
}
