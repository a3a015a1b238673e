//! A screenful at a time.

use crate::error::Error;
use crate::keys::{Key, Keys};
use crate::output::Output;

/// The size of a terminal that does not tell: columns, rows.
const USUAL: (usize, usize) = (80, 24);

/// Shows lines as `paint` paints them, and stops before they run off the screen. `q` ends
/// the showing, not the tour.
pub(crate) fn show(
    lines: &[String],
    paint: fn(&str, &Output) -> String,
    keys: &mut Keys,
    output: &mut Output,
) -> Result<(), Error> {
    let (columns, rows) = size();
    let mut filled = 0;
    for (n, line) in lines.iter().enumerate() {
        let height = line.chars().count().div_ceil(columns).max(1);
        if n > 0 && filled + height >= rows {
            output.show(format_args!(
                "-- {n} of {} lines; any key: more, q: enough --",
                lines.len()
            ))?;
            let key = keys.wait();
            output.overwrite("")?;
            if key == Key::Quit {
                return Ok(());
            }
            filled = 0;
        }
        output.line(paint(line, output))?;
        filled += height;
    }
    Ok(())
}

/// Columns and rows of the terminal.
#[cfg(unix)]
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 1 => {
            (size.ws_col.into(), size.ws_row.into())
        }
        _ => USUAL,
    }
}

#[cfg(not(unix))]
fn size() -> (usize, usize) {
    USUAL
}
