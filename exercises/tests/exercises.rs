//! Every skeleton compiles and fails, every solution passes, and whatever looks right and is
//! wrong is rejected.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use exercises::catalogue::Exercise;
use exercises::desk::Desk;
use exercises::trial::{ENOUGH, End, Outcome};
use exercises::verdict::Verdict;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A solution of an exercise, on a desk.
struct Attempt {
    exercise: Exercise,
    file: String,
    program: String,
}

impl Attempt {
    fn new(exercise: &Exercise, file: &str) -> Self {
        let program = format!("{}-{}", exercise.number, file.trim_end_matches(".rs"));
        let program = program.replace('/', "-");
        Self { exercise: exercise.clone(), file: file.to_owned(), program }
    }

    fn verdict(&self, desk: &Desk) -> Verdict {
        let outcome = Outcome::Ran(desk.run(&self.program).unwrap());
        Verdict::of(outcome, &self.exercise.read("expected.txt").unwrap())
    }
}

#[test]
fn solutions_pass_and_skeletons_and_planted_errors_do_not() {
    let folder = tempfile::tempdir().unwrap();
    // However busy this machine is, a solution has the time that it needs.
    let desk = Desk::at(&root(), folder.path(), Duration::from_mins(5));
    let mut attempts = Vec::new();
    for exercise in Exercise::all(&root().join("exercises")).unwrap() {
        let wrong = exercise.wrong().unwrap();
        assert!(wrong.len() >= 3, "{}: only {wrong:?}", exercise.number);
        let files = ["skeleton.rs", "solution.rs"].map(str::to_owned);
        for file in files.into_iter().chain(wrong) {
            let attempt = Attempt::new(&exercise, &file);
            desk.put(&exercise, &attempt.program, &exercise.read(&file).unwrap())
                .unwrap();
            attempts.push(attempt);
        }
    }
    assert_eq!(desk.build(&[]).unwrap(), None, "all of them compile");
    let is_solution = |attempt: &Attempt| attempt.file == "solution.rs";
    let (solutions, others): (Vec<_>, Vec<_>) =
        attempts.into_iter().partition(is_solution);
    for attempt in solutions {
        assert_eq!(attempt.verdict(&desk), Verdict::Right, "{}", attempt.program);
    }
    // Some hang until they are ended: all at once, then.
    let desk = &Desk::at(&root(), folder.path(), Duration::from_secs(3));
    thread::scope(|scope| {
        for attempt in &others {
            scope.spawn(move || {
                assert_ne!(attempt.verdict(desk), Verdict::Right, "{}", attempt.program);
            });
        }
    });
}

/// A desk with one program on it: the first exercise, written like this.
fn desk_with(folder: &Path, name: &str, body: &str) -> Desk {
    let desk = Desk::at(&root(), folder, Duration::from_mins(5));
    let first = Exercise::all(&root().join("exercises")).unwrap().remove(0);
    let text = format!(
        "use std::time::Duration;\n\
         pub fn wall_time(_: u32, _: Duration, _: u32) -> Option<Duration> {{ {body} }}\n"
    );
    desk.put(&first, name, &text).unwrap();
    assert_eq!(desk.build(&[]).unwrap(), None);
    desk
}

#[test]
fn a_program_that_talks_without_end_is_not_listened_to_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk_with(folder.path(), "talks", "loop { println!(\"again\") }");
    let ran = desk.run("talks").unwrap();
    assert_eq!(ran.end, End::TooMuch);
    let bytes: usize = ran.told.iter().map(|line| line.len() + 1).sum();
    assert!(bytes <= ENOUGH + 1, "{bytes} bytes were kept");
}

#[test]
fn whoever_interrupts_a_check_ends_the_program_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let desk = desk_with(folder.path(), "hangs", "loop { std::thread::park() }");
    let interrupt = desk.interrupt();
    let check = thread::spawn(move || desk.run("hangs"));
    interrupt.now();
    let error = check.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

#[test]
fn every_exercise_has_a_statement_hints_and_a_why() {
    for exercise in Exercise::all(&root().join("exercises")).unwrap() {
        let number = exercise.number;
        assert!(!exercise.title().unwrap().is_empty(), "{number}");
        assert!(exercise.hints().unwrap().len() >= 2, "{number}");
        for file in ["statement.md", "why.md", "expected.txt"] {
            assert!(!exercise.read(file).unwrap().trim().is_empty(), "{number}: {file}");
        }
    }
}
