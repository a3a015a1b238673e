//! `check`, as it is typed.

use std::io;

use lineage::args::Check;
use lineage::companion::{Companion, from_here, workspace};
use lineage::error::Error;
use lineage::interrupt;
use lineage::invocation::to_type;
use lineage::output::Output;

use crate::catalogue::{Exercise, no_such};
use crate::desk::Desk;
use crate::trial::Outcome;
use crate::verdict::Verdict;

/// Does what the command line says.
///
/// # Errors
///
/// A failure if something is wrong with the exercise; in one line if with the surroundings.
pub fn run(args: &Check, output: &mut Output) -> Result<(), Error> {
    let root = workspace();
    let all =
        Exercise::all(&root.join("exercises")).map_err(|error| out_of_place(&error))?;
    let desk = Desk::of_the_reader(&root);
    let Some(choice) = args.exercise else { return list(&all, &desk, output) };
    let chosen: Vec<_> = all.iter().filter(|it| choice.takes(it.number)).collect();
    if chosen.is_empty() {
        return Err(Error::Usage(no_such(&all)));
    }
    if args.step && chosen.len() > 1 {
        return Err(too_many(chosen[0]));
    }
    let interrupt = desk.interrupt();
    interrupt::stop_on_interrupt(move || interrupt.now())?;
    let mut wrong = 0;
    for exercise in chosen {
        if args.solution {
            show_solution(exercise, output)?;
        } else if args.hint > 0 {
            show_hints(exercise, args.hint.into(), output)?;
        } else if args.step {
            return step(exercise, args.plain, &desk, output);
        } else if !check(exercise, &desk, output)? {
            wrong += 1;
        }
    }
    if !args.solution && args.hint == 0 {
        name_the_next(&all, &desk, output)?;
    }
    match wrong {
        0 => Ok(()),
        1 => Err(Error::failure("one exercise is not right yet")),
        n => Err(Error::Failure(format!("{n} exercises are not right yet"))),
    }
}

fn too_many(first: &Exercise) -> Error {
    Error::Usage(format!("--step is for one exercise, such as {}", first.number))
}

fn out_of_place(error: &io::Error) -> Error {
    Error::Failure(format!("no exercises here: {error}; run this in a checkout"))
}

fn list(all: &[Exercise], desk: &Desk, output: &mut Output) -> Result<(), Error> {
    for exercise in all {
        let (number, title) =
            (exercise.number, exercise.title().map_err(Error::failure)?);
        let mark = match desk.is_solved(number) {
            true => "solved",
            false if desk.exercise(number).exists() => "begun",
            false => "",
        };
        let line = format!("{:>5}  {title:50} {mark}", number.to_string());
        output.line(line.trim_end())?;
    }
    output.line("")?;
    name_the_next(all, desk, output)
}

/// Names the first exercise that is not solved.
fn name_the_next(
    all: &[Exercise],
    desk: &Desk,
    output: &mut Output,
) -> Result<(), Error> {
    let Some(next) = all.iter().find(|it| !desk.is_solved(it.number)) else {
        return output.line("All exercises are solved.");
    };
    let (number, title) = (next.number, next.title().map_err(Error::failure)?);
    let how = to_type(&format!("check {number}"));
    output.line(format_args!("The next: {number} {title}\n  {how}"))
}

/// Checks one exercise, or begins it. Says whether it is right.
fn check(exercise: &Exercise, desk: &Desk, output: &mut Output) -> Result<bool, Error> {
    begin(exercise, desk, output)?;
    let outcome = desk.check(exercise).map_err(|error| not_tried(&error))?;
    tell(exercise, outcome, desk, output)
}

/// Checks one exercise, and shows its run beside that of the solution.
fn step(
    exercise: &Exercise,
    plain: bool,
    desk: &Desk,
    output: &mut Output,
) -> Result<(), Error> {
    begin(exercise, desk, output)?;
    let pair = desk.record(exercise).map_err(|error| not_tried(&error))?;
    tell(exercise, pair.outcome, desk, output)?;
    let Some([yours, right]) = pair.recordings else {
        let number = exercise.number;
        return Err(Error::Failure(format!(
            "{number} has no run to look at: it does not compile, or had to be ended"
        )));
    };
    // Whoever shows the runs takes our place.
    let mut typed = vec![yours.into_os_string(), "--beside".into(), right.into()];
    typed.extend(plain.then(|| "--plain".into()));
    Companion::STEPPER.run(&typed)
}

/// Lays its file on the desk, if it is not there, and says what is going to happen.
fn begin(exercise: &Exercise, desk: &Desk, output: &mut Output) -> Result<(), Error> {
    let (number, title) = (exercise.number, exercise.title().map_err(Error::failure)?);
    let file = desk.exercise(number);
    if !desk.begin(exercise).map_err(|error| not_tried(&error))? {
        let statement = exercise.read("statement.md").map_err(Error::failure)?;
        output.line(statement.trim_end())?;
        output.line(format_args!("\nYour file: {}\n", from_here(&file).display()))?;
    }
    output.line(format_args!("{number} {title}: building and running it …"))
}

/// Tells what came of it. Says whether it is right.
fn tell(
    exercise: &Exercise,
    outcome: Outcome,
    desk: &Desk,
    output: &mut Output,
) -> Result<bool, Error> {
    let number = exercise.number;
    let expected = exercise.read("expected.txt").map_err(Error::failure)?;
    let verdict = Verdict::of(outcome, &expected);
    output.line(verdict.sentence(number))?;
    match verdict {
        Verdict::Right => {
            output.line("")?;
            output.line(exercise.read("why.md").map_err(Error::failure)?.trim_end())?;
            output.line("")?;
            desk.remember(number).map_err(Error::failure)?;
            return Ok(true);
        }
        Verdict::DoesNotCompile(errors) => output.line(errors)?,
        Verdict::Wrong(difference) => output.line(format_args!("\n{difference}"))?,
    }
    let [task, file] =
        [exercise.file("statement.md"), desk.exercise(number)].map(|it| from_here(&it));
    output.line(format_args!(
        "The task: {}\nYour file: {}\nA hint: {}\n",
        task.display(),
        file.display(),
        to_type(&format!("check {number} --hint"))
    ))?;
    Ok(false)
}

/// Why a trial was none. Who interrupted it knows why.
pub(crate) fn not_tried(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::Interrupted => Error::INTERRUPTED,
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
        let more = format!("check {}{}", exercise.number, " --hint".repeat(count + 1));
        output.line(format_args!("The next hint: {}", to_type(&more)))?;
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
