//! The wire: what is on its way, in the order in which it will arrive.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use super::dice::mix;
use super::socket::End;
use crate::timers::Deadline;

/// What travels.
pub(super) enum Parcel {
    /// Somebody wants to connect.
    Syn {
        from: End,
        to: SocketAddr,
    },
    /// The connection is there.
    SynAck {
        to: End,
        peer: End,
    },
    Data {
        from: End,
        to: End,
        bytes: Vec<u8>,
    },
    /// So many bytes were read, and may be sent again.
    Window {
        to: End,
        bytes: usize,
    },
    /// Nothing more will come.
    Fin {
        to: End,
    },
    Broken {
        to: End,
        kind: ErrorKind,
    },
    /// A peer's timer.
    Timer {
        to: End,
        name: u64,
    },
    /// Something to be called.
    Action(Box<dyn FnOnce()>),
}

impl Parcel {
    /// How many bytes it carries.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Data { bytes, .. } => bytes.len(),
            _ => 0,
        }
    }
}

/// Everything that is on its way.
pub(super) struct Wire {
    parcels: BTreeMap<Arrival, Parcel>,
    sent: u64,
    /// Set where what arrives at the same time arrives in any order.
    shuffle: Option<u64>,
}

/// When something arrives. What one end sends arrives in its order, whatever the tie says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Arrival {
    at: Deadline<Duration>,
    tie: u64,
    number: u64,
}

impl Wire {
    pub(super) fn new(shuffle: Option<u64>) -> Self {
        Self { parcels: BTreeMap::new(), sent: 0, shuffle }
    }

    /// Puts a parcel on its way, to arrive `at` that time, or never. `lane` is whose order it
    /// must keep.
    pub(super) fn send(&mut self, at: Option<Duration>, lane: End, parcel: Parcel) {
        self.sent += 1;
        let tie = self.shuffle.map_or(0, |seed| mix(seed ^ mix(lane)));
        self.parcels.insert(Arrival { at: at.into(), tie, number: self.sent }, parcel);
    }

    /// When the next one arrives, if it ever does.
    pub(super) fn next(&self) -> Option<Duration> {
        self.parcels.first_key_value().and_then(|(arrival, _)| arrival.at.time())
    }

    /// The next one that has arrived by `now`.
    pub(super) fn take(&mut self, now: Duration) -> Option<Parcel> {
        let first = self.parcels.first_entry()?;
        (first.key().at <= Deadline::At(now)).then(|| first.remove())
    }
}

impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syn { from, to } => write!(f, "{from} would connect to {to}"),
            Self::SynAck { to, peer } => write!(f, "{to} is connected to {peer}"),
            Self::Data { from, to, bytes } => {
                write!(f, "{to} gets {} bytes of {from}", bytes.len())
            }
            Self::Window { to, bytes } => write!(f, "{to} may send {bytes} more"),
            Self::Fin { to } => write!(f, "{to} gets the end"),
            Self::Broken { to, kind } => write!(f, "{to} breaks: {kind}"),
            Self::Timer { to, name } => write!(f, "{to} hears its timer {name}"),
            Self::Action(_) => f.write_str("an action"),
        }
    }
}
