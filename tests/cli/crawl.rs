//! A crawl: what is told of it, when, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lineage::styles::Style;
use serde_json::{Value, json as value};
use site::server::Server;
use site::{Outcome, Report, Site};

use super::{json, keys, lineage, printed, run};

/// What is answered to a request for a path; `None`: nothing, ever.
type Answers = dyn Fn(&str) -> Option<String> + Send + Sync;

/// A server that answers so, until the tests end.
fn serving(
    answers: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, answers) = (listener.local_addr().unwrap(), Arc::new(answers));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, answers) = (stream.unwrap(), Arc::clone(&answers));
            thread::spawn(move || answer(stream, &*answers));
        }
    });
    address
}

fn answer(mut stream: TcpStream, answers: &Answers) {
    let mut request = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    lines.read_line(&mut request).unwrap();
    while lines.read_line(&mut String::new()).unwrap_or(0) > 2 {}
    let path = request.split(' ').nth(1).unwrap_or_default();
    match answers(path) {
        Some(answer) => drop(stream.write_all(answer.as_bytes())),
        // Until the client goes.
        None => drop(stream.read(&mut [0])),
    }
}

/// A page that links to others.
fn page(links: &str) -> Option<String> {
    let links: String =
        links.split_whitespace().map(|it| format!("<a href={it}>x</a>")).collect();
    Some(format!("HTTP/1.1 200 .\r\nContent-Type: text/html\r\n\r\n{links}"))
}

fn text(status: u16, text: &str) -> Option<String> {
    Some(format!("HTTP/1.1 {status} .\r\nContent-Type: text/plain\r\n\r\n{text}"))
}

#[test]
fn a_crawl_tells_of_every_page() {
    let server = Server::start(Site::hostile()).unwrap();
    let told = printed(&format!("crawl {} --timeout 1", server.url()));
    let mut told: Vec<_> = told.lines().collect();
    let last = told.pop().unwrap();
    assert!(last.ends_with(" s, in style async-await"), "{last}");
    // As they came, and not by path.
    told.sort_unstable();
    let expected = Site::hostile().expected();
    let mut lines = expected.pages().iter().map(|(path, outcome)| {
        let words = expected.words(path).unwrap();
        let from = if outcome.is_error() { ", linked from " } else { "" };
        format!("{path} {words}{from}")
    });
    let is_told = |line: &&str| lines.next().is_some_and(|it| line.starts_with(&it));
    assert!(told.iter().all(is_told), "{told:#?}");
    assert_eq!(lines.next(), None);
    assert!(told.contains(&"/missing 404, linked from /"));
}

#[test]
fn whoever_links_to_a_broken_page_is_told_even_if_that_is_known_later() {
    let site = |path: &str| match path {
        "/" => page("/a /b"),
        "/a" => page("/broken /late"),
        "/b" | "/late" => page("/broken"),
        _ => text(410, "gone"),
    };
    let told = printed(&format!("crawl http://{}/ --concurrency 1", serving(site)));
    let told: Vec<_> = told.lines().collect();
    assert_eq!(
        told[..6],
        [
            "/ 200",
            "/a 200",
            "/b 200",
            "/broken 410, linked from /a, /b",
            "/late 200",
            "/broken 410, linked from /a, /b, /late"
        ]
    );
    assert!(told[6].starts_with("5 pages, 1 error, "), "{told:?}");
}

#[test]
fn a_crawls_json_has_the_pages_and_a_digest_of_them() {
    let server = Server::start(Site::friendly()).unwrap();
    let paths = ["/", "/part-01/", "/part-02/", "/part-03/"].map(str::to_owned);
    let expected: Report =
        paths.map(|path| (path, Outcome::Status(200))).into_iter().collect();
    let answer = json(&format!("crawl {} --limit 4 --style all --json", server.url()));
    assert_eq!(keys(&answer), ["agree", "interrupted", "styles", "url"]);
    assert_eq!((&answer["agree"], &answer["url"]), (&true.into(), &server.url().into()));
    let styles = answer["styles"].as_array().unwrap();
    assert!(styles.iter().map(|it| &it["style"]).eq(Style::names()));
    for style in styles {
        assert_eq!(
            keys(style),
            ["digest", "errors", "failure", "forbidden", "pages", "seconds", "style"]
        );
        assert_eq!(
            (&style["digest"], &style["errors"]),
            (&expected.digest().into(), &0.into())
        );
        let line = |it: &Value| {
            assert_eq!(keys(it), ["leads_to", "linked_from", "outcome", "path"]);
            Some(format!("{} {}\n", it["path"].as_str()?, it["outcome"].as_str()?))
        };
        let pages: Option<String> =
            style["pages"].as_array().unwrap().iter().map(line).collect();
        assert_eq!(pages, Some(expected.to_string()));
    }
}

