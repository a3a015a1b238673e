//! What may be typed, and the one line that answers what may not.

mod book;
mod check;
mod choice;
mod crawl;
mod step;
mod try_it;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use site::{Job, Target, count};
use stage6_uvloop::engine::Engine;

use crate::companion::Companion;
use crate::crawl::{CONCURRENCY, Crawled};
use crate::diff::{self, Side};
use crate::error::Error;
use crate::invocation::invocation;
use crate::output::Output;
use crate::run::{self, Program, Temper};
use crate::sim::Case;
use crate::styles::{STYLES, Style};
use crate::tour::Tour;
use crate::trace::{self, Format};
use crate::{child, cost, doctor, engine, list, park, shell, soak};

pub use self::book::{Book, Command as BookCommand, Question};
pub use self::check::Check;
pub use self::choice::{Choice, Number};
use self::crawl::CrawlArgs;
pub use self::step::Step;
pub use self::try_it::Try;

/// Understand async by watching it being invented.
///
/// Without a command: a tour. One crawler, written in every style from blocking calls to
/// uvloop, crawls a small site, and you see what the style changes and what it does not.
#[derive(Debug, Parser)]
#[command(
    name = "lineage",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Exit status: 0 all is well, 1 it did not work, 2 what was typed makes no sense,\n\
                  3 crawl --strict found a broken page, 130 interrupted.",
    override_usage = "lineage [--plain | --json]\n       lineage <COMMAND>"
)]
pub struct Args {
    /// The tour without questions, live progress and colour
    #[arg(long)]
    plain: bool,

    /// The tour's figures as one JSON object
    #[arg(long)]
    json: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The tour, which is also what runs without a command
    Tour {
        /// Also draw it: a page with the requests of all styles side by side
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,

        /// Without questions, live progress and colour
        #[arg(long)]
        plain: bool,
    },

    Crawl(CrawlArgs),

    /// Run one of the small programs
    Run {
        /// What to run
        #[arg(value_enum)]
        program: Program,

        /// Whose addresses to race over; the port is 80 unless told
        #[arg(value_name = "HOST[:PORT]", conflicts_with = "sim")]
        host: Option<String>,

        /// In which style
        #[arg(long, value_name = "STYLE", default_value = "async-await", value_parser = a_style(), hide_possible_values = true)]
        style: &'static Style,

        /// Where a server listens, if not at a free port of 127.0.0.1
        #[arg(long, value_name = "IP:PORT", value_parser = address)]
        address: Option<SocketAddr>,

        /// Crawl the site that does everything real sites do to a crawler
        #[arg(long)]
        hostile: bool,

        /// What waits for its sockets: mio (the selector of the platform) or uring
        #[arg(long = "loop", value_name = "ENGINE", value_parser = an_engine(), hide_possible_values = true)]
        engine: Option<Engine>,

        /// In a simulated network, where everything follows from this number
        #[arg(long, value_name = "SEED", conflicts_with_all = ["hostile", "address", "engine"])]
        sim: Option<u64>,
    },

    /// Run every program in a simulated network, over many seeds
    Soak {
        /// How many seeds
        #[arg(long, value_name = "N", default_value = "100", value_parser = at_least_one::<u64>, allow_negative_numbers = true)]
        seeds: u64,

        /// The first of them
        #[arg(long, value_name = "SEED", default_value_t = 0)]
        from: u64,

        /// The style, or "all"
        #[arg(long, value_name = "STYLE", default_value = "all", value_parser = styles(), hide_possible_values = true)]
        style: Styles,
    },

