//! Predict before you look: a few questions, asked before the style that answers them.

use super::race::Row;
use crate::error::Error;
use crate::keys::{Key, Keys};
use crate::output::Output;
use crate::styles::Style;

/// The letters of the choices.
const LETTERS: [char; 3] = ['a', 'b', 'c'];

/// A question, and how the figures answer it.
struct Question {
    /// Asked before this style runs.
    before: &'static str,
    /// In lines of at most eighty columns.
    text: &'static str,
    choices: [&'static str; 3],
    /// What the figures say: the number of the right choice, and a sentence.
    answer: fn(&[Row]) -> Option<(usize, String)>,
}

const QUESTIONS: [Question; 3] = [
    Question {
        before: "blocking",
        text: "Guess: one thread, which waits for each page before it asks for the next.\n\
               How long will it take?",
        choices: ["about 0.05 s", "about 0.2 s", "about 2 s"],
        answer: how_long_one_by_one,
    },
    Question {
        before: "threads",
        text: "Guess: 16 threads share the pages. How many times faster will that be?",
        choices: ["about 2 times", "about 10 times", "16 times"],
        answer: how_much_threads_gain,
    },
    Question {
        before: "callbacks",
        text: "Guess: one thread again, which leaves a callback with every request and goes \
               on.\nHow will it do against the 16 threads?",
        choices: ["much slower", "about the same", "much faster"],
        answer: how_one_thread_does,
    },
];

/// The guess that was made and is not yet answered.
#[derive(Default)]
pub(crate) struct Guesses {
    open: Option<(&'static Question, Option<usize>)>,
}

impl Guesses {
    /// Asks, if there is a question before that style and somebody to answer.
    ///
    /// # Errors
    ///
    /// [`Error::ReaderLeft`] when the answer is `q`.
    pub(crate) fn ask(
        &mut self,
        style: &Style,
        keys: Option<&mut Keys>,
        output: &mut Output,
    ) -> Result<(), Error> {
        let question = QUESTIONS.iter().find(|question| question.before == style.name);
        let (Some(question), Some(keys)) = (question, keys) else { return Ok(()) };
        output.line(output.bold(question.text))?;
        for (letter, choice) in LETTERS.iter().zip(question.choices) {
            output.line(format_args!("  {letter}  {choice}"))?;
        }
        output.show("(a, b, c; Enter: no guess; q: leave) ")?;
        let guess = answer(keys).inspect_err(|_| drop(output.line("q")))?;
        let said = guess.map_or("no guess".to_owned(), |n| LETTERS[n].to_string());
        output.line(said)?;
        self.open = Some((question, guess));
        Ok(())
    }

    /// Says what the guess was worth, if there was one.
    pub(crate) fn reveal(
        &mut self,
        rows: &[Row],
        output: &mut Output,
    ) -> Result<(), Error> {
        let Some((question, guess)) = self.open.take() else { return Ok(()) };
        let Some((right, why)) = (question.answer)(rows) else { return Ok(()) };
        let choice = question.choices[right];
        let verdict = match guess {
            Some(guess) if guess == right => "Right: ".to_owned(),
            Some(_) => format!("It is {}, {choice}: ", LETTERS[right]),
            None => String::new(),
        };
        output.line(format_args!("  {verdict}{why}\n"))
    }
}

fn answer(keys: &mut Keys) -> Result<Option<usize>, Error> {
    loop {
        match keys.wait() {
            Key::Quit => return Err(Error::ReaderLeft),
            Key::Enter => return Ok(None),
            Key::Char(char) => {
                if let Some(n) = LETTERS.iter().position(|letter| *letter == char) {
                    return Ok(Some(n));
                }
            }
        }
    }
}

fn seconds(rows: &[Row], style: &str) -> Option<f64> {
    rows.iter().find(|row| row.style == style)?.seconds
}

/// The choice that is nearest, as a factor.
fn nearest(figure: f64, choices: [f64; 3]) -> usize {
    let distance = |n: &usize| (figure / choices[*n]).ln().abs();
    let nearest = (0..3).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.unwrap_or_default()
}

fn how_long_one_by_one(rows: &[Row]) -> Option<(usize, String)> {
    let seconds = seconds(rows, "blocking")?;
    let why = format!("{seconds:.2} s. It waits for every page, one after the other.");
    Some((nearest(seconds, [0.05, 0.2, 2.0]), why))
}

fn how_much_threads_gain(rows: &[Row]) -> Option<(usize, String)> {
    let gain = seconds(rows, "blocking")? / seconds(rows, "threads")?;
    let why = format!(
        "{gain:.1} times.\n  (A page can only be asked for once a page that links to it is \
         there.)"
    );
    Some((nearest(gain, [2.0, 10.0, 16.0]), why))
}

fn how_one_thread_does(rows: &[Row]) -> Option<(usize, String)> {
    let ratio = seconds(rows, "callbacks")? / seconds(rows, "threads")?;
    let why = format!(
        "{ratio:.2} times the time of the threads.\n  (Waiting needs no thread, only \
         somebody who knows what to do afterwards.)"
    );
    Some((if ratio > 1.5 { 0 } else { usize::from(ratio < 0.67) + 1 }, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_meant_as_a_factor() {
        assert_eq!(nearest(2.2, [0.05, 0.2, 2.0]), 2);
        assert_eq!(nearest(0.15, [0.05, 0.2, 2.0]), 1);
        assert_eq!(nearest(13.5, [2.0, 10.0, 16.0]), 2);
    }

    #[test]
    fn questions_fit_eighty_columns_and_name_a_style() {
        for question in &QUESTIONS {
            assert!(question.text.lines().all(|line| line.chars().count() <= 80));
        }
        assert!(Style::named(QUESTIONS[0].before).is_some());
    }
}
