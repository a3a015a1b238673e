//! `{{#grow FILE FILE ...}}`: a program as it grows. The first version is shown whole, and of
//! each that follows what it adds.

use similar::{ChangeTag, TextDiff};

use crate::coverage::Shown;
use crate::difference::{touched, unified};
use crate::directive::Expanded;
use crate::item::Piece;
use crate::listing;
use crate::places::{Answer, Places};

/// So many lines a first version may have, without its head: what one takes in at a glance.
const FIRST: usize = 25;

/// And so many a version may add and take away: a screen.
const STEP: usize = 40;

/// The first file, and the differences.
///
/// # Errors
///
/// Says which file is missing, is as the one before, or grows too much at once.
pub fn expand(places: &Places, first: &str, rest: &[&str]) -> Answer<Expanded> {
    let whole = Piece::of(places, first, "*")?;
    let code = without_head(&whole.code);
    let lines = code.lines().count();
    if lines > FIRST {
        return Err(format!("{first} begins with {lines} lines; {FIRST} are enough"));
    }
    let mut text = listing::figure(
        "listing",
        &format!("First: {}", listing::source(first, whole.lines)),
        "rust",
        code,
    );
    let mut shown =
        vec![Shown { file: whole.path, lines: whole.lines, is_change: false }];
    let mut before = first;
    for after in rest {
        let step = step(places, before, after)?;
        text.push_str(&step.text);
        shown.extend(step.shown);
        before = after;
    }
    Ok(Expanded { text, shown })
}

fn step(places: &Places, before: &str, after: &str) -> Answer<Expanded> {
    let (old, new) = (places.read(before)?, places.read(after)?);
    let (old, new) = (without_head(&old), without_head(&new));
    let diff = TextDiff::from_lines(old, new);
    let all = diff.iter_all_changes();
    let changed = all.filter(|it| it.tag() != ChangeTag::Equal).count();
    if changed == 0 {
        return Err(format!("{before} and {after} are the same"));
    }
    if changed > STEP {
        return Err(format!(
            "{before} to {after} changes {changed} lines, and a screen has {STEP}: \
             put a version between them"
        ));
    }
    let caption = format!("Then: <code>{after}</code>");
    let code = unified(&diff, before, after);
    let text = listing::figure("diff", &caption, "diff", &code);
    Ok(Expanded { text, shown: touched(after, &diff) })
}

/// A file without the comment that it opens with: a chapter says that in its own words.
fn without_head(text: &str) -> &str {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once('\n') {
        let is_head = line.starts_with("//!") || line.starts_with("#!");
        if !is_head && !line.trim().is_empty() {
            break;
        }
        rest = after;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::without_head;

    #[test]
    fn a_head_ends_with_the_first_line_of_code() {
        let text = "//! Idea.\n\n#![forbid(unsafe_code)]\n\nuse std;\n\n//! not head\n";
        assert_eq!(without_head(text), "use std;\n\n//! not head\n");
        assert_eq!(without_head("fn main() {}\n"), "fn main() {}\n");
    }
}
