//! What is on the screen, at every size.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;
use stepper::screen::{self, Look};
use stepper::source::Sources;
use stepper::stepper::Stepper;
use stepper::story::Story;
use stepper::table;

const SIZES: [(u16, u16); 3] = [(80, 24), (40, 12), (20, 5)];

fn stepper(recording: &str) -> Stepper {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let text = std::fs::read_to_string(root.join(recording)).unwrap();
    let story = Story::read(&text).unwrap();
    let sources = Sources::read(&story.files, Some(&root));
    Stepper::new(story, sources)
}

fn after(keys: &str) -> Stepper {
    let mut stepper = stepper("countdown.json");
    for key in keys.chars() {
        let key = match key {
            '\t' => KeyCode::Tab,
            '\n' => KeyCode::Enter,
            key => KeyCode::Char(key),
        };
        stepper.press(KeyEvent::new(key, KeyModifiers::NONE));
    }
    stepper
}

fn drawn(stepper: &Stepper, (width, height): (u16, u16), look: Look) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen::draw(frame, stepper, look)).unwrap();
    terminal.backend().clone()
}

fn check(name: &str, keys: &str) {
    for size in SIZES {
        let name = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, drawn(&after(keys), size, Look::default()));
    }
}

#[test]
fn a_task_waits_and_all_of_it_is_shown() {
    check("suspended", "g17\n");
}

#[test]
fn a_turn_has_begun() {
    check("turn", "nnn");
}

/// Another run of the same program, in which somebody else is woken at step 9.
fn pair() -> Stepper {
    let text = include_str!("fixtures/countdown.json");
    let mut lines: Vec<_> = text.lines().collect();
    let is_event = |line: &&str| line.contains("\"what\"");
    let first = lines.iter().position(is_event).unwrap();
    lines.remove(first + 8);
    let other = Story::read(&lines.join("\n")).unwrap();
    after("").beside(other)
}

#[test]
fn two_runs_lie_beside_each_other_and_the_first_difference_has_a_sign() {
    let mut pair = pair();
    assert_eq!((pair.step(), pair.other().unwrap().differs), (9, Some(9)));
    for size in SIZES {
        let name = format!("pair_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, drawn(&pair, size, Look::default()));
    }
    // From anywhere, a key leads back to it.
    for key in [KeyCode::End, KeyCode::Char('d')] {
        pair.press(KeyEvent::new(key, KeyModifiers::NONE));
    }
    assert_eq!(pair.step(), 9);
    // The other one is shorter: its list stays at its last step.
    pair.press(KeyEvent::new(KeyCode::End, KeyModifiers::NONE));
    let shown = drawn(&pair, (80, 24), Look::default()).to_string();
    assert_eq!(shown.matches(&format!("{} ", pair.story().last() - 1)).count(), 2);
    let table = table::beside(pair.story(), &pair.other().unwrap().story);
    let differs: Vec<_> = table.lines().filter(|line| line.contains('≠')).collect();
    assert!(matches!(differs[..], [line] if line.starts_with("   9 ≠")), "{table}");
}

#[test]
fn the_same_run_beside_itself_does_not_differ() {
    let one = after("");
    let pair = one.clone().beside(one.story().clone());
    assert_eq!(pair.other().unwrap().differs, None);
    assert_eq!(pair.notice(), Some("the same happens in both"));
    let alone = after("d");
    assert_eq!(alone.notice(), Some("no other recording lies beside it"));
}

#[test]
fn it_plays() {
    check("playing", " ");
}

#[test]
fn a_small_screen_has_panes() {
    for (name, keys) in [("events", "g22\n\t"), ("source", "g22\n\t\t")] {
        let name = format!("pane_{name}");
        insta::assert_snapshot!(name, drawn(&after(keys), (40, 12), Look::default()));
    }
}

#[test]
fn the_question_and_its_answer_stand_at_the_foot() {
    check("asking", "gpan");
    check("not_found", "gsneezes\n");
}

#[test]
fn help_covers_it() {
    check("help", "?");
    check("help_read_on", "?jjj");
}

#[test]
fn what_does_not_fit_is_counted() {
    let keys = "g22\n";
    insta::assert_snapshot!(
        "short_lists",
        drawn(&after(keys), (72, 20), Look::default())
    );
}

#[test]
fn what_nobody_knows_is_said_in_words() {
    let mut stepper = stepper("words.json");
    for key in "gcallback #1 waits\n".chars() {
        let key = if key == '\n' { KeyCode::Enter } else { KeyCode::Char(key) };
        stepper.press(key.into());
    }
    let screen = drawn(&stepper, (80, 24), Look::default()).to_string();
    assert!(screen.contains("callback #1: not known"), "{screen}");
}

#[test]
fn no_size_is_too_small() {
    for recording in ["countdown.json", "words.json"] {
        let mut stepper = stepper(recording);
        for step in 1..=stepper.story().last() {
            assert_eq!(stepper.step(), step);
            for size in
                [(1, 1), (3, 2), (39, 200), (200, 9), (40, 10), (72, 20), (500, 90)]
            {
                drawn(&stepper, size, Look::default());
            }
            stepper.press(KeyCode::Right.into());
        }
    }
}

#[test]
fn colour_says_nothing_alone() {
    for keys in ["", "g33\n", "?", "gx", "gsneezes\n"] {
        for size in SIZES {
            let coloured = drawn(&after(keys), size, Look { colour: true });
            let plain = drawn(&after(keys), size, Look { colour: false });
            let cells = |it: &TestBackend| it.buffer().content.clone();
            let symbols = |it: &TestBackend| -> String {
                cells(it).iter().map(|cell| cell.symbol().to_owned()).collect()
            };
            assert_eq!(symbols(&coloured), symbols(&plain), "{keys:?}");
            let is_plain = |fg, bg| (fg, bg) == (Color::Reset, Color::Reset);
            assert!(cells(&plain).iter().all(|cell| is_plain(cell.fg, cell.bg)));
            assert!(cells(&coloured).iter().any(|cell| !is_plain(cell.fg, cell.bg)));
        }
    }
}
