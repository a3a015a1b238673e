//! What each directive becomes on a page.

mod support;

use support::{Fixture, PROGRAM, assert_in_order};

fn page(text: &str) -> String {
    Fixture::saying(text).page()
}

fn item(name: &str) -> String {
    page(&format!("{{{{#item {PROGRAM} {name}}}}}\n"))
}

#[test]
fn an_item_comes_with_its_documentation_and_says_where_it_is() {
    assert_in_order(
        &item("count"),
        &[
            "<figure class=\"listing\">",
            "<figcaption><code>stage4-async-await/examples/countdown.rs</code>, lines 3–11",
            "<pre><code class=\"language-rust ignore\">/// Counts down.",
            "/// # Panics",
            "/// ```\n/// count();\n/// ```\n#[inline]\npub fn count() {}</code>",
            "</figure>",
        ],
    );
}

#[test]
fn an_item_has_several_names() {
    for (name, line) in [
        ("fn count", "lines 3–11"),
        ("Slot", "line 13"),
        ("struct Slot", "line 13"),
        ("Slot::take", "lines 16–19"),
        ("impl Slot", "lines 15–20"),
        ("impl Slot<T>", "lines 15–20"),
        ("impl Drop for Slot", "lines 22–26"),
        ("<Slot as Drop>::drop", "lines 23–25"),
        ("thread_local!", "lines 28–30"),
        ("tests::works", "line 34"),
        ("*", "lines 1–35"),
    ] {
        assert_in_order(&item(name), &[line]);
    }
}

#[test]
fn a_method_moves_to_the_margin() {
    assert_in_order(
        &item("Slot::take"),
        &[">/// Its value.\nfn take(self) -&gt; T {\n    "],
    );
}

#[test]
fn a_diff_shows_what_a_stage_changes() {
    let page = page("{{#diff stage2-generators stage3-yield-from src/time.rs}}\n");
    assert_in_order(
        &page,
        &[
            "<figure class=\"diff\">",
            "stage2-generators/src/time.rs</code> → <code>stage3-yield-from/src/time.rs",
            "language-diff",
            " fn now() {}\n \n-fn sleep() {}\n+fn nap() {}",
        ],
    );
}

#[test]
fn a_file_that_is_gone_is_said_to_be() {
    let fixture =
        Fixture::saying("{{#diff stage1-callbacks interlude-greenlets deferred.rs}}\n");
    fixture.write("stage1-callbacks/src/deferred.rs", "struct Deferred;\n");
    assert_in_order(
        &fixture.page(),
        &["<code>stage1-callbacks/src/deferred.rs</code> is gone", "-struct Deferred;"],
    );
}

#[test]
fn a_rosetta_pane_has_a_section_for_each_style() {
    let page = page("{{#rosetta countdown count callbacks async-await}}\n");
    assert_in_order(
        &page,
        &[
            "<div class=\"rosetta\" data-program=\"countdown\">",
            "<section data-style=\"callbacks\">",
            "<h4>callbacks</h4>",
            "later(|| {});",
            "</section>",
            "<section data-style=\"async-await\">",
            "pub fn count() {}",
            "</section>",
            "</div>",
        ],
    );
}

#[test]
fn a_run_looks_like_a_terminal_and_keeps_its_remark_to_itself() {
    let fixture = Fixture::saying("{{#run countdown}}\n");
    let snapshot = "$ lineage run countdown  # numbers differ\na 2\n\n0.20 s\n";
    fixture.write("book/snapshots/countdown.txt", snapshot);
    let page = fixture.page();
    assert_in_order(
        &page,
        &["language-console", "$ lineage run countdown\na 2\n\n0.20 s"],
    );
    assert!(!page.contains("numbers differ"));
}

