//! `{{#trace PROGRAM STYLE [STYLE]}}`: a recorded run, as a table and as data for the player.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lineage::invocation::to_type;
use lineage::knobs::STEPS;
use lineage::trace::Trace;
use lineage::trace::json::{Event, Line, Thing, VERSION, Way};
use serde::Serialize;

use crate::html::{escape, json_in_script};
use crate::places::{Answer, Places};

/// The folder, from the book's.
pub const FOLDER: &str = "traces";

/// What stands in the page's script: the trace, and the text of the files it names.
#[derive(Serialize)]
struct Data<'a> {
    #[serde(flatten)]
    trace: &'a Trace,
    /// By the files' indices, line by line. The second of a pair leaves out what the first has.
    sources: BTreeMap<usize, Vec<String>>,
}

/// The class of the first step at which two runs differ, and the words before its own: a colour
/// alone says nothing.
const MARK: (&str, &str) = (" class=\"differs\"", "≠ the first difference: ");

/// A recording as it is shown.
struct Shown<'a> {
    trace: &'a Trace,
    /// HTML.
    caption: String,
    /// The step that is marked, from 1.
    differs: Option<usize>,
}

/// A trace's file, from the book's folder.
pub fn path(program: &str, style: &str) -> String {
    format!("{FOLDER}/{program}.{style}.json")
}

/// The player's figure; for two styles, two of them, to be played in step.
///
/// # Errors
///
/// Fails when there is no such recording, or when it does not fit the sources any more.
pub fn expand(places: &Places, program: &str, styles: &[&str]) -> Answer<String> {
    let mut sent = BTreeSet::new();
    let figures = styles.iter().map(|style| {
        Shown::plain(&read(places, program, style)?).figure(places, &mut sent)
    });
    let figures: Vec<_> = figures.collect();
    let wrong: Vec<_> = figures.iter().filter_map(|it| it.clone().err()).collect();
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let figures: String = figures.into_iter().flatten().collect();
    Ok(side_by_side(styles.len(), figures))
}

/// The same of recordings that no chapter has: as far as a page shows them, and a word where that
/// is not all.
///
/// # Errors
///
/// Fails when one does not fit the sources.
pub fn together(places: &Places, traces: Vec<Trace>) -> Answer<String> {
    let mut sent = BTreeSet::new();
    let (traces, words): (Vec<_>, Vec<_>) =
        traces.into_iter().map(fit_for_a_page).unzip();
    let figures = traces.iter().map(|it| Shown::plain(it).figure(places, &mut sent));
    let figures = side_by_side(traces.len(), figures.collect::<Answer<String>>()?);
    Ok(words.into_iter().flatten().fold(figures, |all, word| all + &word))
}

/// Cuts off what a page does not show, and says so. None of our runs is so long; one of a program
/// that the reader has changed, or written, may be.
fn fit_for_a_page(mut trace: Trace) -> (Trace, Option<String>) {
    let steps = trace.events.len();
    trace.events.truncate(STEPS);
    let word = format!(
        "<p class=\"cut\">Of {steps} steps that were recorded, these are the first \
         {STEPS}.</p>\n"
    );
    (trace, (steps > STEPS).then_some(word))
}

/// Two runs that should be the same, under captions in HTML. The first step at which they are
/// not is marked in both.
///
/// # Errors
///
/// As [`together`].
pub fn compared(
    places: &Places,
    runs: &[Trace; 2],
    captions: [String; 2],
) -> Answer<String> {
    let mut sent = BTreeSet::new();
    let differs = runs[0].differs_from(&runs[1]);
    let figures = runs.iter().zip(captions).map(|(trace, caption)| {
        Shown { trace, caption, differs }.figure(places, &mut sent)
    });
    Ok(side_by_side(runs.len(), figures.collect::<Answer<String>>()?))
}

fn side_by_side(count: usize, figures: String) -> String {
    match count {
        1 => figures,
        _ => format!("<div class=\"trace-pair\">\n{figures}</div>\n"),
    }
}

