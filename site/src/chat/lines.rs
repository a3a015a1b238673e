//! Bytes to lines: whatever arrives, what comes out can be shown.

use super::{LONGEST_LINE, LONGEST_NAME};

/// Bytes that have arrived and are not yet lines that were said.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
    /// The rest of a line that was too long is still to come.
    is_skipping: bool,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Text(String),
    TooLong,
}

impl Inbox {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next line, if its end has arrived, or if it is too long already.
    pub(super) fn next(&mut self) -> Option<Line> {
        loop {
            let rest = &self.bytes[self.taken..];
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                return self.unfinished();
            };
            let line = &rest[..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let is_long = line.len() > LONGEST_LINE;
            let text = if is_long { String::new() } else { shown(line) };
            self.taken += end + 1;
            if !std::mem::take(&mut self.is_skipping) {
                return Some(if is_long { Line::TooLong } else { Line::Text(text) });
            }
        }
    }

    /// There is no end of a line: what is there is kept, unless it is too much already. (One
    /// byte more may be the `\r` of an end to come.)
    fn unfinished(&mut self) -> Option<Line> {
        let (was_skipping, is_long) = (self.is_skipping, self.len() > LONGEST_LINE + 1);
        if is_long || was_skipping {
            *self = Self { is_skipping: true, ..Self::default() };
        }
        (is_long && !was_skipping).then_some(Line::TooLong)
    }

    /// How many bytes it holds that have not been taken.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }
}

/// The text of a line, as it can be shown in any terminal: what is not UTF-8, what moves the
/// cursor and what turns the direction of writing is shown as a replacement character.
fn shown(line: &[u8]) -> String {
    let show = |char: char| match char {
        '\t' => ' ',
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        char if char.is_control() => char::REPLACEMENT_CHARACTER,
        char => char,
    };
    String::from_utf8_lossy(line).trim_end().chars().map(show).collect()
}

/// Whether somebody can be called that. No name is taken for something else in a line: it has
/// neither blanks nor colons, and does not begin like a command.
pub(super) fn is_name(name: &str) -> bool {
    let is_fine = |char: char| char.is_alphanumeric() || char == '-' || char == '_';
    name.starts_with(char::is_alphanumeric)
        && name.chars().all(is_fine)
        && name.chars().count() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Line {
        Line::Text(text.to_owned())
    }

    /// The lines, when the bytes arrive in pieces of that size.
    fn lines(bytes: &[u8], size: usize) -> Vec<Line> {
        let mut inbox = Inbox::default();
        let mut lines = Vec::new();
        for piece in bytes.chunks(size) {
            inbox.push(piece);
            lines.extend(std::iter::from_fn(|| inbox.next()));
        }
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let bytes = b"one\r\ntwo\n\nthree \r\nfour";
        let right = [text("one"), text("two"), text(""), text("three")];
        for size in 1..=bytes.len() {
            assert_eq!(lines(bytes, size), right, "in pieces of {size}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_its_rest_skipped() {
        let long = |length, end: &str| [&*vec![b'x'; length], end.as_bytes()].concat();
        let just = long(LONGEST_LINE, "\r\n");
        for size in [1, 7, 4096] {
            assert_eq!(lines(&just, size), [text(&"x".repeat(LONGEST_LINE))]);
            for length in [LONGEST_LINE + 1, LONGEST_LINE + 2, 10_000] {
                let bytes = long(length, "\nnext\n");
                assert_eq!(lines(&bytes, size), [Line::TooLong, text("next")]);
            }
            assert_eq!(lines(&long(50_000, ""), size), [Line::TooLong]);
        }
    }

    #[test]
    fn what_has_no_end_is_not_kept_for_ever() {
        let mut inbox = Inbox::default();
        for _ in 0..1000 {
            inbox.push(&[b'x'; 100]);
            while inbox.next().is_some() {}
            assert!(inbox.len() <= LONGEST_LINE + 1);
        }
    }

    #[test]
    fn nothing_that_is_shown_moves_the_cursor() {
        let clear = b"a\x1b[2Jb\x07\rc\td\n";
        assert_eq!(lines(clear, 99), [text("a\u{fffd}[2Jb\u{fffd}\u{fffd}c d")]);
        let latin = b"gr\xfc\xdf \xff\xfb\x01\n";
        assert_eq!(
            lines(latin, 99),
            [text("gr\u{fffd}\u{fffd} \u{fffd}\u{fffd}\u{fffd}")]
        );
        let turned = "a\u{202e}b\u{2028}c, grüß\n";
        assert_eq!(lines(turned.as_bytes(), 1), [text("a\u{fffd}b\u{fffd}c, grüß")]);
    }

    #[test]
    fn a_name_cannot_be_taken_for_something_else() {
        for good in ["ann", "a", "Änne", "r2-d2", "x_y", &"n".repeat(LONGEST_NAME)] {
            assert!(is_name(good), "{good}");
        }
        let long = "n".repeat(LONGEST_NAME + 1);
        for bad in ["", " ", "a b", "a:", "/who", "-", "-a", "*", "a\u{fffd}", &long] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
