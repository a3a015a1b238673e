//! A small workspace with a small book in it, in a folder of its own.

#![allow(dead_code, reason = "each test file uses its part of it")]

use std::fs;
use std::path::{Path, PathBuf};

use book::build::{Built, build};
use book::problem;
use tempfile::TempDir;

const CONFIG: &str = "\
[book]
title = \"A fixture\"
src = \"chapters\"

[build]
create-missing = false
build-dir = \"../pages\"
use-default-preprocessors = false

[preprocessor.lineage]
command = \"COMMAND\"
before = [\"links\", \"index\"]

[preprocessor.links]

[preprocessor.index]
after = [\"links\"]

[output.html]
input-404 = \"\"

[output.html.print]
enable = false

[output.html.playground]
runnable = false
copy-js = false
";

const COUNTDOWN: &str = "\
//! Counts.

/// Counts down.
///
/// # Panics
///
/// ```
/// count();
/// ```
#[inline]
pub fn count() {}

struct Slot<T>(T);

impl<T> Slot<T> {
    /// Its value.
    fn take(self) -> T {
        self.0
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        count();
    }
}

thread_local! {
    static SLOT: u8 = 1;
}

#[cfg(test)]
mod tests {
    fn works() {}
}
";

const PYTHON: &str = "\
import time


def wait():
    time.sleep(0)


class Task:
    def step(self):
        pass
";

/// The program of the fixture's styles.
pub(crate) const PROGRAM: &str = "stage4-async-await/examples/countdown.rs";

/// A book.
pub(crate) struct Fixture {
    folder: TempDir,
}

impl Fixture {
    /// Two chapters, `one.md` and `two.md`, and some files to show.
    pub(crate) fn new() -> Self {
        let fixture = Self { folder: tempfile::tempdir().expect("a folder") };
        let binary = env!("CARGO_BIN_EXE_book").replace('\\', "/");
        let command = format!("{binary} preprocess");
        fixture.write("Cargo.toml", "[workspace]\n");
        fixture.write("book/book.toml", &CONFIG.replace("COMMAND", &command));
        let summary = "# Summary\n\n- [One](one.md)\n- [Two](two.md)\n";
        fixture.write("book/chapters/SUMMARY.md", summary);
        fixture.write("book/chapters/one.md", "# One\n");
        fixture.write("book/chapters/two.md", "# Two\n");
        fixture.write(PROGRAM, COUNTDOWN);
        let callbacks = "stage1-callbacks/examples/callbacks/countdown.rs";
        fixture.write(callbacks, "pub fn count() {\n    later(|| {});\n}\n");
        fixture.write("stage2-generators/src/time.rs", "fn now() {}\n\nfn sleep() {}\n");
        fixture.write("stage3-yield-from/src/time.rs", "fn now() {}\n\nfn nap() {}\n");
        fixture.write("python/wait.py", PYTHON);
        fixture
    }

    /// A book whose first chapter says this, below its heading.
    pub(crate) fn saying(text: &str) -> Self {
        let fixture = Self::new();
        fixture.write("book/chapters/one.md", &format!("# One\n\n{text}"));
        fixture
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The book's folder.
    pub(crate) fn book(&self) -> PathBuf {
        self.root().join("book")
    }

    /// Writes a file, from the root of the workspace.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.root().join(path);
        fs::create_dir_all(file.parent().expect("it is in a folder")).expect("a folder");
        fs::write(file, text).expect("it can be written");
    }

    /// Adds to a file.
    pub(crate) fn append(&self, path: &str, text: &str) {
        let before = fs::read_to_string(self.root().join(path)).expect("it is there");
        self.write(path, &(before + text));
    }

    /// Writes a recording of the countdown in `async-await`, in which this happens.
    pub(crate) fn recorded(&self, events: &[&str]) {
        let event =
            |what| format!("{{\"at\":0,\"what\":\"{what}\",\"file\":0,\"line\":1}}");
        let events: Vec<_> = events.iter().map(event).collect();
        let trace = format!(
            "{{\"version\":1,\"program\":\"countdown\",\"style\":\"async-await\",\
             \"clock\":\"virtual\",\"seed\":null,\"files\":[\"{PROGRAM}\"],\"subjects\":[],\
             \"events\":[{}]}}",
            events.join(",")
        );
        self.write("book/traces/countdown.async-await.json", &trace);
    }

    /// Builds the book.
    pub(crate) fn build(&self) -> Built {
        build(&self.book(), None).expect("it can be built")
    }

    /// What is wrong with it, a line each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = self.build().problems;
        problem::list(&mut problems).lines().map(str::to_owned).collect()
    }

    /// The first chapter as a page; there has to be nothing wrong.
    pub(crate) fn page(&self) -> String {
        let problems = self.problems();
        assert!(problems.is_empty(), "{problems:#?}");
        let page = self.root().join("pages/one.html");
        let html = fs::read_to_string(page).expect("the page is there");
        let (_, main) = html.split_once("<main>").expect("it has a main part");
        main.split_once("</main>").expect("it ends").0.to_owned()
    }
}

/// Whether all of these are in a text, in this order.
#[track_caller]
pub(crate) fn assert_in_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("no {part:?} (in this order) in:\n{text}");
        };
        rest = after;
    }
}
