//! The pages: a function from a request to an answer, and nothing that waits.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::{Outcome, Report};

/// What to do about a request: wait, send, and perhaps misbehave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long the site thinks before it sends anything.
    pub delay: Duration,
    /// What it sends.
    pub bytes: Vec<u8>,
    /// What it does then.
    pub fault: Fault,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed, as a well-behaved server does.
    None,
    /// The connection is reset.
    Reset,
    /// The bytes are sent again and again, until the client has enough.
    Endless,
    /// Nothing is ever sent, and the connection stays open until the client gives up.
    Hang,
}

/// A small site, the same one every time.
#[derive(Clone, Debug)]
pub struct Site {
    delay: Duration,
    /// What is answered, by path; anything else is a 404.
    answers: BTreeMap<String, (Vec<u8>, Fault)>,
    /// What a crawl has to find, written down apart from the answers.
    expected: Report,
}

impl Site {
    /// Forty pages that behave: an index, 13 parts, two pages in each part. Each takes
    /// 50 ms to answer.
    pub fn friendly() -> Self {
        let mut site = Self::new(Duration::from_millis(50));
        let parts: Vec<_> = (1..=13).map(|n| format!("/part-{n:02}/")).collect();
        site.page("/", &parts);
        for part in &parts {
            site.page(part, &["one", "two", "/", "#top"].map(String::from));
            for name in ["one", "two"] {
                let links = ["./", "../", "one", "two#notes"].map(String::from);
                site.page(&format!("{part}{name}"), &links);
            }
        }
        site
    }

    /// A site that does everything that real sites do to a crawler, one page each. Every
    /// page takes 5 ms, except the one that never answers.
    pub fn hostile() -> Self {
        let mut site = Self::new(Duration::from_millis(5));
        site.good_pages();
        site.framings();
        site.redirects();
        site.broken_answers();
        let every: Vec<_> = site.answers.keys().map(|path| format!("{path}#x")).collect();
        let mut links = every.clone();
        links.extend(every); // and once more: a duplicate is one page
        site.leaves();
        links.extend(
            ["/missing", "http://elsewhere.invalid/", "mailto:a@b"].map(String::from),
        );
        site.page("/", &links);
        site.expect("/missing", Outcome::Status(404));
        site
    }

    /// A page with that many links to pages that never answer: whoever asks for one of them
    /// waits.
    pub fn waiting(pages: usize) -> Self {
        let mut site = Self::new(Duration::ZERO);
        let links: Vec<_> = (0..pages).map(|n| format!("/{n}")).collect();
        site.page("/", &links);
        for link in links {
            site.answer_with(&link, Vec::new(), Fault::Hang, Outcome::TimedOut);
        }
        site
    }

    /// What this site does about a request, which is given as far as it was read.
    pub fn answer(&self, request: &[u8]) -> Answer {
        let line = request.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_ascii_whitespace();
        let (bytes, fault) = match (words.next(), words.next()) {
            (Some("GET"), Some(path)) => match self.answers.get(path) {
                Some(answer) => answer.clone(),
                None => (html(404, &["/only-on-the-404"].map(String::from)), Fault::None),
            },
            (Some("HEAD"), Some(_)) => (head(405, "Allow: GET\r\n"), Fault::None),
            (Some(_), Some(_)) => (plain(405, "Allow: GET\r\n", "only GET"), Fault::None),
            _ => (plain(400, "", "that is no request"), Fault::None),
        };
        Answer { delay: self.delay, bytes, fault }
    }

