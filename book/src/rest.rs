//! `{{#rest FILE}}`: what of a core file no chapter shows, for an appendix, so that no chapter
//! has to list what is only there to be complete.

use crate::coverage::{Core, Shown, cores_of};
use crate::directive::Expanded;
use crate::item::Piece;
use crate::listing::Lines;
use crate::places::{Answer, Places};

/// The items that are left, in the file's order, each as a listing.
///
/// # Errors
///
/// Fails when there is no such file; when nothing is left of it, for then the appendix can do
/// without.
pub fn expand(places: &Places, file: &str) -> Answer<Expanded> {
    let text = places.read(file)?;
    let shown = places.shown.borrow();
    let cores = cores_of(places, file)?;
    let left: Vec<Lines> = cores
        .iter()
        .filter(|core| !shown.iter().any(|it| it.shows(core)))
        .map(|Core { entry, .. }| entry.lines)
        .collect();
    if left.is_empty() {
        return Err(format!("the chapters show all of {file}: nothing is left"));
    }
    let figures = left.iter().map(|lines| {
        let piece = Piece { path: file.to_owned(), lines: *lines, code: lines.of(&text) };
        piece.figure()
    });
    let shown = left.iter().map(|lines| Shown {
        file: file.to_owned(),
        lines: *lines,
        is_change: false,
    });
    Ok(Expanded { text: figures.collect(), shown: shown.collect() })
}

/// Whether a chapter asks for the rest of a file, and so has to wait for the others.
pub fn is_in(chapter: &str) -> bool {
    chapter.lines().any(|line| line.starts_with("{{#rest "))
}
