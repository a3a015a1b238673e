//! The tree of tasks: who waits for what, at which line, and who waits for whom.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::trace;
use serde::{Deserialize, Serialize};

use super::tally::Counts;
use super::watch::is_anyone_counting;
use super::{At, QueueInfo, Tally, queues};
use crate::event_loop::EventLoop;
use crate::extras::waiter::Waiter;
use crate::tasks::{self, Step, WaitsFor};

/// The tasks of a loop that are not done, as they were when it was asked.
///
/// Shown, it is a tree: those that nobody waits for stand at the left, and below each are those
/// that it waits for. Tasks that wait for each other in a circle are named as that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The name of the loop's thread.
    pub thread: String,
    /// In the order in which they were created.
    pub tasks: Vec<TaskInfo>,
    /// How many callbacks and steps are queued.
    pub ready: usize,
    /// How many wait for the clock.
    pub timers: usize,
    /// How many wait for a socket.
    pub sockets: usize,
    /// The queues that the program wants seen, in the order in which it said so.
    #[serde(default)]
    pub queues: Vec<QueueInfo>,
    /// What was counted, if somebody counts.
    pub tally: Option<Tally>,
    /// Why there is nothing to see: the loop is kept by this, and has not answered.
    pub stuck: Option<String>,
}

/// What there is to know of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskInfo {
    /// Counts the tasks of a thread, from 1.
    pub number: u64,
    /// Its name: the one it was given, or `Task-1`.
    pub name: String,
    /// The function that it runs, if that has a name.
    pub function: Option<String>,
    /// What it does.
    pub state: State,
    /// The line that created it, as `file:line`.
    pub created_at: String,
    /// What it waits for, if that has said so.
    pub waits_for: Option<String>,
    /// And at which line.
    pub waits_at: Option<String>,
    /// The numbers of the tasks that wait for this one.
    pub awaited_by: Vec<u64>,
    /// How many cancels it was asked for.
    pub cancelling: usize,
    /// How often it was polled, since somebody counts.
    pub polls: u64,
    /// How long that took.
    pub busy: Duration,
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It was created, and has not been polled.
    New,
    /// It is in the queue.
    Ready,
    /// It is being polled.
    Running,
    /// It waits to be woken.
    Waiting,
}

/// The tasks of a loop. It may be asked from inside, or while the loop stands still.
#[doc(alias("print_call_graph", "pstree"))]
pub fn tree(event_loop: &EventLoop) -> Tree {
    let steps = tasks::of(event_loop);
    let watch = &event_loop.0.watch;
    let counts = is_anyone_counting().then(|| watch.counts_of(&steps));
    let reactor = event_loop.reactor();
    Tree {
        thread: watch.thread().to_owned(),
        tasks: infos(&steps, counts.as_ref()),
        ready: event_loop.0.engine.queued(),
        timers: reactor.timers(),
        sockets: reactor.waiters(),
        queues: queues::infos(event_loop),
        tally: counts.map(|it| it.all),
        stuck: None,
    }
}

fn infos(steps: &[Rc<dyn Step>], counts: Option<&Counts>) -> Vec<TaskInfo> {
    let awaited_by = edges(steps);
    let running = tasks::running();
    let info = |step: &Rc<dyn Step>| {
        let known = step.known();
        let number = known.id.number;
        let waits = known.waits();
        let counted = counts.and_then(|it| it.tasks.get(&number)).copied();
        let (polls, busy) = counted.unwrap_or_default();
        TaskInfo {
            number,
            name: known.name(),
            function: trace::function(known.function),
            state: match known {
                _ if running == Some(known.id) => State::Running,
                known if !known.has_begun.get() => State::New,
                known if known.is_queued.get() => State::Ready,
                _ => State::Waiting,
            },
            created_at: At(known.place).to_string(),
            waits_for: waits.map(|(what, _)| what.to_string()),
            waits_at: waits.map(|(_, place)| At(place).to_string()),
            awaited_by: awaited_by.get(&number).into_iter().flatten().copied().collect(),
            cancelling: known.cancels.get(),
            polls,
            busy,
        }
    };
    steps.iter().map(info).collect()
}

