//! The network: who is connected, and what happens when something arrives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::dice::Dice;
use super::peer::Event as Told;
use super::socket::{End, Owner, Socket, State};
use super::tally::Tally;
use super::weather::Weather;
use super::wire::{Parcel, Wire};
use crate::backend::{Event, Token};
use crate::waiting::Direction;

/// What a wait with nothing to wait for costs: a program that only yields must not stop the
/// clock.
const A_LOOK: Duration = Duration::from_micros(1);

/// The lane of what keeps no order with anything.
const NOBODY: End = 0;

pub(super) struct Network {
    start: Instant,
    now: Duration,
    dice: Dice,
    weather: Weather,
    /// The last end, or port, that was given away.
    last: u64,
    sockets: BTreeMap<End, Socket>,
    listeners: BTreeMap<SocketAddr, Listening>,
    black_holes: BTreeSet<SocketAddr>,
    /// How much longer the first segment travels to there. Filled by `Sim::far`.
    far: BTreeMap<SocketAddr, Duration>,
    wire: Wire,
    /// Filled by arrivals, emptied by `report`.
    ready: Vec<Event>,
    /// When it was last asked whether to wake somebody for nothing.
    was_spurious: Option<Duration>,
    /// What peers have to be told.
    pub(super) told: VecDeque<(End, Told)>,
    pub(super) tally: Tally,
    /// How often the program may ask for each thing that gets done.
    pub(super) patience: u64,
    pub(super) story: Vec<String>,
}

/// Who listens at an address.
enum Listening {
    /// The program, and who has come.
    Program { token: Token, backlog: VecDeque<End>, waits: bool },
    /// Peers, one for each who comes.
    Peers,
}

