//! `{{#python FILE [FUNCTION]}}`: a Python file, or one function or class of it.

use std::path::Path;

use crate::listing::{self, Lines};
use crate::places::{Answer, Places};

/// The file, or what is called `name` in it: `crawl`, or `Task.step` of a class.
///
/// # Errors
///
/// Says what there is, if there is no such file or function.
pub fn expand(places: &Places, file: &str, name: Option<&str>) -> Answer<String> {
    let is_python = Path::new(file).extension().is_some_and(|it| it == "py");
    if !is_python || !file.starts_with("python/") {
        return Err(format!("{file} is no Python file; write python/NAME.py"));
    }
    let text = places.read(file)?;
    let lines = match name {
        None => Lines::all(&text),
        Some(name) => find(&text, name).ok_or_else(|| {
            let there = definitions(&text).into_iter().map(|it| it.name);
            let there = there.collect::<Vec<_>>().join(", ");
            format!("{file} has no function {name}; it has: {there}")
        })?,
    };
    let caption = listing::source(file, lines);
    Ok(listing::figure("listing python", &caption, "python", &lines.of(&text)))
}

/// A `def` or a `class`.
struct Definition {
    /// With the class that it is in.
    name: String,
    lines: Lines,
}

fn find(text: &str, name: &str) -> Option<Lines> {
    definitions(text).into_iter().find(|it| it.name == name).map(|it| it.lines)
}

fn definitions(text: &str) -> Vec<Definition> {
    let lines: Vec<&str> = text.lines().collect();
    let mut class = None;
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = defined(line.trim_start()) else { continue };
        let is_class = line.starts_with("class ");
        if indent(line) == 0 {
            class = is_class.then_some(name);
        }
        let name = match class {
            Some(class) if indent(line) > 0 => format!("{class}.{name}"),
            _ if indent(line) > 0 => continue,
            _ => name.to_owned(),
        };
        found.push(Definition { name, lines: extent(&lines, index) });
    }
    found
}

/// The name that a line gives to a function or class.
fn defined(line: &str) -> Option<&str> {
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix("def ").or_else(|| line.strip_prefix("class "))?;
    rest.split(|it: char| !it.is_alphanumeric() && it != '_').next()
}

/// From the decorators and comments right above to the last line that is further in.
fn extent(lines: &[&str], index: usize) -> Lines {
    let margin = indent(lines[index]);
    let is_above = |line: &&&str| {
        indent(line) == margin && line.trim_start().starts_with(['@', '#'])
    };
    let above = lines[..index].iter().rev().take_while(is_above).count();
    // A signature may take several lines, and end in one that is not further in.
    let opening = lines[index..].iter().position(|it| it.trim_end().ends_with(':'));
    let body = index + opening.unwrap_or(0) + 1;
    let inside = |line: &&&str| line.trim().is_empty() || indent(line) > margin;
    let length = lines[body..].iter().take_while(inside).count();
    let filled = lines[..body + length].iter().rposition(|it| !it.trim().is_empty());
    Lines { first: index - above + 1, last: filled.unwrap_or(index) + 1 }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
import time

# Waits.
@slow
async def wait(
    seconds,
):
    a = 1

    b = 2

class Task:
    def step(self):
        pass

    def stop(self): pass
";

    #[test]
    fn a_function_is_found_with_what_belongs_to_it() {
        assert_eq!(find(TEXT, "wait"), Some(Lines { first: 3, last: 10 }));
        assert_eq!(find(TEXT, "Task"), Some(Lines { first: 12, last: 16 }));
        assert_eq!(find(TEXT, "Task.step"), Some(Lines { first: 13, last: 14 }));
        assert_eq!(find(TEXT, "step"), None);
    }
}
