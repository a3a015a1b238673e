//! Where something is written that was found on a page: in a line of its chapter, or in what
//! a directive in that line has become.

use std::collections::BTreeMap;

/// What a chapter's lines say, and what their directives have become; with the lines' numbers.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    texts: Vec<(usize, String)>,
}

/// Of every chapter, by its file.
pub type Origins = BTreeMap<String, Origin>;

impl Origin {
    /// Of a chapter, and of what its directives have become.
    pub fn of(source: &str, made: Vec<(usize, String)>) -> Self {
        let lines = source.lines().map(str::to_owned).enumerate();
        let mut texts: Vec<_> = lines.map(|(index, line)| (index + 1, line)).collect();
        texts.extend(made);
        texts.sort_by_key(|(number, _)| *number);
        Self { texts }
    }

    /// The lines that say it. A link to a page leads to an `.md` there.
    pub fn lines_with(&self, words: &str) -> Vec<usize> {
        let source = words.replace(".html", ".md");
        let say = |text: &str| says(text, words) || says(text, &source);
        let lines = self.texts.iter().filter(|(_, text)| say(text));
        let mut numbers: Vec<_> = lines.map(|(number, _)| *number).collect();
        numbers.dedup();
        numbers
    }
}

/// Whether a text has these words, and not as a part of something longer.
fn says(text: &str, words: &str) -> bool {
    let goes_on = |it: char| it.is_alphanumeric() || "-_/.{".contains(it);
    text.match_indices(words).filter(|_| !words.is_empty()).any(|(at, _)| {
        let after = text[at + words.len()..].chars().next();
        let is_cut = |it: char| goes_on(it) && !".{".contains(it);
        !text[..at].ends_with(goes_on) && !after.is_some_and(is_cut)
    })
}