#[test]
fn what_leads_away_and_what_is_broken_has_a_target_and_referrers_in_json() {
    let site = |path: &str| match path {
        "/" => page("/away /missing"),
        "/away" => {
            Some("HTTP/1.1 301 .\r\nLocation: https://a.example/\r\n\r\n".to_owned())
        }
        _ => text(404, "?"),
    };
    let answer = json(&format!("crawl http://{}/ --json", serving(site)));
    assert_eq!(
        answer["styles"][0]["pages"],
        value!([
            { "path": "/", "outcome": "200", "leads_to": null, "linked_from": [] },
            {
                "path": "/away",
                "outcome": "301",
                "leads_to": "https://a.example/",
                "linked_from": []
            },
            { "path": "/missing", "outcome": "404", "leads_to": null, "linked_from": ["/"] },
        ])
    );
}

/// Every style has another reason for another page.
#[test]
fn styles_that_disagree_are_compared_page_by_page() {
    let visits = AtomicUsize::new(0);
    let site = move |path: &str| match path {
        "/" => page("/moody /calm"),
        // The first style finds it, the others do not.
        "/moody" if visits.fetch_add(1, Ordering::SeqCst) > 0 => text(404, "?"),
        _ => page(""),
    };
    let (output, told, complaint) =
        run(&format!("crawl http://{}/ --style all", serving(site)));
    let others = Style::names()[1..].join(", ");
    let line = format!("/moody: 200 in blocking; 404 in {others}\n");
    assert!(
        told.ends_with(&line) && told.lines().count() == Style::names().len() + 1,
        "{told}"
    );
    let said = "lineage: the styles do not agree on what became of 1 page\n";
    assert_eq!((output.status.code(), complaint.as_str()), (Some(1), said));
}

#[test]
fn a_broken_page_is_a_failure_only_for_whoever_asks() {
    let site = |path: &str| match path {
        "/" => page("/missing"),
        _ => text(404, "?"),
    };
    let url = format!("http://{}", serving(site));
    printed(&format!("crawl {url}/"));
    let (output, told, complaint) = run(&format!("crawl {url}/ --strict"));
    assert_eq!(
        (output.status.code(), &*complaint),
        (Some(3), "lineage: broken: 1 page\n")
    );
    assert!(told.contains("/missing 404, linked from /\n"), "{told}");
    assert_eq!(run(&format!("crawl {url}/nothing --strict")).0.status.code(), Some(3));
}

