//! Was the talk right? Every claim measured, in Rust and in the Python that it was about, on
//! this machine, by one command.
//!
//! ```console
//! $ cargo bench --bench verdict                        # under twenty minutes
//! $ cargo bench --bench verdict -- --quick             # under one
//! $ cargo bench --bench verdict -- table [FILE]        # what a results file says
//! $ cargo bench --bench verdict -- report [FILE]       # the same as a page
//! $ cargo bench --bench verdict -- compare A B         # what changed beyond noise
//! $ cargo bench --bench verdict -- check [--write]     # what a count says, against the last
//! ```

#![allow(clippy::format_push_string, reason = "texts of some lines read better so")]

use std::env;
use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

mod callgrind;
mod cases;
mod claims;
mod clock;
mod compare;
mod counts;
mod echo;
mod goals;
mod load;
mod python;
mod report;
mod results;
mod rounds;
mod say;
mod stats;
mod strace;
mod table;
#[cfg(unix)]
mod turns;

#[path = "../memory.rs"]
#[allow(dead_code, reason = "a bench: its `main` is for running it")]
mod memory;

#[cfg(unix)]
#[path = "../../stage5-asyncio/steps/busy.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod busy;
#[path = "../../stage6-uvloop/examples/files.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod files;
#[path = "../peers/loops.rs"]
mod loops;
#[path = "../peers/mio_echo.rs"]
mod mio_echo;
#[path = "../peers/tasks.rs"]
mod peers;
#[path = "../peers/protocol_echo.rs"]
mod protocol_echo;
#[path = "../../reactor/examples/echo.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod reactor_echo;
#[path = "../peers/smol_echo.rs"]
mod smol_echo;
#[path = "../peers/timers.rs"]
mod timers;
#[cfg(target_os = "linux")]
#[path = "../peers/uring_echo.rs"]
mod uring_echo;

use lineage::error::named;
use load::Plan;
use memory::tokio_echo;
use results::Results;
use rounds::{QUICK, Scale, WHOLE};
use say::{has_left, say};

const HELP: &str = "\
Was the talk right?

Usage: cargo bench --bench verdict [-- COMMAND]

  (nothing)     measure everything, in less than twenty minutes
  --quick       measure less, in less than one; it takes the place of no whole run
  table [FILE]  print what a results file says: that of this machine, or another one
  report [FILE] the same as a page: target/verdict.html
  compare A B   print what changed between two results files, beyond noise; and with
                --write, keep how many of their figures agree, for the book
  check         count instructions, allocations and system calls, and fail if there are
                more than in the committed base line; it needs valgrind and strace
  check --write count, and make that the base line
  --help        say this";

