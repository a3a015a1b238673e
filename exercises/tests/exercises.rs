//! Every skeleton compiles and fails, every solution passes, and whatever looks right and is
//! wrong is rejected.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use exercises::catalogue::Exercise;
use exercises::desk::Desk;
use exercises::recorded::Pair;
use exercises::trial::{ENOUGH, End, Outcome};
use exercises::verdict::Verdict;
use lineage::args::Number;
use lineage::trace::Trace;
use lineage::trace::json::{Event, Line};

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

/// Whoever a program has started holds its pipes, and would hold up the check.
#[cfg(unix)]
#[test]
fn what_a_program_has_started_does_not_outlive_its_check() {
    let start = "std::process::Command::new(\"sleep\").arg(\"1000\").spawn().unwrap();";
    let folder = tempfile::tempdir().unwrap();
    for (name, body, end) in [
        ("leaves", format!("{start} std::process::exit(0)"), End::Well),
        ("waits", format!("{start} loop {{ std::thread::park() }}"), End::Hung),
    ] {
        desk_with(folder.path(), name, &body);
        let desk = Desk::at(&root(), folder.path(), Duration::from_secs(2));
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(desk.run(name)));
        let ran = told.recv_timeout(Duration::from_mins(1));
        let ran = ran.expect("the check ends, although a child would sleep").unwrap();
        assert_eq!((ran.end, ran.told), (end, vec![]), "{name}");
    }
}

/// The list of a workspace where one exercise is solved and another begun, by the command as
/// it is typed there.
#[test]
fn the_list_is_of_the_workspace_that_one_stands_in_and_names_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    fs::write(here.join("Cargo.toml"), "[package]\nname = \"lineage\"\n").unwrap();
    for exercise in Exercise::all(&root().join("exercises")).unwrap() {
        let statement = exercise.file("statement.md");
        let copy = here.join(statement.strip_prefix(root()).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(statement, copy).unwrap();
    }
    let desk = Desk::of_the_reader(&here);
    let number = |place| Number { chapter: 1, place };
    for place in [1, 2] {
        let file = desk.exercise(number(place));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "mine").unwrap();
    }
    desk.remember(number(1)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_exercises"));
    command.current_dir(here.join("exercises")).env("LINEAGE_INVOCATION", "./lineage");
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("  1.1 ") && lines[0].ends_with(" solved"), "{told}");
    assert!(lines[1].starts_with("  1.2 ") && lines[1].ends_with(" begun"), "{told}");
    assert_eq!(lines[lines.len() - 2], "The next: 1.2 A pool with a bound");
    assert_eq!(lines[lines.len() - 1], "  ./lineage check 1.2");
    // To begin it again is to forget it.
    fs::remove_dir_all(here.join("work/1.1")).unwrap();
    assert!(!desk.is_solved(number(1)));
}

#[test]
fn an_error_names_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let first = Exercise::all(&root().join("exercises")).unwrap().remove(0);
    fs::write(&nowhere, "a file").unwrap();
    let desk = Desk::at(&root(), &nowhere, Duration::ZERO);
    for error in [
        Exercise::all(&nowhere).unwrap_err(),
        desk.put(&first, "it", "").unwrap_err(),
        desk.remember(first.number).unwrap_err(),
        desk.run("it").map(drop).unwrap_err(),
    ] {
        let named = error.to_string();
        let name = named.split(": ").next().unwrap();
        assert!(Path::new(name).is_absolute(), "{named}");
    }
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

/// What is left of a pair whose turn is over.
struct Recorded {
    outcome: Outcome,
    recordings: Option<[Trace; 2]>,
    file: String,
    text: String,
}

/// Exercise 2.1 as `text`, run and recorded beside its solution on a desk in `folder`.
fn recorded(folder: &Path, text: &str) -> Recorded {
    let desk = Desk::at(&root(), folder, Duration::from_mins(5));
    let exercise = the_wait_that_is_missing();
    desk.put(&exercise, "2.1", text).unwrap();
    let Pair { outcome, recordings, file, text, .. } = desk.record(&exercise).unwrap();
    Recorded { outcome, recordings: recordings.map(|it| read(&it)), file, text }
}

fn the_wait_that_is_missing() -> Exercise {
    let number = Number { chapter: 2, place: 1 };
    let mut all = Exercise::all(&root().join("exercises")).unwrap().into_iter();
    all.find(|it| it.number == number).unwrap()
}

fn read(recordings: &[PathBuf; 2]) -> [Trace; 2] {
    let text = recordings.each_ref().map(|path| fs::read_to_string(path).unwrap());
    text.map(|text| serde_json::from_str(&text).unwrap())
}

/// What a run has printed, as its steps tell.
fn printed(trace: &Trace) -> String {
    let said = trace.events.iter().filter(|it| it.what == "said");
    said.map(|it| it.text.clone().unwrap() + "\n").collect()
}

/// What is printed is a step as what happens at the reactor is, and the lines are the reader's.
/// One test, as all of them take the same place.
#[test]
fn the_readers_run_is_recorded_beside_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let exercise = the_wait_that_is_missing();
    let wrong = exercise.read("wrong/waits_after_the_end.rs").unwrap();
    let wrong = wrong.replacen(" {\n    let", " { println!(\"mine\");\n    let", 1);
    let pair = recorded(folder.path(), &wrong);
    let expected = exercise.read("expected.txt").unwrap();
    assert_ne!(Verdict::of(pair.outcome, &expected), Verdict::Right);
    let [yours, right] = pair.recordings.unwrap();
    assert_eq!(printed(&right), expected);
    assert!(printed(&yours).starts_with("mine\n"));
    assert!(right.events.iter().any(|it| it.what == "socket-parked"));
    // The `main` around it is nobody's business.
    assert_eq!(right.events[0].place, Line::default());
    // The lines are there to be looked at; of the solution, nobody sees one.
    let mine = folder.path().join("2.1/exercise.rs").display().to_string();
    let check = "exercises/chapter02/1-the-wait-that-is-missing/check.rs";
    assert!(yours.files.contains(&mine) && yours.files.iter().any(|it| it == check));
    let line = exercise.read("check.rs").unwrap();
    let line = line.lines().position(|line| line.contains("still waited for")).unwrap();
    let last = right.events.iter().rfind(|it| it.what == "said").unwrap();
    assert_eq!(last.place.line, Some(u32::try_from(line + 1).unwrap()));
    assert!(right.files.iter().all(|file| file == check), "{:?}", right.files);
    assert_eq!((pair.text, pair.file), (wrong, mine.clone()));
    the_solution_runs_as_itself(folder.path(), &exercise);
    what_does_not_compile_has_no_run(folder.path(), &mine);
}

fn the_solution_runs_as_itself(folder: &Path, exercise: &Exercise) {
    let same = recorded(folder, &exercise.read("solution.rs").unwrap());
    let happened = |trace: Trace| {
        let events = trace.events.into_iter();
        events.map(|it| Event { place: Line::default(), ..it }).collect::<Vec<_>>()
    };
    let [yours, right] = same.recordings.unwrap().map(happened);
    assert_eq!(yours, right);
}

fn what_does_not_compile_has_no_run(folder: &Path, mine: &str) {
    let broken = recorded(folder, "fn broken( {}");
    assert!(broken.recordings.is_none());
    let Outcome::DoesNotCompile(errors) = broken.outcome else { panic!("it compiles") };
    assert!(errors.contains(mine), "{errors}");
}
