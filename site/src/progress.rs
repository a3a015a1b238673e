//! What a crawl tells while it goes on, to whoever listens.

use std::sync::Arc;
use std::{fmt, mem};

use crate::Outcome;

/// Something that became known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// What became of a page.
    Visited(Visit),
    /// One more page links to one that is known to be broken.
    Linked {
        /// The page that is broken.
        broken: String,
        /// The one that links to it.
        from: Arc<str>,
    },
    /// A page that is left out, because `robots.txt` says so.
    Forbidden(String),
    /// `robots.txt` could not be had, so nothing at all may be asked for.
    NoRules(Outcome),
}

/// What became of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The path, and the query.
    pub path: Arc<str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Where it leads, if it is a redirect that leaves the site.
    pub leads_to: Option<String>,
    /// The pages that link to it, or lead to it, as far as they are known now.
    pub linked_from: Referrers,
}

/// Pages that link to the same one: some by name, in their order, and a count of the others.
/// Most pages have one, and there are many pages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referrers {
    first: Option<Arc<str>>,
    rest: Option<Box<Rest>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rest {
    named: Vec<Arc<str>>,
    more: usize,
}

impl Referrers {
    /// How many are named, beside the first.
    const NAMED: usize = 2;

    /// One more of them. The first ones in their order are named, whichever came first.
    pub fn add(&mut self, page: Arc<str>) {
        match &mut self.first {
            None => self.first = Some(page),
            Some(first) if *first == page => {}
            Some(first) => {
                let later = if page < *first { mem::replace(first, page) } else { page };
                self.rest.get_or_insert_default().add(later);
            }
        }
    }

    /// Whether there are none: only the first page has none.
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Those that are named.
    pub fn named(&self) -> impl Iterator<Item = &str> {
        let rest = self.rest.iter().flat_map(|rest| &rest.named);
        self.first.iter().chain(rest).map(AsRef::as_ref)
    }
}

impl Rest {
    fn add(&mut self, page: Arc<str>) {
        let Err(place) = self.named.binary_search(&page) else { return };
        self.named.insert(place, page);
        if self.named.len() > Referrers::NAMED {
            self.named.pop();
            self.more += 1;
        }
    }
}

/// `/a, /b and 3 more pages`.
impl fmt::Display for Referrers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.named().collect::<Vec<_>>().join(", "))?;
        match self.rest.as_ref().map_or(0, |rest| rest.more) {
            0 => Ok(()),
            1 => f.write_str(" and 1 more page"),
            more => write!(f, " and {more} more pages"),
        }
    }
}

/// Whoever listens to a crawl, if anybody does.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<dyn Fn(News) + Send + Sync>>);

impl Progress {
    /// Calls `listen` with all that becomes known, on whichever thread it does. It must not
    /// wait for anything: the crawl would.
    pub fn told_to(listen: impl Fn(News) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listen)))
    }

    pub(crate) fn tell(&self, news: News) {
        if let Some(listen) = &self.0 {
            listen(news);
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Progress").field(&self.0.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_referrers_are_named_whichever_came_first() {
        let mut referrers = Referrers::default();
        assert!(referrers.is_empty());
        for (page, told) in [
            ("/c", "/c"),
            ("/a", "/a, /c"),
            ("/d", "/a, /c, /d"),
            ("/c", "/a, /c, /d"),
            ("/a", "/a, /c, /d"),
            ("/b", "/a, /b, /c and 1 more page"),
            ("/e", "/a, /b, /c and 2 more pages"),
        ] {
            referrers.add(page.into());
            assert_eq!(referrers.to_string(), told);
            assert!(!referrers.is_empty());
        }
    }

    #[test]
    fn whoever_listens_is_told_and_it_shows() {
        let (say, hear) = std::sync::mpsc::channel();
        let heard =
            Progress::told_to(move |news| say.send(news).expect("somebody hears"));
        let (silent, news) = (Progress::default(), News::Forbidden("/x".to_owned()));
        silent.tell(news.clone());
        heard.tell(news.clone());
        assert_eq!(hear.try_iter().collect::<Vec<_>>(), [news]);
        assert_eq!(format!("{heard:?} {silent:?}"), "Progress(true) Progress(false)");
    }
}
