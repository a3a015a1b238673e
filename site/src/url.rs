//! From what a page says to what can be requested, as browsers do it: by the URL standard.
//!
//! (<https://url.spec.whatwg.org>; RFC 3986 knows nothing of what pages really say.)

use url::{Position, Url};

/// Resolves a reference found on a page against the page's base. `None`: it cannot be read.
pub(crate) fn resolve(base: &Url, reference: &str) -> Option<Url> {
    let is_on_the_web = matches!(base.scheme(), "http" | "https");
    let fewer = is_on_the_web.then(|| without_third_slash(reference)).flatten();
    let url = base.join(fewer.as_deref().unwrap_or(reference));
    url.ok().map(without_fragment)
}

/// Two slashes where more of them stand before a host. The standard ignores the others, but
/// the crate does so only behind a scheme (as of its version 2.5.8).
fn without_third_slash(reference: &str) -> Option<String> {
    let is_blank = |c: char| c <= ' ';
    let trimmed = reference.trim_start_matches(is_blank);
    let host =
        trimmed.trim_start_matches(|c| is_slash(c) || matches!(c, '\t' | '\n' | '\r'));
    let slashes = trimmed[..trimmed.len() - host.len()].chars().filter(|c| is_slash(*c));
    (slashes.count() > 2).then(|| format!("//{host}"))
}

fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

/// Drops the fragment, which is the reader's and not the server's.
pub(crate) fn without_fragment(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}

/// The URL of a path of this server. (To resolve the path would be wrong: it may begin with
/// two slashes, as a reference to another host does.)
pub(crate) fn of_path(scheme: &str, authority: &str, path: &str) -> Option<Url> {
    Url::parse(&format!("{scheme}://{authority}{path}")).ok()
}

/// The authority that a request names: the host, and the port unless it is the scheme's usual.
pub(crate) fn authority(url: &Url) -> String {
    url[Position::BeforeHost..Position::AfterPort].to_owned()
}

/// What a request asks for: the path, which is never empty, and the query.
pub(crate) fn path(url: &Url) -> String {
    url[Position::BeforePath..Position::AfterQuery].to_owned()
}

