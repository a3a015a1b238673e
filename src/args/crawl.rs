//! What may be typed after `crawl`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use site::{BadUrl, Job, Target};
use stage6_uvloop::engine::Engine;

use super::{Styles, an_engine, at_least_one, seconds, styles};
use crate::crawl::{CONCURRENCY, Crawl};
use crate::engine;
use crate::error::Error;
use crate::invocation::to_type;
use crate::output::Output;
use crate::styles::Style;

/// Crawl a site, in one style or in all of them
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct CrawlArgs {
    #[arg(
        help = "Where to begin: http://HOST[:PORT]/PATH, or https:// (with --features tls)"
    )]
    url: String,

    /// The style, or "all" for one after the other [default: async-await; for https, asyncio]
    #[arg(long, value_name = "STYLE", value_parser = styles(), hide_possible_values = true)]
    style: Option<Styles>,

    /// What waits for its sockets: mio (the selector of the platform) or uring
    #[arg(long = "loop", value_name = "ENGINE", value_parser = an_engine(), hide_possible_values = true)]
    engine: Option<Engine>,

    /// How many pages to request at the most [default: no limit]
    #[arg(long, value_name = "N", value_parser = at_least_one::<usize>, allow_negative_numbers = true)]
    limit: Option<usize>,

    /// How many requests may be under way at once
    #[arg(long, value_name = "N", default_value_t = CONCURRENCY, value_parser = at_least_one::<usize>, allow_negative_numbers = true)]
    concurrency: usize,

    /// How long a page may take
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds, allow_negative_numbers = true)]
    timeout: Duration,

    /// How large a page may be, with its head
    #[arg(long, value_name = "MIB", default_value = "8", value_parser = mebibytes, allow_negative_numbers = true)]
    max_size: usize,

    /// How long to pause between two requests, which then come one at a time
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    delay: Option<Duration>,

    /// Whether to honour robots.txt; elsewhere: unless the host is this machine
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Robots::Elsewhere)]
    robots: Robots,

    /// End with status 3 if a page is broken
    #[arg(long)]
    strict: bool,

    /// One JSON object: for each style the digest, and every page with its outcome
    #[arg(long)]
    json: bool,
}

/// The limits of a crawl that cannot be set, and how it ends.
const HELP: &str = "\
Other limits: a head of 32 KiB or 128 headers is too large; where there are fewer
descriptors (ulimit -n) than requests at once, there are fewer requests.

Exit status: 0 the first page could be had; 1 it could not, or the styles do not
agree; 2 what was typed makes no sense; 3 with --strict, a page is broken; 130 it
was interrupted.";

/// When to ask for `robots.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Robots {
    Elsewhere,
    Always,
    Never,
}

impl Robots {
    fn are_asked_for_at(self, target: &Target) -> bool {
        match self {
            Self::Elsewhere => !target.is_loopback(),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl CrawlArgs {
    pub(super) fn obey(self, output: &mut Output) -> Result<(), Error> {
        let target = target(&self.url)?;
        let is_secure = target.server_name.is_some();
        let usual = if is_secure { SECURE[0] } else { USUAL };
        let styles = match &self.style {
            Some(Styles(styles)) => styles.clone(),
            None => Style::named(usual).into_iter().collect(),
        };
        if is_secure {
            styles.iter().try_for_each(|style| speaks_tls(style, &self.url))?;
        }
        let job = Job {
            limit: self.limit.unwrap_or(usize::MAX),
            concurrency: self.concurrency,
            timeout: self.timeout,
            max_response: self.max_size,
            delay: self.delay.unwrap_or_default(),
            robots: self.robots.are_asked_for_at(&target),
            ..Job::new(target)
        };
        let Self { url, engine, json, strict, .. } = self;
        engine::choose(engine, &styles)?;
        Crawl { url: &url, job, styles, json, strict }.run(output)
    }
}

/// The style that crawls, if nobody says otherwise.
const USUAL: &str = "async-await";

/// The styles that speak TLS: both are asyncio's program.
const SECURE: [&str; 2] = ["asyncio", "uvloop"];

/// Reads the URL. `https` is for those only who speak TLS.
fn target(url: &str) -> Result<Target, Error> {
    if cfg!(feature = "tls") {
        return Ok(Target::resolve_secure(url)?);
    }
    Target::resolve(url).map_err(|error| match error {
        BadUrl::Secure(_) => Error::Usage(format!(
            "{url}: TLS is a feature that is not built in; with it: \
             cargo run --features tls -- crawl {url}"
        )),
        other => other.into(),
    })
}

fn speaks_tls(style: &Style, url: &str) -> Result<(), Error> {
    if SECURE.contains(&style.name) {
        return Ok(());
    }
    let secure = SECURE[0];
    let how = to_type(&format!("crawl --style {secure} {url}"));
    let name = style.name;
    Err(Error::Usage(format!(
        "style {name} speaks no TLS; {} do, with the feature tls: {how}",
        SECURE.join(" and ")
    )))
}

fn mebibytes(text: &str) -> Result<usize, String> {
    const MIB: f64 = 1_048_576.0;
    let bytes = text.parse().ok().map(|mib: f64| (mib * MIB).floor());
    // From 2^53 on, not every number is one.
    let bytes = bytes.filter(|bytes| (1.0..=9e15).contains(bytes));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "just seen"
    )]
    let bytes = bytes.map(|bytes| bytes as u64).and_then(|it| it.try_into().ok());
    bytes.ok_or_else(|| "mebibytes above 0 are needed, such as 8 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_above_zero_and_a_number() {
        assert_eq!(mebibytes("8"), Ok(8 * 1024 * 1024));
        assert_eq!(mebibytes("0.5"), Ok(512 * 1024));
        for text in ["0", "-1", "NaN", "inf", "1e300", "", "ten", "1e-9"] {
            assert!(mebibytes(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn robots_are_honoured_elsewhere_and_where_somebody_wants_it() {
        for (url, elsewhere) in [
            ("http://127.0.0.1/", false),
            ("http://[::1]/", false),
            ("http://[::ffff:127.0.0.2]/", false),
            ("http://192.0.2.1/", true),
            ("http://[2001:db8::1]/", true),
        ] {
            let target = Target::resolve(url).expect("good");
            assert_eq!(Robots::Elsewhere.are_asked_for_at(&target), elsewhere, "{url}");
            assert!(Robots::Always.are_asked_for_at(&target));
            assert!(!Robots::Never.are_asked_for_at(&target));
        }
    }
}
