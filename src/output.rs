//! The one way to stdout: through `io::Write`, where a closed pipe is the end and no panic.

use std::fmt;
use std::io::{self, ErrorKind, IsTerminal, Write};

use serde::Serialize;

use crate::error::Error;

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

    /// Writes one JSON value and a line's end.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(value).map_err(Error::failure)?;
        self.line(text)
    }

    /// Writes over the line that the cursor is on. Only for terminals.
    ///
    /// # Errors
    ///
    /// Like [`line`](Self::line).
    pub fn overwrite(&mut self, text: impl fmt::Display) -> Result<(), Error> {
        self.show(format_args!("\r\x1b[K{text}"))
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

/// Whether an environment variable is there and says something.
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// How this command was called, so that what is suggested can be typed.
pub(crate) fn invocation() -> String {
    // Cargo says so to what it runs.
    if is_set("CARGO_MANIFEST_DIR") {
        let release = if cfg!(debug_assertions) { "" } else { " --release" };
        return format!("cargo run -q{release} --");
    }
    std::env::args().next().unwrap_or_else(|| "lineage".to_owned())
}
