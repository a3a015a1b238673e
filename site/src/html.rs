//! The links of a page: what a reader could click.

use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};

/// What a crawler wants to know of an HTML page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The first `<base href>`, against which the links resolve.
    pub base: Option<String>,
    /// The `href`s of `<a>` and `<area>`, in order, entities decoded.
    pub links: Vec<String>,
}

impl Document {
    /// Tokenises a page as browsers do: there is no page that cannot be read. Bytes that
    /// are not UTF-8 are replaced.
    pub fn parse(html: &[u8]) -> Self {
        let mut document = Self::default();
        let mut emitter = DefaultEmitter::default();
        // What stands in a script or a textarea is no link.
        emitter.naively_switch_states(true);
        for Ok(token) in Tokenizer::new_with_emitter(html, emitter) {
            let Token::StartTag(tag) = token else { continue };
            let href = tag.attributes.get(&b"href"[..]);
            let Some(href) = href.map(|it| String::from_utf8_lossy(it).into_owned())
            else {
                continue;
            };
            match &**tag.name {
                b"a" | b"area" => document.links.push(href),
                b"base" if document.base.is_none() => document.base = Some(href),
                _ => {}
            }
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> Vec<String> {
        Document::parse(html.as_bytes()).links
    }

    #[test]
    fn links_are_found_however_they_are_written() {
        for (html, expected) in [
            ("<a href=x>", &["x"][..]),
            ("<A HREF='x y'>", &["x y"]),
            ("<a class=\"b\" href=\"x?a=1&amp;b=2\">", &["x?a=1&b=2"]),
            ("<area href=x><link href=no><img src=no>", &["x"]),
            ("<!-- <a href=no> --><a href=x>", &["x"]),
            ("<script>'<a href=no>'</script><a href=x>", &["x"]),
            ("<textarea><a href=no></textarea><a href=x>", &["x"]),
            ("<a name=x><a>", &[]),
            ("<a href=x", &[]),
            ("", &[]),
        ] {
            assert_eq!(links(html), expected, "{html}");
        }
    }

    #[test]
    fn the_first_base_counts() {
        let document = Document::parse(b"<base href=/a/><base href=/b/><a href=x>");
        assert_eq!(document.base.as_deref(), Some("/a/"));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(Document::parse(b"<a href='\xff'>\xfe<").links, ["\u{fffd}"]);
    }
}
