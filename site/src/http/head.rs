//! The head of a response: what it says of itself, and where its body ends.
//!
//! Values of headers are bytes (RFC 9110, section 5.5). They are compared as bytes, and where
//! text is made of them, each byte that is none is kept in an encoded form.

use httparse::{EMPTY_HEADER, Header, ParserConfig, Response, Status};

use super::{MAX_HEADERS, Markup};
use crate::Outcome;

/// What of a head matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    /// Where a redirect leads, as ASCII.
    pub(super) location: Option<String>,
    /// Which kind of HTML the body is, if it is any.
    pub(super) markup: Option<Markup>,
    pub(super) framing: Framing,
}

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    Sized(u64),
    Chunked,
    /// Where the connection does.
    ToTheEnd,
}

impl Head {
    /// Reads a head, which ends in an empty line. `None`: the end is not there yet.
    pub(super) fn parse(bytes: &mut [u8]) -> Result<Option<Self>, Outcome> {
        lower_minor_version(bytes);
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut response = Response::new(&mut headers);
        match config().parse_response(&mut response, bytes) {
            Ok(Status::Complete(_)) => Self::of(&response).map(Some),
            Ok(Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(Outcome::TooLarge),
            Err(_) => Err(Outcome::Malformed),
        }
    }

    fn of(response: &Response<'_, '_>) -> Result<Self, Outcome> {
        let status = response.code.ok_or(Outcome::Malformed)?;
        Ok(Self {
            status,
            location: location(status, response.headers),
            markup: markup(response.headers),
            framing: Framing::of(status, response.headers)?,
        })
    }
}

/// What httparse leaves out unless it is told otherwise, decided one by one.
fn config() -> ParserConfig {
    let mut config = ParserConfig::default();
    // A folded line is to be read as one (RFC 9112, section 5.2).
    config.allow_obsolete_multiline_headers_in_responses(true);
    // A space before the colon is to be removed (section 5.1).
    config.allow_spaces_after_header_name_in_responses(true);
    // The words of a status line may stand apart (section 4).
    config.allow_multiple_spaces_in_response_status_delimiters(true);
    // A line that is no header is passed over, as browsers do; among them a first line that
    // begins with a space (section 2.2), so that `allow_space_before_first_header_name`, which
    // would read it, stays off. NUL and a lone carriage return are errors even then: section
    // 5.5 of RFC 9110 has nothing milder but to guess.
    config.ignore_invalid_headers_in_responses(true);
    config
}

/// httparse knows HTTP/1.0 and HTTP/1.1. A later minor version is to be read as the last one
/// that is known (RFC 9110, section 2.5).
fn lower_minor_version(bytes: &mut [u8]) {
    let is_blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
    let begin = bytes.iter().take_while(is_blank).count();
    if let Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'2'..=b'9', ..]) =
        bytes.get_mut(begin..)
    {
        *minor = b'1';
    }
}

