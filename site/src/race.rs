//! A race over the addresses of a host, as "Happy Eyeballs" runs it (RFC 8305): whose turn it
//! is, and what became of each attempt.
//!
//! Nothing in here connects, and nothing waits: a style begins an attempt when it is told
//! an address, waits as long as it is told, and says how attempts end.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The Connection Attempt Delay that RFC 8305, section 8 recommends.
pub const DELAY: Duration = Duration::from_millis(250);

/// The shortest one that it allows.
pub const SHORTEST_DELAY: Duration = Duration::from_millis(10);

/// The longest one that it recommends.
pub const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// How long a race may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A race to be run, the same for every style; and while it is run, how it stands.
#[derive(Debug)]
pub struct Race {
    /// How long to wait for an attempt before the next one is begun beside it.
    delay: Duration,
    /// How long the race may take, from its beginning.
    pub timeout: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Those that have still to be tried, in order.
    waiting: VecDeque<SocketAddr>,
    /// Those that were, in the order in which they were begun.
    attempts: Vec<Attempt>,
    /// Of what kind the last failure was: whoever loses because of it fails so.
    last: ErrorKind,
}

/// An attempt to connect, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// To where.
    pub address: SocketAddr,
    /// How it ended.
    pub end: End,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not: another one has won, or the time was up. So it is cancelled.
    Cancelled,
    /// Nobody answered there, or somebody refused; in words.
    Failed(String),
    /// It is the one that has won.
    Connected,
}

/// How a race went that somebody won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Won {
    /// Where the winner is connected to.
    pub address: SocketAddr,
    /// All attempts, in the order in which they were begun.
    pub attempts: Vec<Attempt>,
}

impl Race {
    /// A race over `addresses`, in the order of RFC 8305, section 4: the family of the first
    /// begins, and from then on the families take turns. Ten seconds, and a quarter of one
    /// from attempt to attempt.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let state = State {
            waiting: interleaved(addresses),
            attempts: Vec::new(),
            last: ErrorKind::NotConnected,
        };
        Self { delay: DELAY, timeout: TIMEOUT, state: Mutex::new(state) }
    }

    /// Sets the delay from attempt to attempt, within the bounds of RFC 8305, section 8.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay: delay.clamp(SHORTEST_DELAY, LONGEST_DELAY), ..self }
    }

    /// The address to try next, beside those that are being tried. `None`: there is none left.
    pub fn next(&self) -> Option<SocketAddr> {
        let mut state = self.state();
        let address = state.waiting.pop_front()?;
        state.attempts.push(Attempt { address, end: End::Cancelled });
        Some(address)
    }

    /// How long to wait for an attempt to end before the next is begun. It is for ever if
    /// there is no next one.
    pub fn patience(&self) -> Duration {
        if self.state().waiting.is_empty() { Duration::MAX } else { self.delay }
    }

    /// How many addresses have still to be tried.
    pub fn left(&self) -> u32 {
        u32::try_from(self.state().waiting.len()).unwrap_or(u32::MAX - 1)
    }

    /// An attempt has ended: gives the connection, if it is one, and the race is won.
    pub fn record<T, E: Into<io::Error>>(
        &self,
        address: SocketAddr,
        connected: Result<T, E>,
    ) -> Option<T> {
        let connected = connected.map_err(Into::into);
        let mut state = self.state();
        let end = match &connected {
            Ok(_) => End::Connected,
            Err(error) => {
                state.last = error.kind();
                End::Failed(error.to_string())
            }
        };
        let is_it = |it: &&mut Attempt| it.address == address;
        if let Some(attempt) = state.attempts.iter_mut().find(is_it) {
            attempt.end = end;
        }
        connected.ok()
    }

    /// Whether every address was tried, and has failed.
    pub fn is_lost(&self) -> bool {
        let state = self.state();
        let failed = |it: &Attempt| matches!(it.end, End::Failed(_));
        state.waiting.is_empty() && state.attempts.iter().all(failed)
    }

    /// What there is to say of a race that was won by the attempt at `address`.
    pub fn won(&self, address: SocketAddr) -> Won {
        Won { address, attempts: self.state().attempts.clone() }
    }

    /// Why a race is lost: what became of each attempt, in the order in which they were begun.
    /// It is an error of the kind of the last one.
    pub fn lost(&self) -> io::Error {
        let last = self.state().last;
        self.error(last, "no address could be reached")
    }

    /// Why a race is over that nobody has won in time.
    pub fn timed_out(&self) -> io::Error {
        self.error(ErrorKind::TimedOut, "no address answered in time")
    }

    fn error(&self, kind: ErrorKind, what: &str) -> io::Error {
        let attempts = &self.state().attempts;
        let told: Vec<_> = attempts.iter().map(ToString::to_string).collect();
        let colon = if told.is_empty() { "" } else { ": " };
        io::Error::new(kind, format!("{what}{colon}{}", told.join("; ")))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each address once, the families in turn.
fn interleaved(addresses: impl IntoIterator<Item = SocketAddr>) -> VecDeque<SocketAddr> {
    let mut families: [VecDeque<SocketAddr>; 2] = Default::default();
    let mut first = None;
    for address in addresses {
        let is_first = *first.get_or_insert(address.is_ipv6()) == address.is_ipv6();
        let family = &mut families[usize::from(!is_first)];
        if !family.contains(&address) {
            family.push_back(address);
        }
    }
    let [mut first, mut second] = families;
    let mut all = VecDeque::new();
    while !(first.is_empty() && second.is_empty()) {
        all.extend(first.pop_front().into_iter().chain(second.pop_front()));
    }
    all
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, end } = self;
        match end {
            End::Cancelled => write!(f, "{address} cancelled, it has not answered"),
            End::Failed(why) => write!(f, "{address} failed, {why}"),
            End::Connected => write!(f, "{address} connected"),
        }
    }
}