impl Network {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let mut dice = Dice::new(seed);
        let shuffle = weather.shuffle.then(|| dice.roll());
        Self {
            start: Instant::now(),
            now: Duration::ZERO,
            dice,
            weather,
            last: 0,
            sockets: BTreeMap::new(),
            listeners: BTreeMap::new(),
            black_holes: BTreeSet::new(),
            far: BTreeMap::new(),
            wire: Wire::new(shuffle),
            ready: Vec::new(),
            was_spurious: None,
            told: VecDeque::new(),
            tally: Tally::default(),
            patience: u64::MAX,
            story: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn instant(&self) -> Instant {
        self.start + self.now
    }

    /// When `delay` will have passed, unless that is never.
    fn after(&self, delay: Duration) -> Option<Duration> {
        self.can_show(self.now.saturating_add(delay))
    }

    /// That time, if a clock can show it. `None` is never.
    fn can_show(&self, at: Duration) -> Option<Duration> {
        self.start.checked_add(at).map(|_| at)
    }

    pub(super) fn black_hole(&mut self, address: SocketAddr) {
        self.black_holes.insert(address);
    }

    pub(super) fn far(&mut self, address: SocketAddr, longer: Duration) {
        self.far.insert(address, longer);
    }

    /// How many sockets the program has.
    pub(super) fn open_sockets(&self) -> usize {
        let is_ours = |socket: &&Socket| matches!(socket.owner, Owner::Program(_));
        let listens = |it: &&Listening| matches!(it, Listening::Program { .. });
        self.sockets.values().filter(is_ours).count()
            + self.listeners.values().filter(listens).count()
    }

    fn has_opened(&mut self) {
        self.tally.open = self.tally.open.max(self.open_sockets());
    }

    fn take_descriptor(&self) -> io::Result<()> {
        if self.open_sockets() < self.weather.descriptors {
            return Ok(());
        }
        Err(io::Error::other("too many open files (as simulated)"))
    }

    pub(super) fn listen(
        &mut self,
        token: Token,
        mut address: SocketAddr,
    ) -> io::Result<SocketAddr> {
        self.take_descriptor()?;
        if address.port() == 0 {
            address.set_port(self.port());
        }
        if self.listeners.contains_key(&address) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let program =
            Listening::Program { token, backlog: VecDeque::new(), waits: false };
        self.listeners.insert(address, program);
        self.has_opened();
        Ok(address)
    }

    /// Says whether the address was free.
    pub(super) fn serve(&mut self, address: SocketAddr) -> bool {
        self.listeners.insert(address, Listening::Peers).is_none()
    }

    pub(super) fn connect(&mut self, token: Token, to: SocketAddr) -> io::Result<End> {
        self.take_descriptor()?;
        let end = self.begin_to_connect(Duration::ZERO, Owner::Program(token), to);
        self.has_opened();
        Ok(end)
    }

    pub(super) fn connect_peer(&mut self, delay: Duration, to: SocketAddr) -> End {
        self.begin_to_connect(delay, Owner::Peer, to)
    }

    fn begin_to_connect(&mut self, delay: Duration, owner: Owner, to: SocketAddr) -> End {
        let local = SocketAddr::new(here(to), self.port());
        let from = self.add(Socket::new(owner, local, to, None));
        let longer = self.far.get(&to).copied().unwrap_or_default();
        let delay = delay.saturating_add(longer);
        self.send_after(delay, from, Parcel::Syn { from, to });
        from
    }

    /// The address at which a program's listener has its backlog.
    pub(super) fn accept(&mut self, at: SocketAddr, token: Token) -> io::Result<End> {
        self.attempt()?;
        let has_descriptor = self.take_descriptor();
        let Some(Listening::Program { backlog, waits, .. }) = self.listeners.get_mut(&at)
        else {
            return Err(ErrorKind::InvalidInput.into());
        };
        if backlog.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        if let Err(none_left) = has_descriptor {
            // So they wait for that, and not for the program.
            let waiting = backlog.clone();
            waiting.iter().for_each(|end| self.socket(*end).due = [None; 2]);
            return Err(none_left);
        }
        *waits = false;
        let end = backlog.pop_front().expect("it is not empty");
        self.tried(end, Direction::Read);
        self.socket(end).owner = Owner::Program(token);
        self.has_opened();
        self.report_what_is_ready(end);
        Ok(end)
    }

    pub(super) fn read(&mut self, end: End, buffer: &mut [u8]) -> io::Result<usize> {
        self.attempt()?;
        self.tried(end, Direction::Read);
        let there = self.socket(end).readable();
        let n = self.note(end, Direction::Read, there)?.min(buffer.len());
        let n = self.moves(n);
        for (place, byte) in buffer.iter_mut().zip(self.socket(end).inbox.drain(..n)) {
            *place = byte;
        }
        self.tally.bytes += n as u64;
        self.give_room(end, n);
        self.read_is_due(end);
        Ok(n)
    }

    pub(super) fn write(&mut self, end: End, bytes: &[u8]) -> io::Result<usize> {
        self.attempt()?;
        self.tried(end, Direction::Write);
        let window = self.weather.window;
        let there = self.socket(end).writable(window);
        let (room, peer) = self.note(end, Direction::Write, there)?;
        let n = self.moves(room.min(bytes.len()));
        self.tally.bytes += n as u64;
        if self.dice.happens(self.weather.reset, 10_000) {
            self.tally.broken += 1;
            self.break_both(end, peer);
        } else {
            self.send_bytes(end, peer, &bytes[..n]);
        }
        Ok(n)
    }

    pub(super) fn connected(&mut self, end: End) -> io::Result<()> {
        self.attempt()?;
        self.tried(end, Direction::Write);
        let there = self.socket(end).connected();
        self.note(end, Direction::Write, there)
    }

    /// Nothing more will be written.
    pub(super) fn finish(&mut self, end: End) -> io::Result<()> {
        let socket = self.socket(end);
        let peer = socket.peer.ok_or(ErrorKind::NotConnected)?;
        if !mem::replace(&mut socket.is_finished, true) && socket.outbox.is_empty() {
            self.send(end, Parcel::Fin { to: peer });
        }
        Ok(())
    }

    /// Closes an end. Whoever has not read everything resets the connection, as the kernel
    /// does.
    pub(super) fn close(&mut self, end: End) {
        let Some(socket) = self.sockets.get(&end) else { return };
        let is_broken = matches!(socket.state, State::Broken(_));
        let (peer, unread) = (socket.peer, !socket.inbox.is_empty());
        if let (Some(to), false) = (peer, is_broken) {
            if unread {
                self.send(end, Parcel::Broken { to, kind: ErrorKind::ConnectionReset });
            } else if !self.socket(end).is_finished {
                self.send(end, Parcel::Fin { to });
            }
        }
        self.tried(end, Direction::Read);
        self.tried(end, Direction::Write);
        self.sockets.remove(&end);
    }

    pub(super) fn close_listener(&mut self, address: SocketAddr) {
        if let Some(Listening::Program { backlog, .. }) = self.listeners.remove(&address)
        {
            backlog.into_iter().for_each(|end| self.reset(end));
        }
    }

    /// Breaks a connection off.
    pub(super) fn reset(&mut self, end: End) {
        if let Some(to) = self.sockets.get(&end).and_then(|socket| socket.peer) {
            self.send(end, Parcel::Broken { to, kind: ErrorKind::ConnectionReset });
        }
        self.sockets.remove(&end);
    }

    /// A peer sends: what does not fit waits until there is room.
    pub(super) fn queue(&mut self, end: End, bytes: &[u8]) {
        if let Some(socket) = self.sockets.get_mut(&end) {
            socket.outbox.extend(bytes);
            self.drain(end);
        }
    }

    pub(super) fn unsent(&self, end: End) -> usize {
        self.sockets.get(&end).map_or(0, |socket| socket.outbox.len())
    }

    /// A peer reads: at most so many bytes.
    pub(super) fn take(&mut self, end: End, most: usize) -> Vec<u8> {
        let Some(socket) = self.sockets.get_mut(&end) else { return Vec::new() };
        let n = socket.inbox.len().min(most);
        let bytes = socket.inbox.drain(..n).collect();
        self.give_room(end, n);
        bytes
    }

    pub(super) fn set_timer(&mut self, end: End, delay: Duration, name: u64) {
        let at = self.after(delay);
        self.wire.send(at, end, Parcel::Timer { to: end, name });
    }

    pub(super) fn post(&mut self, delay: Duration, parcel: Parcel) {
        let at = self.after(delay);
        self.wire.send(at, NOBODY, parcel);
    }

    pub(super) fn local_addr(&mut self, end: End) -> SocketAddr {
        self.socket(end).local
    }

    pub(super) fn peer_addr(&mut self, end: End) -> SocketAddr {
        self.socket(end).remote
    }

    pub(super) fn is_open(&self, end: End) -> bool {
        self.sockets.contains_key(&end)
    }

    /// Somebody waits for a direction of a socket.
    ///
    /// # Panics
    ///
    /// Panics when it has not been told to: it may miss what was there all the time.
    pub(super) fn arm(&mut self, token: Token, direction: Direction) {
        let of_token = |socket: &&mut Socket| socket.owner == Owner::Program(token);
        if let Some(socket) = self.sockets.values_mut().find(of_token) {
            assert!(
                socket.told_to_wait[direction as usize],
                "wait_for({direction:?}) without an attempt that said WouldBlock: try first"
            );
            socket.waits[direction as usize] = true;
            return;
        }
        for listening in self.listeners.values_mut() {
            if let Listening::Program { token: it, waits, .. } = listening {
                *waits |= *it == token;
            }
        }
    }

    /// Gives the time until which to wait.
    pub(super) fn begin_wait(
        &mut self,
        timeout: Option<Duration>,
    ) -> io::Result<Option<Duration>> {
        self.tally.waits += 1;
        self.tally.within(self.patience)?;
        if timeout == Some(Duration::ZERO) {
            self.now = self.after(A_LOOK).unwrap_or(self.now);
        }
        Ok(timeout.and_then(|timeout| self.after(timeout)))
    }

    /// When something arrives next, if anything is on its way.
    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.wire.next()
    }

