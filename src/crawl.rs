//! `lineage crawl`: a real site, in one style or in all of them.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use site::{Job, Outcome, Progress, Report, Target, count};

use crate::error::{Error, complain};
use crate::interrupt;
use crate::output::Output;
use crate::styles::Style;

/// How many requests may be under way at once, if nobody says otherwise.
pub const CONCURRENCY: usize = 16;

/// Descriptors that are needed for anything but requests.
const OTHER_DESCRIPTORS: usize = 16;

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// A crawl to be done, and how to tell of it.
#[derive(Debug)]
pub struct Crawl<'a> {
    /// Where to begin, as it was typed.
    pub url: &'a str,
    /// The same, read and resolved; how much, how hard.
    pub job: Job,
    /// In which styles, one after the other.
    pub styles: Vec<&'static Style>,
    /// Whether a machine will read the answer.
    pub json: bool,
}

/// What a crawl in one style came to: also what a child answers, and what `--json` shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crawled {
    /// The style's name.
    pub style: String,
    /// From the call to its return.
    pub seconds: f64,
    /// Pages that did not end with a status below 400.
    pub errors: usize,
    /// [`Report::digest`].
    pub digest: String,
    /// What became of every page, sorted by path.
    pub pages: Vec<Visited>,
}

/// What became of one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visited {
    /// The path, and the query.
    pub path: String,
    /// A status, or the kind of a failure; and where it leads, if that is away from the site.
    pub outcome: String,
}

/// All of a crawl, as `--json` shows it.
#[derive(Serialize)]
struct Answer<'a> {
    url: &'a str,
    styles: &'a [Crawled],
    agree: bool,
}

impl Crawled {
    /// Crawls in this process, on this thread.
    ///
    /// # Errors
    ///
    /// Fails when the style's loop does.
    pub fn by(style: &Style, job: Job) -> Result<(Self, Report), Error> {
        let began = Instant::now();
        let report = (style.crawl)(job)
            .map_err(|error| Error::Failure(format!("{}: {error}", style.name)))?;
        let seconds = began.elapsed().as_secs_f64();
        let visited = |path: &String| {
            Some(Visited { path: path.clone(), outcome: report.words(path)? })
        };
        let crawled = Self {
            style: style.name.to_owned(),
            seconds,
            errors: report.errors(),
            digest: report.digest(),
            pages: report.pages().keys().filter_map(visited).collect(),
        };
        Ok((crawled, report))
    }
}

impl fmt::Display for Crawled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pages, errors) = (self.pages.len(), self.errors);
        let (pages, errors) = (count(pages, "page"), count(errors, "error"));
        write!(f, "{pages}, {errors}, {:.2} s", self.seconds)
    }
}

/// Whether all came to the same pages and outcomes.
pub fn agree(crawls: &[Crawled]) -> bool {
    crawls.windows(2).all(|pair| pair[0].digest == pair[1].digest)
}

