//! What of a browser's tree decides how to read on behind a tag.
//!
//! A tokenizer sees tags one by one. That `<title>` is followed by text, but not in an SVG
//! image, only the tree knows that a browser builds (the HTML standard, "tree construction").
//! This is as much of it as matters to links: where the document is SVG or `MathML`, where it is
//! HTML again, and what is in a template, which shows nothing.

use std::collections::HashMap;

use html5gum::{HtmlString, StartTag, State};

use crate::http::Markup;

#[derive(Debug)]
pub(super) struct Tree {
    markup: Markup,
    /// The document, and what is open in it of other languages. Never empty.
    regions: Vec<Region>,
    /// For each open template, how many regions were open around it.
    templates: Vec<usize>,
}

/// A part of the document in one language.
#[derive(Debug)]
struct Region {
    language: Language,
    /// How many elements of each name are open. HTML closes many of them tacitly; these stay
    /// here, and do no harm.
    open: HashMap<HtmlString, usize>,
}

#[derive(Debug, PartialEq, Eq)]
enum Language {
    Html,
    Svg,
    MathMl,
    /// HTML again, inside of an element of this name.
    Island(HtmlString),
}

impl Tree {
    pub(super) fn new(markup: Markup) -> Self {
        let document = Region::new(Language::Html);
        Self { markup, regions: vec![document], templates: Vec::new() }
    }

    /// A start tag was read: in which state does the tokenizer read on? `None`: where it is.
    pub(super) fn start(&mut self, tag: &StartTag<()>) -> Option<State> {
        if self.markup == Markup::Xhtml {
            // XML reads everything alike, and an element may close itself.
            if !tag.self_closing {
                self.start_template(tag);
            }
            return None;
        }
        if breaks_out(tag) {
            self.leave();
        }
        if self.is_foreign() {
            if !tag.self_closing {
                self.start_foreign(tag);
            }
            return None;
        }
        self.start_html(tag)
    }

    /// An end tag was read.
    pub(super) fn end(&mut self, name: &[u8]) {
        if self.here_mut().close(name) {
            return;
        }
        if name == b"template" {
            let around = self.templates.pop().unwrap_or(usize::MAX);
            return self.regions.truncate(around);
        }
        match self.regions.as_slice() {
            [.., last] if last.language.root() == name => self.pop(),
            [.., around, Region { language: Language::Island(_), .. }]
                if around.language.root() == name =>
            {
                self.pop();
                self.pop();
            }
            _ if self.is_foreign() => self.end_around(name),
            _ => {}
        }
    }

    /// Whether an `<area>` or a `<base>` is one here.
    pub(super) fn is_html(&self) -> bool {
        matches!(self.here().language, Language::Html | Language::Island(_))
    }

    /// Whether an `<a>` may be one of SVG. In XML nobody has looked.
    pub(super) fn is_svg(&self) -> bool {
        self.here().language == Language::Svg || self.markup == Markup::Xhtml
    }

    /// Whether a reader sees nothing of this.
    pub(super) fn is_inert(&self) -> bool {
        !self.templates.is_empty()
    }

    /// Whether `<![CDATA[` begins one here, and no comment.
    pub(super) fn has_cdata(&self) -> bool {
        let here = self.here();
        let is_island = matches!(here.language, Language::Island(_));
        self.markup == Markup::Xhtml
            || self.is_foreign()
            || is_island && here.open.is_empty()
    }

    fn is_foreign(&self) -> bool {
        matches!(self.here().language, Language::Svg | Language::MathMl)
    }

    fn start_html(&mut self, tag: &StartTag<()>) -> Option<State> {
        match &**tag.name {
            b"svg" | b"math" if tag.self_closing => return None,
            b"svg" => self.regions.push(Region::new(Language::Svg)),
            b"math" => self.regions.push(Region::new(Language::MathMl)),
            b"template" => self.start_template(tag),
            _ => self.here_mut().open(&tag.name),
        }
        // `<noscript>` is not among them: there are no scripts here.
        match &**tag.name {
            b"title" | b"textarea" => Some(State::RcData),
            b"style" | b"xmp" | b"iframe" | b"noembed" | b"noframes" => {
                Some(State::RawText)
            }
            b"script" => Some(State::ScriptData),
            b"plaintext" => Some(State::PlainText),
            _ => None,
        }
    }

