//! One picture: what was done between two looks at a process.

use std::collections::BTreeMap;
use std::time::Duration;

use site::count;
use stage5_asyncio::debug::{Process, State, Tally, TaskInfo, Tree};

use crate::ps::plain;

/// One picture of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    title: String,
    loops: Vec<Picture>,
}

/// A loop's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Picture {
    head: Vec<String>,
    /// The busiest task first.
    tasks: Vec<String>,
}

impl Frame {
    /// What was done between `before` and `after`, which took so long.
    pub fn of(before: &Process, after: &Process, took: Duration) -> Self {
        let Process { pid, program, .. } = after;
        let title = format!("{pid} {}", plain(program));
        let picture = |(place, tree): (usize, &Tree)| {
            let known = before.loops.get(place).filter(|it| it.thread == tree.thread);
            Picture::of(known.unwrap_or(&Tree::default()), tree, took)
        };
        let loops = after.loops.iter().enumerate().map(picture).collect();
        Self { title, loops }
    }

    /// All of it.
    pub fn lines(&self) -> Vec<String> {
        self.fitting(usize::MAX)
    }

    /// As much as there is room for: of many tasks, the busiest.
    pub fn fitting(&self, rows: usize) -> Vec<String> {
        let mut lines = vec![self.title.clone()];
        for picture in &self.loops {
            let room = rows.saturating_sub(lines.len() + picture.head.len());
            lines.extend(picture.head.iter().cloned());
            let all = picture.tasks.len();
            let shown = if all <= room { all } else { room.saturating_sub(1) };
            lines.extend(picture.tasks.iter().take(shown).cloned());
            if shown < all {
                lines.push(format!("and {} more", all - shown));
            }
        }
        lines.truncate(rows);
        lines
    }
}

impl Picture {
    fn of(before: &Tree, after: &Tree, took: Duration) -> Self {
        let thread = plain(&after.thread);
        if let Some(stuck) = &after.stuck {
            let head = vec![format!("loop on thread {thread}: {}", plain(stuck))];
            return Self { head, tasks: Vec::new() };
        }
        let (tasks, ready) = (count(after.tasks.len(), "task"), after.ready);
        let timers = count(after.timers, "timer");
        let sockets = count(after.sockets, "socket");
        let mut head = vec![format!(
            "loop on thread {thread}: {tasks}, {ready} ready, {timers}, {sockets}"
        )];
        let nothing = Tally::default();
        let tally = after.tally.as_ref().unwrap_or(&nothing);
        let was = before.tally.as_ref().unwrap_or(&nothing);
        head.push(format!(
            "{} polls/s, {} callbacks/s, {} busy",
            rate(tally.polls.saturating_sub(was.polls), took),
            rate(tally.callbacks.saturating_sub(was.callbacks), took),
            share(tally.busy.saturating_sub(was.busy), took),
        ));
        head.extend(tally.slowest.iter().map(|it| {
            format!("slowest so far: {:.1} ms, {}", millis(it.took), plain(&it.what))
        }));
        head.extend(after.queues.iter().map(|it| plain(&it.to_string())));
        head.push(format!("{:>8} {:>6}  TASK", "POLLS/S", "BUSY"));
        Self { head, tasks: rows(before, after, took) }
    }
}

/// The tasks, the busiest first.
fn rows(before: &Tree, after: &Tree, took: Duration) -> Vec<String> {
    let was: BTreeMap<_, _> = before.tasks.iter().map(|it| (it.number, it)).collect();
    let mut rows: Vec<_> = after
        .tasks
        .iter()
        .map(|task| {
            let was = was.get(&task.number);
            let polls = task.polls.saturating_sub(was.map_or(0, |it| it.polls));
            let busy = task.busy.saturating_sub(was.map_or(Duration::ZERO, |it| it.busy));
            (busy, polls, task)
        })
        .collect();
    rows.sort_by(|one, other| {
        other.0.cmp(&one.0).then(one.2.number.cmp(&other.2.number))
    });
    let row = |(busy, polls, task): &(Duration, u64, &TaskInfo)| {
        let (polls, busy) = (rate(*polls, took), share(*busy, took));
        format!("{polls:>8} {busy:>6}  {}", title(task))
    };
    rows.iter().map(row).collect()
}