fn main() -> ExitCode {
    #[cfg(unix)]
    busy::begin();
    let arguments: Vec<_> = env::args().skip(1).filter(|it| it != "--bench").collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let went = match *arguments {
        [] => measure(WHOLE, "cargo bench --bench verdict"),
        ["--quick"] => measure(QUICK, "cargo bench --bench verdict -- --quick"),
        ["table"] => table(&Results::path_of_this_machine()),
        ["table", file] => table(&resolved(file)),
        ["report"] => report(&Results::path_of_this_machine()),
        ["report", file] => report(&resolved(file)),
        ["check"] => check().map_err(unfinished),
        ["check", "--write"] => {
            counts::all().and_then(|counts| written(&counts)).map_err(unfinished)
        }
        ["compare", before, after] => compare(before, after, false),
        ["compare", before, after, "--write"] => compare(before, after, true),
        ["--help" | "-h" | "help"] => say(HELP),
        _ => {
            let Some(went) = started(&arguments) else {
                complain(HELP);
                return ExitCode::from(2);
            };
            went
        }
    };
    match went {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if has_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("verdict: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What this program starts itself, in a process of its own.
fn started(arguments: &[&str]) -> Option<io::Result<()>> {
    Some(match *arguments {
        ["--serve", name] => descriptors().and_then(|()| echo::serve(name)),
        ["--serve", name, port] => echo::serve_at(name, port),
        ["--count", id, times] => counts::run(id, times),
        ["--keep", name] => memory::keep(name),
        #[cfg(unix)]
        ["--turns"] => turns::tell(),
        ["--load", address, connections, size, time] => {
            load(address, connections, size, time)
        }
        _ => return None,
    })
}

/// On stderr. Where there is none, there is nobody to tell.
fn complain(text: impl Display) {
    drop(writeln!(io::stderr(), "{text}"));
}

/// Whoever leaves while it is counted has no answer yet, and whoever asked for one is told so.
fn unfinished(error: io::Error) -> io::Error {
    if has_left(&error) {
        io::Error::other("nobody reads, so not all was counted")
    } else {
        error
    }
}

fn measure(scale: Scale, command: &str) -> io::Result<()> {
    if cfg!(debug_assertions) {
        return Err(io::Error::other("built without optimisation, it would say nothing"));
    }
    let results = rounds::measure(scale, command)?;
    if results.rows.is_empty() {
        return Err(io::Error::other("interrupted before anything was measured"));
    }
    // Before anybody is told: who has left may come back for it.
    let file = results.write()?;
    say(table::of(&results, counts_for(&results).as_ref()).trim_end())?;
    say_written(&file)
}

/// What was counted last, if that was of the same instructions.
fn counts_for(results: &Results) -> Option<Results> {
    let counts = Results::read(&Results::path_of(counts::NAME)).ok()?;
    counts.machine.executes_the_same_as(&results.machine).then_some(counts)
}

fn written(results: &Results) -> io::Result<()> {
    say_written(&results.write()?)
}

fn say_written(file: &Path) -> io::Result<()> {
    say(format_args!("written to {}", file.display()))
}

fn report(path: &Path) -> io::Result<()> {
    let page = resolved("target/verdict.html");
    let results = Results::read(path)?;
    let text = report::of(&results, counts_for(&results).as_ref());
    let folder = page.parent().map_or(Ok(()), fs::create_dir_all);
    folder.and_then(|()| fs::write(&page, text)).map_err(named(&page))?;
    say_written(&page)
}

/// Counts do not depend on who else is on the machine, so they may be asserted.
fn check() -> io::Result<()> {
    let mut before = Results::read(&Results::path_of(counts::NAME))?;
    before.rows.retain(|row| counts::is_asserted(&row.id));
    let (worse, not_compared) = compare::counts(&before, &counts::ours()?);
    for line in not_compared {
        say(format_args!("not compared: {line}"))?;
    }
    for line in &worse {
        say(format_args!("WORSE: {line}"))?;
    }
    if worse.is_empty() {
        return say(format_args!(
            "nothing is worse than in the base line of {}",
            before.date
        ));
    }
    let hint = "cargo bench --bench verdict -- check --write, if it has to be";
    Err(io::Error::other(format!("{} counts are worse; {hint}", worse.len())))
}

fn table(path: &Path) -> io::Result<()> {
    let results = Results::read(path)?;
    say(table::of(&results, counts_for(&results).as_ref()).trim_end())
}

fn compare(before: &str, after: &str, is_kept: bool) -> io::Result<()> {
    let (before, after) =
        (Results::read(&resolved(before))?, Results::read(&resolved(after))?);
    let compared = compare::of(&before, &after);
    say(compared.text.trim_end())?;
    if is_kept { written(&compared.kept(&before, &after)?) } else { Ok(()) }
}

/// Cargo runs a bench in the folder of its package; whoever typed a path was there as well,
/// or gave a whole one.
fn resolved(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn load(address: &str, connections: &str, size: &str, time: &str) -> io::Result<()> {
    let number = |text: &str| text.parse::<usize>().map_err(io::Error::other);
    let time = Duration::from_millis(number(time)? as u64);
    let plan = Plan { connections: number(connections)?, size: number(size)?, time };
    descriptors()?;
    load::run(address.parse().map_err(io::Error::other)?, plan)
}

/// Ten thousand connections are ten thousand descriptors.
fn descriptors() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
