//! The links of a page: what a reader could click.

mod tree;

use std::cell::Cell;

use html5gum::emitters::default::DefaultEmitter;
use html5gum::emitters::{Emitter, ForwardingEmitter};
use html5gum::{StartTag, Token, Tokenizer};

use crate::http::Markup;

use tree::Tree;

/// What a crawler wants to know of an HTML page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The first `<base href>`, against which the links resolve.
    pub base: Option<String>,
    /// The `href`s of `<a>` and `<area>`, in order, entities decoded.
    pub links: Vec<String>,
}

impl Document {
    /// Reads a page as browsers do that run no scripts: there is no page that cannot be read.
    /// Bytes that are not UTF-8 are replaced.
    pub fn parse(html: &[u8]) -> Self {
        Self::parse_as(Markup::Html, html)
    }

    pub(crate) fn parse_as(markup: Markup, html: &[u8]) -> Self {
        let mut document = Self::default();
        let mut tree = Tree::new(markup);
        let has_cdata = Cell::new(tree.has_cdata());
        let emitter = Tokens { tokens: DefaultEmitter::default(), has_cdata: &has_cdata };
        let mut tokens = Tokenizer::new_with_emitter(html, emitter);
        while let Some(Ok(token)) = tokens.next() {
            match token {
                Token::StartTag(tag) => {
                    let state = tree.start(&tag);
                    document.take_note(&tag, &tree);
                    state.into_iter().for_each(|state| tokens.set_state(state));
                }
                Token::EndTag(tag) => tree.end(&tag.name),
                _ => continue,
            }
            has_cdata.set(tree.has_cdata());
        }
        document
    }

    /// Keeps what a start tag says of links.
    fn take_note(&mut self, tag: &StartTag<()>, tree: &Tree) {
        let attribute = |name: &[u8]| {
            tag.attributes.get(name).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let href = || attribute(b"href");
        match &**tag.name {
            _ if tree.is_inert() => {}
            b"a" if tree.is_svg() => {
                self.links.extend(href().or_else(|| attribute(b"xlink:href")));
            }
            b"a" => self.links.extend(href()),
            b"area" if tree.is_html() => self.links.extend(href()),
            b"base" if tree.is_html() && self.base.is_none() => self.base = href(),
            _ => {}
        }
    }
}

/// The tokens of html5gum. What it reads behind a tag is told from outside: its own guess
/// (`naively_switch_states`) takes `<noscript>` for text, and an SVG title for an HTML one.
struct Tokens<'a> {
    tokens: DefaultEmitter,
    /// Set by whoever reads the tokens.
    has_cdata: &'a Cell<bool>,
}

