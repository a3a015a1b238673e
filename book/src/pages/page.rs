//! What there is to know of one page.

use std::collections::BTreeMap;

use html5gum::emitters::default::{DefaultEmitter, StartTag};
use html5gum::{Token, Tokenizer};

use super::links::{in_style, of_asset, remote_addresses};

/// A page, taken apart.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Its length in bytes.
    pub(super) size: usize,
    /// Every `id`, in order.
    pub(super) ids: Vec<String>,
    /// Every `name` of an `<a>`, which is an id of old.
    pub(super) names: Vec<String>,
    /// How many steps the recordings have, by their ids.
    pub(super) steps: BTreeMap<String, u32>,
    /// Whatever leads out of it.
    pub(super) links: Vec<Link>,
    /// What looks like a directive.
    pub(super) unexpanded: Vec<String>,
}

/// An attribute that names a file.
#[derive(Debug)]
pub(super) struct Link {
    /// The element that it is in.
    pub(super) element: String,
    /// What it names, as it stands there.
    pub(super) target: String,
}

/// Attributes whose value is an address.
const ADDRESSES: [&str; 7] =
    ["href", "src", "data", "action", "formaction", "poster", "xlink:href"];

/// What a directive begins with, or one that is misspelt.
const BRACES: [&str; 2] = ["{{", "{#"];

/// Elements whose text nobody takes for a directive.
const CODE: [&str; 3] = ["code", "script", "style"];

impl Page {
    pub(super) fn parse(html: &str) -> Self {
        let mut page = Self { size: html.len(), ..Self::default() };
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut code_depth = 0_usize;
        let mut inside = None;
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            match token {
                Token::StartTag(tag) => {
                    code_depth += usize::from(is_code(&tag.name));
                    inside = asset(&tag);
                    page.start(&tag);
                }
                Token::EndTag(tag) => {
                    code_depth =
                        code_depth.saturating_sub(usize::from(is_code(&tag.name)));
                    inside = None;
                }
                Token::String(text) => {
                    let text = String::from_utf8_lossy(&text);
                    if let Some(element) = inside {
                        page.links.extend(of_asset(&text, element, true));
                    } else if code_depth == 0 {
                        page.text(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let value = |name: &str| {
            tag.attributes.get(name.as_bytes()).map(|it| String::from_utf8_lossy(it))
        };
        if let (Some(id), Some(steps)) = (value("id"), value("data-steps")) {
            self.steps.insert(id.into_owned(), steps.parse().unwrap_or(0));
        }
        let element = String::from_utf8_lossy(&tag.name).into_owned();
        for (name, value) in &tag.attributes {
            let name = String::from_utf8_lossy(name);
            let value = String::from_utf8_lossy(value).into_owned();
            let mut link = |target: &str| {
                let (element, target) = (element.clone(), target.to_owned());
                self.links.push(Link { element, target });
            };
            match &*name {
                "id" => self.ids.push(value),
                "name" if element == "a" => self.names.push(value),
                "srcset" => value
                    .split(',')
                    .filter_map(|it| it.split_whitespace().next())
                    .for_each(link),
                "style" => in_style(&value).iter().for_each(|it| link(it)),
                "srcdoc" | "content" => {
                    remote_addresses(&value).into_iter().for_each(link);
                }
                name if ADDRESSES.contains(&name) => link(&value),
                _ => {}
            }
        }
    }

    fn text(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = BRACES.iter().filter_map(|it| rest.find(it)).min() {
            let line = rest[at..].lines().next().unwrap_or("");
            let end = line.find('}').unwrap_or(line.len());
            let closing = line[end..].chars().take_while(|it| *it == '}').count();
            self.unexpanded.push(line[..end + closing].to_owned());
            rest = &rest[at + end + closing..];
        }
    }

    /// Ids that more than one element has, each once.
    pub(super) fn ids_used_twice(&self) -> Vec<&str> {
        let mut ids: Vec<_> = self.ids.iter().map(String::as_str).collect();
        ids.sort_unstable();
        let mut twice: Vec<_> =
            ids.windows(2).filter(|it| it[0] == it[1]).map(|it| it[0]).collect();
        twice.dedup();
        twice
    }
}

/// Whether an element's text is a style or a script. JSON is only data.
fn asset(tag: &StartTag<()>) -> Option<&'static str> {
    let is_json =
        tag.attributes.get(b"type".as_slice()).is_some_and(|it| it.ends_with(b"json"));
    match &**tag.name {
        b"style" => Some("style"),
        b"script" if !is_json => Some("script"),
        _ => None,
    }
}

fn is_code(name: &[u8]) -> bool {
    CODE.iter().any(|code| code.as_bytes() == name)
}
