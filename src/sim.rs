//! A program in the simulated network: everything that can go wrong there follows from a
//! seed, and what must be right whatever goes wrong is checked.

mod checks;
mod clients;
mod course;
mod guests;
mod site_peer;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use reactor::sim::{Sim, Tally, Weather};
use reactor::{backend, trace};
use site::chat::GRACE;
use site::countdown::{ROCKETS, TOGETHER};
use site::{Control, Job, Outcome, Report, Site, Target, count};

use self::checks::View;
use self::clients::{Client, Manner, Right, Watched};
use self::course::{Course, Ending};
use self::guests::{Guest, Habit};
use self::site_peer::{InFlight, SitePeer, Sulk};
use crate::knobs::Knobs;
use crate::run::Program;
use crate::styles::Style;

/// Where the site is, inside the network.
const SITE: &str = "http://10.0.0.1/";

/// Where nobody is at home.
const NOBODY: ([u8; 4], u16) = ([10, 0, 0, 2], 80);

/// Where nobody ever answers.
const BLACK_HOLE: ([u8; 4], u16) = ([10, 0, 0, 3], 80);

/// Where the echo server listens.
const ECHO: ([u8; 4], u16) = ([10, 0, 0, 9], 7);

/// Where the room is.
const ROOM: ([u8; 4], u16) = ([10, 0, 0, 9], 23);

/// How much fits between a room and a guest, in bytes: less than a room keeps for somebody who
/// does not listen.
const NEAR: usize = 8 * 1024;

/// How many clients it has.
const CLIENTS: usize = 2 * Manner::ALL.len();

/// When an echo server is stopped: long after its last client should have left.
const CLOSING_TIME: Duration = Duration::from_mins(10);

/// When a room is closed: long after everything should have been said, and whoever does not
/// listen should have gone.
const LATE: Duration = Duration::from_secs(30);

/// When one closes early: while some clients talk, and others have still to come.
const EARLY: Duration = Duration::from_millis(70);

/// How many attempts to read, write or accept a program may make, for each thing that
/// happens in the network and each byte that moves. One that only asks makes far more.
const PATIENCE: u64 = 4;

/// How long a socket may be left alone by a program that has the descriptors it needs:
/// looks cost some virtual time, and a turn has a few of them.
const AT_ONCE: Duration = Duration::from_millis(1);

/// The same for one that has to pause when there are no descriptors left.
const AFTER_A_PAUSE: Duration = Duration::from_millis(100);

/// How many sockets an echo server may have open where there are few.
const FEW: usize = 4;

/// How much fits between a site that sulks and its clients, in bytes: less than a request.
const NARROW: usize = 64;

/// One run: which program, in which style, after which seed.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What runs.
    pub program: Program,
    /// In which style; it must have a loop.
    pub style: &'static Style,
    /// What everything follows from.
    pub seed: u64,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// How long it took by the network's clock.
    pub took: Duration,
    /// What the program asked of the network.
    pub tally: Tally,
    /// What arrived, a line each.
    pub story: Vec<String>,
    /// What it came to, a line each: what was said, or what became of the pages.
    pub result: Vec<String>,
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub(crate) String);

/// What a host name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// To the site.
    Straight,
    /// To where nobody is at home, and to the site.
    Detour,
    /// To where nobody is at home.
    Nowhere,
    /// To where nobody ever answers.
    Silence,
}

