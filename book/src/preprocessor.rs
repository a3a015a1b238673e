//! The door for mdBook: ours, in the same process, and the stock tool's, by its protocol.

use std::cell::RefCell;
use std::io::{self, Read};
use std::path::Path;
use std::rc::Rc;

use lineage::error::Error;
use lineage::output::Output;
use mdbook_preprocessor::book::{Book, Chapter};
use mdbook_preprocessor::errors;
use mdbook_preprocessor::{Preprocessor, PreprocessorContext, parse_input};

use crate::chapter::{self, Expansion};
use crate::coverage::ShownBy;
use crate::exercise;
use crate::origin::{Origin, Origins};
use crate::places::Places;
use crate::problem::{self, Problem};
use crate::rest;

/// Its name in `book.toml`.
pub const NAME: &str = "lineage";

/// What was seen in all chapters.
#[derive(Debug, Default)]
pub struct Seen {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is shown, by the chapters' files.
    pub shown: ShownBy,
    /// Where in the chapters what is on the pages is written.
    pub origins: Origins,
}

/// Replaces the directives of all chapters.
#[derive(Clone, Debug, Default)]
pub struct Directives {
    seen: Rc<RefCell<Seen>>,
}

impl Directives {
    /// Takes what was seen so far.
    pub fn take(&self) -> Seen {
        self.seen.take()
    }

    fn expand(&self, places: &Places, chapter: &mut Chapter) {
        let file = chapter.source_path.as_deref().unwrap_or(Path::new("SUMMARY.md"));
        let name = file.to_string_lossy().replace('\\', "/");
        let Expansion { text, problems, shown, made } =
            chapter::expand(places, &name, &chapter.content);
        let source = std::mem::replace(&mut chapter.content, text);
        places.shown.borrow_mut().extend(shown.iter().cloned());
        let mut seen = self.seen.borrow_mut();
        seen.origins.insert(name.clone(), Origin::of(&source, made));
        seen.problems.extend(problems);
        seen.shown.entry(name).or_default().extend(shown);
    }
}

impl Preprocessor for Directives {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> errors::Result<Book> {
        let places = Places::of(&context.root).map_err(errors::Error::msg)?;
        self.seen.borrow_mut().problems.extend(exercise::nest(&places, &mut book));
        // Whoever shows the rest comes last.
        for is_rest in [false, true] {
            book.for_each_chapter_mut(|chapter| {
                if rest::is_in(&chapter.content) == is_rest {
                    self.expand(&places, chapter);
                }
            });
        }
        Ok(book)
    }
}

/// Whether pages of that kind can be made: only HTML.
///
/// # Errors
///
/// Everything else. The stock tool asks for the exit status.
pub fn supports(renderer: &str) -> Result<(), Error> {
    if renderer == "html" {
        return Ok(());
    }
    Err(Error::Failure(format!("{renderer} pages cannot be made, only html")))
}

/// The stock tool's protocol: a book comes in, and goes out without directives.
///
/// # Errors
///
/// Lists all that is wrong with the chapters.
pub fn converse(input: impl Read, output: &mut Output) -> Result<(), Error> {
    let (context, book) = parse_input(input).map_err(failure)?;
    let directives = Directives::default();
    let book = directives.run(&context, book).map_err(failure)?;
    let mut problems = directives.take().problems;
    if !problems.is_empty() {
        return Err(Error::Failure(problem::list(&mut problems)));
    }
    output.line(serde_json::to_string(&book).map_err(Error::failure)?)
}

/// Like [`converse`], with whoever has started this process.
///
/// # Errors
///
/// Like [`converse`].
pub fn converse_by_stdin(output: &mut Output) -> Result<(), Error> {
    converse(io::stdin().lock(), output)
}

/// An error of mdBook's, with its causes in one line.
pub(crate) fn failure(error: errors::Error) -> Error {
    Error::Failure(format!("{error:#}"))
}
