//! `{{#exercise N.M}}`: what there is to do, where, hints that are folded, and the place where the
//! served book shows the reader's run beside the right one. Below its chapter, each exercise has a
//! page of that.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use exercises::catalogue::Exercise;
use mdbook_preprocessor::book::{Book, Chapter, SectionNumber};

use crate::listing::fence;
use crate::places::{Answer, Places};
use crate::problem::Problem;

/// Where the exercises are, from the root of the workspace.
const FOLDER: &str = "exercises";

/// What stands where nobody runs anything.
const ABSENT: &str = "As soon as you save your file, your run stands here beside the right one, \
                      and where they first differ. For that somebody has to run it: read the \
                      book with <code>cargo run -p book</code>.";

/// The exercises of a workspace.
pub fn folder(workspace: &Path) -> PathBuf {
    workspace.join(FOLDER)
}

/// The page of an exercise.
///
/// # Errors
///
/// Says which exercises there are, if there is none of that name.
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let exercise = Exercise::named(&folder(places.workspace()), name);
    let page = exercise.and_then(|it| {
        let (statement, hints) = (it.read("statement.md")?, it.hints()?);
        Ok(page(&heading(&it), &it, &statement, &hints))
    });
    page.map_err(|error| error.to_string())
}

/// Nests a page for each exercise below the chapter that it is of, and says which has none.
pub fn nest(places: &Places, book: &mut Book) -> Vec<Problem> {
    let folder = folder(places.workspace());
    if !folder.is_dir() {
        return Vec::new();
    }
    match Exercise::all(&folder) {
        Ok(all) => all.iter().filter_map(|it| nest_one(it, book)).collect(),
        Err(error) => vec![Problem::with(FOLDER, error)],
    }
}

fn nest_one(exercise: &Exercise, book: &mut Book) -> Option<Problem> {
    let number = exercise.number;
    let begins = format!("{:02}-", number.chapter);
    let mut is_nested = false;
    book.for_each_chapter_mut(|chapter| {
        let file = chapter.path.as_deref().unwrap_or(Path::new(""));
        if !is_nested && file.to_string_lossy().starts_with(&begins) {
            is_nested = true;
            let page = below(chapter, exercise);
            chapter.sub_items.push(page.into());
        }
    });
    let message = format!("no chapter's file begins with {begins}: {number} has no page");
    (!is_nested).then(|| Problem::with(FOLDER, message))
}

/// The page of an exercise, as the next one below its chapter.
fn below(chapter: &Chapter, exercise: &Exercise) -> Chapter {
    let number = exercise.number;
    let above = chapter.parent_names.iter().chain([&chapter.name]);
    let content = format!("{{{{#exercise {number}}}}}\n");
    let file = format!("exercise-{number}.md");
    let mut page =
        Chapter::new(&heading(exercise), content, file, above.cloned().collect());
    // Nobody is shown it, but by its length it stands further in.
    let place = u32::try_from(chapter.sub_items.len()).unwrap_or(0) + 1;
    let number = chapter.number.as_ref();
    page.number = number.map(|it| SectionNumber::new([&it[..], &[place]].concat()));
    page
}

/// Whoever has no title is found out when its statement is read.
fn heading(exercise: &Exercise) -> String {
    let title = exercise.title().unwrap_or_default();
    format!("Exercise {}: {title}", exercise.number)
}

fn page(heading: &str, exercise: &Exercise, statement: &str, hints: &[String]) -> String {
    let number = exercise.number;
    let task = statement.split_once('\n').map_or("", |(_, task)| task).trim();
    let command = fence("console", &format!("$ cargo run -- check {number}\n"));
    let mut page = format!(
        "# {heading}\n\n{task}\n\n## Your file\n\n\
         `work/{number}/exercise.rs`, in the folder of this workspace. This puts it there, and \
         from then on checks it:\n\n{command}\n\
         With `--hint` it gives a hint. With `--step` it lays your run beside the right one, in \
         the terminal.\n\n\
         ## Hints\n\n"
    );
    for (index, hint) in hints.iter().enumerate() {
        let (n, of) = (index + 1, hints.len());
        _ = write!(
            page,
            "<details class=\"hint\">\n<summary>Hint {n} of {of}</summary>\n\n{hint}\n\n\
             </details>\n\n"
        );
    }
    _ = writeln!(
        page,
        "## Your run\n\n<div class=\"exercise\" data-number=\"{number}\">\n<p>{ABSENT}</p>\n</div>"
    );
    page
}
