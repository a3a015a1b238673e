//! What can be turned at a run that is recorded: the weather of the network, who comes, how fast
//! the rockets count. Each knob has its range, so that no run is larger than a page shows.

use std::ops::RangeInclusive;
use std::time::Duration;

use reactor::sim::Weather;
use serde::Serialize;

use crate::run::Program;
use crate::sim::GUESTS;

/// How many steps a page shows: more than any run has, however its knobs are turned.
pub const STEPS: usize = 4000;

/// How all knobs are turned. As they come, they give the runs that the book shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// What every accident follows from.
    pub seed: u64,
    /// How long a segment travels at least, in milliseconds.
    pub latency: u64,
    /// How much longer it may take, in milliseconds.
    pub jitter: u64,
    /// How many segments in a hundred are lost and sent again.
    pub loss: u64,
    /// How many writes in a hundred travel in several segments.
    pub split: u64,
    /// How many writes in a hundred reset their connection.
    pub reset: u64,
    /// How many clients or guests come.
    pub clients: u64,
    /// How many requests may be under way at once.
    pub concurrency: u64,
    /// How long each rocket is silent before it speaks, in milliseconds.
    pub rockets: [u64; 3],
}

/// One of them, for whoever draws it.
#[derive(Clone, Debug, Serialize)]
pub struct Knob {
    /// What it is called in an address.
    pub name: &'static str,
    /// What it is called on a page.
    pub label: &'static str,
    /// In what it is counted.
    pub unit: &'static str,
    /// How it stands before it is turned.
    pub value: u64,
    /// The least it can be turned to.
    pub least: u64,
    /// The most.
    pub most: u64,
}

/// Name, label, unit, range, and where its value is.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    RangeInclusive<u64>,
    fn(&mut Knobs) -> &mut u64,
);

const NETWORK: [Row; 6] = [
    ("seed", "seed", "", 1..=999, |it| &mut it.seed),
    ("latency", "latency", "ms", 1..=100, |it| &mut it.latency),
    ("jitter", "and at random up to", "ms more", 0..=100, |it| &mut it.jitter),
    ("loss", "lost and sent again", "% of segments", 0..=50, |it| &mut it.loss),
    ("split", "split", "% of writes", 0..=100, |it| &mut it.split),
    ("reset", "reset", "% of writes", 0..=100, |it| &mut it.reset),
];

const CLIENTS: [Row; 1] =
    [("clients", "clients", "", 1..=GUESTS.len() as u64, |it| &mut it.clients)];

const CONCURRENCY: [Row; 1] =
    [("concurrency", "requests at once", "", 1..=8, |it| &mut it.concurrency)];

const ROCKETS: [Row; 3] = [
    ("a", "rocket a, every", "ms", 10..=300, |it| &mut it.rockets[0]),
    ("b", "rocket b, every", "ms", 10..=300, |it| &mut it.rockets[1]),
    ("c", "rocket c, every", "ms", 10..=300, |it| &mut it.rockets[2]),
];

impl Default for Knobs {
    fn default() -> Self {
        Self {
            seed: 1,
            latency: 1,
            jitter: 0,
            loss: 0,
            split: 0,
            reset: 0,
            clients: 2,
            concurrency: 3,
            rockets: site::countdown::ROCKETS.map(|rocket| {
                rocket.period.as_millis().try_into().expect("a rocket does not sleep")
            }),
        }
    }
}

impl Knobs {
    /// The knobs that a program has.
    pub fn of(program: Program) -> Vec<Knob> {
        let mut untouched = Self::default();
        let rows = rows(program).into_iter();
        let knob = |(name, label, unit, range, value): Row| Knob {
            name,
            label,
            unit,
            value: *value(&mut untouched),
            least: *range.start(),
            most: *range.end(),
        };
        rows.map(knob).collect()
    }

    /// Turns one of them.
    ///
    /// # Errors
    ///
    /// Says which there are, or how far it can be turned.
    pub fn turn(
        &mut self,
        program: Program,
        name: &str,
        value: &str,
    ) -> Result<(), String> {
        let rows = rows(program);
        let row = rows.iter().find(|it| it.0 == name);
        let Some((.., range, place)) = row else {
            let names: Vec<_> = rows.iter().map(|it| it.0).collect();
            let program = program.name();
            return Err(format!(
                "{program} has no such knob; it has {}",
                names.join(", ")
            ));
        };
        let value = value.parse().ok().filter(|value| range.contains(value));
        let (least, most) = (range.start(), range.end());
        let value = value.ok_or_else(|| format!("{name} goes from {least} to {most}"))?;
        *place(self) = value;
        Ok(())
    }

    /// The weather that they make.
    pub(crate) fn weather(&self) -> Weather {
        let millis = Duration::from_millis;
        let chance = |percent: u64| u32::try_from(percent).expect("a knob has its range");
        Weather {
            latency: millis(self.latency)..millis(self.latency + self.jitter),
            hold: chance(self.loss),
            split: chance(self.split),
            reset: chance(100 * self.reset),
            ..Weather::calm()
        }
    }

    /// How many clients or guests come.
    pub(crate) fn clients(&self) -> u32 {
        u32::try_from(self.clients).expect("a knob has its range")
    }

    /// When a server closes: each client comes so long after the one before, and the last needs
    /// so many travels.
    pub(crate) fn long_enough(&self, apart: Duration, travels: u64) -> Duration {
        let lost = if self.loss > 0 { 2 } else { 1 };
        let travel = lost * (self.latency + self.jitter);
        apart * (self.clients() - 1) + Duration::from_millis(travels * travel)
    }

