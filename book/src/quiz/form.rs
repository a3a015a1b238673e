//! The forms of a question. What a machine can know, it answers: the output of a command, the
//! events of a recording, the lines of an item.
//!
//! ```toml
//! [[question]]
//! ask = "Put the steps of one read in order."
//! order = ["try", "park", "sleep in `select`", "wake", "try again"]
//! why = "It tries first: most of the time the bytes are there."
//!
//! [[question]]
//! ask = "What does it print?"
//! prints = "countdown"                # snapshots/countdown.txt
//! why = "…"
//!
//! [[question]]
//! ask = "How often is somebody woken?"
//! count = "countdown callbacks woken" # traces/countdown.callbacks.json
//! why = "…"
//!
//! [[question]]
//! ask = "At which line does it wait?"
//! item = "stage4-async-await/examples/echo.rs serve"
//! line = "let count = stream.read(&mut buffer).await?;"
//! why = "…"
//! ```
//!
//! Without scripts each is a question with a fold, and the answer is in it.

use std::fmt::Write as _;

use super::{Possible, Question};
use crate::html::{escape, inline};
use crate::listing::fence;
use crate::places::{Answer, Places};
use crate::snapshot::Snapshot;
use crate::story;

/// How a question is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One of several answers.
    Choice,
    /// Lines, to be put in order.
    Order,
    /// What a command prints.
    Prints,
    /// A number.
    Count,
    /// One of an item's lines.
    Line,
}

impl Form {
    /// The one that the question's fields are of.
    pub(super) fn of(question: &Question) -> Answer<Self> {
        let forms = [
            (!question.answer.is_empty(), Self::Choice),
            (!question.order.is_empty(), Self::Order),
            (question.prints.is_some(), Self::Prints),
            (question.count.is_some(), Self::Count),
            (question.line.is_some(), Self::Line),
        ];
        let asked: Vec<_> =
            forms.into_iter().filter_map(|(is_so, form)| is_so.then_some(form)).collect();
        match asked[..] {
            [form] => Ok(form),
            [] => Err("it has no answer: no answer, order, prints, count or line".into()),
            _ => Err("it is of two forms at once: ask two questions".into()),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Choice | Self::Line => "choice",
            Self::Order => "order",
            Self::Prints => "prints",
            Self::Count => "count",
        }
    }

    /// What there is to do, and the answer, folded.
    pub(super) fn html(self, question: &Question, places: &Places) -> Answer<String> {
        match self {
            Self::Choice => choice(&question.answer),
            Self::Order => order(&question.order, &question.why()?),
            Self::Prints => prints(question, places),
            Self::Count => count(question, places),
            Self::Line => line(question, places),
        }
    }
}

fn choice(answers: &[Possible]) -> Answer<String> {
    let right = answers.iter().filter(|it| it.correct).count();
    let is_unexplained = |it: &Possible| it.why.trim().is_empty();
    let complaints = [
        (answers.len() < 2, "it has fewer than two answers"),
        (right != 1, "one answer has to be correct, and only one"),
        (answers.iter().any(is_unexplained), "an answer does not say why"),
    ];
    if let Some((_, complaint)) = complaints.iter().find(|(is_so, _)| *is_so) {
        return Err((*complaint).to_owned());
    }
    let items = answers.iter().map(|Possible { text, correct, why }| {
        one(&inline(text), *correct, &inline(why))
    });
    Ok(format!("<ul>\n{}</ul>\n", items.collect::<String>()))
}

/// An answer that can be chosen; both texts are HTML.
fn one(text: &str, correct: bool, why: &str) -> String {
    let mark = if correct { "Right" } else { "Wrong" };
    format!(
        "<li data-correct=\"{correct}\"><span class=\"answer\">{text}</span>\
         <details><summary>Is it?</summary>\
         <p class=\"why\"><b>{mark}.</b> {why}</p></details></li>\n"
    )
}

