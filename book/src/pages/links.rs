//! Where links lead.

use super::Pages;
use super::page::{Link, Page};

/// What is wrong with a link of a page, if anything is.
pub(super) fn complaint(pages: &Pages, page: &str, link: &Link) -> Option<String> {
    let Link { element, target } = link;
    // As a browser reads it: what stands around it does not count.
    let target = target.trim_ascii();
    if let Some(scheme) = scheme(target) {
        let is_to_follow = matches!(&**element, "a" | "area") && leads_outside(&scheme);
        let is_inside = scheme == "data";
        return (!is_to_follow && !is_inside)
            .then(|| format!("<{element}> takes {target} from somewhere else"));
    }
    let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
    let path = path.split('?').next().unwrap_or("");
    if path.starts_with('/') {
        return Some(format!("{target} begins at a root that files do not have"));
    }
    let file = if path.is_empty() { Some(page.to_owned()) } else { resolve(page, path) };
    let Some(file) = file else {
        return Some(format!("the link {target} is dead: it leads out of the book"));
    };
    if !pages.files.contains(&file) {
        return Some(format!("the link {target} is dead: there is no {file}"));
    }
    let there = pages.html.get(&file)?;
    let is_there = there.has(fragment) || there.has(&decoded(fragment));
    (!is_there).then(|| format!("the link {target} is dead: {file} has no #{fragment}"))
}

impl Page {
    /// Whether a fragment leads to an element, or `#trace-a-b:step=12` to a step of a
    /// recording. `#top` leads to the top, and what follows `:~:` is to be looked for in the
    /// text.
    fn has(&self, fragment: &str) -> bool {
        let (fragment, _) = fragment.split_once(":~:").unwrap_or((fragment, ""));
        if fragment.is_empty() || fragment.eq_ignore_ascii_case("top") {
            return true;
        }
        match fragment.split_once(":step=") {
            None => self.ids.iter().chain(&self.names).any(|id| id == fragment),
            Some((id, step)) => {
                let last = self.steps.get(id).copied().unwrap_or(0);
                step.parse().is_ok_and(|step: u32| (1..=last).contains(&step))
            }
        }
    }
}

/// What a style names; and, if it is ours, whatever of the network it or a script has.
pub(super) fn of_asset(text: &str, element: &str, is_ours: bool) -> Vec<Link> {
    let mut targets = if element == "style" { in_style(text) } else { Vec::new() };
    if is_ours {
        targets.extend(remote_addresses(text).into_iter().map(str::to_owned));
    }
    targets.sort();
    targets.dedup();
    let link = |target| Link { element: element.to_owned(), target };
    targets.into_iter().map(link).collect()
}

/// The addresses in `url(…)` and `@import "…"`.
pub(super) fn in_style(style: &str) -> Vec<String> {
    let urls = style.split("url(").skip(1).filter_map(|it| it.split(')').next());
    let imports = style.split("@import").skip(1).filter_map(|it| it.split(';').next());
    let imports = imports.filter(|it| !it.contains("url("));
    let bare = |it: &str| it.trim().trim_matches(['"', '\'']).to_owned();
    urls.chain(imports).map(bare).collect()
}

/// Addresses in a text that are on the network. What only names a vocabulary is not.
pub(super) fn remote_addresses(text: &str) -> Vec<&str> {
    let lower = text.to_ascii_lowercase();
    let starts = lower.match_indices("https://").chain(lower.match_indices("http://"));
    let address = |at: usize| {
        let ends = |it: char| it.is_whitespace() || "\"'`)<>".contains(it);
        text[at..].split(ends).next().unwrap_or("")
    };
    let addresses = starts.map(|(at, _)| address(at));
    addresses.filter(|it| !it.starts_with("http://www.w3.org/")).collect()
}

/// `https` of `HTTPS://…`; `//` of `//…`, which takes that of the page.
fn scheme(target: &str) -> Option<String> {
    if target.starts_with("//") {
        return Some("//".to_owned());
    }
    let (scheme, _) = target.split_once(':')?;
    let is_part = |it: char| it.is_ascii_alphanumeric() || "+-.".contains(it);
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic());
    (is_scheme && scheme.chars().all(is_part)).then(|| scheme.to_ascii_lowercase())
}

/// Whether somebody may follow a link with that scheme. A script is none, and a file is on
/// one machine only.
fn leads_outside(scheme: &str) -> bool {
    !matches!(scheme, "javascript" | "vbscript" | "file" | "blob")
}

/// A path from the folder of the pages. `None` is outside of it, where nothing is.
fn resolve(page: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    let path = decoded(path);
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Without the percent signs.
pub(crate) fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let hex = bytes.get(index + 1..index + 3).filter(|_| *byte == b'%');
        let hex = hex.and_then(|it| std::str::from_utf8(it).ok());
        let value = hex.and_then(|it| u8::from_str_radix(it, 16).ok());
        decoded.push(value.unwrap_or(*byte));
        index += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