/// A line an attempt, in the order in which they were begun.
impl fmt::Display for Won {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.attempts.iter().try_for_each(|attempt| writeln!(f, "{attempt}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    fn all(addresses: &[&str]) -> Vec<String> {
        let race = Race::new(addresses.iter().map(|it| at(it)));
        std::iter::from_fn(|| race.next()).map(|it| it.to_string()).collect()
    }

    #[test]
    fn families_take_turns_and_that_of_the_first_address_begins() {
        let six_first = ["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1", "10.0.0.2:1"];
        assert_eq!(
            all(&six_first),
            ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "[::3]:1"]
        );
        let four_first = ["10.0.0.1:1", "[::1]:1", "10.0.0.2:1", "10.0.0.1:1"];
        assert_eq!(all(&four_first), ["10.0.0.1:1", "[::1]:1", "10.0.0.2:1"]);
        assert_eq!(all(&[]), [""; 0]);
    }

    #[test]
    fn a_delay_stays_within_its_bounds() {
        let patience = |millis| {
            let race = Race::new([at("10.0.0.1:1")]);
            race.with_delay(Duration::from_millis(millis)).patience()
        };
        assert_eq!(patience(0), SHORTEST_DELAY);
        assert_eq!(patience(100), Duration::from_millis(100));
        assert_eq!(patience(9999), LONGEST_DELAY);
        assert_eq!(Race::new([at("10.0.0.1:1")]).patience(), DELAY);
    }

    #[test]
    fn it_is_known_how_many_have_still_to_be_tried() {
        let race = Race::new([at("10.0.0.1:1"), at("10.0.0.2:1"), at("10.0.0.3:1")]);
        for left in [3, 2, 1] {
            assert_eq!(race.left(), left);
            race.next().expect("there is one");
        }
        assert_eq!(race.left(), 0);
    }

    #[test]
    fn behind_the_last_address_there_is_nothing_to_hurry_for() {
        let race = Race::new([at("10.0.0.1:1")]);
        assert!(race.next().is_some() && race.next().is_none());
        assert_eq!(race.patience(), Duration::MAX);
    }

    #[test]
    fn a_race_is_lost_once_all_have_failed_and_says_how_in_order() {
        let race = Race::new([at("10.0.0.1:1"), at("10.0.0.2:1")]);
        let (first, second) = (race.next().expect("two"), race.next().expect("two"));
        let failed = |kind| Err::<(), _>(io::Error::from(kind));
        assert_eq!(race.record(second, failed(ErrorKind::ConnectionRefused)), None);
        assert!(!race.is_lost(), "one of them is still under way");
        assert_eq!(race.record(first, failed(ErrorKind::HostUnreachable)), None);
        assert!(race.is_lost());
        let lost = race.lost();
        assert_eq!(
            lost.to_string(),
            "no address could be reached: 10.0.0.1:1 failed, host unreachable; \
             10.0.0.2:1 failed, connection refused"
        );
        assert_eq!(lost.kind(), ErrorKind::HostUnreachable, "the last to fail");
        let nobody = Race::new([]);
        assert!(nobody.is_lost(), "there is nobody to win");
        assert_eq!(nobody.lost().kind(), ErrorKind::NotConnected);
    }

    #[test]
    fn whoever_has_not_ended_when_somebody_wins_is_cancelled() {
        let race = Race::new([at("10.0.0.1:1"), at("10.0.0.2:1"), at("10.0.0.3:1")]);
        let (_, second) = (race.next(), race.next().expect("three"));
        assert_eq!(race.record(second, Ok::<_, io::Error>("stream")), Some("stream"));
        assert_eq!(
            race.won(second).to_string(),
            "10.0.0.1:1 cancelled, it has not answered\n10.0.0.2:1 connected\n",
            "the third has not begun"
        );
    }
}
