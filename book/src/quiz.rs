//! `{{#quiz NAME}}`: questions, answers, and why each answer is right or wrong, from
//! `quizzes/NAME.toml`.
//!
//! ```toml
//! [[question]]
//! ask = "Who decides who runs next?"
//! item = "stage4-async-await/src/event_loop.rs run"   # if there is code to look at
//!
//! [[question.answer]]
//! text = "The loop"
//! correct = true
//! why = "It takes the first task off the ready queue."
//! ```

use std::fmt::Write as _;

use serde::Deserialize;

use crate::html::inline;
use crate::item::Piece;
use crate::places::{Answer, Places};

/// A file of questions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quiz {
    question: Vec<Question>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    /// Markdown, like all texts here.
    ask: String,
    /// What to look at: a file and an item of it.
    item: Option<String>,
    #[serde(default)]
    answer: Vec<Possible>,
}

/// An answer that can be chosen.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Possible {
    text: String,
    #[serde(default)]
    correct: bool,
    /// Why it is right, or wrong.
    why: String,
}

/// The questions as a list that can be read, and that the page's script can ask.
///
/// # Errors
///
/// Says which question lacks what.
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let path = &format!("quizzes/{name}.toml");
    let text = places.read_own(path)?;
    let quiz: Quiz = toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| crate::chapter::line_of(&text, span.start));
        format!("{path}:{}: {}", line.unwrap_or(1), error.message())
    })?;
    let wrong = quiz.question.iter().enumerate().flat_map(|(index, question)| {
        let wrong = question.complaints().into_iter();
        wrong.map(move |message| format!("{path}: question {}: {message}", index + 1))
    });
    let wrong: Vec<_> = wrong.collect();
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let items: Answer<String> = quiz.question.iter().map(|it| it.html(places)).collect();
    Ok(format!(
        "<section class=\"quiz\" id=\"quiz-{name}\">\n<ol>\n{}</ol>\n</section>\n",
        items?
    ))
}

impl Question {
    fn complaints(&self) -> Vec<&'static str> {
        let right = self.answer.iter().filter(|it| it.correct).count();
        let is_unexplained = |it: &Possible| it.why.trim().is_empty();
        let is_negative = self.ask.to_lowercase().contains("which is not");
        let complaints = [
            (self.ask.trim().is_empty(), "it asks nothing"),
            (self.answer.len() < 2, "it has fewer than two answers"),
            (right != 1, "one answer has to be correct, and only one"),
            (self.answer.iter().any(is_unexplained), "an answer does not say why"),
            (is_negative, "“which is not” asks for attention, not for understanding"),
            (self.has_a_fence(), "a fence by hand: name an item instead"),
        ];
        complaints.into_iter().filter(|(is_so, _)| *is_so).map(|(_, text)| text).collect()
    }

    fn has_a_fence(&self) -> bool {
        let answers = self.answer.iter().flat_map(|it| [&it.text, &it.why]);
        answers
            .chain([&self.ask])
            .any(|text| text.contains("```") || text.contains("~~~"))
    }

    fn html(&self, places: &Places) -> Answer<String> {
        let code = match self.item.as_deref().map(|it| it.split_once(' ')) {
            None => String::new(),
            Some(None) => return Err("a question's item is \"FILE ITEM\"".to_owned()),
            // Blank lines around a fence, or mdBook takes it for text.
            Some(Some((file, item))) => {
                format!("\n{}\n", Piece::of(places, file, item)?.figure())
            }
        };
        let mut html = format!(
            "<li class=\"quiz-item\">\n<p>{}</p>\n{code}<ul>\n",
            inline(&self.ask)
        );
        for answer in &self.answer {
            let Possible { text, correct, why } = answer;
            let mark = if *correct { "Right" } else { "Wrong" };
            _ = writeln!(
                html,
                "<li data-correct=\"{correct}\"><span class=\"answer\">{}</span>\
                 <details><summary>Is it?</summary>\
                 <p class=\"why\"><b>{mark}.</b> {}</p></details></li>",
                inline(text),
                inline(why)
            );
        }
        Ok(html + "</ul>\n</li>\n")
    }
}
