//! A run with other knobs than the recorded one: `program=echo&style=callbacks&latency=5`, as it
//! stands in an address, and the figure that it becomes.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use lineage::knobs::{Knobs, STEPS};
use lineage::run::Program;
use lineage::styles::Style;
use lineage::trace::{self, Trace};

use crate::places::{Answer, Places};
use crate::{record, story};

/// How many runs can be played in step.
const BESIDE: usize = 2;

/// Which program, in which styles, with which knobs.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What is to run.
    pub program: Program,
    styles: Vec<&'static Style>,
    knobs: Knobs,
    /// Those knobs that were named, and how.
    turned: Vec<(String, String)>,
}

impl Wish {
    /// Reads one. Only what stands in our lists and is in its range is taken.
    ///
    /// # Errors
    ///
    /// Says what would be right.
    pub fn read(query: &str) -> Answer<Self> {
        let pairs = query.split('&').filter(|it| !it.is_empty());
        let pairs = pairs.map(|it| it.split_once('=').unwrap_or((it, "")));
        let pairs: Vec<_> = pairs.collect();
        let named = |name| {
            let named = pairs.iter().filter(move |it| it.0 == name);
            named.map(|it| it.1).collect::<Vec<_>>()
        };
        let program = match named("program")[..] {
            [name] => Program::from_str(name, false)
                .map_err(|_| "there is no such program".to_owned())?,
            _ => return Err("one program is needed".to_owned()),
        };
        let styles = named("style").into_iter().map(|name| {
            Style::named(name).ok_or_else(|| "there is no such style".to_owned())
        });
        let styles = styles.collect::<Answer<Vec<_>>>()?;
        let mut wish =
            Self { program, styles, knobs: Knobs::default(), turned: Vec::new() };
        if !(1..=BESIDE).contains(&wish.styles.len()) {
            return Err(format!("a style is needed, or {BESIDE}"));
        }
        if let Some(style) = wish.styles.iter().find(|style| !wish.can_run_in(style)) {
            return Err(format!("{} cannot run so", style.name));
        }
        for (name, value) in &pairs {
            if ["program", "style"].contains(name) {
                continue;
            }
            if wish.turned.iter().any(|(other, _)| other == name) {
                return Err(format!("{name} is turned twice"));
            }
            wish.knobs.turn(program, name, value)?;
            wish.turned.push(((*name).to_owned(), (*value).to_owned()));
        }
        Ok(wish)
    }

    /// Whether the program runs in that style, with a loop of ours.
    pub fn can_run_in(&self, style: &Style) -> bool {
        style.has_loop() && (self.program != Program::Chat || style.chat.is_some())
    }

    /// Runs it, and draws what happened.
    ///
    /// # Errors
    ///
    /// Says how the program failed.
    pub fn figure(&self, book: &Path) -> Answer<String> {
        let places = Places::of(book)?;
        let traces = self.styles.iter().map(|style| {
            let (program, knobs) = (self.program, self.knobs.clone());
            let trace = record::apart(style, move |style| {
                trace::record_with(program, style, &knobs)
            });
            trace.map(fit_for_a_page)
        });
        let (traces, words): (Vec<_>, Vec<_>) =
            traces.collect::<Answer<Vec<_>>>()?.into_iter().unzip();
        let figure = story::together(&places, &traces)?;
        Ok(words.into_iter().flatten().fold(figure, |figure, word| figure + &word))
    }
}

/// Cuts off what a page does not show, and says so. None of our runs is so long; one of a program
/// that the reader has changed may be.
fn fit_for_a_page(mut trace: Trace) -> (Trace, Option<String>) {
    let steps = trace.events.len();
    trace.events.truncate(STEPS);
    let word =
        format!("<p class=\"cut\">Of {steps} steps, these are the first {STEPS}.</p>\n");
    (trace, (steps > STEPS).then_some(word))
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "program={}", self.program.name())?;
        for style in &self.styles {
            write!(f, "&style={}", style.name)?;
        }
        self.turned.iter().try_for_each(|(name, value)| write!(f, "&{name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use lineage::knobs::{Knobs, STEPS};
    use lineage::run::Program;
    use lineage::styles::Style;
    use lineage::trace;

    use super::{Wish, fit_for_a_page};

    #[test]
    fn only_what_is_on_a_list_is_taken() {
        for (query, said) in [
            ("", "one program is needed"),
            ("program=echo&program=chat&style=callbacks", "one program is needed"),
            ("program=/bin/sh&style=callbacks", "there is no such program"),
            ("program=echo", "a style is needed, or 2"),
            ("program=echo&style=", "there is no such style"),
            ("program=echo&style=callbacks&style=callbacks&style=asyncio", "a style is"),
            ("program=echo&style=threads", "threads cannot run so"),
            ("program=echo&style=callbacks&--port=1", "echo has no such knob"),
            ("program=echo&style=callbacks&clients=7", "clients goes from 1 to 6"),
            ("program=echo&style=callbacks&seed=1&seed=2", "seed is turned twice"),
            ("program=echo&style=callbacks&seed=%31", "seed goes from 1 to 999"),
        ] {
            let refused = Wish::read(query).expect_err(query);
            assert!(refused.starts_with(said), "{query}: {refused}");
        }
        for program in Program::ALL {
            for knob in Knobs::of(program) {
                let (program, name, value) = (program.name(), knob.name, knob.value);
                let query = format!("program={program}&style=asyncio&{name}={value}");
                assert!(Wish::read(&query).is_ok(), "{query}");
                let twice = Wish::read(&format!("{query}&{name}={value}"));
                assert_eq!(twice.unwrap_err(), format!("{name} is turned twice"));
            }
        }
        let query = "program=echo&style=callbacks&style=asyncio&seed=7&loss=50";
        assert_eq!(Wish::read(query).expect("it is right").to_string(), query);
    }

    #[test]
    fn a_run_with_more_steps_than_a_page_shows_is_cut_and_said_to_be() {
        let style = Style::named("callbacks").expect("it is a style");
        let mut trace = trace::record(Program::Countdown, style).expect("it runs");
        let step = trace.events[0].clone();
        trace.events.resize(STEPS, step.clone());
        let (mut trace, word) = fit_for_a_page(trace);
        assert_eq!((trace.events.len(), word), (STEPS, None));
        trace.events.push(step);
        let (trace, word) = fit_for_a_page(trace);
        assert_eq!(trace.events.len(), STEPS);
        let word = word.expect("it is said");
        assert!(word.contains("Of 4001 steps, these are the first 4000."), "{word}");
    }
}