impl Case {
    /// Runs it, and checks what must be right whatever goes wrong: the program ends; what it
    /// comes to is what it has to be; no socket is left open and no timer set; no timer is
    /// early; nobody panics; it does not ask all the time, and leaves nobody alone.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub fn run(self) -> Result<Told, Wrong> {
        let sim = Sim::new(self.seed, self.weather());
        sim.patience(PATIENCE);
        let run = || match self.program {
            Program::Countdown => self.countdown(&sim),
            Program::Echo => self.echo(&sim),
            Program::Crawl => self.crawl(&sim),
            Program::HappyEyeballs => self.happy_eyeballs(&sim),
            Program::Chat => self.chat(&sim),
        };
        // Whoever records this run already looks at the recording himself.
        let result = if trace::is_on() {
            run()?
        } else {
            let (result, recording) = trace::record(run);
            let explain = |Wrong(text)| match checks::who_waits(&recording) {
                Some(who) if sim.is_stuck() => Wrong(format!("{text}; {who}")),
                _ => Wrong(text),
            };
            let result = result.map_err(explain)?;
            checks::recording(&recording)?;
            result
        };
        checks::network(sim.open_sockets(), sim.tally(), self.patience())?;
        Ok(Told { took: sim.elapsed(), tally: sim.tally(), story: sim.story(), result })
    }

    /// One seed in eight is calm, two are stormy, the others rough.
    fn weather(self) -> Weather {
        let weather = match self.seed % 8 {
            0 => Weather::calm(),
            1 | 2 => Weather::stormy(),
            _ => Weather::rough(),
        };
        let descriptors = if self.has_few() { FEW } else { usize::MAX };
        let weather = Weather { descriptors, ..weather };
        match self.program {
            Program::Chat => Weather { window: weather.window.min(NEAR), ..weather },
            // What is late there is as late as its address is far.
            Program::HappyEyeballs => {
                Weather { latency: Weather::calm().latency, hold: 0, ..weather }
            }
            _ if self.sulk().is_some() => Weather { window: NARROW, ..weather },
            _ => weather,
        }
    }

    fn is_calm(self) -> bool {
        self.seed.is_multiple_of(8)
    }

    /// Every fifth echo server has few descriptors, fewer than clients come at once.
    fn has_few(self) -> bool {
        self.program == Program::Echo && self.seed % 5 == 4
    }

    /// How long a socket may be left alone.
    fn patience(self) -> Duration {
        if self.has_few() { AFTER_A_PAUSE } else { AT_ONCE }
    }

    /// Who talks most in a room, if anybody does.
    fn talks_most(self) -> Option<Habit> {
        match self.seed % 5 {
            0 => Some(Habit::Floods),
            2 => Some(Habit::Chatters),
            _ => None,
        }
    }

    /// One server in seven closes while its clients talk.
    fn closes(self) -> Duration {
        let is_early = self.seed % 7 == 5 && !self.has_few();
        match self.program {
            _ if is_early => EARLY,
            Program::Chat => LATE,
            _ => CLOSING_TIME,
        }
    }

    /// Every other seed crawls the hostile site.
    fn is_hostile(self) -> bool {
        self.seed % 2 == 1
    }

    /// One friendly site in three sulks.
    fn sulk(self) -> Option<Sulk> {
        let sulks = self.program == Program::Crawl && self.seed % 6 == 4;
        sulks.then(|| *pick(&Sulk::ALL, self.seed / 6))
    }

    /// From one to twenty requests at once, whatever else the seed says.
    fn concurrency(self) -> usize {
        1 + usize::try_from(self.seed / 2 % 20).expect("it is below 20")
    }

    /// Most seeds lead straight to the site, in all weathers.
    fn way(self) -> Way {
        match self.seed % 32 {
            3 | 10 | 17 => Way::Detour,
            15 => Way::Nowhere,
            23 => Way::Silence,
            _ => Way::Straight,
        }
    }

    fn countdown(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let said = in_the_network(sim, || (self.style.countdown)())?;
        if said != TOGETHER {
            return Err(Wrong(format!("it said {said:?}")));
        }
        checks::took(sim.elapsed(), longest())?;
        Ok(said)
    }

    fn crawl(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let (sulk, concurrency) = (self.sulk(), self.concurrency());
        let site = if self.is_hostile() { Site::hostile() } else { Site::friendly() };
        let site_says = match sulk {
            Some(_) => Sulk::bend(&site.expected()),
            None => site.expected(),
        };
        let mut target =
            Target::resolve(SITE).map_err(|error| Wrong(error.to_string()))?;
        let in_flight = serve(sim, site, sulk, target.addresses[0]);
        sim.black_hole(BLACK_HOLE.into());
        let expected = self.way().bend(&mut target.addresses, site_says);
        let job = Job { concurrency, ..Job::new(target) };
        let patience = job.timeout;
        let report = in_the_network(sim, || (self.style.crawl)(job))?;
        if self.way() == Way::Silence {
            checks::took(sim.elapsed(), patience)?;
        }
        checks::concurrency(in_flight.most(), sim.tally().open, concurrency)?;
        if self.is_calm() && sulk.is_none() {
            checks::order(in_flight.most(), in_flight.kept_the_order(), concurrency)?;
        }
        checks::report(&report, &expected, sim.tally().broken)?;
        Ok(report.to_string().lines().map(str::to_owned).collect())
    }

    fn echo(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let (control, address) = (Control::new(), SocketAddr::from(ECHO));
        let clients: Rc<RefCell<Vec<Watched>>> = Rc::default();
        let (stop, network, open) = (control.clone(), Rc::downgrade(sim), Rc::default());
        let at_the_end: Rc<Cell<usize>> = Rc::clone(&open);
        sim.after(self.closes().saturating_sub(AT_ONCE), move || {
            open.set(network.upgrade().map_or(0, |sim| sim.open_sockets()));
        });
        sim.elsewhere(self.closes(), move || stop.stop());
        for (n, manner) in (0_u64..).zip(Manner::ALL.into_iter().cycle().take(CLIENTS)) {
            let (client, watched) = Client::new(manner, words(self.seed, n));
            clients.borrow_mut().push(watched);
            sim.connect_peer(Duration::from_millis(5 * n), address, Box::new(client));
        }
        in_the_network(sim, || (self.style.echo)(address, control))?;
        checks::took(sim.elapsed(), self.closes())?;
        let clients = clients.borrow();
        let right = match (self.closes(), sim.tally().broken) {
            (EARLY, _) => Right::WhatCame,
            (_, 0) => Right::All,
            _ => Right::UnlessBroken,
        };
        match clients.iter().find_map(|client| client.complaint(right)) {
            Some(complaint) => Err(Wrong(complaint.to_string())),
            None if right != Right::WhatCame && at_the_end.get() != 1 => {
                let open = count(at_the_end.get(), "socket");
                Err(Wrong(format!("open when nobody was left: {open}")))
            }
            None => Ok(vec![format!("{} came", count(clients.len(), "client"))]),
        }
    }

    fn happy_eyeballs(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let course = Course::drawn(self.seed);
        course.lay(sim);
        let race = course.race();
        let end = in_the_network(sim, || Ok((self.style.happy_eyeballs)(race)))?;
        let Ending { end: right, took, most } = course.ending();
        checks::race(&end, &right)?;
        checks::took(sim.elapsed(), took)?;
        checks::at_once(sim.tally().open, most)?;
        let told = end.map_or_else(|error| error.to_string(), |won| won.to_string());
        Ok(told.lines().map(str::to_owned).collect())
    }

    fn chat(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let serve =
            self.style.needs_a_room().map_err(|error| Wrong(error.to_string()))?;
        let (control, address) = (Control::new(), SocketAddr::from(ROOM));
        let stop = control.clone();
        sim.elsewhere(self.closes(), move || stop.stop());
        let habits = Habit::USUAL.into_iter().chain(self.talks_most());
        let mut guests = Vec::new();
        for (n, habit) in (0_u64..).zip(habits) {
            let (guest, watched) =
                Guest::new(habit, &format!("{habit:?}").to_lowercase());
            guests.push(watched);
            sim.connect_peer(Duration::from_millis(5 * n), address, Box::new(guest));
        }
        in_the_network(sim, || serve(address, control.clone()))?;
        checks::took_until(sim.elapsed(), self.closes(), GRACE)?;
        checks::kept(control.kept().1, guests.len())?;
        // The room is empty, and its last words are still on their way.
        sim.settle(CLOSING_TIME);
        self.listen_to(&guests)?;
        Ok(vec![format!("{} came", count(guests.len(), "guest"))])
    }

    /// Checks what the guests of a room have heard.
    fn listen_to(self, guests: &[guests::Watched]) -> Result<(), Wrong> {
        let is_early = self.closes() == EARLY;
        let heard: Vec<_> = guests.iter().map(guests::Watched::heard).collect();
        let views = guests.iter().zip(&heard).map(|(guest, heard)| View {
            name: &guest.name,
            says: guest.says(),
            heard,
            is_whole: guest.habit.listens() && guest.has_ended() && !is_early,
            is_done: guest.habit == Habit::Brief,
        });
        let views: Vec<_> = views.collect();
        checks::room(&views)?;
        if let Some(most) = self.talks_most().filter(|_| self.is_much_said(guests)) {
            // More is said than fits between: too much is kept for it, or for too long.
            let is_sudden = most == Habit::Floods && self.is_calm();
            let news: &[_] =
                if is_sudden { &["was too slow"] } else { &["was too slow", "has left"] };
            checks::had_to_go("deaf", news, &views)?;
        }
        self.nobody_is_left_alone(guests)
    }

    /// Whether more is said than fits between: not if whoever talks most was broken off early.
    fn is_much_said(self, guests: &[guests::Watched]) -> bool {
        let talker = guests.last().expect("somebody talks most");
        let longest = guests.iter().map(|it| it.heard().len()).max().unwrap_or_default();
        !talker.is_broken() || longest > 2 * self.weather().window
    }

    /// Whoever listens to the end gets to one.
    fn nobody_is_left_alone(self, guests: &[guests::Watched]) -> Result<(), Wrong> {
        let is_lost = |it: &&guests::Watched| {
            it.habit.listens() && !(it.has_ended() || it.is_broken())
        };
        match guests.iter().find(is_lost).filter(|_| self.closes() != EARLY) {
            Some(lost) => Err(Wrong(format!("{} was left alone", lost.name))),
            None => Ok(()),
        }
    }
}

