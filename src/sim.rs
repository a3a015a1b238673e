//! A program in the simulated network: everything that can go wrong there follows from a
//! seed, and what must be right whatever goes wrong is checked.

mod clients;
mod site_peer;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend;
use reactor::sim::{Sim, Tally, Weather};
use site::countdown::TOGETHER;
use site::{Control, Job, Report, Site, Target};

use self::clients::{Client, Manner, Watched};
use self::site_peer::{InFlight, SitePeer};
use crate::run::Program;
use crate::styles::Style;

/// Where the site is, inside the network.
const SITE: &str = "http://10.0.0.1/";

/// Where the echo server listens.
const ECHO: ([u8; 4], u16) = ([10, 0, 0, 9], 7);

/// When the echo server is stopped: long after its last client should have left.
const CLOSING_TIME: Duration = Duration::from_mins(10);

/// How many attempts to read, write or accept a program may make, for each thing that
/// happens in the network and each byte that moves. One that only asks makes far more.
const PATIENCE: u64 = 4;

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
pub struct Wrong(String);

impl Case {
    /// Runs it, and checks what must be right whatever goes wrong: the program ends; what it
    /// comes to is what it has to be; no socket is left open; it does not ask all the time.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub fn run(self) -> Result<Told, Wrong> {
        let weather = self.weather();
        let connections_break = weather.reset > 0;
        let sim = Sim::new(self.seed, weather);
        let result = match self.program {
            Program::Countdown => self.countdown(&sim),
            Program::Echo => self.echo(&sim, connections_break),
            Program::Crawl => self.crawl(&sim, connections_break),
        }?;
        let (tally, story) = (sim.tally(), sim.story());
        check(&sim, tally, story.len() as u64)?;
        Ok(Told { took: sim.elapsed(), tally, story, result })
    }

    /// One seed in eight is calm, two are stormy, the others rough.
    fn weather(self) -> Weather {
        match self.seed % 8 {
            0 => Weather::calm(),
            1 | 2 => Weather::stormy(),
            _ => Weather::rough(),
        }
    }

    fn countdown(self, sim: &Rc<Sim>) -> Result<Vec<String>, Wrong> {
        let said = in_the_network(sim, || (self.style.countdown)())?;
        if said != TOGETHER {
            return Err(Wrong(format!("it said {said:?}")));
        }
        Ok(said)
    }

    /// Every other seed crawls the hostile site.
    fn crawl(self, sim: &Rc<Sim>, connections_break: bool) -> Result<Vec<String>, Wrong> {
        let is_hostile = self.seed % 2 == 1;
        let site = if is_hostile { Site::hostile() } else { Site::friendly() };
        let expected = site.expected();
        let target = Target::resolve(SITE).map_err(|error| Wrong(error.to_string()))?;
        let in_flight = serve(sim, site, target.addresses[0]);
        let concurrency = 1 + usize::try_from(self.seed % 20).expect("it is below 20");
        let job = Job { concurrency, ..Job::new(target) };
        let report = in_the_network(sim, || (self.style.crawl)(job))?;
        if in_flight.most() > concurrency {
            let most = in_flight.most();
            return Err(Wrong(format!("{most} requests at once, and not {concurrency}")));
        }
        if !connections_break {
            is_as_expected(&report, &expected)?;
        }
        Ok(report.to_string().lines().map(str::to_owned).collect())
    }

    fn echo(self, sim: &Rc<Sim>, connections_break: bool) -> Result<Vec<String>, Wrong> {
        let (control, address) = (Control::new(), SocketAddr::from(ECHO));
        let clients: Rc<RefCell<Vec<Watched>>> = Rc::default();
        let stop = control.clone();
        sim.after(CLOSING_TIME, move || stop.stop());
        for (n, manner) in (0_u64..).zip(Manner::ALL.into_iter().cycle().take(12)) {
            let (client, watched) = Client::new(manner, words(self.seed, n));
            clients.borrow_mut().push(watched);
            sim.connect_peer(Duration::from_millis(5 * n), address, Box::new(client));
        }
        in_the_network(sim, || (self.style.echo)(address, control))?;
        let clients = clients.borrow();
        match clients.iter().find_map(|client| client.complaint(connections_break)) {
            Some(complaint) => Err(Wrong(complaint.to_string())),
            None => Ok(vec![format!("{} clients were served", clients.len())]),
        }
    }
}

