//! What is measured of ours, and of our peers in Rust: bodies that are checked each time they
//! run, so that nothing is optimised away.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use calls::{
    BINARY, BODIES, Body, CALLS_A_TREE, DEPTH, HAND_OVER, SPAWN, TIMER, YIELD, expected,
};

use crate::clock;
use crate::loops;
use crate::peers;
use crate::timers;

/// Something that can be done again and again.
pub(crate) struct Case {
    /// `QUESTION-WAY`.
    pub(crate) id: String,
    pub(crate) label: String,
    /// Does it so often, and gives what that came to.
    run: Box<dyn Fn(u64) -> u64>,
    /// What it has to come to.
    expected: Box<dyn Fn(u64) -> u64>,
    /// Of how many things a time consists, of which the cost is asked.
    pub(crate) each: u64,
}

/// How long a case runs at a stretch, roughly.
const STRETCH: Duration = Duration::from_millis(4);

/// Without our peers; and without sleeps of a millisecond, of which chance says how many end in a turn.
pub(crate) fn ours() -> impl Iterator<Item = Case> {
    let peers = peers::SPAWN.map(|body| format!("-{}", body.id));
    let is_a_peers = move |id: &str| peers.iter().any(|peer| id.ends_with(peer));
    let is_chance = |id: &str| id.starts_with("tasks-sleeps-");
    counted().filter(move |case| !is_a_peers(&case.id) && !is_chance(&case.id))
}

/// What can be counted: whoever counts is so slow that a crowd of timers is due before all are set.
pub(crate) fn counted() -> impl Iterator<Item = Case> {
    all().into_iter().filter(|case| !case.id.starts_with("timers-fired-"))
}

/// The one that is called that.
pub(crate) fn named(id: &str) -> io::Result<Case> {
    let found = all().into_iter().find(|case| case.id == id);
    found.ok_or_else(|| io::Error::other(format!("there is no {id}")))
}

/// Everything that there is.
pub(crate) fn all() -> Vec<Case> {
    calls().chain(resumes()).chain(tasks()).chain(loops()).chain(crowds()).collect()
}

fn calls() -> impl Iterator<Item = Case> {
    let binary = BINARY.iter().map(|body| {
        let trees = |n| n * CALLS_A_TREE;
        Case { each: CALLS_A_TREE, ..Case::of("binary", body, trees) }
    });
    let call = BODIES.iter().map(|body| Case::of("call", body, BODIES[0].run));
    binary.chain(call)
}

fn resumes() -> impl Iterator<Item = Case> {
    DEPTH.iter().flat_map(|nested| {
        nested.depths.iter().map(move |&depth| Case {
            id: format!("depth-{}-{depth}", nested.id),
            label: format!("{}, {depth} deep", nested.label),
            run: Box::new(move |n| (nested.run)(black_box(depth), n)),
            expected: Box::new(move |n| depth + n),
            each: 1,
        })
    })
}

fn tasks() -> impl Iterator<Item = Case> {
    let questions = [
        ("spawn", SPAWN.iter().chain(&peers::SPAWN)),
        ("yield", YIELD.iter().chain(&peers::YIELD)),
        ("hand-over", HAND_OVER.iter().chain(&peers::HAND_OVER)),
        ("timer", TIMER.iter().chain(&[])),
    ];
    questions.into_iter().flat_map(|(question, bodies)| {
        bodies.map(move |body| Case::of(&format!("tasks-{question}"), body, expected))
    })
}

/// What only loops of futures can be asked, and a queue of callbacks.
fn loops() -> impl Iterator<Item = Case> {
    let questions: [(&str, &[Body]); 8] = [
        ("many", &loops::MANY),
        ("called-off", &loops::CALLED_OFF),
        ("sleeps", &loops::SLEEPS),
        ("in-time", &loops::IN_TIME),
        ("in-a-turn", &loops::IN_A_TURN),
        ("shared-ball", &loops::SHARED_BALL),
        ("local-ball", &loops::LOCAL_BALL),
        ("call-soon", &loops::CALL_SOON),
    ];
    questions.into_iter().flat_map(|(question, bodies)| {
        let question = format!("tasks-{question}");
        bodies.iter().map(move |body| Case::of(&question, body, |n| n))
    })
}

/// Of timers.
fn crowds() -> impl Iterator<Item = Case> {
    let questions = [("called-off", &timers::CALLED_OFF), ("fired", &timers::FIRED)];
    questions.into_iter().flat_map(|(question, bodies)| {
        let each = timers::CROWD as u64;
        let question = format!("timers-{question}");
        bodies.iter().map(move |body| {
            let timers = move |crowds| crowds * each;
            Case { each, ..Case::of(&question, body, timers) }
        })
    })
}

impl Case {
    pub(crate) fn of(
        question: &str,
        body: &Body,
        expected: impl Fn(u64) -> u64 + 'static,
    ) -> Self {
        Self {
            id: format!("{question}-{}", body.id),
            label: body.label.to_owned(),
            run: Box::new(body.run),
            expected: Box::new(expected),
            each: 1,
        }
    }

    /// Does it so often, and nothing else, for somebody who counts from outside.
    pub(crate) fn run(&self, times: u64) {
        black_box((self.run)(black_box(times)));
    }

    /// How long the processor works on so many times.
    ///
    /// # Panics
    ///
    /// Panics when it did other work than it was to do.
    fn once(&self, times: u64) -> Duration {
        let began = clock::now();
        let came_to = black_box((self.run)(black_box(times)));
        let took = clock::now().saturating_sub(began);
        assert_eq!(came_to, (self.expected)(times), "{} does other work", self.id);
        took
    }

    /// As many times as fill a stretch; found by doubling, and that warms up.
    pub(crate) fn calibrate(&self) -> u64 {
        let mut times = 2;
        let quickest =
            |times| (0..3).map(|_| self.once(times)).min().expect("there are three");
        while quickest(times) * 2 < STRETCH {
            times *= 2;
        }
        times
    }

    /// What one costs, in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "a time of some digits, and a count")]
    pub(crate) fn sample(&self, times: u64) -> f64 {
        self.once(times).as_nanos() as f64 / (times * self.each) as f64
    }
}
