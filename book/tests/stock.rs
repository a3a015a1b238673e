//! The stock tool: its protocol, and that it makes the same pages.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mdbook_driver::MDBook;
use support::{Fixture, PROGRAM};

fn book(arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_book"));
    process.args(arguments).stdin(Stdio::piped());
    process.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("it listens");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// All files below a folder, by their paths.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            let inner = files(&entry.path()).into_iter();
            found.extend(inner.map(|(path, text)| (format!("{name}/{path}"), text)));
        } else {
            found.insert(name, fs::read(entry.path()).expect("a file"));
        }
    }
    found
}

#[test]
fn the_stock_tool_makes_the_same_pages() {
    let fixture = Fixture::saying(&format!(
        "{{{{#title T}}}}\n\n{{{{#item {PROGRAM} count}}}}\n\n`\\{{{{#title}}}}`\n\n\
         {{{{#map os}}}}\n\n{{{{#python python/wait.py}}}}\n"
    ));
    assert_eq!(fixture.problems(), [""; 0]);
    let ours = files(&fixture.root().join("pages"));
    fs::remove_dir_all(fixture.root().join("pages")).unwrap();
    // As the stock tool does: it runs the command that `book.toml` names.
    MDBook::load(fixture.book()).unwrap().build().unwrap();
    let stock = files(&fixture.root().join("pages"));
    let names =
        |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&stock));
    // What the search reads is ours, under the same name.
    let is_index = |name: &str| name.starts_with("searchindex");
    for (name, text) in ours.iter().filter(|it| !is_index(it.0)) {
        assert!(*text == stock[name], "{name} differs");
    }
    assert!(String::from_utf8_lossy(&ours["one.html"]).contains("pub fn count() {}"));
}

#[test]
fn the_real_book_names_the_command_for_the_stock_tool() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("book.toml");
    let config = fs::read_to_string(config).unwrap();
    assert!(config.contains("command = \"cargo run -q -p book -- preprocess\""));
}

#[test]
fn it_supports_html_and_nothing_else() {
    assert!(book(&["preprocess", "supports", "html"], "").status.success());
    assert_eq!(book(&["preprocess", "supports", "epub"], "").status.code(), Some(1));
}

/// What the stock tool says to a preprocessor.
fn conversation(fixture: &Fixture, content: &str) -> String {
    let root = fixture.book();
    let book = serde_json::json!([
        {
            "root": root,
            "config": { "book": { "src": "chapters" } },
            "renderer": "html",
            "mdbook_version": "0.5.4",
        },
        { "items": [{ "Chapter": {
            "name": "One", "content": content, "number": [1], "sub_items": [],
            "path": "one.md", "source_path": "one.md", "parent_names": [],
        } }] },
    ]);
    book.to_string()
}

#[test]
fn a_book_comes_in_and_goes_out_without_directives() {
    let fixture = Fixture::new();
    let said = book(&["preprocess"], &conversation(&fixture, "# One\n\n{{#map os}}\n"));
    assert!(said.status.success(), "{said:?}");
    let answer: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let content = answer["items"][0]["Chapter"]["content"].as_str().unwrap();
    assert!(content.starts_with("# One\n\n<figure class=\"map\">"), "{content}");
}

#[test]
fn all_that_is_wrong_is_said_to_the_stock_tool_too() {
    let fixture = Fixture::new();
    let content = "# One\n\n{{#map a}}\n{{#map b}}\n";
    let said = book(&["preprocess"], &conversation(&fixture, content));
    assert_eq!(said.status.code(), Some(1));
    assert!(said.stdout.is_empty());
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(errors.starts_with("one.md:3: the map has no box a"), "{errors}");
    assert!(errors.contains("\none.md:4: the map has no box b"), "{errors}");
}

#[test]
fn what_is_no_book_is_refused_in_a_line() {
    let said = book(&["preprocess"], "hello");
    assert_eq!(said.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&said.stderr);
    assert_eq!(errors.lines().count(), 1, "{errors}");
}
