//! What a step looks like, on a screen of any size.
//!
//! Colour only repeats what words, signs and places say already.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Wrap};

use crate::panes;
use crate::stepper::{Mode, PANES, Stepper};
use crate::words::time;

/// From this size on, everything is shown at once.
const WHOLE: (u16, u16) = (72, 20);

/// From this size on, one pane is shown, and Tab turns to the next. Below, only words.
const HALF: (u16, u16) = (40, 10);

/// The keys.
pub const HELP: &[(&str, &str)] = &[
    ("→ ↓ l j", "a step forward"),
    ("← ↑ h k", "a step back"),
    ("PgDn PgUp", "ten steps"),
    ("Home End", "first, last step"),
    ("n N", "next turn, previous turn"),
    ("d", "first difference, of two"),
    ("Space", "play, pause"),
    ("+ -", "faster, slower"),
    ("g /", "jump: 14 is a step,"),
    ("", "t3 a turn, else a word"),
    ("Tab", "next pane, if small"),
    ("Ctrl-L", "draw again"),
    ("q Esc", "quit"),
];

/// How to draw.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Whether somebody wants to see colour.
    pub colour: bool,
}

impl Look {
    /// Colour, unless `NO_COLOR` says otherwise.
    pub fn of_the_environment() -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        Self { colour: !no_colour }
    }

    /// Of titles.
    pub fn title(self) -> Style {
        self.paint(Color::Cyan)
    }

    /// Of what is new here.
    pub fn here(self) -> Style {
        self.paint(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    fn paint(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }
}

/// Draws where the stepper stands.
pub fn draw(frame: &mut Frame<'_>, stepper: &Stepper, look: Look) {
    let area = frame.area();
    let fits = |(width, height)| area.width >= width && area.height >= height;
    if fits(WHOLE) {
        whole(frame, stepper, look);
    } else if fits(HALF) {
        half(frame, stepper, look);
    } else {
        strip(frame, stepper, look);
    }
    if let Mode::Helping(line) = stepper.mode() {
        help(frame, *line, look);
    }
}

/// Everything.
fn whole(frame: &mut Frame<'_>, stepper: &Stepper, look: Look) {
    let rows = [Constraint::Length(1), Constraint::Length(2), Constraint::Fill(1)];
    let [top, words, middle, bottom] = frame
        .area()
        .layout(&Layout::vertical(rows.into_iter().chain([Constraint::Length(1)])));
    head(frame, top, stepper, look);
    event(frame, words, stepper, look);
    foot(frame, bottom, stepper, look);
    let columns = [Constraint::Fill(11), Constraint::Fill(9)];
    let [left, right] = middle.layout(&Layout::horizontal(columns).spacing(1));
    let lists = if stepper.other().is_some() { 2 } else { 1 };
    let halves = Layout::vertical([Constraint::Fill(lists), Constraint::Fill(1)]);
    let [events, source] = left.layout(&halves);
    panes::events(frame, events, stepper, look);
    panes::source(frame, source, stepper, look);
    let [running, ready, timers, parked] = right.layout(&Layout::vertical([
        Constraint::Length(3),
        Constraint::Fill(4),
        Constraint::Fill(4),
        Constraint::Fill(5),
    ]));
    panes::running(frame, running, stepper, look);
    panes::ready(frame, ready, stepper, look);
    panes::timers(frame, timers, stepper, look);
    panes::parked(frame, parked, stepper, look);
}

/// The event, and one pane.
fn half(frame: &mut Frame<'_>, stepper: &Stepper, look: Look) {
    let [top, words, middle, bottom] = frame.area().layout(&Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(1),
    ]));
    head(frame, top, stepper, look);
    event(frame, words, stepper, look);
    foot(frame, bottom, stepper, look);
    match PANES[stepper.pane()] {
        "events" => panes::events(frame, middle, stepper, look),
        "source" => panes::source(frame, middle, stepper, look),
        _ => panes::now(frame, middle, stepper, look),
    }
}

/// The event, and nothing else.
fn strip(frame: &mut Frame<'_>, stepper: &Stepper, look: Look) {
    let [top, words, bottom] = frame.area().layout(&Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ]));
    frame.render_widget(Span::styled(progress(stepper), look.title()), top);
    event(frame, words, stepper, look);
    foot(frame, bottom, stepper, look);
}

/// What is played, and how far it is.
fn head(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let progress = Span::styled(progress(stepper), look.title());
    let width = u16::try_from(progress.width()).unwrap_or(u16::MAX);
    let columns = [Constraint::Fill(1), Constraint::Length(width)];
    let [left, right] = area.layout(&Layout::horizontal(columns).spacing(1));
    frame.render_widget(Span::styled(stepper.story().title(), look.title()), left);
    frame.render_widget(progress, right);
}

fn progress(stepper: &Stepper) -> String {
    let play = if stepper.pace().is_some() { "playing " } else { "" };
    format!("{play}{}/{}", stepper.step(), stepper.story().last())
}

/// What happened, in words, and when.
fn event(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let state = stepper.state();
    let words = stepper.story().words(stepper.story().event(stepper.step()));
    let turn = match (state.turn, state.serving) {
        (0, _) => String::new(),
        (turn, true) => format!(", turn {turn}"),
        (turn, false) => format!(", after turn {turn}"),
    };
    let line = Line::from(vec![
        Span::raw(format!("{}{turn}: ", time(state.now))),
        Span::styled(words, look.here()),
    ]);
    frame.render_widget(Paragraph::new(line).wrap(Wrap { trim: true }), area);
}

/// The question, the answer to a key, or the keys.
fn foot(frame: &mut Frame<'_>, area: Rect, stepper: &Stepper, look: Look) {
    let line = match (stepper.mode(), stepper.notice()) {
        (Mode::Asking(text), _) => {
            // What is typed last is what has to be seen.
            let line = format!("step, tTURN or word: {text}_");
            let hidden = line.chars().count().saturating_sub(area.width.into());
            Line::from(line.chars().skip(hidden).collect::<String>()).style(look.here())
        }
        (_, Some(notice)) => Line::from(notice.to_owned()).style(look.here()),
        _ => Line::from("← → step  n turn  Space play  ? help").style(look.title()),
    };
    frame.render_widget(line, area);
}

/// Over everything.
fn help(frame: &mut Frame<'_>, first: usize, look: Look) {
    let area = frame.area();
    let title = Span::styled(" Keys; any other closes this ", look.title());
    let block = Block::new().borders(Borders::TOP).title(title);
    let inner = block.inner(area);
    let first = first.min(HELP.len().saturating_sub(inner.height.into()));
    let lines = HELP.iter().skip(first).map(|(keys, what)| {
        Line::from(vec![Span::styled(format!("{keys:<10}"), look.here()), (*what).into()])
    });
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}
