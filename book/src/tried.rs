//! What came of an exercise as the reader has written it: the verdict, and both runs side by side.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::Path;

use exercises::catalogue::Exercise;
use exercises::desk::Desk;
use exercises::recorded::Pair;
use exercises::verdict::Verdict;
use lineage::trace::Trace;
use serde::Serialize;

use crate::html::{blocks, escape};
use crate::places::{Answer, Places};
use crate::story;

/// How much of the compiler's words is shown.
const WORDS: usize = 20_000;

/// How large a recording may be for a page, in bytes.
const LARGEST: u64 = 4 << 20;

const CAPTION: &str =
    "<p>Your run, step by step, beside the right one, whose source is not shown.</p>\n";

const NO_RUN: &str =
    "<p>It did not come to its end, so there is no run to look at.</p>\n";

/// What a page says of an exercise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Another one if anything is another.
    pub state: String,
    /// How it stands, in a sentence.
    pub words: String,
    /// What stands below. `None`: what stood there before.
    pub html: Option<String>,
}

impl Told {
    /// A sentence, and what stands below it.
    pub fn new(words: &str, html: Option<String>) -> Self {
        let mut hasher = DefaultHasher::new();
        (words, &html).hash(&mut hasher);
        let state = format!("{:x}", hasher.finish());
        Self { state, words: words.to_owned(), html }
    }

    /// A sentence, and nothing else.
    pub fn only(words: &str) -> Self {
        Self::new(words, Some(String::new()))
    }
}

/// Builds and runs an exercise, remembers it if it is right, and gives the text that the file
/// had.
///
/// # Errors
///
/// As [`Desk::record`], and what reading the exercise answers.
pub fn tried(
    book: &Path,
    desk: &Desk,
    exercise: &Exercise,
) -> io::Result<(String, Told)> {
    let pair = desk.record(exercise)?;
    let expected = exercise.read("expected.txt")?;
    let verdict = Verdict::of(pair.outcome.clone(), &expected);
    let mut html = match &verdict {
        Verdict::Right => {
            desk.remember(exercise.number)?;
            blocks(&exercise.read("why.md")?)
        }
        Verdict::DoesNotCompile(errors) => as_it_stands(errors),
        Verdict::Wrong(difference) => as_it_stands(&difference.to_string()),
    };
    if !matches!(verdict, Verdict::DoesNotCompile(_)) {
        let runs = runs(book, exercise, &pair);
        html += &runs.unwrap_or_else(|error| format!("<p>{}</p>\n", escape(&error)));
    }
    Ok((pair.text, Told::new(&verdict.sentence(exercise.number), Some(html))))
}

fn as_it_stands(text: &str) -> String {
    let end = text.char_indices().nth(WORDS).map_or(text.len(), |(end, _)| end);
    let more = if end < text.len() { "…" } else { "" };
    format!("<pre><code>{}{more}</code></pre>\n", escape(text[..end].trim_end()))
}

/// The figure of both.
fn runs(book: &Path, exercise: &Exercise, pair: &Pair) -> Answer<String> {
    let Some([yours, right]) = &pair.recordings else { return Ok(NO_RUN.to_owned()) };
    let places = Places::of(book)?;
    // It may be another by now.
    places.keep(&pair.file, &pair.text);
    let read = |path, style: &str| {
        let trace = read(path)?;
        let program = exercise.number.to_string();
        Ok::<_, String>(Trace { program, style: style.to_owned(), ..trace })
    };
    let runs = [read(yours, "yours")?, read(right, "right")?];
    let captions = [("Yours", &runs[0]), ("The right one", &runs[1])]
        .map(|(whose, run)| format!("<b>{whose}</b>: {} steps", run.events.len()));
    Ok(CAPTION.to_owned() + &story::compared(&places, &runs, captions)?)
}

fn read(path: &Path) -> Answer<Trace> {
    let failed = |error: io::Error| format!("the run cannot be read: {error}");
    if fs::metadata(path).map_err(failed)?.len() > LARGEST {
        return Err("the run is too large for a page".to_owned());
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let trace: Trace =
        serde_json::from_str(&text).map_err(|error| failed(error.into()))?;
    match trace.events.len() {
        0 => Err("nothing happens in the run".to_owned()),
        _ => Ok(trace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_compiler_says_is_no_html_and_has_an_end() {
        assert_eq!(
            as_it_stands("a <b> &\n"),
            "<pre><code>a &lt;b&gt; &amp;</code></pre>\n"
        );
        let long = as_it_stands(&"ä".repeat(WORDS + 1));
        assert!(long.ends_with("ä…</code></pre>\n"));
        assert_eq!(long.matches('ä').count(), WORDS);
    }

    #[test]
    fn another_word_is_another_state() {
        let told = Told::new("right", None);
        assert_eq!(told.state, Told::new("right", None).state);
        assert_ne!(told.state, Told::new("wrong", None).state);
        assert_ne!(told.state, Told::only("right").state);
    }
}
