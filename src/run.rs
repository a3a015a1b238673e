//! `lineage run`: one of the small programs, in one style.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use reactor::sim::Tally;
use site::demo::Course;
use site::server::Server;
use site::{Control, Job, Race, Site, Target, addresses_of, count};

use crate::crawl::Crawl;
use crate::error::{Error, complain};
use crate::interrupt::{self, end_on_interrupt};
use crate::invocation::to_type;
use crate::output::Output;
use crate::sim::Case;
use crate::styles::{Serve, Style};

/// How long a server may take to stop before it is left where it is.
const GRACE: Duration = Duration::from_secs(1);

/// How long a page of the hostile site may take: one of them never answers.
pub const HOSTILE_TIMEOUT: Duration = Duration::from_secs(1);

/// A program that every style has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Three countdowns at once, each at its own pace
    Countdown,
    /// An echo server, until Ctrl-C
    Echo,
    /// A crawl of the site that is built in
    Crawl,
    /// A race over the addresses of a host (RFC 8305)
    HappyEyeballs,
    /// A room where people talk, until Ctrl-C
    Chat,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Countdown, Self::Echo, Self::Crawl, Self::HappyEyeballs, Self::Chat];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Countdown => "countdown",
            Self::Echo => "echo",
            Self::Crawl => "crawl",
            Self::HappyEyeballs => "happy-eyeballs",
            Self::Chat => "chat",
        }
    }
}

/// Which of the sites that are built in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temper {
    /// Forty pages that behave.
    #[default]
    Friendly,
    /// Everything that real sites do to a crawler.
    Hostile,
}

/// Runs `program` in `style`. `host` is whose addresses are raced over, if not those of a course
/// that is laid out on this machine; `address` is where a server listens, if not at any free
/// port.
///
/// # Errors
///
/// Fails as the program does; a usage error for a hostile site where there is none, for a host
/// that nobody races to or that is none, for an address where nobody listens, and for a style
/// that cannot chat.
pub fn run(
    program: Program,
    style: &'static Style,
    host: Option<&str>,
    address: Option<SocketAddr>,
    temper: Temper,
    output: &mut Output,
) -> Result<(), Error> {
    if temper == Temper::Hostile && program != Program::Crawl {
        let how = to_type("run crawl --hostile");
        let text = format!("--hostile is a kind of site, and only crawl has one: {how}");
        return Err(Error::Usage(text));
    }
    if address.is_some() && !matches!(program, Program::Echo | Program::Chat) {
        let how = to_type("run echo --address IP:PORT");
        let text = format!(
            "--address is where a server listens, and only echo and chat are: {how}"
        );
        return Err(Error::Usage(text));
    }
    if let Some(host) = host.filter(|_| program != Program::HappyEyeballs) {
        let how = to_type("run happy-eyeballs HOST[:PORT]");
        let text = format!(
            "{host:?} is a host to race to, and only happy-eyeballs is a race: {how}"
        );
        return Err(Error::Usage(text));
    }
    let address = address.unwrap_or((Ipv4Addr::LOCALHOST, 0).into());
    #[cfg(unix)]
    let _shown = shown(style);
    match program {
        Program::Countdown => countdown(style, output),
        Program::Echo => serve(style, style.echo, address, output),
        Program::Crawl => crawl(style, temper, output),
        Program::HappyEyeballs => happy_eyeballs(style, host, output),
        Program::Chat => serve(style, style.needs_a_room()?, address, output),
    }
}

/// A style that can show its tasks does: to `lineage ps`, and at Ctrl-\. Where that cannot be,
/// the program runs without.
#[cfg(unix)]
fn shown(style: &Style) -> Option<stage5_asyncio::debug::Serving> {
    let is_able = style.stage() == "stage5-asyncio";
    is_able.then(|| stage5_asyncio::debug::serve().ok()).flatten()
}

fn countdown(style: &Style, output: &mut Output) -> Result<(), Error> {
    let began = Instant::now();
    let lines = (style.countdown)().map_err(|error| in_style(style, &error))?;
    let seconds = began.elapsed().as_secs_f64();
    lines.iter().try_for_each(|line| output.line(line))?;
    output.line(format_args!("{seconds:.2} s, in style {}", style.name))
}

