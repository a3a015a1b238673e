//! The tour as a page to be shown to others: when which style had which request under way, drawn
//! side by side, and the figures. One file, without a script, and nothing in it comes from elsewhere.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use site::count;
use site::server::Served;

use super::race::Row;
use super::table;

/// How high a request is, and the row that it stands in.
const BAR: usize = 6;
const ROW: usize = 8;

/// The page.
pub(super) fn html(rows: &[Row]) -> String {
    let longest = rows.iter().filter_map(Timeline::of).map(|it| it.length()).max();
    let longest = longest.unwrap_or_default();
    let sections: String = rows.iter().map(|row| section(row, longest)).collect();
    let sentences: String = table::sentences(rows)
        .iter()
        .map(|it| format!("<p>{}</p>\n", escape(it)))
        .collect();
    let styles = count(rows.len(), "style");
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>One crawler, written in {styles}</title>\n<style>{}</style>\n\
         <h1>One crawler, written in {styles}</h1>\n\
         <p>A small site was crawled in every style, by the program <code>lineage</code>, on one \
         machine. A bar is a request that the site had under way; requests that stand above one \
         another were under way at the same time.</p>\n\
         <main>\n<input type=\"checkbox\" class=\"own\" id=\"own\">\n\
         <label for=\"own\">Give each style the whole width</label>\n\
         <p class=\"axis\"><span>0 s</span><span>{:.2} s</span></p>\n{sections}</main>\n\
         <h2>What the numbers say</h2>\n{sentences}{}</html>\n",
        include_str!("page.css"),
        longest.as_secs_f64(),
        figures(rows),
    )
}

/// The requests of a style, from the first on.
struct Timeline<'a> {
    start: Instant,
    requests: &'a [Served],
}

impl<'a> Timeline<'a> {
    /// `None`: nothing was asked for.
    fn of(row: &'a Row) -> Option<Self> {
        let start = row.requests.iter().map(|it| it.from).min()?;
        Some(Self { start, requests: &row.requests })
    }

    fn length(&self) -> Duration {
        let end = self.requests.iter().map(|it| it.to).max();
        end.map(|it| it - self.start).unwrap_or_default()
    }

    /// Each request, in the first row that is free.
    fn rows(&self) -> Vec<(&'a Served, usize)> {
        let mut requests: Vec<_> = self.requests.iter().collect();
        requests.sort_by_key(|it| it.from);
        let mut free: Vec<Instant> = Vec::new();
        let place = |it: &'a Served| {
            let row = free.iter().position(|free| *free <= it.from).unwrap_or(free.len());
            free.resize(free.len().max(row + 1), it.to);
            free[row] = it.to;
            (it, row)
        };
        requests.into_iter().map(place).collect()
    }

    /// As a picture that is as wide as its share of the longest.
    fn svg(&self, longest: Duration) -> String {
        let rows = self.rows();
        let height = rows.iter().map(|(_, row)| row + 1).max().unwrap_or_default() * ROW;
        let millis = |instant: Instant| (instant - self.start).as_secs_f64() * 1000.0;
        let share = self.length().as_secs_f64() / longest.as_secs_f64().max(f64::EPSILON);
        let mut svg = format!(
            "<div class=\"time\"><svg style=\"--share: {:.2}%\" height=\"{height}\" viewBox=\"0 0 {:.1} \
             {height}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"Its requests; \
             the list below says the same\">\n",
            share * 100.0,
            self.length().as_secs_f64() * 1000.0,
        );
        for (Served { path, from, to }, row) in rows {
            let (x, width) = (millis(*from), millis(*to) - millis(*from));
            _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{BAR}\">\
                 <title>{}</title></rect>",
                row * ROW,
                escape(path)
            );
        }
        svg + "</svg></div>\n"
    }

    /// In words.
    fn list(&self) -> String {
        let mut list =
            "<details><summary>Its requests, in milliseconds</summary>\n<ol>\n"
                .to_owned();
        for (Served { path, from, to }, _) in self.rows() {
            let millis = |instant: &Instant| (*instant - self.start).as_millis();
            _ = writeln!(
                list,
                "<li>{} to {}: {}</li>",
                millis(from),
                millis(to),
                escape(path)
            );
        }
        list + "</ol>\n</details>\n"
    }
}