    /// Goes to the next arrival, but not beyond `deadline`. `false`: there is nothing.
    pub(super) fn jump(&mut self, deadline: Option<Duration>) -> bool {
        let Some(next) = self.next_arrival().into_iter().chain(deadline).min() else {
            return false;
        };
        self.now = self.now.max(next);
        true
    }

    /// Whatever should have arrived by now arrives, up to an action, which is for the caller.
    pub(super) fn deliver(&mut self) -> Option<Box<dyn FnOnce()>> {
        while let Some(parcel) = self.wire.take(self.now) {
            self.tally.arrivals += 1;
            self.story.push(format!("{:?} {parcel}", self.now));
            match parcel {
                Parcel::Action(action) => return Some(action),
                parcel => self.arrive(parcel),
            }
        }
        None
    }

    /// Tells what has happened to the program's sockets. `false`: nothing.
    pub(super) fn report(&mut self, events: &mut Vec<Event>) -> bool {
        if self.weather.shuffle {
            self.dice.shuffle(&mut self.ready);
        }
        events.append(&mut self.ready);
        !events.is_empty()
    }

    /// Perhaps somebody is woken for nothing: once at any time, or time would stand still.
    pub(super) fn maybe_spurious(&mut self) {
        if self.was_spurious.replace(self.now) == Some(self.now) {
            return;
        }
        if self.dice.happens(self.weather.spurious, 100) {
            let is_ours = |socket: &Socket| matches!(socket.owner, Owner::Program(_));
            let ours = self.sockets.iter().filter(|(_, socket)| is_ours(socket));
            let ours: Vec<_> = ours.map(|(end, _)| *end).collect();
            if !ours.is_empty() {
                let chosen = ours[self.dice.below(ours.len())];
                self.wake(chosen, true, true);
            }
        }
    }

