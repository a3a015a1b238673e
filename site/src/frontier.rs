//! What to visit next: breadth first by level, sorted within a level, every page once.
//!
//! A level is known when the one before it is done. So which pages a limit lets through
//! does not depend on who was faster, and every style visits the same ones.
//!
//! Pages are handed out one at a time, and what became of each is taken back at once: a
//! crawl keeps no more than its workers have in hand, however many pages a level has.

use std::collections::{BTreeSet, btree_set};
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::url::Url;

use crate::{Job, Outcome, Page, Progress, Report, Target, url};

/// The pages that are known and not yet visited. It is shared by all workers of a crawl,
/// which may be threads.
#[derive(Debug)]
pub struct Frontier {
    target: Target,
    progress: Progress,
    /// How many pages may be visited at once.
    concurrency: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many more pages may be handed out.
    allowance: usize,
    /// Handed out once, or about to be.
    seen: BTreeSet<String>,
    /// The present level: filled by `next_level`, handed out by `next_path`.
    level: btree_set::IntoIter<String>,
    /// The next level: filled by `record`, read by `next_level`.
    next: BTreeSet<String>,
    report: Report,
}

impl Frontier {
    /// A frontier that knows the first page of a job.
    pub fn new(job: &Job) -> Self {
        let first = BTreeSet::from([job.target.path.clone()]);
        let state = Mutex::new(State {
            allowance: job.limit,
            seen: first.clone(),
            level: BTreeSet::new().into_iter(),
            next: first,
            report: Report::default(),
        });
        Self {
            target: job.target.clone(),
            progress: job.progress.clone(),
            concurrency: job.concurrency,
            state,
        }
    }

    /// Goes on to the next level, and says how many workers can share it: as many as may
    /// visit at once, and no more than there are pages. `None` when there are no more.
    /// Record what became of each page of the level before you ask again.
    pub fn next_level(&self) -> Option<usize> {
        let mut state = self.state();
        state.level = mem::take(&mut state.next).into_iter();
        let pages = state.level.len().min(state.allowance);
        (pages > 0).then_some(pages.min(self.concurrency))
    }

    /// The next page of the level, in their order; `None` when all are handed out.
    pub fn next_path(&self) -> Option<String> {
        let mut state = self.state();
        if state.allowance == 0 {
            return None;
        }
        let path = state.level.next()?;
        state.allowance -= 1;
        Some(path)
    }

    /// What became of a page. Its links, and the target of a redirect, are pages of the
    /// next level, unless they lead to another host or were seen before.
    pub fn record(&self, path: String, page: Result<Page, Outcome>) {
        let outcome = match page {
            Ok(page) => {
                self.follow_links(&path, &page);
                self.follow_redirect(&path, &page);
                Outcome::Status(page.status)
            }
            Err(outcome) => outcome,
        };
        self.state().report.extend([(path, outcome)]);
        self.progress.one_more();
    }

    /// What became of all the pages so far. They are taken: the next report begins anew.
    pub fn report(&self) -> Report {
        mem::take(&mut self.state().report)
    }

    /// A page that went wrong is not read: what it links to is the server's apology.
    fn follow_links(&self, path: &str, page: &Page) {
        if !(200..300).contains(&page.status) {
            return;
        }
        let Some(here) = self.here(path) else { return };
        let document = page.document();
        let base = document.base.and_then(|base| url::base(&here, &base)).unwrap_or(here);
        for link in document.links {
            if let Some(path) = self.own(url::resolve(&base, &link).as_ref()) {
                self.add(path);
            }
        }
    }

    /// Follows a redirect, or has it reported where it leaves the site.
    fn follow_redirect(&self, path: &str, page: &Page) {
        let Some(location) = &page.location else { return };
        let target = self.here(path).and_then(|here| url::resolve(&here, location));
        if let Some(path) = self.own(target.as_ref()) {
            self.add(path);
        } else {
            let told = target.map_or_else(|| location.clone(), |url| url.to_string());
            self.state().report.leave(path.to_owned(), told);
        }
    }

    fn here(&self, path: &str) -> Option<Url> {
        url::of_path(&self.target.authority, path)
    }

    /// What to ask this site for, if the URL is one of its own.
    fn own(&self, url: Option<&Url>) -> Option<String> {
        let url = url?;
        let is_own = url::authority(url).as_deref() == Some(&*self.target.authority);
        is_own.then(|| url::path(url))
    }

    fn add(&self, path: String) {
        let mut state = self.state();
        if state.seen.insert(path.clone()) {
            state.next.insert(path);
        }
    }

    /// A worker that panicked left nothing half done in here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

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

    /// The pages of the next level, as one worker gets them.
    fn level(frontier: &Frontier) -> Vec<String> {
        let workers = frontier.next_level();
        let level: Vec<_> = iter::from_fn(|| frontier.next_path()).collect();
        assert_eq!(workers.is_some(), !level.is_empty(), "{workers:?} for {level:?}");
        level
    }

