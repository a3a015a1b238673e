//! A screenful at a time.

use crate::error::Error;
use crate::keys::{Key, Keys};
use crate::output::Output;

/// The height of a terminal that does not tell.
const ROWS: usize = 24;

/// Shows lines, and stops before they run off the screen. `q` ends the showing, not the tour.
pub(crate) fn show(
    lines: &[String],
    keys: &mut Keys,
    output: &mut Output,
) -> Result<(), Error> {
    let page = rows().saturating_sub(1).max(2);
    for (n, line) in lines.iter().enumerate() {
        if n > 0 && n % page == 0 {
            output.show(format_args!(
                "-- {n} of {} lines; any key: more, q: enough --",
                lines.len()
            ))?;
            let key = keys.wait();
            output.overwrite("")?;
            if key == Key::Quit {
                return Ok(());
            }
        }
        output.line(line)?;
    }
    Ok(())
}

#[cfg(unix)]
fn rows() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map(|size| usize::from(size.ws_row))
        .ok()
        .filter(|rows| *rows > 0)
        .unwrap_or(ROWS)
}

#[cfg(not(unix))]
fn rows() -> usize {
    ROWS
}