    fn start_foreign(&mut self, tag: &StartTag<()>) {
        let language = &self.here().language;
        if language.has_island(tag) {
            let island = Language::Island(tag.name.clone());
            self.regions.push(Region::new(island));
        } else if *language == Language::MathMl && **tag.name == *b"svg" {
            self.regions.push(Region::new(Language::Svg));
        } else {
            self.here_mut().open(&tag.name);
        }
    }

    /// A template is inert, unless its content is shown at once (as a shadow tree).
    fn start_template(&mut self, tag: &StartTag<()>) {
        let mode = attribute(tag, b"shadowrootmode");
        let is_shown = ["open", "closed"].iter().any(|it| is(mode, it));
        if **tag.name == *b"template" && !is_shown {
            self.templates.push(self.regions.len());
        }
    }

    /// An end tag that belongs to nothing inside of SVG or `MathML`: it may belong to what is
    /// around it. Then all of that was forgotten to be closed.
    fn end_around(&mut self, name: &[u8]) {
        let around = self.regions.iter().rev().find(|it| !it.language.is_foreign());
        let is_open = around.is_some_and(|region| region.open.contains_key(name));
        if is_open || matches!(name, b"p" | b"br") {
            self.leave();
            self.here_mut().close(name);
        }
    }

    /// Leaves SVG and `MathML` for the HTML around it. (At most two regions: see
    /// `start_foreign`.)
    fn leave(&mut self) {
        while self.is_foreign() {
            self.pop();
        }
    }

    fn pop(&mut self) {
        if self.regions.len() > 1 {
            self.regions.pop();
        }
    }

    fn here(&self) -> &Region {
        self.regions.last().expect("the document is never closed")
    }

    fn here_mut(&mut self) -> &mut Region {
        self.regions.last_mut().expect("the document is never closed")
    }
}

impl Region {
    fn new(language: Language) -> Self {
        Self { language, open: HashMap::new() }
    }

    fn open(&mut self, name: &HtmlString) {
        *self.open.entry(name.clone()).or_default() += 1;
    }

    /// Closes an element, if there is one of that name.
    fn close(&mut self, name: &[u8]) -> bool {
        let Some(count) = self.open.get_mut(name) else { return false };
        *count -= 1;
        if *count == 0 {
            self.open.remove(name);
        }
        true
    }
}

impl Language {
    fn is_foreign(&self) -> bool {
        matches!(self, Self::Svg | Self::MathMl)
    }

    /// The name of the element that a region is the content of.
    fn root(&self) -> &[u8] {
        match self {
            Self::Html => b"",
            Self::Svg => b"svg",
            Self::MathMl => b"math",
            Self::Island(name) => name,
        }
    }

    /// Whether the content of an element is HTML (an "integration point").
    fn has_island(&self, tag: &StartTag<()>) -> bool {
        match (self, &**tag.name) {
            (Self::Svg, b"foreignobject" | b"desc" | b"title")
            | (Self::MathMl, b"mi" | b"mo" | b"mn" | b"ms" | b"mtext") => true,
            (Self::MathMl, b"annotation-xml") => {
                let encoding = attribute(tag, b"encoding");
                is(encoding, "text/html") || is(encoding, "application/xhtml+xml")
            }
            _ => false,
        }
    }
}

/// Whether a tag ends all the SVG and `MathML` around it, closed or not.
fn breaks_out(tag: &StartTag<()>) -> bool {
    const NAMES: &str = "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 \
        h4 h5 h6 head hr i img li listing menu meta nobr ol p pre ruby s small span strong \
        strike sub sup table tt u ul var";
    let mut names = NAMES.split_ascii_whitespace();
    match &**tag.name {
        b"font" => ["color", "face", "size"]
            .iter()
            .any(|it| attribute(tag, it.as_bytes()).is_some()),
        name => names.any(|it| it.as_bytes() == name),
    }
}

fn attribute<'a>(tag: &'a StartTag<()>, name: &[u8]) -> Option<&'a [u8]> {
    tag.attributes.get(name).map(|value| value.as_slice())
}

fn is(value: Option<&[u8]>, text: &str) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case(text.as_bytes()))
}