    /// Who waits for what, for when nobody ever will be woken.
    pub(super) fn who_waits(&self) -> String {
        let sockets = self.sockets.values().filter(|it| it.owner != Owner::Peer);
        let mut waits: Vec<_> = sockets.filter_map(Socket::waits_for).collect();
        for (address, listening) in &self.listeners {
            if matches!(listening, Listening::Program { waits: true, .. }) {
                waits.push(format!("{address} waits for somebody to connect"));
            }
        }
        if waits.is_empty() {
            waits.push("no socket is waited for, and no timer is set".to_owned());
        }
        format!("everybody waits, and nothing is on its way: {}", waits.join("; "))
    }

    fn arrive(&mut self, parcel: Parcel) {
        match parcel {
            Parcel::Syn { from, to } => self.arrive_syn(from, to),
            Parcel::SynAck { to, peer } => match self.sockets.get_mut(&to) {
                Some(socket) => {
                    socket.state = State::Open;
                    socket.peer = Some(peer);
                    self.happened(to, Told::Connected, false, true);
                }
                // It did not wait for the answer.
                None => self.post_broken(peer),
            },
            Parcel::Data { from, to, bytes } => match self.sockets.get_mut(&to) {
                // What comes behind a reset is lost.
                Some(Socket { state: State::Broken(_), .. }) => {}
                Some(socket) => {
                    socket.inbox.extend(bytes);
                    self.happened(to, Told::Readable, true, false);
                }
                None => self.post_broken(from),
            },
            Parcel::Window { to, bytes } => self.arrive_window(to, bytes),
            Parcel::Fin { to } => {
                if let Some(socket) = self.sockets.get_mut(&to) {
                    socket.is_ended = true;
                    self.happened(to, Told::Ended, true, false);
                }
            }
            Parcel::Broken { to, kind } => {
                if let Some(socket) = self.sockets.get_mut(&to) {
                    socket.state = State::Broken(kind);
                    socket.inbox.clear();
                    self.happened(to, Told::Broken(kind), true, true);
                }
            }
            Parcel::Timer { to, name } => self.told.push_back((to, Told::Timer(name))),
            Parcel::Action(_) => unreachable!("the caller has it"),
        }
    }

