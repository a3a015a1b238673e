//! What may be typed, and what is said to it.

mod support;

use std::fs;
use std::process::Command;

use support::Fixture;

/// The exit status, and what was said.
fn book(fixture: &Fixture, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    let output = command.args(arguments).current_dir(fixture.root()).output();
    let output = output.expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn it_says_where_the_pages_are() {
    let fixture = Fixture::new();
    let (status, said) = book(&fixture, &["build"]);
    assert_eq!(status, Some(0));
    assert!(said.starts_with("2 pages in pages, in "), "{said}");
    fs::create_dir(fixture.root().join("empty")).unwrap();
    for _ in 0..2 {
        let (status, said) = book(&fixture, &["build", "--dest", "empty"]);
        assert_eq!(status, Some(0));
        assert!(said.starts_with("2 pages in empty, in "), "{said}");
    }
}

/// mdBook empties the folder that it writes to.
#[test]
fn a_folder_with_something_else_is_not_emptied() {
    let fixture = Fixture::new();
    let (status, said) = book(&fixture, &["build", "--dest", "."]);
    assert_eq!(status, Some(1));
    assert_eq!(said, ". is not empty, and what is there is no book\n");
    assert!(fixture.root().join("Cargo.toml").is_file());
}

#[test]
fn what_is_wrong_ends_it_with_a_list() {
    let fixture = Fixture::saying("{{#map a}}\n\n[x](no.md)\n");
    let (status, said) = book(&fixture, &["build"]);
    assert_eq!(status, Some(1));
    let said: Vec<_> = said.lines().collect();
    assert!(said[0].starts_with("one.md:3: the map has no box a"), "{said:?}");
    assert!(said[1].starts_with("one.md:5: the link no.html is dead"), "{said:?}");
    assert_eq!(book(&fixture, &["bild"]).0, Some(2));
    assert_eq!(book(&fixture, &["--port", "1", "build"]).0, Some(2));
}