/// Reads a recording.
///
/// # Errors
///
/// Says how to record it, if it is not there.
pub fn read(places: &Places, program: &str, style: &str) -> Answer<Trace> {
    let path = path(program, style);
    let text = places
        .read_own(&path)
        .map_err(|error| format!("{error}; {}", how_to_record(program, style)))?;
    let trace = parsed(&path, &text)?;
    if (trace.program.as_str(), trace.style.as_str()) != (program, style) {
        return Err(format!("{path} is of {} {}", trace.program, trace.style));
    }
    Ok(trace)
}

/// Reads the text of a recording that is called `path`.
///
/// # Errors
///
/// Says why it is none.
pub fn parsed(path: &str, text: &str) -> Answer<Trace> {
    let trace: Trace =
        serde_json::from_str(text).map_err(|error| format!("{path}: {error}"))?;
    if trace.version != VERSION {
        let version = trace.version;
        return Err(format!("{path} has version {version}, and this reads {VERSION}"));
    }
    Ok(trace)
}

fn how_to_record(program: &str, style: &str) -> String {
    format!("record it with: {}", to_type(&format!("book record {program} {style}")))
}

impl<'a> Shown<'a> {
    /// By itself.
    fn plain(trace: &'a Trace) -> Self {
        Self { trace, caption: caption(trace), differs: None }
    }

    /// Its figure. `sent` are the files whose text stands on the page already.
    fn figure(&self, places: &Places, sent: &mut BTreeSet<String>) -> Answer<String> {
        let Self { trace, caption, .. } = self;
        let [program, style] = [&trace.program, &trace.style].map(|it| escape(it));
        let mut sources = sources(places, trace)?;
        sources.retain(|&index, _| sent.insert(trace.files[index].clone()));
        let json = serde_json::to_string(&Data { trace, sources })
            .map_err(|error| error.to_string())?;
        let mut html = format!(
            "<figure class=\"trace\" id=\"{}\" \
             data-program=\"{program}\" data-style=\"{style}\" data-steps=\"{}\">\n\
             <figcaption>{caption}</figcaption>\n\
             <table aria-label=\"{program}, {style}: all steps\">\n<thead><tr><th>Step</th><th>Time</th><th>What happened</th>\
             <th>Where</th></tr></thead>\n<tbody>\n",
            id(trace),
            trace.events.len(),
        );
        html.push_str(&self.rows());
        _ = writeln!(
            html,
            "</table>\n\
             <script type=\"application/json\" class=\"trace-data\">{}</script>\n</figure>",
            json_in_script(&json)
        );
        Ok(html)
    }

    /// A row for each event; and one behind them, if the other run goes on there.
    fn rows(&self) -> String {
        let trace = self.trace;
        let mut rows = String::new();
        let mut turn = 0;
        for (index, event) in trace.events.iter().enumerate() {
            turn = event.turn.unwrap_or(turn);
            let at = place(trace, event.place);
            let at = if at.is_empty() { at } else { code(&at) };
            let is_marked = self.differs == Some(index + 1);
            let (class, sign) = if is_marked { MARK } else { ("", "") };
            _ = writeln!(
                rows,
                "<tr{class}><td>{}</td><td>{}</td><td>{sign}{}</td><td>{at}</td></tr>",
                index + 1,
                time(event.at),
                escape(&words(trace, event, turn)),
            );
        }
        rows.push_str("</tbody>\n");
        if self.differs == Some(trace.events.len() + 1) {
            let (class, sign) = MARK;
            _ = writeln!(
                rows,
                "<tfoot><tr{class}><td></td><td></td><td>{sign}nothing happens any more</td>\
                 <td></td></tr></tfoot>"
            );
        }
        rows
    }
}

/// What the figure is called in addresses, where not every letter stands for itself.
fn id(trace: &Trace) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let plain = |letter| if is_plain(letter) { letter } else { '-' };
    let Trace { program, style, .. } = trace;
    format!("trace-{program}-{style}").chars().map(plain).collect()
}

