//! Every program, in every style that has a loop, over five hundred seeds of a network that
//! is late, splits, holds up, breaks and wakes for nothing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicU64;

use lineage::run::Program;
use lineage::sim::Case;
use lineage::soak::Soak;
use lineage::styles::{STYLES, Style};
use reactor::trace;

/// How many seeds; `SEEDS=10000 cargo test --test soak` takes more.
fn seeds() -> u64 {
    std::env::var("SEEDS").map_or(500, |seeds| seeds.parse().expect("SEEDS is a number"))
}

/// How many styles have a loop.
fn styles() -> u64 {
    Style::names_with_a_loop().len() as u64
}

#[test]
fn nothing_goes_wrong_in_any_weather() {
    let done = AtomicU64::new(0);
    let soak = Soak::of_all_styles(0..=seeds() - 1);
    let failures = soak.run(&done);
    let told: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(u128::from(done.into_inner()), soak.len());
}

#[test]
fn a_soak_that_goes_well_says_one_line() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineage"));
    let output = command.args(["soak", "--seeds", "10"]).output().unwrap();
    let [said, complained] = [output.stdout, output.stderr].map(String::from_utf8);
    let said = said.unwrap();
    let runs = format!("{} runs in ", 10 * styles() * 5);
    assert!(said.starts_with(&runs) && said.ends_with(" s, 0 went wrong\n"), "{said}");
    assert_eq!((said.lines().count(), complained.unwrap().as_str()), (1, ""));
}

/// Every number is a seed, to the last.
#[test]
fn the_last_seed_is_soaked_too() {
    let soak = Soak::of_all_styles(u64::MAX - 1..=u64::MAX);
    let done = AtomicU64::new(0);
    let failures = soak.run(&done);
    let told: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
    assert_eq!(done.into_inner(), 2 * styles() * 5);
    let all = Soak::of_all_styles(0..=u64::MAX);
    let runs = (1_u128 << 64) * u128::from(styles()) * 5;
    assert_eq!(all.len(), runs, "and nothing overflows");
}

/// Whoever talks most may be broken off before it has said much: then there is nothing to mind.
#[test]
fn where_little_is_said_nobody_has_to_mind_who_does_not_listen() {
    let style = Style::named("asyncio").unwrap();
    for seed in [2137, 3537] {
        Case { program: Program::Chat, style, seed }.run().unwrap();
    }
}

/// A connection that breaks as the room closes: one end knows of it, and the other is asked only
/// when it has heard of it too.
#[test]
fn who_was_broken_off_at_the_last_moment_was_not_left_alone() {
    let style = Style::named("asyncio").unwrap();
    Case { program: Program::Chat, style, seed: 6098 }.run().unwrap();
}

/// Weather in which nothing breaks would excuse nothing, and try nothing.
#[test]
fn storms_break_connections_and_calm_weather_breaks_none() {
    let style = Style::named("async-await").unwrap();
    let broken = |seeds: [u64; 8]| {
        let cases = seeds.into_iter().flat_map(|seed| {
            [Program::Echo, Program::Crawl].map(|program| Case { program, style, seed })
        });
        cases.map(|case| case.run().unwrap().tally.broken).sum::<u64>()
    };
    assert_eq!(broken([0, 8, 16, 24, 32, 40, 48, 56]), 0);
    assert!(broken([1, 2, 9, 18, 25, 26, 33, 34]) > 0);
}

#[test]
fn the_same_seed_tells_the_same_story_to_the_letter() {
    for style in STYLES.iter().filter(|style| style.has_loop()) {
        for program in Program::ALL {
            for seed in [0, 1, 3, 4] {
                let case = Case { program, style, seed };
                let record = || trace::record(|| case.run().unwrap());
                let ((told, recording), (told_again, again)) = (record(), record());
                assert_eq!(told, told_again, "{case}");
                let (events, again) = (recording.events, again.events);
                assert_eq!(format!("{events:?}"), format!("{again:?}"), "{case}");
            }
        }
    }
}

/// What a process of its own prints and records.
fn elsewhere(style: &str, seed: u64) -> (String, String) {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("elsewhere.json");
    let lineage = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lineage"));
        let output = command.args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let seed = seed.to_string();
    let said = lineage(&["run", "crawl", "--style", style, "--sim", &seed]);
    lineage(&["trace", "echo", "--style", style, "--out", file.to_str().unwrap()]);
    (said, fs::read_to_string(file).unwrap())
}

#[test]
fn another_process_tells_the_same_story_to_the_letter() {
    for style in STYLES.iter().filter(|style| style.has_loop()) {
        assert_eq!(elsewhere(style.name, 3), elsewhere(style.name, 3), "{}", style.name);
    }
}

#[test]
fn another_seed_tells_another_story() {
    let story = |seed| {
        let style = &STYLES[STYLES.len() - 1];
        Case { program: Program::Crawl, style, seed }.run().unwrap().story
    };
    assert_ne!(story(3), story(5));
}
