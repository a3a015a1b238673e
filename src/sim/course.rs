//! The course of a race: a few addresses that answer, refuse or keep silent, each in its own
//! time, as a seed has it; and how a race over them has to end.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::iter;
use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use reactor::sim::{Event, Link, Peer, Sim};
use site::race::TIMEOUT;
use site::{Race, Won};

use super::mixed;

/// How many addresses a host has at most.
const MOST: u64 = 5;

/// How long a segment travels there and back.
const THERE_AND_BACK: Duration = Duration::from_millis(2);

/// What a host takes is a few of these and one of 2, 4, 8, 16 and 32 ms that no other takes. So
/// no two attempts end at once, whichever of them had to wait for which, nor does one when the
/// next is due; and the order of a race is never left to chance.
const STEP: Duration = Duration::from_millis(64);

/// How long an attempt has before the next one is begun beside it.
const DELAY: Duration = Duration::from_millis(4 * 64);

/// Those who are raced to, in the order in which they are to be tried.
pub(super) struct Course(Vec<Entrant>);

/// One of them: an address, and what it is like there.
#[derive(Clone, Copy, Debug)]
struct Entrant {
    address: SocketAddr,
    does: Does,
    /// How long an attempt takes there, from its beginning to its end, if it has one.
    takes: Duration,
}

/// What happens at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Answer,
    Refuse,
    KeepSilent,
}

/// How a race has to end.
pub(super) struct Ending {
    /// Who wins, and what becomes of the others; or why nobody does.
    pub(super) end: io::Result<Won>,
    /// When.
    pub(super) took: Duration,
    /// How many attempts are under way at once.
    pub(super) most: usize,
}

impl Course {
    /// One to five addresses. Two in five are good; of the others, half never answer.
    pub(super) fn drawn(seed: u64) -> Self {
        let numbers = 1..=1 + (mixed(seed, 0) >> 40) % MOST;
        let race = Race::new(numbers.map(|n| numbered(n, mixed(seed, n) >> 63 == 0)));
        let in_order = iter::from_fn(|| race.next());
        Self((0..).zip(in_order).map(|(n, it)| Entrant::drawn(it, n, seed)).collect())
    }

    /// The same three each time: nobody answers, nobody is at home, somebody is.
    pub(super) fn short() -> Self {
        let all = [Does::KeepSilent, Does::Refuse, Does::Answer];
        let address = |(n, does)| Entrant {
            address: numbered(n, false),
            does,
            takes: THERE_AND_BACK,
        };
        Self((1..).zip(all).map(address).collect())
    }

    /// Puts everybody in their place.
    pub(super) fn lay(&self, sim: &Sim) {
        for Entrant { address, does, takes } in self.0.iter().copied() {
            sim.far(address, takes.saturating_sub(THERE_AND_BACK));
            match does {
                Does::Answer => sim.serve(address, || Box::new(Host)),
                Does::KeepSilent => sim.black_hole(address),
                Does::Refuse => {}
            }
        }
    }

    /// A race over it, with an end that comes when nothing else does.
    pub(super) fn race(&self) -> Race {
        let mut race = Race::new(self.0.iter().map(|it| it.address)).with_delay(DELAY);
        race.timeout = TIMEOUT + Duration::from_millis(1);
        race
    }

    /// What RFC 8305, section 5 makes of it: the next attempt begins when one has failed, or
    /// after the delay; whoever is connected first has won.
    pub(super) fn ending(&self) -> Ending {
        let (race, mut now, mut most) = (self.race(), Duration::ZERO, 0);
        let (mut ends, mut under_way) = (BTreeMap::new(), 0);
        let mut hosts = self.0.iter();
        loop {
            if let Some(host) = race.next().and(hosts.next()) {
                under_way += 1;
                if host.does != Does::KeepSilent {
                    ends.insert(now + host.takes, host);
                }
            }
            most = most.max(under_way);
            let next = now.saturating_add(race.patience());
            let first = ends.keys().next().copied().unwrap_or(Duration::MAX);
            now = first.min(next).min(race.timeout);
            let ending = |end| Ending { end, took: now, most };
            if now == race.timeout {
                return ending(Err(race.timed_out()));
            }
            let Some(host) = ends.remove(&now) else { continue };
            under_way -= 1;
            if race.record(host.address, host.answer()).is_some() {
                return ending(Ok(race.won(host.address)));
            }
            if race.is_lost() {
                return ending(Err(race.lost()));
            }
        }
    }
}