const TRACE: &str = r#"{"version":1,"program":"countdown","style":"async-await",
"clock":"virtual","seed":null,"files":["stage4-async-await/examples/countdown.rs"],
"subjects":[{"id":1,"kind":"task","name":"count","parent":0,"file":0,"line":11}],
"events":[{"at":0,"what":"created","subject":1,"by":{"kind":"loop"},"file":0,"line":11},
{"at":0,"what":"turn-began","turn":1},{"at":0,"what":"resumed","subject":1},
{"at":0,"what":"timer-set","subject":1,"on":{"kind":"timer","id":1},"due":1500},
{"at":0,"what":"suspended","subject":1,"on":{"kind":"timer","id":1},"depth":2},
{"at":0,"what":"turn-ended","ready":0},
{"at":1500,"what":"timer-fired","subject":1,"on":{"kind":"timer","id":1}},
{"at":1500,"what":"woken","subject":1,"by":{"kind":"timer","id":1}}]}"#;

#[test]
fn a_trace_is_a_table_in_words_and_data_for_the_player() {
    let fixture = Fixture::saying("{{#trace countdown async-await}}\n");
    fixture.write("book/traces/countdown.async-await.json", TRACE);
    fixture.append(PROGRAM, "// </script><script>\n");
    let page = fixture.page();
    assert_in_order(
        &page,
        &[
            "<figure class=\"trace\" id=\"trace-countdown-async-await\" \
         data-program=\"countdown\" data-style=\"async-await\" data-steps=\"8\">",
            "8 steps, recorded by a virtual clock",
            "<td>1</td><td>0 ms</td><td>task 1 (count) is created by the loop</td>\
         <td><code>countdown<wbr>.rs:11</code></td>",
            "turn 1 begins",
            "timer 1 is set, due at 1.5 ms, for task 1 (count)",
            "task 1 (count) waits for timer 1, 2 calls deep",
            "turn 1 ends",
            "<td>8</td><td>1.5 ms</td><td>task 1 (count) is woken by timer 1</td>",
            "</table>",
            "<script type=\"application/json\" class=\"trace-data\">{\"version\":1,",
            "\"sources\":{\"0\":[\"//! Counts.\",\"\",",
            "\\u003c/script>",
            "</script>",
            "</figure>",
        ],
    );
    assert_eq!(page.matches("<script").count(), 1);
}

#[test]
fn two_traces_stand_together() {
    let fixture = Fixture::saying("{{#trace countdown async-await callbacks}}\n");
    fixture.write("book/traces/countdown.async-await.json", TRACE);
    let other = TRACE.replace("async-await\",\n", "callbacks\",\n");
    fixture.write("book/traces/countdown.callbacks.json", &other);
    assert_in_order(
        &fixture.page(),
        &[
            "<div class=\"trace-pair\">",
            "id=\"trace-countdown-async-await\"",
            "</figure>",
            "id=\"trace-countdown-callbacks\"",
            "</figure>",
            "</div>",
        ],
    );
}

/// What both name stands on the page once, with whichever comes first.
#[test]
fn two_traces_send_the_text_of_a_file_once() {
    let fixture = Fixture::saying("{{#trace countdown async-await callbacks}}\n");
    fixture.write("book/traces/countdown.async-await.json", TRACE);
    let other = TRACE.replace("async-await\",\n", "callbacks\",\n");
    fixture.write("book/traces/countdown.callbacks.json", &other);
    assert_in_order(
        &fixture.page(),
        &["\"sources\":{\"0\":[\"//! Counts.", "\"sources\":{}"],
    );
    assert_eq!(fixture.page().matches("//! Counts.").count(), 1);
}

const RESULTS: &str = r#"{"version":1,"name":"cost","command":"lineage cost",
"machine":{"cpu":"A <fast> one","os":"Linux","rustc":"rustc 1.95"},"date":"2026-01-02",
"rows":[
{"id":"call","label":"a call","unit":"ns","median":1.5,"low":1.25,"high":2,"samples":30},
{"id":"await","label":"an await","unit":"ns","median":3,"low":2.5,"high":4,"samples":30}]}"#;

