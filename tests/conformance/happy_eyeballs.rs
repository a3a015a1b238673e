//! Races over addresses: who wins, when, and what is left of those that lose.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use lineage::styles::Style;
use reactor::backend;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::trace::{self, Recording, What};
use site::Race;
use site::demo::Course;

use crate::clients::ANYWHERE;
use crate::ring;

/// Inside the simulated network: nobody answers, nobody listens, somebody does.
const NETWORK: [([u8; 4], u16); 3] =
    [([10, 0, 0, 1], 80), ([10, 0, 0, 2], 80), ([10, 0, 0, 3], 80)];

/// How many races leave nothing behind.
const RACES: u32 = 1000;

/// All fates of three addresses, in every weather, three times.
const SEEDS: u64 = 27 * 3 * 3;

/// A server that hangs up when its client does.
struct Polite;

impl Peer for Polite {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        if matches!(event, Event::Ended | Event::Broken(_)) {
            link.close();
        }
    }
}

/// One of them never answers, where the kernel leaves it so, and one refuses.
pub(crate) fn the_first_address_that_answers_wins(style: &'static Style) {
    let course = Course::lay().unwrap();
    let addresses = course.addresses();
    let won = (style.happy_eyeballs)(Race::new(addresses.clone())).unwrap();
    assert_eq!(won.address, addresses[2]);
    let tried: Vec<_> = won.attempts.iter().map(|attempt| attempt.address).collect();
    assert_eq!(tried, addresses);
}

pub(crate) fn a_race_that_all_lose_says_how_each_did(style: &'static Style) {
    let nobody: Vec<_> = [1, 2].map(|port| SocketAddr::new(ANYWHERE.ip(), port)).into();
    let lost = (style.happy_eyeballs)(Race::new(nobody.clone())).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::ConnectionRefused);
    let lost = lost.to_string();
    let rest = lost.strip_prefix("no address could be reached: 127.0.0.1:1 failed, ");
    assert!(rest.is_some_and(|it| it.contains("; 127.0.0.1:2 failed, ")), "{lost}");
    let lost = (style.happy_eyeballs)(Race::new([])).unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::NotConnected);
    assert_eq!(lost.to_string(), "no address could be reached");
}

/// RFC 8305, section 5: the second begins a quarter of a second after the first, which does
/// not answer, and the third as soon as the second has failed. A segment takes a millisecond.
pub(crate) fn attempts_begin_in_order_and_losers_leave_nothing_behind(
    style: &'static Style,
) {
    if !style.has_loop() || ring::is(style) {
        return; // it asks the kernel itself
    }
    let [silent, _, good] = NETWORK.map(SocketAddr::from);
    let sim = Sim::new(1, Weather::calm());
    sim.black_hole(silent);
    sim.serve(good, || Box::new(Polite));
    let ((), recording) = trace::record(|| {
        backend::scope(sim.clone(), || {
            for _ in 0..RACES {
                let race = Race::new(NETWORK.map(SocketAddr::from));
                let won = (style.happy_eyeballs)(race).unwrap();
                assert_eq!(
                    won.to_string(),
                    "10.0.0.1:80 cancelled, it has not answered\n\
                     10.0.0.2:80 failed, connection refused\n10.0.0.3:80 connected\n"
                );
            }
        });
    });
    let took = sim.elapsed() / RACES;
    let right = Duration::from_millis(254);
    assert!((right..right + Duration::from_millis(1)).contains(&took), "{took:?} each");
    assert_eq!(sim.open_sockets(), 0);
    assert_eq!(sim.tally().open, 2, "whoever is refused closes before the next begins");
    assert_eq!(still_set(&recording), 0);
}

/// The timers that were set, and neither fired nor were taken back.
fn still_set(recording: &Recording) -> usize {
    let mut timers = BTreeSet::new();
    for event in &recording.events {
        match event.what {
            What::TimerSet(_, timer, _) => drop(timers.insert(timer)),
            What::TimerCancelled(_, timer) | What::TimerFired(_, timer) => {
                timers.remove(&timer);
            }
            _ => {}
        }
    }
    timers.len()
}

/// Who answers, who refuses and who is silent follows from the seed, and so does the weather.
pub(crate) fn a_race_ends_well_in_any_weather(style: &'static Style) {
    if !style.has_loop() || ring::is(style) {
        return; // it asks the kernel itself
    }
    for seed in 0..SEEDS {
        let weathers = [Weather::calm, Weather::rough, Weather::stormy];
        let weather = weathers[usize::try_from(seed / 27 % 3).unwrap()];
        let sim = Sim::new(seed, weather());
        let addresses = NETWORK.map(SocketAddr::from);
        let mut good = BTreeSet::new();
        for (address, fate) in addresses.into_iter().zip([seed, seed / 3, seed / 9]) {
            match fate % 3 {
                0 => drop(good.insert(address)),
                1 => sim.black_hole(address),
                _ => {} // nobody listens
            }
        }
        for address in &good {
            sim.serve(*address, || Box::new(Polite));
        }
        let (ended, recording) = trace::record(|| {
            let race = Race::new(addresses);
            backend::scope(sim.clone(), || (style.happy_eyeballs)(race))
        });
        let is_undisturbed = sim.tally().broken == 0;
        match ended {
            Ok(won) => {
                assert!(good.contains(&won.address), "seed {seed}: {won}");
                let tried: Vec<_> = won.attempts.iter().map(|it| it.address).collect();
                assert_eq!(tried, addresses[..tried.len()], "seed {seed}");
            }
            Err(lost) => {
                assert!(good.is_empty() || !is_undisturbed, "seed {seed}: {lost}");
            }
        }
        assert!(sim.elapsed() <= Duration::from_millis(10_001), "seed {seed}");
        assert_eq!((sim.open_sockets(), still_set(&recording)), (0, 0), "seed {seed}");
    }
}

pub(crate) fn a_race_that_nobody_wins_ends_in_time(style: &'static Style) {
    if !style.has_loop() || ring::is(style) {
        return; // it asks the kernel itself
    }
    let silent = NETWORK.map(SocketAddr::from);
    let sim = Sim::new(1, Weather::calm());
    silent.into_iter().for_each(|address| sim.black_hole(address));
    let end = backend::scope(sim.clone(), || (style.happy_eyeballs)(Race::new(silent)));
    let end = end.unwrap_err();
    assert_eq!(end.kind(), ErrorKind::TimedOut);
    let end = end.to_string();
    assert!(
        end.starts_with("no address answered in time: 10.0.0.1:80 cancelled"),
        "{end}"
    );
    assert_eq!(sim.elapsed().as_secs(), 10);
    assert_eq!(sim.open_sockets(), 0);
}
