//! `lineage`, and nothing more: one crawl in every style, and what the numbers say.
//!
//! Every figure is measured in this run or read from the code that ran. A figure that makes
//! no sense for a style is a dash, and null in JSON.

mod guess;
mod live;
mod menu;
mod page;
mod pager;
mod race;
mod table;

use std::io::IsTerminal;
use std::path::Path;

use serde::Serialize;
use site::{Site, count};

use crate::child::Nursery;
use crate::crawl::CONCURRENCY;
use crate::descriptors;
use crate::error::Error;
use crate::interrupt;
use crate::keys::{Keys, Saved};
use crate::output::{Output, is_set};
use crate::page::Page;
use crate::styles::STYLES;

pub use race::Row;

use guess::Guesses;
use live::Live;
use race::Race;

/// A tour that is about to begin.
#[derive(Debug, Default)]
pub struct Tour {
    nursery: Nursery,
    /// Where to draw what was seen, if that was asked for.
    page: Option<Page>,
}

/// All of the tour's figures.
#[derive(Serialize)]
struct Answer<'a> {
    site: Crawled,
    styles: &'a [Row],
    agree: bool,
}

/// What was crawled.
#[derive(Serialize)]
struct Crawled {
    pages: usize,
    latency_ms: u128,
}

impl Tour {
    /// A tour that also leaves a page: the requests of all styles side by side, and the figures,
    /// in one file that needs no other.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written.
    pub fn with_page(path: &Path) -> Result<Self, Error> {
        Ok(Self { page: Some(Page::at(path)?), ..Self::default() })
    }

    /// Says nothing but one JSON object.
    ///
    /// # Errors
    ///
    /// Fails when the styles disagree.
    pub fn json(self, output: &mut Output) -> Result<(), Error> {
        self.end_on_interrupt()?;
        let race = Race::start(Site::friendly(), self.nursery.clone())?;
        let run = |style| race.run(style, &mut |_| Ok(()));
        let rows = STYLES.iter().map(run).collect::<Result<Vec<_>, _>>()?;
        let site =
            Crawled { pages: race.site.len(), latency_ms: race.site.delay().as_millis() };
        let agree = race::agree(&rows);
        output.json(&Answer { site, styles: &rows, agree })?;
        verdict(&rows)
    }

    /// Shows everything, and asks where somebody is there to answer.
    ///
    /// # Errors
    ///
    /// Fails when the styles disagree; [`Error::ReaderLeft`] when somebody wants to leave.
    pub fn show(mut self, output: &mut Output) -> Result<(), Error> {
        let people = output.is_terminal() && !is_set("CI");
        let race = Race::start(Site::friendly(), self.nursery.clone())?;
        welcome(race.concurrency, output)?;
        self.end_on_interrupt()?;
        let mut keys = (people && std::io::stdin().is_terminal()).then(Keys::listen);
        let mut guesses = Guesses::default();
        output.line("")?;
        let mut rows = Vec::new();
        for style in STYLES {
            guesses.ask(style, keys.as_mut(), output)?;
            let mut live = Live::new(style.name, race.site.len(), people);
            let row =
                race.run(style, &mut |served| live.look(served, keys.as_mut(), output))?;
            live.finish(&row, output)?;
            rows.push(row);
            guesses.reveal(&rows, output)?;
        }
        show_figures(&rows, output)?;
        if let Some(page) = self.page.take() {
            page.write(&page::html(&rows), output)?;
        }
        if let Some(keys) = &mut keys {
            menu::ask(&self.nursery, keys, output)?;
        }
        table::what_next(output)?;
        verdict(&rows)
    }

    /// Ctrl-C ends the child that runs, and gives the terminal back as it was.
    fn end_on_interrupt(&self) -> Result<(), Error> {
        let (nursery, terminal) = (self.nursery.clone(), Saved::now());
        interrupt::on_interrupt(move || {
            nursery.close();
            terminal.restore();
            interrupt::say_so();
        })
    }
}

fn welcome(concurrency: usize, output: &mut Output) -> Result<(), Error> {
    let title = format!("One crawler, written in {} styles.", STYLES.len());
    output.line(output.bold(title))?;
    let site = Site::friendly();
    let (pages, delay) = (site.len(), site.delay().as_millis());
    output.line(format_args!(
        "A small site is served inside this process: {pages} pages, each answers after\n\
         {delay} ms. Every style crawls it, in a process of its own, and has at most\n\
         {} under way at once.",
        count(concurrency, "request")
    ))?;
    if concurrency < CONCURRENCY {
        output.line(descriptors::few_for(concurrency))?;
    }
    Ok(())
}

fn show_figures(rows: &[Row], output: &mut Output) -> Result<(), Error> {
    output.line("")?;
    for (n, line) in table::table(rows).into_iter().enumerate() {
        let is_head = n < table::HEAD_LINES;
        output.line(if is_head { output.bold(line) } else { line })?;
    }
    output.line("")?;
    for line in table::sentences(rows) {
        output.line(line)?;
    }
    for reason in rows.iter().flat_map(Row::reasons) {
        output.line(reason)?;
    }
    Ok(())
}

fn verdict(rows: &[Row]) -> Result<(), Error> {
    if race::agree(rows) {
        return Ok(());
    }
    Err(Error::failure("the styles disagree on what became of the pages"))
}