    #[test]
    fn levels_are_sorted_and_no_page_comes_twice() {
        let frontier = Frontier::new(&job(usize::MAX));
        assert_eq!(frontier.next_path(), None, "no level has begun");
        assert_eq!(level(&frontier), ["/start"]);
        frontier.record("/start".into(), page(&["c", "/a", "b#x", "a", "start", "b?q"]));
        assert_eq!(level(&frontier), ["/a", "/b", "/b?q", "/c"]);
        for path in ["/a", "/b", "/b?q"] {
            frontier.record(path.into(), page(&["/start", "http://127.0.0.1:9/d"]));
        }
        frontier.record("/c".into(), Err(Outcome::Reset));
        assert_eq!(frontier.next_path(), None, "the next level has not begun");
        assert_eq!(level(&frontier), ["/d"]);
        frontier.record("/d".into(), page(&[]));
        assert_eq!(frontier.next_level(), None);
        let report = frontier.report();
        assert_eq!((report.len(), report.errors()), (6, 1));
    }

    #[test]
    fn there_are_no_more_workers_than_slots_nor_than_pages() {
        let job = Job { concurrency: 3, ..job(5) };
        let frontier = Frontier::new(&job);
        assert_eq!(frontier.next_level(), Some(1));
        assert_eq!(frontier.next_path().as_deref(), Some("/start"));
        frontier.record("/start".into(), page(&["a", "b", "c", "d", "e", "f"]));
        assert_eq!(frontier.next_level(), Some(3));
        let links: Vec<_> = iter::from_fn(|| frontier.next_path()).collect();
        assert_eq!(
            links,
            ["/a", "/b", "/c", "/d"],
            "the limit counts the first one, too"
        );
        assert_eq!(frontier.next_level(), None);
    }

    #[test]
    fn other_hosts_and_other_schemes_are_not_followed() {
        let frontier = Frontier::new(&job(usize::MAX));
        level(&frontier);
        let links = [
            "http://127.0.0.1:8/x",
            "https://127.0.0.1:9/x",
            "//other/x",
            "mailto:a@b",
            "javascript:x",
            "http://127.0.0.1:9/yes",
        ];
        frontier.record("/start".into(), page(&links));
        assert_eq!(level(&frontier), ["/yes"]);
    }

    /// What a page at `path` leads to, in a crawl that begins there.
    fn found(path: &str, html: &str) -> Vec<String> {
        let target = Target::resolve(&format!("http://127.0.0.1:9{path}")).expect("good");
        let frontier = Frontier::new(&Job::new(target));
        assert_eq!(level(&frontier), [path]);
        frontier.record(path.into(), Ok(Page::of_html(200, html)));
        level(&frontier)
    }

    #[test]
    fn links_resolve_against_the_base_if_it_is_a_place() {
        for (base, expected) in [
            ("", "/a/x"),
            ("<base href=/b/>", "/b/x"),
            ("<base href=b/>", "/a/b/x"),
            ("<base href='?q'>", "/a/x"),
            ("<base href='http://127.0.0.1:9/c/'>", "/c/x"),
            ("<base href='javascript:void(0)'>", "/a/x"),
            ("<base href=data:,y>", "/a/x"),
            ("<base href=http://[>", "/a/x"),
            // The first that has an address counts, even if that is none.
            ("<base target=_top><base href=/b/>", "/b/x"),
            ("<base href=data:,y><base href=/b/>", "/a/x"),
        ] {
            assert_eq!(
                found("/a/here", &format!("{base}<a href=x>")),
                [expected],
                "{base}"
            );
        }
        for base in ["https://127.0.0.1:9/", "//elsewhere/", "mailto:a@b"] {
            let html =
                format!("<base href='{base}'><a href=x><a href='http://127.0.0.1:9/y'>");
            assert_eq!(found("/a/here", &html), ["/y"], "{base}");
        }
    }

    #[test]
    fn a_page_whose_path_looks_like_a_host_is_still_here() {
        let html = "<a href=z><a href=/z><a href='//127.0.0.1:9//y'>";
        assert_eq!(found("//x/y", html), ["//x/z", "//y", "/z"]);
    }

    #[test]
    fn a_redirect_that_leaves_is_not_followed_but_told() {
        let leads_away = |location: &str| {
            let frontier = Frontier::new(&job(usize::MAX));
            level(&frontier);
            let mut page = Page::of_html(301, "");
            page.location = Some(location.into());
            frontier.record("/start".into(), Ok(page));
            assert_eq!(frontier.next_level(), None, "{location}");
            frontier.report().leads_away("/start").map(str::to_owned)
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
        let frontier = Frontier::new(&job(3));
        level(&frontier);
        frontier.record("/start".into(), page(&["d", "c", "b", "a"]));
        assert_eq!(level(&frontier), ["/a", "/b"]);
        frontier.record("/a".into(), page(&["e"]));
        frontier.record("/b".into(), page(&[]));
        assert_eq!(frontier.next_level(), None);
        assert_eq!(Frontier::new(&job(0)).next_level(), None);
    }
}
