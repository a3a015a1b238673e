//! The book, looked at in a real browser: opened from `file://`, without a network, by
//! keyboard, in every theme, on a phone's width, on paper and without scripts.
//!
//! This is a program of its own and no `#[test]`s, because Cargo hides what a passing test
//! prints: that there was no browser to look with has to be seen. With `REQUIRE_BROWSER=1` it
//! is a failure.

#![forbid(unsafe_code)]
#![cfg_attr(not(unix), allow(dead_code, reason = "there is no pipe to a browser"))]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]

#[cfg(unix)]
mod checks;
#[cfg(unix)]
mod chromium;
#[cfg(unix)]
mod page;
#[cfg(unix)]
mod served;
#[cfg(unix)]
mod site;
mod wanted;

use std::env;
use std::process::ExitCode;

use wanted::Wanted;

/// What was asked for, or what is wrong.
type Answer<T> = Result<T, String>;

#[cfg(not(unix))]
fn main() -> ExitCode {
    skipped("a browser is driven through Unix pipes", 0)
}

#[cfg(unix)]
fn main() -> ExitCode {
    let wanted = Wanted::from(env::args().skip(1));
    let checks: Vec<_> =
        checks::ALL.iter().filter(|(name, _)| wanted.has(name)).collect();
    if wanted.only_names {
        checks.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if checks.is_empty() {
        return wanted.report(&[], checks::ALL.len());
    }
    let Some(program) = chromium::find() else {
        return skipped("there is no chromium on the path", checks.len());
    };
    let mut look = match site::Look::begin(&program) {
        Ok(look) => look,
        Err(error) => return failed(&error),
    };
    println!("\nrunning {} tests", checks.len());
    let results = checks.iter().map(|(name, check)| {
        let result = check(&mut look);
        let word = if result.is_ok() { "ok" } else { "FAILED" };
        println!("test {name} ... {word}");
        (*name, result)
    });
    let results: Vec<_> = results.collect();
    wanted.report(&results, checks::ALL.len())
}

fn failed(error: &str) -> ExitCode {
    eprintln!("\n{error}\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored");
    ExitCode::FAILURE
}

/// Says so where it is seen.
fn skipped(reason: &str, count: usize) -> ExitCode {
    if env::var_os("REQUIRE_BROWSER").is_some_and(|it| it == "1") {
        return failed(&format!("{reason}, and REQUIRE_BROWSER=1"));
    }
    eprintln!(
        "\n\
         ************************************************************************\n\
         SKIPPED: nobody looked at the book in a browser: {reason}.\n\
         Install one (apt-get install chromium), or name it in CHROMIUM.\n\
         ************************************************************************\n"
    );
    println!("test result: ok. 0 passed; 0 failed; {count} ignored");
    ExitCode::SUCCESS
}
