//! A chapter: where its directives are, and what may not be typed by hand.

use std::ops::Range;

use pulldown_cmark::{BrokenLink, CodeBlockKind, Event, LinkType, Options, Parser, Tag};

use crate::coverage::Shown;
use crate::directive::{Directive, Expanded};
use crate::guess::{self, Folds};
use crate::html::escape;
use crate::places::{Answer, Places};
use crate::problem::Problem;
use crate::typed;

/// What a fence that is typed by hand may be.
const BY_HAND: [&str; 2] = ["text", "console"];

/// mdBook's own directives. One of them may pass; the others would let code in unseen.
const MDBOOKS: [&str; 4] = ["include", "rustdoc_include", "playground", "title"];

/// A chapter with its directives replaced, and what was found on the way.
#[derive(Debug, Default)]
pub struct Expansion {
    /// What mdBook is going to render.
    pub text: String,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What of the source it shows.
    pub shown: Vec<Shown>,
    /// What its directives have become, by their lines.
    pub made: Vec<(usize, String)>,
}

/// Replaces the directives of a chapter. `name` is its file, for what is wrong.
pub fn expand(places: &Places, name: &str, source: &str) -> Expansion {
    let mut expansion = Expansion::default();
    let code = code(name, source, &mut expansion.problems);
    expansion.problems.extend(typed::problems(name, source, &code));
    let mut folds = Folds::default();
    let mut done = 0;
    for (at, _) in source.match_indices("{{") {
        if at < done || !is_directive(&source[at..]) {
            continue;
        }
        let line = line_of(source, at);
        expansion.text.push_str(&source[done..at]);
        done = at;
        if source[..at].ends_with('\\') {
            unescape(&source[at..], &mut expansion.text);
            continue;
        }
        match one(places, source, at, &code, &mut folds) {
            Ok((end, expanded)) => {
                expansion.text.push_str(&expanded.text);
                expansion.shown.extend(expanded.shown);
                expansion.made.push((line, expanded.text));
                done = end;
            }
            Err(message) => {
                expansion.text.push_str(&visible(&message));
                expansion.problems.push(Problem::at(name, line, message));
                done = end_of(source, at).unwrap_or(at + "{{".len());
            }
        }
    }
    expansion.text.push_str(&source[done..]);
    if let Some((line, message)) = folds.left_open() {
        expansion.text.push_str(guess::CLOSE);
        expansion.problems.push(Problem::at(name, line, message));
    }
    expansion
}

/// Whether the braces are a directive's. mdBook would take it with a blank in between, too.
fn is_directive(text: &str) -> bool {
    text["{{".len()..].trim_start().starts_with('#')
}

/// The directive that begins there: where it ends, and what it becomes.
fn one(
    places: &Places,
    source: &str,
    at: usize,
    code: &[Range<usize>],
    folds: &mut Folds,
) -> Answer<(usize, Expanded)> {
    if !source[at..].starts_with("{{#") {
        return Err("a directive begins with {{#, without a blank".to_owned());
    }
    let end = end_of(source, at).ok_or("the directive has no }} on its line")?;
    let text = &source[at..end];
    if code.iter().any(|range| range.contains(&at)) {
        return Err(format!("{text} stands in code; write \\{text} to show it as it is"));
    }
    let inner = text["{{#".len()..text.len() - "}}".len()].trim();
    if inner.split_whitespace().next() == Some("title") {
        return Ok((end, Expanded { text: text.to_owned(), shown: Vec::new() }));
    }
    let directive = Directive::parse(inner)?;
    if !directive.is_inline() && !is_alone(source, at, end) {
        return Err(format!(
            "{text} has to be alone on its line, without a blank before"
        ));
    }
    if !directive.is_inline() && is_in_a_paragraph(source, at, end) {
        return Err(format!(
            "{text} stands in a paragraph: leave a blank line around it"
        ));
    }
    match directive {
        Directive::Guess => folds.open(line_of(source, at))?,
        Directive::Guessed => folds.close()?,
        _ => {}
    }
    Ok((end, directive.expand(places)?))
}