#[test]
fn a_chart_has_a_bar_and_a_row_for_each_number() {
    let fixture = Fixture::saying("{{#chart cost}}\n");
    fixture.write("benches/results/cost.json", RESULTS);
    assert_in_order(
        &fixture.page(),
        &[
            "<figure class=\"chart\" id=\"chart-cost\">",
            "<svg",
            "a call: 1.5\u{a0}ns",
            "width=\"118.5\"",
            "an await: 3\u{a0}ns",
            "width=\"237.0\"",
            "<th scope=\"row\">an await</th>",
            "<td>2.5–4</td>",
            "<td>30</td>",
            "lineage cost, 2026-01-02, A &lt;fast&gt; one, Linux, rustc 1.95",
        ],
    );
}

#[test]
fn a_chart_can_be_of_one_question_and_grows_with_the_logarithm_if_it_has_to() {
    let row = |id: &str, median: u32| {
        format!(
            "{{\"id\":\"{id}\",\"label\":\"{id}\",\"unit\":\"ns\",\"median\":{median},\
             \"low\":{median},\"high\":{median},\"samples\":3}}"
        )
    };
    let rows = [row("call-a", 1), row("calls-b", 2), row("python-call-c", 1_000)];
    let begin = RESULTS.split("\"rows\"").next().expect("it is before the rows");
    let fixture = Fixture::saying("{{#chart cost.call}}\n");
    let json = format!("{begin}\"rows\":[{}]}}", rows.join(","));
    fixture.write("benches/results/cost.json", &json);
    let page = fixture.page();
    let expected = [
        "id=\"chart-cost-call\"",
        "call-a: 1",
        "width=\"79.0\"", // one of four powers of ten
        "python-call-c: 1,000",
        "width=\"316.0\"",
        "bars grow with the logarithm",
    ];
    assert_in_order(&page, &expected);
    assert!(!page.contains("calls-b"), "another question");
}

#[test]
fn a_measure_stands_in_its_sentence_with_its_interval() {
    let text =
        "An await takes {{#measure cost.await}}, {{#measure cost.await / cost.call}}.";
    let fixture = Fixture::saying(text);
    fixture.write("benches/results/cost.json", RESULTS);
    assert_in_order(
        &fixture.page(),
        &[
            "<p>An await takes <span class=\"measure\" title=\"30 samples; lineage cost",
            ">3\u{a0}ns (2.5–4)</span>, <span",
            ">2\u{a0}× (1.25–3.2)</span>.</p>",
        ],
    );
}

#[test]
fn a_quiz_explains_every_answer() {
    let fixture = Fixture::saying("{{#quiz who}}\n");
    let quiz = format!(
        "[[question]]\nask = \"Who `runs` it?\"\nitem = \"{PROGRAM} Slot\"\n\
         [[question.answer]]\ntext = \"The loop\"\ncorrect = true\nwhy = \"It *does*.\"\n\
         [[question.answer]]\ntext = \"Nobody\"\nwhy = \"Somebody does.\"\n"
    );
    fixture.write("book/quizzes/who.toml", &quiz);
    assert_in_order(
        &fixture.page(),
        &[
            "<section class=\"quiz\" id=\"quiz-who\">",
            "<li class=\"quiz-item\" data-form=\"choice\">",
            "<p>Who <code>runs</code>",
            "struct Slot",
            "<li data-correct=\"true\"><span class=\"answer\">The loop</span>",
            "<details><summary>",
            "<p class=\"why\"><b>Right.</b> It <em>does</em>.</p>",
            "<li data-correct=\"false\"><span class=\"answer\">Nobody</span>",
            "<b>Wrong.</b> Somebody does.",
        ],
    );
}

