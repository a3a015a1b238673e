//! Commands that other packages do: their help needs no build, and a build is no silence.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{lineage, printed};

/// Runs a command with a script in the place of cargo.
fn with_cargo(script: &str, args: &str) -> (Option<i32>, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let cargo = folder.join(format!("cargo-{}", args.replace(' ', "-")));
    fs::write(&cargo, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&cargo, PermissionsExt::from_mode(0o755)).unwrap();
    let output = lineage(args).env("CARGO", cargo).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}

const DONE: &str = "echo '{\"executable\":\"/bin/echo\"}'";

#[test]
fn help_and_errors_need_no_build() {
    for args in
        ["check --help", "book --help", "book check --help", "step --help", "try --help"]
    {
        let (status, said) = with_cargo("echo cargo was run; exit 1", args);
        assert!(said.contains("Usage: cargo run -q"), "{args}: {said}");
        assert!(!said.contains("cargo was run"), "{args}");
        assert_eq!(status, Some(0), "{args}");
    }
    for args in [
        "check two",
        "book --frobnicate",
        "step",
        "step countdown --style x",
        "try a.rs --html",
        "try a.rs --html a.html --plain",
        "try --html a.html",
    ] {
        let (status, said) = with_cargo("echo cargo was run; exit 1", args);
        assert!(said.starts_with("lineage: ") && said.lines().count() == 1, "{said}");
        assert_eq!(status, Some(2), "{args}");
    }
}

#[test]
fn a_program_that_is_not_there_needs_no_build_to_be_missed() {
    let (status, said) = with_cargo("echo cargo was run; exit 1", "try teapot.rs");
    assert_eq!(
        (status, &*said),
        (Some(1), "lineage: teapot.rs: there is no such file\n")
    );
}

#[test]
fn a_build_is_announced_once_and_shown() {
    let script = format!("echo '   Compiling mio v1.2.5' >&2; sleep 1; {DONE}");
    let (status, said) = with_cargo(&script, "book --port 0");
    assert_eq!(
        said,
        "--port 0\n\
         lineage: building package book, with mdBook and a parser for Rust; it is apart, so \
         that lineage itself is built in seconds\n   Compiling mio v1.2.5\n"
    );
    assert_eq!(status, Some(0));
}

#[test]
fn where_nothing_is_to_be_built_nothing_is_said() {
    let script = format!("echo '    Finished dev' >&2; {DONE}");
    assert_eq!(with_cargo(&script, "check 1.1"), (Some(0), "1.1\n".to_owned()));
}

#[test]
fn what_cannot_be_built_is_told_of_as_cargo_tells_it() {
    let script = "echo 'error: no matching package' >&2; exit 101";
    let (status, said) = with_cargo(script, "check 1.2");
    let told =
        "lineage: package exercises cannot be built:\nerror: no matching package\n";
    assert_eq!((status, said.as_str()), (Some(1), told));
    let (status, said) = with_cargo("kill -9 $$", "check 1.3");
    assert_eq!(
        (status, said.as_str()),
        (Some(1), "lineage: package exercises cannot be built\n")
    );
}

/// A program or the file of a recording, which is looked for before anything is built.
#[test]
fn there_is_nothing_to_step_through_of_a_name_that_nobody_knows() {
    let (status, said) = with_cargo("echo cargo was run; exit 1", "step teapot");
    let told = "lineage: teapot: there is no such file, nor a program of that name\n";
    assert_eq!((status, said.as_str()), (Some(1), told));
}

#[test]
fn what_is_suggested_can_be_typed_as_it_stands() {
    let told = printed("--plain");
    let suggested = told.lines().filter(|line| line.starts_with("  cargo run -q"));
    assert_eq!(suggested.count(), 6, "{told}");
    let mut command = lineage("check --help");
    command.env_remove("CARGO_MANIFEST_DIR");
    let output = command.output().unwrap();
    let usage = format!("Usage: {} check", env!("CARGO_BIN_EXE_lineage"));
    assert!(String::from_utf8(output.stdout).unwrap().contains(&usage), "{usage}");
}
