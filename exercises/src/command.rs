//! `check`, as it is typed.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Parser;
use lineage::args::answer;
use lineage::error::Error;
use lineage::interrupt;
use lineage::output::Output;

use crate::catalogue::{Choice, Exercise};
use crate::desk::Desk;
use crate::verdict::Verdict;

/// Check what you wrote in `work/`. The first check of an exercise lays its skeleton there.
#[derive(Debug, Parser)]
#[command(
    name = "lineage check",
    bin_name = "lineage check",
    after_help = "To begin an exercise again, delete its folder in work/."
)]
struct Args {
    /// A chapter (2) or an exercise (2.1); without it: the list of all
    exercise: Option<Choice>,

    /// Show a hint; again for the next one: --hint --hint
    #[arg(long, action = clap::ArgAction::Count, requires = "exercise")]
    hint: u8,

    /// Show the solution, and why it is one
    #[arg(long, requires = "exercise", conflicts_with = "hint")]
    solution: bool,
}

/// How long after Ctrl-C the program that runs may take to be ended.
const GRACE: Duration = Duration::from_secs(1);

/// Does what the command line says.
///
/// # Errors
///
/// A failure if something is wrong with the exercise; in one line if with the surroundings.
pub fn run(output: &mut Output) -> Result<(), Error> {
    let args = Args::try_parse().map_err(|error| answer(&error, output))?;
    let root = root();
    let all =
        Exercise::all(&root.join("exercises")).map_err(|error| out_of_place(&error))?;
    let desk = Desk::of_the_reader(&root);
    let Some(choice) = args.exercise else { return list(&all, &desk, output) };
    let chosen: Vec<_> = all.iter().filter(|it| choice.takes(it.number)).collect();
    if chosen.is_empty() {
        let numbers: Vec<_> = all.iter().map(|it| it.number.to_string()).collect();
        let there_are = numbers.join(", ");
        return Err(Error::Usage(format!(
            "there is no such exercise; there are: {there_are}"
        )));
    }
    let interrupt = desk.interrupt();
    interrupt::on_interrupt(move || {
        interrupt.now();
        thread::sleep(GRACE);
    })?;
    let mut wrong = 0;
    for exercise in chosen {
        if args.solution {
            show_solution(exercise, output)?;
        } else if args.hint > 0 {
            show_hints(exercise, args.hint.into(), output)?;
        } else if !check(exercise, &desk, output)? {
            wrong += 1;
        }
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Error::failure("one exercise is not right yet")),
        n => Err(Error::Failure(format!("{n} exercises are not right yet"))),
    }
}

/// The root of the workspace that this was built in.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

fn out_of_place(error: &io::Error) -> Error {
    Error::Failure(format!(
        "the exercises are not where they were built: {error}; run this from a checkout"
    ))
}

fn list(all: &[Exercise], desk: &Desk, output: &mut Output) -> Result<(), Error> {
    for exercise in all {
        let begun = desk.exercise(exercise.number).exists();
        let mark = if begun { "begun" } else { "" };
        let title = exercise.title().map_err(Error::failure)?;
        let number = exercise.number.to_string();
        let line = format!("{number:>5}  {title:50} {mark}");
        output.line(line.trim_end())?;
    }
    output.line("\nlineage check 1.1 begins the first of them.")
}

/// Checks one exercise, or begins it. Says whether it is right.
fn check(exercise: &Exercise, desk: &Desk, output: &mut Output) -> Result<bool, Error> {
    let (number, title) = (exercise.number, exercise.title().map_err(Error::failure)?);
    let file = desk.exercise(number);
    if !desk.begin(exercise).map_err(Error::failure)? {
        let statement = exercise.read("statement.md").map_err(Error::failure)?;
        output.line(statement.trim_end())?;
        output.line(format_args!("\nYour file: {}\n", file.display()))?;
    }
    output.line(format_args!("{number} {title}: building and running it …"))?;
    let name = number.to_string();
    desk.renew_check(exercise, &name).map_err(Error::failure)?;
    let outcome = desk.try_program(&name).map_err(|error| tried(&error))?;
    let expected = exercise.read("expected.txt").map_err(Error::failure)?;
    match Verdict::of(outcome, &expected) {
        Verdict::Right => {
            output.line(format_args!("{number} is right.\n"))?;
            output.line(exercise.read("why.md").map_err(Error::failure)?.trim_end())?;
            return Ok(true);
        }
        Verdict::DoesNotCompile(errors) => {
            output.line(format_args!("{number} does not compile:\n{errors}"))?;
        }
        Verdict::Wrong(difference) => {
            output.line(format_args!(
                "{number} is not right yet. The first difference:\n"
            ))?;
            output.line(&difference)?;
        }
    }
    output.line(format_args!(
        "The task: {}\nYour file: {}\nA hint: lineage check {number} --hint",
        exercise.file("statement.md").display(),
        file.display()
    ))?;
    Ok(false)
}

/// Why a trial was none. Who interrupted it knows why.
fn tried(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::Interrupted => {
            Error::Companion(u8::try_from(interrupt::STATUS).unwrap_or(1))
        }
        _ => Error::failure(error),
    }
}

fn show_hints(
    exercise: &Exercise,
    count: usize,
    output: &mut Output,
) -> Result<(), Error> {
    let hints = exercise.hints().map_err(Error::failure)?;
    let all = hints.len();
    for (index, hint) in hints.iter().take(count).enumerate() {
        output.line(format_args!(
            "Hint {} of {all} for {}: {hint}\n",
            index + 1,
            exercise.number
        ))?;
    }
    if count < all {
        let (number, more) = (exercise.number, " --hint".repeat(count + 1));
        output.line(format_args!("The next: lineage check {number}{more}"))?;
    }
    Ok(())
}

fn show_solution(exercise: &Exercise, output: &mut Output) -> Result<(), Error> {
    for file in ["solution.rs", "why.md"] {
        output.line(exercise.read(file).map_err(Error::failure)?.trim_end())?;
        output.line("")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Args;

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_hint_is_for_an_exercise() {
        for typed in [&["--hint"][..], &["--solution"], &["1.1", "--hint", "--solution"]]
        {
            let args = ["check"].iter().chain(typed);
            assert!(Args::try_parse_from(args).is_err(), "{typed:?} was taken");
        }
        assert!(Args::try_parse_from(["check", "1.1", "--hint", "--hint"]).is_ok());
    }
}