#[test]
fn python_comes_whole_or_by_function() {
    let file = page("{{#python python/wait.py}}\n");
    assert_in_order(&file, &["python/wait.py</code>, lines 1–10", "import time"]);
    let function = page("{{#python python/wait.py wait}}\n");
    assert_in_order(&function, &["lines 4–5", "language-python\">def wait():\n    time"]);
    assert!(!function.contains("import time"));
    let method = page("{{#python python/wait.py Task.step}}\n");
    assert_in_order(&method, &["lines 9–10", ">def step(self):\n    pass"]);
}

#[test]
fn the_map_lights_the_boxes_that_are_named() {
    assert_in_order(
        &page("{{#map loop os}}\n"),
        &[
            "<figure class=\"map\">",
            "<li><b>task</b>",
            "<li class=\"lit\"><b>loop</b>",
            "<li><b>reactor</b>",
            "<li class=\"lit\"><b>operating system</b>",
            "In this chapter: the loop and the operating system.",
        ],
    );
}

#[test]
fn a_backslash_shows_a_directive_as_it_is() {
    let page = page("Write `\\{{#item FILE ITEM}}` and `\\{{#title T}}`.\n");
    assert_in_order(&page, &["<code>{{#item FILE ITEM}}</code>", "{{#title T}}</code>"]);
}

#[test]
fn a_guess_folds_what_answers_it_and_markdown_goes_on_inside() {
    let page = page("Who?\n\n{{#guess}}\n\nThe *loop*.\n\n{{#guessed}}\n\nAnd so on.\n");
    assert_in_order(
        &page,
        &[
            "Who?",
            "<details class=\"guess\">",
            "<summary>I have guessed</summary>",
            "<p>The <em>loop</em>.</p>",
            "</details>",
            "And so on.",
        ],
    );
}

#[test]
fn a_program_grows_from_its_first_version() {
    let fixture = Fixture::saying("{{#grow steps/a.rs steps/b.rs}}\n");
    fixture.write("steps/a.rs", "//! First.\n\nfn main() {}\n");
    fixture.write("steps/b.rs", "//! Second.\n\nfn main() {\n    go();\n}\n");
    let page = fixture.page();
    assert_in_order(
        &page,
        &[
            "First: <code>steps/a.rs</code>",
            "fn main() {}",
            "Then: <code>steps/b.rs</code>",
        ],
    );
    assert_in_order(&page, &["-fn main() {}", "+fn main() {", "+    go();"]);
    assert!(!page.contains("//! First."), "its head is for those who open it: {page}");
}

/// And only what no chapter shows, wherever the appendix stands in the book.
#[test]
fn the_rest_of_a_file_is_what_no_chapter_shows() {
    let fixture = Fixture::saying(&format!("{{{{#rest {PROGRAM}}}}}\n"));
    fixture.append("book/chapters/two.md", &format!("\n{{{{#item {PROGRAM} count}}}}\n"));
    let page = fixture.page();
    assert_in_order(&page, &["struct Slot", "fn take", "fn drop"]);
    assert!(!page.contains("pub fn count"), "{page}");
}

#[test]
fn a_long_difference_is_folded() {
    let long = "fn step() {}\n".repeat(50);
    let directive = "{{#diff stage2-generators stage3-yield-from src/time.rs}}\n";
    let fixture = Fixture::saying(directive);
    assert!(!fixture.page().contains("<details"));
    fixture.append("stage3-yield-from/src/time.rs", &long);
    assert_in_order(
        &fixture.page(),
        &[
            "<details class=\"long\">",
            ": 51 lines added, 1 removed</summary>",
            "+fn step",
        ],
    );
}

