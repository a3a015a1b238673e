//! How far the crawl of the moment has come: a line that is written over, for people; for
//! everybody, a line when it is done.

use std::time::{Duration, Instant};

use site::count;

use super::race::Row;
use crate::error::Error;
use crate::keys::Keys;
use crate::output::{Output, columns};

/// How often the line is written over.
const TICK: Duration = Duration::from_millis(50);

/// How wide the bar is, where there is room.
const BAR: usize = 40;

/// The line of one style.
pub(crate) struct Live {
    style: &'static str,
    pages: usize,
    /// Whether anything is shown before the end.
    lively: bool,
    shown: Option<Instant>,
}

impl Live {
    pub(crate) fn new(style: &'static str, pages: usize, lively: bool) -> Self {
        Self { style, pages, lively, shown: None }
    }

    /// Shows how many requests were answered.
    ///
    /// # Errors
    ///
    /// [`Error::ReaderLeft`] when somebody pressed `q`.
    pub(crate) fn look(
        &mut self,
        served: usize,
        keys: Option<&mut Keys>,
        output: &mut Output,
    ) -> Result<(), Error> {
        if keys.is_some_and(Keys::quit) {
            if self.shown.is_some() {
                output.line("")?;
            }
            return Err(Error::ReaderLeft);
        }
        let now = Instant::now();
        if !self.lively || self.shown.is_some_and(|shown| now - shown < TICK) {
            return Ok(());
        }
        self.shown = Some(now);
        output.overwrite(bar(self.style, served, self.pages, columns()))
    }

    /// Writes the line that stays.
    pub(crate) fn finish(&self, row: &Row, output: &mut Output) -> Result<(), Error> {
        if self.lively {
            output.overwrite("")?;
        }
        let style = self.style;
        output.line(match (row.pages, row.seconds, row.errors) {
            (Some(pages), Some(seconds), Some(errors)) => {
                let (pages, errors) = (count(pages, "page"), count(errors, "error"));
                format!("  {style:<12} {seconds:>6.2} s, {pages}, {errors}")
            }
            _ => format!("  {style:<12} failed"),
        })
    }
}

/// How far it has come, in one line of a terminal that has so many columns.
pub(crate) fn bar(style: &str, served: usize, pages: usize, columns: usize) -> String {
    let (head, tail) = (format!("  {style:<12} ["), format!("] {served}/{pages}"));
    // In the last column, some terminals begin a new line.
    let width = columns.saturating_sub(head.len() + tail.len() + 1).min(BAR);
    let done = (served * width / pages).min(width);
    let (done, left) = ("#".repeat(done), ".".repeat(width - done));
    format!("{head}{done}{left}{tail}")
}

#[cfg(test)]
mod tests {
    use super::bar;

    #[test]
    fn a_bar_fits_its_line() {
        let whole =
            format!("  async-await  [{}{}] 10/40", "#".repeat(10), ".".repeat(30));
        assert_eq!(bar("async-await", 10, 40, 80), whole);
        assert_eq!(
            bar("async-await", 20, 40, 40),
            "  async-await  [########........] 20/40"
        );
        assert_eq!(bar("async-await", 20, 40, 10), "  async-await  [] 20/40");
    }
}
