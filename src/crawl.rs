//! `lineage crawl`: a real site, in one style or in all of them.
//!
//! The crawl runs on a thread of its own and tells what it finds; this thread listens to it,
//! and to whoever has had enough of it, and tells that on.

mod comparison;
mod log;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use site::{Job, News, Outcome, Progress, Target, count};

use crate::descriptors;
use crate::error::{Error, complain};
use crate::interrupt;
use crate::output::{Output, clipped, terminal_size};
use crate::styles::Style;

pub use self::log::{Log, Visited};

/// How many requests may be under way at once, if nobody says otherwise.
pub const CONCURRENCY: usize = 16;

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(100);

/// How long after Ctrl-C it may take to tell what is known so far.
const GRACE: Duration = Duration::from_secs(3);

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
    /// Whether a broken page is a failure.
    pub strict: bool,
}

/// What a crawl in one style came to: also what a child answers, and what `--json` shows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Crawled {
    /// The style's name.
    pub style: String,
    /// From the call to its return.
    pub seconds: f64,
    /// Pages that did not end with a status below 400.
    pub errors: usize,
    /// [`site::Report::digest`]. `None`: it has not come to its end.
    pub digest: Option<String>,
    /// Why it failed as a whole, if it did.
    pub failure: Option<String>,
    /// What became of every page, sorted by path.
    pub pages: Vec<Visited>,
    /// The pages that were left out, because `robots.txt` forbids them.
    pub forbidden: Vec<String>,
}

/// All of a crawl, as `--json` shows it.
#[derive(Serialize)]
struct Answer<'a> {
    url: &'a str,
    styles: &'a [Crawled],
    /// `None`: nobody knows, it was interrupted.
    agree: Option<bool>,
    interrupted: bool,
}

impl Crawled {
    /// Crawls in this process, on this thread.
    ///
    /// # Errors
    ///
    /// Fails when the style's loop does.
    pub fn by(style: &Style, job: Job) -> Result<Self, Error> {
        let log = Arc::new(Mutex::new(Log::default()));
        let listener = Arc::clone(&log);
        let progress = Progress::told_to(move |news| {
            listener.lock().unwrap_or_else(PoisonError::into_inner).note(news);
        });
        let began = Instant::now();
        let digest = run(style, Job { progress, ..job });
        let seconds = began.elapsed().as_secs_f64();
        let digest = digest.map_err(|why| in_style(style.name, &why))?;
        let log = mem::take(&mut *log.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Ended { style: style.name, seconds, log, end: Some(Ok(digest)) }.crawled())
    }
}

impl fmt::Display for Crawled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pages, errors) =
            (count(self.pages.len(), "page"), count(self.errors, "error"));
        write!(f, "{pages}, {errors}, {:.2} s", self.seconds)
    }
}

/// Crawls, and gives the report's digest. A panic is a failure too.
fn run(style: &Style, job: Job) -> Result<String, String> {
    let crawled = catch_unwind(AssertUnwindSafe(|| (style.crawl)(job)));
    let report = crawled.map_err(|_| "it panicked".to_owned())?;
    report.map(|report| report.digest()).map_err(|error| error.to_string())
}

fn in_style(style: &str, why: &str) -> Error {
    Error::Failure(format!("{style}: {why}"))
}

/// Whether all came to the same pages and outcomes.
pub fn agree(crawls: &[Crawled]) -> bool {
    let same = crawls.windows(2).all(|pair| pair[0].digest == pair[1].digest);
    same && crawls.iter().all(|crawled| crawled.failure.is_none())
}

/// Lines on what the styles do not agree on, and why, as far as that is known.
pub fn disagreement(crawls: &[Crawled]) -> Vec<String> {
    let mut lines = comparison::lines(crawls);
    let words = Outcome::NoDescriptors.to_string();
    let pages = || crawls.iter().flat_map(|crawled| &crawled.pages);
    if pages().any(|page| page.outcome == words) {
        lines.push(descriptors::reason());
    }
    lines
}

/// What is heard while a crawl goes on.
enum Heard {
    News(News),
    /// It has come to its end, with the report's digest.
    End(Result<String, String>),
    /// Somebody has had enough of it.
    Interrupt,
}

/// What came of the crawl in one style.
struct Ended {
    style: &'static str,
    seconds: f64,
    log: Log,
    /// The report's digest, or why there is none. `None`: it was interrupted.
    end: Option<Result<String, String>>,
}