/// Where it ends, behind the braces, if it does on its line.
fn end_of(source: &str, at: usize) -> Option<usize> {
    let line = source[at..].lines().next().unwrap_or("");
    line.find("}}").map(|length| at + length + "}}".len())
}

fn is_alone(source: &str, at: usize, end: usize) -> bool {
    let begins = source[..at].is_empty() || source[..at].ends_with('\n');
    begins && source[end..].lines().next().unwrap_or("").trim().is_empty()
}

/// Whether the line before or the line after is text.
fn is_in_a_paragraph(source: &str, at: usize, end: usize) -> bool {
    // A heading and another directive are none.
    let is_text = |line: &str| {
        !line.trim().is_empty() && !line.starts_with("{{#") && !line.starts_with('#')
    };
    let before = source[..at].lines().next_back();
    let after = source[end..].lines().nth(1);
    before.is_some_and(is_text) || after.is_some_and(is_text)
}

/// Takes the backslash away, but for mdBook's own, which it takes away itself.
fn unescape(rest: &str, text: &mut String) {
    let name = rest["{{".len()..].trim_start().trim_start_matches('#').trim_start();
    if !MDBOOKS.iter().any(|own| name.starts_with(own)) {
        text.pop();
    }
}

/// In the page as well, so that whoever looks at it while writing sees it. Nothing in it
/// is Markdown, and no directive.
fn visible(message: &str) -> String {
    let mut text = escape(message).into_owned();
    for mark in ['{', '*', '_', '`', '[', '\\'] {
        text = text.replace(mark, &format!("&#{};", u32::from(mark)));
    }
    format!("<strong class=\"problem\"><code>{text}</code></strong>")
}

/// The ranges that are code, and what is wrong with them.
fn code(name: &str, source: &str, problems: &mut Vec<Problem>) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut undefined = Vec::new();
    let callback = |link: BrokenLink<'_>| {
        // What only stands in brackets may be meant so.
        if link.link_type == LinkType::Reference {
            undefined.push((link.span.start, link.reference.into_string()));
        }
        None
    };
    let parser = Parser::new_with_broken_link_callback(source, options(), Some(callback));
    for (event, range) in parser.into_offset_iter() {
        let complaint = match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                ranges.push(range.clone());
                complaint(&kind)
            }
            Event::Code(_) => {
                ranges.push(range.clone());
                None
            }
            Event::Html(html) | Event::InlineHtml(html) if is_pre(&html) => Some(
                "a <pre> by hand: code comes by directive, text in a fence".to_owned(),
            ),
            _ => None,
        };
        let line = line_of(source, range.start);
        problems.extend(complaint.map(|message| Problem::at(name, line, message)));
    }
    problems.extend(undefined.into_iter().map(|(at, label)| {
        let message = format!("the link [{label}] is defined nowhere");
        Problem::at(name, line_of(source, at), message)
    }));
    ranges
}

fn is_pre(html: &str) -> bool {
    html.to_ascii_lowercase().contains("<pre")
}

fn complaint(kind: &CodeBlockKind<'_>) -> Option<String> {
    let CodeBlockKind::Fenced(info) = kind else {
        return Some("code by indentation: show it with a directive".to_owned());
    };
    let info = info.trim();
    if BY_HAND.contains(&info) {
        return None;
    }
    let language = info.split([' ', ',', '\t']).next().unwrap_or("");
    let language = if BY_HAND.contains(&language) { info } else { language };
    let instead = match language.to_lowercase().as_str() {
        "" => "say ```text or ```console",
        "rust" | "rs" => "show it with {{#item FILE ITEM}}",
        "python" | "py" => "show it with {{#python FILE [FUNCTION]}}",
        _ => "only ```text and ```console are typed by hand",
    };
    let what = if language.is_empty() { "bare" } else { language };
    Some(format!("a {what} fence by hand: {instead}"))
}

/// As mdBook reads a chapter.
fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
}

/// The number of the line at an offset, from 1.
pub fn line_of(source: &str, at: usize) -> usize {
    source[..at].matches('\n').count() + 1
}
