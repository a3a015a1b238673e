//! The panes of a screen: the events, the source, and who runs, is ready, or waits.

use lineage::trace::json::Thing;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use crate::screen::Look;
use crate::source::window;
use crate::state::{State, Timer};
use crate::stepper::{Other, Stepper};
use crate::story::Story;
use crate::words::due_at;

/// How many of the printed lines are shown.
const LINES: usize = 3;

/// The events around this one, which has a sign; below them those of the recording that lies
/// beside it, where another sign is at the first difference.
pub fn events(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let story = stepper.story();
    let Some(Other { story: other, differs }) = stepper.other() else {
        return events_of(frame, area, (story, "Events"), stepper, look);
    };
    let halves = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]);
    let [upper, lower] = area.layout(&halves);
    events_of(frame, upper, (story, "Events"), stepper, look);
    let title = match differs {
        Some(step) => format!("Beside it; step {step} differs"),
        None => "Beside it the same".to_owned(),
    };
    events_of(frame, lower, (other, &title), stepper, look);
}

fn events_of(
    frame: &mut Frame<'_>,
    area: Rect,
    (story, title): (&Story, &str),
    stepper: &Stepper,
    look: Look,
) {
    let step = stepper.step();
    let differs = stepper.other().and_then(|it| it.differs);
    let rows = rows(area);
    let digits = story.last().to_string().len();
    let first = window(step.min(story.last()) - 1, story.last(), rows) + 1;
    let steps = (first..=story.last()).take(rows);
    let lines = steps.map(|at| {
        let sign = if at == step { '>' } else { ' ' };
        let other = if Some(at) == differs { "≠ " } else { "" };
        let line = format!("{sign}{at:>digits$} {other}{}", story.words(story.event(at)));
        marked(line, at == step, look)
    });
    pane(frame, area, title, lines.collect(), look);
}

/// The lines around the event's place.
pub fn source(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let Some((place, before)) = stepper.place() else {
        let event = stepper.story().event(stepper.step());
        let why = match event.subject() {
            Some(_) => "no line is known",
            None => "no line: this is the loop itself",
        };
        return pane(frame, area, "Source", vec![Line::from(why)], look);
    };
    let mut title = stepper.story().place(place);
    if before {
        title.push_str(", last seen");
    }
    let room = usize::from(area.width).saturating_sub(2);
    if title.chars().count() > room {
        title = title.rsplit('/').next().unwrap_or(&title).to_owned();
    }
    let lines = match stepper.sources().around(place, rows(area)) {
        Err(why) => vec![Line::from(why)],
        Ok(lines) => numbered(&lines, place.line, look),
    };
    pane(frame, area, &title, lines, look);
}

/// Lines with their numbers, as far to the left as they go.
fn numbered(lines: &[(u32, &str)], here: u32, look: Look) -> Vec<Line<'static>> {
    let indent = |text: &str| text.len() - text.trim_start().len();
    let full = lines.iter().filter(|(_, text)| !text.trim().is_empty());
    let indent = full.map(|(_, text)| indent(text)).min().unwrap_or(0);
    let line = |&(number, text): &(u32, &str)| {
        let sign = if number == here { '>' } else { ' ' };
        let text = text.get(indent..).unwrap_or_default();
        marked(format!("{sign}{number:>3} {text}"), number == here, look)
    };
    lines.iter().map(line).collect()
}

/// Who runs: whoever is inside another comes after it.
pub fn running(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let mut line = runs(stepper);
    if let Some(printed) = printed(stepper) {
        line = format!("{line}; {printed}");
    }
    let line = marked(line, false, look);
    let block = block("Running", look);
    frame
        .render_widget(Paragraph::new(line).wrap(Wrap { trim: true }).block(block), area);
}

/// Who may go on, next first.
pub fn ready(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let ids = &stepper.state().ready;
    let lines = ids.iter().map(|id| member(holder(*id, stepper), *id, stepper, look));
    let title = format!("Ready: {}, next first", ids.len());
    list(frame, area, &title, lines.collect(), look);
}

/// What is due, next first.
pub fn timers(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let timers = stepper.state().timers_by_due();
    let title = format!("Timers: {}, by due", timers.len());
    let lines = timers
        .into_iter()
        .map(|(id, timer)| member(due(id, timer, stepper), timer.subject, stepper, look));
    list(frame, area, &title, lines.collect(), look);
}

/// Who waits, and for what.
pub fn parked(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let title = format!("Parked: {}", stepper.state().parked.len());
    list(frame, area, &title, waits(stepper, look), look);
}