/// The text of the files that the trace names; its lines have to be there.
fn sources(places: &Places, trace: &Trace) -> Answer<BTreeMap<usize, Vec<String>>> {
    let mut sources = BTreeMap::new();
    for (index, file) in trace.files.iter().enumerate() {
        let text = places.read(file)?;
        sources.insert(index, text.lines().map(str::to_owned).collect::<Vec<_>>());
    }
    let places = trace.events.iter().map(|it| it.place);
    for place in places.chain(trace.subjects.iter().map(|it| it.place)) {
        let Some((file, line)) = place.file.zip(place.line) else { continue };
        let known = sources.get(&file).map_or(0, Vec::len);
        if line as usize > known {
            let (program, style) = (&trace.program, &trace.style);
            let how = how_to_record(program, style);
            return Err(format!(
                "the trace of {program} {style} is older than its sources; {how}"
            ));
        }
    }
    Ok(sources)
}

fn caption(trace: &Trace) -> String {
    use lineage::trace::json::Clock;
    let [program, style] = [&trace.program, &trace.style].map(|it| escape(it));
    let clock = match trace.clock {
        Clock::Virtual => "a virtual clock: nobody really waits",
        Clock::Real => "a real clock",
        Clock::Simulated => "the clock of a simulated network",
    };
    let count = trace.events.len();
    format!(
        "<b>{program}</b> in style <b>{style}</b>: {count} steps, recorded by {clock}"
    )
}

/// What happened, in words. `turn` is the turn it happened in.
pub fn words(trace: &Trace, event: &Event, turn: u64) -> String {
    let who = event.subject.map_or("nobody".to_owned(), |id| subject(trace, id));
    let by = event.by.map_or(String::new(), |by| format!(" by {}", thing(trace, by)));
    let on = event.on.map_or("something".to_owned(), |on| thing(trace, on));
    let due = event.due.map(|due| format!(", due at {}", time(due))).unwrap_or_default();
    let for_whom = event.subject.map(|_| format!(", for {who}")).unwrap_or_default();
    let text = event.text.as_deref().unwrap_or_default();
    match event.what.as_str() {
        "turn-began" => format!("turn {turn} begins"),
        "turn-ended" => match event.ready {
            None => format!("turn {turn} ends"),
            Some(0) => format!("turn {turn} ends: nobody is ready"),
            Some(1) => format!("turn {turn} ends: 1 is ready"),
            Some(ready) => format!("turn {turn} ends: {ready} are ready"),
        },
        "created" => format!("{who} is created{by}"),
        "woken" => format!("{who} is woken{by}"),
        "resumed" => format!("{who} runs"),
        "suspended" => waits(trace, &who, event),
        "finished" => format!("{who} is done"),
        "cancelled" => format!("{who} is cancelled"),
        "panicked" => format!("{who} panics"),
        "timer-set" => format!("{on} is set{due}{for_whom}"),
        "timer-fired" => format!("{on} fires{for_whom}"),
        "timer-cancelled" => format!("{on} is cancelled{for_whom}"),
        "socket-parked" => format!("{who} is parked at {on}"),
        "socket-ready" => {
            let who = if event.subject.is_some() { &*who } else { "nobody" };
            format!("{}; {who} waits for it", event.on.map_or_else(|| on.clone(), ready))
        }
        "noted" => {
            format!("{who}: {} is {text}", event.variable.as_deref().unwrap_or_default())
        }
        "said" => format!("{who} prints: {text}"),
        other => format!("{who}: {other}"),
    }
}

fn waits(trace: &Trace, who: &str, event: &Event) -> String {
    let on = event.on.map(|on| format!(" for {}", thing(trace, on))).unwrap_or_default();
    match event.depth {
        Some(1) => format!("{who} waits{on}, one call deep"),
        Some(depth) => format!("{who} waits{on}, {depth} calls deep"),
        None => format!("{who} waits{on}"),
    }
}

/// `task 2 (count)`, or what the program calls it: `task 2 (rocket a)`.
fn subject(trace: &Trace, id: u32) -> String {
    let Some(subject) = trace.subjects.iter().find(|it| it.id == id) else {
        return "the loop".to_owned();
    };
    let name = subject.called.as_ref().or(subject.name.as_ref());
    let name = name.map(|name| format!(" ({name})"));
    format!("{} {id}{}", subject.kind, name.unwrap_or_default())
}

