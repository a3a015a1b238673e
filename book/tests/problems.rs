//! Whatever is missing or misspelt is named with its chapter and line.

mod support;

use lineage::invocation::to_type;
use support::{Fixture, PROGRAM};

/// What is said about a first chapter that has this in its third line.
#[track_caller]
fn assert_said(text: &str, said: &str) {
    assert_eq!(Fixture::saying(text).problems(), [format!("one.md:3: {said}")]);
}

#[test]
fn a_missing_file_is_named_and_what_is_there_instead() {
    assert_said(
        "{{#item stage4-async-await/examples/countdwn.rs count}}",
        "there is no file stage4-async-await/examples/countdwn.rs; \
         stage4-async-await/examples has: countdown.rs",
    );
    assert_said(
        "{{#item ../x.rs a}}",
        "../x.rs is no path from the root: no `..`, no `/` first",
    );
    assert_said("{{#item nowhere/x.rs a}}", "there is no file nowhere/x.rs");
}

#[test]
fn a_misspelt_item_is_answered_with_the_names_there_are() {
    assert_said(
        &format!("{{{{#item {PROGRAM} cuont}}}}"),
        "stage4-async-await/examples/countdown.rs has no item cuont; it has: fn count, \
         struct Slot, impl Slot<T>, Slot::take, impl Drop for Slot<T>, \
         <Slot<T> as Drop>::drop, thread_local!, mod tests, fn tests::works",
    );
}

#[test]
fn an_item_that_is_there_twice_is_no_item() {
    let fixture = Fixture::saying("{{#item stage4-async-await/src/a.rs A::new}}");
    let source =
        "struct A;\nimpl A {\n    fn new() {}\n}\nimpl New for A {\n    fn new() {}\n}\n";
    fixture.write("stage4-async-await/src/a.rs", source);
    let said = "one.md:3: stage4-async-await/src/a.rs has more than one A::new: \
                A::new (line 3), <A as New>::new (line 6)";
    assert_eq!(fixture.problems(), [said]);
}

#[test]
fn a_source_that_is_no_rust_is_named_with_its_line() {
    let fixture = Fixture::saying("{{#item stage4-async-await/src/a.rs A}}");
    fixture.write("stage4-async-await/src/a.rs", "struct A;\nfn {\n");
    let problems = fixture.problems();
    assert!(
        problems[0].starts_with("one.md:3: stage4-async-await/src/a.rs:2: "),
        "{problems:?}"
    );
}

#[test]
fn an_unknown_directive_is_answered_with_those_there_are() {
    assert_said(
        "{{#itme a b}}",
        "there is no directive #itme; there are: item, diff, grow, rest, rosetta, run, trace, \
         chart, curves, claims, figure, measure, quiz, guess, guessed, python, cycle, map, slides, behaviours, exercise",
    );
    assert_said(
        "{{#include one.md}}",
        "there is no directive #include; there are: item, diff, grow, rest, rosetta, run, trace, \
         chart, curves, claims, figure, measure, quiz, guess, guessed, python, cycle, map, slides, behaviours, exercise",
    );
}

#[test]
fn a_directive_with_wrong_arguments_is_told_how_it_is_written() {
    assert_said("{{#item a.rs}}", "write it as {{#item FILE ITEM}}");
    assert_said("{{#diff a b}}", "write it as {{#diff STAGE STAGE FILE}}");
    assert_said(
        "{{#rosetta countdown count}}",
        "write it as {{#rosetta PROGRAM ITEM STYLE STYLE ...}}",
    );
    assert_said("{{#trace countdown}}", "write it as {{#trace PROGRAM STYLE [STYLE]}}");
    assert_said("{{#map}}", "write it as {{#map BOX ...}}");
    assert_said("{{#slides all}}", "write it as {{#slides}}");
}