    /// Record what the loop does in a run: who ran, who waits, who woke whom
    #[command(
        after_help = "The format is in docs/trace.md. With --perfetto, open the file in a trace viewer."
    )]
    Trace {
        /// What to run
        #[arg(value_enum)]
        program: Program,

        /// In which style
        #[arg(long, value_name = "STYLE", default_value = "async-await", value_parser = a_style(), hide_possible_values = true)]
        style: &'static Style,

        /// The file to write; - is stdout
        #[arg(long, value_name = "FILE")]
        out: PathBuf,

        /// As Chrome's trace events, which trace viewers such as Perfetto open
        #[arg(long)]
        perfetto: bool,
    },

    Step(Step),

    /// Show the tasks of a running program: what each waits for, and who waits for whom
    #[command(
        after_help = "A program shows its tasks if it calls debug::serve(), if it is started with\n\
                      LINEAGE_ASYNCIO_DEBUG=1, or by: run PROGRAM --style asyncio. Ctrl-\\ in it\n\
                      prints the same."
    )]
    Ps {
        /// Which process; without, those are listed that can be asked
        pid: Option<u32>,

        /// As JSON
        #[arg(long)]
        json: bool,
    },

    /// Watch the tasks of a running program: how often each is polled, how busy it is
    #[command(after_help = "It is left by q. Without a terminal, it is shown once.")]
    Top {
        /// Which process; without, the only one that can be asked
        pid: Option<u32>,

        /// How long between two looks
        #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds, allow_negative_numbers = true)]
        every: Duration,
    },

    /// Show what changes from stage to stage
    #[command(
        after_help = "A side is a stage (stage3-yield-from, stage3, 3) or a style (deferreds).\n\
                      Without sides: a table of all neighbours. With a file: its diff."
    )]
    Diff {
        /// The earlier stage or style
        #[arg(value_name = "A", requires = "to", value_parser = side)]
        from: Option<Side>,

        /// The later stage or style
        #[arg(value_name = "B", value_parser = side)]
        to: Option<Side>,

        /// A file that both may have, such as net.rs or examples/crawl.rs
        file: Option<String>,
    },

    /// Measure what a call costs, in each style
    Cost {
        /// How long to measure
        #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds, allow_negative_numbers = true)]
        seconds: Duration,

        /// One JSON object: the rows, and Python's
        #[arg(long)]
        json: bool,
    },

    Check(Check),

    Try(Try),

    Book(Book),

    /// List the styles and the programs
    List {
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },

    /// Look what of the things around is there, and what it would be for
    Doctor {
        /// As a JSON array
        #[arg(long)]
        json: bool,
    },

    /// Print what completes these commands in a shell
    Completions {
        /// For which shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },

    /// Print the page of the manual, for `man -l -`
    Man,

    /// A crawl in a process of its own, for the tour
    #[command(name = "child-crawl", hide = true)]
    ChildCrawl {
        #[arg(value_parser = a_style(), hide_possible_values = true)]
        style: &'static Style,
        url: String,
        #[arg(value_parser = seconds)]
        timeout: Duration,
        #[arg(default_value_t = CONCURRENCY)]
        concurrency: usize,
    },

    /// Parked tasks in a process of their own, for `cargo bench`
    #[command(name = "child-park", hide = true)]
    ChildPark {
        #[arg(value_parser = a_style(), hide_possible_values = true)]
        style: &'static Style,
    },
}

