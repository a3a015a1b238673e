//! A page for each exercise, below its chapter; its answers are not on it.

mod support;

use std::fs;

use support::{Fixture, assert_in_order};

/// A workspace with an exercise of chapter 1.
fn with_an_exercise() -> Fixture {
    let fixture = Fixture::new();
    let summary =
        "# Summary\n\n# A part\n\n- [Waiting](01-waiting.md)\n- [Two](two.md)\n";
    fixture.write("book/chapters/SUMMARY.md", summary);
    let chapter = "# Waiting\n\nTry [it](exercise-1.1.md).\n";
    fixture.write("book/chapters/01-waiting.md", chapter);
    fs::remove_file(fixture.book().join("chapters/one.md")).expect("it is there");
    exercise(&fixture, "chapter01/1-first");
    fixture
}

fn exercise(fixture: &Fixture, folder: &str) {
    for (file, text) in [
        ("statement.md", "# Wait & see\n\nWrite `wait`, with a\nblowfish.\n"),
        ("hints.md", "Look at the `clock`.\n---\nThe pufferfish knows.\n"),
        ("solution.rs", "fn wait() { sunfish() }\n"),
        ("why.md", "An oarfish.\n"),
    ] {
        fixture.write(&format!("exercises/{folder}/{file}"), text);
    }
}

fn page(fixture: &Fixture, name: &str) -> String {
    fs::read_to_string(fixture.root().join("pages").join(name)).expect("it is there")
}

#[test]
fn an_exercise_has_a_page_below_its_chapter() {
    let fixture = with_an_exercise();
    let problems = fixture.problems();
    assert!(problems.is_empty(), "{problems:#?}");
    assert_in_order(
        &page(&fixture, "exercise-1.1.html"),
        &[
            "<title>Exercise 1.1: Wait &amp; see",
            "Exercise 1.1: Wait &amp; see</a></h1>",
            "Write <code>wait</code>, with a\nblowfish.",
            "<code>work/1.1/exercise.rs</code>",
            "$ cargo run -- check 1.1",
            "<details class=\"hint\">\n<summary>Hint 1 of 2</summary>",
            "<p>Look at the <code>clock</code>.</p>",
            "Hint 2 of 2",
            "<div class=\"exercise\" data-number=\"1.1\">",
            "<code>cargo run -p book</code>",
        ],
    );
    assert!(
        page(&fixture, "01-waiting.html").contains("<a href=\"exercise-1.1.html\">it")
    );
    let contents = page(&fixture, "toc.html");
    let parts =
        ["01-waiting.html", "<ol class=\"section\">", "exercise-1.1.html", "two.html"];
    assert_in_order(&contents, &parts);
}

/// The task is found, and nothing that would give it away.
#[test]
fn the_search_knows_no_answers() {
    let fixture = with_an_exercise();
    fixture.build();
    let names =
        fs::read_dir(fixture.root().join("pages")).expect("it is there").flatten();
    let index = names.map(|it| it.file_name().to_string_lossy().into_owned());
    let index = index.into_iter().find(|it| it.starts_with("searchindex"));
    let index = page(&fixture, &index.expect("there is an index"));
    assert!(index.contains("blowfish"));
    for answer in ["clock", "pufferfish", "sunfish", "oarfish"] {
        assert!(!index.contains(answer), "{answer} is found");
    }
    let page = page(&fixture, "exercise-1.1.html");
    assert!(!page.contains("sunfish") && !page.contains("oarfish"));
}

#[test]
fn an_exercise_that_nobody_would_find_is_named() {
    let fixture = with_an_exercise();
    exercise(&fixture, "chapter07/2-lost");
    let lost = "exercises: no chapter's file begins with 07-: 7.2 has no page";
    assert_eq!(fixture.problems(), [lost]);
    fs::remove_dir_all(fixture.root().join("exercises/chapter07")).expect("it is there");
    fixture.append("book/chapters/two.md", "\n{{#exercise 1.9}}\n");
    let said = "two.md:3: there is no such exercise; there are: 1.1";
    assert_eq!(fixture.problems(), [said]);
}

#[test]
fn an_exercise_without_a_statement_is_named() {
    let fixture = with_an_exercise();
    let statement = fixture.root().join("exercises/chapter01/1-first/statement.md");
    fs::remove_file(statement).expect("it is there");
    let problems = fixture.problems();
    let is_named = |it: &String| {
        it.starts_with("exercise-1.1.md:1: ") && it.contains("statement.md: ")
    };
    assert!(problems.iter().any(is_named), "{problems:#?}");
}