    /// How many pages there are to visit.
    pub fn len(&self) -> usize {
        self.expected.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    /// How long each answer takes.
    pub fn delay(&self) -> Duration {
        self.delay
    }

    /// What a crawl of the whole site has to report.
    pub fn expected(&self) -> Report {
        self.expected.clone()
    }

    fn new(delay: Duration) -> Self {
        Self { delay, answers: BTreeMap::new(), expected: Report::default() }
    }

    fn good_pages(&mut self) {
        self.page("/relative/", &["child", "../dots/./here", "?query"].map(String::from));
        let careless = ["/with space", " /ümlaut ", "/100%", "\\lean\\", "10:30"];
        self.page("/careless", &careless.map(String::from));
        self.page("/colons", &["/go?to=http://[::1]/".into()]);
        self.page("/entities", &["/query?a=1&amp;b=2".into()]);
        for (path, body) in [
            ("/based", "<base href='/elsewhere/'><a href='here'>"),
            ("/unbased/", "<base href='javascript:void(0)'><a href='here'>"),
            ("/noscript", "<noscript><a href='/without-scripts'></noscript>"),
            ("/image", "<svg><title/></svg><a href='/behind-it'>"),
            ("/no-length", "<a href='/after'>"),
        ] {
            self.good(path, &head(200, HTML), body);
        }
        let xhtml = "Content-Type: application/xhtml+xml\r\n";
        self.good("/xhtml", &head(200, xhtml), "<script/><a href='/as-xml'/>");
        let link = "<a href='/never-to-be-visited'>";
        self.good("/text", &head(200, "Content-Type: text/plain\r\n"), link);
        self.good("/no-type", &head(200, ""), link);
        self.good("/empty", &head(200, "Content-Length: 0\r\n"), "");
        self.answer_with("/failing", html(500, &[]), Fault::None, Outcome::Status(500));
    }

    /// Where a body ends, in the order in which that is to be found out.
    fn framings(&mut self) {
        let chunks =
            "12\r\n<a href='/chunked/\r\n8;ext=1\r\nchild'>.\r\n0\r\nX: y\r\n\r\n";
        for (path, coding) in [
            ("/chunked/", "chunked"),
            ("/chunked/list", "chunked,"),
            ("/chunked/fold", "\r\n chunked"),
        ] {
            let headers =
                format!("{HTML}Content-Length: 3\r\nTransfer-Encoding: {coding}\r\n");
            self.good(path, &head(200, &headers), chunks);
        }
        let coded = format!("{HTML}Transfer-Encoding: x-foo\r\nContent-Length: 3\r\n");
        self.good("/coded", &head(200, &coded), "<a href='/decoded'>");
        for (path, headers) in
            [("/nothing", ""), ("/nothing/long", "Content-Length: x\r\n")]
        {
            self.answer_with(path, head(204, headers), Fault::None, Outcome::Status(204));
        }
        let made = head(201, "Location: /never-to-be-visited\r\n");
        self.answer_with("/made", made, Fault::None, Outcome::Status(201));
    }

    fn redirects(&mut self) {
        for (from, to) in [
            ("/loop/a", &b"/loop/b"[..]),
            ("/loop/b", b"a"),
            ("/self", b"/self"),
            ("/away", b"http://elsewhere.invalid/"),
            ("/moved", b"/landed?yes"),
            ("/moved/bytes", b"/caf\xe9"),
        ] {
            let headers = [b"Content-Length: 0\r\nLocation: ", to, b"\r\n"].concat();
            let answer = head(302, headers);
            self.answer_with(from, answer, Fault::None, Outcome::Status(302));
        }
        self.expected.leave("/away".into(), "http://elsewhere.invalid/".into());
    }

    /// The pages to which the index has no link: only whoever reads another page as it is
    /// meant finds them.
    fn leaves(&mut self) {
        for path in [
            "/relative/child",
            "/dots/here",
            "/relative/?query",
            "/with%20space",
            "/%C3%BCmlaut",
            "/100%",
            "/lean/",
            "/10:30",
            "/go?to=http://[::1]/",
            "/query?a=1&b=2",
            "/elsewhere/here",
            "/unbased/here",
            "/without-scripts",
            "/behind-it",
            "/after",
            "/as-xml",
            "/chunked/child",
            "/decoded",
            "/landed?yes",
            "/caf%E9",
        ] {
            self.page(path, &[]);
        }
    }

    fn broken_answers(&mut self) {
        let half = || {
            let mut half = head(200, format!("{HTML}Content-Length: 1000\r\n"));
            half.extend_from_slice(b"<a href='/never-to-be-visited'>");
            half
        };
        self.answer_with("/reset", half(), Fault::Reset, Outcome::Reset);
        self.answer_with("/half", half(), Fault::None, Outcome::CutShort);
        self.answer_with("/silent", Vec::new(), Fault::None, Outcome::CutShort);
        let status_line = b"HTP/1.1 200 OK\r\n\r\n".to_vec();
        self.answer_with("/malformed", status_line, Fault::None, Outcome::Malformed);
        let garbage = (0..=255).cycle().take(2000).collect();
        self.answer_with("/garbage", garbage, Fault::None, Outcome::Malformed);
        let mut endless = b"HTTP/1.1 200 OK\r\n".to_vec();
        endless.extend_from_slice(format!("X: {}", "y".repeat(1000)).as_bytes());
        self.answer_with("/endless", endless, Fault::Endless, Outcome::TooLarge);
        let huge = head(200, format!("{HTML}Content-Length: 1000000000000\r\n"));
        self.answer_with("/huge", huge, Fault::None, Outcome::TooLarge);
        self.answer_with("/hang", Vec::new(), Fault::Hang, Outcome::TimedOut);
    }

    /// A page that is fine, and its links.
    fn page(&mut self, path: &str, links: &[String]) {
        self.answer_with(path, html(200, links), Fault::None, Outcome::Status(200));
    }

    fn good(&mut self, path: &str, head: &[u8], body: &str) {
        let bytes = [head, body.as_bytes()].concat();
        self.answer_with(path, bytes, Fault::None, Outcome::Status(200));
    }

    fn answer_with(
        &mut self,
        path: &str,
        bytes: Vec<u8>,
        fault: Fault,
        outcome: Outcome,
    ) {
        self.answers.insert(path.to_owned(), (bytes, fault));
        self.expect(path, outcome);
    }

    fn expect(&mut self, path: &str, outcome: Outcome) {
        self.expected.extend([(path.to_owned(), outcome)]);
    }
}

const HTML: &str = "Content-Type: text/html\r\n";

fn head(status: u16, headers: impl AsRef<[u8]>) -> Vec<u8> {
    let begin = format!("HTTP/1.1 {status} .\r\nConnection: close\r\n");
    [begin.as_bytes(), headers.as_ref(), b"\r\n"].concat()
}

/// An answer for whoever asked by hand: why there is no page.
fn plain(status: u16, headers: &str, text: &str) -> Vec<u8> {
    let length = text.len() + 1;
    let length = format!("Content-Type: text/plain\r\nContent-Length: {length}\r\n");
    let head = head(status, format!("{headers}{length}"));
    [head, format!("{text}\n").into_bytes()].concat()
}

fn html(status: u16, links: &[String]) -> Vec<u8> {
    let mut body = String::from("<!doctype html><title>A page</title>");
    for link in links {
        let _ = write!(body, "<p><a href=\"{link}\">somewhere</a>");
    }
    let head = head(status, format!("{HTML}Content-Length: {}\r\n", body.len()));
    [head, body.into_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Parser;

    /// Each of them has something to find for whoever crawls it.
    #[test]
    fn a_hostile_site_breaks_in_every_way() {
        let hostile = Site::hostile();
        assert!(!hostile.is_empty());
        let expected = hostile.expected();
        assert_eq!(expected.pages().len(), hostile.len());
        for outcome in [
            Outcome::Reset,
            Outcome::CutShort,
            Outcome::Malformed,
            Outcome::TooLarge,
            Outcome::TimedOut,
        ] {
            assert!(expected.pages().values().any(|it| *it == outcome), "{outcome}");
        }
    }

    #[test]
    fn an_answer_is_as_long_as_it_says() {
        for answer in [plain(405, "Allow: GET\r\n", "no"), html(200, &["/a".to_owned()])]
        {
            let mut parser = Parser::new();
            let (last, before) = answer.split_last().expect("it is not empty");
            assert_eq!(parser.receive(before), Ok(None), "one byte is still to come");
            assert!(matches!(parser.receive(&[*last]), Ok(Some(_))));
        }
    }
}
