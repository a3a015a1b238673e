//! A run as a page by itself, to be shown to others: the player, its scripts and its styles, and
//! the lines of the program, in one file that asks nobody for anything.

use std::fs;
use std::path::Path;

use lineage::error::named;
use lineage::trace::Trace;

use crate::html::escape;
use crate::places::{Answer, Places};
use crate::story;

/// What mdBook brings to a page of the book, and ours.
const STYLES: [&str; 2] =
    [include_str!("alone/page.css"), include_str!("../theme/lineage.css")];

/// What the player is made of, in the order in which the book's pages load it.
const SCRIPTS: [&str; 5] = [
    include_str!("../theme/state.js"),
    include_str!("../theme/make.js"),
    include_str!("../theme/picture.js"),
    include_str!("../theme/view.js"),
    include_str!("../theme/player.js"),
];

/// The page of a recording.
///
/// # Errors
///
/// Fails when it cannot be read, or does not fit the sources.
pub fn page(places: &Places, recording: &Path) -> Answer<String> {
    let trace = read(recording)?;
    let title = format!("A run of {} in style {}", trace.program, trace.style);
    let (title, figure) = (escape(&title), story::together(places, vec![trace])?);
    let (styles, scripts) = (STYLES.concat(), SCRIPTS.concat());
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         script-src 'unsafe-inline'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{styles}</style>\n\
         <script>document.documentElement.className = 'js';</script>\n\
         <div class=\"content\">\n<main>\n<h1>{title}</h1>\n\
         <p>What the loop did, step by step, as <code>lineage</code> has recorded it: who runs, \
         who is ready, who waits for what, and at which line.</p>\n{figure}</main>\n</div>\n\
         <script>\n{scripts}</script>\n</html>\n",
    ))
}

fn read(path: &Path) -> Answer<Trace> {
    let text =
        fs::read_to_string(path).map_err(|error| named(path)(error).to_string())?;
    story::parsed(&path.display().to_string(), &text)
}

#[cfg(test)]
mod tests {
    use super::{SCRIPTS, STYLES};

    /// Those that the book's pages have from mdBook, too.
    #[test]
    fn every_variable_of_the_styles_is_defined() {
        let styles = STYLES.concat();
        let used =
            styles.split("var(").skip(1).filter_map(|it| it.split([')', ',']).next());
        for name in used {
            let by_a_script = SCRIPTS.iter().any(|it| it.contains(&format!("'{name}'")));
            assert!(by_a_script || styles.contains(&format!("{name}:")), "{name}");
        }
    }
}
