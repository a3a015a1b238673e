//! A thousand races in one loop that lives on: whoever has lost is gone at once, and not when
//! the loop ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::trace::{self, Recording, What};
use site::demo::Course;
use site::{Race, Won};
use stage1_callbacks::deferred::succeed;
use stage1_callbacks::time::sleep;
use stage1_callbacks::{Deferred, call_later, react, run, stop};

#[path = "../examples/callbacks/happy_eyeballs.rs"]
#[allow(dead_code, unreachable_pub, reason = "its `main` has nothing to do here")]
mod callbacks;
#[path = "../examples/deferreds/happy_eyeballs.rs"]
#[allow(dead_code, unreachable_pub, reason = "its `main` has nothing to do here")]
mod deferreds;

/// How many races.
const RACES: u32 = 1000;

/// How many over real sockets: as many connections wait to be accepted.
const REAL_RACES: u32 = 100;

/// Inside the simulated network: nobody answers, somebody does.
const NETWORK: [([u8; 4], u16); 2] = [([10, 0, 0, 1], 80), ([10, 0, 0, 2], 80)];

/// How long it takes until the second has won: a delay, a way there and a way back.
const RIGHT: Duration = Duration::from_millis(250 + 2);

/// From race to race: nothing is due in it but what was to be cancelled.
const PAUSE: Duration = Duration::from_millis(1);

/// A server that hangs up when its client does.
struct Polite;

impl Peer for Polite {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        if matches!(event, Event::Ended | Event::Broken(_)) {
            link.close();
        }
    }
}

fn is_as_expected(won: &Won) {
    let right = "10.0.0.1:80 cancelled, it has not answered\n10.0.0.2:80 connected\n";
    assert_eq!(won.to_string(), right);
}

/// The most timers that were set at once.
fn most_timers(recording: &Recording) -> usize {
    let (mut set, mut most) = (std::collections::BTreeSet::new(), 0);
    for event in &recording.events {
        match event.what {
            What::TimerSet(_, timer, _) => drop(set.insert(timer)),
            What::TimerCancelled(_, timer) | What::TimerFired(_, timer) => {
                set.remove(&timer);
            }
            _ => {}
        }
        most = most.max(set.len());
    }
    most
}

/// How many descriptors this process has open.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// The first never answers, the second wins after the stagger (RFC 8305, section 5).
fn in_the_network(races: fn(Rc<Sim>) -> io::Result<()>) {
    let [silent, good] = NETWORK.map(SocketAddr::from);
    let sim = Sim::new(1, Weather::calm());
    sim.black_hole(silent);
    sim.serve(good, || Box::new(Polite));
    let network = Rc::clone(&sim);
    let run = || backend::scope(sim.clone(), || races(network));
    let (end, recording) = trace::record(run);
    end.unwrap();
    let (took, right) = (sim.elapsed() / RACES, RIGHT + PAUSE);
    assert!((right..right + PAUSE).contains(&took), "{took:?} each");
    let most = most_timers(&recording);
    assert!(most <= 4, "{most} timers at once");
}

/// Holds so many races, one after the other, and stops the loop.
fn by_callbacks(left: u32, race: Rc<dyn Fn() -> Race>, check: Rc<dyn Fn(&Won)>) {
    if left == 0 {
        return stop();
    }
    callbacks::hold(race(), move |won| {
        let won = won.unwrap();
        call_later(PAUSE, move || {
            check(&won);
            by_callbacks(left - 1, race, check);
        });
    });
}

/// Holds so many races, one after the other.
fn by_deferreds(
    left: u32,
    race: Rc<dyn Fn() -> Race>,
    check: Rc<dyn Fn(&Won)>,
) -> Deferred<()> {
    if left == 0 {
        return succeed(());
    }
    deferreds::hold(race()).add_callback(move |won| {
        sleep(PAUSE).add_callback(move |()| {
            check(&won);
            by_deferreds(left - 1, race, check)
        })
    })
}

/// What makes a race, and what checks that nothing is left of it.
type Parts = (Rc<dyn Fn() -> Race>, Rc<dyn Fn(&Won)>);

/// Those of the network.
fn parts(sim: Rc<Sim>) -> Parts {
    let check = move |won: &Won| {
        is_as_expected(won);
        assert_eq!(sim.open_sockets(), 0, "after a race");
    };
    (Rc::new(|| Race::new(NETWORK.map(SocketAddr::from))), Rc::new(check))
}

#[test]
fn whoever_never_answers_is_gone_as_soon_as_another_has_won_by_callbacks() {
    in_the_network(|sim| {
        let (race, check) = parts(sim);
        run(move || {
            by_callbacks(RACES, race, check);
            Ok(())
        })
    });
}

#[test]
fn whoever_never_answers_is_gone_as_soon_as_another_has_won_by_deferreds() {
    in_the_network(|sim| {
        let (race, check) = parts(sim);
        react(move || by_deferreds(RACES, race, check))?.map_err(io::Error::from)
    });
}

#[test]
fn descriptors_are_closed_after_each_race() {
    let course = Rc::new(Course::lay().unwrap());
    let parts = move || -> Parts {
        let (course, before) = (Rc::clone(&course), descriptors());
        let race = move || Race::new(course.addresses()).with_delay(Duration::ZERO);
        let check = move |_: &Won| assert_eq!(descriptors(), before, "after a race");
        (Rc::new(race), Rc::new(check))
    };
    let parts_again = parts.clone();
    run(move || {
        let (race, check) = parts();
        by_callbacks(REAL_RACES / 2, race, check);
        Ok(())
    })
    .unwrap();
    let races = react(move || {
        let (race, check) = parts_again();
        by_deferreds(REAL_RACES / 2, race, check)
    });
    races.unwrap().unwrap();
}
