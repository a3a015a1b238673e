//! `lineage trace`: what the loop did in a run, in order, written to a file.

pub mod chrome;
pub mod json;
mod kernel;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::{fs, io, thread};

use reactor::backend::{self, Clockwork};
use reactor::trace::{Recording, record as recording_of};
use site::server::Server;
use site::{Control, Job, Site, Target};

use self::chrome::Chrome;
use self::json::Clock;
pub use self::json::Trace;
use crate::error::Error;
use crate::output::Output;
use crate::run::{Program, no_site};
use crate::styles::Style;

/// How many pages a recorded crawl asks for, and how many at once: enough to see them
/// overlap, and few enough to be read.
const PAGES: (usize, usize) = (8, 3);

/// In which format to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Ours: `docs/trace.md`.
    Json,
    /// Chrome's trace events.
    Perfetto,
}

/// Runs `program` in `style` and records what its loop does: a countdown under a virtual
/// clock, an echo server with two clients, a crawl of a few pages. Where there is no loop,
/// the kernel is asked what it did, by strace: for the countdown, which does nothing else.
///
/// # Errors
///
/// A usage error for another program without a loop; a failure if the program fails.
pub fn record(program: Program, style: &'static Style) -> Result<Trace, Error> {
    if !style.has_loop() {
        if program == Program::Countdown {
            return kernel::countdown(style);
        }
        style.needs_a_loop("to record, but for its countdown")?;
    }
    let (clock, (result, recording)) = match program {
        Program::Countdown => (Clock::Virtual, countdown(style)),
        Program::Echo => (Clock::Real, echo(style)),
        Program::Crawl => (Clock::Real, crawl(style)?),
    };
    result.map_err(|error| Error::Failure(format!("{}: {error}", style.name)))?;
    Ok(Trace::new(program.name(), style.name, clock, None, &recording))
}

/// Records, and writes to `out`.
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
    fs::write(out, text + "\n")
        .map_err(|error| Error::Failure(format!("{}: {error}", out.display())))?;
    let events = trace.events.len();
    output.line(format_args!("{}: {events} events", out.display()))
}

type Recorded = (io::Result<()>, Recording);

fn countdown(style: &Style) -> Recorded {
    let body = || (style.countdown)().map(drop);
    recording_of(|| backend::scope(Clockwork::new(), body))
}

fn echo(style: &'static Style) -> Recorded {
    let control = Control::new();
    let clients = thread::spawn({
        let control = control.clone();
        move || {
            let served = control.address().map_or(Ok(()), talk);
            control.stop();
            served
        }
    });
    let (served, recording) = recording_of(|| {
        let served = (style.echo)(SocketAddr::from(([127, 0, 0, 1], 0)), control.clone());
        control.failed();
        served
    });
    let talked =
        clients.join().unwrap_or_else(|_| Err(io::Error::other("a client panicked")));
    (served.and(talked), recording)
}

/// Two clients, who speak in turn.
fn talk(address: SocketAddr) -> io::Result<()> {
    let mut clients = [TcpStream::connect(address)?, TcpStream::connect(address)?];
    let mut answer = [0; 5];
    for word in [b"hello", b"again"] {
        for client in &mut clients {
            client.write_all(word)?;
            client.read_exact(&mut answer)?;
        }
    }
    for client in &mut clients {
        client.shutdown(Shutdown::Write)?;
        client.read_to_end(&mut Vec::new())?;
    }
    Ok(())
}

fn crawl(style: &'static Style) -> Result<Recorded, Error> {
    let server = Server::start(Site::friendly()).map_err(|error| no_site(&error))?;
    let target = Target::resolve(&server.url()).map_err(Error::failure)?;
    let (limit, concurrency) = PAGES;
    let job = Job { limit, concurrency, ..Job::new(target) };
    Ok(recording_of(|| (style.crawl)(job).map(drop)))
}
