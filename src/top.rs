//! `lineage top`: what a program's tasks do, looked at again and again.
//!
//! It is drawn over itself, below the line where it was called: nothing of the terminal is
//! hidden or taken over, so there is little to give back. What was seen last stays.

mod frame;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stage5_asyncio::debug::{Connection, Process, Question};

use crate::error::Error;
use crate::interrupt;
use crate::keys::{Key, Keys, Saved};
use crate::output::{Output, clipped, terminal_size};
use crate::ps::{found, hint};

pub use frame::Frame;

/// How soon a key, or another size of the terminal, is noticed.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Shows what the process of that number does, anew after each `every`, until a `q`. Without a
/// number, it is the only program there is. Without a terminal, it is shown once.
///
/// # Errors
///
/// A failure that says why there is nothing to see; a usage error if there are several.
pub fn top(pid: Option<u32>, every: Duration, output: &mut Output) -> Result<(), Error> {
    let pid = pid.map_or_else(the_only_one, Ok)?;
    let mut connection = Connection::to(pid).map_err(Error::failure)?;
    let first = ask(&mut connection)?;
    if !output.is_terminal() {
        thread::sleep(every);
        let now = ask(&mut connection)?;
        let frame = Frame::of(&first, &now, every);
        return frame.lines().iter().try_for_each(|line| output.line(line));
    }
    end_on_interrupt()?;
    let resumed = Arc::default();
    on_resume(&resumed)?;
    Watching { connection, last: first, every, drawn: None, resumed }.run(output)
}

fn the_only_one() -> Result<u32, Error> {
    match &*found()? {
        [] => Err(Error::Failure(hint())),
        [one] => Ok(one.pid),
        several => {
            let pids: Vec<_> = several.iter().map(|it| it.pid.to_string()).collect();
            let pids = pids.join(", ");
            Err(Error::Usage(format!("there are several programs, say which: {pids}")))
        }
    }
}

fn ask(connection: &mut Connection) -> Result<Process, Error> {
    connection.ask(Question::Counted).map_err(Error::failure)
}

/// Ctrl-C gives the terminal back as it was. The cursor is where the next prompt belongs.
fn end_on_interrupt() -> Result<(), Error> {
    let terminal = Saved::now();
    interrupt::on_interrupt(move || terminal.restore())
}

/// Somebody who looks on.
struct Watching {
    connection: Connection,
    last: Process,
    every: Duration,
    /// How many lines are drawn, and how large the terminal was then. `None`: what is on the
    /// screen is not ours.
    drawn: Option<(usize, (usize, usize))>,
    /// Set when the process goes on after a Ctrl-Z; taken by `forget_what_is_not_ours`.
    resumed: Arc<AtomicBool>,
}

impl Watching {
    fn run(&mut self, output: &mut Output) -> Result<(), Error> {
        // A file, or a pipe, is at its end at once: that is no wish to leave.
        let mut keys = io::stdin().is_terminal().then(Keys::listen);
        let mut since = Instant::now();
        loop {
            if self.pause(since, &mut keys) {
                return Ok(());
            }
            let now = ask(&mut self.connection)?;
            let frame = Frame::of(&self.last, &now, since.elapsed());
            since = Instant::now();
            self.last = now;
            self.draw(&frame, output)?;
        }
    }

    /// Waits for the next look, or until there is something to be drawn anew. `true`: somebody
    /// has seen enough.
    fn pause(&mut self, since: Instant, keys: &mut Option<Keys>) -> bool {
        loop {
            let typed = keys.as_mut().and_then(Keys::take);
            if typed == Some(Key::Quit) {
                return true;
            }
            self.forget_what_is_not_ours();
            let is_first = self.drawn.is_none() && !since.elapsed().is_zero();
            let is_resized = self.drawn.is_some_and(|(_, size)| size != size_now());
            let left = self.every.saturating_sub(since.elapsed());
            if is_first || is_resized || left.is_zero() {
                return false;
            }
            thread::sleep(LOOK_UP.min(left));
        }
    }

    /// Whoever comes back from Ctrl-Z finds a shell's words below the last picture.
    fn forget_what_is_not_ours(&mut self) {
        if self.resumed.swap(false, Ordering::SeqCst) {
            self.drawn = None;
        }
    }

    fn draw(&mut self, frame: &Frame, output: &mut Output) -> Result<(), Error> {
        let size @ (columns, rows) = size_now();
        // The program may have been stopped while it was asked.
        self.forget_what_is_not_ours();
        let back = match self.drawn {
            Some((lines, before)) if before == size => format!("\x1b[{lines}A\r\x1b[J"),
            // What was drawn may be broken into more lines now.
            Some(_) => "\x1b[2J\x1b[H".to_owned(),
            None => String::new(),
        };
        let lines = frame.fitting(rows - 1);
        let shown: String = lines
            .iter()
            .map(|line| format!("{}\n", clipped(line, columns - 1)))
            .collect();
        self.drawn = Some((lines.len(), size));
        output.show(format_args!("{back}{shown}"))
    }
}

fn size_now() -> (usize, usize) {
    terminal_size(io::stdout())
}

/// Sets `flag` when the process goes on after a Ctrl-Z.
fn on_resume(flag: &Arc<AtomicBool>) -> Result<(), Error> {
    signal_hook::flag::register(signal_hook::consts::SIGCONT, Arc::clone(flag))
        .map(drop)
        .map_err(|error| Error::Failure(format!("cannot wait for SIGCONT: {error}")))
}
