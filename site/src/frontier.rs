//! What to visit next: breadth first by level, sorted within a level, every page once.
//!
//! A level is known when the one before it is done. So which pages a limit lets through
//! does not depend on who was faster, and every style visits the same ones.
//!
//! Pages are handed out one at a time, and what became of each is taken back at once: a
//! crawl keeps no more than its workers have in hand, however many pages a level has.

use std::collections::{BTreeMap, BTreeSet, btree_set};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{mem, thread};

use ::url::Url;

use crate::robots::{self, Rules};
use crate::{Job, News, Outcome, Page, Progress, Referrers, Report, Target, Visit, url};

/// The pages that are known and not yet visited. It is shared by all workers of a crawl,
/// which may be threads.
#[derive(Debug)]
pub struct Frontier {
    target: Target,
    progress: Progress,
    /// How many pages may be visited at once.
    concurrency: usize,
    /// How long to wait before a page is handed out that is not the first.
    delay: Duration,
    /// Whether one was handed out.
    has_begun: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// How many more pages may be handed out.
    allowance: usize,
    /// What may be asked for.
    manners: Manners,
    /// All that was ever linked to.
    seen: BTreeMap<Arc<str>, Known>,
    /// The present level: filled by `next_level`, handed out by `next_path`.
    level: btree_set::IntoIter<Arc<str>>,
    /// The next level: filled by `record`, read by `next_level`.
    next: BTreeSet<Arc<str>>,
    report: Report,
}

/// What is known of what the owner of the site wants.
#[derive(Debug)]
enum Manners {
    /// It is asked for first, at this path, and so many redirects may still come.
    Asking(Arc<str>, usize),
    Known(Rules),
}

/// What is known of a page.
#[derive(Debug)]
enum Known {
    /// That these link to it.
    Linked(Referrers),
    /// That it is broken: whoever links to it wants to hear of it.
    Broken,
    /// That there is nothing to say of it any more.
    Settled,
}

impl Frontier {
    /// A frontier that knows the first page of a job.
    pub fn new(job: &Job) -> Self {
        let first: Arc<str> = job.target.path.as_str().into();
        let manners = if job.robots {
            Manners::Asking(robots::PATH.into(), robots::REDIRECTS)
        } else {
            Manners::Known(Rules::none())
        };
        let state = Mutex::new(State {
            allowance: job.limit,
            manners,
            seen: [(Arc::clone(&first), Known::Linked(Referrers::default()))].into(),
            level: BTreeSet::new().into_iter(),
            next: [first].into(),
            report: Report::default(),
        });
        Self {
            target: job.target.clone(),
            progress: job.progress.clone(),
            // Whoever pauses between two requests makes one at a time.
            concurrency: if job.delay.is_zero() { job.concurrency } else { 1 },
            delay: job.delay,
            has_begun: AtomicBool::new(false),
            state,
        }
    }

    /// Goes on to the next level, and says how many workers can share it: as many as may
    /// visit at once, and no more than there are pages. `None` when there are no more.
    /// Record what became of each page of the level before you ask again.
    pub fn next_level(&self) -> Option<usize> {
        let mut state = self.state();
        if let Manners::Asking(path, _) = &state.manners {
            state.level = BTreeSet::from([Arc::clone(path)]).into_iter();
            return Some(1);
        }
        state.level = mem::take(&mut state.next).into_iter();
        let pages = state.level.len().min(state.allowance);
        (pages > 0).then_some(pages.min(self.concurrency))
    }

    /// The next page of the level, in their order; `None` when all are handed out.
    pub fn next_path(&self) -> Option<String> {
        let path = self.state().hand_out()?;
        if self.has_begun.swap(true, Ordering::Relaxed) {
            // If there is a delay, there is one worker, and it has nothing under way: no loop
            // is held up.
            thread::sleep(self.delay);
        }
        Some(path)
    }

    /// What became of a page. Its links, and the target of a redirect, are pages of the
    /// next level, unless they lead to another host or were seen before.
    pub fn record(&self, path: String, page: Result<Page, Outcome>) {
        let news = if self.state().asks_for_rules_at(&path) {
            self.learn(&path, page)
        } else {
            self.follow(path, page)
        };
        // With nothing locked: whoever listens may do anything.
        news.into_iter().for_each(|it| self.progress.tell(it));
    }

    /// What became of all the pages so far. They are taken: the next report begins anew.
    pub fn report(&self) -> Report {
        mem::take(&mut self.state().report)
    }

