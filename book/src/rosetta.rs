//! `{{#rosetta PROGRAM ITEM STYLE STYLE ...}}`: the same thing said in several styles.

use lineage::styles::Style;

use crate::html::escape;
use crate::item::Piece;
use crate::places::{Answer, Places};

/// A section for each style; the page's script makes tabs of them, or puts them side by side.
///
/// # Errors
///
/// Names all that is missing: styles, files, items.
pub fn expand(
    places: &Places,
    program: &str,
    item: &str,
    styles: &[&str],
) -> Answer<String> {
    let sections: Vec<_> =
        styles.iter().map(|style| section(places, program, item, style)).collect();
    let wrong: Vec<_> = sections.iter().filter_map(|it| it.as_ref().err()).collect();
    if !wrong.is_empty() {
        let wrong: Vec<_> = wrong.into_iter().map(String::as_str).collect();
        return Err(wrong.join("; "));
    }
    let sections: String = sections.into_iter().flatten().collect();
    let program = escape(program);
    Ok(format!(
        "<div class=\"rosetta\" data-program=\"{program}\">\n\n{sections}</div>\n"
    ))
}

fn section(places: &Places, program: &str, item: &str, style: &str) -> Answer<String> {
    let known = named(style)?;
    let piece = Piece::of(places, &format!("{}/{program}.rs", known.folder), item)?;
    Ok(format!(
        "<section data-style=\"{style}\">\n<h4>{style}</h4>\n\n{}\n</section>\n\n",
        piece.figure()
    ))
}

/// The style of that name.
///
/// # Errors
///
/// Names those there are.
pub fn named(style: &str) -> Answer<&'static Style> {
    Style::named(style).ok_or_else(|| {
        format!("there is no style {style}; there are: {}", Style::names().join(", "))
    })
}
