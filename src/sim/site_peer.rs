//! The site inside the simulated network: the same pages, without threads.

use std::cell::Cell;
use std::rc::Rc;

use reactor::sim::{Event, Link, Peer};
use site::{Answer, Fault, Site};

/// How much is read at once, in bytes.
const CHUNK: usize = 4096;

/// Requests that are being answered: from when one has been read until its answer is sent.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight {
    now: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

impl InFlight {
    /// The most there ever were at once.
    pub(super) fn most(&self) -> usize {
        self.most.get()
    }

    fn begin(&self) {
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
    in_flight: InFlight,
    request: Vec<u8>,
    /// Set once the request is there.
    answer: Option<Answer>,
    is_thinking: bool,
}

impl SitePeer {
    pub(super) fn new(site: Rc<Site>, in_flight: InFlight) -> Self {
        Self { site, in_flight, request: Vec::new(), answer: None, is_thinking: false }
    }

    fn receive(&mut self, link: &mut Link<'_>) {
        self.request.extend(link.read(CHUNK));
        let is_whole = self.request.windows(4).any(|end| end == b"\r\n\r\n");
        if !is_whole || self.answer.is_some() {
            return;
        }
        let answer = self.site.answer(&self.request);
        if answer.fault != Fault::Hang {
            self.is_thinking = true;
            self.in_flight.begin();
            link.after(answer.delay, 0);
        }
        self.answer = Some(answer);
    }

    fn reply(&mut self, link: &mut Link<'_>) {
        self.stop_thinking();
        let Some(Answer { bytes, fault, .. }) = &self.answer else { return };
        link.send(bytes);
        match fault {
            Fault::None => link.finish(),
            Fault::Reset => link.reset(),
            Fault::Endless | Fault::Hang => {}
        }
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
