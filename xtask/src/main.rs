//! The project's own checks: `cargo xtask ci`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

/// Prints a line. Nobody reads it: then this is the end, and not all was checked.
macro_rules! say {
    ($($text:tt)*) => {
        if writeln!(std::io::stdout(), $($text)*).is_err() {
            std::process::exit(1);
        }
    };
}

mod mutants;
mod python_setup;
mod survey;
mod trace_cost;

use std::env;
use std::io::{self, Write as _};
use std::process::{Command, ExitCode};
use std::time::Instant;

const HELP: &str = "\
The project's own checks.

Usage: cargo xtask ci [--skip-tests]
       cargo xtask loom
       cargo xtask substrates
       cargo xtask mutants
       cargo xtask mutants --survey [--all | --part K/N] [PACKAGE ...]
       cargo xtask trace-cost
       cargo xtask python-setup

  ci            format, lints, tests, documentation, the book, counts, licences, in this
                order
  --skip-tests  all but the tests, for whoever has just run them
  loom          try every order in which threads can meet, in the models of the stages
  substrates    test generators that are the compiler's own coroutines, which no stable
                compiler has yet, by the same list as those that need no such feature
  mutants       plant classic bugs in a copy, one by one, and see that a test finds each
  --survey      let cargo-mutants plant bugs that nobody thought of in these packages, or in
                all that have a say in it, and list those that no test finds and no reason
                excuses; Ctrl-C ends it with what it has found by then
  --part K/N    every Nth of these bugs, from the Kth on; without it, 0/40
  --all         every one of them, which takes many hours
  trace-cost    count what a traced point costs while nobody records, by valgrind
  python-setup  install what the verdict compares with, for every python3.x on PATH";

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        ["ci"] => ci(true),
        ["ci", "--skip-tests"] => ci(false),
        ["loom"] => verdict(Ok(run(&MODELS))),
        ["substrates"] => verdict(Ok(run(&SUBSTRATES) && run(&ITS_DOCS))),
        ["mutants"] => verdict(mutants::hunt()),
        ["mutants", "--survey", ref rest @ ..] if rest.last() != Some(&"--help") => {
            match survey::Plan::parse(rest) {
                Ok(plan) => verdict(survey::survey(&plan)),
                Err(wrong) => {
                    eprintln!("xtask: {wrong}");
                    ExitCode::from(2)
                }
            }
        }
        ["python-setup"] => verdict(python_setup::install()),
        ["trace-cost"] => verdict(trace_cost::count().map(|kept| {
            kept.unwrap_or_else(|| {
                say!("skipped: valgrind is not installed");
                true
            })
        })),
        ["help" | "-h"] | [.., "--help"] => {
            say!("{HELP}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn verdict(went: io::Result<bool>) -> ExitCode {
    match went {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A check: what it is called, what runs it, and what its environment needs.
struct Check {
    name: &'static str,
    cargo: &'static [&'static str],
    env: Option<(&'static str, &'static str)>,
}

const FORMAT: Check =
    Check { name: "format", cargo: &["fmt", "--all", "--check"], env: None };
const LINTS: Check = Check {
    name: "lints",
    cargo: &[
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ],
    env: None,
};
const TESTS: Check = Check {
    name: "tests",
    cargo: &["test", "--workspace", "--locked"],
    env: Some(("INSTA_UPDATE", "no")),
};
const MODELS: Check = Check {
    name: "models",
    cargo: &["test", "--package", "models", "--locked"],
    env: None,
};
/// The variable has a stable compiler take what is not stable yet. It is set here, and nowhere
/// else; what is built with it has a folder of its own, or everything else would be built again
/// afterwards.
const SUBSTRATES: Check = Check {
    name: "substrates",
    cargo: &[
        "test",
        "--package=stage2-generators",
        "--features=coroutines",
        "--target-dir=target/substrates",
        "--test=substrates",
        "--locked",
    ],
    env: Some(("RUSTC_BOOTSTRAP", "1")),
};
const ITS_DOCS: Check = Check {
    name: "what tells of them",
    cargo: &[
        "test",
        "--package=stage2-generators",
        "--features=coroutines",
        "--target-dir=target/substrates",
        "--doc",
        "--locked",
        "compiler",
    ],
    env: Some(("RUSTC_BOOTSTRAP", "1")),
};
const DOCS: Check = Check {
    name: "documentation",
    cargo: &["doc", "--workspace", "--no-deps", "--locked"],
    env: Some(("RUSTDOCFLAGS", "-D warnings")),
};
const BOOK: Check = Check {
    name: "the book",
    cargo: &["run", "--quiet", "--locked", "--package", "book", "--", "check"],
    env: None,
};
/// What every stage executes, asks of memory and of the kernel, against the last time.
const COUNTS: Check = Check {
    name: "counts",
    cargo: &["bench", "--quiet", "--locked", "--bench", "verdict", "--", "check"],
    env: None,
};
const LICENCES: Check = Check { name: "licences", cargo: &["deny", "check"], env: None };

fn ci(with_tests: bool) -> ExitCode {
    let mut checks = vec![FORMAT, LINTS];
    if with_tests {
        checks.push(TESTS);
    }
    checks.extend([DOCS, BOOK]);
    if has("valgrind") && has("strace") {
        checks.push(COUNTS);
    } else {
        say!("== counts: skipped, valgrind or strace is not installed");
    }
    if has_cargo_deny() {
        checks.push(LICENCES);
    } else {
        say!("== licences: skipped, cargo-deny is not installed");
    }
    let failed: Vec<_> = checks.iter().filter(|check| !run(check)).collect();
    for check in &failed {
        eprintln!("== {} FAILED", check.name);
    }
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run(check: &Check) -> bool {
    say!("== {}: cargo {}", check.name, check.cargo.join(" "));
    let began = Instant::now();
    let status = cargo().args(check.cargo).envs(check.env).status();
    say!("== {}: {:.1} s", check.name, began.elapsed().as_secs_f64());
    status.is_ok_and(|status| status.success())
}

fn has(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}

fn has_cargo_deny() -> bool {
    let version = cargo().args(["deny", "--version"]).output();
    version.is_ok_and(|output| output.status.success())
}

fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