/// The last four in one, for a small screen.
pub fn now(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let state = stepper.state();
    let ready: Vec<_> = state.ready.iter().map(|id| stepper.story().who(*id)).collect();
    let timers = state.timers_by_due().into_iter();
    let timers: Vec<_> = timers.map(|(id, timer)| due(id, timer, stepper)).collect();
    let parked = format!("Parked: {}", state.parked.len());
    let mut lines = vec![
        Line::from(format!("Running: {}", runs(stepper))),
        Line::from(counted("Ready", &ready)),
        Line::from(counted("Timers", &timers)),
        Line::from(parked),
    ];
    lines.extend(printed(stepper).map(Line::from));
    lines.extend(waits(stepper, look));
    pane(frame, area, "Now", cut(lines, rows(area)), look);
}

fn runs(stepper: &Stepper) -> String {
    let State { running, serving, .. } = stepper.state();
    let story = stepper.story();
    let names: Vec<_> = running.iter().map(|id| holder(*id, stepper)).collect();
    let is_thread = |id| story.subjects.get(id).is_some_and(|it| it.kind == "thread");
    match (names.is_empty(), serving) {
        (true, true) => "the loop".to_owned(),
        (true, false) => "nobody".to_owned(),
        // Threads run side by side; everybody else inside another.
        _ if running.iter().any(is_thread) => names.join(", "),
        _ => names.join(" > "),
    }
}

/// Somebody, and what it holds as far as the program says so: `rocket a #2 (left 2)`.
fn holder(id: u32, stepper: &Stepper) -> String {
    let who = stepper.story().who(id);
    match stepper.state().notes.get(&id) {
        None => who,
        Some(notes) => {
            let notes: Vec<_> =
                notes.iter().map(|(name, value)| format!("{name} {value}")).collect();
            format!("{who} ({})", notes.join(", "))
        }
    }
}

/// The last lines that the program has printed, if it has.
fn printed(stepper: &Stepper) -> Option<String> {
    let lines = &stepper.state().printed;
    let last = &lines[lines.len().saturating_sub(LINES)..];
    let before = if lines.len() > LINES { "… " } else { "" };
    (!last.is_empty()).then(|| format!("printed: {before}{}", last.join(", ")))
}

fn due(id: u64, timer: Timer, stepper: &Stepper) -> String {
    format!("{} timer {id}, {}", due_at(timer.due), stepper.story().who(timer.subject))
}

fn waits(stepper: &Stepper, look: Look) -> Vec<Line<'static>> {
    let (story, state) = (stepper.story(), stepper.state());
    let told = state.parked.iter().map(|(id, wait)| {
        let fired = match wait.on {
            Some(Thing::Timer { id }) if !state.timers.contains_key(&id) => " (over)",
            _ => "",
        };
        let on = wait.on.map_or("not known".to_owned(), |on| story.thing(on));
        let depth = wait.depth.map(|depth| format!(", depth {depth}"));
        let line =
            format!("{}: {on}{fired}{}", holder(*id, stepper), depth.unwrap_or_default());
        member(line, *id, stepper, look)
    });
    told.collect()
}

fn counted(what: &str, those: &[String]) -> String {
    match those.len() {
        0 => format!("{what}: 0"),
        count => format!("{what}: {count}, {}", those.join(", ")),
    }
}

/// A line about somebody, with a sign if the event is about them.
fn member(text: String, id: u32, stepper: &Stepper, look: Look) -> Line<'static> {
    let here = stepper.story().event(stepper.step()).subject() == Some(id);
    let sign = if here { '>' } else { ' ' };
    marked(format!("{sign}{text}"), here, look)
}

fn marked(text: String, here: bool, look: Look) -> Line<'static> {
    if here { Line::styled(text, look.here()) } else { Line::from(text) }
}

/// A pane with as many lines as fit.
fn list(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    lines: Vec<Line<'_>>,
    look: Look,
) {
    pane(frame, area, title, cut(lines, rows(area)), look);
}

/// The last line that fits says how many do not.
fn cut(mut lines: Vec<Line<'_>>, rows: usize) -> Vec<Line<'_>> {
    if lines.len() > rows && rows > 0 {
        let more = lines.len() - (rows - 1);
        lines.truncate(rows - 1);
        lines.push(Line::from(format!(" and {more} more")));
    }
    lines
}

fn pane(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    lines: Vec<Line<'_>>,
    look: Look,
) {
    frame.render_widget(Paragraph::new(lines).block(block(title, look)), area);
}

fn block<'a>(title: &str, look: Look) -> Block<'a> {
    let title = Span::styled(format!("{title} "), look.title());
    Block::new().borders(Borders::TOP).title(title)
}

/// How many lines a pane has below its title.
fn rows(area: Rect) -> usize {
    usize::from(area.height).saturating_sub(1)
}