impl ForwardingEmitter for Tokens<'_> {
    type Token = Token;

    fn inner(&mut self) -> &mut impl Emitter<Token = Token> {
        &mut self.tokens
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&mut self) -> bool {
        self.has_cdata.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found must be the links to `x`, `y` and so on, and none of those to `no`.
    fn assert_links(pages: &[(&str, &[&str])]) {
        for (html, expected) in pages {
            assert_eq!(Document::parse(html.as_bytes()).links, *expected, "{html}");
        }
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        assert_links(&[
            ("<a href=x>", &["x"]),
            ("<A HREF='x y'>", &["x y"]),
            ("<a class=\"b\" href=\"x?a=1&amp;b=2\">", &["x?a=1&b=2"]),
            ("<a href=x?a=1&copy=2&amp=3>", &["x?a=1&copy=2&amp=3"]),
            ("<a href=&#x78;&#121;>", &["xy"]),
            ("<a\nhref\n=\nx\n/>", &["x"]),
            ("<a href=x href=no>", &["x"]),
            ("<a href=''><a href>", &["", ""]),
            ("<a/href=x><a href=y/>", &["x", "y/"]),
            ("<p><b><a href=x></p></a></b></i>", &["x"]),
            ("<area href=x><link href=no><img src=no>", &["x"]),
            ("<a name=x><a xlink:href=no><a data-href=no></a href=no>", &[]),
            ("<a href=x", &[]),
            ("<a href='x>", &[]),
            ("< a href=no>", &[]),
            ("", &[]),
        ]);
    }

    #[test]
    fn what_is_text_or_a_comment_has_no_links() {
        assert_links(&[
            ("<!-- <a href=no> --><a href=x>", &["x"]),
            ("<!--><a href=x>", &["x"]),
            ("<!-- --!><a href=x>", &["x"]),
            ("<!doctype html><a href=x>", &["x"]),
            ("<?php <a href=no> ?><a href=x>", &["x"]),
            ("<![CDATA[ > <a href=x> ]]>", &["x"]),
            ("<title><a href=no></TITLE ><a href=x>", &["x"]),
            ("<textarea><a href=no></textarea><a href=x>", &["x"]),
            ("<style><a href=no></style><a href=x>", &["x"]),
            ("<script>'<a href=no>'</script><a href=x>", &["x"]),
            ("<script><!--<script></script><a href=no>--></script><a href=x>", &["x"]),
            ("<iframe><a href=no></iframe><a href=x>", &["x"]),
            ("<noembed><a href=no></noembed><a href=x>", &["x"]),
            ("<noframes><a href=no></noframes><a href=x>", &["x"]),
            ("<xmp><a href=no></xmp><a href=x>", &["x"]),
            ("<title/><a href=no></title><a href=x>", &["x"]),
            ("<textarea></title><a href=no>", &[]),
            ("<a href=x><plaintext></plaintext><a href=no>", &["x"]),
        ]);
    }

    /// There are no scripts here, so what stands in for them is shown.
    #[test]
    fn a_noscript_has_links() {
        assert_links(&[
            ("<noscript><a href=x></noscript><a href=y>", &["x", "y"]),
            ("<head><noscript><link><a href=x></noscript>", &["x"]),
            ("<noscript><textarea><a href=no></textarea><a href=x>", &["x"]),
            ("<noscript><!-- </noscript> <a href=no> --><a href=x>", &["x"]),
        ]);
    }

    #[test]
    fn in_svg_and_mathml_no_element_is_mere_text() {
        assert_links(&[
            ("<svg><title/></svg><a href=x>", &["x"]),
            ("<svg><style/><script/><textarea/></svg><a href=x>", &["x"]),
            ("<svg><title>a</title><title/></svg><a href=x>", &["x"]),
            ("<SVG><style><a href=x></style></SVG><a href=y>", &["x", "y"]),
            ("<math><title/><mi/><style></math><a href=x>", &["x"]),
            ("<svg/><title><a href=no></title><a href=x>", &["x"]),
            ("<math/><title><a href=no></title><a href=x>", &["x"]),
            ("<svg></svg><title><a href=no></title><a href=x>", &["x"]),
            (
                "<svg><svg></svg><title/></svg><style><a href=no></style><a href=x>",
                &["x"],
            ),
            (
                "<math><math></math><title/></math><xmp><a href=no></xmp><a href=x>",
                &["x"],
            ),
            ("<svg></math><title/></svg><a href=x>", &["x"]),
            ("<svg><noscript><plaintext><a href=x></svg><a href=y>", &["x", "y"]),
        ]);
    }

    #[test]
    fn svg_has_links_of_its_own_and_cdata() {
        assert_links(&[
            ("<svg><a href=x><text>x</text></a></svg>", &["x"]),
            ("<svg><a xlink:href=x></a><a xlink:href=no href=y></a></svg>", &["x", "y"]),
            ("<svg></svg><a xlink:href=no>", &[]),
            ("<svg><area href=no><base href=no></svg><area href=x>", &["x"]),
            ("<svg><![CDATA[ > <a href=no> ]]><a href=x></svg>", &["x"]),
            ("<svg><desc><![CDATA[ > <a href=no> ]]></desc></svg><a href=x>", &["x"]),
            ("<svg><desc><i><![CDATA[ > <a href=x> ]]></i></desc></svg>", &["x"]),
            ("<svg></svg><![CDATA[ > <a href=x> ]]>", &["x"]),
            ("<math><![CDATA[ > <a href=no> ]]></math><a href=x>", &["x"]),
        ]);
    }

    /// An "integration point": the content is HTML, and so titles and styles are text.
    #[test]
    fn there_is_html_inside_of_svg_and_mathml() {
        for (begin, end) in [
            ("<svg><foreignObject>", "</foreignObject><style/></svg>"),
            ("<svg><desc>", "</desc><style/></svg>"),
            ("<svg><title>", "</title><style/></svg>"),
            ("<svg><foreignObject>", "</svg>"),
            ("<math><mi>", "</mi><style/></math>"),
            ("<math><mo>", "</mo><style/></math>"),
            ("<math><mn>", "</mn><style/></math>"),
            ("<math><ms>", "</ms><style/></math>"),
            ("<math><mtext>", "</mtext><style/></math>"),
            ("<math><mtext>", "</math>"),
            (
                "<math><annotation-xml encoding=Text/HTML>",
                "</annotation-xml><style/></math>",
            ),
            (
                "<math><annotation-xml encoding=application/xhtml+xml>",
                "</annotation-xml><style/></math>",
            ),
            ("<math><annotation-xml><svg><desc>", "</desc><style/></svg><style/></math>"),
            ("<svg><desc><svg></svg><math></math>", "</desc><style/></svg>"),
        ] {
            let inside = "<textarea><a href=no></textarea><area href=x>";
            let html = format!("{begin}{inside}{end}<xmp><a href=no></xmp><a href=y>");
            assert_links(&[(&html, &["x", "y"])]);
        }
        assert_links(&[
            ("<svg><foreignObject/><title/></svg><a href=x>", &["x"]),
            ("<svg><mi><style/></mi></svg><a href=x>", &["x"]),
            ("<math><desc><style/></desc></math><a href=x>", &["x"]),
            ("<math><annotation-xml><style/></math><a href=x>", &["x"]),
            (
                "<math><annotation-xml encoding=text/plain><style/></math><a href=x>",
                &["x"],
            ),
        ]);
    }

    #[test]
    fn html_that_cannot_be_in_svg_ends_it() {
        for end in [
            "<p>",
            "<div/>",
            "<IMG>",
            "<h1>",
            "<span>",
            "<font color=red>",
            "<font size=1>",
            "<font face=x>",
            "</p>",
            "</br>",
        ] {
            let html = format!("<svg><g>{end}<style><a href=no></style><a href=x>");
            assert_links(&[(&html, &["x"])]);
            let html = format!("<math><annotation-xml><svg>{end}<xmp><a href=no></xmp>");
            assert_links(&[(&html, &[])]);
        }
        assert_links(&[
            ("<svg><font><style/><a href=x>", &["x"]),
            (
                "<svg><desc><p><svg></p><style><a href=no></style></desc><title/></svg><a href=x>",
                &["x"],
            ),
        ]);
    }

    #[test]
    fn svg_that_is_not_closed_ends_with_what_is_around_it() {
        assert_links(&[
            ("<div><svg><g></div><style><a href=no></style><a href=x>", &["x"]),
            ("<button><svg></button><script>'<!--'</script><a href=x>", &["x"]),
            ("<td><math><mrow><mi></mi></td><xmp><a href=no></xmp><a href=x>", &["x"]),
            ("<div><div></div><svg></div><style><a href=no></style><a href=x>", &["x"]),
            ("<svg></div><style/><a href=x>", &["x"]),
            ("<div></div><svg></div><style/><a href=x>", &["x"]),
            ("<g><svg><g></g><style/></g><style><a href=no></style><a href=x>", &["x"]),
            ("<b><svg><desc></b></desc><style/></svg><a href=x>", &["x"]),
        ]);
    }

    #[test]
    fn a_template_shows_nothing_until_it_is_used() {
        assert_links(&[
            ("<template><a href=no><base href=no></template><a href=x>", &["x"]),
            ("<template><template></template><a href=no></template><a href=x>", &["x"]),
            ("<template><svg></template><style><a href=no></style><a href=x>", &["x"]),
            ("<template><svg><template></template></svg><a href=no>", &[]),
            ("</template><a href=x><template/><a href=no>", &["x"]),
            ("<svg><template><a href=x></template></svg><a href=y>", &["x", "y"]),
            ("<div><template shadowrootmode=Open><a href=x></template></div>", &["x"]),
            ("<div><template shadowrootmode=closed><a href=x></template></div>", &["x"]),
            ("<div><template shadowrootmode=no><a href=no></template></div>", &[]),
        ]);
        let base =
            Document::parse(b"<template><base href=no></template><base href=x>").base;
        assert_eq!(base.as_deref(), Some("x"));
    }

    #[test]
    fn xhtml_reads_all_elements_alike() {
        for (xhtml, expected) in [
            ("<title/><a href='x'/>", &["x"][..]),
            ("<script src='s'/><style/><textarea/><a href='x'/>", &["x"]),
            ("<script><![CDATA[ > <a href='no'/> ]]></script><a href='x'/>", &["x"]),
            ("<title><a href='x'/></title>", &["x"]),
            ("<svg><a xlink:href='x'/></svg>", &["x"]),
            ("<template/><a href='x'/><template><a href='no'/></template>", &["x"]),
            ("<?xml version='1.0'?><a href='x&amp;y'/>", &["x&y"]),
        ] {
            let document = Document::parse_as(Markup::Xhtml, xhtml.as_bytes());
            assert_eq!(document.links, expected, "{xhtml}");
        }
    }

    #[test]
    fn the_first_base_with_an_address_counts() {
        for (html, expected) in [
            ("<base href=/a/><base href=/b/><a href=x>", Some("/a/")),
            ("<base target=_top><base href=/b/>", Some("/b/")),
            ("<base href=''><base href=/b/>", Some("")),
            ("<body><p><base href=/a/>", Some("/a/")),
            ("<svg><base href=/a/></svg>", None),
            ("<!-- <base href=/a/> --><noscript><base href=/b/></noscript>", Some("/b/")),
            ("<base>", None),
        ] {
            assert_eq!(
                Document::parse(html.as_bytes()).base.as_deref(),
                expected,
                "{html}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(Document::parse(b"<a href='\xff'>\xfe<").links, ["\u{fffd}"]);
    }
}
