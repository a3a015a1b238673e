//! What is recorded is kept true.

mod support;

use std::fs;
use std::path::Path;

use book::record;
use lineage::invocation::to_type;
use lineage::output::Output;
use support::Fixture;

const TRACE: &str = "book/traces/countdown.async-await.json";

/// A fixture with the real programs' sources, whose first chapter shows a run.
fn fixture() -> Fixture {
    let fixture = Fixture::saying("{{#trace countdown async-await}}\n");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in ["stage4-async-await/examples", "stage4-async-await/src"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Ok(text) = fs::read_to_string(entry.path()) {
                fixture.write(&format!("{folder}/{name}"), &text);
            }
        }
    }
    fixture
}

fn check(fixture: &Fixture, accept: bool) -> Vec<String> {
    let problems = record::check(&fixture.book(), accept, &mut Output::stdout());
    let problems = problems.expect("it can write");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_run_that_a_chapter_shows_is_recorded_and_comes_out_the_same() {
    let fixture = fixture();
    let problems = check(&fixture, false);
    assert!(
        problems[0]
            .starts_with("one.md:3: there is no file traces/countdown.async-await")
    );
    assert_eq!(check(&fixture, true), [""; 0]);
    assert_eq!(fixture.problems(), [""; 0]);
    let first = fs::read(fixture.root().join(TRACE)).unwrap();
    assert_eq!(check(&fixture, false), [""; 0]);
    record::all(&fixture.book(), &mut Output::stdout()).unwrap();
    assert_eq!(fs::read(fixture.root().join(TRACE)).unwrap(), first);
}

#[test]
fn a_run_that_has_changed_is_named_with_the_step_where_it_did() {
    let fixture = fixture();
    check(&fixture, true);
    let kept = fs::read_to_string(fixture.root().join(TRACE)).unwrap();
    fixture.write(TRACE, &kept.replacen("\"resumed\"", "\"cancelled\"", 1));
    let problems = check(&fixture, false);
    assert_eq!(problems.len(), 1);
    let place = "one.md:3: traces/countdown.async-await.json: the program runs";
    assert!(problems[0].starts_with(place), "{problems:?}");
    assert!(problems[0].contains("differently now: at step 4 "), "{problems:?}");
    assert!(
        problems[0].contains("(countdown) is cancelled\" was recorded"),
        "{problems:?}"
    );
    assert!(problems[0].contains("(countdown) runs\" happens"), "{problems:?}");
    assert_eq!(check(&fixture, true), [""; 0]);
    assert_eq!(fs::read_to_string(fixture.root().join(TRACE)).unwrap(), kept);
}

#[test]
fn a_run_by_a_real_clock_is_left_alone() {
    let fixture = fixture();
    check(&fixture, true);
    let kept = fs::read_to_string(fixture.root().join(TRACE)).unwrap();
    let real = kept.replace("\"virtual\"", "\"real\"").replace("\"at\":0", "\"at\":1");
    fixture.write(TRACE, &real);
    assert_eq!(check(&fixture, true), [""; 0]);
    assert_eq!(fs::read_to_string(fixture.root().join(TRACE)).unwrap(), real);
}

#[test]
fn a_program_or_style_that_nobody_knows_cannot_be_recorded() {
    let fixture = Fixture::new();
    fixture.write("book/traces/countup.async-await.json", "{}");
    fixture.write("book/traces/countdown.fibres.json", "{}");
    let problems = check(&fixture, true);
    assert!(problems[0].ends_with(
        "there is no style fibres; there are: blocking, threads, \
        callbacks, deferreds, greenlets, generators, yield-from, async-await, asyncio, uvloop"
    ));
    assert!(problems[1].ends_with("there is no program countup"), "{problems:?}");
}

#[test]
fn a_snapshot_is_compared_with_what_its_command_prints() {
    let fixture = Fixture::new();
    let path = "book/snapshots/version.txt";
    fixture.write(path, "$ cargo --version\ncargo 0.1\n");
    let problems = check(&fixture, false);
    assert_eq!(
        problems,
        [format!(
            "snapshots/version.txt: `cargo --version` prints something else now; accept it \
             with: {}",
            to_type("book check --accept")
        )]
    );
    fixture.write("book/chapters/two.md", "# Two\n\n{{#run version}}\n");
    assert_eq!(check(&fixture, false), [format!("two.md:3: {}", problems[0])]);
    assert_eq!(check(&fixture, true), [""; 0]);
    assert_eq!(check(&fixture, false), [""; 0]);
    let kept = fs::read_to_string(fixture.root().join(path)).unwrap();
    assert!(kept.starts_with("$ cargo --version\ncargo 1."), "{kept}");
}

#[test]
fn numbers_that_differ_by_nature_are_not_compared() {
    let fixture = Fixture::new();
    let words = |word: &str| format!("$ cargo --version  # numbers differ\n{word}\n");
    let real = std::process::Command::new("cargo").arg("--version").output().unwrap();
    let real = String::from_utf8(real.stdout).unwrap();
    let other = real.trim_end().replace("1.", "7.");
    fixture.write("book/snapshots/a.txt", &words(&other));
    assert_eq!(check(&fixture, false), [""; 0]);
    fixture.write("book/snapshots/a.txt", &words("something else"));
    assert_eq!(check(&fixture, false).len(), 1);
}

#[test]
fn only_commands_that_are_known_are_run() {
    let fixture = Fixture::new();
    fixture.write("book/snapshots/a.txt", "$ rm -r x\n");
    let said = "snapshots/a.txt: `rm -r x`: only lineage, cargo and python3 are run";
    assert_eq!(check(&fixture, true), [said]);
}
