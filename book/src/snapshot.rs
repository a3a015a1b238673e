//! `{{#run NAME}}`: what a command printed, from `snapshots/NAME.txt`.
//!
//! The first line is the command, as one would type it: `$ lineage run countdown --style
//! callbacks`. `book check` runs it again and compares. If it ends in `# numbers differ`
//! (times, ports), the comparison takes all numbers for equal, and blanks too; the remark is
//! not shown.

use crate::listing;
use crate::places::{Answer, Places};

/// The folder, from the book's.
pub const FOLDER: &str = "snapshots";

/// What a command says that does not print the same numbers twice.
const NUMBERS_DIFFER: &str = "# numbers differ";

/// A snapshot's file, from the book's folder.
pub fn path(name: &str) -> String {
    format!("{FOLDER}/{name}.txt")
}

/// A recorded command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What was typed, without the dollar.
    pub command: String,
    /// Whether its numbers are not the same each time.
    pub numbers_differ: bool,
    /// What it printed.
    pub output: String,
}

impl Snapshot {
    /// Reads `snapshots/NAME.txt`.
    ///
    /// # Errors
    ///
    /// Fails when there is no such file, or when it has no command.
    pub fn read(places: &Places, name: &str) -> Answer<Self> {
        let path = path(name);
        let text = places.read_own(&path)?;
        let (first, output) = text.split_once('\n').unwrap_or((&text, ""));
        let command = first.strip_prefix("$ ").ok_or_else(|| {
            format!("{path} has to begin with its command: $ lineage …")
        })?;
        let numbers_differ = command.ends_with(NUMBERS_DIFFER);
        let command = command.trim_end_matches(NUMBERS_DIFFER).trim_end().to_owned();
        Ok(Self { command, numbers_differ, output: output.to_owned() })
    }

    /// As the file has it, with this output.
    pub fn with_output(&self, output: &str) -> String {
        let remark = if self.numbers_differ {
            format!("  {NUMBERS_DIFFER}")
        } else {
            String::new()
        };
        format!("$ {}{remark}\n{output}", self.command)
    }

    /// Whether the command has printed what is recorded.
    pub fn agrees_with(&self, output: &str) -> bool {
        if self.numbers_differ {
            return without_numbers(&self.output) == without_numbers(output);
        }
        self.output == output
    }
}

/// The recorded output as a block that looks like a terminal.
///
/// # Errors
///
/// Like [`Snapshot::read`].
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let Snapshot { command, output, .. } = Snapshot::read(places, name)?;
    let text = format!("$ {command}\n{output}");
    let caption = format!("What <code>{}</code> prints", crate::html::escape(&command));
    Ok(listing::figure("run", &caption, "console", &text))
}

/// Each number as a `0`, each run of blanks as one.
fn without_numbers(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| {
            let mut plain = String::new();
            for char in line.trim().chars() {
                let char = match char {
                    '0'..='9' => '0',
                    '─' | '█' => ' ',
                    char => char,
                };
                let is_more = plain.ends_with(char) && matches!(char, '0' | ' ');
                if !is_more {
                    plain.push(char);
                }
            }
            plain
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_the_blanks_around_them_may_differ() {
        let command = "lineage run countdown".to_owned();
        let output = "a  0.25 s\nb".to_owned();
        let mut snapshot = Snapshot { command, numbers_differ: true, output };
        assert!(snapshot.agrees_with("a 10.3 s\nb"));
        assert!(!snapshot.agrees_with("a 10.3 s\nc"));
        snapshot.numbers_differ = false;
        assert!(!snapshot.agrees_with("a  0.26 s\nb"));
    }
}
