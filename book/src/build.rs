//! Makes the pages, and looks at all that can be wrong with them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use lineage::error::{Error, named};
use mdbook_driver::MDBook;
use mdbook_driver::builtin_preprocessors::{IndexPreprocessor, LinkPreprocessor};
use mdbook_driver::config::Config;
use pulldown_cmark::{Event, Parser, Tag};

use crate::chapter::line_of;
use crate::coverage::{self, Progress, ShownBy};
use crate::pages::Pages;
use crate::places::{Places, names_in};
use crate::preprocessor::{Directives, NAME, Seen, failure};
use crate::problem::{self, Problem};
use crate::{search, slides, warnings};

/// Which chapters there are.
const SUMMARY: &str = "SUMMARY.md";

/// What a build has made.
#[derive(Debug)]
pub struct Built {
    /// The folder of the pages.
    pub folder: PathBuf,
    /// How many pages.
    pub pages: usize,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// Builds the book in a folder, into `folder` or where `book.toml` says.
///
/// # Errors
///
/// Fails when mdBook cannot build at all. Everything else is in [`Built::problems`].
pub fn build(book: &Path, folder: Option<&Path>) -> Result<Built, Error> {
    let places = Places::of(book).map_err(Error::Failure)?;
    let mut config =
        Config::from_disk(places.book().join("book.toml")).map_err(failure)?;
    if let Some(folder) = folder {
        config.build.build_dir = std::path::absolute(folder).map_err(Error::failure)?;
    }
    let progress = config.get::<Progress>(&format!("preprocessor.{NAME}"));
    let progress = progress.map_err(failure)?.unwrap_or_default();

    let mut unwritten = unwritten(&places.book().join(&config.book.src));
    if !unwritten.is_empty() {
        return Err(Error::Failure(problem::list(&mut unwritten)));
    }

    let directives = Directives::default();
    let mut mdbook = MDBook::load_with_config(places.book(), config).map_err(failure)?;
    // The first takes the place of the command that `book.toml` has for the stock tool.
    mdbook
        .with_preprocessor(directives.clone())
        .with_preprocessor(LinkPreprocessor::new())
        .with_preprocessor(IndexPreprocessor::new());
    let (built, warned) = warnings::gather(|| mdbook.build());
    built.map_err(failure)?;

    let folder = mdbook.build_dir_for("html");
    let (pages, index) = looked_at(&folder);
    let (pages, index) = (pages?, index?);
    if let Some((place, index)) = index {
        let failed = |error| Error::failure(named(&place)(error));
        fs::write(&place, index).map_err(failed)?;
    }
    let Seen { mut problems, shown, origins } = directives.take();
    problems.extend(warnings::problems(warned, &origins));
    problems.extend(forgotten(&mdbook.source_dir(), &shown));
    problems.extend(pages.check(&origins));
    problems.extend(slides::check(&places, &pages.ids(), &progress.finished));
    problems.extend(coverage::check(&places, &progress, &shown));
    Ok(Built { folder, pages: pages.count(), problems })
}

/// The pages, and what is to be found on them: both are taken apart by a parser of HTML, which
/// takes its time, and so at once.
fn looked_at(folder: &Path) -> (Result<Pages, Error>, Result<search::Index, Error>) {
    thread::scope(|scope| {
        let index = scope.spawn(|| search::index(folder));
        let pages = Pages::read(folder);
        let index = index.join();
        (pages, index.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Chapters that somebody listed and nobody wrote: mdBook would stop at the first.
fn unwritten(chapters: &Path) -> Vec<Problem> {
    let summary = fs::read_to_string(chapters.join(SUMMARY)).unwrap_or_default();
    let missing =
        Parser::new(&summary).into_offset_iter().filter_map(|(event, range)| {
            let Event::Start(Tag::Link { dest_url, .. }) = event else { return None };
            let is_there = dest_url.is_empty() || chapters.join(&*dest_url).is_file();
            let message = format!("there is no chapter {dest_url}");
            (!is_there)
                .then(|| Problem::at(SUMMARY, line_of(&summary, range.start), message))
        });
    missing.collect()
}

/// Chapters that somebody wrote and nobody finds.
fn forgotten(chapters: &Path, known: &ShownBy) -> Vec<Problem> {
    let names = names_in(chapters).into_iter();
    let chapters = names.filter(|name| is_markdown(name) && name != SUMMARY);
    let forgotten = chapters.filter(|name| !known.contains_key(name));
    forgotten.map(|name| Problem::with(&name, "it is not in SUMMARY.md")).collect()
}

fn is_markdown(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it == "md")
}
