//! A run with other knobs than the recorded one: `program=echo&style=callbacks&latency=5`, as it
//! stands in an address, and the figure that it becomes.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;
use lineage::knobs::Knobs;
use lineage::run::Program;
use lineage::styles::Style;
use lineage::trace;

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
            record::apart(style, move |style| trace::record_with(program, style, &knobs))
        });
        story::together(&places, traces.collect::<Answer<Vec<_>>>()?)
    }
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
    use lineage::knobs::Knobs;
    use lineage::run::Program;

    use super::Wish;

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
}
