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
    use crate::crawl::{Crawled, Visited};
    use crate::error::Error;
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

    /// A server takes note of a request when it is done, and many are under way at once.
    #[test]
    fn requests_that_are_told_in_no_order_are_drawn_as_they_came() {
        let start = Instant::now();
        let requests = [("/d", 60, 70), ("/a", 0, 50), ("/c", 50, 100)]
            .into_iter()
            .chain([("/e", 65, 80), ("/b", 10, 60)])
            .map(|(path, from, to)| served(path, from, to, start));
        let row = Row { requests: requests.collect(), ..Row::of(&STYLES[0]) };
        let timeline = Timeline::of(&row).expect("it has some");
        assert_eq!(timeline.length(), Duration::from_millis(100));
        let places: Vec<_> =
            timeline.rows().iter().map(|(it, row)| (it.path.as_str(), *row)).collect();
        assert_eq!(places, [("/a", 0), ("/b", 1), ("/c", 0), ("/d", 1), ("/e", 2)]);
        let list = timeline.list();
        let told: Vec<_> = list.split("<li>").skip(1).map(|it| &it[..2]).collect();
        assert_eq!(told, ["0 ", "10", "50", "60", "65"]);
    }

    /// Of nothing there is no share; `NaN%` would be as wide as the page.
    #[test]
    fn requests_that_took_no_time_are_as_wide_as_nothing() {
        let requests = vec![served("/a", 5, 5, Instant::now())];
        let html = html(&[Row { requests, ..Row::of(&STYLES[0]) }]);
        assert!(html.contains("--share: 0.00%"), "{html}");
        assert!(html.contains("svg { display: block; width: var(--share);"), "{html}");
    }

    /// A site may call its pages what it likes, and a style's words are no HTML of ours either.
    #[test]
    fn nothing_hostile_is_more_than_text_wherever_it_stands() {
        let crawled = |style: &str, outcome: &str| Crawled {
            style: style.to_owned(),
            pages: vec![Visited {
                path: "/<i>\"&".to_owned(),
                outcome: outcome.to_owned(),
                leads_to: None,
                linked_from: Vec::new(),
            }],
            ..Crawled::default()
        };
        let [one, other] = ["<u>", "<s>"].map(|it| Row {
            style: it,
            since: "<q>&",
            crawled: Some(crawled(it, it)),
            ..Row::of(&STYLES[0])
        });
        let failed = |it: &str| Some(Error::failure(it));
        let one =
            Row { crawl_failed: failed("<em>"), tasks_failed: failed("<tt>"), ..one };
        let html = html(&[one, other]);
        for tag in ["<i>", "<u>", "<s>", "<q>", "<em>", "<tt>"] {
            assert!(!html.contains(tag), "{tag}: {html}");
        }
        for told in [
            "<h2>&lt;u> <small>&lt;q>&amp;</small></h2>",
            "no crawl: &lt;em>; &lt;u>: no KiB per task: &lt;tt></p>",
            "<td>&lt;u></td><td>&lt;q>&amp;</td>",
            "<p>/&lt;i>&quot;&amp;: &lt;u> in &lt;u>; &lt;s> in &lt;s></p>",
        ] {
            assert!(html.contains(told), "{told}: {html}");
        }
    }

    /// Whoever gets the page sees what the terminal showed, and each figure below its name.
    #[test]
    fn a_page_tells_the_figures_and_what_they_say() {
        let [one, other] = rows().try_into().expect("they are two");
        let one = Row {
            seconds: Some(1.5),
            threads: Some(3),
            max_in_flight: Some(2),
            lines: 4,
            nesting: 5,
            error_sites: 6,
            kib_per_task: Some(0.25),
            ..one
        };
        let rows = [one, other];
        let html = html(&rows);
        for told in [
            "<h1>One crawler, written in 2 styles</h1>",
            "<span>0 s</span><span>0.10 s</span>",
            "<p>3 requests, at most 2 at once, in 0.10 s</p>",
            "<p>1 request, at most 0 at once, in 0.05 s</p>",
            "<p>The styles DISAGREE on what became of the pages:</p>",
        ] {
            assert!(html.contains(told), "{told}: {html}");
        }
        let cells = |tag: &str| {
            let begin = format!("<{tag}>");
            let cells = html.split(&begin).skip(1);
            let cells = cells.filter_map(|it| Some(it.split_once("</")?.0.to_owned()));
            cells.take(9).collect::<Vec<_>>()
        };
        let figures: Vec<_> = cells("th").into_iter().zip(cells("td")).skip(2).collect();
        let told = [
            ("seconds", "1.50"),
            ("threads", "3"),
            ("most in flight", "2"),
            ("code lines", "4"),
            ("deepest nesting", "5"),
            ("error sites", "6"),
            ("KiB per task", "0.25"),
        ];
        assert_eq!(figures, told.map(|(head, cell)| (head.to_owned(), cell.to_owned())));
    }
}
