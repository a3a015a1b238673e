//! `{{#diff STAGE STAGE FILE}}`: what a stage changes in a file of another.

use lineage::diff::{self, Side};
use similar::{ChangeTag, TextDiff};

use crate::coverage::Shown;
use crate::directive::Expanded;
use crate::html::escape;
use crate::listing::{self, Lines};
use crate::places::{Answer, Places};

/// So many lines of a difference are shown at once: about a screen.
const MOST: usize = 40;

/// The unified diff, from the files as they are now. A file that one side does not have is
/// shown as new or deleted.
///
/// # Errors
///
/// Names the stages or files there are; fails when the files do not differ.
pub fn expand(places: &Places, from: &str, to: &str, name: &str) -> Answer<Expanded> {
    let sides = (side(from)?, side(to)?);
    let found = diff::paths(sides.0, sides.1, name).map_err(|error| error.to_string())?;
    let [before, after] = found.each_ref().map(|path| text(places, path.as_deref()));
    let (before, after) = (before?, after?);
    let names = found.each_ref().map(|path| path.as_deref().unwrap_or("/dev/null"));
    if before == after {
        return Err(format!("{} and {} are the same, byte for byte", names[0], names[1]));
    }
    let diff = TextDiff::from_lines(&*before, &*after);
    let code = unified(&diff, names[0], names[1]);
    let shown = match &found[1] {
        Some(path) => touched(path, &diff),
        None => Vec::new(),
    };
    let text = bounded(&caption(&found), &code);
    Ok(Expanded { text, shown })
}

/// The difference, as one reads it everywhere.
pub fn unified(diff: &TextDiff<'_, '_, str>, before: &str, after: &str) -> String {
    diff.unified_diff().header(before, after).to_string()
}

/// The figure: folded, if it would fill more than a screen.
fn bounded(caption: &str, code: &str) -> String {
    let changed = |sign| code.lines().skip(2).filter(|it| it.starts_with(sign)).count();
    let figure = listing::figure("diff", caption, "diff", code);
    if code.lines().count() <= MOST {
        return figure;
    }
    let (added, removed) = (changed('+'), changed('-'));
    format!(
        "<details class=\"long\">\n<summary>{caption}: {added} lines added, {removed} \
         removed</summary>\n\n{figure}\n</details>\n"
    )
}

fn side(name: &str) -> Answer<Side> {
    Side::named(name).ok_or_else(|| {
        let names = diff::stage_names().join(", ");
        format!("there is no stage {name}; there are: {names}")
    })
}

fn text(places: &Places, path: Option<&str>) -> Answer<String> {
    path.map_or(Ok(String::new()), |path| places.read(path).map(|it| it.to_string()))
}

fn caption(paths: &[Option<String>; 2]) -> String {
    let code = |path: &str| format!("<code>{}</code>", escape(path));
    match paths {
        [Some(before), Some(after)] => format!("{} → {}", code(before), code(after)),
        [None, Some(after)] => format!("{} is new", code(after)),
        [Some(before), None] => format!("{} is gone", code(before)),
        [None, None] => String::new(),
    }
}

/// The lines that are new: an item that holds one of them has been shown.
pub fn touched(path: &str, diff: &TextDiff<'_, '_, str>) -> Vec<Shown> {
    let new = diff.iter_all_changes().filter(|it| it.tag() == ChangeTag::Insert);
    let lines = new.filter_map(|it| it.new_index()).map(|index| index + 1);
    lines
        .map(|line| Shown {
            file: path.to_owned(),
            lines: Lines { first: line, last: line },
            is_change: true,
        })
        .collect()
}
