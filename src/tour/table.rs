//! The figures in eighty columns, and the sentences that they earn.

use super::race::{Row, agree};
use crate::crawl::disagreement;
use crate::error::Error;
use crate::invocation::to_type;
use crate::output::Output;
use crate::styles::Style;

/// How many lines of a table are its head.
pub(crate) const HEAD_LINES: usize = 2;

/// The table, in lines of at most eighty columns.
pub(crate) fn table(rows: &[Row]) -> Vec<String> {
    let mut lines = vec![
        line(["", "", "", "", "most in", "code", "deepest", "error", "KiB per"]),
        line([
            "style", "since", "seconds", "threads", "flight", "lines", "nesting",
            "sites", "task",
        ]),
    ];
    lines.extend(rows.iter().map(|row| line(cells(row).each_ref().map(String::as_str))));
    lines
}

/// A row's figures, as text.
pub(super) fn cells(row: &Row) -> [String; 9] {
    [
        row.style.to_owned(),
        row.since.to_owned(),
        figure(row.seconds, 2),
        count(row.threads),
        count(row.max_in_flight),
        row.lines.to_string(),
        row.nesting.to_string(),
        row.error_sites.to_string(),
        figure(row.kib_per_task, 2),
    ]
}

fn line(cells: [&str; 9]) -> String {
    let [style, since, seconds, threads, flight, lines, nesting, sites, kib] = cells;
    let text = format!(
        "{style:<12}{since:<16}{seconds:>7}{threads:>8}{flight:>8}{lines:>6}{nesting:>8}\
         {sites:>6}{kib:>8}"
    );
    text.trim_end().to_owned()
}

fn count(figure: Option<usize>) -> String {
    figure.map_or("–".to_owned(), |figure| figure.to_string())
}

fn figure(figure: Option<f64>, digits: usize) -> String {
    figure.map_or("–".to_owned(), |figure| format!("{figure:.digits$}"))
}

/// What the numbers say, in lines of at most eighty columns.
pub(crate) fn sentences(rows: &[Row]) -> Vec<String> {
    let mut lines = Vec::new();
    let pages: Vec<_> = rows.iter().map(|row| row.pages).collect();
    if let (true, Some(Some(pages))) = (agree(rows), pages.first()) {
        let styles = rows.len();
        lines.push(format!("All {styles} styles agree on all {pages} pages."));
    } else {
        lines.push("The styles DISAGREE on what became of the pages:".to_owned());
        let crawls: Vec<_> = rows.iter().filter_map(|row| row.crawled.clone()).collect();
        lines.extend(disagreement(&crawls));
    }
    let concurrent: Vec<_> = rows.iter().filter(|row| is_concurrent(row)).collect();
    let Some((fastest, slowest)) = range(concurrent.iter().filter_map(|it| it.seconds))
    else {
        return lines;
    };
    if concurrent.len() > 1 {
        lines.push(format!(
            "The slowest concurrent style took {:.2}x the fastest; what differs is:",
            slowest / fastest
        ));
        lines.push(differences(&concurrent));
    }
    for row in rows.iter().filter(|row| !is_concurrent(row)) {
        if let Some(seconds) = row.seconds {
            let ratio = seconds / fastest;
            let style = row.style;
            lines.push(format!(
                "{style} took {ratio:.1}x the fastest: it waits for one page at a time."
            ));
        }
    }
    lines
}

/// From the least to the most of each figure.
fn differences(rows: &[&Row]) -> String {
    let of = |figure: fn(&Row) -> usize| {
        let figures = rows.iter().map(|row| figure(row));
        let (least, most) = (figures.clone().min(), figures.max());
        format!("{} to {}", least.unwrap_or_default(), most.unwrap_or_default())
    };
    let text = format!(
        "lines {}, nesting {}, error sites {}",
        of(|row| row.lines),
        of(|row| row.nesting),
        of(|row| row.error_sites)
    );
    let kib = rows.iter().filter_map(|row| row.kib_per_task);
    match range(kib) {
        Some((least, most)) => {
            format!("{text}, KiB/task {least:.1} to {most:.1}.")
        }
        None => format!("{text}."),
    }
}

fn range(figures: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    figures.fold(None, |range, figure| {
        let (least, most) = range.unwrap_or((figure, figure));
        Some((least.min(figure), most.max(figure)))
    })
}

fn is_concurrent(row: &Row) -> bool {
    Style::named(row.style).is_some_and(Style::is_concurrent)
}

/// What to type next.
pub(crate) fn what_next(output: &mut Output) -> Result<(), Error> {
    output.line("")?;
    output.line(output.bold("What next"))?;
    for (command, purpose) in [
        ("diff threads async-await crawl.rs", "what a style takes away"),
        ("run crawl --hostile", "break it: a site that does everything wrong"),
        ("crawl http://HOST/ --style all", "crawl a site of your own"),
        ("step countdown", "go through a run, step by step"),
        ("book --open", "the book, built and served here"),
        ("--help", "everything else"),
    ] {
        let command = to_type(command);
        output.line(format_args!("  {command}\n      {purpose}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(style: &'static str, seconds: f64, kib: Option<f64>) -> Row {
        Row {
            style,
            since: "2015 Python 3.5",
            seconds: Some(seconds),
            threads: Some(17),
            max_in_flight: Some(16),
            lines: 104,
            nesting: 4,
            error_sites: 12,
            kib_per_task: kib,
            pages: Some(40),
            errors: Some(0),
            digest: Some("same".to_owned()),
            crawled: None,
            requests: Vec::new(),
            crawl_failed: None,
            tasks_failed: None,
        }
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let rows =
            [row("blocking", 2.04, None), row("async-await", 100.25, Some(1234.5))];
        for line in table(&rows) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(table(&rows)[2].ends_with('–'), "blocking has no tasks");
    }

    #[test]
    fn the_sentences_are_computed() {
        let fast = row("async-await", 0.2, Some(0.3));
        let slow = Row { lines: 79, ..row("threads", 0.22, Some(9.3)) };
        let rows = [row("blocking", 2.0, None), slow, fast];
        assert_eq!(
            sentences(&rows),
            [
                "All 3 styles agree on all 40 pages.",
                "The slowest concurrent style took 1.10x the fastest; what differs is:",
                "lines 79 to 104, nesting 4 to 4, error sites 12 to 12, KiB/task 0.3 to 9.3.",
                "blocking took 10.0x the fastest: it waits for one page at a time.",
            ]
        );
        for line in sentences(&rows) {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn a_style_that_failed_does_not_agree() {
        let failed =
            Row { seconds: None, pages: None, digest: None, ..row("threads", 1.0, None) };
        let rows = [row("async-await", 0.2, None), failed];
        assert!(sentences(&rows)[0].contains("DISAGREE"));
        assert!(!agree(&rows));
        assert!(!agree(&[]));
    }
}