fn order(lines: &[String], why: &str) -> Answer<String> {
    if lines.len() < 3 {
        return Err("fewer than three lines are no order".to_owned());
    }
    let mut html = String::from("<ol class=\"mixed\">\n");
    for place in mixed(lines) {
        _ = writeln!(html, "<li data-place=\"{place}\">{}</li>", inline(&lines[place]));
    }
    let right = lines.iter().map(|line| format!("<li>{}</li>\n", inline(line)));
    let right: String = right.collect();
    Ok(html + "</ol>\n" + &folded("In order", &format!("<ol>\n{right}</ol>\n"), why))
}

/// The places of lines in an order that is the same on each build, and not the right one: by
/// what a sum makes of each text.
fn mixed(lines: &[String]) -> Vec<usize> {
    let sum = |text: &str| {
        text.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31) ^ u32::from(byte))
    };
    let mut places: Vec<_> = (0..lines.len()).collect();
    places.sort_by_key(|place| sum(&lines[*place]));
    if places.is_sorted() {
        places.rotate_left(1);
    }
    places
}

fn prints(question: &Question, places: &Places) -> Answer<String> {
    let name = question.prints.as_deref().unwrap_or_default();
    let Snapshot { command, output, numbers_differ } = Snapshot::read(places, name)?;
    if numbers_differ {
        return Err(format!("{name} prints other numbers each time"));
    }
    let asked = fence("console", &format!("$ {command}\n"));
    let right = format!("\n{}\n", fence("text", &output));
    Ok(format!("\n{asked}\n{}", folded("What it prints", &right, &question.why()?)))
}

fn count(question: &Question, places: &Places) -> Answer<String> {
    let words: Vec<_> = question.count.iter().flat_map(|it| it.split(' ')).collect();
    let [program, style, what] = words[..] else {
        return Err("count is \"PROGRAM STYLE WHAT\"".to_owned());
    };
    let trace = story::read(places, program, style)?;
    let right = trace.events.iter().filter(|event| event.what == what).count();
    if right == 0 {
        return Err(format!("nothing is called {what} in {program} {style}"));
    }
    Ok(format!(
        "<details class=\"right\" data-right=\"{right}\">\n<summary>How many</summary>\n\
         <p class=\"why\"><b>{right}.</b> {}</p>\n</details>\n",
        question.why()?
    ))
}

fn line(question: &Question, places: &Places) -> Answer<String> {
    let piece = question.piece(places)?.ok_or("a line needs an item that it is of")?;
    let wanted = question.line.as_deref().unwrap_or_default().trim();
    let lines = piece.code.lines().map(str::trim);
    let lines: Vec<_> =
        lines.filter(|it| it.len() > 1 && !it.starts_with("//")).collect();
    let right = lines.iter().filter(|it| **it == wanted).count();
    if right != 1 {
        return Err(format!(
            "{right} lines of the item are `{wanted}`, and one has to be"
        ));
    }
    let why = question.why()?;
    let items = lines.iter().map(|line| {
        let text = format!("<code>{}</code>", escape(line));
        let is_right = *line == wanted;
        one(&text, is_right, if is_right { &why } else { "Another line." })
    });
    Ok(format!("<ul>\n{}</ul>\n", items.collect::<String>()))
}

fn folded(summary: &str, right: &str, why: &str) -> String {
    format!(
        "<details class=\"right\">\n<summary>{summary}</summary>\n{right}\
         <p class=\"why\">{why}</p>\n</details>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::mixed;

    #[test]
    fn lines_are_never_mixed_into_the_right_order() {
        for count in 3..40 {
            let lines: Vec<_> = (0..count).map(|n| format!("line {n}")).collect();
            let mut places = mixed(&lines);
            assert!(!places.is_sorted(), "{places:?}");
            places.sort_unstable();
            assert!(places.into_iter().eq(0..count));
        }
    }

    /// One order of three lines is the one that the sums make; that is the right one of a question,
    /// and its answer would be there for all to see.
    #[test]
    fn lines_that_the_sums_leave_in_order_are_mixed_all_the_same() {
        for order in ["abc", "acb", "bac", "bca", "cab", "cba"] {
            let lines: Vec<_> = order.chars().map(String::from).collect();
            let places = mixed(&lines);
            assert!(!places.is_sorted(), "{lines:?}: {places:?}");
        }
    }
}
