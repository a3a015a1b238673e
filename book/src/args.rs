//! What was typed, and who does it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use lineage::args::{Book, BookCommand as Command, Question};
use lineage::companion::{from_here, workspace};
use lineage::error::Error;
use lineage::output::Output;
use lineage::page::Page;
use site::count;

use crate::build::build;
use crate::places::Places;
use crate::play::Wish;
use crate::{alone, measurement, preprocessor, problem, record, serve};

/// Does what was asked for.
///
/// # Errors
///
/// Fails as that does.
pub fn obey(args: Book, output: &mut Output) -> Result<(), Error> {
    let book = nearest_book();
    match args.command {
        None => serve::serve(&book?, args.port, args.open, output),
        Some(Command::Build { dest }) => build_only(&book?, dest.as_deref(), output),
        Some(Command::Check { accept }) => check(&book?, accept, output),
        Some(Command::Record { program, style }) => match program.zip(style) {
            Some((program, style)) => record::one(&book?, program, style, output),
            None => record::all(&book?, output),
        },
        Some(Command::Measure { name }) => measurement::measure(&book?, &name, output),
        Some(Command::Play { wish }) => play(&book?, &wish, output),
        Some(Command::Draw { page, recording }) => {
            draw(&book?, &page, &recording, output)
        }
        Some(Command::Preprocess { question: None }) => {
            preprocessor::converse_by_stdin(output)
        }
        Some(Command::Preprocess { question: Some(Question::Supports { renderer }) }) => {
            preprocessor::supports(&renderer)
        }
    }
}

fn build_only(
    book: &Path,
    dest: Option<&Path>,
    output: &mut Output,
) -> Result<(), Error> {
    if let Some(dest) = dest.filter(|dest| is_foreign(dest)) {
        let message = "is not empty, and what is there is no book";
        return Err(Error::Failure(format!("{} {message}", dest.display())));
    }
    let began = Instant::now();
    let mut built = build(book, dest)?;
    if !built.problems.is_empty() {
        return Err(Error::Failure(problem::list(&mut built.problems)));
    }
    let (pages, folder) = (count(built.pages, "page"), from_here(&built.folder));
    let seconds = began.elapsed().as_secs_f64();
    output.line(format_args!("{pages} in {}, in {seconds:.2} s", folder.display()))
}

/// The other side of the server: what it wants is run here, and ends with this process.
fn play(book: &Path, wish: &str, output: &mut Output) -> Result<(), Error> {
    let figure = Wish::read(wish).and_then(|wish| wish.figure(book));
    output.show(figure.map_err(Error::Failure)?)
}

/// What `try --html` leaves.
fn draw(
    book: &Path,
    page: &Path,
    recording: &Path,
    output: &mut Output,
) -> Result<(), Error> {
    let page = Page::at(page)?;
    let html = Places::of(book).and_then(|it| alone::page(&it, recording));
    page.write(&html.map_err(Error::Failure)?, output)
}

/// How this program is started again; on Linux also when its file was built anew meanwhile.
pub(crate) fn this_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return "/proc/self/exe".into();
    }
    std::env::current_exe().unwrap_or_default()
}

/// Whether a folder has files, and none that every book has: mdBook would remove them.
fn is_foreign(folder: &Path) -> bool {
    let is_filled = folder.read_dir().is_ok_and(|mut it| it.next().is_some());
    is_filled && !folder.join("toc.html").is_file()
}

fn check(book: &Path, accept: bool, output: &mut Output) -> Result<(), Error> {
    let recorded = record::check(book, accept, output)?;
    let mut built = build(book, None)?;
    built.problems.extend(recorded);
    if !built.problems.is_empty() {
        return Err(Error::Failure(problem::list(&mut built.problems)));
    }
    output.line(format_args!("{}, nothing wrong", count(built.pages, "page")))
}

/// The folder `book` here or further up.
fn nearest_book() -> Result<PathBuf, Error> {
    let here = std::env::current_dir().map_err(Error::failure)?;
    let is_book = |folder: &Path| folder.join("book.toml").is_file();
    let found = here.ancestors().find_map(|folder| {
        let inner = folder.join("book");
        let places = [folder.to_owned(), inner];
        places.into_iter().find(|place| is_book(place))
    });
    let elsewhere = Some(workspace().join("book"));
    found.or(elsewhere.filter(|place| is_book(place))).ok_or_else(|| {
        Error::Usage("there is no book here: no book/book.toml, here or above".to_owned())
    })
}
