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
//!
//! That is one form of a question; `quiz/form.rs` has the others.

mod form;

use std::fmt::Write as _;

use serde::Deserialize;

use self::form::Form;
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
    /// To choose from.
    #[serde(default)]
    answer: Vec<Possible>,
    /// To put in order; here they are in the right one.
    #[serde(default)]
    order: Vec<String>,
    /// What does it print? The name of a snapshot, which knows.
    prints: Option<String>,
    /// How many? Events of a recording, which can be counted: `countdown callbacks woken`.
    count: Option<String>,
    /// At which line is it? That line of the item.
    line: Option<String>,
    /// Why that is so, where it is not said answer by answer.
    why: Option<String>,
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
    let items = quiz.question.iter().enumerate().map(|(index, question)| {
        let said = |message| format!("{path}: question {}: {message}", index + 1);
        question.html(places).map_err(said)
    });
    let items: Vec<_> = items.collect();
    let wrong: Vec<_> = items.iter().filter_map(|it| it.clone().err()).collect();
    if !wrong.is_empty() {
        return Err(wrong.join("; "));
    }
    let items: String = items.into_iter().flatten().collect();
    Ok(format!(
        "<section class=\"quiz\" id=\"quiz-{name}\">\n<ol>\n{items}</ol>\n</section>\n"
    ))
}

impl Question {
    fn html(&self, places: &Places) -> Answer<String> {
        if let Some(complaint) = self.complaint() {
            return Err(complaint.to_owned());
        }
        let form = Form::of(self)?;
        let mut html = format!(
            "<li class=\"quiz-item\" data-form=\"{}\">\n<p>{}</p>\n",
            form.name(),
            inline(&self.ask)
        );
        if let Some(piece) = self.piece(places)? {
            // Blank lines around a fence, or mdBook takes it for text.
            _ = write!(html, "\n{}\n", piece.figure());
        }
        html.push_str(&form.html(self, places)?);
        Ok(html + "</li>\n")
    }

    fn complaint(&self) -> Option<&'static str> {
        let is_negative = self.ask.to_lowercase().contains("which is not");
        let complaints = [
            (self.ask.trim().is_empty(), "it asks nothing"),
            (is_negative, "“which is not” asks for attention, not for understanding"),
            (self.has_a_fence(), "a fence by hand: name an item instead"),
        ];
        complaints.into_iter().find_map(|(is_so, text)| is_so.then_some(text))
    }

    fn has_a_fence(&self) -> bool {
        let answers = self.answer.iter().flat_map(|it| [&it.text, &it.why]);
        answers
            .chain(&self.order)
            .chain(&self.why)
            .chain([&self.ask])
            .any(|text| text.contains("```") || text.contains("~~~"))
    }

    /// The code to look at, if there is any.
    fn piece(&self, places: &Places) -> Answer<Option<Piece>> {
        let Some(item) = &self.item else { return Ok(None) };
        let (file, item) =
            item.split_once(' ').ok_or("a question's item is \"FILE ITEM\"")?;
        Piece::of(places, file, item).map(Some)
    }

    /// Why, for the forms that say it once.
    fn why(&self) -> Answer<String> {
        let why = self.why.as_deref().map(str::trim).unwrap_or_default();
        if why.is_empty() {
            return Err("it does not say why".to_owned());
        }
        Ok(inline(why))
    }
}
