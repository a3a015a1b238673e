//! Styles that do not agree, compared page by page.

use std::collections::BTreeMap;

use site::count;

use super::{Crawled, Visited};

/// How many pages are told of.
const ENOUGH: usize = 20;

/// What became of a page, in words, and in which styles.
type Words<'a> = Vec<(String, Vec<&'a str>)>;

/// The pages that the styles do not agree on, a line each.
pub(super) fn lines(crawls: &[Crawled]) -> Vec<String> {
    let differences = differences(crawls);
    let more = differences.len().saturating_sub(ENOUGH);
    let told = differences.into_iter().take(ENOUGH);
    let mut lines: Vec<_> = told.map(|(path, words)| line(path, words)).collect();
    if more > 0 {
        lines.push(format!("and {}: --json has all of them", count(more, "more page")));
    }
    lines
}

/// On how many pages they do not agree.
pub(super) fn len(crawls: &[Crawled]) -> usize {
    differences(crawls).len()
}

fn line(path: &str, words: Words<'_>) -> String {
    let told = words
        .into_iter()
        .map(|(words, styles)| format!("{words} in {}", styles.join(", ")))
        .collect::<Vec<_>>();
    format!("{path}: {}", told.join("; "))
}

fn differences(crawls: &[Crawled]) -> BTreeMap<&str, Words<'_>> {
    let crawls: Vec<_> = crawls.iter().filter(|it| it.failure.is_none()).collect();
    let mut pages: BTreeMap<&str, Words<'_>> = BTreeMap::new();
    for page in crawls.iter().flat_map(|crawled| &crawled.pages) {
        pages.entry(&page.path).or_default();
    }
    for crawled in crawls {
        let mut visited = crawled.pages.iter().peekable();
        // Both are sorted by path.
        for (path, words) in &mut pages {
            let page = visited.next_if(|page| page.path == *path);
            let said = page.map_or("not visited".to_owned(), Visited::words);
            match words.iter_mut().find(|(words, _)| *words == said) {
                Some((_, styles)) => styles.push(&crawled.style),
                None => words.push((said, vec![&crawled.style])),
            }
        }
    }
    pages.retain(|_, words| words.len() > 1);
    pages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crawled(style: &str, pages: &[(&str, &str)]) -> Crawled {
        let visited = |(path, outcome): &(&str, &str)| Visited {
            path: (*path).to_owned(),
            outcome: (*outcome).to_owned(),
            leads_to: None,
            linked_from: Vec::new(),
        };
        Crawled {
            style: style.to_owned(),
            pages: pages.iter().map(visited).collect(),
            ..Crawled::default()
        }
    }

    #[test]
    fn each_page_is_told_with_what_became_of_it_where() {
        let crawls = [
            crawled("blocking", &[("/", "200"), ("/a", "200"), ("/b", "reset")]),
            crawled("threads", &[("/", "200"), ("/b", "200"), ("/c", "404")]),
            crawled("callbacks", &[("/", "200"), ("/a", "200"), ("/b", "reset")]),
        ];
        assert_eq!(
            lines(&crawls),
            [
                "/a: 200 in blocking, callbacks; not visited in threads",
                "/b: reset in blocking, callbacks; 200 in threads",
                "/c: not visited in blocking, callbacks; 404 in threads",
            ]
        );
        assert_eq!(lines(&crawls[..1]), [""; 0]);
    }

    #[test]
    fn enough_is_enough() {
        let names: Vec<_> = (0..30).map(|n| format!("/{n:02}")).collect();
        let pages: Vec<_> = names.iter().map(|name| (name.as_str(), "200")).collect();
        let lines = lines(&[crawled("blocking", &pages), crawled("threads", &[])]);
        assert_eq!(lines.len(), 21);
        assert_eq!(lines[20], "and 10 more pages: --json has all of them");
    }
}
