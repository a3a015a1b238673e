//! What may be typed, and what is said to it.

mod support;

use std::fs;
use std::process::Command;

use support::{Fixture, PROGRAM};

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

/// A run of two steps, with that name of the program and of its task.
fn recording(name: &str, version: u32) -> String {
    let name = serde_json::to_string(name).expect("it is a text");
    format!(
        r#"{{"version":{version},"program":{name},"style":"async-await","clock":"real",
"seed":null,"files":["{PROGRAM}"],
"subjects":[{{"id":1,"kind":"task","name":"count","called":{name},"parent":0}}],
"events":[{{"at":0,"what":"created","subject":1,"by":{{"kind":"loop"}},"file":0,"line":2}},
{{"at":1,"what":"said","subject":1,"text":{name}}}]}}"#
    )
}

#[test]
fn a_run_is_drawn_as_a_page_that_needs_nothing_else() {
    let fixture = Fixture::new();
    fixture.write("run.json", &recording("mine", 1));
    let (status, said) = book(&fixture, &["draw", "mine.html", "run.json"]);
    assert_eq!((status, &*said), (Some(0), "mine.html: open it in a browser\n"));
    let page = fs::read_to_string(fixture.root().join("mine.html")).unwrap();
    assert!(page.contains("<h1>A run of mine in style async-await</h1>"));
    assert!(page.contains("\"//! Counts.\""), "the lines of the program are in it");
    for stranger in ["src=", "href=", "url(", "@import", "https:", "import("] {
        assert!(!page.contains(stranger), "{stranger}");
    }
    for (at, _) in page.match_indices("http") {
        // A name, a namespace, and a pattern: nothing that anybody asks for.
        let known = ["http-equiv=", "http://www.w3.org/2000/svg'", r"http:\/\/(127\."];
        let word: String = page[at..].chars().take(40).collect();
        assert!(known.iter().any(|it| page[at..].starts_with(it)), "{word}");
    }
}

/// Whatever somebody has called a file, a task or a variable, and whatever it printed.
#[test]
fn what_a_page_was_told_stays_text() {
    let fixture = Fixture::new();
    let hostile = "</title></script><b onclick=\"x\">&amp;";
    fixture.append(PROGRAM, &format!("// {hostile}\n"));
    fixture.write("run.json", &recording(hostile, 1));
    assert_eq!(book(&fixture, &["draw", "mine.html", "run.json"]).0, Some(0));
    let page = fs::read_to_string(fixture.root().join("mine.html")).unwrap();
    assert!(!page.contains("<b onclick"), "{page}");
    for (element, count) in [("script", 3), ("style", 1), ("title", 1)] {
        assert_eq!(page.matches(&format!("<{element}")).count(), count, "{element}");
        assert_eq!(page.matches(&format!("</{element}")).count(), count, "{element}");
    }
    let shown = "&lt;/title&gt;&lt;/script&gt;&lt;b onclick=&quot;x&quot;&gt;&amp;amp;";
    for around in
        ["<title>A run of @ in", "<h1>A run of @ in", "<b>@</b>", "(@) prints: @<"]
    {
        let around = around.replace('@', shown);
        assert!(page.contains(&around), "{around}");
    }
    let id = page.split("<figure class=\"trace\" id=\"").nth(1).unwrap();
    let id = id.split('"').next().unwrap();
    assert!(id.chars().all(|it| it.is_ascii_alphanumeric() || it == '-'), "{id}");
}

#[test]
fn what_cannot_be_drawn_is_named_and_leaves_nothing() {
    let fixture = Fixture::new();
    fixture.write("run.json", &recording("mine", 1));
    fixture.write("old.json", &recording("mine", 0));
    fixture.write("none.json", "{}");
    for (typed, said) in [
        (["draw", "no/such/a.html", "run.json"], "no/such/a.html: "),
        (["draw", "a.html", "missing.json"], "missing.json: "),
        (["draw", "a.html", "none.json"], "none.json: missing field `version`"),
        (["draw", "a.html", "old.json"], "old.json has version 0, and this reads 1"),
    ] {
        let (status, told) = book(&fixture, &typed);
        assert_eq!(status, Some(1), "{typed:?}");
        assert!(told.starts_with(said) && told.lines().count() == 1, "{told}");
        assert!(!fixture.root().join("a.html").exists(), "{typed:?}");
    }
    assert_eq!(book(&fixture, &["draw", "a.html"]).0, Some(2));
}

/// A stand-in for cargo, that measures so.
#[cfg(unix)]
fn measure(fixture: &Fixture, script: &str) -> (Option<i32>, String) {
    use std::os::unix::fs::PermissionsExt;

    let cargo = fixture.root().join("cargo.sh");
    fs::write(&cargo, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755))
        .expect("it can be run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    command.args(["measure", "speed"]).env("CARGO", cargo).current_dir(fixture.root());
    let output = command.output().expect("it starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

#[cfg(unix)]
fn rows_then(rest: &str) -> String {
    let row = "{\"id\":\"a\",\"label\":\"a\",\"unit\":\"s\",\"median\":1,\"low\":1,\"high\":1,\
               \"samples\":3}";
    format!("echo 'progress' >&2\necho '{{\"rows\":[{row}]{rest}")
}

#[cfg(unix)]
#[test]
fn what_a_bench_says_is_heard_and_what_it_prints_is_written() {
    let fixture = Fixture::new();
    fixture.write("benches/speed.rs", "");
    let (status, said) = measure(&fixture, &rows_then("}'"));
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("progress\n"), "{said}");
    assert!(said.contains("measured benches/results/speed.json: 1 row"), "{said}");
    let file = fixture.root().join("benches/results/speed.json");
    assert!(fs::read_to_string(&file).unwrap().contains("\"id\": \"a\""));

    let (status, said) = measure(&fixture, "exit 3");
    assert_eq!(status, Some(1));
    assert!(said.contains("cargo bench --bench speed: exit status: 3"), "{said}");
    let (status, said) = measure(&fixture, "echo '{\"rows\":[]}'");
    assert_eq!(status, Some(1));
    assert!(said.contains("cargo bench --bench speed: no rows"), "{said}");
    assert!(fs::read_to_string(&file).unwrap().contains("\"id\": \"a\""), "it is kept");
}

/// A terminal tells all of its programs, so that the bench hears of it, too.
#[cfg(unix)]
#[test]
fn a_ctrl_c_keeps_what_was_measured() {
    let fixture = Fixture::new();
    let file = fixture.root().join("benches/results/speed.json");
    let (status, said) = measure(&fixture, "kill -INT $PPID; kill -INT $$");
    assert_eq!(status, Some(130), "{said}");
    let nothing = "interrupted before anything was measured: benches/results/speed.json";
    assert!(said.contains(nothing), "{said}");
    assert!(!file.exists());

    let script = rows_then(",\"missing\":{\"b\":\"interrupted\"}}'\nkill -INT $$");
    let (status, said) = measure(&fixture, &format!("kill -INT $PPID\n{script}"));
    assert_eq!(status, Some(130), "{said}");
    let some = "interrupted: benches/results/speed.json has what there is, 1 row";
    assert!(said.contains(some), "{said}");
    assert!(fs::read_to_string(&file).unwrap().contains("\"b\": \"interrupted\""));
}
