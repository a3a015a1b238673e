//! What is known of a crawl so far: all that it has told.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use site::{News, Outcome, Referrers, Visit};

/// All that a crawl has told.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pages: BTreeMap<Arc<str>, Page>,
    errors: usize,
    forbidden: Vec<String>,
    /// Why nothing may be asked for, if that is so.
    no_rules: Option<Outcome>,
    /// Pages that are known to be broken, and are linked from more pages than was told then.
    late: BTreeSet<Arc<str>>,
}

/// What is kept of a visit: there may be many.
#[derive(Clone, Debug)]
struct Page {
    outcome: Outcome,
    leads_to: Option<Box<str>>,
    /// Only of a broken page.
    linked_from: Referrers,
}

/// What became of one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visited {
    /// The path, and the query.
    pub path: String,
    /// A status, or the kind of a failure.
    pub outcome: String,
    /// Where it leads, if it is a redirect that leaves the site.
    pub leads_to: Option<String>,
    /// If it is broken, pages that link to it: the first in their order.
    pub linked_from: Vec<String>,
}

impl Log {
    /// Takes note of what is told, and gives the line that it makes.
    pub fn note(&mut self, news: News) -> Option<String> {
        match news {
            News::Visited(visit) => Some(self.visited(visit)),
            News::Linked { broken, from } => {
                if let Some((path, _)) = self.pages.get_key_value(broken.as_str()) {
                    self.late.insert(Arc::clone(path));
                }
                if let Some(page) = self.pages.get_mut(broken.as_str()) {
                    page.linked_from.add(from);
                }
                None
            }
            News::Forbidden(path) => {
                let line = format!("{path} left out, robots.txt forbids it");
                self.forbidden.push(path);
                Some(line)
            }
            News::NoRules(outcome) => {
                self.no_rules = Some(outcome);
                None
            }
        }
    }

    fn visited(&mut self, visit: Visit) -> String {
        let Visit { path, outcome, leads_to, linked_from } = visit;
        let is_broken = outcome.is_error();
        self.errors += usize::from(is_broken);
        let linked_from = if is_broken { linked_from } else { Referrers::default() };
        let leads_to = leads_to.map(String::into_boxed_str);
        let page = Page { outcome, leads_to, linked_from };
        let line = format!("{path} {page}");
        self.pages.insert(path, page);
        line
    }

    /// How many pages were visited.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// How many of them are broken.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// How a page ended, if it was visited.
    pub fn outcome(&self, path: &str) -> Option<Outcome> {
        self.pages.get(path).map(|page| page.outcome)
    }

    /// Why `robots.txt` is not known, if it had to be.
    pub fn no_rules(&self) -> Option<Outcome> {
        self.no_rules
    }

    /// The pages that were left out.
    pub fn forbidden(&self) -> &[String] {
        &self.forbidden
    }

    /// Lines on pages that turned out to be linked from more pages than was told.
    pub fn late(&self) -> impl Iterator<Item = String> {
        self.late.iter().map(|path| format!("{path} {}", self.pages[path]))
    }

    /// The pages, sorted by path.
    pub fn pages(&self) -> Vec<Visited> {
        self.pages.iter().map(Visited::from).collect()
    }
}

impl From<(&Arc<str>, &Page)> for Visited {
    fn from((path, page): (&Arc<str>, &Page)) -> Self {
        Self {
            path: path.to_string(),
            outcome: page.outcome.to_string(),
            leads_to: page.leads_to.as_deref().map(str::to_owned),
            linked_from: page.linked_from.named().map(str::to_owned).collect(),
        }
    }
}

impl Visited {
    /// What became of it, in words.
    pub fn words(&self) -> String {
        match &self.leads_to {
            Some(target) => format!("{}, leads to {target}", self.outcome),
            None => self.outcome.clone(),
        }
    }
}

/// What became of it, in words; of a broken page, with whoever links to it.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, leads_to, linked_from } = self;
        write!(f, "{outcome}")?;
        if let Some(target) = leads_to {
            write!(f, ", leads to {target}")?;
        }
        if !linked_from.is_empty() {
            write!(f, ", linked from {linked_from}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(path: &str, outcome: Outcome, from: &[&str]) -> News {
        let mut linked_from = Referrers::default();
        from.iter().for_each(|page| linked_from.add((*page).into()));
        let (path, leads_to) = (path.into(), None);
        News::Visited(Visit { path, outcome, leads_to, linked_from })
    }

    #[test]
    fn a_broken_page_is_told_with_whoever_links_to_it() {
        let mut log = Log::default();
        for (news, line) in [
            (visit("/", Outcome::Status(200), &[]), Some("/ 200")),
            (visit("/a", Outcome::Status(200), &["/"]), Some("/a 200")),
            (
                visit("/b", Outcome::Reset, &["/", "/a"]),
                Some("/b reset, linked from /, /a"),
            ),
            (News::Linked { broken: "/b".into(), from: "/c".into() }, None),
            (News::Linked { broken: "/b".into(), from: "/d".into() }, None),
            (News::Forbidden("/x".into()), Some("/x left out, robots.txt forbids it")),
        ] {
            assert_eq!(log.note(news).as_deref(), line);
        }
        let late: Vec<_> = log.late().collect();
        assert_eq!(late, ["/b reset, linked from /, /a, /c and 1 more page"]);
        assert_eq!((log.len(), log.errors()), (3, 1));
        let pages = log.pages();
        assert_eq!(pages[1].linked_from, [""; 0], "nothing is wrong with it");
        assert_eq!(pages[2].linked_from, ["/", "/a", "/c"]);
    }
}
