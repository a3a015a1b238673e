//! What to visit next: breadth first by level, sorted within a level, every page once.
//!
//! A level is known when the one before it is done. So which pages a limit lets through
//! does not depend on who was faster, and every style visits the same ones.

use std::collections::BTreeSet;
use std::mem;

use iri_string::types::UriAbsoluteString;

use crate::{Job, Outcome, Page, Progress, Report, Target, html, url};

/// The pages that are known and not yet visited.
#[derive(Debug)]
pub struct Frontier {
    target: Target,
    progress: Progress,
    /// How many more pages may be handed out.
    allowance: usize,
    /// Handed out once, or about to be.
    seen: BTreeSet<String>,
    /// The next level: filled by `record`, handed out by `next_level`.
    next: BTreeSet<String>,
    report: Report,
}

impl Frontier {
    /// A frontier that knows the first page of a job.
    pub fn new(job: &Job) -> Self {
        let first = BTreeSet::from([job.target.path.clone()]);
        Self {
            target: job.target.clone(),
            progress: job.progress.clone(),
            allowance: job.limit,
            seen: first.clone(),
            next: first,
            report: Report::default(),
        }
    }

    /// The pages of the next level, sorted; `None` when there are no more. Record what
    /// became of each of them before you ask again.
    pub fn next_level(&mut self) -> Option<Vec<String>> {
        let next = mem::take(&mut self.next);
        let level: Vec<_> = next.into_iter().take(self.allowance).collect();
        self.allowance -= level.len();
        (!level.is_empty()).then_some(level)
    }

    /// What became of a page. Its links, and the target of a redirect, are pages of the
    /// next level, unless they lead to another host or were seen before.
    pub fn record(&mut self, path: String, page: Result<Page, Outcome>) {
        let outcome = match page {
            Ok(page) => {
                self.follow_links(&path, &page);
                self.follow_redirect(&path, &page);
                Outcome::Status(page.status)
            }
            Err(outcome) => outcome,
        };
        self.report.extend([(path, outcome)]);
        self.progress.one_more();
    }

    /// What became of all the pages.
    pub fn into_report(self) -> Report {
        self.report
    }

    /// A page that went wrong is not read: what it links to is the server's apology.
    fn follow_links(&mut self, path: &str, page: &Page) {
        if !(200..300).contains(&page.status) {
            return;
        }
        let Some(here) = url::resolve(&self.target.url, path) else { return };
        let document = html::Document::parse(page.html());
        let base = document.base.and_then(|base| url::resolve(&here, &base));
        let base = base.unwrap_or(here);
        for link in document.links {
            if let Some(path) = self.own(url::resolve(&base, &link).as_ref()) {
                self.add(path);
            }
        }
    }

    /// Follows a redirect, or has it reported where it leaves the site.
    fn follow_redirect(&mut self, path: &str, page: &Page) {
        let Some(location) = &page.location else { return };
        let here = url::resolve(&self.target.url, path);
        let target = here.and_then(|here| url::resolve(&here, location));
        match self.own(target.as_ref()) {
            Some(path) => self.add(path),
            None => {
                let told = target.map_or_else(|| location.clone(), |url| url.to_string());
                self.report.leave(path.to_owned(), told);
            }
        }
    }

    /// What to ask this site for, if the URL is one of its own.
    fn own(&self, url: Option<&UriAbsoluteString>) -> Option<String> {
        let url = url?;
        let is_own = url::authority(url).as_deref() == Some(&*self.target.authority);
        is_own.then(|| url::path(url))
    }

    fn add(&mut self, path: String) {
        if self.seen.insert(path.clone()) {
            self.next.insert(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(limit: usize) -> Job {
        let target = Target::resolve("http://127.0.0.1:9/start").expect("good");
        Job { limit, ..Job::new(target) }
    }

    fn page(links: &[&str]) -> Result<Page, Outcome> {
        let body: String =
            links.iter().map(|it| format!("<a href='{it}'>x</a>")).collect();
        Ok(Page::of_html(200, body))
    }

    #[test]
    fn levels_are_sorted_and_no_page_comes_twice() {
        let mut frontier = Frontier::new(&job(usize::MAX));
        assert_eq!(frontier.next_level().expect("the first"), ["/start"]);
        frontier.record("/start".into(), page(&["c", "/a", "b#x", "a", "start", "b?q"]));
        assert_eq!(frontier.next_level().expect("a second"), ["/a", "/b", "/b?q", "/c"]);
        for path in ["/a", "/b", "/b?q"] {
            frontier.record(path.into(), page(&["/start", "http://127.0.0.1:9/d"]));
        }
        frontier.record("/c".into(), Err(Outcome::Reset));
        assert_eq!(frontier.next_level().expect("a third"), ["/d"]);
        frontier.record("/d".into(), page(&[]));
        assert_eq!(frontier.next_level(), None);
        let report = frontier.into_report();
        assert_eq!((report.len(), report.errors()), (6, 1));
    }

    #[test]
    fn other_hosts_and_other_schemes_are_not_followed() {
        let mut frontier = Frontier::new(&job(usize::MAX));
        frontier.next_level();
        let links = [
            "http://127.0.0.1:8/x",
            "https://127.0.0.1:9/x",
            "//other/x",
            "mailto:a@b",
            "javascript:x",
            "http://127.0.0.1:9/yes",
        ];
        frontier.record("/start".into(), page(&links));
        assert_eq!(frontier.next_level().expect("one"), ["/yes"]);
    }

    #[test]
    fn a_redirect_that_leaves_is_not_followed_but_told() {
        let leads_away = |location: &str| {
            let mut frontier = Frontier::new(&job(usize::MAX));
            frontier.next_level();
            let mut page = Page::of_html(301, "");
            page.location = Some(location.into());
            frontier.record("/start".into(), Ok(page));
            assert_eq!(frontier.next_level(), None, "{location}");
            frontier.into_report().leads_away("/start").map(str::to_owned)
        };
        for (location, told) in [
            ("https://127.0.0.1:9/x", Some("https://127.0.0.1:9/x")),
            ("//elsewhere/a b", Some("http://elsewhere/a%20b")),
            ("http://127.0.0.1:8/", Some("http://127.0.0.1:8/")),
            ("mailto:a@b", Some("mailto:a@b")),
            ("http://[nonsense", Some("http://[nonsense")),
            ("/start", None),
        ] {
            assert_eq!(leads_away(location).as_deref(), told, "{location}");
        }
    }

    #[test]
    fn a_limit_counts_requests() {
        let mut frontier = Frontier::new(&job(3));
        frontier.next_level();
        frontier.record("/start".into(), page(&["d", "c", "b", "a"]));
        assert_eq!(frontier.next_level().expect("two"), ["/a", "/b"]);
        frontier.record("/a".into(), page(&["e"]));
        frontier.record("/b".into(), page(&[]));
        assert_eq!(frontier.next_level(), None);
        assert_eq!(Frontier::new(&job(0)).next_level(), None);
    }
}
