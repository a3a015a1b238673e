//! What Python raises when it runs, and the compiler refuses before. Each text in
//! `fixtures/refused` has one error, and says where: `//~ CODE what is underlined`, at the end of
//! its line.
//!
//! The code and the place are compared, for these stay; the words are the compiler's, and
//! change from one to the next. `cargo test --test refused -- --nocapture` shows them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "it shows what the compiler says")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;

/// An error: its code, its line, and what is underlined there.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: String,
    line: u64,
    what: String,
}

/// M5.04
#[test]
fn a_second_await_is_a_use_after_a_move() {
    expect_refusal("awaits_twice");
}

/// M5.05
#[test]
fn two_awaiters_cannot_own_one_future() {
    expect_refusal("is_awaited_by_two");
}

/// M5.06: the warning comes earlier, and names the line; none comes at run time.
#[test]
fn a_future_that_is_not_awaited_is_warned_of() {
    expect_refusal("forgets_to_await");
}

/// M5.07
#[test]
fn a_number_cannot_be_awaited() {
    expect_refusal("awaits_a_number");
}

/// M5.08
#[test]
fn what_becomes_no_future_cannot_be_awaited() {
    expect_refusal("becomes_no_future");
}

/// M5.11: this is why exits are left to the task.
#[test]
fn a_drop_cannot_await() {
    expect_refusal("awaits_in_a_drop");
}

/// M5.23
#[test]
fn two_cannot_ask_for_an_item_at_once() {
    expect_refusal("asks_twice_at_once");
}

/// M5.26: by its type.
#[test]
fn the_end_of_a_generator_is_no_error_that_somebody_could_let_pass() {
    expect_refusal("forgets_that_it_ends");
}

/// And so M5.23 once more, between a loop and a close.
#[test]
fn a_generator_cannot_be_closed_by_two() {
    expect_refusal("closes_what_it_loops_over");
}

#[test]
fn an_async_function_that_calls_itself_needs_a_box() {
    expect_refusal("calls_itself");
}

#[test]
fn an_async_function_is_pinned_before_it_is_polled() {
    expect_refusal("moves_what_it_polls");
}

#[test]
fn what_lives_across_an_await_decides_whether_the_future_may_leave_its_thread() {
    expect_refusal("takes_an_rc_to_another_thread");
}

#[test]
fn every_text_is_compiled() {
    let test = fs::read_to_string(file()).unwrap();
    for text in fs::read_dir(folder()).unwrap() {
        let name = text.unwrap().path().file_stem().unwrap().display().to_string();
        assert!(test.contains(&format!("expect_refusal(\"{name}\")")), "{name}");
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/refused")
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused.rs")
}

/// Holds the compiler to what a text says of its error.
fn expect_refusal(name: &str) {
    let text = folder().join(name).with_extension("rs");
    let mut refusals = refusals(&text, &LIBRARY);
    // One mistake may be told in several ways.
    refusals.dedup_by(|one, first| (&one.code, one.line) == (&first.code, first.line));
    assert_eq!(refusals, [expected(&text)], "{name}");
}

/// What a text says of its error.
fn expected(text: &Path) -> Refusal {
    let text = fs::read_to_string(text).unwrap();
    let marked = |(n, line): (usize, &str)| {
        let (code, what) = line.split_once("//~ ")?.1.split_once(' ')?;
        let line = u64::try_from(n).ok()? + 1;
        Some(Refusal { code: code.to_owned(), line, what: what.to_owned() })
    };
    text.lines().enumerate().find_map(marked).expect("it says where its error is")
}

/// What the compiler says of it.
fn refusals(text: &Path, library: &Path) -> Vec<Refusal> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "-o", "-"])
        .args(["--error-format=json", "--extern"])
        .arg(format!("stage4_async_await={}", library.display()))
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg(text)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let messages = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages.filter_map(|message| refusal(&message)).collect()
}

/// An error, if it has a place: the last message only counts them.
fn refusal(message: &Value) -> Option<Refusal> {
    // That a future is not `Send` has no code.
    let code = message["code"]["code"].as_str().unwrap_or("error").to_owned();
    if message["level"] != "error" {
        return None;
    }
    println!("{}", message["rendered"].as_str()?);
    let spans = message["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true)?;
    let line = &span["text"][0];
    let column =
        |name: &str| line[name].as_u64().map(|it| usize::try_from(it).unwrap() - 1);
    let what =
        &line["text"].as_str()?[column("highlight_start")?..column("highlight_end")?];
    Some(Refusal { code, line: span["line_start"].as_u64()?, what: what.to_owned() })
}

/// The library of this package: it is built already, and cargo says where it is.
static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--lib", "--offline", "--quiet", "--message-format=json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let messages = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let files = messages.filter(|it| it["target"]["name"] == "stage4_async_await");
    let files =
        files.flat_map(|it| it["filenames"].as_array().cloned().unwrap_or_default());
    let mut paths = files.filter_map(|it| it.as_str().map(PathBuf::from));
    // What is known of its types, which is all it takes, beside that of those it needs.
    let is_known = |path: &PathBuf| path.extension().is_some_and(|it| it == "rmeta");
    let found = paths.find(is_known);
    found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
});
