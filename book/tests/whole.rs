//! What holds for the book as a whole: the talk leads somewhere, and nothing is left out.

mod support;

use support::{Fixture, assert_in_order};

const TALK: &str = "\
[[to-come]]
chapter = \"three.md\"
title = \"A verdict\"

[[line]]
slide = 7
says = \"Callbacks *hurt*\"
chapter = \"two.md\"
anchor = \"two\"
test = \"stage1-callbacks/tests/a.rs::it_hurts\"
verdict = \"true\"
then = \"so\"
now = \"still\"

[[line]]
says = \"It is fast\"
chapter = \"three.md\"
verdict = \"open\"
";

fn talk() -> Fixture {
    let fixture = Fixture::saying("{{#slides}}\n");
    fixture.write("stage1-callbacks/tests/a.rs", "#[test]\nfn it_hurts() {}\n");
    fixture.write("book/slides.toml", TALK);
    fixture
}

#[test]
fn the_talk_is_a_table() {
    assert_in_order(
        &talk().page(),
        &[
            "<table class=\"slides\">",
            "Callbacks <em>hurt</em> <small>(slide 7)</small>",
            "<a href=\"two.html#two\">two</a>",
            "<td>true</td>",
            "<b>then:</b> so<br><b>now:</b> still",
            "it_<wbr>hurts",
            "It is fast",
            "<i>A verdict</i>, to come",
        ],
    );
}

#[test]
fn a_line_of_the_talk_that_leads_nowhere_is_named() {
    for (right, wrong, said) in [
        ("\"two\"", "\"three\"", "slides.toml:7: two.md has no anchor #three"),
        (
            "anchor = \"two\"\n",
            "",
            "slides.toml:7: it has no anchor, and its chapter is written",
        ),
        (
            "chapter = \"two.md\"",
            "chapter = \"four.md\"",
            "slides.toml:7: there is no chapter four.md; is it [[to-come]]?",
        ),
        (
            "::it_hurts",
            "::it_does_not",
            "slides.toml:7: stage1-callbacks/tests/a.rs has no test it_does_not",
        ),
        (
            "a.rs::",
            "b.rs::",
            "slides.toml:7: there is no file stage1-callbacks/tests/b.rs; \
             stage1-callbacks/tests has: a.rs",
        ),
        ("verdict = \"open\"", "verdict = \"\"", "slides.toml:16: it has no verdict"),
    ] {
        let fixture = talk();
        fixture.write("book/slides.toml", &TALK.replacen(right, wrong, 1));
        let problems = fixture.problems();
        assert!(problems.contains(&said.to_owned()), "{said}: {problems:#?}");
    }
}

#[test]
fn a_talk_that_makes_no_sense_is_named_with_its_line() {
    let fixture = talk();
    fixture.write("book/slides.toml", "[[line]]\nsays = \"a\"\nchaptre = \"b\"\n");
    let problems = fixture.problems();
    assert!(
        problems.iter().any(|it| it.starts_with("slides.toml:3: unknown field")),
        "{problems:#?}"
    );
}

/// A part about stages 2 and 3, whose chapters are both finished, or one of them.
fn part(finished: &str) -> Fixture {
    let fixture = Fixture::new();
    let lists = format!(
        "finished = [{finished}]\n\n[[preprocessor.lineage.parts]]\ntitle = \"Pauses\"\n\
         stages = [\"stage2-generators\", \"stage3-yield-from\"]\n\
         chapters = [\"one.md\", \"two.md\"]\n"
    );
    let before = "before = [\"links\", \"index\"]\n";
    let config =
        std::fs::read_to_string(fixture.book().join("book.toml")).expect("it is there");
    fixture.write("book/book.toml", &config.replace(before, &format!("{before}{lists}")));
    fixture.write("stage2-generators/src/extras/more.rs", "fn more() {}\n");
    fixture
}

const BOTH: &str = "\"one.md\", \"two.md\"";

#[test]
fn what_no_finished_chapter_shows_is_named() {
    let fixture = part(BOTH);
    fixture
        .append("book/chapters/two.md", "{{#item stage2-generators/src/time.rs now}}\n");
    assert_eq!(
        fixture.problems(),
        [
            "stage2-generators/src/time.rs:3: no finished chapter of part \"Pauses\" \
             shows fn sleep",
            "stage3-yield-from/src/time.rs:3: no finished chapter of part \"Pauses\" \
             shows fn nap",
        ]
    );
}

#[test]
fn what_a_diff_touches_is_shown_and_so_is_what_did_not_change() {
    let fixture = part(BOTH);
    fixture
        .append("book/chapters/one.md", "\n{{#item stage2-generators/src/time.rs *}}\n");
    let diff = "\n{{#diff stage2-generators stage3-yield-from src/time.rs}}\n";
    fixture.append("book/chapters/two.md", diff);
    assert_eq!(fixture.problems(), [""; 0]);
}

#[test]
fn a_part_is_held_to_it_when_all_of_its_chapters_are_finished() {
    assert_eq!(part("\"one.md\"").problems(), [""; 0]);
    assert_eq!(part(BOTH).problems().len(), 4);
}

#[test]
fn a_method_is_shown_with_its_impl_or_alone() {
    let fixture = part(BOTH);
    let source = "struct A;\n\nimpl A {\n    fn b() {}\n\n    fn c() {}\n}\n";
    fixture.write("stage2-generators/src/time.rs", source);
    fixture.write("stage3-yield-from/src/time.rs", source);
    let items = "{{#item stage2-generators/src/time.rs A}}\n\
                 {{#item stage2-generators/src/time.rs A::c}}\n";
    fixture.append("book/chapters/two.md", items);
    let said = "src/time.rs:4: no finished chapter of part \"Pauses\" shows A::b";
    assert_eq!(
        fixture.problems(),
        [format!("stage2-generators/{said}"), format!("stage3-yield-from/{said}")]
    );
    fixture.append(
        "book/chapters/two.md",
        "{{#item stage2-generators/src/time.rs impl A}}\n",
    );
    assert_eq!(fixture.problems(), [""; 0]);
}

#[test]
fn a_chapter_that_is_finished_is_not_to_come() {
    let fixture = part("\"one.md\"");
    let talk = "[[to-come]]\nchapter = \"one.md\"\ntitle = \"a\"\n";
    fixture.write("book/slides.toml", talk);
    let said = ["slides.toml: one.md is not to come: it is finished"];
    assert_eq!(fixture.problems(), said);
}

#[test]
fn a_chapter_that_is_in_no_summary_is_named() {
    let fixture = Fixture::new();
    fixture.write("book/chapters/three.md", "# Three\n");
    assert_eq!(fixture.problems(), ["three.md: it is not in SUMMARY.md"]);
}

#[test]
fn a_chapter_on_a_list_that_is_in_no_summary_is_named() {
    let said = "book.toml: thre.md is not in SUMMARY.md".to_owned();
    assert!(part("\"thre.md\"").problems().contains(&said));
}
