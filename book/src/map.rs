//! `{{#map BOX ...}}`: the four boxes of everything, with today's lit.

use crate::places::Answer;

/// The boxes from top to bottom, and what each is.
const BOXES: [(&str, &str); 4] = [
    ("task", "what you wrote: it runs until it has to wait"),
    ("loop", "decides who runs next"),
    ("reactor", "knows who waits for what"),
    ("os", "says which sockets are ready, and what time it is"),
];

/// The map.
///
/// # Errors
///
/// Names the boxes there are.
pub fn expand(lit: &[&str]) -> Answer<String> {
    let names = BOXES.map(|(name, _)| name);
    if let Some(unknown) = lit.iter().find(|name| !names.contains(name)) {
        return Err(format!(
            "the map has no box {unknown}; it has: {}",
            names.join(", ")
        ));
    }
    let items = BOXES.map(|(name, what)| {
        let class = if lit.contains(&name) { " class=\"lit\"" } else { "" };
        format!("<li{class}><b>{}</b> <span>{what}</span></li>\n", label(name))
    });
    let today = lit.iter().map(|name| format!("the {}", label(name)));
    let today = today.collect::<Vec<_>>().join(" and ");
    let caption = format!("<figcaption>In this chapter: {today}.</figcaption>");
    Ok(format!(
        "<figure class=\"map\">\n<ol>\n{}</ol>\n{caption}\n</figure>\n",
        items.concat()
    ))
}

fn label(name: &str) -> &str {
    if name == "os" { "operating system" } else { name }
}
