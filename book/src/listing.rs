//! Code on a page: a fence of mdBook's, under a caption that says where it is from.

use std::fmt::Write as _;

use crate::html::escape;

/// Lines of a file, from 1, both shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
}

impl Lines {
    /// All lines of a text.
    pub fn all(text: &str) -> Self {
        Self { first: 1, last: text.lines().count().max(1) }
    }

    /// These lines of a text, moved to the left as far as they go together.
    pub fn of(self, text: &str) -> String {
        let lines = text.lines().skip(self.first - 1).take(self.last + 1 - self.first);
        let lines: Vec<_> = lines.collect();
        let indent = |line: &&str| line.len() - line.trim_start().len();
        let filled = lines.iter().filter(|line| !line.trim().is_empty());
        let margin = filled.map(indent).min().unwrap_or(0);
        lines
            .iter()
            .map(|line| line.get(margin..).unwrap_or("").to_owned() + "\n")
            .collect()
    }

    /// Whether all of `other` is among these.
    pub fn hold(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }
}

/// A caption's words for lines of a file.
pub fn source(path: &str, lines: Lines) -> String {
    let Lines { first, last } = lines;
    let which = if first == last {
        format!("line {first}")
    } else {
        format!("lines {first}–{last}")
    };
    format!("<code>{}</code>, {which}", escape(path))
}

/// A figure with a caption, which is HTML, and a block of code.
pub fn figure(class: &str, caption: &str, language: &str, code: &str) -> String {
    let mut figure = format!("<figure class=\"{class}\">\n");
    _ = write!(
        figure,
        "<figcaption>{caption}</figcaption>\n\n{}\n",
        fence(language, code)
    );
    figure + "</figure>\n"
}

/// A fence that nothing in the code can close, with the code as it stands.
pub fn fence(language: &str, code: &str) -> String {
    let longest = code.lines().map(leading_ticks).max().unwrap_or(0);
    let ticks = "`".repeat(longest.max(2) + 1);
    let info = if language == "rust" { "rust,ignore" } else { language };
    let code: String = code.lines().map(|line| shown(language, line) + "\n").collect();
    format!("{ticks}{info}\n{code}{ticks}\n")
}

fn leading_ticks(line: &str) -> usize {
    line.trim_start().chars().take_while(|it| *it == '`').count()
}

/// mdBook hides a line of Rust that begins with `# `, and takes one of two `#`.
fn shown(language: &str, line: &str) -> String {
    let body = line.trim_start();
    let is_taken = body == "#" || body.starts_with("# ") || body.starts_with("##");
    if language != "rust" || !is_taken {
        return line.to_owned();
    }
    format!("{}#{body}", &line[..line.len() - body.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_in_the_code() {
        assert_eq!(fence("text", "a\n````\n"), "`````text\na\n````\n`````\n");
        assert_eq!(fence("rust", "/// ```\n"), "```rust,ignore\n/// ```\n```\n");
    }

    #[test]
    fn no_line_of_rust_is_hidden() {
        let code = "# a\n#\n## b\n#[derive(C)]\n  # d\n";
        let shown = "```rust,ignore\n## a\n##\n### b\n#[derive(C)]\n  ## d\n```\n";
        assert_eq!(fence("rust", code), shown);
    }

    #[test]
    fn lines_move_left_together() {
        let text = "a\n    b\n\n      c\nd\n";
        assert_eq!(Lines { first: 2, last: 4 }.of(text), "b\n\n  c\n");
    }
}