fn title(task: &TaskInfo) -> String {
    let function =
        task.function.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    let does = match (task.state, &task.waits_for, &task.waits_at) {
        (State::Waiting, Some(what), Some(at)) => format!("waits for {what} at {at}"),
        (State::Waiting, ..) => "waits".to_owned(),
        (State::New, ..) => "has not begun".to_owned(),
        (State::Ready, ..) => "is ready".to_owned(),
        (State::Running, ..) => "runs".to_owned(),
    };
    plain(&format!("{}{function} {does}", task.name))
}

/// So many in a second.
#[expect(clippy::cast_precision_loss, reason = "it is far below 2^52")]
fn rate(count: u64, took: Duration) -> String {
    format!("{:.0}", count as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE))
}

fn share(busy: Duration, took: Duration) -> String {
    format!(
        "{:.1}%",
        100.0 * busy.as_secs_f64() / took.as_secs_f64().max(f64::MIN_POSITIVE)
    )
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use stage5_asyncio::debug::{QueueInfo, Slowest};

    use super::*;

    fn task(number: u64, polls: u64, busy: u64) -> TaskInfo {
        TaskInfo {
            number,
            name: format!("Task-{number}"),
            function: Some("work".to_owned()),
            state: State::Waiting,
            created_at: "main.rs:1".to_owned(),
            waits_for: Some("the clock".to_owned()),
            waits_at: Some("main.rs:7".to_owned()),
            awaited_by: Vec::new(),
            cancelling: 0,
            polls,
            busy: Duration::from_millis(busy),
        }
    }

    fn process(tasks: Vec<TaskInfo>, polls: u64, busy: u64) -> Process {
        let busy = Duration::from_millis(busy);
        let slowest = Slowest { what: "Task-2 (work)".to_owned(), took: busy };
        let slowest = Some(slowest);
        let tally = Tally { polls, callbacks: 4, busy, slowest };
        let queue = QueueInfo {
            name: "jobs".to_owned(),
            size: 3,
            maxsize: Some(8),
            getters: 0,
            putters: 2,
        };
        let tree = Tree {
            thread: "main".to_owned(),
            tasks,
            ready: 1,
            timers: 2,
            sockets: 3,
            queues: vec![queue],
            tally: Some(tally),
            stuck: None,
        };
        Process { pid: 7, program: "chat".to_owned(), loops: vec![tree] }
    }

    fn looked_at_twice() -> Frame {
        let before = process(vec![task(1, 1, 1), task(2, 10, 10)], 11, 11);
        let after = process(vec![task(1, 3, 2), task(2, 30, 110)], 33, 111);
        Frame::of(&before, &after, Duration::from_secs(2))
    }

    #[test]
    fn what_is_shown_is_what_was_done_between_two_looks_the_busiest_first() {
        assert_eq!(
            looked_at_twice().lines(),
            [
                "7 chat",
                "loop on thread main: 2 tasks, 1 ready, 2 timers, 3 sockets",
                "11 polls/s, 0 callbacks/s, 5.0% busy",
                "slowest so far: 111.0 ms, Task-2 (work)",
                "queue jobs: 3 of 8 items, 2 wait for room",
                " POLLS/S   BUSY  TASK",
                "      10   5.0%  Task-2 (work) waits for the clock at main.rs:7",
                "       1   0.1%  Task-1 (work) waits for the clock at main.rs:7",
            ]
        );
    }

    #[test]
    fn where_there_is_little_room_the_busiest_are_shown_and_the_others_counted() {
        let lines = looked_at_twice().fitting(7);
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[6], "and 2 more");
        assert_eq!(looked_at_twice().fitting(8).len(), 8);
        assert_eq!(looked_at_twice().fitting(2).len(), 2);
    }

    #[test]
    fn a_loop_that_does_not_answer_has_a_line() {
        let mut process = process(Vec::new(), 0, 0);
        process.loops[0].stuck = Some("it is kept".to_owned());
        let frame = Frame::of(&Process::default(), &process, Duration::from_secs(1));
        assert_eq!(frame.lines(), ["7 chat", "loop on thread main: it is kept"]);
    }
}
