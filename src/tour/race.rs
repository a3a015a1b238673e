//! One crawl of one site in one style after the other, each in a process of its own.

use serde::Serialize;
use site::Site;
use site::server::{Served, Server};

use crate::child::{Ended, Nursery};
use crate::crawl::{CONCURRENCY, Crawled};
use crate::descriptors;
use crate::error::Error;
use crate::measure::Figures;
use crate::memory;
use crate::run::no_site;
use crate::styles::Style;

/// Called while a crawl goes on, with the number of requests that were answered so far.
pub(crate) type Look<'a> = dyn FnMut(usize) -> Result<(), Error> + 'a;

/// How many requests a crawl has under way when its tasks are counted: as many as the
/// descriptors of most systems allow, two of them for each on the server's side.
const TASKS: usize = 400;

/// With fewer, what one task costs is lost in the noise.
const ENOUGH_TASKS: usize = 50;

/// A site that is served here, to be crawled by children.
pub(crate) struct Race {
    pub(crate) site: Site,
    /// How many requests a crawl has under way at once.
    pub(crate) concurrency: usize,
    server: Server,
    nursery: Nursery,
}

/// What is known of a style: a line of the table, an object in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub style: &'static str,
    /// The year, and who had it then.
    pub since: &'static str,
    /// How long the crawl took.
    pub seconds: Option<f64>,
    /// The most threads that its process was seen to have.
    pub threads: Option<usize>,
    /// The most requests that the server saw under way at once.
    pub max_in_flight: Option<usize>,
    /// [`Figures::lines`] of its `crawl.rs`.
    pub lines: usize,
    /// [`Figures::nesting`] of its `crawl.rs`.
    pub nesting: usize,
    /// [`Figures::error_sites`] of its `crawl.rs`.
    pub error_sites: usize,
    /// What a task of its crawl costs that waits for an answer.
    pub kib_per_task: Option<f64>,
    /// How many pages it visited.
    pub pages: Option<usize>,
    /// How many of them went wrong.
    pub errors: Option<usize>,
    /// A hash over every page and its outcome.
    pub digest: Option<String>,
    /// The pages, to be compared where the styles do not agree.
    #[serde(skip)]
    pub crawled: Option<Crawled>,
    /// When the server had which request in hand: filled after the crawl, drawn by the page.
    #[serde(skip)]
    pub(crate) requests: Vec<Served>,
    /// Why it has no figures from the crawl.
    #[serde(skip)]
    pub crawl_failed: Option<Error>,
    /// Why it has no figure for its tasks, although it has tasks.
    #[serde(skip)]
    pub tasks_failed: Option<Error>,
}

impl Race {
    pub(crate) fn start(site: Site, nursery: Nursery) -> Result<Self, Error> {
        let server = Server::start(site.clone()).map_err(|error| no_site(&error))?;
        Ok(Self { site, concurrency: requests(CONCURRENCY), server, nursery })
    }

    /// Crawls in that style, and weighs its tasks.
    ///
    /// # Errors
    ///
    /// As `look` does. A style that fails is no error here: its figures say so.
    pub(crate) fn run(&self, style: &Style, look: &mut Look<'_>) -> Result<Row, Error> {
        let mut row = Row::of(style);
        match self.crawl(style, "10", look) {
            Ok(Ended { answer, threads }) => {
                row.seconds = Some(thousandths(answer.seconds));
                row.threads = threads;
                row.max_in_flight = Some(self.server.max_in_flight());
                row.requests = self.server.requests();
                row.pages = Some(answer.pages.len());
                row.errors = Some(answer.errors);
                row.digest.clone_from(&answer.digest);
                row.crawled = Some(answer);
            }
            Err(Error::ReaderLeft) => return Err(Error::ReaderLeft),
            Err(error) => row.crawl_failed = Some(error),
        }
        if style.is_concurrent() {
            match self.kib_per_task(style, &mut || look(self.server.served())) {
                Ok(kib) => row.kib_per_task = Some(thousandths(kib)),
                Err(Error::ReaderLeft) => return Err(Error::ReaderLeft),
                Err(error) => row.tasks_failed = Some(error),
            }
        }
        Ok(row)
    }

    /// Crawls in that style, with that many seconds for each page.
    pub(crate) fn crawl(
        &self,
        style: &Style,
        timeout: &str,
        look: &mut Look<'_>,
    ) -> Result<Ended<Crawled>, Error> {
        self.server.reset_counts();
        let (url, concurrency) = (self.server.url(), self.concurrency.to_string());
        let args = ["child-crawl", style.name, &url, timeout, &concurrency];
        self.nursery.run(&args, || look(self.server.served()))
    }

    /// What one more task costs: the same crawl twice, with one request under way and with
    /// many, and the difference in memory divided by theirs.
    fn kib_per_task(
        &self,
        style: &Style,
        look: &mut dyn FnMut() -> Result<(), Error>,
    ) -> Result<f64, Error> {
        let tasks = requests(TASKS);
        if tasks < ENOUGH_TASKS {
            return Err(Error::failure(descriptors::few_for(tasks)));
        }
        let server = Server::start(Site::waiting(tasks)).map_err(|it| no_site(&it))?;
        let mut in_use = |requests: usize| {
            server.reset_counts();
            let args =
                ["child-crawl", style.name, &server.url(), "3600", &requests.to_string()];
            // The first page is answered, and then they wait.
            self.nursery.watch(&args, |child| {
                look()?;
                let waits = server.served() > requests;
                waits.then(|| memory::in_use(&child.to_string())).transpose()
            })
        };
        let (one, many) = (in_use(1)?, in_use(tasks)?);
        #[expect(clippy::cast_precision_loss, reason = "some hundreds")]
        Ok((many - one).max(0.0) / (tasks - 1) as f64)
    }
}

/// As many requests at once as there are descriptors for, of those that were asked for: on
/// the server's side, which is in this process, each has two.
pub(crate) fn requests(asked: usize) -> usize {
    descriptors::enough_for(2 * asked).div_ceil(2)
}

impl Row {
    /// What is known without running anything.
    pub(super) fn of(style: &Style) -> Self {
        let Figures { lines, nesting, error_sites } = Figures::of(style.sources.crawl);
        Self {
            style: style.name,
            since: style.since,
            seconds: None,
            threads: None,
            max_in_flight: None,
            lines,
            nesting,
            error_sites,
            kib_per_task: None,
            pages: None,
            errors: None,
            digest: None,
            crawled: None,
            requests: Vec::new(),
            crawl_failed: None,
            tasks_failed: None,
        }
    }

    /// Why there is a dash where one would expect a figure.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = String> {
        let reason = |what, error: &Error| format!("{}: no {what}: {error}", self.style);
        let crawl = self.crawl_failed.as_ref().map(|it| reason("crawl", it));
        let tasks = self.tasks_failed.as_ref().map(|it| reason("KiB per task", it));
        crawl.into_iter().chain(tasks)
    }
}

/// Whether all styles came to the same pages and outcomes. One that failed did not.
pub(crate) fn agree(rows: &[Row]) -> bool {
    let mut digests = rows.iter().map(|row| row.digest.as_ref());
    let first = digests.next().flatten();
    first.is_some() && digests.all(|digest| digest == first)
}

fn thousandths(figure: f64) -> f64 {
    (figure * 1000.0).round() / 1000.0
}