    fn arrive_syn(&mut self, from: End, to: SocketAddr) {
        let Some(client) = self.sockets.get(&from) else { return };
        let remote = client.local;
        if self.black_holes.contains(&to) {
            return;
        }
        let Some(listening) = self.listeners.get(&to) else {
            let kind = ErrorKind::ConnectionRefused;
            return self.send(from, Parcel::Broken { to: from, kind });
        };
        let owner = match listening {
            Listening::Program { .. } => Owner::Backlog,
            Listening::Peers => Owner::Peer,
        };
        let server = self.add(Socket::new(owner, to, remote, Some(from)));
        if owner == Owner::Backlog && self.take_descriptor().is_ok() {
            self.socket(server).due[Direction::Read as usize] = Some(self.now);
        }
        self.send(server, Parcel::SynAck { to: from, peer: server });
        match self.listeners.get_mut(&to) {
            Some(Listening::Program { token, backlog, .. }) => {
                backlog.push_back(server);
                let (readable, writable, closed) = (true, false, false);
                self.ready.push(Event { token: *token, readable, writable, closed });
            }
            _ => self.told.push_back((server, Told::Connected)),
        }
    }

    fn arrive_window(&mut self, to: End, bytes: usize) {
        if let Some(socket) = self.sockets.get_mut(&to) {
            socket.unread -= bytes;
            self.drain(to);
            self.happened(to, Told::Sent, false, true);
        }
    }

    /// Tells whoever holds an end what happened to it.
    fn happened(&mut self, end: End, told: Told, readable: bool, writable: bool) {
        if self.socket(end).owner == Owner::Peer {
            self.told.push_back((end, told));
        } else {
            self.wake(end, readable, writable);
        }
    }

    fn wake(&mut self, end: End, readable: bool, writable: bool) {
        let (now, window) = (self.now, self.weather.window);
        let socket = self.socket(end);
        if let Owner::Program(token) = socket.owner {
            if writable && socket.waits[1] && socket.is_ready(Direction::Write, window) {
                socket.due[1].get_or_insert(now);
            }
            for (direction, happened) in [(0, readable), (1, writable)] {
                socket.told_to_wait[direction] &= !happened;
                socket.waits[direction] &= !happened;
            }
            self.ready.push(Event { token, readable, writable, closed: false });
            self.read_is_due(end);
        }
    }

    /// The program asks for something.
    fn attempt(&mut self) -> io::Result<()> {
        self.tally.attempts += 1;
        self.tally.within(self.patience)
    }

    /// The program looks after a socket, or closes it: how long was that due?
    fn tried(&mut self, end: End, direction: Direction) {
        let due = self.socket(end).due[direction as usize].take();
        self.tally
            .neglected(due.map_or(Duration::ZERO, |due| self.now.saturating_sub(due)));
    }

    /// Somebody should read, if there is something to read. Whose writes are held up has a
    /// reason not to.
    fn read_is_due(&mut self, end: End) {
        let (now, window) = (self.now, self.weather.window);
        let socket = self.socket(end);
        let is_held_up = socket.told_to_wait[1];
        if !is_held_up && socket.is_ready(Direction::Read, window) {
            socket.due[0].get_or_insert(now);
        }
    }

    /// Tells a socket's new owner what is there already, as a selector does when a socket is
    /// registered.
    fn report_what_is_ready(&mut self, end: End) {
        let window = self.weather.window;
        let socket = self.socket(end);
        let readable = socket.is_ready(Direction::Read, window);
        let writable = socket.is_ready(Direction::Write, window);
        if readable || writable {
            self.wake(end, readable, writable);
        }
    }

    /// Remembers who was told to wait.
    fn note<R>(
        &mut self,
        end: End,
        direction: Direction,
        attempt: io::Result<R>,
    ) -> io::Result<R> {
        let would_block =
            matches!(&attempt, Err(error) if error.kind() == ErrorKind::WouldBlock);
        let socket = self.socket(end);
        socket.told_to_wait[direction as usize] = would_block;
        if would_block && direction == Direction::Write {
            socket.due[0] = None;
        }
        attempt
    }