impl Ended {
    fn crawled(&self) -> Crawled {
        Crawled {
            style: self.style.to_owned(),
            seconds: self.seconds,
            errors: self.log.errors(),
            digest: self.end.clone().and_then(Result::ok),
            failure: self.end.clone().and_then(Result::err),
            pages: self.log.pages(),
            forbidden: self.log.forbidden().to_vec(),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Err(why)) = &self.end {
            return write!(f, "failed: {why}");
        }
        let (pages, errors) = (count(self.log.len(), "page"), self.log.errors());
        write!(f, "{pages}, {}, {:.2} s", count(errors, "error"), self.seconds)?;
        f.write_str(if self.end.is_none() { ", interrupted" } else { "" })
    }
}

impl Crawl<'_> {
    /// Crawls, and tells: a page when it has come, a style when it is done.
    ///
    /// # Errors
    ///
    /// Fails when the first page cannot be had at all, and when the styles disagree; if it
    /// is strict, when a page is broken; when it is interrupted. But tells what there is to
    /// tell even then.
    pub fn run(mut self, output: &mut Output) -> Result<(), Error> {
        let enough = descriptors::enough_for(self.job.concurrency);
        if enough < self.job.concurrency {
            complain(descriptors::few_for(enough));
            self.job.concurrency = enough;
        }
        let (tell, heard) = mpsc::channel();
        let interrupt = tell.clone();
        interrupt::on_interrupt(move || {
            drop(interrupt.send(Heard::Interrupt));
            thread::sleep(GRACE);
        })?;
        let (mut crawls, mut last) = (Vec::new(), None);
        for style in &self.styles {
            let ended = self.listen(style, &tell, &heard, output)?;
            self.tell_of(&ended, output)?;
            // Many pages take some room, which is for whoever reads or compares them.
            crawls.extend((!self.tells_pages()).then(|| ended.crawled()));
            let was_interrupted = ended.end.is_none();
            last = Some(ended);
            if was_interrupted {
                break;
            }
        }
        let last = last.expect("there is a style");
        self.tell(&crawls, last.end.is_none(), output)?;
        self.verdict(&crawls, &last)
    }

    /// Crawls in one style, and tells of each page when it has come.
    fn listen(
        &self,
        style: &'static Style,
        tell: &Sender<Heard>,
        heard: &Receiver<Heard>,
        output: &mut Output,
    ) -> Result<Ended, Error> {
        let (job, news) = (self.job.clone(), tell.clone());
        // Nobody listens any more: the end is near.
        let progress = Progress::told_to(move |it| drop(news.send(Heard::News(it))));
        let (began, end) = (Instant::now(), tell.clone());
        let crawl =
            move || drop(end.send(Heard::End(run(style, Job { progress, ..job }))));
        thread::Builder::new().name(style.name.to_owned()).spawn(crawl).map_err(
            |error| Error::Failure(format!("{}: no thread for it: {error}", style.name)),
        )?;
        let mut log = Log::default();
        let mut shown = Shown::new(self.tells_pages() && output.is_terminal());
        loop {
            let end = match heard.recv_timeout(TICK) {
                Ok(Heard::News(news)) => {
                    if let Some(line) = log.note(news).filter(|_| self.tells_pages()) {
                        shown.clear();
                        output.line(line)?;
                    }
                    shown.show(style, log.len());
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    shown.show(style, log.len());
                    continue;
                }
                Ok(Heard::End(end)) => Some(end),
                Ok(Heard::Interrupt) | Err(RecvTimeoutError::Disconnected) => None,
            };
            shown.clear();
            let seconds = began.elapsed().as_secs_f64();
            return Ok(Ended { style: style.name, seconds, log, end });
        }
    }

    /// Whether each page is told, and not only each style.
    fn tells_pages(&self) -> bool {
        !self.json && self.styles.len() == 1
    }

    /// A style is done.
    fn tell_of(&self, ended: &Ended, output: &mut Output) -> Result<(), Error> {
        if self.json {
            return Ok(());
        }
        let style = ended.style;
        if self.tells_pages() {
            ended.log.late().try_for_each(|line| output.line(line))?;
            return output.line(format_args!("{ended}, in style {style}"));
        }
        let digest = match &ended.end {
            Some(Ok(digest)) => format!(", digest {}", clipped(digest, 12)),
            _ => String::new(),
        };
        output.line(format_args!("{style:<12}  {ended}{digest}"))
    }

    /// All of them are, or that is all there will be.
    fn tell(
        &self,
        crawls: &[Crawled],
        interrupted: bool,
        output: &mut Output,
    ) -> Result<(), Error> {
        let agree = (!interrupted).then(|| agree(crawls));
        if self.json {
            let answer = Answer { url: self.url, styles: crawls, agree, interrupted };
            return output.json(&answer);
        }
        match agree {
            Some(true) if crawls.len() > 1 => {
                output.line("All styles agree on every page.")
            }
            Some(false) => {
                disagreement(crawls).into_iter().try_for_each(|line| output.line(line))
            }
            _ => Ok(()),
        }
    }

    /// Whether that is as it should be. What became of the first page, the last style tells.
    fn verdict(&self, crawls: &[Crawled], last: &Ended) -> Result<(), Error> {
        let Some(end) = &last.end else {
            let pages = count(last.log.len(), "page");
            complain(format_args!("interrupted after {pages}"));
            return Err(Error::INTERRUPTED);
        };
        if let ([_], Err(why)) = (&self.styles[..], end) {
            return Err(in_style(last.style, why));
        }
        if !agree(crawls) {
            let pages = count(comparison::len(crawls), "page");
            let text = format!("the styles do not agree on what became of {pages}");
            return Err(Error::Failure(text));
        }
        let (log, path) = (&last.log, &self.job.target.path);
        match log.outcome(path) {
            Some(Outcome::Status(_)) if self.strict && log.errors() > 0 => {
                Err(Error::Broken(format!("broken: {}", count(log.errors(), "page"))))
            }
            Some(Outcome::Status(_)) => Ok(()),
            Some(outcome) => Err(Error::Failure(cannot_have(path, outcome, &self.job))),
            None => Err(Error::Failure(nothing_allowed(log.no_rules(), &self.job))),
        }
    }
}