fn thing(trace: &Trace, thing: Thing) -> String {
    match thing {
        Thing::Loop => "the loop".to_owned(),
        Thing::Subject { id } => subject(trace, id),
        Thing::Timer { id } => format!("timer {id}"),
        Thing::Socket { id, direction: Way::Read } => format!("socket {id}, to read"),
        Thing::Socket { id, direction: Way::Write } => format!("socket {id}, to write"),
        Thing::Foreign => "somebody outside".to_owned(),
    }
}

/// Which way a socket has become ready.
fn ready(on: Thing) -> String {
    match on {
        Thing::Socket { id, direction: Way::Read } => format!("socket {id} is readable"),
        Thing::Socket { id, direction: Way::Write } => format!("socket {id} is writable"),
        _ => "something is ready".to_owned(),
    }
}

/// `countdown.rs:30`.
fn place(trace: &Trace, place: Line) -> String {
    let Some((file, line)) = place.file.zip(place.line) else { return String::new() };
    let file = trace.files.get(file).map_or("", String::as_str);
    format!("{}:{line}", file.rsplit('/').next().unwrap_or(file))
}

/// A place can break before its dot.
fn code(place: &str) -> String {
    format!("<code>{}</code>", escape(place).replacen('.', "<wbr>.", 1))
}

/// Microseconds as milliseconds, without needless zeros.
fn time(micros: u64) -> String {
    let digits = format!("{}.{:03}", micros / 1000, micros % 1000);
    format!("{} ms", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use lineage::run::Program;
    use lineage::styles::Style;
    use lineage::trace;

    use super::*;

    #[test]
    fn a_run_with_more_steps_than_a_page_shows_is_cut_and_said_to_be() {
        let style = Style::named("callbacks").expect("it is a style");
        let mut trace = trace::record(Program::Countdown, style).expect("it runs");
        let step = trace.events[0].clone();
        trace.events.resize(STEPS, step.clone());
        let (mut trace, word) = fit_for_a_page(trace);
        assert_eq!((trace.events.len(), word), (STEPS, None));
        trace.events.push(step);
        let (trace, word) = fit_for_a_page(trace);
        assert_eq!(trace.events.len(), STEPS);
        let word = word.expect("it is said");
        assert!(
            word.contains("Of 4001 steps that were recorded, these are the first 4000.")
        );
    }

    /// A run, as it is and after a change, beside each other.
    fn beside(change: impl FnOnce(&mut Vec<Event>)) -> String {
        let places = Places::of(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("a book");
        let style = Style::named("callbacks").expect("it is a style");
        let one = trace::record(Program::Countdown, style).expect("it runs");
        let mut other = one.clone();
        change(&mut other.events);
        let captions = ["<b>one</b>", "<b>other</b>"].map(str::to_owned);
        compared(&places, &[one, other], captions).expect("it fits the sources")
    }

    /// The words of the rows that are marked.
    fn marked(html: &str) -> Vec<&str> {
        let rows = html.split("<tr class=\"differs\">").skip(1);
        rows.map(|row| row.split("</tr>").next().unwrap_or_default()).collect()
    }

    #[test]
    fn the_first_step_at_which_two_runs_differ_is_marked_in_both() {
        assert_eq!(marked(&beside(|_| ())), [""; 0]);
        let html = beside(|events| events.swap(4, 6));
        let rows = marked(&html);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_ne!(rows[0], rows[1]);
        for row in rows {
            assert!(row.starts_with("<td>5</td>"), "{row}");
            assert!(row.contains("<td>≠ the first difference: "), "{row}");
        }
        assert!(html.contains("<figcaption><b>other</b></figcaption>"));
    }

    #[test]
    fn where_one_run_ends_before_the_other_it_says_so() {
        let html = beside(|events| events.truncate(9));
        let rows = marked(&html);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert!(rows[0].starts_with("<td>10</td>"), "{rows:?}");
        let end = "<td>≠ the first difference: nothing happens any more</td>";
        assert!(rows[1].contains(end), "{rows:?}");
        assert!(html.contains("</tbody>\n<tfoot><tr class=\"differs\">"));
    }

    #[test]
    fn a_time_has_no_needless_zeros() {
        assert_eq!(time(0), "0 ms");
        assert_eq!(time(40_000), "40 ms");
        assert_eq!(time(1_250), "1.25 ms");
    }
}
