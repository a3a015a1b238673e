//! An HTTP/1 client without any I/O: bytes in, a page out.
//!
//! It makes no difference how the bytes are cut: a parser keeps what it has seen of the
//! head, then a machine of four states counts through the body (RFC 9112, section 6).

mod head;

use crate::Outcome;
use crate::html::Document;

use head::{Framing, Head, cut, number};

/// The largest head that is kept, in bytes; a longer one is too large.
pub const MAX_HEAD: usize = 32 * 1024;
/// How many headers a head may have.
pub const MAX_HEADERS: usize = 128;
/// The largest response that is read, in bytes, unless it is told otherwise: heads, body and
/// the framing of its chunks, whether it is kept or only counted.
pub const MAX_RESPONSE: usize = 8 * 1024 * 1024;

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status code.
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    /// The length of the body in bytes.
    pub length: u64,
    /// The body, if it is HTML.
    html: Vec<u8>,
    /// Which of the two it is.
    markup: Markup,
    /// Another body, as far as it is kept: most are only counted.
    other: Vec<u8>,
}

/// What HTML is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Markup {
    #[default]
    Html,
    /// As XML.
    Xhtml,
}

impl Page {
    /// A page that did not come from a network.
    pub fn of_html(status: u16, html: impl Into<Vec<u8>>) -> Self {
        let html = html.into();
        let (length, markup) = (html.len() as u64, Markup::Html);
        Self { status, location: None, length, html, markup, other: Vec::new() }
    }

    /// The HTML of the page; empty if it is something else.
    pub fn html(&self) -> &[u8] {
        &self.html
    }

    /// The body, whatever it is, as far as it was kept.
    pub(crate) fn body(&self) -> &[u8] {
        if self.html.is_empty() { &self.other } else { &self.html }
    }

    /// What a crawler wants to know of it.
    pub fn document(&self) -> Document {
        Document::parse_as(self.markup, &self.html)
    }
}

/// Reads one response.
#[derive(Debug)]
pub struct Parser {
    state: State,
    /// What was read of the present head or line; filled and emptied by the state.
    pending: Vec<u8>,
    /// How many bytes a response may have, read by `bounded`.
    limit: usize,
    /// How many bytes may still come.
    room: usize,
    page: Page,
    /// Whether the body is HTML, and kept.
    keep: bool,
    /// How much of it is kept if it is not.
    others: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// This many bytes are still to come.
    Sized(u64),
    /// The body ends where the connection does.
    ToTheEnd,
    /// A line with the size of the next chunk.
    ChunkSize,
    /// This many bytes of the chunk are still to come.
    Chunk(u64),
    /// The line break behind a chunk.
    ChunkEnd,
    /// Lines up to an empty one.
    Trailers,
    Done,
}

impl Parser {
    /// A parser that has seen nothing.
    pub fn new() -> Self {
        Self::within(MAX_RESPONSE, 0)
    }

    /// The same with a limit for the whole response, in bytes; and how much of a body is kept
    /// that is no HTML.
    pub(crate) fn within(room: usize, others: usize) -> Self {
        let (state, pending, page) = (State::Head, Vec::new(), Page::default());
        Self { state, pending, limit: room, room, page, keep: false, others }
    }

