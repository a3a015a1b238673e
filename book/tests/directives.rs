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

/// A results file of such rows: an id, its label, its unit, and low, median and high.
fn results(rows: &[(&str, &str, &str, [f64; 3])]) -> serde_json::Value {
    let rows = rows.iter().map(|(id, label, unit, [low, median, high])| {
        serde_json::json!({
            "id": id, "label": label, "unit": unit,
            "median": median, "low": low, "high": high, "samples": 7,
        })
    });
    serde_json::json!({
        "version": 1, "name": "cost", "command": "cargo bench", "date": "2026-01-02",
        "machine": {"cpu": "A <fast> one", "os": "Linux", "rustc": "rustc 1.95"},
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// The page that shows these so.
fn shown(text: &str, results: &serde_json::Value) -> String {
    let fixture = Fixture::saying(text);
    fixture.write("benches/results/cost.json", &results.to_string());
    fixture.page()
}

/// What is wrong with showing these so.
fn wrong(text: &str, results: &serde_json::Value) -> String {
    let fixture = Fixture::saying(text);
    fixture.write("benches/results/cost.json", &results.to_string());
    fixture.problems().concat()
}

const fn exactly(value: f64) -> [f64; 3] {
    [value; 3]
}

fn echoes() -> serde_json::Value {
    results(&[
        ("echo-64-mio", "mio", "ns", [900.0, 1_000.0, 1_100.0]),
        ("kernel-64-mio", "mio", "ns", exactly(500.0)),
        ("echo-64-quick", "quick", "ns", exactly(2_000.0)),
        ("python-echo-64-slow", "slow", "ns", exactly(4_000.0)),
        ("python-kernel-64-slow", "slow", "ns", exactly(1_000.0)),
        ("echo10k-64-mio", "large", "ns", exactly(8_000.0)),
        ("kernel10k-64-mio", "large", "ns", exactly(9_000.0)),
    ])
}

fn kernels_part(y: u8, width: &str) -> String {
    format!("<rect class=\"kernel\" x=\"0\" y=\"{y}\" width=\"{width}\" height=\"10\" />")
}

/// In Rust's bars and in Python's, and in nobody's where it is not known.
#[test]
fn the_kernels_share_is_drawn_in_its_bar_and_told_in_the_table() {
    let page = shown("{{#chart cost.echo-64}}\n", &echoes());
    assert_in_order(
        &page,
        &[
            ">mio: 1,000\u{a0}ns</text>",
            "<rect class=\"bar\" x=\"0\" y=\"17\" width=\"79.0\"",
            &kernels_part(17, "39.5"),
            "<line class=\"interval\" x1=\"71.1\" y1=\"22\" x2=\"86.9\" y2=\"22\" />",
            ">quick: 2,000\u{a0}ns</text>",
            "y=\"51\" width=\"158.0\"",
            ">slow: 4,000\u{a0}ns</text>",
            "y=\"85\" width=\"316.0\"",
            &kernels_part(85, "79.0"),
            "<th>Median</th><th>Interval</th><th>Of it, the kernel’s</th><th>Samples</th>",
            "<th scope=\"row\">mio</th><td>1,000\u{a0}ns</td><td>900–1,100</td>\
             <td>500\u{a0}ns</td><td>7</td>",
            "<th scope=\"row\">quick</th><td>2,000\u{a0}ns</td><td>2,000–2,000</td>\
             <td>not known</td>",
            "<th scope=\"row\">slow</th><td>4,000\u{a0}ns</td><td>4,000–4,000</td>\
             <td>1,000\u{a0}ns</td>",
            "dark is the kernel’s share of it, where that is known. ",
            "A &lt;fast&gt; one",
        ],
    );
    assert_eq!(page.matches("class=\"kernel\"").count(), 2);
    assert!(!page.contains("large"), "it answers another question");
}

/// A sample cannot be more than the whole.
#[test]
fn the_kernels_share_of_large_messages_is_drawn_and_fits_into_its_bar() {
    let large = shown("{{#chart cost.echo10k-64}}\n", &echoes());
    assert!(large.contains(&kernels_part(17, "316.0")), "{large}");
    assert!(large.contains("; dark is the kernel’s share of it. "), "{large}");
}

#[test]
fn the_kernels_share_is_one_of_the_bar_also_where_bars_grow_with_the_logarithm() {
    let page = shown(
        "{{#chart cost.echo}}\n",
        &results(&[
            ("echo-a", "a", "ns", exactly(10.0)),
            ("kernel-a", "a", "ns", exactly(5.0)),
            ("echo-b", "b", "ns", exactly(10_000.0)),
        ]),
    );
    let expected = [
        "class=\"bar\" x=\"0\" y=\"17\" width=\"79.0\"",
        "y=\"17\" width=\"39.5\"",
        "316.0",
    ];
    assert_in_order(&page, &expected);
}

#[test]
fn a_chart_without_a_kernel_does_not_speak_of_it_and_says_what_was_not_measured() {
    let mut results = results(&[("call-a", "<b>a</b>", "ns", exactly(1.0))]);
    results["missing"] = serde_json::json!({
        "python-call-tornado": "No module named 'tornado'", "python3.9-call": "elsewhere",
        "echo-10000": "too few descriptors",
    });
    let page = shown("{{#chart cost.call}}\n", &results);
    assert_in_order(
        &page,
        &[
            "<svg viewbox=\"0 0 320 34\" role=\"img\" aria-label=\"cost.call, as bars; the \
             table has the same numbers\">",
            ">&lt;b&gt;a&lt;/b&gt;: 1\u{a0}ns</text>",
            "<th scope=\"row\">&lt;b&gt;a&lt;/b&gt;</th>",
            "<figcaption>Median and interval. Not measured: python-call-tornado (No module named \
             'tornado'). cargo bench, 2026-01-02, A &lt;fast&gt; one, Linux, rustc 1.95<",
        ],
    );
    assert!(!page.contains("kernel"), "{page}");
}

/// The flat one and the steep one, in no order, and one of Python's.
fn depth() -> serde_json::Value {
    results(&[
        ("depth-flat-100", "a, flat one, 100 deep", "µs", [90.0, 100.0, 110.0]),
        ("depth-flat-1", "a, flat one, 1 deep", "µs", exactly(100.0)),
        ("depth-flat-10", "a, flat one, 10 deep", "µs", exactly(100.0)),
        ("depth-steep-1", "<i>steep, 1 deep", "µs", exactly(10.0)),
        ("depth-steep-10", "<i>steep, 10 deep", "µs", exactly(10.0)),
        ("depth-steep-100", "<i>steep, 100 deep", "µs", exactly(1_000.0)),
        ("python-depth-flat-1", "Python", "µs", exactly(1.0)),
        ("depths-flat-1", "another question", "µs", exactly(1.0)),
    ])
}

#[test]
fn curves_stand_where_their_logarithms_are_and_say_where_they_cross() {
    let mut results = depth();
    results["load"] = 0.91.into();
    let page = shown("{{#curves cost.depth}}\n", &results);
    let line = |points: &str, label: &str| {
        format!("points=\"{points}\"><title>{label}</title></polyline>")
    };
    assert_in_order(
        &page,
        &[
            "<figure class=\"chart curves\" id=\"curves-cost-depth\">",
            "<svg viewbox=\"0 0 320 276\" role=\"img\" aria-label=\"cost.depth, by the number; \
             the table has the same figures\">",
            "<text x=\"60\" y=\"236\" text-anchor=\"middle\">1</text>",
            "<text x=\"188\" y=\"236\" text-anchor=\"middle\">10</text>",
            "<text x=\"316\" y=\"236\" text-anchor=\"end\">100</text>",
            "y1=\"218.0\" x2=\"320\" y2=\"218.0\" /><text x=\"0\" y=\"222.0\">10 µs</text>",
            "y1=\"111.0\" x2=\"320\" y2=\"111.0\" /><text x=\"0\" y=\"115.0\">100 µs</text>",
            "y1=\"4.0\" x2=\"320\" y2=\"4.0\" /><text x=\"0\" y=\"8.0\">1,000 µs</text>",
            &line("60.0,111.0 188.0,111.0 316.0,111.0", "a, flat one"),
            "<circle class=\"point\" cx=\"60.0\" cy=\"111.0\" r=\"3\" />",
            &line("60.0,218.0 188.0,218.0 316.0,4.0", "&lt;i&gt;steep"),
            "<circle class=\"point\" cx=\"316.0\" cy=\"4.0\" r=\"3\" />",
            ">a, flat one</text>",
            ">&lt;i&gt;steep</text>",
            "<th scope=\"row\">a, flat one, 1 deep</th><td>100\u{a0}µs</td><td>100–100</td>\
             <td>7</td>",
            "a, flat one, 100 deep</th><td>100\u{a0}µs</td><td>90–110</td>",
            "&lt;i&gt;steep, 100 deep</th><td>1,000\u{a0}µs</td>",
            "both scales logarithmic. “a, flat one” and “&lt;i&gt;steep” cross between 10 and 100. \
             cargo bench, 2026-01-02, A &lt;fast&gt; one, Linux, rustc 1.95, load 0.91 before<",
        ],
    );
    assert_eq!(page.matches("<polyline").count(), 2, "of this question, and ours");
    assert_eq!(page.matches("<circle").count(), 6);
    assert!(!page.contains("Python"), "{page}");
}

/// Lines are compared at the same number, also where one of them has fewer.
#[test]
fn what_a_curve_passes_over_is_said_and_has_no_point() {
    let page = shown(
        "{{#curves cost.depth}}\n",
        &results(&[
            ("depth-a-1", "a, 1 deep", "ns", exactly(1.0)),
            ("depth-a-10", "a, 10 deep", "ns", exactly(50.0)),
            ("depth-a-1000", "a, 1000 deep", "ns", exactly(100.0)),
            ("depth-b-10", "b, 10 deep", "ns", exactly(60.0)),
            ("depth-b-1000", "b, 1000 deep", "ns", exactly(70.0)),
            ("depth-c-1", "c, 1 deep", "ns", exactly(90.0)),
            ("depth-c-1000", "c, 1000 deep", "ns", exactly(95.0)),
        ]),
    );
    assert_in_order(
        &page,
        &[
            "“a” and “b” cross between 10 and 1,000. ",
            "“a” and “c” cross between 1 and 1,000. ",
            "“b” was not measured at 1. “c” was not measured at 10. cargo bench",
        ],
    );
    assert!(!page.contains("“b” and “c”"), "at one number alone nothing crosses");
    assert_eq!(page.matches("<circle").count(), 7);
}

#[test]
fn curves_whose_intervals_overlap_do_not_cross() {
    let rows = |high| {
        results(&[
            ("depth-a-1", "a, 1 deep", "ns", exactly(10.0)),
            ("depth-a-10", "a, 10 deep", "ns", exactly(20.0)),
            ("depth-b-1", "b, 1 deep", "ns", exactly(11.0)),
            ("depth-b-10", "b, 10 deep", "ns", [18.0, 19.0, high]),
        ])
    };
    let page = |high| shown("{{#curves cost.depth}}\n", &rows(high));
    assert!(page(19.5).contains("cross between 1 and 10"));
    assert!(!page(20.5).contains("cross"));
}

#[test]
fn what_cannot_be_drawn_is_a_problem_with_what_there_is() {
    let mut zero = depth();
    zero["rows"][0]["median"] = 0.0.into();
    zero["rows"][0]["low"] = 0.0.into();
    let mut units = depth();
    units["rows"][0]["unit"] = "KiB".into();
    let is_there =
        "there is no file benches/results/kost.json; benches/results has: cost.json";
    let questions = "cost has no rows of dept; there are those of: depth, depths";
    let no_number =
        "cost.depth-flat-1: no row’s name ends with a number, as QUESTION-WAY-100";
    let nothing = "cost.depth: depth-flat-100 is nothing, and has no logarithm";
    for (text, results, said) in [
        ("chart cost.dept", depth(), questions),
        ("curves cost.dept", depth(), questions),
        ("curves cost", depth(), "the key cost is not of the form NAME.QUESTION"),
        ("curves cost.depth-flat-1", depth(), no_number),
        ("curves cost.depth", zero, nothing),
        (
            "curves cost.depth",
            units,
            "cost has rows in KiB and in µs: one chart, one unit",
        ),
        ("claims cost", depth(), "cost says nothing to any claim"),
        ("claims kost", depth(), is_there),
        ("curves kost.depth", depth(), is_there),
    ] {
        let wrong = wrong(&format!("{{{{#{text}}}}}"), &results);
        assert_eq!(wrong, format!("one.md:3: {said}"), "{text}");
    }
}

#[test]
fn claims_stand_with_the_word_of_each_column_and_how_many_times() {
    let mut results = results(&[("call-a", "a", "ns", exactly(1.0))]);
    results["claims"] = serde_json::json!([
        {"quote": "only <2x", "who": "the talk & others", "how": "await / function",
         "columns": [
            {"of": "Python 3.11.7", "word": "holds", "times": [1.87, 2.426]},
            {"of": "Python 3.12.1", "word": "holds, narrowly", "times": [2.49]},
            {"of": "Rust <here>", "word": "does not hold here", "times": [1234.5]}]},
        {"quote": "super fast IO", "who": "the talk", "how": "asyncio / uvloop",
         "columns": [{"of": "Rust", "word": "cannot be tested here", "times": []}]},
    ]);
    let page = shown("{{#claims cost}}\n", &results);
    assert_in_order(
        &page,
        &[
            "<figure class=\"claims\">",
            "<th>Claim</th><th>Python</th><th>Rust</th>",
            "<th scope=\"rowgroup\" rowspan=\"2\">“only &lt;2x”<br>the talk &amp; others</th>",
            "<td colspan=\"2\">await / function</td></tr>",
            "<tr><td>3.11.7: <b>holds</b> (1.87\u{a0}×,\u{a0}2.43\u{a0}×)<br>",
            "3.12.1: <b>holds, narrowly</b> (2.49\u{a0}×)</td>",
            "<td>Rust\u{a0}&lt;here&gt;: <b>does not hold here</b> (1,234\u{a0}×)</td></tr>",
            "“super fast IO”<br>the talk</th><td colspan=\"2\">asyncio / uvloop</td></tr>",
            "<td>not measured</td><td>Rust: <b>cannot be tested here</b></td></tr>",
            "<figcaption>cargo bench, 2026-01-02, A &lt;fast&gt; one, Linux, rustc 1.95</figcaption>",
        ],
    );
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

/// What it counts is that event and no other.
#[test]
fn a_question_how_many_is_answered_by_the_recording() {
    let fixture = Fixture::saying("{{#quiz many}}\n");
    fixture.recorded(&["turn-ended", "noted", "turn-ended", "turn-ended"]);
    let ask = |what| {
        format!(
            "[[question]]\nask = \"How often?\"\nwhy = \"It *is*.\"\n\
             count = \"countdown async-await {what}\"\n"
        )
    };
    fixture.write("book/quizzes/many.toml", &(ask("turn-ended") + &ask("noted")));
    assert_in_order(
        &fixture.page(),
        &[
            "data-form=\"count\"",
            "data-right=\"3\"",
            "<summary>How many</summary>",
            "<p class=\"why\"><b>3.</b> It <em>is</em>.</p>",
            "data-right=\"1\"",
            "<b>1.</b>",
        ],
    );
}

/// Nobody can take a brace or a remark for where something happens; and a line is named as it is
/// copied from its item, with the blanks before it.
#[test]
fn the_lines_to_choose_from_are_those_that_do_something() {
    let fixture = Fixture::saying("{{#quiz line}}\n");
    let source =
        "fn a() {\n    // Here it goes.\n    if 1 < 2 {\n        go();\n    }\n}\n";
    fixture.write("stage4-async-await/src/a.rs", source);
    fixture.write(
        "book/quizzes/line.toml",
        "[[question]]\nask = \"Which line?\"\nitem = \"stage4-async-await/src/a.rs a\"\n\
         line = \"        go();\"\nwhy = \"It goes.\"\n",
    );
    let page = fixture.page();
    let answers = page.split("<li data-correct=").skip(1);
    let answers = answers.filter_map(|it| it.split("</code>").next());
    let answer =
        |correct, code| format!("\"{correct}\"><span class=\"answer\"><code>{code}");
    assert_eq!(
        answers.collect::<Vec<_>>(),
        [
            answer(false, "fn a() {"),
            answer(false, "if 1 &lt; 2 {"),
            answer(true, "go();"),
        ]
    );
    let wrong = "<b>Wrong.</b> Another line.</p>";
    assert_in_order(&page, &[wrong, wrong, "go();", "<b>Right.</b> It goes.</p>"]);
}

/// Names of code are code wherever they stand, and not between backticks.
#[test]
fn every_text_of_a_question_is_markdown() {
    let fixture = Fixture::saying("{{#quiz marks}}\n");
    fixture.write(
        "book/quizzes/marks.toml",
        "[[question]]\nask = \"`a`\"\norder = [\"`b`\", \"`c`\", \"`d`\"]\nwhy = \"`e`\"\n\
         [[question]]\nask = \"f\"\n\
         [[question.answer]]\ntext = \"`g`\"\ncorrect = true\nwhy = \"`h`\"\n\
         [[question.answer]]\ntext = \"`i`\"\nwhy = \"`j`\"\n",
    );
    let page = fixture.page();
    for (name, times) in [
        ('a', 1),
        ('b', 2),
        ('c', 2),
        ('d', 2),
        ('e', 1),
        ('g', 1),
        ('h', 1),
        ('i', 1),
        ('j', 1),
    ] {
        let code = format!("<code>{name}</code>");
        assert_eq!(page.matches(&code).count(), times, "{name}: {page}");
    }
    assert!(!page.contains('`'), "{page}");
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
            "<p id=\"figure-two-0\" aria-live=\"polite\">Before</p>",
            "aria-label=\"After\"",
            "<summary>In words</summary>",
            "One goes to <em>two</em>.",
        ],
    );
}

/// What points from a box that can be dragged is a line, whose one end can be moved.
#[test]
fn a_box_that_can_be_dragged_says_how_far() {
    let fixture = Fixture::saying("{{#figure two}}\n");
    let dragged = FIGURE.replacen("at = [1, 0]", "at = [1, 0]\ndrag = -2", 1);
    let turned = dragged.replacen(
        "from = \"one\"\nto = \"two\"",
        "from = \"two\"\nto = \"one\"",
        1,
    );
    fixture.write("book/figures/two.toml", &dragged);
    let page = fixture.page();
    assert!(
        page.contains(" data-drag=\"-96\"><rect") && !page.contains("<line"),
        "{page}"
    );
    fixture.write("book/figures/two.toml", &turned);
    assert!(
        fixture
            .page()
            .contains("<line x1=\"189.0\" y1=\"24.0\" x2=\"171.0\" y2=\"24.0\"")
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
