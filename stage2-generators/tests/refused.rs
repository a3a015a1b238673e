//! What the types forbid, the compiler refuses: each text in `fixtures/refused` has one error,
//! and says where: `//~ CODE what is underlined`, at the end of its line.
//!
//! The code and the place are compared, for these stay; the words are the compiler's, and
//! change from one to the next. `cargo test --test refused -- --nocapture` shows them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "it shows what the compiler says")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// An error: its code, its line, and what is underlined there.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    code: String,
    line: u64,
    what: String,
}

#[test]
fn what_the_types_forbid_is_refused_where_it_stands() {
    let library = library();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/refused");
    let mut texts: Vec<_> =
        fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    texts.sort();
    assert_eq!(texts.len(), 8);
    for text in texts {
        let (name, expected) = (text.display().to_string(), expected(&text));
        let mut refusals = refusals(&text, &library);
        // One mistake may be told in several ways.
        refusals
            .dedup_by(|one, first| (&one.code, one.line) == (&first.code, first.line));
        assert_eq!(refusals, [expected], "{name}");
    }
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
        .arg(format!("stage2_generators={}", library.display()))
        .arg(format!("-Ldependency={}", library.parent().unwrap().display()))
        .arg(text)
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let messages = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    messages.filter_map(|message| refusal(&message)).collect()
}

/// An error, if it is one with a code: the last message only counts them.
fn refusal(message: &Value) -> Option<Refusal> {
    let code = message["code"]["code"].as_str()?.to_owned();
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
fn library() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--lib", "--offline", "--quiet", "--message-format=json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    let messages = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let files = messages.filter(|it| it["target"]["name"] == "stage2_generators");
    let files =
        files.flat_map(|it| it["filenames"].as_array().cloned().unwrap_or_default());
    let mut paths = files.filter_map(|it| it.as_str().map(PathBuf::from));
    // What is known of its types, which is all it takes, beside that of those it needs.
    let is_known = |path: &PathBuf| path.extension().is_some_and(|it| it == "rmeta");
    let found = paths.find(is_known);
    found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}