impl Entrant {
    fn drawn(address: SocketAddr, n: u32, seed: u64) -> Self {
        let chance = mixed(seed, 100 + u64::from(n));
        let does = match (chance >> 40) % 10 {
            0..4 => Does::Answer,
            4..7 => Does::Refuse,
            _ => Does::KeepSilent,
        };
        let steps = u32::try_from((chance >> 50) % 9).expect("it is below 9");
        let own = Duration::from_millis(2 << n);
        Self { address, does, takes: steps * STEP + own }
    }

    fn answer(&self) -> io::Result<()> {
        match self.does {
            Does::Answer => Ok(()),
            _ => Err(ErrorKind::ConnectionRefused.into()),
        }
    }
}

/// An address of either family.
fn numbered(n: u64, is_v6: bool) -> SocketAddr {
    let n = u8::try_from(n).expect("there are a few");
    if is_v6 {
        (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, n.into()), 80).into()
    } else {
        ([10, 0, 0, n], 80).into()
    }
}

/// Somebody who hangs up when the other end does.
struct Host;

impl Peer for Host {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        if matches!(event, Event::Ended | Event::Broken(_)) {
            link.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(all: &[(Does, u64)]) -> Course {
        let address = |(n, (does, millis)): (u64, &(Does, u64))| Entrant {
            address: numbered(n, false),
            does: *does,
            takes: Duration::from_millis(*millis),
        };
        Course((1..).zip(all).map(address).collect())
    }

    fn told(all: &[(Does, u64)]) -> (String, u128, usize) {
        let Ending { end, took, most } = course(all).ending();
        let end = end.map_or_else(|error| error.to_string(), |won| won.to_string());
        (end, took.as_millis(), most)
    }

    #[test]
    fn an_ending_is_that_of_rfc_8305() {
        use Does::{Answer, KeepSilent, Refuse};
        let won = |lines: &str| lines.to_owned();
        assert_eq!(
            told(&[(KeepSilent, 2), (Refuse, 4), (Answer, 8)]),
            (
                won("10.0.0.1:80 cancelled, it has not answered\n10.0.0.2:80 failed, \
                     connection refused\n10.0.0.3:80 connected\n"),
                256 + 4 + 8,
                2
            )
        );
        assert_eq!(
            told(&[(Answer, 300), (Answer, 100), (Answer, 2)]),
            (
                won(
                    "10.0.0.1:80 connected\n10.0.0.2:80 cancelled, it has not answered\n"
                ),
                300,
                2
            ),
            "the second had not answered, the third had not begun"
        );
        assert_eq!(told(&[(Answer, 600), (Answer, 100)]).1, 356, "the second is faster");
        let lost = "no address could be reached: 10.0.0.1:80 failed, connection refused; \
                    10.0.0.2:80 failed, connection refused";
        assert_eq!(told(&[(Refuse, 300), (Refuse, 100)]), (lost.to_owned(), 356, 2));
        let late =
            "no address answered in time: 10.0.0.1:80 cancelled, it has not answered";
        assert_eq!(told(&[(KeepSilent, 2)]), (late.to_owned(), 10_001, 1));
    }

    #[test]
    fn every_kind_of_ending_comes_alone_and_among_others() {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..2000 {
            let course = Course::drawn(seed);
            let Ending { end, most, .. } = course.ending();
            let kind = end
                .as_ref()
                .map_or_else(|error| format!("{:?}", error.kind()), |_| "won".into());
            kinds.insert((kind, most > 1, course.0[0].address.is_ipv6()));
        }
        for kind in ["won", "ConnectionRefused", "TimedOut"] {
            for (at_once, is_v6) in
                [(true, false), (true, true), (false, false), (false, true)]
            {
                assert!(kinds.contains(&(kind.to_owned(), at_once, is_v6)), "{kind}");
            }
        }
    }
}