fn serve(
    style: &Style,
    serve: Serve,
    address: SocketAddr,
    output: &mut Output,
) -> Result<(), Error> {
    let control = Control::new();
    stop_on_interrupt(&control)?;
    let server = {
        let control = control.clone();
        thread::spawn(move || {
            let served = serve(address, control.clone());
            control.failed();
            served
        })
    };
    if let Some(address) = control.address() {
        // In one piece, for those who read no further than the address.
        let (ip, port) = (address.ip(), address.port());
        output.line(format_args!(
            "listening on {address}, in style {}\n(try: nc {ip} {port}; Ctrl-C ends it)",
            style.name
        ))?;
    }
    let ended = server.join().map_err(|_| Error::failure("the server panicked"))?;
    ended.map_err(|error| Error::Failure(format!("{address}: {error}")))?;
    output.line("goodbye")
}

/// Ctrl-C asks the server to stop, as its program knows how to. One that does not is left.
fn stop_on_interrupt(control: &Control) -> Result<(), Error> {
    let control = control.clone();
    interrupt::on_interrupt(move || {
        control.stop();
        thread::sleep(GRACE);
        complain(format_args!(
            "goodbye, although some clients are not done after {GRACE:?}"
        ));
        std::process::exit(0);
    })
}

fn crawl(
    style: &'static Style,
    temper: Temper,
    output: &mut Output,
) -> Result<(), Error> {
    let site = match temper {
        Temper::Friendly => Site::friendly(),
        Temper::Hostile => Site::hostile(),
    };
    let server = Server::start(site).map_err(|error| no_site(&error))?;
    let url = server.url();
    let mut job = Job::new(Target::resolve(&url).map_err(Error::failure)?);
    if temper == Temper::Hostile {
        job.timeout = HOSTILE_TIMEOUT;
    }
    Crawl { url: &url, job, styles: vec![style], json: false, strict: false }
        .run(output)?;
    let most = count(server.max_in_flight(), "request");
    output.line(format_args!("at most {most} in flight"))
}

/// Without a host, over three addresses of this machine: nobody answers, nobody listens,
/// somebody does.
fn happy_eyeballs(
    style: &Style,
    host: Option<&str>,
    output: &mut Output,
) -> Result<(), Error> {
    end_on_interrupt()?;
    if let Some(host) = host {
        return race(style, addresses_of(host)?, output);
    }
    let course = Course::lay().map_err(|error| {
        Error::Failure(format!("cannot listen for those who race: {error}"))
    })?;
    race(style, course.addresses(), output)
}

fn race(
    style: &Style,
    addresses: Vec<SocketAddr>,
    output: &mut Output,
) -> Result<(), Error> {
    let began = Instant::now();
    let won = (style.happy_eyeballs)(Race::new(addresses));
    let seconds = began.elapsed().as_secs_f64();
    let won = won.map_err(|error| in_style(style, &error))?;
    won.attempts.iter().try_for_each(|attempt| output.line(attempt))?;
    output.line(format_args!("{seconds:.2} s, in style {}", style.name))
}

/// Runs a program in the simulated network, and says what it came to.
///
/// # Errors
///
/// A usage error for a style without a loop; a failure that says what was wrong.
pub fn simulated(case: Case, output: &mut Output) -> Result<(), Error> {
    case.style.needs_a_loop("to be simulated")?;
    let told = case.run().map_err(|wrong| Error::Failure(format!("{case}: {wrong}")))?;
    told.result.iter().try_for_each(|line| output.line(line))?;
    let Tally { attempts, bytes, waits, arrivals, .. } = told.tally;
    output.line(format_args!(
        "{case}: {:.3} s by the network's clock; {}, {}, {}, {}",
        told.took.as_secs_f64(),
        count(attempts, "attempt"),
        count(bytes, "byte"),
        count(waits, "wait"),
        count(arrivals, "arrival")
    ))
}

/// The embedded site could not be served.
pub(crate) fn no_site(error: &io::Error) -> Error {
    Error::Failure(format!("cannot serve the site that is built in: {error}"))
}

fn in_style(style: &Style, error: &io::Error) -> Error {
    Error::Failure(format!("{}: {error}", style.name))
}