/// Who comes to a recorded room at the most, and what they are called.
pub(crate) const GUESTS: [&str; 6] = ["ann", "bob", "cid", "dan", "eva", "fay"];

/// What the clients of a recorded echo server say: as many as come to a room.
const SAID: [&str; GUESTS.len()] =
    ["hello", "good day", "how are you?", "fine", "it rains", "goodbye"];

/// How long after the one before a guest comes to a recorded room, and a client to an echo server.
const GUESTS_APART: Duration = Duration::from_millis(9);
const CLIENTS_APART: Duration = Duration::from_millis(4);

/// A room with a few polite guests, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn gossip(style: &Style, knobs: &Knobs) -> io::Result<()> {
    let serve = style.needs_a_room().map_err(io::Error::other)?;
    let (sim, control) = (weathered(knobs), Control::new());
    let stop = control.clone();
    sim.after(knobs.long_enough(GUESTS_APART, 51), move || stop.stop());
    for (n, name) in (0..knobs.clients()).zip(GUESTS) {
        let (guest, _) = Guest::new(Habit::Talks, name);
        sim.connect_peer(GUESTS_APART * n, ROOM.into(), Box::new(guest));
    }
    backend::scope(sim, || serve(ROOM.into(), control))
}

/// A race over three addresses, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn dash(style: &Style, knobs: &Knobs) -> io::Result<()> {
    let (sim, course) = (weathered(knobs), Course::short());
    course.lay(&sim);
    backend::scope(sim, || (style.happy_eyeballs)(course.race())).map(drop)
}

