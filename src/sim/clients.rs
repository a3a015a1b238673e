//! Clients of an echo server, most of them rude, and what each has a right to expect.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::sim::{Event, Link, Peer};

/// How a client behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Sends everything at once, and reads as it comes.
    Eager,
    /// Sends a byte at a time, each once the last has come back.
    Careful,
    /// Sends everything and the end at once, and then reads slowly.
    Slow,
    /// Comes, says nothing and leaves.
    Shy,
    /// Breaks off when half of it has come back.
    Breaks,
    /// Sends, never reads, and breaks off in the end.
    Deaf,
    /// Sends, and breaks off at once: before anybody has looked at it.
    Flees,
}

impl Manner {
    /// All of them, in turn.
    pub(super) const ALL: [Self; 7] = [
        Self::Eager,
        Self::Careful,
        Self::Slow,
        Self::Shy,
        Self::Breaks,
        Self::Deaf,
        Self::Flees,
    ];

    /// A byte there and back takes its time.
    fn says_at_most(self) -> usize {
        match self {
            Self::Shy => 0,
            Self::Careful => 500,
            _ => usize::MAX,
        }
    }

    /// Whether it reads everything, and so has a right to all of it.
    fn reads_everything(self) -> bool {
        matches!(self, Self::Eager | Self::Careful | Self::Slow | Self::Shy)
    }
}

/// How long a deaf client puts up with it.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often a slow client reads, and how much.
const SLOWLY: (Duration, usize) = (Duration::from_millis(2), 700);

/// What became of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Fate {
    /// The bytes that came back.
    received: usize,
    /// Whether they were those that it sent.
    is_other: bool,
    /// When it was done.
    left: Option<Duration>,
    /// Whether the network broke the connection.
    is_broken: bool,
}

/// A client, and where its fate is written down.
pub(super) struct Client {
    manner: Manner,
    /// What it says.
    words: Vec<u8>,
    sent: usize,
    fate: Rc<RefCell<Fate>>,
}

/// Somebody outside who wants to know what became of a client.
#[derive(Debug)]
pub(super) struct Watched {
    manner: Manner,
    expects: usize,
    fate: Rc<RefCell<Fate>>,
}

/// What a client has a right to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// To have everything come back, if it reads, and to be let go.
    All,
    /// The same, but the network may break its connection.
    UnlessBroken,
    /// That whatever comes back is its own: the server was stopped half way.
    WhatCame,
}

/// How long a client may take that is not broken off. Far more than any needs: a byte at a
/// time over a slow line.
const LONG: Duration = Duration::from_mins(2);

impl Client {
    /// A client who says `words`, and somebody who watches it.
    pub(super) fn new(manner: Manner, words: Vec<u8>) -> (Self, Watched) {
        let mut words = words;
        words.truncate(manner.says_at_most());
        let fate = Rc::new(RefCell::default());
        let watched = Watched { manner, expects: words.len(), fate: Rc::clone(&fate) };
        (Self { manner, words, sent: 0, fate }, watched)
    }

    fn begin(&mut self, link: &mut Link<'_>) {
        match self.manner {
            Manner::Eager | Manner::Breaks => self.say(self.words.len(), link),
            Manner::Careful => self.say(1, link),
            Manner::Slow => {
                self.say(self.words.len(), link);
                link.finish();
                link.after(SLOWLY.0, 0);
            }
            Manner::Shy => link.finish(),
            Manner::Deaf => {
                self.say(self.words.len(), link);
                link.after(PATIENCE, 0);
            }
            Manner::Flees => {
                self.say(self.words.len(), link);
                link.reset();
                self.leave(link);
            }
        }
    }

    fn say(&mut self, n: usize, link: &mut Link<'_>) {
        let next = self.words.len().min(self.sent + n);
        link.send(&self.words[self.sent..next]);
        self.sent = next;
    }

    fn hear(&mut self, most: usize, link: &mut Link<'_>) {
        let bytes = link.read(most);
        let mut fate = self.fate.borrow_mut();
        let expected = self.words.iter().skip(fate.received);
        fate.is_other |= !bytes.iter().eq(expected.take(bytes.len()));
        fate.received += bytes.len();
        let received = fate.received;
        drop(fate);
        match self.manner {
            Manner::Careful if received == self.sent && self.sent < self.words.len() => {
                self.say(1, link);
            }
            Manner::Eager | Manner::Careful if received == self.words.len() => {
                link.finish();
            }
            Manner::Breaks if received > self.words.len() / 2 => {
                link.reset();
                self.leave(link);
            }
            _ => {}
        }
    }

    fn leave(&self, link: &Link<'_>) {
        self.fate.borrow_mut().left = Some(link.now());
    }
}

impl Peer for Client {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match (event, self.manner) {
            (Event::Connected, _) => self.begin(link),
            (Event::Timer(_), Manner::Deaf) => {
                link.reset();
                self.leave(link);
            }
            (Event::Timer(_), _) => {
                self.hear(SLOWLY.1, link);
                link.after(SLOWLY.0, 0);
            }
            (Event::Readable, Manner::Slow | Manner::Deaf) | (Event::Sent, _) => {}
            (Event::Readable, _) => self.hear(usize::MAX, link),
            (Event::Ended, manner) => {
                if manner != Manner::Deaf {
                    self.hear(usize::MAX, link);
                }
                link.close();
                self.leave(link);
            }
            (Event::Broken(_), _) => {
                self.fate.borrow_mut().is_broken = true;
                link.close();
                self.leave(link);
            }
        }
    }
}

impl Watched {
    /// What is wrong with how it was served, if anything is.
    pub(super) fn complaint(&self, right: Right) -> Option<Complaint> {
        let fate = self.fate.borrow().clone();
        let is_excused = fate.is_broken && right == Right::UnlessBroken;
        let lacks = fate.received < self.expects || fate.is_broken;
        let waits = fate.left.is_none_or(|left| left > LONG);
        let is_wrong = fate.is_other
            || right != Right::WhatCame
                && (waits || self.manner.reads_everything() && lacks && !is_excused);
        is_wrong.then_some(Complaint { manner: self.manner, expects: self.expects, fate })
    }
}

/// A client that was not served as it should have been.
#[derive(Debug)]
pub(super) struct Complaint {
    manner: Manner,
    expects: usize,
    fate: Fate,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { manner, expects, fate } = self;
        let received = fate.received;
        write!(f, "a client ({manner:?}) got {received} of {expects} bytes")?;
        if fate.is_other {
            f.write_str(", and not those that it had sent")?;
        }
        if fate.is_broken {
            f.write_str(", and was broken off")?;
        }
        match fate.left {
            Some(left) => write!(f, ", and left after {left:?}"),
            None => f.write_str(", and waits to this day"),
        }
    }
}
