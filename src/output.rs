//! The one way to stdout: through `io::Write`, where a closed pipe is the end and no panic.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::builder::StyledStr;
use serde::Serialize;

use crate::error::Error;

/// The size of a terminal that does not tell: columns, rows.
const USUAL: (usize, usize) = (80, 24);

/// Where a command writes, and what that can show.
pub struct Output {
    sink: Box<dyn Write>,
    /// Whether somebody sits in front of it.
    terminal: bool,
    /// Whether that somebody wants to see bold and colour.
    colour: bool,
}

impl Output {
    /// Stdout as it is: bold and colour only on a terminal, and not with `NO_COLOR`.
    pub fn stdout() -> Self {
        let terminal = io::stdout().is_terminal() && !is_dumb();
        let colour = terminal && !is_set("NO_COLOR");
        Self { sink: Box::new(io::stdout()), terminal, colour }
    }

    /// Whether a line can be written over.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// From here on as if it were a pipe.
    pub fn make_plain(&mut self) {
        self.terminal = false;
        self.colour = false;
    }

    /// Writes a line.
    ///
    /// # Errors
    ///
    /// [`Error::ReaderLeft`] when the pipe is closed; a failure when the disk is full.
    pub fn line(&mut self, text: impl fmt::Display) -> Result<(), Error> {
        self.show(format_args!("{text}\n"))
    }

    /// Writes as it stands, and sees to it that it arrives.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn show(&mut self, text: impl fmt::Display) -> Result<(), Error> {
        let shown = self.sink.write_fmt(format_args!("{text}"));
        shown.and_then(|()| self.sink.flush()).map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Error::ReaderLeft,
            _ => Error::failure(format_args!("cannot write to stdout: {error}")),
        })
    }

    /// Writes a help text, in bold and colour where they can be shown.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn styled(&mut self, text: &StyledStr) -> Result<(), Error> {
        if self.colour { self.show(text.ansi()) } else { self.show(text) }
    }

    /// Writes one JSON value and a line's end.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value).map_err(Error::failure)?;
        self.line(text)
    }

    /// Writes over the line that the cursor is on. Only for terminals. What the line has no
    /// room for is left out: it would go on to the next, which is not written over.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn overwrite(&mut self, text: impl fmt::Display) -> Result<(), Error> {
        let room = columns() - 1;
        self.show(format_args!("\r\x1b[K{}", clipped(&text.to_string(), room)))
    }

    /// The text in bold, where bold can be shown.
    pub fn bold(&self, text: impl fmt::Display) -> String {
        self.paint("1", text)
    }

    /// The text in red, where colour can be shown. Never the only sign of anything.
    pub fn red(&self, text: impl fmt::Display) -> String {
        self.paint("31", text)
    }

    /// The text in green, where colour can be shown. Never the only sign of anything.
    pub fn green(&self, text: impl fmt::Display) -> String {
        self.paint("32", text)
    }

    fn paint(&self, code: &str, text: impl fmt::Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Output");
        debug.field("terminal", &self.terminal).field("colour", &self.colour).finish()
    }
}

/// The text, as far as so many columns go.
pub(crate) fn clipped(text: &str, columns: usize) -> &str {
    text.char_indices().nth(columns).map_or(text, |(end, _)| &text[..end])
}

/// How wide the terminal is that stdout is.
pub(crate) fn columns() -> usize {
    terminal_size(io::stdout()).0
}

/// Columns and rows of a terminal.
#[cfg(unix)]
pub(crate) fn terminal_size(terminal: impl std::os::fd::AsFd) -> (usize, usize) {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 1 => {
            (size.ws_col.into(), size.ws_row.into())
        }
        _ => USUAL,
    }
}

#[cfg(not(unix))]
pub(crate) fn terminal_size(_: impl Write) -> (usize, usize) {
    USUAL
}

/// Whether an environment variable is there and says something.
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