/// An echo server with a few polite clients, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn talk(style: &Style, knobs: &Knobs) -> io::Result<()> {
    let (sim, control) = (weathered(knobs), Control::new());
    let stop = control.clone();
    sim.after(knobs.long_enough(CLIENTS_APART, 26), move || stop.stop());
    for (n, words) in (0..knobs.clients()).zip(SAID) {
        let (client, _) = Client::new(Manner::Eager, words.into());
        sim.connect_peer(CLIENTS_APART * n, ECHO.into(), Box::new(client));
    }
    backend::scope(sim, || (style.echo)(ECHO.into(), control))
}

/// A crawl of the first few pages, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn stroll(style: &Style, knobs: &Knobs, limit: usize) -> io::Result<()> {
    let sim = weathered(knobs);
    let target = Target::resolve(SITE).map_err(io::Error::other)?;
    serve(&sim, Site::friendly(), None, target.addresses[0]);
    let concurrency = usize::try_from(knobs.concurrency).expect("it is a few");
    let job = Job { limit, concurrency, ..Job::new(target) };
    backend::scope(sim, || (style.crawl)(job)).map(drop)
}

/// A network with that weather, which ends a program that only asks.
fn weathered(knobs: &Knobs) -> Rc<Sim> {
    let sim = Sim::new(knobs.seed, knobs.weather());
    sim.patience(PATIENCE);
    sim
}