impl Crawl<'_> {
    /// Crawls, and tells.
    ///
    /// # Errors
    ///
    /// Fails when the first page cannot be had at all, and when the styles disagree; but
    /// tells what there is to tell even then.
    pub fn run(mut self, output: &mut Output) -> Result<(), Error> {
        self.keep_within_descriptors();
        let watch = Watch::default();
        watch.start()?;
        let mut crawls = Vec::new();
        let mut first_page = None;
        for style in &self.styles {
            // A progress of its own, so that each style counts from zero.
            let progress = Progress::default();
            let job = Job { progress: progress.clone(), ..self.job.clone() };
            watch.begin(style.name, progress);
            let crawled = Crawled::by(style, job);
            watch.end();
            let (crawled, report) = crawled?;
            first_page = report.pages().get(&self.job.target.path).copied();
            crawls.push(crawled);
        }
        self.tell(&crawls, output)?;
        match first_page {
            Some(Outcome::Status(_)) | None if agree(&crawls) => Ok(()),
            Some(Outcome::Status(_)) | None => Err(disagreement()),
            Some(outcome) => Err(no_first_page(outcome, &self.job)),
        }
    }

    /// A request that has no descriptor fails, and in each style it is another one. So there
    /// are no more at once than there are descriptors for.
    fn keep_within_descriptors(&mut self) {
        let Some(descriptors) = max_descriptors() else { return };
        let (asked, enough) =
            (self.job.concurrency, descriptors.saturating_sub(OTHER_DESCRIPTORS).max(1));
        if asked > enough {
            complain(format_args!(
                "{} are enough for {} at once, not for {asked}",
                count(descriptors, "descriptor"),
                count(enough, "request")
            ));
            self.job.concurrency = enough;
        }
    }

    fn tell(&self, crawls: &[Crawled], output: &mut Output) -> Result<(), Error> {
        if self.json {
            let agree = agree(crawls);
            return output.json(&Answer { url: self.url, styles: crawls, agree });
        }
        if let [crawled] = crawls {
            for Visited { path, outcome } in &crawled.pages {
                output.line(format_args!("{path} {outcome}"))?;
            }
            return output.line(format_args!("{crawled}, in style {}", crawled.style));
        }
        for crawled in crawls {
            let digest = &crawled.digest[..12];
            output.line(format_args!(
                "{:<12}  {crawled}, digest {digest}",
                crawled.style
            ))?;
        }
        output.line(if agree(crawls) {
            "All styles agree on every page."
        } else {
            "The styles do not agree: the same digest means the same pages and outcomes."
        })
    }
}

/// How many descriptors this process may have. `None`: as many as it likes, or nobody knows.
#[cfg(unix)]
fn max_descriptors() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|limit| limit.try_into().ok())
}

#[cfg(not(unix))]
fn max_descriptors() -> Option<usize> {
    None
}

fn disagreement() -> Error {
    Error::failure("the styles do not agree on what became of the pages")
}

fn no_first_page(outcome: Outcome, job: &Job) -> Error {
    let Target { addresses, path, .. } = &job.target;
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(", ");
    Error::Failure(match outcome {
        Outcome::Refused => {
            format!("{addresses}: connection refused; nobody listens there")
        }
        Outcome::TimedOut => {
            let seconds = job.timeout.as_secs_f64();
            format!("{addresses}: no answer for {path} within {seconds} s")
        }
        Outcome::Malformed => format!("{addresses}: the answer for {path} is not HTTP"),
        other => format!("{addresses}: cannot get {path}: {other}"),
    })
}

/// How far the crawl has come: shown by a thread of its own, and told by Ctrl-C.
#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Watched>>);

#[derive(Default)]
struct Watched {
    /// Of the style that crawls now, or crawled last.
    progress: Progress,
    /// The style that crawls now. `None`: nothing may be shown.
    style: Option<&'static str>,
}

impl Watch {
    /// Says at a Ctrl-C how far it came; shows it all the time, but only to people.
    fn start(&self) -> Result<(), Error> {
        let watch = self.clone();
        interrupt::on_interrupt(move || {
            watch.end();
            let pages = count(watch.watched().progress.pages(), "page");
            complain(format_args!("interrupted after {pages}"));
        })?;
        if io::stderr().is_terminal() {
            let watch = self.clone();
            thread::spawn(move || {
                loop {
                    watch.watched().show();
                    thread::sleep(TICK);
                }
            });
        }
        Ok(())
    }

    fn begin(&self, style: &'static str, progress: Progress) {
        *self.watched() = Watched { progress, style: Some(style) };
    }

    fn end(&self) {
        if self.watched().style.take().is_some() && io::stderr().is_terminal() {
            drop(io::stderr().write_all(b"\r\x1b[K"));
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn show(&self) {
        if let Some(style) = self.style {
            let text = format!("\r{style}: {}", count(self.progress.pages(), "page"));
            drop(io::stderr().write_all(text.as_bytes()));
        }
    }
}