    /// What the owner of the site wants, or where else it is said.
    fn learn(&self, path: &str, page: Result<Page, Outcome>) -> Vec<News> {
        let moved = page.as_ref().ok().and_then(|page| self.redirect(path, page)?.ok());
        let mut state = self.state();
        if let (Some(moved), Manners::Asking(_, left @ 1..)) = (moved, &state.manners) {
            state.manners = Manners::Asking(moved.into(), left - 1);
            return Vec::new();
        }
        let (rules, mut news) = match page {
            Ok(page) if matches!(page.status, 200..=299) => {
                (Rules::parse(page.body()), Vec::new())
            }
            Ok(page) if page.status < 500 => (Rules::none(), Vec::new()),
            broken => {
                let outcome =
                    broken.map_or_else(|it| it, |it| Outcome::Status(it.status));
                (Rules::unknown(), vec![News::NoRules(outcome)])
            }
        };
        let may_begin = rules.allow(&self.target.path);
        state.manners = Manners::Known(rules);
        if !may_begin {
            state.next.clear();
            news.push(News::Forbidden(self.target.path.clone()));
        }
        news
    }

    /// What became of a page, and whom it leads to.
    fn follow(&self, path: String, page: Result<Page, Outcome>) -> Vec<News> {
        let (mut news, mut leads_to) = (Vec::new(), None);
        let outcome = match page {
            Ok(page) => {
                self.follow_links(&path, &page, &mut news);
                match self.redirect(&path, &page) {
                    Some(Ok(own)) => {
                        self.state().add(own, &path.as_str().into(), &mut news);
                    }
                    Some(Err(elsewhere)) => leads_to = Some(elsewhere),
                    None => {}
                }
                Outcome::Status(page.status)
            }
            Err(outcome) => outcome,
        };
        let mut state = self.state();
        let (known, linked_from) = state.settle(&path, outcome);
        if let Some(target) = &leads_to {
            state.report.leave(path.clone(), target.clone());
        }
        state.report.extend([(path, outcome)]);
        drop(state);
        news.push(News::Visited(Visit { path: known, outcome, leads_to, linked_from }));
        news
    }

    /// A page that went wrong is not read: what it links to is the server's apology.
    fn follow_links(&self, path: &str, page: &Page, news: &mut Vec<News>) {
        if !(200..300).contains(&page.status) {
            return;
        }
        let Some(here) = self.here(path) else { return };
        let document = page.document();
        let base = document.base.and_then(|base| url::base(&here, &base)).unwrap_or(here);
        let links = document.links.into_iter();
        let own = links.filter_map(|it| self.own(url::resolve(&base, &it)).ok());
        let mut paths: Vec<_> = own.collect();
        paths.sort_unstable();
        paths.dedup();
        let (from, mut state) = (path.into(), self.state());
        paths.into_iter().for_each(|path| state.add(path, &from, news));
    }

    /// Where a page leads that is a redirect: a path of this site, or a URL that is not.
    fn redirect(&self, path: &str, page: &Page) -> Option<Result<String, String>> {
        let location = page.location.as_ref()?;
        let target = self.here(path).and_then(|here| url::resolve(&here, location));
        Some(
            self.own(target)
                .map_err(|url| url.map_or_else(|| location.clone(), String::from)),
        )
    }

    fn here(&self, path: &str) -> Option<Url> {
        url::of_path(self.target.scheme(), &self.target.authority, path)
    }

    /// What to ask this site for, if the URL is one of its own; else the URL.
    fn own(&self, url: Option<Url>) -> Result<String, Option<Url>> {
        match url {
            Some(url) if self.is_own(&url) => Ok(url::path(&url)),
            other => Err(other),
        }
    }

    /// The same host by another scheme is another site: it may even be somebody else's.
    fn is_own(&self, url: &Url) -> bool {
        url.scheme() == self.target.scheme()
            && url::authority(url) == self.target.authority
    }