#[test]
fn a_directive_is_known_by_its_braces() {
    let blank = "a directive begins with {{#, without a blank";
    assert_said("{{ #map os}}", blank);
    assert_said("{{ #include one.md}}", blank);
    assert_said("{{\n#include one.md}}", blank);
    assert_said("{{map os}}", "{{map os}} was not expanded");
    assert_said("{#map os}", "{#map os} was not expanded");
    let fine = Fixture::saying("`{{map os}}` and `\\{{#map os}}`\n\n## Here {#there}\n");
    assert_eq!(fine.problems(), [""; 0]);
}

#[test]
fn a_directive_stands_alone_and_outside_of_code() {
    let alone = "{{#map os}} has to be alone on its line, without a blank before";
    assert_said("See {{#map os}}", alone);
    assert_said(" {{#map os}}", alone);
    assert_said("{{#map os}} and", alone);
    assert_said("{{#map os\n}}", "the directive has no }} on its line");
    let paragraph = "{{#map os}} stands in a paragraph: leave a blank line around it";
    assert_said("{{#map os}}\nand *more*", paragraph);
    let below = Fixture::saying("See this:\n{{#map os}}\n{{#map os}}").problems();
    assert_eq!(below, [format!("one.md:4: {paragraph}")]);
    assert_said(
        "`{{#map os}}`",
        "{{#map os}} stands in code; write \\{{#map os}} to show it as it is",
    );
}

#[test]
fn a_fence_by_hand_is_text_or_console() {
    let item = "show it with {{#item FILE ITEM}}";
    assert_said("```rust\nfn a() {}\n```\n", &format!("a rust fence by hand: {item}"));
    assert_said("~~~rs,ignore\nfn a() {}\n~~~\n", &format!("a rs fence by hand: {item}"));
    assert_said(
        "```text,rust\nfn a() {}\n```\n",
        "a text,rust fence by hand: only ```text and ```console are typed by hand",
    );
    assert_said("> ```Rust\n> a\n> ```\n", &format!("a Rust fence by hand: {item}"));
    let python = "show it with {{#python FILE [FUNCTION]}}";
    assert_said("```python\na\n```\n", &format!("a python fence by hand: {python}"));
    let bare = "a bare fence by hand: say ```text or ```console";
    assert_said("```\nfn a() {}\n```\n", bare);
    assert_said("    fn a() {}\n", "code by indentation: show it with a directive");
    assert_said(
        "<pre>fn</pre>\n",
        "a <pre> by hand: code comes by directive, text in a fence",
    );
    assert_said(
        "A <b><PRE>fn</PRE></b>\n",
        "a <pre> by hand: code comes by directive, text in a fence",
    );
    let fine = Fixture::saying("```text\na\n```\n\n```console\n$ b\n```\n");
    assert!(fine.problems().is_empty());
}

#[test]
fn a_misspelt_stage_style_or_box_is_answered_with_those_there_are() {
    let stages = "there is no stage stage9; there are: stage0-waiting, stage1-callbacks, \
                  interlude-greenlets, stage2-generators, stage3-yield-from, \
                  stage4-async-await, stage5-asyncio";
    assert_said("{{#diff stage9 stage3-yield-from src/time.rs}}", stages);
    assert_said(
        "{{#map os kernel}}",
        "the map has no box kernel; it has: task, loop, reactor, os",
    );
    let problems = Fixture::saying("{{#rosetta countdown count fibres}}").problems();
    assert!(
        problems[0]
            .starts_with("one.md:3: there is no style fibres; there are: blocking")
    );
}

#[test]
fn a_rosetta_pane_names_all_that_it_lacks() {
    assert_said(
        "{{#rosetta countdown Slot callbacks deferreds async-await}}",
        "stage1-callbacks/examples/callbacks/countdown.rs has no item Slot; it has: \
         fn count; there is no file stage1-callbacks/examples/deferreds/countdown.rs",
    );
}

#[test]
fn a_diff_of_what_is_the_same_shows_nothing() {
    let fixture = Fixture::saying("{{#diff stage2-generators stage3-yield-from time}}");
    fixture.write("stage3-yield-from/src/time.rs", "fn now() {}\n\nfn sleep() {}\n");
    let said = "one.md:3: stage2-generators/src/time.rs and stage3-yield-from/src/time.rs \
                are the same, byte for byte";
    assert_eq!(fixture.problems(), [said]);
}

