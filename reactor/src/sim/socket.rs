//! A socket: one end of a connection, whoever holds it.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use crate::backend::Token;
use crate::waiting::Direction;

/// Names an end.
pub(super) type End = u64;

/// One end of a connection.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) owner: Owner,
    /// The other end. `None` before the connection is there.
    pub(super) peer: Option<End>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: State,
    /// Filled by what arrives, emptied by reads.
    pub(super) inbox: VecDeque<u8>,
    /// Set when the end has arrived behind the bytes.
    pub(super) is_ended: bool,
    /// Set by a shutdown: nothing more will be written.
    pub(super) is_finished: bool,
    /// Bytes that were written and that the other end has not read.
    pub(super) unread: usize,
    /// What a peer wants to send once there is room.
    pub(super) outbox: VecDeque<u8>,
    /// Who was told `WouldBlock` and has not been told otherwise.
    pub(super) told_to_wait: [bool; 2],
    /// Who waits for that.
    pub(super) waits: [bool; 2],
    /// Since when there is something to do for it that the program has not tried.
    pub(super) due: [Option<Duration>; 2],
    /// When everything that it sent is on its way.
    pub(super) line_free: Duration,
    /// When the last thing that it sent arrives: nothing overtakes it.
    pub(super) last_arrival: Duration,
}

/// Who holds an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The program, by this token.
    Program(Token),
    /// Nobody yet: it has not been accepted.
    Backlog,
    /// A peer in the network.
    Peer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Connecting,
    Open,
    Broken(ErrorKind),
}

impl Socket {
    pub(super) fn new(
        owner: Owner,
        local: SocketAddr,
        remote: SocketAddr,
        peer: Option<End>,
    ) -> Self {
        let state = if peer.is_some() { State::Open } else { State::Connecting };
        Self {
            owner,
            peer,
            local,
            remote,
            state,
            inbox: VecDeque::new(),
            is_ended: false,
            is_finished: false,
            unread: 0,
            outbox: VecDeque::new(),
            // Whoever connects knows that it has to wait.
            told_to_wait: [false, state == State::Connecting],
            waits: [false; 2],
            due: [None; 2],
            line_free: Duration::ZERO,
            last_arrival: Duration::ZERO,
        }
    }

    /// How much a read finds, or why there is none. Zero bytes are the end.
    pub(super) fn readable(&self) -> io::Result<usize> {
        match self.state {
            State::Broken(kind) => Err(kind.into()),
            _ if !self.inbox.is_empty() => Ok(self.inbox.len()),
            _ if self.is_ended => Ok(0),
            _ => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// How much a write finds room for, and who gets it.
    pub(super) fn writable(&self, window: usize) -> io::Result<(usize, End)> {
        match (self.state, self.peer) {
            (State::Broken(ErrorKind::ConnectionReset), _) => {
                Err(ErrorKind::BrokenPipe.into())
            }
            (State::Broken(kind), _) => Err(kind.into()),
            (State::Connecting, _) => Err(ErrorKind::WouldBlock.into()),
            (State::Open, Some(peer)) if !self.is_finished => {
                match window.saturating_sub(self.unread) {
                    0 => Err(ErrorKind::WouldBlock.into()),
                    room => Ok((room, peer)),
                }
            }
            (State::Open, _) => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    pub(super) fn connected(&self) -> io::Result<()> {
        match self.state {
            State::Connecting => Err(ErrorKind::WouldBlock.into()),
            State::Open => Ok(()),
            State::Broken(kind) => Err(kind.into()),
        }
    }

    /// Whether a direction is worth trying at this moment.
    pub(super) fn is_ready(&self, direction: Direction, window: usize) -> bool {
        let attempt = match direction {
            Direction::Read => self.readable().map(drop),
            Direction::Write => self.writable(window).map(drop),
        };
        !matches!(attempt, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// What it waits for, in words: for somebody who asks why nothing goes on.
    pub(super) fn waits_for(&self) -> Option<String> {
        let Self { local, remote, .. } = self;
        let what = match (self.state, self.waits) {
            (_, [false, false]) => return None,
            (State::Connecting, _) => "to be connected".to_owned(),
            (_, [true, false]) => "to read".to_owned(),
            (_, [false, true]) => {
                format!("to write, {} bytes being unread at the other end", self.unread)
            }
            (_, [true, true]) => "to read and to write".to_owned(),
        };
        Some(format!("{local} -> {remote} waits {what}"))
    }
}