    /// Takes what was read from the connection; an empty slice says that the peer is done.
    /// Gives the page once it is whole. What comes after it is ignored.
    ///
    /// # Errors
    ///
    /// [`Outcome::Malformed`] if this is not HTTP, [`Outcome::TooLarge`] if it is more than
    /// its limits, [`Outcome::CutShort`] if the end came too early.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<Option<Page>, Outcome> {
        if bytes.is_empty() {
            match self.state {
                State::ToTheEnd => self.state = State::Done,
                State::Done => {}
                _ => return Err(Outcome::CutShort),
            }
        }
        while !bytes.is_empty() && self.state != State::Done {
            let within = &bytes[..bytes.len().min(self.room)];
            if within.is_empty() {
                return Err(Outcome::TooLarge);
            }
            let used = within.len() - self.step(within)?.len();
            self.room -= used;
            bytes = &bytes[used..];
        }
        Ok((self.state == State::Done).then(|| std::mem::take(&mut self.page)))
    }

    /// Uses up some bytes, and gives back the rest.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Outcome> {
        match self.state {
            State::Head => self.head(bytes),
            State::Sized(left) => {
                let (rest, left) = self.body(bytes, left);
                self.state = if left == 0 { State::Done } else { State::Sized(left) };
                Ok(rest)
            }
            State::ToTheEnd => Ok(self.body(bytes, u64::MAX).0),
            State::Chunk(left) => {
                let (rest, left) = self.body(bytes, left);
                self.state = if left == 0 { State::ChunkEnd } else { State::Chunk(left) };
                Ok(rest)
            }
            State::ChunkSize | State::ChunkEnd | State::Trailers => self.line(bytes),
            State::Done => Ok(&[]),
        }
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Outcome> {
        let room = MAX_HEAD - self.pending.len();
        let mut used = 0;
        // Line by line, up to an empty one: there a head ends.
        for line in bytes[..bytes.len().min(room)].split_inclusive(|byte| *byte == b'\n')
        {
            self.pending.extend_from_slice(line);
            used += line.len();
            if self.pending.ends_with(b"\n\r\n") || self.pending.ends_with(b"\n\n") {
                break;
            }
        }
        match Head::parse(&mut self.pending)? {
            Some(head) => {
                self.pending.clear();
                self.begin(head)?;
            }
            None if self.pending.len() < MAX_HEAD => {}
            None => return Err(Outcome::TooLarge),
        }
        Ok(&bytes[used..])
    }

    /// The head is whole: what follows?
    fn begin(&mut self, head: Head) -> Result<(), Outcome> {
        self.state = match head.framing {
            // An interim response; the real one follows.
            _ if matches!(head.status, 100..=199) => return Ok(()),
            Framing::Empty | Framing::Sized(0) => State::Done,
            Framing::Sized(length) => State::Sized(self.bounded(length)?),
            Framing::Chunked => State::ChunkSize,
            Framing::ToTheEnd => State::ToTheEnd,
        };
        self.page.status = head.status;
        self.page.location = head.location;
        self.page.markup = head.markup.unwrap_or_default();
        self.keep = head.markup.is_some();
        Ok(())
    }

    fn body<'a>(&mut self, bytes: &'a [u8], left: u64) -> (&'a [u8], u64) {
        let n = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.page.length += n as u64;
        if self.keep {
            self.page.html.extend_from_slice(&bytes[..n]);
        } else {
            let kept = n.min(self.others - self.page.other.len());
            self.page.other.extend_from_slice(&bytes[..kept]);
        }
        (&bytes[n..], left - n as u64)
    }

    /// The lines of a chunked body.
    fn line<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Outcome> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
            self.pending.extend_from_slice(bytes);
            return Ok(&[]);
        };
        self.pending.extend_from_slice(&bytes[..end]);
        let line = std::mem::take(&mut self.pending);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        self.state = match self.state {
            State::ChunkSize => match number(cut(line, b';').0, 16) {
                None => return Err(Outcome::Malformed),
                Some(0) => State::Trailers,
                Some(size) => State::Chunk(self.bounded(size)?),
            },
            State::ChunkEnd if line.is_empty() => State::ChunkSize,
            State::ChunkEnd => return Err(Outcome::Malformed),
            _ if line.is_empty() => State::Done,
            state => state,
        };
        Ok(&bytes[end + 1..])
    }

    /// A length that is not too large by itself.
    fn bounded(&self, length: u64) -> Result<u64, Outcome> {
        if length > self.limit as u64 { Err(Outcome::TooLarge) } else { Ok(length) }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::of_html(0, Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a whole response and the connection's end.
    fn parsed(pieces: &[&[u8]]) -> Result<Page, Outcome> {
        let mut parser = Parser::new();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            if let Some(page) = parser.receive(piece)? {
                return Ok(page);
            }
        }
        parser.receive(&[]).map(|page| page.expect("an end is a page or an error"))
    }

    const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n";

    fn html(text: &str) -> Result<Page, Outcome> {
        Ok(Page::of_html(200, text))
    }

    fn with_head(rest: &str) -> String {
        format!("{HEAD}{rest}")
    }

    fn chunked(chunks: &str) -> String {
        with_head(&format!("Transfer-Encoding: chunked\r\n\r\n{chunks}"))
    }

    fn cases() -> impl Iterator<Item = (String, Result<Page, Outcome>)> {
        whole().into_iter().chain(broken())
    }

    fn whole() -> Vec<(String, Result<Page, Outcome>)> {
        let mut redirect = Page::of_html(302, "");
        redirect.location = Some("/x".into());
        let image = Page { length: 3, ..Page::of_html(200, "") };
        vec![
            (with_head("Content-Length: 5\r\n\r\nhello"), html("hello")),
            (with_head("Content-Length: 5\r\n\r\nhello, and more"), html("hello")),
            (with_head("Content-Length: 5, 5\r\n\r\nhello"), html("hello")),
            (with_head("Content-Length: 0\r\n\r\n"), html("")),
            (with_head("\r\nto the end"), html("to the end")),
            (with_head("\r\n"), html("")),
            (
                chunked("3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n"),
                html("hello"),
            ),
            (
                chunked("A\r\n0123456789\r\n0\r\nT: x\r\n\r\n"),
                html("0123456789"),
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n".into(), Ok(Page::of_html(204, ""))),
            ("HTTP/1.1 304 .\r\nContent-Length: 99999999999\r\n\r\n".into(), Ok(Page::of_html(304, ""))),
            ("HTTP/1.0 302 Found\r\nLocation: /x\r\n\r\n".into(), Ok(redirect)),
            ("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 3\r\n\r\n<a>".into(), Ok(image)),
            // The coding wins, and what it does not end ends with the connection.
            (with_head("Transfer-Encoding: x-foo\r\nContent-Length: 3\r\n\r\nhello"), html("hello")),
            (with_head("Content-Length: 9\r\nTransfer-Encoding: chunked,\r\n\r\n5\r\nhello\r\n0\r\n\r\n"), html("hello")),
            (with_head("Set-Cookie: a=b;\r\n path=/\r\nContent-Length:\r\n\t5\r\n\r\nhello"), html("hello")),
            ("HTTP/1.1 204 .\r\nContent-Length: x\r\n\r\nhello".into(), Ok(Page::of_html(204, ""))),
            ("HTTP/1.1 103 .\r\nContent-Length: x\r\n\r\nHTTP/1.1 304 .\r\nTransfer-Encoding: x\r\n\r\n".into(), Ok(Page::of_html(304, ""))),
        ]
    }

    fn broken() -> Vec<(String, Result<Page, Outcome>)> {
        vec![
            (with_head("Content-Length: 5\r\n\r\nhell"), Err(Outcome::CutShort)),
            (with_head("Content-Le"), Err(Outcome::CutShort)),
            (String::new(), Err(Outcome::CutShort)),
            (chunked("3\r\nhel\r\n"), Err(Outcome::CutShort)),
            (chunked("zz\r\n"), Err(Outcome::Malformed)),
            (chunked("\r\n"), Err(Outcome::Malformed)),
            (chunked("-1\r\n"), Err(Outcome::Malformed)),
            (chunked("ffffffffffffffffff\r\n"), Err(Outcome::TooLarge)),
            (chunked("1\r\nab\r\n"), Err(Outcome::Malformed)),
            (
                with_head("Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
                Err(Outcome::Malformed),
            ),
            (with_head("Content-Length: -5\r\n\r\n"), Err(Outcome::Malformed)),
            (with_head("Content-Length: 99999999999\r\n\r\n"), Err(Outcome::TooLarge)),
            ("HTP/1.1 200 OK\r\n\r\n".into(), Err(Outcome::Malformed)),
            ("HTTP/1.1 abc OK\r\n\r\n".into(), Err(Outcome::Malformed)),
            ("\u{1}\u{2}\u{3}garbage".into(), Err(Outcome::Malformed)),
            (with_head(&format!("X: {}", "y".repeat(MAX_HEAD))), Err(Outcome::TooLarge)),
            (
                with_head(&format!("{}\r\n", "X: y\r\n".repeat(MAX_HEADERS))),
                Err(Outcome::TooLarge),
            ),
        ]
    }

    #[test]
    fn responses_are_read() {
        for (bytes, expected) in cases() {
            assert_eq!(parsed(&[bytes.as_bytes()]), expected, "{bytes:.200}");
        }
    }

    #[test]
    fn it_makes_no_difference_how_the_bytes_are_cut() {
        for (bytes, expected) in cases() {
            let bytes = bytes.as_bytes();
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            if bytes.len() < 1000 {
                assert_eq!(parsed(&single), expected, "byte by byte");
            }
            for cut in (0..bytes.len()).step_by(1 + bytes.len() / 500) {
                let (one, two) = bytes.split_at(cut);
                assert_eq!(parsed(&[one, two]), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_comes_behind_a_whole_page_changes_nothing() {
        let mut parser = Parser::new();
        let whole = with_head("Content-Length: 5\r\n\r\nhello");
        let page = parser.receive(whole.as_bytes()).expect("good").expect("whole");
        assert_eq!(page.html(), b"hello");
        assert!(parser.receive(b"HTTP/1.1 nonsense\r\n").is_ok());
        assert!(parser.receive(&[]).is_ok(), "the end is not too early");
    }

    #[test]
    fn what_a_chunk_says_behind_its_size_is_opaque() {
        for extension in [&b""[..], b" ", b";x", b" ;x=\"\xe9;\xff\"", b";\0"] {
            let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5").into_bytes();
            let bytes =
                [&head, extension, b"\r\nhello\r\n0", extension, b"\r\n\r\n"].concat();
            assert_eq!(parsed(&[&bytes]), html("hello"), "{extension:?}");
        }
    }

    /// Whatever it is that does not end: heads, a body, the framing of a chunk, trailers.
    #[test]
    fn a_response_that_does_not_end_is_too_large() {
        let chunked = chunked("");
        for (begin, again) in [
            ("", "HTTP/1.1 100 Continue\r\n\r\n"),
            ("HTTP/1.1 200 OK\r\n", "X: y\r\n"),
            (&format!("{HEAD}\r\n"), "x"),
            (&chunked, "1\r\nx\r\n"),
            (&format!("{chunked}1;"), "x"),
            (&format!("{chunked}0\r\n"), "X: y\r\n"),
        ] {
            // The same as with all of the room, and sooner.
            let mut parser = Parser { room: 3 * MAX_HEAD, ..Parser::new() };
            let first = format!("{begin}{again}");
            assert!(matches!(parser.receive(first.as_bytes()), Ok(None)));
            let block = again.repeat(1000).into_bytes();
            let ended = (0..1000).find_map(|_| parser.receive(&block).err());
            assert_eq!(ended, Some(Outcome::TooLarge), "{begin:?}, {again:?} for ever");
        }
    }

    #[test]
    fn the_largest_response_is_that_large_and_no_larger() {
        let head = format!("{HEAD}\r\n");
        for (more, expected) in [(0, Ok(None)), (1, Err(Outcome::TooLarge))] {
            let mut parser = Parser::new();
            assert_eq!(parser.receive(head.as_bytes()), Ok(None));
            let body = vec![b'x'; MAX_RESPONSE - head.len() + more];
            assert_eq!(parser.receive(&body), expected, "{more} bytes more");
            if more == 0 {
                let page = parser.receive(&[]).expect("large enough").expect("whole");
                assert_eq!(page.length, body.len() as u64);
            }
        }
        // What says of itself that it is too large is not waited for.
        for (length, expected) in
            [(MAX_RESPONSE, Ok(None)), (MAX_RESPONSE + 1, Err(Outcome::TooLarge))]
        {
            let sized = format!("{HEAD}Content-Length: {length}\r\n\r\n");
            assert_eq!(Parser::new().receive(sized.as_bytes()), expected, "{length}");
            let chunk = chunked(&format!("{length:x}\r\n"));
            assert_eq!(Parser::new().receive(chunk.as_bytes()), expected, "{length}");
        }
    }

    #[test]
    fn the_largest_head_is_that_large_and_no_larger() {
        let padded = |length: usize| {
            let begin = "HTTP/1.1 200 OK\r\nX: ";
            format!("{begin}{}\r\n\r\n", "y".repeat(length - begin.len() - 4))
        };
        let received = |head: String| parsed(&[head.as_bytes()]).map(|page| page.status);
        assert_eq!(received(padded(MAX_HEAD)), Ok(200));
        assert_eq!(received(padded(MAX_HEAD + 1)), Err(Outcome::TooLarge));
        let many = |count| format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(received(many(MAX_HEADERS)), Ok(200));
        assert_eq!(received(many(MAX_HEADERS + 1)), Err(Outcome::TooLarge));
        let large = padded(MAX_HEAD + 1);
        let (one, two) = large.as_bytes().split_at(MAX_HEAD / 2);
        assert_eq!(parsed(&[one, two]), Err(Outcome::TooLarge), "in pieces as well");
    }

    #[test]
    fn the_limits_are_what_the_documentation_says() {
        assert_eq!(MAX_HEAD, 32_768);
        assert_eq!(MAX_RESPONSE, 8_388_608);
    }

    #[test]
    fn of_what_is_no_html_no_more_is_kept_than_asked_for_however_it_is_cut() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
        let mut parser = Parser::within(MAX_RESPONSE, 4);
        for piece in [head, "hel", "lo"] {
            assert_eq!(parser.receive(piece.as_bytes()), Ok(None));
        }
        let page = parser.receive(&[]).expect("no error").expect("whole");
        assert_eq!((page.body(), page.length), (&b"hell"[..], 5));
    }
}
