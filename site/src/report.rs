//! What became of all the pages.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use hmac_sha256::Hash;

use crate::Outcome;

/// What became of every page that a crawl visited, by path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pages: BTreeMap<String, Outcome>,
    /// Of these, the redirects that leave the site, and where they lead.
    leaving: BTreeMap<String, String>,
}

impl Report {
    /// The pages, sorted by path.
    pub fn pages(&self) -> &BTreeMap<String, Outcome> {
        &self.pages
    }

    /// Where a page leads that is a redirect, if that is not to this site: to another host,
    /// or to a scheme that is not spoken here. A crawl ends there, and says where it would
    /// have gone.
    pub fn leads_away(&self, path: &str) -> Option<&str> {
        self.leaving.get(path).map(String::as_str)
    }

    /// What became of a page, in words; `None`: it was not visited.
    pub fn words(&self, path: &str) -> Option<String> {
        let outcome = self.pages.get(path)?;
        Some(match self.leads_away(path) {
            Some(target) => format!("{outcome}, leads to {target}"),
            None => outcome.to_string(),
        })
    }

    /// Says that the redirect at `path` leaves the site for `target`.
    pub fn leave(&mut self, path: String, target: String) {
        self.leaving.insert(path, target);
    }

    /// How many pages were visited.
    pub fn len(&self) -> usize {
        self.pages.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// How many pages did not end with a status below 400.
    pub fn errors(&self) -> usize {
        self.pages.values().filter(|outcome| outcome.is_error()).count()
    }

    /// The SHA-256 of the report's lines, sorted by path: two crawls agree if and only if
    /// their digests do. It is what `sha256sum` says of the same lines.
    pub fn digest(&self) -> String {
        let hash = Hash::hash(self.to_string().as_bytes());
        hash.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl FromIterator<(String, Outcome)> for Report {
    fn from_iter<I: IntoIterator<Item = (String, Outcome)>>(pages: I) -> Self {
        Self { pages: pages.into_iter().collect(), leaving: BTreeMap::new() }
    }
}

impl Extend<(String, Outcome)> for Report {
    fn extend<I: IntoIterator<Item = (String, Outcome)>>(&mut self, pages: I) {
        self.pages.extend(pages);
    }
}

/// A line a page: its path, its outcome, and where it leads if that is away from the site.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines =
            self.pages.keys().filter_map(|path| Some((path, self.words(path)?)));
        lines.try_for_each(|(path, words)| writeln!(f, "{path} {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_sorted_lines() {
        let pages = [("/b", Outcome::Reset), ("/a", Outcome::Status(200))];
        let report: Report =
            pages.map(|(path, it)| (path.to_owned(), it)).into_iter().collect();
        assert_eq!(report.to_string(), "/a 200\n/b reset\n");
        // printf '/a 200\n/b reset\n' | sha256sum
        let digest = "44a0ee9c2646857f99ce46f7c88c0252f85625e7654d9cb74fdf12909f2ebb18";
        assert_eq!(report.digest(), digest);
        assert_eq!((report.len(), report.errors()), (2, 1));
    }

    #[test]
    fn a_report_of_nothing_is_empty() {
        let mut report = Report::default();
        assert!(report.is_empty() && report.words("/").is_none());
        report.extend([("/".to_owned(), Outcome::Reset)]);
        assert!(!report.is_empty());
        assert_eq!(report.words("/").as_deref(), Some("reset"));
    }

    #[test]
    fn a_redirect_that_leaves_is_told_with_its_target() {
        let pages = [("/a", Outcome::Status(302)), ("/b", Outcome::Status(200))];
        let stays: Report =
            pages.map(|(path, it)| (path.to_owned(), it)).into_iter().collect();
        let mut leaves = stays.clone();
        leaves.leave("/a".into(), "https://b/".into());
        assert_eq!(leaves.to_string(), "/a 302, leads to https://b/\n/b 200\n");
        assert_ne!(leaves.digest(), stays.digest());
        assert_eq!(
            (leaves.leads_away("/a"), leaves.leads_away("/b")),
            (Some("https://b/"), None)
        );
    }
}