/// Who waits for whom: told by the wakers that tasks have left with each other, and by what
/// tasks say that they wait for.
fn edges(steps: &[Rc<dyn Step>]) -> BTreeMap<u64, BTreeSet<u64>> {
    let number = |step: &Rc<dyn Step>| step.known().id.number;
    let wakers: HashMap<_, _> =
        steps.iter().map(|it| (it.known().own().waker.data(), number(it))).collect();
    let mut awaited_by = BTreeMap::<_, BTreeSet<_>>::new();
    for step in steps {
        let awaiters = awaited_by.entry(number(step)).or_default();
        step.awaiters(&mut |waiter| match waiter {
            Waiter::Task(id) => drop(awaiters.insert(id.number)),
            Waiter::Other(waker) => awaiters.extend(wakers.get(&waker.data())),
        });
    }
    for step in steps {
        if let Some((WaitsFor::Task(id), _)) = step.known().waits_for.get() {
            awaited_by.entry(id.number).or_default().insert(number(step));
        }
    }
    awaited_by
}

impl Tree {
    /// The tasks that wait for each other in a circle: none of them can go on, unless somebody
    /// cancels one. Each circle begins with its oldest task.
    pub fn cycles(&self) -> Vec<Vec<&TaskInfo>> {
        let awaits = self.awaits();
        let mut cycles: Vec<Vec<u64>> = Vec::new();
        for task in &self.tasks {
            if cycles.iter().any(|cycle| cycle.contains(&task.number)) {
                continue;
            }
            cycles.extend(cycle_from(task.number, &awaits));
        }
        let all: BTreeMap<_, _> = self.tasks.iter().map(|it| (it.number, it)).collect();
        let infos = |cycle: Vec<u64>| cycle.iter().map(|number| all[number]).collect();
        cycles.into_iter().map(infos).collect()
    }

    /// Its tasks alone.
    pub(crate) fn drawn(&self) -> Drawn<'_> {
        Drawn(self)
    }

    /// The numbers of those that each task waits for.
    fn awaits(&self) -> BTreeMap<u64, Vec<u64>> {
        let numbers: BTreeSet<_> = self.tasks.iter().map(|task| task.number).collect();
        let mut awaits = BTreeMap::<_, Vec<_>>::new();
        for task in &self.tasks {
            for awaiter in task.awaited_by.iter().filter(|it| numbers.contains(it)) {
                awaits.entry(*awaiter).or_default().push(task.number);
            }
        }
        awaits
    }
}

/// A way back to where one begins, if there is one: the shortest.
fn cycle_from(start: u64, awaits: &BTreeMap<u64, Vec<u64>>) -> Option<Vec<u64>> {
    let mut from = BTreeMap::new();
    let mut next = std::collections::VecDeque::from([start]);
    while let Some(one) = next.pop_front() {
        for other in awaits.get(&one).into_iter().flatten() {
            if *other == start {
                let before = |it: &u64| from.get(it).copied();
                let mut path: Vec<_> = std::iter::successors(Some(one), before).collect();
                path.reverse();
                return Some(path);
            }
            from.entry(*other).or_insert_with(|| {
                next.push_back(*other);
                one
            });
        }
    }
    None
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = Plain(&self.thread);
        if let Some(stuck) = &self.stuck {
            return writeln!(f, "loop on thread {thread}: {}", Plain(stuck));
        }
        let Self { ready, timers, sockets, .. } = self;
        let tasks = count(self.tasks.len(), "task");
        let (timers, sockets) = (count(*timers, "timer"), count(*sockets, "socket"));
        writeln!(
            f,
            "loop on thread {thread}: {tasks}, {ready} ready, {timers}, {sockets}"
        )?;
        self.queues.iter().try_for_each(|queue| writeln!(f, "{queue}"))?;
        self.drawn().fmt(f)
    }
}

