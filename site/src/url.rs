//! From what a page says to what can be requested: RFC 3986, and the forgiveness of browsers.

use iri_string::format::ToDedicatedString;
use iri_string::types::{UriAbsoluteString, UriReferenceString, UriStr};

/// Resolves a reference found on a page against the page's base, and normalises it: dot
/// segments, the case of scheme and host, percent-encodings. `None`: it cannot be read.
pub(crate) fn resolve(
    base: &UriAbsoluteString,
    reference: &str,
) -> Option<UriAbsoluteString> {
    let reference = UriReferenceString::try_from(tidy(reference)).ok()?;
    let resolved = reference.resolve_against(base).to_dedicated_string();
    without_fragment(&resolved)
}

/// Drops the fragment, which is the reader's and not the server's, and normalises.
pub(crate) fn without_fragment(url: &UriStr) -> Option<UriAbsoluteString> {
    let absolute = url.to_absolute();
    Some(absolute.normalize().to_dedicated_string())
}

/// The authority that a request names, or `None` unless the scheme is plain http.
pub(crate) fn authority(url: &UriAbsoluteString) -> Option<String> {
    if url.scheme_str() != "http" {
        return None;
    }
    let authority = url.authority_components()?;
    let host = authority.host().to_ascii_lowercase();
    Some(match authority.port() {
        None | Some("" | "80") => host,
        Some(port) => format!("{host}:{port}"),
    })
}

/// What a request asks for: the path and the query.
pub(crate) fn path(url: &UriAbsoluteString) -> String {
    let path = match url.path_str() {
        "" => "/",
        path => path,
    };
    match url.query_str() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}

/// What a browser does to a careless reference: trims it, drops line breaks, and encodes
/// whatever may not stand in a URI.
pub(crate) fn tidy(reference: &str) -> String {
    let reference = reference.trim_matches(|c: char| c.is_ascii_whitespace() || c < ' ');
    let mut tidied = String::with_capacity(reference.len());
    let mut rest = reference.as_bytes();
    let mut in_fragment = false;
    while let [byte, tail @ ..] = rest {
        match byte {
            b'\t' | b'\n' | b'\r' => {}
            b'%' if !is_encoded(tail) => tidied.push_str("%25"),
            b'#' if in_fragment => tidied.push_str("%23"),
            b'[' | b']' if !in_authority(&tidied) => encode(*byte, &mut tidied),
            b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                encode(*byte, &mut tidied);
            }
            0x21..=0x7e => tidied.push(char::from(*byte)),
            _ => encode(*byte, &mut tidied),
        }
        in_fragment |= *byte == b'#';
        rest = tail;
    }
    tidied
}

fn is_encoded(after_percent: &[u8]) -> bool {
    matches!(after_percent, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// Whether what was read so far is a scheme and part of an authority, where brackets
/// enclose an IPv6 address.
fn in_authority(so_far: &str) -> bool {
    so_far.split_once("//").is_some_and(|(before, after)| {
        (before.is_empty() || before.ends_with(':')) && !after.contains(['/', '?', '#'])
    })
}

fn encode(byte: u8, to: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    to.push('%');
    to.push(char::from(HEX[usize::from(byte >> 4)]));
    to.push(char::from(HEX[usize::from(byte & 15)]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(base: &str, reference: &str) -> Option<String> {
        let base = UriAbsoluteString::try_from(base.to_owned()).expect("a good base");
        resolve(&base, reference).map(|url| url.to_string())
    }

    #[test]
    fn references_resolve_as_in_rfc_3986_section_5_4() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
        ] {
            let url = resolved("http://a/b/c/d;p?q", reference);
            assert_eq!(url.as_deref(), Some(expected), "{reference:?}");
        }
    }

    #[test]
    fn careless_references_are_read_as_browsers_read_them() {
        for (reference, expected) in [
            ("  /x \n", "http://a/x"),
            ("/a b", "http://a/a%20b"),
            ("/ü", "http://a/%C3%BC"),
            ("/100%", "http://a/100%25"),
            ("/%7euser", "http://a/~user"),
            ("/a\tb", "http://a/ab"),
            ("/a|b", "http://a/a%7Cb"),
            ("/x[1]", "http://a/x%5B1%5D"),
            ("HTTP://A/x", "http://a/x"),
            ("/x#a#b", "http://a/x"),
            ("http://[::1]:8/x", "http://[::1]:8/x"),
        ] {
            let url = resolved("http://a/", reference);
            assert_eq!(url.as_deref(), Some(expected), "{reference:?}");
        }
    }

    #[test]
    fn only_plain_http_has_an_authority_for_us() {
        for (url, expected) in [
            ("http://a/x", Some("a")),
            ("http://A:80/", Some("a")),
            ("http://a:8080/", Some("a:8080")),
            ("http://user@a/", Some("a")),
            ("https://a/", None),
            ("mailto:a@b", None),
            ("javascript:void(0)", None),
        ] {
            let url = UriAbsoluteString::try_from(url.to_owned()).expect("good");
            assert_eq!(authority(&url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn a_path_is_never_empty() {
        let url = UriAbsoluteString::try_from("http://a?x".to_owned()).expect("good");
        assert_eq!(path(&url), "/?x");
    }
}