#[test]
fn a_page_may_be_as_large_as_somebody_says() {
    let url = format!("http://{}/", serving(|_| text(200, &"x".repeat(3000))));
    for style in Style::names() {
        let crawl = format!("crawl {url} --style {style}");
        assert!(printed(&format!("{crawl} --max-size 0.003")).starts_with("/ 200\n"));
        let (output, told, _) = run(&format!("{crawl} --max-size 0.002"));
        assert!(told.starts_with("/ too large\n"), "{style}: {told}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn what_robots_txt_forbids_is_left_out_in_every_style() {
    let site = |path: &str| match path {
        "/robots.txt" => text(200, "User-agent: Lineage\nDisallow: /no\n"),
        "/" => page("/yes /no/a /no/b"),
        _ => page(""),
    };
    let url = format!("http://{}", serving(site));
    for style in Style::names() {
        let told = printed(&format!("crawl {url}/ --style {style} --robots always"));
        let forbids = "left out, robots.txt forbids it";
        let told: Vec<_> = told.lines().take(4).collect();
        let expected = [
            format!("/no/a {forbids}"),
            format!("/no/b {forbids}"),
            "/ 200".into(),
            "/yes 200".into(),
        ];
        assert_eq!(told, expected, "{style}");
    }
    // This machine is nobody else's.
    assert!(printed(&format!("crawl {url}/")).contains("/no/a 200\n"));
    let (output, told, complaint) = run(&format!("crawl {url}/no --robots always"));
    assert_eq!((output.status.code(), told.lines().count()), (Some(1), 2), "{told}");
    let said = "lineage: robots.txt forbids /no; --robots never asks for it anyway\n";
    assert_eq!(complaint, said);
}

#[test]
fn without_the_rules_nothing_is_asked_for() {
    let address = serving(|_| text(500, "?"));
    let (output, _, complaint) = run(&format!("crawl http://{address}/ --robots always"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        complaint,
        format!(
            "lineage: {address}: cannot get /robots.txt: 500, and so nothing may be asked \
             for; --robots never asks anyway\n"
        )
    );
    let nobody = "lineage: 127.0.0.1:1: connection refused; nobody listens there\n";
    assert_eq!(run("crawl http://127.0.0.1:1/ --robots always").2, nobody);
}

#[test]
fn requests_come_apart_if_somebody_wants_it() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let came = Arc::clone(&times);
    let site = move |path: &str| {
        came.lock().unwrap().push(Instant::now());
        page(if path == "/" { "/a /b /c" } else { "" })
    };
    let url = format!("http://{}/", serving(site));
    for style in Style::names() {
        times.lock().unwrap().clear();
        printed(&format!("crawl {url} --style {style} --delay 0.05"));
        let times = times.lock().unwrap();
        let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
        assert_eq!(apart.len(), 3);
        // From when the one before was answered; here, that is from when it came at the least.
        apart.for_each(|it| assert!(it >= Duration::from_millis(50), "{style}: {it:?}"));
    }
}

/// With more slots than descriptors, every style would lose other pages.
#[cfg(unix)]
#[test]
fn a_crawl_gets_by_with_few_descriptors() {
    let server = Server::start(Site::friendly()).unwrap();
    let (status, stdout, stderr) =
        with_descriptors(24, &format!("crawl {} --style all", server.url()));
    assert_eq!(stdout.matches(" 40 pages, 0 errors").count(), Style::names().len());
    let few = "lineage: 24 descriptors (ulimit -n) are enough for 8 requests at once\n";
    assert_eq!((status, stderr.as_str()), (Some(0), few));
}

#[cfg(unix)]
fn with_descriptors(most: usize, args: &str) -> (Option<i32>, String, String) {
    let command = lineage(args);
    let mut shell = Command::new("sh");
    let limited = format!("ulimit -n {most}; exec \"$@\"");
    shell
        .args(["-c", &limited, "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    let output = shell.output().unwrap();
    let [stdout, stderr] = [output.stdout, output.stderr].map(String::from_utf8);
    (output.status.code(), stdout.unwrap(), stderr.unwrap())
}

#[cfg(unix)]
#[test]
fn a_tour_gets_by_with_few_descriptors_or_says_that_they_are_too_few() {
    let (status, told, complaint) = with_descriptors(10, "--plain");
    let all = format!("All {} styles agree on all 40 pages.", Style::names().len());
    assert!(told.contains(&all), "{told}{complaint}");
    let few = "10 descriptors (ulimit -n) are enough for 1 request at once";
    assert!(told.contains(few) && status == Some(0), "{told}");
    let (status, told, _) = with_descriptors(8, "--plain");
    assert!(told.contains("DISAGREE") && told.contains("Too many open files"), "{told}");
    assert_eq!(status, Some(1));
}

/// A site of which two pages come, and the third never does.
#[cfg(target_os = "linux")]
fn half_of_it() -> SocketAddr {
    serving(|path| match path {
        "/" => page("/a /b"),
        "/a" => page(""),
        _ => None,
    })
}

#[cfg(target_os = "linux")]
#[test]
fn pages_are_told_as_they_come_and_a_crawl_that_is_interrupted_says_what_it_has() {
    let address = half_of_it();
    for style in Style::names() {
        let mut crawl = lineage(&format!("crawl http://{address}/ --style {style}"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(crawl.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        // They are read while the third is waited for.
        assert_eq!([line(), line()], ["/ 200", "/a 200"], "{style}");
        super::send("INT", &crawl);
        let told = line();
        assert!(told.starts_with("2 pages, 0 errors, "), "{style}: {told}");
        assert!(told.ends_with(&format!(" s, interrupted, in style {style}")), "{told}");
        let output = crawl.wait_with_output().unwrap();
        let said = "lineage: interrupted after 2 pages\n";
        assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
        assert_eq!(output.status.code(), Some(130));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_crawls_json_is_whole() {
    let came = Arc::new(AtomicUsize::new(0));
    let coming = Arc::clone(&came);
    let site = move |path: &str| {
        if path == "/" {
            return page("/a");
        }
        coming.fetch_add(1, Ordering::SeqCst);
        None
    };
    let url = format!("http://{}/", serving(site));
    let crawl = lineage(&format!("crawl {url} --json --style all"));
    let crawl = { crawl }.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    while came.load(Ordering::SeqCst) == 0 {
        thread::sleep(Duration::from_millis(3));
    }
    super::send("INT", &crawl);
    let output = crawl.wait_with_output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["agree"], &answer["interrupted"]), (&Value::Null, &true.into()));
    let style = &answer["styles"][0];
    assert_eq!((&style["style"], &style["digest"]), (&"blocking".into(), &Value::Null));
    assert_eq!(style["pages"].as_array().unwrap().len(), 1);
    assert_eq!(output.status.code(), Some(130));
}
