//! What the chapters ask for, and in which lines: whatever is wrong with a recording is wrong
//! there.

use crate::directive::Directive;
use crate::places::{Places, names_in};
use crate::problem::Problem;

/// A directive that has a line for itself.
#[derive(Clone, Debug)]
pub struct Asked {
    chapter: String,
    line: usize,
    inner: String,
}

/// All of them, chapter by chapter.
pub fn everything(places: &Places) -> Vec<Asked> {
    let mut asked = Vec::new();
    for chapter in names_in(&places.book().join("chapters")) {
        let text = places.read_own(&format!("chapters/{chapter}")).unwrap_or_default();
        for (index, line) in text.lines().enumerate() {
            let inner = line.trim_end().strip_prefix("{{#");
            let Some(inner) = inner.and_then(|it| it.strip_suffix("}}")) else {
                continue;
            };
            let (chapter, inner) = (chapter.clone(), inner.to_owned());
            asked.push(Asked { chapter, line: index + 1, inner });
        }
    }
    asked
}

impl Asked {
    /// The directive, if it is one.
    pub fn directive(&self) -> Option<Directive<'_>> {
        Directive::parse(&self.inner).ok()
    }
}

/// What is wrong with a file, in each line that shows it; or with the file, if none does.
pub fn blame(
    asked: &[Asked],
    shows: impl Fn(&Directive<'_>) -> bool,
    path: &str,
    message: &str,
) -> Vec<Problem> {
    let here = |it: &&Asked| it.directive().is_some_and(|it| shows(&it));
    let problem = |it: &Asked| Problem::at(&it.chapter, it.line, message);
    let problems: Vec<_> = asked.iter().filter(here).map(problem).collect();
    if !problems.is_empty() {
        return problems;
    }
    let message = message.strip_prefix(&format!("{path}: ")).unwrap_or(message);
    vec![Problem::with(path, message)]
}
