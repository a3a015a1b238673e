//! `{{#diff STAGE STAGE FILE}}`: what a stage changes in a file of another.

use lineage::diff::{self, Side};
use similar::{ChangeTag, TextDiff};

use crate::coverage::Shown;
use crate::directive::Expanded;
use crate::html::escape;
use crate::listing::{self, Lines};
use crate::places::{Answer, Places};

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
    let code = diff.unified_diff().header(names[0], names[1]).to_string();
    let shown = match &found[1] {
        Some(path) => touched(path, &diff),
        None => Vec::new(),
    };
    let text = listing::figure("diff", &caption(&found), "diff", &code);
    Ok(Expanded { text, shown })
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
fn touched(path: &str, diff: &TextDiff<'_, '_, str>) -> Vec<Shown> {
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
