//! `lineage trace`: what the loop did in a run, in order, written to a file.

pub mod chrome;
pub mod json;
mod kernel;

use std::path::Path;
use std::{fs, io};

use reactor::backend::{self, Clockwork};
use reactor::trace::record as recording_of;
use site::count;
use site::countdown::with_periods;

use self::chrome::Chrome;
use self::json::Clock;
pub use self::json::Trace;
use crate::error::Error;
use crate::knobs::Knobs;
use crate::output::Output;
use crate::run::Program;
use crate::sim;
use crate::styles::Style;

/// How many pages a recorded crawl asks for: enough to see them overlap, and few enough to be
/// read.
const PAGES: usize = 8;

/// In which format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Ours: `docs/trace.md`.
    Json,
    /// Chrome's trace events.
    Perfetto,
}

/// Runs `program` in `style` and records what its loop does: a countdown under a virtual
/// clock; in a simulated network, an echo server with two clients, a crawl of a few pages,
/// a race over three addresses, or a room with two people.
/// Where there is no loop, the kernel is asked what it did, by strace: for the countdown,
/// which does nothing else.
///
/// # Errors
///
/// A usage error for another program without a loop; a failure if the program fails.
pub fn record(program: Program, style: &'static Style) -> Result<Trace, Error> {
    if program == Program::Countdown && !style.has_loop() {
        return kernel::countdown(style);
    }
    style.needs_a_loop("to record, but for its countdown")?;
    record_with(program, style, &Knobs::default())
}

/// The same with knobs that were turned, in a style that has a loop.
///
/// # Errors
///
/// As [`record`].
pub fn record_with(
    program: Program,
    style: &'static Style,
    knobs: &Knobs,
) -> Result<Trace, Error> {
    style.needs_a_loop("to record")?;
    let (result, recording) = recording_of(|| match program {
        Program::Countdown => countdown(style, knobs),
        Program::Echo => sim::talk(style, knobs),
        Program::Crawl => sim::stroll(style, knobs, PAGES),
        Program::HappyEyeballs => sim::dash(style, knobs),
        Program::Chat => sim::gossip(style, knobs),
    });
    result.map_err(|error| Error::Failure(format!("{}: {error}", style.name)))?;
    let (clock, seed) = match program {
        Program::Countdown => (Clock::Virtual, None),
        _ => (Clock::Simulated, Some(knobs.seed)),
    };
    Ok(Trace::new(program.name(), style.name, clock, seed, &recording))
}

/// Records, and writes to `out`; `-` is stdout.
///
/// # Errors
///
/// As [`record`]; a failure if the file cannot be written.
pub fn trace(
    program: Program,
    style: &'static Style,
    out: &Path,
    format: Format,
    output: &mut Output,
) -> Result<(), Error> {
    let trace = record(program, style)?;
    let text = match format {
        Format::Json => serde_json::to_string(&trace),
        Format::Perfetto => serde_json::to_string(&Chrome::new(&trace)),
    };
    let text = text.map_err(Error::failure)?;
    if out == Path::new("-") {
        return output.line(text);
    }
    fs::write(out, text + "\n")
        .map_err(|error| Error::Failure(format!("{}: {error}", out.display())))?;
    let events = count(trace.events.len(), "event");
    output.line(format_args!("{}: {events}", out.display()))
}

fn countdown(style: &Style, knobs: &Knobs) -> io::Result<()> {
    let body = || (style.countdown)().map(drop);
    with_periods(knobs.periods(), || backend::scope(Clockwork::new(), body))
}
