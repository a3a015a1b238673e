//! The talk, line by line: `slides.toml`, and `{{#slides}}`, the table that is made of it.
//!
//! ```toml
//! [[to-come]]                      # a chapter that is still to be written
//! chapter = "18-was-the-talk-right.md"
//! title = "Was the talk right?"
//!
//! [[line]]
//! slide = 12                       # where in the talk, if that is known
//! says = "…"                       # the line, quoted
//! chapter = "03-callbacks.md"      # where the book takes it up; may be one to come
//! anchor = "the-ugly-thing"        # the heading there
//! test = "stage1-callbacks/tests/deferred.rs::an_error_takes_the_other_lane"
//! verdict = "true"                 # in a few words
//! then = "…"                       # what was so in 2015, if it changed
//! now = "…"                        # and today
//! ```
//!
//! A line whose chapter is written has to have an anchor and a test, and both have to exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize;
use toml::Spanned;

use crate::chapter::line_of;
use crate::html::{escape, inline};
use crate::places::{Answer, Places};
use crate::problem::Problem;

/// The file, in the book's folder.
pub const FILE: &str = "slides.toml";

/// The whole talk.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Slides {
    /// Chapters that are still to be written.
    #[serde(default)]
    to_come: Vec<ToCome>,
    #[serde(default)]
    line: Vec<Line>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToCome {
    chapter: String,
    title: String,
}

/// A line of the talk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    slide: Option<u32>,
    says: Spanned<String>,
    chapter: String,
    anchor: Option<String>,
    test: Option<String>,
    verdict: String,
    then: Option<String>,
    now: Option<String>,
}

/// The ids of each page, by its name: `01-waiting.html`.
pub type Ids = BTreeMap<String, BTreeSet<String>>;

impl Slides {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// The line that makes no sense.
    pub fn read(places: &Places) -> Result<Self, Problem> {
        let text = places.read_own(FILE).map_err(|error| Problem::with(FILE, error))?;
        toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| line_of(&text, span.start));
            Problem::new(FILE, line, error.message())
        })
    }

    fn is_to_come(&self, chapter: &str) -> bool {
        self.to_come.iter().any(|it| it.chapter == chapter)
    }
}

/// The lines that lead nowhere, to these ids of pages; a chapter that is finished is not to
/// come. Without a file there is no talk to follow.
pub fn check(places: &Places, ids: &Ids, finished: &[String]) -> Vec<Problem> {
    let Ok(text) = places.read_own(FILE) else { return Vec::new() };
    let slides = match Slides::read(places) {
        Ok(slides) => slides,
        Err(problem) => return vec![problem],
    };
    let written = slides.to_come.iter().map(|it| &it.chapter);
    let written = written.filter(|chapter| finished.contains(chapter));
    let message = |chapter| format!("{chapter} is not to come: it is finished");
    let mut problems: Vec<_> =
        written.map(|chapter| Problem::with(FILE, message(chapter))).collect();
    for line in &slides.line {
        let number = line_of(&text, line.says.span().start);
        let complaints = complaints(line, &slides, places, ids).into_iter();
        problems.extend(complaints.map(|it| Problem::at(FILE, number, it)));
    }
    problems
}

fn complaints(line: &Line, slides: &Slides, places: &Places, ids: &Ids) -> Vec<String> {
    let mut complaints = Vec::new();
    if line.verdict.trim().is_empty() {
        complaints.push("it has no verdict".to_owned());
    }
    let test = line.test.as_deref().map(|test| is_test(places, test));
    complaints.extend(test.and_then(Result::err));
    if slides.is_to_come(&line.chapter) {
        return complaints;
    }
    let Some(there) = ids.get(&page(&line.chapter)) else {
        let chapter = &line.chapter;
        complaints.push(format!("there is no chapter {chapter}; is it [[to-come]]?"));
        return complaints;
    };
    match &line.anchor {
        None => {
            complaints.push("it has no anchor, and its chapter is written".to_owned());
        }
        Some(anchor) if !there.contains(anchor) => {
            complaints.push(format!("{} has no anchor #{anchor}", line.chapter));
        }
        Some(_) => {}
    }
    if line.test.is_none() {
        complaints.push("it has no test, and its chapter is written".to_owned());
    }
    complaints
}