fn cannot_have(path: &str, outcome: Outcome, job: &Job) -> String {
    let Target { addresses, .. } = &job.target;
    let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(", ");
    match outcome {
        Outcome::Refused => {
            format!("{addresses}: connection refused; nobody listens there")
        }
        Outcome::TimedOut => {
            let seconds = job.timeout.as_secs_f64();
            format!("{addresses}: no answer for {path} within {seconds} s")
        }
        Outcome::Malformed => format!("{addresses}: the answer for {path} is not HTTP"),
        Outcome::NoDescriptors => descriptors::reason(),
        Outcome::NotSecure => {
            let why = not_secure_because(job);
            format!("{addresses}: cannot get {path}: {outcome}{why}")
        }
        other => format!("{addresses}: cannot get {path}: {other}"),
    }
}

/// What a handshake ends with, tried once more: an outcome is a kind, and has no words.
#[cfg(feature = "tls")]
fn not_secure_because(job: &Job) -> String {
    use stage5_asyncio::streams::open_connection;
    use stage5_asyncio::{run, timeout, tls};
    let Job { target, timeout: patience, .. } = job.clone();
    let attempt = async move {
        let (_reader, writer) = open_connection(target.addresses).await?;
        tls::encrypted(writer, target.server_name.as_deref()).await.map(drop)
    };
    match run(async move { timeout(patience, attempt).await }) {
        Ok(Ok(Err(error))) => format!(": {error}"),
        _ => String::new(),
    }
}

#[cfg(not(feature = "tls"))]
fn not_secure_because(_: &Job) -> String {
    String::new()
}

/// The first page was not asked for, because of `robots.txt`; or because of what became of it.
fn nothing_allowed(no_rules: Option<Outcome>, job: &Job) -> String {
    const RULES: &str = "/robots.txt";
    match no_rules {
        Some(outcome @ Outcome::Status(_)) => {
            let why = cannot_have(RULES, outcome, job);
            format!("{why}, and so nothing may be asked for; --robots never asks anyway")
        }
        Some(outcome) => cannot_have(RULES, outcome, job),
        None => {
            let path = &job.target.path;
            format!("robots.txt forbids {path}; --robots never asks for it anyway")
        }
    }
}

/// How far the crawl has come, in a line on stderr that is written over: for people, and where
/// they do not see the pages anyway.
struct Shown {
    is_wanted: bool,
    last: Option<Instant>,
}

impl Shown {
    fn new(pages_are_seen: bool) -> Self {
        Self { is_wanted: io::stderr().is_terminal() && !pages_are_seen, last: None }
    }

    fn show(&mut self, style: &Style, pages: usize) {
        if !self.is_wanted || self.last.is_some_and(|last| last.elapsed() < TICK) {
            return;
        }
        self.last = Some(Instant::now());
        let text = format!("{}: {}", style.name, count(pages, "page"));
        let columns = terminal_size(io::stderr()).0;
        write(&format!("\r\x1b[K{}", clipped(&text, columns - 1)));
    }

    fn clear(&mut self) {
        if self.last.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

/// Where there is no stderr, there is nobody to tell.
fn write(text: &str) {
    drop(io::stderr().write_all(text.as_bytes()));
}
