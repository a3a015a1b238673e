//! What to look at after the tour, for those who are still there.

use site::Site;

use super::pager;
use super::race::Race;
use crate::child::Nursery;
use crate::cost;
use crate::crawl::{self, Crawled};
use crate::diff::{self, Side};
use crate::error::Error;
use crate::keys::{Key, Keys};
use crate::output::{Output, columns};
use crate::run::HOSTILE_TIMEOUT;
use crate::styles::{STYLES, Style};
use crate::tour::live::bar;

/// The keys that stand for styles, as they lie beside each other on the keyboard.
const DIGITS: &str = "1234567890";

/// Asks until somebody wants to leave.
///
/// # Errors
///
/// Fails when nobody reads any more.
pub(crate) fn ask(
    nursery: &Nursery,
    keys: &mut Keys,
    output: &mut Output,
) -> Result<(), Error> {
    loop {
        output.line("")?;
        output.line("  d  see two styles side by side: the diff of their crawlers")?;
        output.line("  b  break it: crawl a site that does everything wrong")?;
        output
            .line("  c  measure what an await costs, and a call in every other style")?;
        output.line("  q  leave")?;
        output.show("(d, b, c, q) ")?;
        let known = |char| matches!(char, 'd' | 'b' | 'c').then_some(char);
        match choose(keys, output, known)? {
            Some('d') => compare(keys, output)?,
            Some('c') => cost::cost(cost::LONG_ENOUGH, false, output)?,
            Some(_) => break_it(nursery, keys, output)?,
            None => return Ok(()),
        }
    }
}

/// Waits for a key that `wanted` knows, and shows it. `None`: it was `q`.
fn choose<T>(
    keys: &mut Keys,
    output: &mut Output,
    wanted: impl Fn(char) -> Option<T>,
) -> Result<Option<T>, Error> {
    loop {
        match keys.wait() {
            Key::Quit => {
                output.line("q")?;
                return Ok(None);
            }
            Key::Char(char) => {
                if let Some(choice) = wanted(char) {
                    output.line(char)?;
                    return Ok(Some(choice));
                }
            }
            Key::Enter => {}
        }
    }
}

fn compare(keys: &mut Keys, output: &mut Output) -> Result<(), Error> {
    output.line("")?;
    for (n, style) in STYLES.iter().enumerate() {
        let key = DIGITS.chars().nth(n).unwrap_or(' ');
        output.line(format_args!("  {key}  {:<12} {}", style.name, style.since))?;
    }
    let style = |char| STYLES.get(DIGITS.find(char)?);
    output.show("from (a number) ")?;
    let Some(from) = choose(keys, output, style)? else { return Ok(()) };
    output.show("to (a number) ")?;
    let Some(to) = choose(keys, output, style)? else { return Ok(()) };
    let side = |style: &Style| {
        Side::named(style.name).ok_or_else(|| Error::failure("a style without sources"))
    };
    let lines = diff::unified(side(from)?, side(to)?, "crawl.rs")?;
    pager::show(&lines, diff::paint, keys, output)
}

fn break_it(
    nursery: &Nursery,
    keys: &mut Keys,
    output: &mut Output,
) -> Result<(), Error> {
    let race = Race::start(Site::hostile(), nursery.clone())?;
    output.line(format_args!(
        "\n{} pages: lies, loops, resets, and one that never answers. A page may take {} s.",
        race.site.len(),
        HOSTILE_TIMEOUT.as_secs()
    ))?;
    let timeout = HOSTILE_TIMEOUT.as_secs_f64().to_string();
    let mut crawls = Vec::new();
    for style in STYLES {
        let crawled = race.crawl(style, &timeout, &mut |served| {
            if keys.quit() {
                return Err(Error::ReaderLeft);
            }
            output.overwrite(bar(style.name, served, race.site.len(), columns()))
        });
        output.overwrite("")?;
        let crawled = crawled?.answer;
        output.line(format_args!("  {:<12} {crawled}", style.name))?;
        crawls.push(crawled);
    }
    if let Some(crawled) = crawls.last() {
        show_outcomes(crawled, output)?;
    }
    let expected = race.site.expected().digest();
    let as_written = crawls.iter().all(|it| it.digest.as_deref() == Some(&*expected));
    output.line(match (crawl::agree(&crawls), as_written) {
        (true, true) => "All styles agree, and with what the site knows of itself.",
        (true, false) => "All styles agree, but NOT with what the site knows of itself.",
        (false, _) => "The styles DISAGREE:",
    })?;
    crawl::disagreement(&crawls).into_iter().try_for_each(|line| output.line(line))
}

/// The pages that went wrong, by what became of them.
fn show_outcomes(crawled: &Crawled, output: &mut Output) -> Result<(), Error> {
    for page in &crawled.pages {
        if page.outcome != "200" {
            output.line(format_args!("    {:<12} {}", page.outcome, page.path))?;
        }
    }
    Ok(())
}