impl Framing {
    /// RFC 9112, section 6.3, in its order. (Nobody here asks with HEAD or CONNECT.)
    fn of(status: u16, headers: &[Header<'_>]) -> Result<Self, Outcome> {
        if matches!(status, 100..=199 | 204 | 304) {
            return Ok(Self::Empty);
        }
        if let Some(codings) = list(headers, "transfer-encoding") {
            return Self::coded(&codings);
        }
        match list(headers, "content-length") {
            Some(lengths) => content_length(&lengths).map(Self::Sized),
            None => Ok(Self::ToTheEnd),
        }
    }

    /// Whatever else a body is coded in: it ends by itself if its last coding is chunked.
    /// HTTP/1.0 has no codings, and a server that uses one all the same is mistaken; but what
    /// it says is more likely true than not, and the connection ends afterwards, as section
    /// 6.1 wants it.
    fn coded(codings: &[u8]) -> Result<Self, Outcome> {
        let last = elements(codings).next_back().unwrap_or_default();
        let (name, parameters) = cut(last, b';');
        match (is(name, "chunked"), parameters) {
            (true, None) => Ok(Self::Chunked),
            // It has none, and they are to be treated as an error (section 7).
            (true, Some(_)) => Err(Outcome::Malformed),
            (false, _) => Ok(Self::ToTheEnd),
        }
    }
}

/// A length, or a list that says the same length again and again.
fn content_length(lengths: &[u8]) -> Result<u64, Outcome> {
    let mut lengths = elements(lengths).map(|length| number(length, 10));
    let first = lengths.next().flatten().ok_or(Outcome::Malformed)?;
    let agree = lengths.all(|other| other == Some(first));
    if agree { Ok(first) } else { Err(Outcome::Malformed) }
}

/// Where a redirect leads: the first line that says so, without its folds, and with every byte
/// that is not ASCII encoded as it stands. A response that is no redirect leads nowhere.
fn location(status: u16, headers: &[Header<'_>]) -> Option<String> {
    if !(300..400).contains(&status) {
        return None;
    }
    let line = headers.iter().find(|header| is_named(header, "location"))?;
    let mut location = String::with_capacity(line.value.len());
    for byte in line.value {
        match byte {
            b'\r' | b'\n' => location.push(' '),
            0x80.. => location.push_str(percent_encoding::percent_encode_byte(*byte)),
            _ => location.push(char::from(*byte)),
        }
    }
    Some(location)
}

/// Which HTML it is: the last media type that is one counts (the Fetch standard, "extract a
/// MIME type").
fn markup(headers: &[Header<'_>]) -> Option<Markup> {
    let types = list(headers, "content-type")?;
    let essence = |element| cut(element, b';').0;
    let is_type = |essence: &&[u8]| essence.contains(&b'/') && *essence != b"*/*";
    match elements(&types).map(essence).rfind(is_type)? {
        html if is(html, "text/html") => Some(Markup::Html),
        xhtml if is(xhtml, "application/xhtml+xml") => Some(Markup::Xhtml),
        _ => None,
    }
}

/// All the lines of a header as one list, which is what they mean (RFC 9110, section 5.3).
/// `None`: there is no such line.
fn list(headers: &[Header<'_>], name: &str) -> Option<Vec<u8>> {
    let lines = headers.iter().filter(|header| is_named(header, name));
    let values: Vec<_> = lines.map(|header| header.value).collect();
    (!values.is_empty()).then(|| values.join(&b','))
}

/// The elements of a list. Commas inside of quotes are none, and empty elements are ignored
/// (RFC 9110, section 5.6.1).
fn elements(list: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_comma = move |byte: &u8| {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            _ => {}
        }
        *byte == b',' && !is_quoted
    };
    let elements: Vec<_> = list.split(is_comma).map(<[u8]>::trim_ascii).collect();
    elements.into_iter().filter(|element| !element.is_empty())
}

/// What is before a byte and what is behind it, if it is there.
pub(super) fn cut(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|byte| *byte == at) {
        Some(position) => (bytes[..position].trim_ascii(), Some(&bytes[position + 1..])),
        None => (bytes.trim_ascii(), None),
    }
}

/// A number with nothing but digits. What is too large to be one is as large as can be, and
/// so it is too large for everybody.
pub(super) fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digit = |byte: &u8| char::from(*byte).to_digit(radix);
    let digits: Option<Vec<_>> = digits.iter().map(digit).collect();
    let digits = digits.filter(|digits| !digits.is_empty())?;
    let append = |number: u64, digit| {
        number.saturating_mul(radix.into()).saturating_add(u64::from(digit))
    };
    Some(digits.into_iter().fold(0, append))
}

fn is_named(header: &Header<'_>, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}

fn is(bytes: &[u8], text: &str) -> bool {
    bytes.eq_ignore_ascii_case(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(head: impl AsRef<[u8]>) -> Result<Head, Outcome> {
        let mut bytes = head.as_ref().to_vec();
        Head::parse(&mut bytes).map(|head| head.expect("it is whole"))
    }

    fn with(status: u16, headers: &[u8]) -> Result<Head, Outcome> {
        let line = format!("HTTP/1.1 {status:03} .\r\n").into_bytes();
        parsed([&line[..], headers, b"\r\n\r\n"].concat())
    }

    fn framing(status: u16, headers: &str) -> Result<Framing, Outcome> {
        with(status, headers.as_bytes()).map(|head| head.framing)
    }

    fn location(status: u16, headers: &[u8]) -> Option<String> {
        with(status, headers).expect("a head").location
    }

    fn markup(headers: &str) -> Option<Markup> {
        with(200, headers.as_bytes()).expect("a head").markup
    }

    /// RFC 9112, section 6.3, rule 1.
    /// What is in quotes is one, whatever it is; a backslash there takes a quote's meaning away.
    #[test]
    fn a_list_is_cut_where_its_commas_are() {
        let cut = |list: &'static str| {
            let parts = elements(list.as_bytes())
                .map(|it| std::str::from_utf8(it).expect("text"));
            parts.collect::<Vec<_>>()
        };
        assert_eq!(cut("gzip, ,chunked,"), ["gzip", "chunked"]);
        assert_eq!(cut(r#"a;x="1, 2", b"#), [r#"a;x="1, 2""#, "b"]);
        assert_eq!(cut(r#"a;x="\", 2", b"#), [r#"a;x="\", 2""#, "b"]);
        assert_eq!(cut(r#"a;x="\\", b"#), [r#"a;x="\\""#, "b"]);
        assert_eq!(cut(r"a\, b"), [r"a\", "b"]);
    }

    #[test]
    fn what_is_cut_loses_what_it_is_cut_at() {
        assert_eq!(cut(b" a ;b;c", b';'), (&b"a"[..], Some(&b"b;c"[..])));
        assert_eq!(cut(b" a ", b';'), (&b"a"[..], None));
    }

    #[test]
    fn some_statuses_have_no_body_whatever_the_head_says() {
        for headers in [
            "X: y",
            "Content-Length: 5",
            "Content-Length: nonsense",
            "Content-Length: 1\r\nContent-Length: 2",
            "Transfer-Encoding: chunked",
            "Transfer-Encoding: chunked;q=1",
        ] {
            for status in [100, 103, 199, 204, 304] {
                assert_eq!(
                    framing(status, headers),
                    Ok(Framing::Empty),
                    "{status} {headers}"
                );
            }
        }
        for status in [200, 203, 205, 206, 303, 305, 404, 500, 999, 99] {
            assert_eq!(framing(status, "Content-Length: 5"), Ok(Framing::Sized(5)));
        }
    }

    /// Rules 3 and 4.
    #[test]
    fn a_coding_comes_before_a_length_and_ends_the_body_if_the_last_is_chunked() {
        for (codings, expected) in [
            ("chunked", Framing::Chunked),
            ("CHUNKED", Framing::Chunked),
            (" \tchunked \t", Framing::Chunked),
            ("gzip, chunked", Framing::Chunked),
            ("gzip;q=\"a,b\",chunked", Framing::Chunked),
            ("x;y=\"\\\"\", chunked", Framing::Chunked),
            ("chunked,", Framing::Chunked),
            (", ,chunked, ,", Framing::Chunked),
            ("gzip\r\nTransfer-Encoding: chunked", Framing::Chunked),
            ("chunked\r\ntransfer-encoding:", Framing::Chunked),
            ("chunked\r\nTRANSFER-ENCODING: , ", Framing::Chunked),
            ("gzip,\r\n chunked", Framing::Chunked),
            ("\r\n\tchunked", Framing::Chunked),
            // To apply it twice is forbidden; whoever says it twice has said it once too often.
            ("chunked, chunked", Framing::Chunked),
            ("chunked, gzip", Framing::ToTheEnd),
            ("chunked\r\nTransfer-Encoding: gzip", Framing::ToTheEnd),
            ("x-foo", Framing::ToTheEnd),
            ("identity", Framing::ToTheEnd),
            ("xchunked", Framing::ToTheEnd),
            ("\"chunked\"", Framing::ToTheEnd),
            ("x;y=\"\\\", chunked\"", Framing::ToTheEnd),
            ("chun ked", Framing::ToTheEnd),
            ("", Framing::ToTheEnd),
            (",", Framing::ToTheEnd),
        ] {
            for length in ["", "\r\nContent-Length: 3", "\r\nContent-Length: x"] {
                let headers = format!("Transfer-Encoding: {codings}{length}");
                assert_eq!(framing(200, &headers), Ok(expected), "{headers:?}");
                let headers = format!("Content-Length: 3\r\n{headers}");
                assert_eq!(framing(200, &headers), Ok(expected), "{headers:?}");
            }
        }
        let with_parameter = framing(200, "Transfer-Encoding: gzip, Chunked ; x=y");
        assert_eq!(with_parameter, Err(Outcome::Malformed));
    }

    /// Section 6.1 calls this faulty, and wants the connection ended afterwards. It is.
    #[test]
    fn a_coding_counts_in_http_1_0_too() {
        let head = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parsed(head).map(|head| head.framing), Ok(Framing::Chunked));
    }

    /// Rules 5, 6 and 8.
    #[test]
    fn a_length_is_a_number_however_often_it_is_said() {
        for (lengths, expected) in [
            ("0", Ok(0)),
            ("3", Ok(3)),
            ("003", Ok(3)),
            ("3, 3", Ok(3)),
            ("3,,03,", Ok(3)),
            ("3\r\nContent-Length: 3", Ok(3)),
            ("3\r\nContent-Length:", Ok(3)),
            ("\r\n 3", Ok(3)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("18446744073709551616", Ok(u64::MAX)),
            ("3, 4", Err(Outcome::Malformed)),
            ("3, x", Err(Outcome::Malformed)),
            ("3, 99999999999999999999", Err(Outcome::Malformed)),
            ("3\r\nContent-Length: 4", Err(Outcome::Malformed)),
            ("3 3", Err(Outcome::Malformed)),
            ("3\r\n 3", Err(Outcome::Malformed)),
            ("+3", Err(Outcome::Malformed)),
            ("-3", Err(Outcome::Malformed)),
            ("0x3", Err(Outcome::Malformed)),
            ("3a", Err(Outcome::Malformed)),
            ("3.0", Err(Outcome::Malformed)),
            ("\"3\"", Err(Outcome::Malformed)),
            ("", Err(Outcome::Malformed)),
            (",", Err(Outcome::Malformed)),
        ] {
            let found = framing(200, &format!("Content-Length: {lengths}"));
            assert_eq!(found, expected.map(Framing::Sized), "{lengths:?}");
        }
        assert_eq!(framing(200, "X: y"), Ok(Framing::ToTheEnd));
    }

    /// RFC 9110, section 5.5: a header's bytes mean what the server meant. What is UTF-8 comes
    /// out the same as a browser has it; what is not is not lost.
    #[test]
    fn a_location_keeps_its_bytes() {
        for (value, expected) in [
            (&b"/x?a=1#b"[..], "/x?a=1#b"),
            (b"/caf\xe9", "/caf%E9"),
            (b"/caf\xc3\xa9", "/caf%C3%A9"),
            (b"/\x80\xff\xfe", "/%80%FF%FE"),
            (b"/%41%", "/%41%"),
            (b"\t /x y \t", "/x y"),
            (b"/x\r\n\ty", "/x  \ty"),
            (b"\r\n /x", "/x"),
            (b"/x\r\nLocation: /y", "/x"),
            (b"", ""),
        ] {
            let header = [b"LOCATION:", value].concat();
            assert_eq!(location(302, &header).as_deref(), Some(expected), "{value:?}");
        }
    }

    /// RFC 9110, section 10.2.2: in a 201 it says what was made, and elsewhere nothing.
    #[test]
    fn only_a_redirect_has_a_location() {
        for status in [100, 200, 201, 202, 299, 400, 404, 500, 503] {
            assert_eq!(location(status, b"Location: /x"), None, "{status}");
        }
        for status in [300, 301, 302, 303, 307, 308, 399] {
            assert!(location(status, b"Location: /x").is_some(), "{status}");
        }
        assert_eq!(location(302, b"Content-Location: /x"), None);
    }

    #[test]
    fn links_are_read_in_html_and_xhtml_however_that_is_said() {
        for (types, expected) in [
            ("text/html", Some(Markup::Html)),
            ("Text/HTML ; charset=utf-8", Some(Markup::Html)),
            ("text/html;charset=\"a,b\"", Some(Markup::Html)),
            ("application/xhtml+xml", Some(Markup::Xhtml)),
            ("application/XHTML+XML;charset=utf-8", Some(Markup::Xhtml)),
            ("text/plain, text/html", Some(Markup::Html)),
            ("text/html\r\nContent-Type: text/plain", None),
            ("text/html\r\nContent-Type:", Some(Markup::Html)),
            ("text/html, */*", Some(Markup::Html)),
            ("text/html, nonsense", Some(Markup::Html)),
            ("text/html;\r\n charset=utf-8", Some(Markup::Html)),
            ("text/html; charset=\u{e9}", Some(Markup::Html)),
            ("text/plain", None),
            ("text/html+x", None),
            ("application/xml", None),
            ("image/svg+xml", None),
            ("html", None),
            ("", None),
        ] {
            assert_eq!(markup(&format!("Content-Type: {types}")), expected, "{types:?}");
        }
        assert_eq!(markup("X: text/html"), None);
    }

    #[test]
    fn a_status_line_may_be_careless() {
        for line in [
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200",
            "HTTP/1.1 200 ",
            "HTTP/1.1  200  OK",
            "HTTP/1.0 200 OK",
            "HTTP/1.2 200 OK",
            "HTTP/1.9 200 OK",
            "\r\n\n\r\nHTTP/1.2 200 OK",
            "HTTP/1.1 200 d\u{e9}j\u{e0} vu",
        ] {
            let head =
                parsed(format!("{line}\r\nContent-Length: 5\r\n\r\n")).expect(line);
            assert_eq!((head.status, head.framing), (200, Framing::Sized(5)), "{line}");
        }
        for line in [
            "HTTP/2 200 OK",
            "HTTP/1.a 200 OK",
            "http/1.1 200 OK",
            "HTTP/1.1 20 OK",
            "200 OK",
        ] {
            assert_eq!(
                parsed(format!("{line}\r\n\r\n")),
                Err(Outcome::Malformed),
                "{line}"
            );
        }
    }

    #[test]
    fn a_line_that_is_no_header_is_passed_over() {
        for line in [
            "nonsense",
            ": x",
            "X Y: z",
            "X\u{e9}: y",
            "X: \u{7f}",
            "nonsense\r\n  and more",
            " ",
        ] {
            let headers = format!("{line}\r\nContent-Length: 5");
            assert_eq!(framing(200, &headers), Ok(Framing::Sized(5)), "{line:?}");
        }
        // What stands behind a space before the first header is a part of nothing.
        let first = framing(200, " Content-Length: 3\r\nContent-Length: 5");
        assert_eq!(first, Ok(Framing::Sized(5)));
        assert_eq!(framing(200, "Content-Length : 5"), Ok(Framing::Sized(5)));
    }

    /// RFC 9110, section 5.5: there the message ends for one reader and goes on for another.
    #[test]
    fn a_nul_or_a_lone_carriage_return_is_no_header_and_no_mistake() {
        for line in ["X: a\0b", "X\0: y", "X: a\rb"] {
            assert_eq!(framing(200, line), Err(Outcome::Malformed), "{line:?}");
        }
    }
}