/// An echo server with two polite clients in calm weather, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn talk(style: &Style, seed: u64) -> io::Result<()> {
    let (sim, control) = (Sim::new(seed, Weather::calm()), Control::new());
    let stop = control.clone();
    sim.after(Duration::from_millis(30), move || stop.stop());
    for (delay, words) in [(0, "hello"), (4, "good day")] {
        let (client, _) = Client::new(Manner::Eager, words.into());
        sim.connect_peer(Duration::from_millis(delay), ECHO.into(), Box::new(client));
    }
    backend::scope(sim, || (style.echo)(ECHO.into(), control))
}

/// A crawl of the first few pages in calm weather, to be recorded.
///
/// # Errors
///
/// Fails as the program does.
pub(crate) fn stroll(
    style: &Style,
    seed: u64,
    (limit, concurrency): (usize, usize),
) -> io::Result<()> {
    let sim = Sim::new(seed, Weather::calm());
    let target = Target::resolve(SITE).map_err(io::Error::other)?;
    serve(&sim, Site::friendly(), target.addresses[0]);
    let job = Job { limit, concurrency, ..Job::new(target) };
    backend::scope(sim, || (style.crawl)(job)).map(drop)
}

/// Serves a site in the network, and gives the count of requests under way.
fn serve(sim: &Sim, site: Site, address: SocketAddr) -> InFlight {
    let (site, in_flight) = (Rc::new(site), InFlight::default());
    let counted = in_flight.clone();
    sim.serve(address, move || {
        Box::new(SitePeer::new(Rc::clone(&site), counted.clone()))
    });
    in_flight
}

/// What must be right whatever the program did: it left nothing open, and it did not ask all
/// the time.
fn check(sim: &Sim, tally: Tally, arrivals: u64) -> Result<(), Wrong> {
    let open = sim.open_sockets();
    if open > 0 {
        return Err(Wrong(format!("{open} sockets are still open")));
    }
    let Tally { attempts, bytes, waits } = tally;
    let enough = 1000 + PATIENCE * (arrivals + bytes);
    if attempts > enough || waits > enough {
        return Err(Wrong(format!(
            "it keeps asking: {attempts} attempts and {waits} waits for {bytes} bytes in \
             {arrivals} arrivals"
        )));
    }
    Ok(())
}

/// What a client says: up to some thousand bytes, different for each.
fn words(seed: u64, client: u64) -> Vec<u8> {
    let mixed = (seed ^ client << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let size = match mixed % 4 {
        0 => 1 + mixed % 7,
        1 => mixed % 300,
        2 => mixed % 5000,
        _ => mixed % 40_000,
    };
    (0..size).map(|n| (n.wrapping_mul(31) ^ mixed).to_le_bytes()[0]).collect()
}

fn in_the_network<T>(
    sim: &Rc<Sim>,
    body: impl FnOnce() -> io::Result<T>,
) -> Result<T, Wrong> {
    let network: Rc<Sim> = Rc::clone(sim);
    backend::scope(network, body).map_err(|error| Wrong(error.to_string()))
}

fn is_as_expected(report: &Report, expected: &Report) -> Result<(), Wrong> {
    for (path, outcome) in expected.pages() {
        match report.pages().get(path) {
            Some(found) if found == outcome => {}
            Some(found) => {
                return Err(Wrong(format!("{path}: {found}, and not {outcome}")));
            }
            None => return Err(Wrong(format!("{path} was not visited"))),
        }
    }
    match report.pages().keys().find(|path| !expected.pages().contains_key(*path)) {
        Some(path) => Err(Wrong(format!("{path} is not a page of the site"))),
        None => Ok(()),
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