    /// Sends as much of a peer's outbox as there is room for, and then the end, if that was
    /// asked for.
    fn drain(&mut self, end: End) {
        let window = self.weather.window;
        let socket = self.socket(end);
        if socket.outbox.is_empty() {
            return;
        }
        let Some(peer) = socket.peer.filter(|_| socket.state == State::Open) else {
            return;
        };
        let n = window.saturating_sub(socket.unread).min(socket.outbox.len());
        let bytes: Vec<_> = socket.outbox.drain(..n).collect();
        let is_done = socket.outbox.is_empty() && socket.is_finished;
        self.send_bytes(end, peer, &bytes);
        if is_done {
            self.send(end, Parcel::Fin { to: peer });
        }
    }

    /// Bytes have been read: the other end may send as many again.
    fn give_room(&mut self, end: End, bytes: usize) {
        if let (Some(to), true) = (self.socket(end).peer, bytes > 0) {
            self.send(end, Parcel::Window { to, bytes });
        }
    }

    fn send_bytes(&mut self, from: End, to: End, mut bytes: &[u8]) {
        self.socket(from).unread += bytes.len();
        while !bytes.is_empty() {
            let is_split = self.dice.happens(self.weather.split, 100);
            let n = if is_split { self.dice.some_of(bytes.len()) } else { bytes.len() };
            let (segment, rest) = bytes.split_at(n);
            self.send(from, Parcel::Data { from, to, bytes: segment.to_vec() });
            bytes = rest;
        }
    }

    fn break_both(&mut self, one: End, other: End) {
        let kind = ErrorKind::ConnectionReset;
        self.send(one, Parcel::Broken { to: other, kind });
        self.send(other, Parcel::Broken { to: one, kind });
    }

    /// Nobody is at home any more where something was sent to.
    fn post_broken(&mut self, to: End) {
        let kind = ErrorKind::ConnectionReset;
        self.send(to, Parcel::Broken { to, kind });
    }

    fn send(&mut self, from: End, parcel: Parcel) {
        self.send_after(Duration::ZERO, from, parcel);
    }

    /// Puts something on the wire. What one end sends does not overtake itself.
    fn send_after(&mut self, delay: Duration, from: End, parcel: Parcel) {
        let mut travels = delay.saturating_add(self.dice.between(&self.weather.latency));
        if self.dice.happens(self.weather.hold, 100) {
            travels = travels.saturating_add(self.dice.between(&self.weather.latency));
        }
        let loads = self.weather.loads(parcel.len());
        let mut at = self.now.saturating_add(loads).saturating_add(travels);
        if let Some(socket) = self.sockets.get_mut(&from) {
            socket.line_free = self.now.max(socket.line_free).saturating_add(loads);
            at = socket.last_arrival.max(socket.line_free.saturating_add(travels));
            socket.last_arrival = at;
        }
        self.wire.send(self.can_show(at), from, parcel);
    }

    /// How much of `n` bytes moves this time.
    fn moves(&mut self, n: usize) -> usize {
        let is_short = self.dice.happens(self.weather.short, 100);
        if is_short { self.dice.some_of(n) } else { n }
    }

    fn add(&mut self, socket: Socket) -> End {
        self.last += 1;
        self.sockets.insert(self.last, socket);
        self.last
    }

    fn socket(&mut self, end: End) -> &mut Socket {
        self.sockets.get_mut(&end).expect("whoever holds an end has not closed it")
    }

    fn port(&mut self) -> u16 {
        self.last += 1;
        49_152 + u16::try_from(self.last % 16_384).expect("it is below 16,384")
    }
}

/// Where whoever connects to `there` is.
fn here(there: SocketAddr) -> IpAddr {
    if there.ip().is_loopback() { there.ip() } else { Ipv4Addr::new(10, 0, 0, 9).into() }
}