#[test]
fn a_question_has_one_of_several_forms() {
    let fixture = Fixture::saying("{{#quiz forms}}\n");
    fixture.write("book/snapshots/hello.txt", "$ lineage list\none\ntwo\n");
    fixture.write(
        "book/quizzes/forms.toml",
        &format!(
            "[[question]]\nask = \"What comes when?\"\norder = [\"one\", \"two\", \"three\"]\n\
             why = \"So.\"\n\
             [[question]]\nask = \"What is printed?\"\nprints = \"hello\"\nwhy = \"So.\"\n\
             [[question]]\nask = \"Which line?\"\nitem = \"{PROGRAM} Slot::take\"\n\
             line = \"self.0\"\nwhy = \"So.\"\n"
        ),
    );
    let page = fixture.page();
    assert_in_order(
        &page,
        &[
            "data-form=\"order\"",
            "<ol class=\"mixed\">",
            "<summary>In order</summary>",
            "<li>one</li>",
            "<li>two</li>",
            "<li>three</li>",
            "data-form=\"prints\"",
            "$ lineage list",
            "<summary>What it prints</summary>",
            "one\ntwo",
            "data-form=\"choice\"",
            "<li data-correct=\"true\"><span class=\"answer\"><code>self.0</code>",
        ],
    );
    let mixed = page.split("In order").next().unwrap();
    let at = |place| mixed.find(&format!("data-place=\"{place}\"")).unwrap();
    assert!(!(at(0) < at(1) && at(1) < at(2)), "{mixed}");
}

#[test]
fn a_figure_is_boxes_and_arrows_with_words_for_whoever_does_not_see_them() {
    let fixture = Fixture::saying("{{#figure two}}\n");
    fixture.write("book/figures/two.toml", FIGURE);
    assert_in_order(
        &fixture.page(),
        &[
            "<figure class=\"drawing\" id=\"figure-two\">",
            "0 0 360 48",
            "aria-label=\"Before\"",
            "class=\"plain\"><rect",
            ">one</text>",
            "class=\"lit\"><rect",
            ">two</text>",
            "class=\"arrow plain\"",
            ">goes</text>",
            "<p id=\"figure-two-0\">Before</p>",
            "aria-label=\"After\"",
            "<summary>In words</summary>",
            "One goes to <em>two</em>.",
        ],
    );
}

#[test]
fn a_figure_of_states_is_drawn_from_the_enum() {
    let fixture = Fixture::saying("{{#figure states}}\n");
    fixture.write("steps/machine.rs", "enum Machine { Start { pause: u32 }, End }\n");
    fixture.write(
        "book/figures/states.toml",
        "title = \"a\"\nwords = \"b\"\ncolumns = 1\nstates = \"steps/machine.rs Machine\"\n\
         [[arrow]]\nfrom = \"Start\"\nto = \"End\"\n",
    );
    let page = fixture.page();
    assert_in_order(&page, &["Start", "keeps pause", "End", "keeps nothing", "arrow"]);
}

#[test]
fn a_railway_has_a_picture_for_each_link_that_ran() {
    let fixture = Fixture::saying("{{#figure railway}}\n");
    fixture.write(
        "book/figures/railway.toml",
        "title = \"a\"\nwords = \"b\"\ncolumns = 4\nrailway = \"chain\"\n",
    );
    let links = "$ lineage list\ncallback  halve  Ok(21)  Err(odd)\n\
                 callback  add  Err(odd)  Err(odd)\nerrback  mend  Err(odd)  Ok(0)\n";
    fixture.write("book/snapshots/chain.txt", links);
    assert_in_order(
        &fixture.page(),
        &[
            "The callback <code>halve</code> is called with <code>Ok(21)</code>",
            "The callback <code>add</code> is passed by",
            "The errback <code>mend</code> is called with <code>Err(odd)</code>, and out \
             comes <code>Ok(0)</code>",
        ],
    );
}

const FIGURE: &str = "\
title = \"Two\"
words = \"One goes to *two*.\"
columns = 2

[[box]]
name = \"one\"
at = [0, 0]
text = \"one\"

[[frame]]
text = \"Before\"

[[frame.box]]
name = \"two\"
at = [1, 0]
text = \"two\"
kind = \"lit\"

[[frame.arrow]]
from = \"one\"
to = \"two\"
text = \"goes\"

[[frame]]
text = \"After\"
";