/// Serves a site in the network, and gives the count of requests under way.
fn serve(sim: &Sim, site: Site, sulk: Option<Sulk>, address: SocketAddr) -> InFlight {
    let (site, in_flight) = (Rc::new(site), InFlight::default());
    let counted = in_flight.clone();
    sim.serve(address, move || {
        Box::new(SitePeer::new(Rc::clone(&site), sulk, counted.clone()))
    });
    in_flight
}

/// One of all, in turn.
fn pick<T>(all: &[T], number: u64) -> &T {
    let index = number % all.len() as u64;
    &all[usize::try_from(index).expect("it is below a length")]
}

/// How long the slowest rocket counts.
fn longest() -> Duration {
    let lasts = ROCKETS.map(|rocket| rocket.period * rocket.from);
    lasts.into_iter().max().expect("there are some")
}

impl Way {
    /// Puts the addresses on the way before the site's, or in its place, and gives what a
    /// crawl has to report then, knowing what the site expects.
    fn bend(self, addresses: &mut Vec<SocketAddr>, site_says: Report) -> Report {
        let only = |outcome| [("/".to_owned(), outcome)].into_iter().collect();
        match self {
            Self::Straight => site_says,
            Self::Detour => {
                addresses.insert(0, NOBODY.into());
                site_says
            }
            Self::Nowhere => {
                *addresses = vec![NOBODY.into()];
                only(Outcome::Refused)
            }
            Self::Silence => {
                *addresses = vec![BLACK_HOLE.into()];
                only(Outcome::TimedOut)
            }
        }
    }
}

/// What a client says: up to some thousand bytes, different for each.
fn words(seed: u64, client: u64) -> Vec<u8> {
    let mixed = mixed(seed, client);
    let size = match mixed % 4 {
        0 => 1 + mixed % 7,
        1 => mixed % 300,
        2 => mixed % 5000,
        _ => mixed % 40_000,
    };
    (0..size).map(|n| (n.wrapping_mul(31) ^ mixed).to_le_bytes()[0]).collect()
}

/// The chance of that number, as a seed has it. Its upper bits are better than the lower.
fn mixed(seed: u64, number: u64) -> u64 {
    (seed ^ number << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Runs a program there. One that panics has gone wrong like any other.
fn in_the_network<T>(
    sim: &Rc<Sim>,
    body: impl FnOnce() -> io::Result<T>,
) -> Result<T, Wrong> {
    // What a loop has to say of such a network is for nobody: it is checked.
    log::set_max_level(log::LevelFilter::Error);
    let network: Rc<Sim> = Rc::clone(sim);
    let run = AssertUnwindSafe(|| backend::scope(network, body));
    match catch_unwind(run) {
        Ok(result) => result.map_err(|error| Wrong(error.to_string())),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            Err(Wrong(format!("it panicked: {}", text.unwrap_or("without words"))))
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, style, seed } = self;
        write!(f, "{} in style {}, seed {seed}", program.name(), style.name)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}