/// The base of a document that is `here`, where its `<base href>` says `reference`. One that
/// cannot be read does not count, and neither do schemes that hold a document themselves.
pub(crate) fn base(here: &Url, reference: &str) -> Option<Url> {
    let base = resolve(here, reference)?;
    (!matches!(base.scheme(), "data" | "javascript")).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a good URL")
    }

    fn resolved(base: &str, reference: &str) -> Option<String> {
        resolve(&url(base), reference).map(String::from)
    }

    #[test]
    fn references_resolve_as_in_rfc_3986_section_5_4() {
        for (reference, expected) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
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

    /// Each row is what a browser's `new URL(reference, base).href` says, but for the
    /// fragment. Where RFC 3986 differs, pages are written for the browsers.
    fn assert_read(rows: &[(&str, &str)]) {
        for (reference, expected) in rows {
            let url = resolved("http://a/d/e/f?g", reference);
            assert_eq!(url.as_deref(), Some(*expected), "{reference:?}");
        }
    }

    #[test]
    fn what_may_not_stand_in_a_url_is_dropped_or_encoded() {
        assert_read(&[
            ("  /x \n", "http://a/x"),
            ("/a b", "http://a/a%20b"),
            ("/ü", "http://a/%C3%BC"),
            ("/a\tb\r\nc", "http://a/abc"),
            ("/\u{0}x\u{1f}", "http://a/%00x"),
            ("/go?u=http://[::1]/x", "http://a/go?u=http://[::1]/x"),
            ("/x[1]|{2}", "http://a/x[1]|%7B2%7D"),
            ("/x?a=[1]|'\"<>", "http://a/x?a=[1]|%27%22%3C%3E"),
        ]);
    }

    /// Even where it is encoded badly: the server wrote it, and knows what it meant by it. Only
    /// dots are dots in any form.
    #[test]
    fn what_is_encoded_stays_as_it_is_written() {
        assert_read(&[
            ("/%7euser", "http://a/%7euser"),
            ("/100%", "http://a/100%"),
            ("/%h", "http://a/%h"),
            ("/%4h/%G0/%%", "http://a/%4h/%G0/%%"),
            ("/x/%2e%2E/y", "http://a/y"),
            ("/x/%2e/y", "http://a/x/y"),
            ("/x/.%2e", "http://a/"),
            ("/x%2Fy", "http://a/x%2Fy"),
        ]);
    }

    #[test]
    fn slashes_may_lean_the_other_way_and_a_colon_alone_makes_no_scheme() {
        assert_read(&[
            // Slashes that lean the other way, in the path but not in the query.
            ("\\x\\y", "http://a/x/y"),
            ("..\\y", "http://a/d/y"),
            ("\\\\b\\y", "http://b/y"),
            ("?\\x", "http://a/d/e/f?\\x"),
            // A colon in the first segment, behind what is no scheme.
            ("10:30.html", "http://a/d/e/10:30.html"),
            ("x_y:z", "http://a/d/e/x_y:z"),
            ("a b:c", "http://a/d/e/a%20b:c"),
            (":x", "http://a/d/e/:x"),
            ("-x:y", "http://a/d/e/-x:y"),
            // Behind what is one: another scheme's, or the own once more.
            ("mailto:a@b", "mailto:a@b"),
            ("http:x", "http://a/d/e/x"),
            ("http:/x", "http://a/x"),
            ("HTTP:\\\\A\\x", "http://a/x"),
            ("///b/x", "http://b/x"),
            (" \\/\t\\\\b/x", "http://b/x"),
            ("/\t/b/x", "http://b/x"),
            ("/\t/x//y", "http://x//y"),
            ("//b", "http://b/"),
        ]);
    }

    #[test]
    fn no_query_is_another_thing_than_an_empty_one() {
        assert_read(&[
            ("?", "http://a/d/e/f?"),
            ("#", "http://a/d/e/f?g"),
            ("/x?#", "http://a/x?"),
            ("/x#a#b", "http://a/x"),
            ("/x//y/", "http://a/x//y/"),
        ]);
    }

    #[test]
    fn hosts_and_ports_are_written_in_one_way() {
        assert_read(&[
            ("HTTP://A:80/x", "http://a/x"),
            ("http://a:/x", "http://a/x"),
            ("http://a:080/x", "http://a/x"),
            ("http://a:81", "http://a:81/"),
            ("http://u:p@a/x", "http://u:p@a/x"),
            ("http://[::1]:8/x", "http://[::1]:8/x"),
            ("http://[0:0::1]/", "http://[::1]/"),
            ("http://127.1/", "http://127.0.0.1/"),
            ("http://b%C3%BCcher.example/", "http://xn--bcher-kva.example/"),
            ("http://BÜCHER.example/", "http://xn--bcher-kva.example/"),
        ]);
    }

    #[test]
    fn a_reference_that_no_browser_can_read_is_none() {
        for reference in [
            "http://[::1/x",
            "http://a:99999/",
            "http://a b/",
            "http://",
            "//",
            "http://a%00/",
        ] {
            assert_eq!(resolved("http://a/d", reference), None, "{reference:?}");
        }
        // The base has no path to resolve against.
        assert_eq!(resolved("mailto:a@b", "x"), None);
    }

    #[test]
    fn an_authority_is_the_host_and_a_port_that_is_not_the_usual_one() {
        for (text, expected) in [
            ("http://a/x", "a"),
            ("http://A:80/", "a"),
            ("http://a:443/", "a:443"),
            ("http://a:8080/", "a:8080"),
            ("http://user:secret@a:8080/", "a:8080"),
            ("http://[::1]:8080/", "[::1]:8080"),
            ("https://a/", "a"),
            ("https://a:443/", "a"),
            ("https://a:80/", "a:80"),
        ] {
            assert_eq!(authority(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_path_is_never_empty_and_keeps_its_query() {
        for (text, expected) in [
            ("http://a", "/"),
            ("http://a?x", "/?x"),
            ("http://a/b?", "/b?"),
            ("http://a/b?c#d", "/b?c"),
        ] {
            assert_eq!(path(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_path_with_two_slashes_in_front_is_no_other_host() {
        let here = of_path("http", "a:81", "//x/y").expect("a good path");
        assert_eq!(here.as_str(), "http://a:81//x/y");
        assert_eq!(path(&here), "//x/y");
    }

    /// <https://html.spec.whatwg.org/multipage/semantics.html#set-the-frozen-base-url>
    #[test]
    fn a_base_may_be_relative_and_counts_unless_it_holds_no_place() {
        let here = url("http://a/b/c");
        for (reference, expected) in [
            ("d/", Some("http://a/b/d/")),
            ("/", Some("http://a/")),
            ("", Some("http://a/b/c")),
            ("//e/f", Some("http://e/f")),
            ("https://e/", Some("https://e/")),
            // A base to nothing: then no reference can be resolved, in browsers too.
            ("mailto:a@b", Some("mailto:a@b")),
            ("about:blank", Some("about:blank")),
            ("javascript:void(0)", None),
            ("JavaScript:void(0)", None),
            ("data:text/html,", None),
            (" data:,x", None),
            ("http://[", None),
        ] {
            let base = base(&here, reference).map(String::from);
            assert_eq!(base.as_deref(), expected, "{reference:?}");
        }
    }
}