    /// How long each rocket is silent.
    pub(crate) fn periods(&self) -> [Duration; 3] {
        self.rockets.map(Duration::from_millis)
    }
}

fn rows(program: Program) -> Vec<Row> {
    match program {
        Program::Countdown => ROCKETS.to_vec(),
        Program::Echo | Program::Chat => [&NETWORK[..], &CLIENTS].concat(),
        Program::Crawl => [&NETWORK[..], &CONCURRENCY].concat(),
        // Who only connects, and is done then, writes nothing.
        Program::HappyEyeballs => NETWORK[..4].to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::styles::STYLES;
    use crate::trace::record_with;

    #[test]
    fn a_knob_is_turned_in_its_range_and_no_other_way() {
        let mut knobs = Knobs::default();
        for (name, value) in [("latency", "100"), ("loss", "0"), ("clients", "6")] {
            assert_eq!(knobs.turn(Program::Echo, name, value), Ok(()), "{name}");
        }
        assert_eq!((knobs.latency, knobs.clients), (100, 6));
        let mut refused =
            |name, value| knobs.turn(Program::Echo, name, value).unwrap_err();
        for value in ["0", "101", "-1", "", "1e9", "99999999999999999999", "5 "] {
            assert_eq!(
                refused("latency", value),
                "latency goes from 1 to 100",
                "{value}"
            );
        }
        let said = refused("concurrency", "2");
        assert!(
            said.starts_with("echo has no such knob; it has seed, latency"),
            "{said}"
        );
        assert!(knobs.turn(Program::Countdown, "seed", "2").is_err());
    }

    /// Every knob of every program goes to both of its ends, and not one further.
    #[test]
    fn a_knob_ends_where_its_range_does() {
        for program in Program::ALL {
            for Knob { name, value, least, most, .. } in Knobs::of(program) {
                assert!((least..=most).contains(&value), "{name} of {program:?}");
                let mut knobs = Knobs::default();
                let mut turn = |value: i128| {
                    knobs.turn(program, name, &value.to_string())?;
                    let row = rows(program).into_iter().find(|row| row.0 == name);
                    Ok(i128::from(*(row.expect("it is one of them").4)(&mut knobs)))
                };
                let (least, most) = (i128::from(least), i128::from(most));
                assert_eq!(turn(least), Ok(least), "{name} of {program:?}");
                assert_eq!(turn(most), Ok(most), "{name} of {program:?}");
                let said = Err(format!("{name} goes from {least} to {most}"));
                for beyond in [least - 1, most + 1, i128::from(u64::MAX) + 1 + least] {
                    assert_eq!(turn(beyond), said, "{name} of {program:?}: {beyond}");
                }
                for no_number in ["", " ", "ten", "0x1", "1.0", "1_0", "١", "NaN", "1&"]
                {
                    let refused = Knobs::default().turn(program, name, no_number);
                    assert_eq!(refused.map_err(Err::<i128, _>), Err(said.clone()));
                }
            }
            let refused = Knobs::default().turn(program, "gravity", "1").unwrap_err();
            let has = Knobs::of(program).iter().map(|knob| knob.name).collect::<Vec<_>>();
            let (name, has) = (program.name(), has.join(", "));
            assert_eq!(refused, format!("{name} has no such knob; it has {has}"));
        }
    }

    /// Those that stand in the addresses of the book: a link that was kept is to go on leading there.
    #[test]
    fn the_ranges_are_these() {
        let network = "seed 1-999, latency 1-100, jitter 0-100, loss 0-50, split 0-100";
        for (program, ranges) in [
            (Program::Countdown, "a 10-300, b 10-300, c 10-300"),
            (Program::Echo, &format!("{network}, reset 0-100, clients 1-6")),
            (Program::Crawl, &format!("{network}, reset 0-100, concurrency 1-8")),
            (Program::Chat, &format!("{network}, reset 0-100, clients 1-6")),
            (Program::HappyEyeballs, network.rsplit_once(", ").expect("it has some").0),
        ] {
            let of = |it: Knob| format!("{} {}-{}", it.name, it.least, it.most);
            let all: Vec<_> = Knobs::of(program).into_iter().map(of).collect();
            assert_eq!(all.join(", "), ranges, "{program:?}");
        }
    }

    /// Each knob makes another run than the one that is recorded, in every style; and none is
    /// larger than a page shows.
    #[test]
    fn every_knob_does_something_and_no_run_is_too_large() {
        for style in STYLES.iter().filter(|style| style.has_loop()) {
            for program in Program::ALL {
                let record = |knobs: &Knobs| {
                    record_with(program, style, knobs).map(|trace| trace.events)
                };
                let mut all = Knobs { jitter: 5, ..Knobs::default() };
                for knob in Knobs::of(program) {
                    // Where nothing is left to chance, a seed has nothing to say.
                    let jitter = if knob.name == "seed" { 5 } else { 0 };
                    let mut one = Knobs { jitter, ..Knobs::default() };
                    let before = record(&one).expect("it runs");
                    let most = knob.most.to_string();
                    one.turn(program, knob.name, &most).expect("it is its own most");
                    // A race may be lost to a storm: that is another run, too.
                    let differs = record(&one).ok() != Some(before);
                    let name = style.name;
                    assert!(differs, "{} of {program:?} in {name}", knob.name);
                    if knob.name != "reset" {
                        all.turn(program, knob.name, &most).expect("it is its own most");
                    }
                }
                let steps = record(&all).expect("it runs").len();
                assert!(steps < STEPS, "{program:?} in {}: {steps}", style.name);
            }
        }
    }
}