fn section(row: &Row, longest: Duration) -> String {
    let mut html = format!(
        "<section>\n<h2>{} <small>{}</small></h2>\n",
        escape(row.style),
        escape(row.since)
    );
    let Some(timeline) = Timeline::of(row) else {
        let reasons: Vec<_> = row.reasons().collect();
        return html + &format!("<p>{}</p>\n</section>\n", escape(&reasons.join("; ")));
    };
    let most = row.max_in_flight.unwrap_or_default();
    _ = writeln!(
        html,
        "<p>{}, at most {most} at once, in {:.2} s</p>\n{}{}</section>",
        count(timeline.requests.len(), "request"),
        timeline.length().as_secs_f64(),
        timeline.svg(longest),
        timeline.list(),
    );
    html
}

/// The table of the terminal.
fn figures(rows: &[Row]) -> String {
    let heads = [
        "style",
        "since",
        "seconds",
        "threads",
        "most in flight",
        "code lines",
        "deepest nesting",
        "error sites",
        "KiB per task",
    ];
    let line = |tag: &str, cells: &[String]| {
        let cells: String =
            cells.iter().map(|it| format!("<{tag}>{}</{tag}>", escape(it))).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.iter().map(|row| line("td", &table::cells(row))).collect();
    let head = line("th", &heads.map(str::to_owned));
    format!(
        "<div class=\"table\" tabindex=\"0\" role=\"region\" aria-label=\"The figures\">\
         <table>\n{head}{body}</table></div>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::styles::STYLES;

    fn served(path: &str, from: u64, to: u64, start: Instant) -> Served {
        let at = |ms| start + Duration::from_millis(ms);
        Served { path: path.to_owned(), from: at(from), to: at(to) }
    }

    fn rows() -> Vec<Row> {
        let start = Instant::now();
        let one = Row {
            requests: vec![
                served("/a", 0, 50, start),
                served("/<b>&", 10, 60, start),
                served("/c\"", 50, 100, start),
            ],
            ..Row::of(&STYLES[0])
        };
        let other =
            Row { requests: vec![served("/a", 7, 57, start)], ..Row::of(&STYLES[1]) };
        vec![one, other]
    }

    #[test]
    fn requests_at_the_same_time_stand_above_one_another() {
        let rows = rows();
        let timeline = Timeline::of(&rows[0]).expect("it has some");
        let places: Vec<_> =
            timeline.rows().iter().map(|(it, row)| (it.path.as_str(), *row)).collect();
        assert_eq!(places, [("/a", 0), ("/<b>&", 1), ("/c\"", 0)]);
    }

    /// And all by the same scale: a style that took half as long is half as wide.
    #[test]
    fn every_style_is_drawn_from_its_first_request_on() {
        let html = html(&rows());
        let shares: Vec<_> = html.split("--share: ").skip(1).map(|it| &it[..6]).collect();
        assert_eq!(shares, ["100.00", "50.00%"]);
        let bars: Vec<_> = html
            .split("<rect ")
            .skip(1)
            .map(|it| &it[..it.find('>').unwrap_or(0)])
            .collect();
        assert_eq!(
            bars,
            [
                "x=\"0.0\" y=\"0\" width=\"50.0\" height=\"6\"",
                "x=\"10.0\" y=\"8\" width=\"50.0\" height=\"6\"",
                "x=\"50.0\" y=\"0\" width=\"50.0\" height=\"6\"",
                "x=\"0.0\" y=\"0\" width=\"50.0\" height=\"6\"",
            ]
        );
        let pictures: Vec<_> =
            html.split("viewBox=").skip(1).map(|it| &it[..14]).collect();
        assert_eq!(pictures, ["\"0 0 100.0 16\"", "\"0 0 50.0 8\" p"]);
        let lists: Vec<_> =
            html.split("<li>").skip(1).filter_map(|it| it.lines().next()).collect();
        let told = [
            "0 to 50: /a",
            "10 to 60: /&lt;b>&amp;",
            "50 to 100: /c&quot;",
            "0 to 50: /a",
        ];
        assert_eq!(lists, told.map(|it| format!("{it}</li>")));
    }

    #[test]
    fn a_page_needs_nothing_else_and_says_what_it_was_told_as_text() {
        let html = html(&rows());
        for stranger in ["<script", "src=", "href=", "url(", "http:", "https:", "@import"]
        {
            assert!(!html.contains(stranger), "{stranger}");
        }
        assert!(!html.contains("<b>"), "{html}");
        for begin in ["<title>", "60: "] {
            assert!(html.contains(&format!("{begin}/&lt;b>&amp;</")), "{begin}: {html}");
        }
        assert!(html.contains("/c&quot;"), "{html}");
    }

    #[test]
    fn a_style_without_requests_says_why() {
        let why = "the process ended without <an answer>";
        let failed = Row {
            crawl_failed: Some(crate::error::Error::failure(why)),
            ..Row::of(&STYLES[0])
        };
        assert!(html(&[failed]).contains("ended without &lt;an answer>"));
    }
}