/// One style, or all of them.
#[derive(Clone, Debug)]
struct Styles(Vec<&'static Style>);

impl Args {
    /// Reads the command line. Asked for help or the version, prints that and exits.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`], in one line; a failure if the help cannot be written.
    pub fn read(output: &mut Output) -> Result<Self, Error> {
        let lineage = invocation();
        let usage = format!("{lineage} [--plain | --json]\n       {lineage} <COMMAND>");
        let command = Self::command().bin_name(lineage).override_usage(usage);
        parsed(command).map_err(|error| match error.kind() {
            ErrorKind::InvalidSubcommand => {
                let text = in_one_line(&error.to_string());
                let what = text.split("; Usage").next().unwrap_or_default();
                let commands = command_names().join(", ");
                Error::Usage(format!("{what}; there are: {commands}"))
            }
            _ => answer(&error, output),
        })
    }

    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// As the command does.
    pub fn obey(self, output: &mut Output) -> Result<(), Error> {
        match self.command {
            Some(command) => command.obey(output),
            None if self.json => Tour::default().json(output),
            None => tour(None, self.plain, output),
        }
    }
}

fn crawl_for_a_parent(
    style: &Style,
    url: &str,
    timeout: Duration,
    concurrency: usize,
) -> Result<(), Error> {
    let job = Job { concurrency, timeout, ..Job::new(Target::resolve(url)?) };
    child::answer(&Crawled::by(style, job)?)
}

/// A tour, and the page that it leaves, if that was asked for.
fn tour(page: Option<&Path>, is_plain: bool, output: &mut Output) -> Result<(), Error> {
    if is_plain {
        output.make_plain();
    }
    page.map_or_else(|| Ok(Tour::default()), Tour::with_page)?.show(output)
}

impl Command {
    fn obey(self, output: &mut Output) -> Result<(), Error> {
        match self {
            Self::Tour { html, plain } => tour(html.as_deref(), plain, output),
            Self::Crawl(args) => args.obey(output),
            Self::Run { program, style, sim: Some(seed), .. } => {
                run::simulated(Case { program, style, seed }, output)
            }
            Self::Soak { seeds, from, style } => {
                soak::soak(from..=last_seed(from, seeds)?, style.0, output)
            }
            Self::Run { program, host, style, address, hostile, engine, sim: None } => {
                engine::choose(engine, &[style])?;
                let temper = if hostile { Temper::Hostile } else { Temper::Friendly };
                run::run(program, style, host.as_deref(), address, temper, output)
            }
            Self::Trace { program, style, out, perfetto } => {
                let format = if perfetto { Format::Perfetto } else { Format::Json };
                trace::trace(program, style, &out, format, output)
            }
            Self::Step(it) => crate::step::step(&it, typed_behind()),
            looks @ (Self::Ps { .. } | Self::Top { .. }) => looks.look(output),
            Self::Diff { from: Some(from), to: Some(to), file } => match file {
                Some(file) => diff::file(from, to, &file, output),
                None => diff::pair(from, to, output),
            },
            Self::Diff { .. } => diff::all(output),
            Self::Cost { seconds, json } => cost::command(seconds, json, output),
            tries @ (Self::Check(_) | Self::Try(_)) => tries.exercise(),
            Self::Book(_) => Companion::BOOK.run(&typed_behind()),
            Self::List { json } => list::list(json, output),
            Self::Doctor { json } => doctor::doctor(json, output),
            Self::Completions { shell } => {
                shell::completions(shell, Args::command(), output)
            }
            Self::Man => shell::man(Args::command(), output),
            Self::ChildCrawl { style, url, timeout, concurrency } => {
                crawl_for_a_parent(style, &url, timeout, concurrency)
            }
            Self::ChildPark { style } => park::measure(style, |kib| child::answer(&kib)),
        }
    }

    /// Checks what is written for an exercise, or tries a program: if there is any to try.
    fn exercise(self) -> Result<(), Error> {
        if let Self::Try(it) = self {
            it.text()?;
        }
        Companion::EXERCISES.run(&exercise())
    }

    /// Looks into a program that runs.
    #[cfg(unix)]
    fn look(self, output: &mut Output) -> Result<(), Error> {
        match self {
            Self::Ps { pid, json } => crate::ps::ps(pid, json, output),
            Self::Top { pid, every } => crate::top::top(pid, every, output),
            _ => unreachable!("no other command does"),
        }
    }

    #[cfg(not(unix))]
    fn look(self, _: &mut Output) -> Result<(), Error> {
        Err(Error::failure("a program is asked over a Unix socket, and here are none"))
    }
}

/// What was typed to a companion that was run by itself, and not as a command of `lineage`.
///
/// # Errors
///
/// As [`Args::read`].
pub fn read<A: Parser>(companion: Companion, output: &mut Output) -> Result<A, Error> {
    read_from(companion, std::env::args_os().collect(), output)
}

/// The same of words that were typed, the first of which is the program.
///
/// # Errors
///
/// As [`Args::read`].
pub fn read_from<A: Parser>(
    companion: Companion,
    typed: Vec<OsString>,
    output: &mut Output,
) -> Result<A, Error> {
    let by_cargo = format!("cargo run -q -p {} --", companion.name);
    let matches = A::command().bin_name(by_cargo).try_get_matches_from(typed);
    let parsed = matches.and_then(|mut it| A::from_arg_matches_mut(&mut it));
    parsed.map_err(|error| answer(&error, output))
}

fn parsed<A: Parser>(command: clap::Command) -> Result<A, clap::Error> {
    let mut matches = command.try_get_matches()?;
    A::from_arg_matches_mut(&mut matches)
}

/// What was typed for the exercises: they check, unless it begins with `try`.
fn exercise() -> Vec<OsString> {
    let is_check = std::env::args_os().nth(1).is_some_and(|word| word == "check");
    std::env::args_os().skip(if is_check { 2 } else { 1 }).collect()
}

/// What was typed behind the name of the command.
fn typed_behind() -> Vec<OsString> {
    std::env::args_os().skip(2).collect()
}

/// What clap answers instead of arguments. Help and the version are printed, and that is all
/// that was wanted: the process ends. Whatever else it says is a usage error, in one line.
fn answer(error: &clap::Error, output: &mut Output) -> Error {
    if error.use_stderr() {
        return Error::Usage(in_one_line(&error.to_string()));
    }
    match output.styled(&error.render()) {
        Ok(()) => process::exit(0),
        Err(error) => error,
    }
}

/// The commands that are in the help.
fn command_names() -> Vec<String> {
    let root = Args::command();
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect()
}

/// Reads the name of a style. (A shell may offer those there are.)
pub fn a_style() -> impl TypedValueParser<Value = &'static Style> {
    PossibleValuesParser::new(Style::names())
        .map(|name| Style::named(&name).expect("it is one of them"))
}