/// Whether there is a test `FILE::NAME`.
fn is_test(places: &Places, test: &str) -> Answer<()> {
    let (file, name) = test
        .split_once("::")
        .ok_or_else(|| format!("the test {test} is not of the form FILE::NAME"))?;
    let source = places.read(file)?;
    let name = name.rsplit("::").next().unwrap_or(name);
    let is_there = [format!("fn {name}("), format!("def {name}(")];
    if is_there.iter().any(|it| source.contains(it)) {
        return Ok(());
    }
    Err(format!("{file} has no test {name}"))
}

fn page(chapter: &str) -> String {
    chapter.strip_suffix(".md").map_or(chapter.to_owned(), |it| format!("{it}.html"))
}

/// The table.
///
/// # Errors
///
/// Fails when there is no `slides.toml`, or when it makes no sense.
pub fn expand(places: &Places) -> Answer<String> {
    let slides = Slides::read(places).map_err(|problem| problem.to_string())?;
    let mut table = String::from(
        "<div class=\"table-wrapper\">\n<table class=\"slides\">\n<thead><tr>\
         <th>The talk says</th><th>Where</th><th>Verdict</th><th>Then and now</th>\
         <th>Test</th></tr></thead>\n<tbody>\n",
    );
    for line in &slides.line {
        let slide = line.slide.map(|it| format!(" <small>(slide {it})</small>"));
        _ = writeln!(
            table,
            "<tr><td>{}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            inline(line.says.get_ref()),
            slide.unwrap_or_default(),
            place(line, &slides),
            inline(&line.verdict),
            then_and_now(line),
            line.test.as_deref().map(test_cell).unwrap_or_default(),
        );
    }
    Ok(table + "</tbody>\n</table>\n</div>\n")
}

fn place(line: &Line, slides: &Slides) -> String {
    let to_come = slides.to_come.iter().find(|it| it.chapter == line.chapter);
    if let Some(ToCome { title, .. }) = to_come {
        return format!("<i>{}</i>, to come", escape(title));
    }
    let anchor = line.anchor.as_ref().map(|it| format!("#{it}")).unwrap_or_default();
    let href = format!("{}{anchor}", page(&line.chapter));
    format!("<a href=\"{}\">{}</a>", escape(&href), escape(&called(&line.chapter)))
}

/// What a chapter is called in passing, by its file.
fn called(chapter: &str) -> String {
    let parts: Vec<_> = chapter.trim_end_matches(".md").split('-').collect();
    match (parts.as_slice(), parts[0].parse::<u32>()) {
        (_, Ok(0)) => "the preface".to_owned(),
        (_, Ok(number)) => format!("chapter {number}"),
        (["interlude", letter, ..], _) => format!("interlude {}", letter.to_uppercase()),
        (words, _) => words.join(" "),
    }
}

fn then_and_now(line: &Line) -> String {
    let part = |name: &str, text: &Option<String>| {
        text.as_deref().map(|text| format!("<b>{name}:</b> {}", inline(text)))
    };
    let parts = [part("then", &line.then), part("now", &line.now)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("<br>")
}

/// A test's name can break where its words end.
fn test_cell(test: &str) -> String {
    let name = test.rsplit("::").next().unwrap_or(test);
    format!(
        "<code title=\"{}\">{}</code>",
        escape(test),
        escape(name).replace('_', "_<wbr>")
    )
}

#[cfg(test)]
mod tests {
    use super::called;

    #[test]
    fn a_chapter_is_called_by_its_number_or_letter() {
        assert_eq!(called("00-preface.md"), "the preface");
        assert_eq!(called("03-callbacks.md"), "chapter 3");
        assert_eq!(called("interlude-a-greenlets.md"), "interlude A");
        assert_eq!(called("two.md"), "two");
    }
}