    /// A worker that panicked left nothing half done in here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hand_out(&mut self) -> Option<String> {
        // The rules are no page, and do not count.
        let counts = matches!(self.manners, Manners::Known(_));
        if counts && self.allowance == 0 {
            return None;
        }
        let path = self.level.next()?;
        self.allowance -= usize::from(counts);
        Some(path.as_ref().to_owned())
    }

    fn asks_for_rules_at(&self, path: &str) -> bool {
        matches!(&self.manners, Manners::Asking(asked, _) if **asked == *path)
    }

    /// A page that `from` links to: one of the next level, unless it was seen before, or is
    /// not to be asked for.
    fn add(&mut self, path: String, from: &Arc<str>, news: &mut Vec<News>) {
        match self.seen.get_mut(path.as_str()) {
            Some(Known::Linked(referrers)) => referrers.add(Arc::clone(from)),
            Some(Known::Broken) => {
                news.push(News::Linked { broken: path, from: Arc::clone(from) });
            }
            Some(Known::Settled) => {}
            None => self.discover(path, from, news),
        }
    }

    fn discover(&mut self, path: String, from: &Arc<str>, news: &mut Vec<News>) {
        let key = Arc::from(path.as_str());
        if !self.allows(&path) {
            self.seen.insert(key, Known::Settled);
            return news.push(News::Forbidden(path));
        }
        let mut referrers = Referrers::default();
        referrers.add(Arc::clone(from));
        self.next.insert(Arc::clone(&key));
        self.seen.insert(key, Known::Linked(referrers));
    }

    fn allows(&self, path: &str) -> bool {
        matches!(&self.manners, Manners::Known(rules) if rules.allow(path))
    }

    /// What became of a page is known; gives its path as it is kept here, and the pages that
    /// link to it.
    fn settle(&mut self, path: &str, outcome: Outcome) -> (Arc<str>, Referrers) {
        let known = self.seen.get_key_value(path).map(|(path, _)| Arc::clone(path));
        let path = known.unwrap_or_else(|| path.into());
        let settled = if outcome.is_error() { Known::Broken } else { Known::Settled };
        match self.seen.insert(Arc::clone(&path), settled) {
            Some(Known::Linked(referrers)) => (path, referrers),
            _ => (path, Referrers::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::time::Instant;

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

    /// A frontier, and what it has told since it was last asked.
    fn told(job: Job) -> (Frontier, impl Fn() -> Vec<News>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&heard);
        let listen = move |news| listener.lock().expect("nobody panics").push(news);
        let frontier = Frontier::new(&Job { progress: Progress::told_to(listen), ..job });
        (frontier, move || mem::take(&mut heard.lock().expect("nobody panics")))
    }

    /// The pages that link to the one that was told of last.
    fn referrers(news: &[News]) -> String {
        match news {
            [.., News::Visited(visit)] => visit.linked_from.to_string(),
            other => panic!("a visit is told of last: {other:?}"),
        }
    }

    #[test]
    fn whoever_links_to_a_broken_page_is_told() {
        let (frontier, news) = told(job(usize::MAX));
        level(&frontier);
        frontier.record("/start".into(), page(&["/b", "/a"]));
        level(&frontier);
        // Whichever comes first, and however often it links: the order is theirs.
        frontier.record("/b".into(), page(&["/broken", "/broken#x", "broken"]));
        frontier.record("/a".into(), page(&["/broken", "/late"]));
        level(&frontier);
        news();
        frontier.record("/broken".into(), Err(Outcome::Reset));
        assert_eq!(referrers(&news()), "/a, /b");
        frontier.record("/late".into(), page(&["/broken", "/a"]));
        let news = news();
        let linked = News::Linked { broken: "/broken".into(), from: "/late".into() };
        assert_eq!((news.len(), &news[0]), (2, &linked));
        assert_eq!(referrers(&news), "/a");
    }

    #[test]
    fn a_redirect_is_a_link_too() {
        let (frontier, news) = told(job(usize::MAX));
        level(&frontier);
        frontier.record("/start".into(), redirect("/new"));
        level(&frontier);
        frontier.record("/new".into(), Ok(Page::of_html(410, "")));
        assert_eq!(referrers(&news()), "/start");
    }

    fn redirect(to: &str) -> Result<Page, Outcome> {
        let mut page = Page::of_html(301, "");
        page.location = Some(to.into());
        Ok(page)
    }

    /// Asks for the rules at `path`, and answers.
    fn answer_for_rules(frontier: &Frontier, path: &str, page: Result<Page, Outcome>) {
        assert_eq!(level(frontier), [path]);
        frontier.record(path.into(), page);
    }

    fn mannered() -> (Frontier, impl Fn() -> Vec<News>) {
        told(Job { robots: true, ..job(2) })
    }

    #[test]
    fn what_is_forbidden_is_left_out_and_told_once() {
        let (frontier, news) = mannered();
        let rules = "User-agent: *\nDisallow: /private";
        answer_for_rules(&frontier, "/robots.txt", Ok(Page::of_html(200, rules)));
        assert_eq!(news(), [], "the rules are no page");
        assert_eq!(level(&frontier), ["/start"]);
        frontier
            .record("/start".into(), page(&["/private/a", "/b", "/c", "/private/a#x"]));
        assert_eq!(news()[0], News::Forbidden("/private/a".into()));
        // The limit is two, and the rules were none of them.
        assert_eq!(level(&frontier), ["/b"]);
        frontier.record("/b".into(), page(&["/private/a"]));
        assert_eq!(news().len(), 1, "it was told before");
        assert_eq!(frontier.next_level(), None);
        assert_eq!(frontier.report().len(), 2);
    }

    /// RFC 9309, sections 2.3.1.2 to 2.3.1.4.
    #[test]
    fn rules_that_are_not_there_forbid_nothing_and_rules_that_are_not_known_everything() {
        let elsewhere = redirect("https://elsewhere/robots.txt");
        for there_are_none in
            [Ok(Page::of_html(404, "")), Ok(Page::of_html(403, "")), elsewhere]
        {
            let (frontier, _) = mannered();
            answer_for_rules(&frontier, "/robots.txt", there_are_none);
            assert_eq!(level(&frontier), ["/start"]);
        }
        for (unknown, outcome) in [
            (Ok(Page::of_html(500, "")), Outcome::Status(500)),
            (Ok(Page::of_html(503, "")), Outcome::Status(503)),
            (Err(Outcome::TimedOut), Outcome::TimedOut),
        ] {
            let (frontier, news) = mannered();
            answer_for_rules(&frontier, "/robots.txt", unknown);
            let forbidden = News::Forbidden("/start".into());
            assert_eq!(news(), [News::NoRules(outcome), forbidden]);
            assert_eq!(frontier.next_level(), None);
        }
        let (frontier, _) = mannered();
        for n in 0..5 {
            let asked = if n == 0 { "/robots.txt".to_owned() } else { format!("/{n}") };
            answer_for_rules(&frontier, &asked, redirect(&format!("/{}", n + 1)));
        }
        let rules = Page::of_html(200, "User-agent: *\nDisallow: /start");
        answer_for_rules(&frontier, "/5", Ok(rules));
        assert_eq!(frontier.next_level(), None, "five redirects are followed");
        let (frontier, _) = mannered();
        for n in 0..6 {
            let asked = if n == 0 { "/robots.txt".to_owned() } else { format!("/{n}") };
            answer_for_rules(&frontier, &asked, redirect(&format!("/{}", n + 1)));
        }
        assert_eq!(level(&frontier), ["/start"], "and the sixth is as good as no rules");
    }

    #[test]
    fn whoever_pauses_between_requests_makes_one_at_a_time() {
        let delay = Duration::from_millis(5);
        let frontier = Frontier::new(&Job { delay, ..job(usize::MAX) });
        level(&frontier);
        frontier.record("/start".into(), page(&["/a", "/b", "/c"]));
        assert_eq!(frontier.next_level(), Some(1));
        let began = Instant::now();
        assert!(frontier.next_path().is_some() && frontier.next_path().is_some());
        assert!(began.elapsed() >= 2 * delay);
    }

    /// Nothing was asked for before that anybody could have to rest from.
    #[test]
    fn the_first_page_is_asked_for_without_a_pause() {
        let (done, waits) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let delay = Duration::from_hours(1);
            done.send(level(&Frontier::new(&Job { delay, ..job(1) })).first().cloned())
        });
        let first = waits.recv_timeout(Duration::from_mins(1)).expect("it pauses");
        assert_eq!(first.as_deref(), Some("/start"));
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

    /// Nobody is led out of what is encrypted, not even to the same host.
    #[test]
    fn a_secure_site_stays_secure() {
        let target = Target::resolve_secure("https://127.0.0.1/start").expect("good");
        let frontier = Frontier::new(&Job::new(target));
        level(&frontier);
        let links = [
            "http://127.0.0.1/x",
            "http://127.0.0.1:443/x",
            "https://127.0.0.1:444/x",
            "https://127.0.0.1:443/yes",
            "//127.0.0.1/and",
            "also",
        ];
        frontier.record("/start".into(), page(&links));
        assert_eq!(level(&frontier), ["/also", "/and", "/yes"]);
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