/// Reads the name of an engine. (A shell may offer those there are.)
fn an_engine() -> impl TypedValueParser<Value = Engine> {
    PossibleValuesParser::new(Engine::ALL.map(Engine::name))
        .map(|name| name.parse().expect("it is one of them"))
}

fn styles() -> impl TypedValueParser<Value = Styles> {
    let names = Style::names().into_iter().chain(["all"]);
    PossibleValuesParser::new(names).map(|name| {
        let one = |style| Styles(vec![style]);
        Style::named(&name).map_or_else(|| Styles(STYLES.iter().collect()), one)
    })
}

fn side(name: &str) -> Result<Side, String> {
    Side::named(name).ok_or_else(|| {
        let stages = diff::stage_names().join(", ");
        let styles = Style::names().join(", ");
        format!("there is no such stage or style; there are: {stages}; {styles}")
    })
}

fn at_least_one<N: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| "a whole number from 1 on is needed".to_owned())
}

/// The last of so many seeds.
fn last_seed(from: u64, seeds: u64) -> Result<u64, Error> {
    from.checked_add(seeds - 1).ok_or_else(|| {
        let (seeds, last) = (count(seeds, "seed"), u64::MAX);
        Error::Usage(format!("{seeds} from {from} on are too many: the last is {last}"))
    })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
    duration
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "seconds above 0 are needed, such as 10 or 0.5".to_owned())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address such as 127.0.0.1:7007 is needed".to_owned())
}

/// What clap has to say, without its headings and hints on lines of their own.
pub fn in_one_line(text: &str) -> String {
    let text = text.trim().trim_start_matches("error: ");
    let paragraphs =
        text.split("\n\n").filter(|it| !it.starts_with("For more information"));
    let in_one = |paragraph: &str| {
        let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
        lines.join(if paragraph.starts_with("Usage") { " or " } else { " " })
    };
    let paragraphs: Vec<_> = paragraphs.map(in_one).collect();
    paragraphs.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_time_is_above_zero_and_a_number() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "NaN", "inf", "1e300", "", "ten", "1e-300"] {
            assert!(seconds(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn an_error_is_one_line() {
        let text = "error: unexpected argument '--x' found\n\n  tip: a similar argument \
                    exists: '--y'\n\nUsage: lineage crawl <URL>\n\nFor more information, \
                    try '--help'.\n";
        assert_eq!(
            in_one_line(text),
            "unexpected argument '--x' found; tip: a similar argument exists: '--y'; \
             Usage: lineage crawl <URL>"
        );
    }
}
