//! A screenful at a time.

use std::io::stdout;

use site::count;

use crate::error::Error;
use crate::keys::{Key, Keys};
use crate::output::{Output, terminal_size};

/// Shows lines as `paint` paints them, and stops before they run off the screen. `q` ends
/// the showing, not the tour.
pub(crate) fn show(
    lines: &[String],
    paint: fn(&str, &Output) -> String,
    keys: &mut Keys,
    output: &mut Output,
) -> Result<(), Error> {
    let (columns, rows) = terminal_size(stdout());
    let mut filled = 0;
    for (n, line) in lines.iter().enumerate() {
        let height = line.chars().count().div_ceil(columns).max(1);
        if n > 0 && filled + height >= rows {
            let all = count(lines.len(), "line");
            output.overwrite(format_args!(
                "-- {n} of {all}; any key: more, q: enough --"
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
