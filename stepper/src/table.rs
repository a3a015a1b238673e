//! `--plain`: every step with everything that the screen shows of it, as a table.

use std::fmt::Write as _;

use lineage::error::Error;
use lineage::output::Output;
use lineage::trace::json::Thing;

use crate::source::Sources;
use crate::state::State;
use crate::story::{Event, Story};
use crate::words::{due_at, time};

/// What stands above the columns. The last one may be as wide as it likes.
const HEAD: [&str; COLUMNS] =
    ["STEP", "TIME", "TURN", "EVENT", "RUNNING", "READY", "TIMERS", "PARKED", "WHERE"];
const COLUMNS: usize = 9;

/// Columns of numbers, which are flush right.
const NUMBERS: [usize; 3] = [0, 1, 2];

/// How many characters of an event are shown where two stand side by side.
const WIDEST: usize = 64;

type Row = [String; COLUMNS];

/// Prints a recording.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn print(story: &Story, sources: &Sources, output: &mut Output) -> Result<(), Error> {
    output.show(text(story, sources))
}

/// A recording as a table, with a line on top and one for each of those who took part.
pub fn text(story: &Story, sources: &Sources) -> String {
    let mut state = State::default();
    let mut rows = vec![HEAD.map(str::to_owned)];
    for (index, event) in story.events.iter().enumerate() {
        state.follow(event);
        let mut row = row(story, &state, event, sources);
        row[0] = (index + 1).to_string();
        rows.push(row);
    }
    let lines: String = aligned(&rows).into_iter().map(|line| line + "\n").collect();
    format!("{}: {} steps\n\n{}\n{lines}", story.title(), story.last(), cast(story))
}

/// Two recordings side by side, a row for each step; the sign is where they first differ.
pub fn beside(story: &Story, other: &Story) -> String {
    let differs = story.differs_from(other);
    let words = |it: &Story, step: usize| {
        let event = it.events.get(step - 1);
        let words = event.map_or_else(|| "-".to_owned(), |event| it.words(event));
        match words.char_indices().nth(WIDEST) {
            Some((end, _)) => format!("{}…", &words[..end]),
            None => words,
        }
    };
    let last = story.last().max(other.last());
    let width = (1..=last).map(|step| words(story, step).chars().count()).max();
    let width = width.unwrap_or(0).max("THIS".len());
    let mut text = format!(
        "{}: {} steps\nbeside it {}: {} steps\n{}\n\nSTEP    {:width$}  BESIDE IT\n",
        story.title(),
        story.last(),
        other.title(),
        other.last(),
        difference(differs),
        "THIS"
    );
    for step in 1..=last {
        let sign = if Some(step) == differs { '≠' } else { ' ' };
        let (here, there) = (words(story, step), words(other, step));
        _ = writeln!(text, "{step:>4} {sign}  {here:width$}  {there}");
    }
    text
}

/// Where two recordings first differ, in words.
pub fn difference(differs: Option<usize>) -> String {
    match differs {
        Some(step) => format!("they first differ at step {step}"),
        None => "the same happens in both".to_owned(),
    }
}

/// Who took part: the table calls them by their numbers.
fn cast(story: &Story) -> String {
    let line = |id: &u32| {
        let it = &story.subjects[id];
        let name = it.name.as_deref().unwrap_or("without a name");
        format!("#{id} is a {} by {}: {name}\n", it.kind, story.who(it.parent))
    };
    story.subjects.keys().map(line).collect()
}

fn row(story: &Story, state: &State, event: &Event, sources: &Sources) -> Row {
    let turn = if state.serving { state.turn.to_string() } else { String::new() };
    let place = event.place().map(|place| {
        let line =
            sources.line(place).map_or_else(|why| format!("({why})"), str::to_owned);
        format!("{}  {}", story.place(place), line.trim())
    });
    [
        String::new(),
        time(event.at),
        turn,
        story.words(event),
        ids(&state.running),
        ids(&state.ready),
        timers(state),
        parked(state),
        place.unwrap_or_default(),
    ]
    .map(|cell| if cell.is_empty() { "-".to_owned() } else { cell })
}

fn ids(ids: &[u32]) -> String {
    ids.iter().map(|id| format!("#{id}")).collect::<Vec<_>>().join(" ")
}

fn timers(state: &State) -> String {
    let timers = state.timers_by_due();
    let told = timers.iter().map(|(id, timer)| format!("{id} at {}", due_at(timer.due)));
    told.collect::<Vec<_>>().join(", ")
}

fn parked(state: &State) -> String {
    let told = state.parked.iter().map(|(id, wait)| {
        let depth = wait.depth.map(|depth| format!(" depth {depth}")).unwrap_or_default();
        format!("#{id}{}{depth}", wait.on.map(briefly).unwrap_or_default())
    });
    told.collect::<Vec<_>>().join(", ")
}

fn briefly(thing: Thing) -> String {
    match thing {
        Thing::Loop => " on the loop".to_owned(),
        Thing::Subject { id } => format!(" on #{id}"),
        Thing::Timer { id } => format!(" on timer {id}"),
        Thing::Socket { id, .. } => format!(" on socket {id}"),
        Thing::Foreign => " on somebody outside".to_owned(),
    }
}

fn aligned(rows: &[Row]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..COLUMNS).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Row| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, &width))| {
            if NUMBERS.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