/// The tasks of a tree, and the circles they form.
pub(crate) struct Drawn<'a>(&'a Tree);

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Drawing::new(self.0).draw(f)?;
        for cycle in self.0.cycles() {
            write!(f, "a cycle, in which nobody can go on: ")?;
            cycle.iter().try_for_each(|task| write!(f, "{} → ", Title(task)))?;
            writeln!(f, "{}", Title(cycle[0]))?;
        }
        Ok(())
    }
}

/// The tree, as it is drawn: without recursion, since a chain of tasks may be long.
struct Drawing<'a> {
    all: BTreeMap<u64, &'a TaskInfo>,
    awaits: BTreeMap<u64, Vec<u64>>,
    /// Each task is told of once.
    shown: BTreeSet<u64>,
}

impl<'a> Drawing<'a> {
    fn new(tree: &'a Tree) -> Self {
        let all = tree.tasks.iter().map(|it| (it.number, it)).collect();
        Self { all, awaits: tree.awaits(), shown: BTreeSet::new() }
    }

    fn draw(mut self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let awaited: BTreeSet<_> = self.awaits.values().flatten().copied().collect();
        let (inner, roots): (Vec<_>, Vec<_>) =
            self.all.keys().copied().partition(|number| awaited.contains(number));
        // Of those in a circle, none is at the left by itself.
        for root in roots.into_iter().chain(inner) {
            if !self.shown.contains(&root) {
                self.draw_from(root, f)?;
            }
        }
        Ok(())
    }

    fn draw_from(&mut self, root: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is to be drawn, the next one last: the task, what stands before it, and before
        // what is below it.
        let mut stack = vec![(root, String::new(), String::new())];
        while let Some((number, before, below)) = stack.pop() {
            let task = self.all[&number];
            if !self.shown.insert(number) {
                writeln!(f, "{before}{} (see above)", Title(task))?;
                continue;
            }
            writeln!(f, "{before}{task}")?;
            let children = self.awaits.get(&number).map_or(&[][..], Vec::as_slice);
            for (place, child) in children.iter().enumerate().rev() {
                let is_last = place + 1 == children.len();
                let (branch, trunk) =
                    if is_last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                stack.push((
                    *child,
                    format!("{below}{branch}"),
                    format!("{below}{trunk}"),
                ));
            }
        }
        Ok(())
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", Title(self))?;
        match (self.state, &self.waits_for, &self.waits_at) {
            (State::New, ..) => write!(f, "has not begun")?,
            (State::Running, ..) => write!(f, "runs")?,
            (State::Ready, ..) => write!(f, "is ready")?,
            (State::Waiting, Some(what), Some(at)) => {
                write!(f, "waits for {} at {at}", Plain(what))?;
            }
            (State::Waiting, ..) => write!(f, "waits for something that does not say")?,
        }
        if self.cancelling > 0 {
            write!(f, ", was asked to stop")?;
        }
        write!(f, ", created at {}", self.created_at)
    }
}

/// Its name, and its function.
struct Title<'a>(&'a TaskInfo);

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Plain(&self.0.name).fmt(f)?;
        match &self.0.function {
            Some(function) => write!(f, " ({function})"),
            None => Ok(()),
        }
    }
}

/// Text from a program, in which nothing tells a terminal what to do.
pub(crate) struct Plain<'a>(pub(crate) &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                char if char.is_control() => write!(f, "{}", char.escape_default())?,
                char => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

/// The loops of a process, as they were when it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// How it was called.
    pub program: String,
    /// The loops that run, in the order in which they began to.
    pub loops: Vec<Tree>,
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, program, loops } = self;
        writeln!(f, "{pid} {}: {}", Plain(program), count(loops.len(), "loop"))?;
        loops.iter().try_for_each(|tree| tree.fmt(f))
    }
}

/// `1 timer`, `2 timers`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