#[test]
fn a_run_needs_a_snapshot_with_a_command() {
    assert_said("{{#run hello}}", "there is no file snapshots/hello.txt");
    let fixture = Fixture::saying("{{#run hello}}");
    fixture.write("book/snapshots/hello.txt", "hello\n");
    let said = "one.md:3: snapshots/hello.txt has to begin with its command: $ lineage …";
    assert_eq!(fixture.problems(), [said]);
}

#[test]
fn a_trace_needs_a_recording_that_fits() {
    assert_said(
        "{{#trace countdown async-await}}",
        &format!(
            "there is no file traces/countdown.async-await.json; record it with: {}",
            to_type("book record countdown async-await")
        ),
    );
    let fixture = Fixture::saying("{{#trace countdown async-await}}");
    let trace = |style: &str, version: u32, line: u32| {
        format!(
            "{{\"version\":{version},\"program\":\"countdown\",\"style\":\"{style}\",\
             \"clock\":\"virtual\",\"seed\":null,\"files\":[\"{PROGRAM}\"],\"subjects\":[],\
             \"events\":[{{\"at\":0,\"what\":\"turn-ended\",\"file\":0,\"line\":{line}}}]}}"
        )
    };
    for (trace, said) in [
        (trace("callbacks", 1, 1), "is of countdown callbacks"),
        (trace("async-await", 9, 1), "has version 9, and this reads 1"),
        (trace("async-await", 1, 999), "is older than its sources"),
        ("{".to_owned(), "EOF"),
    ] {
        fixture.write("book/traces/countdown.async-await.json", &trace);
        let problems = fixture.problems();
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
}

#[test]
fn a_number_needs_a_measurement() {
    assert_said("{{#measure cost.call}}", "there is no file benches/results/cost.json");
    assert_said("{{#measure cost}}", "the key cost is not of the form NAME.ROW");
    let fixture = Fixture::new();
    let results = |row: &str| {
        format!(
            "{{\"version\":1,\"name\":\"cost\",\"command\":\"c\",\"machine\":{{\"cpu\":\"\",\
             \"os\":\"\",\"rustc\":\"\"}},\"date\":\"\",\"rows\":[{row}]}}"
        )
    };
    let row = |id: &str, unit: &str, low: u8| {
        format!(
            "{{\"id\":\"{id}\",\"label\":\"\",\"unit\":\"{unit}\",\"median\":2,\
             \"low\":{low},\"high\":3,\"samples\":1}}"
        )
    };
    let two = format!("{},{}", row("a", "ns", 1), row("b", "KiB", 1));
    for (text, rows, said) in [
        (
            "{{#measure cost.c}}",
            two.clone(),
            "cost has no row c; nearest to it are: a, b",
        ),
        ("{{#measure cost.a / cost.b}}", two.clone(), "ns and KiB do not compare"),
        ("{{#chart cost}}", two, "cost has rows in ns and in KiB: one chart, one unit"),
        ("{{#chart cost}}", row("a", "ns", 3), "row a: 0 ≤ low ≤ median ≤ high, please"),
        ("{{#chart cost}}", String::new(), "cost has no rows"),
    ] {
        fixture.write("book/chapters/one.md", &format!("# One\n\n{text}"));
        fixture.write("benches/results/cost.json", &results(&rows));
        let problems = fixture.problems();
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
}

#[test]
fn a_quiz_is_held_to_its_form() {
    assert_said("{{#quiz who}}", "there is no file quizzes/who.toml");
    let fixture = Fixture::saying("{{#quiz who}}");
    let answer = |rest: &str| format!("[[question.answer]]\ntext = \"a\"\n{rest}\n");
    let right = answer("correct = true\nwhy = \"b\"");
    let wrong = answer("why = \"b\"");
    let ask = "[[question]]\nask = \"What?\"\n";
    for (quiz, said) in [
        ("[[question]]\nask = 1\n".to_owned(), "quizzes/who.toml:2: invalid type"),
        (format!("{ask}{right}"), "question 1: it has fewer than two answers"),
        (format!("{ask}{wrong}{wrong}"), "one answer has to be correct, and only one"),
        (format!("{ask}{right}{right}"), "one answer has to be correct, and only one"),
        (format!("{ask}{right}{}", answer("why = \" \"")), "an answer does not say why"),
        (format!("{ask}{right}{}", answer("")), "missing field `why`"),
        (
            format!("[[question]]\nask = \"Which is not so?\"\n{right}{wrong}"),
            "which is not",
        ),
        (format!("{ask}item = \"x.rs y\"\n{right}{wrong}"), "there is no file x.rs"),
        (ask.to_owned(), "it has no answer: no answer, order, prints, count or line"),
        (format!("{ask}prints = \"a\"\n{right}{wrong}"), "it is of two forms at once"),
        (format!("{ask}why = \"b\"\norder = [\"c\", \"d\"]"), "are no order"),
        (format!("{ask}order = [\"c\", \"d\", \"e\"]"), "it does not say why"),
        (format!("{ask}why = \"b\"\nprints = \"c\""), "no file snapshots/c.txt"),
        (format!("{ask}why = \"b\"\ncount = \"c\""), "count is \"PROGRAM STYLE WHAT\""),
        (format!("{ask}why = \"b\"\nline = \"c\""), "a line needs an item"),
        (
            format!("{ask}why = \"b\"\nitem = \"{PROGRAM} count\"\nline = \"c\""),
            "0 lines of the item are `c`, and one has to be",
        ),
    ] {
        fixture.write("book/quizzes/who.toml", &quiz);
        let problems = fixture.problems();
        assert!(problems[0].starts_with("one.md:3: "), "{problems:?}");
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
}

/// A quiz whose `correct` is misspelt would call the right answer wrong, and of one whose `why` is,
/// the reader would never hear it.
#[test]
fn a_misspelt_word_of_a_quiz_is_named_with_its_line() {
    let fixture = Fixture::saying("{{#quiz who}}");
    for (quiz, line, word) in [
        ("titel = \"a\"\n", 1, "titel"),
        ("[[question]]\nask = \"What?\"\nordre = [\"a\"]\n", 3, "ordre"),
        (
            "[[question]]\nask = \"What?\"\n[[question.answer]]\ntext = \"a\"\n\
             corect = true\nwhy = \"b\"\n",
            5,
            "corect",
        ),
    ] {
        fixture.write("book/quizzes/who.toml", quiz);
        let problems = fixture.problems();
        let said = format!(
            "one.md:3: quizzes/who.toml:{line}: unknown field `{word}`, expected"
        );
        assert!(problems[0].starts_with(&said), "{said}: {problems:?}");
    }
}

/// Or whoever writes ten questions builds the book ten times.
#[test]
fn all_questions_that_are_wrong_are_named_at_once() {
    let good =
        "[[question]]\nask = \"What?\"\norder = [\"a\", \"b\", \"c\"]\nwhy = \"d\"\n";
    let quiz = [" ", "What?", "Which is not?"].map(|ask| good.replace("What?", ask));
    let fixture = Fixture::saying("{{#quiz who}}");
    fixture.write("book/quizzes/who.toml", &quiz.concat());
    let said = "one.md:3: quizzes/who.toml: question 1: it asks nothing; \
                quizzes/who.toml: question 3: “which is not” asks for attention, not for \
                understanding";
    assert_eq!(fixture.problems(), [said]);
}

/// Code by hand is not held to the sources, and a reader would learn what is no longer there.
#[test]
fn no_text_of_a_question_has_code_by_hand() {
    let fixture = Fixture::saying("{{#quiz who}}");
    let choice = "[[question]]\nask = \"ASK\"\n\
                  [[question.answer]]\ntext = \"TEXT\"\ncorrect = true\nwhy = \"a\"\n\
                  [[question.answer]]\ntext = \"b\"\nwhy = \"NOT\"\n";
    let order =
        "[[question]]\nask = \"a\"\norder = [\"b\", \"c\", \"LAST\"]\nwhy = \"SO\"\n";
    for (quiz, place) in [
        (choice, "ASK"),
        (choice, "TEXT"),
        (choice, "NOT"),
        (order, "LAST"),
        (order, "SO"),
    ] {
        for fence in ["```", "~~~"] {
            let code = format!("so:\\n{fence}rust\\nrun()\\n{fence}");
            fixture.write("book/quizzes/who.toml", &quiz.replace(place, &code));
            let said = "one.md:3: quizzes/who.toml: question 1: a fence by hand: name an item \
                        instead";
            assert_eq!(fixture.problems(), [said], "{place}");
        }
        fixture.write("book/quizzes/who.toml", quiz);
        assert_eq!(fixture.problems(), [""; 0], "{place}");
    }
}

/// An answer alone is not understood: each form that says it once has to, and blanks say nothing.
#[test]
fn every_form_of_a_question_says_why() {
    let fixture = Fixture::saying("{{#quiz who}}");
    fixture.write("book/snapshots/hello.txt", "$ lineage list\none\n");
    fixture.recorded(&["turn-began", "turn-ended"]);
    let line = format!("item = \"{PROGRAM} Slot::take\"\nline = \"self.0\"");
    for form in [
        "order = [\"a\", \"b\", \"c\"]",
        "prints = \"hello\"",
        "count = \"countdown async-await turn-ended\"",
        &line,
    ] {
        for (why, said) in [
            ("", &["one.md:3: quizzes/who.toml: question 1: it does not say why"][..]),
            (
                "why = \" \\n\"",
                &["one.md:3: quizzes/who.toml: question 1: it does not say why"],
            ),
            ("why = \"So.\"", &[]),
        ] {
            let quiz = format!("[[question]]\nask = \"What?\"\n{form}\n{why}\n");
            fixture.write("book/quizzes/who.toml", &quiz);
            assert_eq!(fixture.problems(), said, "{form}: {why:?}");
        }
    }
}

/// Whichever two they are: one of them would not be asked, and nobody would hear of it.
#[test]
fn no_question_is_of_two_forms() {
    let fixture = Fixture::saying("{{#quiz who}}");
    let forms = [
        "order = [\"a\", \"b\", \"c\"]\n",
        "prints = \"a\"\n",
        "count = \"a b c\"\n",
        "line = \"a\"\n",
        "[[question.answer]]\ntext = \"a\"\nwhy = \"b\"\n",
    ];
    for (n, one) in forms.iter().enumerate() {
        for other in &forms[n + 1..] {
            let quiz =
                format!("[[question]]\nask = \"What?\"\nwhy = \"b\"\n{one}{other}");
            fixture.write("book/quizzes/who.toml", &quiz);
            let said = "one.md:3: quizzes/who.toml: question 1: it is of two forms at once: \
                        ask two questions";
            assert_eq!(fixture.problems(), [said], "{quiz}");
        }
    }
}

/// What a machine answers has one answer, and the same each time; or whoever is right is told that
/// they are wrong.
#[test]
fn a_question_for_a_machine_has_one_answer() {
    let fixture = Fixture::saying("{{#quiz who}}");
    let times = "$ lineage list  # numbers differ\n0.1 s\n";
    fixture.write("book/snapshots/times.txt", times);
    fixture.recorded(&["turn-began", "turn-ended"]);
    fixture.write("stage4-async-await/src/a.rs", "fn a() {\n    go();\n    go();\n}\n");
    for (form, said) in [
        ("prints = \"times\"", "times prints other numbers each time"),
        (
            "count = \"countdown async-await turn-ended so\"",
            "count is \"PROGRAM STYLE WHAT\"",
        ),
        ("count = \"countdown async-await\"", "count is \"PROGRAM STYLE WHAT\""),
        (
            "count = \"countdown async-await wokne\"",
            "nothing is called wokne in countdown async-await",
        ),
        (
            "item = \"stage4-async-await/src/a.rs a\"\nline = \"go();\"",
            "2 lines of the item are `go();`, and one has to be",
        ),
        ("item = \"a\"\nline = \"go();\"", "a question's item is \"FILE ITEM\""),
    ] {
        let quiz = format!("[[question]]\nask = \"What?\"\n{form}\nwhy = \"So.\"\n");
        fixture.write("book/quizzes/who.toml", &quiz);
        let said = format!("one.md:3: quizzes/who.toml: question 1: {said}");
        assert_eq!(fixture.problems(), [said], "{form}");
    }
}

#[test]
fn python_needs_a_file_of_python_and_a_function_of_it() {
    assert_said(
        "{{#python src/a.rs}}",
        "src/a.rs is no Python file; write python/NAME.py",
    );
    assert_said(
        "{{#python python/wait.py wiat}}",
        "python/wait.py has no function wiat; it has: wait, Task, Task.step",
    );
}

#[test]
fn all_problems_are_listed_in_the_order_of_the_chapters() {
    let fixture = Fixture::saying("{{#map a}}\n\n{{#map b}}\n");
    fixture.append("book/chapters/two.md", "[x](nowhere.md)\n\n```rust\n```\n");
    let problems = fixture.problems();
    let place = |it: &String| it.splitn(3, ':').take(2).collect::<Vec<_>>().join(":");
    let places: Vec<_> = problems.iter().map(place).collect();
    assert_eq!(places, ["one.md:3", "one.md:5", "two.md:2", "two.md:4"]);
}

#[test]
fn a_problem_is_seen_on_the_page_as_well() {
    let fixture = Fixture::saying("{{#map a}}\n");
    fixture.build();
    let page = std::fs::read_to_string(fixture.root().join("pages/one.html")).unwrap();
    assert!(page.contains("<strong class=\"problem\"><code>the map has no box a;"));
}

#[test]
fn what_mdbook_only_warns_of_is_a_problem() {
    let problems = Fixture::saying("<div>\n\nnever closed\n").problems();
    assert_eq!(problems, ["one.md:3: unclosed HTML tag `<div>` found in `one.md`"]);
}

#[test]
fn a_chapter_that_is_listed_and_missing_is_named_with_its_line() {
    let fixture = Fixture::new();
    let summary = "# Summary\n\n- [One](one.md)\n- [Tow](tow.md)\n- [To come]()\n- [Three](three.md)\n";
    fixture.write("book/chapters/SUMMARY.md", summary);
    let error = book::build::build(&fixture.book(), None).unwrap_err();
    let said = "SUMMARY.md:4: there is no chapter tow.md\n\
                SUMMARY.md:6: there is no chapter three.md";
    assert_eq!(error.to_string(), said);
}

#[test]
fn a_guess_is_answered_and_not_inside_another() {
    for (text, said) in [
        ("{{#guess}}\n\nSo.\n", "one.md:3: the guess is never answered"),
        ("So.\n\n{{#guessed}}\n", "one.md:5: nothing to guess is open here"),
        (
            "{{#guess}}\n\n{{#guess}}\n\n{{#guessed}}\n",
            "one.md:5: the guess of line 3 is open",
        ),
    ] {
        let problems = Fixture::saying(text).problems();
        assert!(problems[0].starts_with(said), "{said}: {problems:?}");
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn a_program_grows_by_what_fits_a_screen() {
    let fixture = Fixture::saying("{{#grow steps/a.rs steps/b.rs}}\n");
    let lines = |many: usize| "step();\n".repeat(many);
    for (first, then, said) in [
        (26, 27, "steps/a.rs begins with 26 lines; 25 are enough"),
        (3, 44, "steps/a.rs to steps/b.rs changes 41 lines, and a screen has 40"),
        (3, 3, "steps/a.rs and steps/b.rs are the same"),
    ] {
        fixture.write("steps/a.rs", &lines(first));
        fixture.write("steps/b.rs", &lines(then));
        let problems = fixture.problems();
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
}

#[test]
fn there_is_no_rest_where_the_chapters_show_all() {
    let fixture = Fixture::saying(&format!("{{{{#item {PROGRAM} *}}}}\n"));
    fixture.append("book/chapters/two.md", &format!("\n{{{{#rest {PROGRAM}}}}}\n"));
    let problems = fixture.problems();
    assert!(problems[0].contains("the chapters show all of"), "{problems:?}");
}

#[test]
fn a_figure_is_held_to_its_grid() {
    let fixture = Fixture::saying("{{#figure two}}\n");
    let head = "title = \"a\"\nwords = \"b\"\ncolumns = 2\n";
    let boxed = |at: &str, text: &str| {
        format!("[[box]]\nname = \"one\"\nat = {at}\ntext = \"{text}\"\n")
    };
    for (figure, said) in [
        (head.to_owned(), "figures/two.toml: a picture of nothing"),
        (head.replace("\"b\"", "\"\""), "words for whoever does not see it"),
        (format!("{head}{}", boxed("[2, 0]", "a")), "stands beside the picture"),
        (
            format!("{head}{}", boxed("[0, 0]", &"a".repeat(30))),
            "is too long for its box",
        ),
        (format!("{head}{}", boxed("[0, 0]", "a\\nb\\nc\\nd")), "has too many lines"),
        (
            format!(
                "{head}{}[[arrow]]\nfrom = \"one\"\nto = \"two\"",
                boxed("[0, 0]", "a")
            ),
            "an arrow from one to two: there is no box two",
        ),
        (format!("{head}states = \"a.rs A\""), "there is no file a.rs"),
        (format!("{head}kolumns = 3"), "figures/two.toml:4: unknown field"),
    ] {
        fixture.write("book/figures/two.toml", &figure);
        let problems = fixture.problems();
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
}

#[test]
fn the_cycle_names_functions_that_are_there() {
    let fixture = Fixture::saying("{{#cycle stage4-async-await park}}\n");
    let arrows = |park: &str| {
        format!(
            "[stage4-async-await]\nspawn = \"a.rs spawn\"\nresume = \"a.rs step\"\n\
             wake = \"a.rs wake\"\nend = \"a.rs end\"\n{park}"
        )
    };
    let source =
        "fn spawn() {}\nfn step() {}\nfn wake() {}\nfn end() {}\nfn retry() {}\n";
    fixture.write("stage4-async-await/src/a.rs", source);
    for (park, said) in [
        ("", "cycle.toml: stage4-async-await lacks park"),
        ("park = \"a.rs rtery\"\n", "stage4-async-await/src/a.rs has no item rtery"),
    ] {
        fixture.write("book/cycle.toml", &arrows(park));
        let problems = fixture.problems();
        assert!(problems[0].contains(said), "{said}: {problems:?}");
    }
    fixture.write("book/cycle.toml", &arrows("park = \"a.rs retry\"\n"));
    let page = fixture.page();
    assert!(page.contains("<b>park</b> is <code>retry</code> in a.rs"), "{page}");
    // What a stage has from another.
    fixture.write("stage9/src/b.rs", "fn sleep() {}");
    fixture.write("book/cycle.toml", &arrows("park = \"stage9/src/b.rs sleep\"\n"));
    let page = fixture.page();
    assert!(page.contains("<code>sleep</code> in stage9/src/b.rs"), "{page}");
    fixture
        .write("book/chapters/one.md", "# One\n\n{{#cycle stage4-async-await spark}}\n");
    let problems = fixture.problems();
    assert!(problems[0].contains("the cycle has no arrow spark"), "{problems:?}");
    fixture.write("book/chapters/one.md", "# One\n\n{{#cycle stage9 park}}\n");
    let problems = fixture.problems();
    assert!(problems[0].contains("cycle.toml has no stage stage9"), "{problems:?}");
}
