//! What `cargo test` was asked for, in the words of Rust's own test programs.

use std::process::ExitCode;
use std::time::Instant;

use crate::Answer;

/// The options that take a word of their own.
const WITH_A_WORD: [&str; 5] =
    ["--test-threads", "--format", "--color", "--logfile", "--shuffle-seed"];

/// Which checks to run.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Only to say what there is.
    pub(crate) only_names: bool,
    exact: bool,
    /// None of ours is ignored.
    only_ignored: bool,
    names: Vec<String>,
    skipped: Vec<String>,
    began: Instant,
}

impl Wanted {
    /// What the command line says.
    pub(crate) fn from(mut words: impl Iterator<Item = String>) -> Self {
        let mut wanted = Self {
            only_names: false,
            exact: false,
            only_ignored: false,
            names: Vec::new(),
            skipped: Vec::new(),
            began: Instant::now(),
        };
        while let Some(word) = words.next() {
            match &*word {
                "--list" => wanted.only_names = true,
                "--exact" => wanted.exact = true,
                "--ignored" => wanted.only_ignored = true,
                "--skip" => wanted.skipped.extend(words.next()),
                option if WITH_A_WORD.contains(&option) => drop(words.next()),
                option if option.starts_with('-') => {}
                _ => wanted.names.push(word),
            }
        }
        wanted
    }

    /// Whether that one is.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is = |it: &String| {
            if self.exact { name == it } else { name.contains(it.as_str()) }
        };
        !self.only_ignored
            && !self.skipped.iter().any(is)
            && (self.names.is_empty() || self.names.iter().any(is))
    }

    /// Says how it went.
    pub(crate) fn report(&self, results: &[(&str, Answer<()>)], of: usize) -> ExitCode {
        let failures = results.iter().filter_map(|(name, result)| {
            result.as_ref().err().map(|complaint| (name, complaint))
        });
        let failures: Vec<_> = failures.collect();
        for (name, complaint) in &failures {
            eprintln!("\n---- {name} ----\n{complaint}");
        }
        let word = if failures.is_empty() { "ok" } else { "FAILED" };
        println!(
            "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; \
             {} filtered out; finished in {:.2}s\n",
            results.len() - failures.len(),
            failures.len(),
            of - results.len(),
            self.began.elapsed().as_secs_f64(),
        );
        if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
