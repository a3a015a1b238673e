//! The site inside the simulated network: the same pages, without threads.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reactor::sim::{Event, Link, Peer};
use site::{Answer, Fault, Outcome, Report, Site};

/// How much is read at once, in bytes.
const CHUNK: usize = 4096;

/// How much a deaf site reads at once: no more than it needs to see what is asked for.
const SIP: usize = 16;

/// How long a site that drips waits before the next byte.
const DRIP: Duration = Duration::from_secs(1);

/// How a site sulks, at [some of its pages](Sulk::is_at): none of them ever arrives in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sulk {
    /// It never answers.
    Silent,
    /// It answers, a byte at a time.
    Drips,
    /// It does not even read the whole request.
    Deaf,
}

impl Sulk {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Silent, Self::Drips, Self::Deaf];

    /// What a crawl has to report, knowing what it would otherwise.
    pub(super) fn bend(report: &Report) -> Report {
        let bent = report.pages().iter().map(|(path, outcome)| {
            let is_late = Self::is_at(path.as_bytes());
            (path.clone(), if is_late { Outcome::TimedOut } else { *outcome })
        });
        bent.collect()
    }

    /// Whether it sulks there: at half of the pages that lead nowhere else, so that all the
    /// others are found.
    fn is_at(path: &[u8]) -> bool {
        path.ends_with(b"/one")
    }
}

/// Requests that are being answered: from when one has been read until its answer is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight {
    now: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
    /// The pages that were asked for, in that order.
    asked: Rc<RefCell<Vec<Vec<u8>>>>,
}

impl InFlight {
    /// The most there ever were at once.
    pub(super) fn most(&self) -> usize {
        self.most.get()
    }

    /// Whether the pages were asked for level by level, and each level from its beginning.
    /// On a site without detours, a page's level is how deep its path is.
    pub(super) fn kept_the_order(&self) -> bool {
        let level = |path: &[u8]| {
            path.split(|byte| *byte == b'/').filter(|it| !it.is_empty()).count()
        };
        self.asked.borrow().is_sorted_by_key(|path| (level(path), path.clone()))
    }

    fn begin(&self, path: &[u8]) {
        self.asked.borrow_mut().push(path.to_owned());
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
    }

    fn end(&self) {
        self.now.set(self.now.get() - 1);
    }
}

/// One connection to the site: one request, one answer.
pub(super) struct SitePeer {
    site: Rc<Site>,
    sulk: Option<Sulk>,
    in_flight: InFlight,
    request: Vec<u8>,
    /// Set once the request is there.
    answer: Option<Answer>,
    is_thinking: bool,
}

impl SitePeer {
    pub(super) fn new(site: Rc<Site>, sulk: Option<Sulk>, in_flight: InFlight) -> Self {
        let (request, answer) = (Vec::new(), None);
        Self { site, sulk, in_flight, request, answer, is_thinking: false }
    }

    fn receive(&mut self, link: &mut Link<'_>) {
        self.read(link);
        let is_whole = self.request.windows(4).any(|end| end == b"\r\n\r\n");
        if !is_whole || self.answer.is_some() {
            return;
        }
        let mut answer = self.site.answer(&self.request);
        if self.sulks() == Some(Sulk::Silent) {
            answer.fault = Fault::Hang;
        }
        if answer.fault != Fault::Hang {
            self.is_thinking = true;
            self.in_flight.begin(self.path());
            link.after(answer.delay, 0);
        }
        self.answer = Some(answer);
    }

    /// Reads what there is, unless it does not want to.
    fn read(&mut self, link: &mut Link<'_>) {
        let most = if self.sulk == Some(Sulk::Deaf) { SIP } else { CHUNK };
        while self.sulks() != Some(Sulk::Deaf) {
            match link.read(most) {
                bytes if bytes.is_empty() => return,
                bytes => self.request.extend(bytes),
            }
        }
    }

    /// How it sulks at the page that is asked for, if it does.
    fn sulks(&self) -> Option<Sulk> {
        self.sulk.filter(|_| Sulk::is_at(self.path()))
    }

    fn path(&self) -> &[u8] {
        self.request.split(u8::is_ascii_whitespace).nth(1).unwrap_or_default()
    }

    fn reply(&mut self, link: &mut Link<'_>) {
        self.stop_thinking();
        if self.sulks() == Some(Sulk::Drips) {
            return self.drip(link);
        }
        let Some(Answer { bytes, fault, .. }) = &self.answer else { return };
        link.send(bytes);
        match fault {
            Fault::None => link.finish(),
            Fault::Reset => link.reset(),
            Fault::Endless | Fault::Hang => {}
        }
    }

    /// Sends one byte more, and the end behind the last.
    fn drip(&mut self, link: &mut Link<'_>) {
        let Some(Answer { bytes, .. }) = &mut self.answer else { return };
        if bytes.is_empty() {
            return link.finish();
        }
        link.send(&[bytes.remove(0)]);
        link.after(DRIP, 0);
    }

    fn stop_thinking(&mut self) {
        if std::mem::take(&mut self.is_thinking) {
            self.in_flight.end();
        }
    }
}

impl Peer for SitePeer {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match event {
            Event::Connected => {}
            Event::Readable => self.receive(link),
            Event::Timer(_) => self.reply(link),
            Event::Sent => {
                if let Some(Answer { bytes, fault: Fault::Endless, .. }) = &self.answer {
                    link.send(bytes);
                }
            }
            Event::Ended | Event::Broken(_) => {
                self.stop_thinking();
                link.close();
            }
        }
    }
}
