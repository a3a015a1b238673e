//! `lineage ps`: the tasks of a program that runs, and who waits for what.

use stage5_asyncio::debug::{Connection, Process, Question, programs};

use crate::error::Error;
use crate::invocation::to_type;
use crate::output::{Output, clipped};

/// What a program's command line may take of a line.
const PROGRAM: usize = 60;

/// Shows the tree of the process of that number; without one, lists those that show theirs.
///
/// # Errors
///
/// A failure that says why there is nothing to see.
pub fn ps(pid: Option<u32>, json: bool, output: &mut Output) -> Result<(), Error> {
    match pid {
        Some(pid) => {
            let process = ask(pid)?;
            if json { output.json(&process) } else { output.show(process) }
        }
        None => list(json, output),
    }
}

fn list(json: bool, output: &mut Output) -> Result<(), Error> {
    let found = found()?;
    if json {
        return output.json(&found);
    }
    if found.is_empty() {
        return output.line(hint());
    }
    output.line(format_args!("{:>7} {:>5} {:>6}  PROGRAM", "PID", "LOOPS", "TASKS"))?;
    found.iter().try_for_each(|process| {
        let tasks: usize = process.loops.iter().map(|it| it.tasks.len()).sum();
        let (pid, loops) = (process.pid, process.loops.len());
        let program = plain(&process.program);
        let program = clipped(&program, PROGRAM);
        output.line(format_args!("{pid:>7} {loops:>5} {tasks:>6}  {program}"))
    })
}

/// All programs that show their tasks. One that ends meanwhile is none.
pub(crate) fn found() -> Result<Vec<Process>, Error> {
    let pids = programs().map_err(Error::failure)?;
    Ok(pids.into_iter().filter_map(|pid| ask(pid).ok()).collect())
}

fn ask(pid: u32) -> Result<Process, Error> {
    let answer = Connection::to(pid).and_then(|mut it| it.ask(Question::Tree));
    answer.map_err(Error::failure)
}

/// What there is to do where there is nothing to see.
pub(crate) fn hint() -> String {
    format!(
        "no program shows its tasks; one that does is started by: {}",
        to_type("run chat --style asyncio")
    )
}

/// Text from a program, in which nothing tells a terminal what to do.
pub(crate) fn plain(text: &str) -> String {
    text.replace(|char: char| char.is_control(), "?")
}
