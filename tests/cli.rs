//! The command as somebody types it: what it prints, where, and with which status.
//!
//! What is text is compared with a snapshot; where numbers differ from run to run, `#` stands
//! for them. `INSTA_UPDATE=always cargo test --test cli` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use insta::assert_snapshot;
use lineage::styles::Style;
use serde_json::Value;
use site::Site;
use site::countdown::IN_TURN;
use site::server::Server;

#[cfg(unix)]
#[path = "cli/companion.rs"]
mod companion;
#[path = "cli/crawl.rs"]
mod crawl;
#[cfg(target_os = "linux")]
#[path = "cli/interrupted.rs"]
mod interrupted;
#[cfg(unix)]
#[path = "cli/looked_into.rs"]
mod looked_into;
#[cfg(unix)]
#[path = "cli/terminal.rs"]
mod terminal;

/// The command, away from every terminal and from what the environment may say of one.
fn lineage(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineage"));
    command.args(args.split_ascii_whitespace()).stdin(Stdio::null());
    for name in ["COLUMNS", "LINES", "NO_COLOR", "TERM", "CI"] {
        command.env_remove(name);
    }
    // Then it takes itself to be called by cargo, and says so in what it suggests.
    command.env("CARGO_MANIFEST_DIR", ".");
    command
}

/// Sends a signal, with the command that every shell has built in.
#[cfg(unix)]
fn send(signal: &str, child: &std::process::Child) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

fn run(args: &str) -> (Output, String, String) {
    let output = lineage(args).output().unwrap();
    let [stdout, stderr] =
        [&output.stdout, &output.stderr].map(|it| String::from_utf8(it.clone()).unwrap());
    // What is suggested is built as this was, one way or the other.
    let [stdout, stderr] = [stdout, stderr].map(|it| it.replace(" -q --release", " -q"));
    for text in [&stdout, &stderr] {
        assert!(!text.contains('\x1b'), "an escape code without a terminal: {text:?}");
        assert!(!text.contains("panicked"), "{text}");
    }
    (output, stdout, stderr)
}

/// What a command prints when all goes well.
fn printed(args: &str) -> String {
    let (output, stdout, stderr) = run(args);
    assert_eq!((output.status.code(), &*stderr), (Some(0), ""), "{stdout}");
    stdout
}

/// What a command prints and answers, as a terminal would show it.
fn transcript(args: &str) -> String {
    let (output, stdout, stderr) = run(args);
    let status = output.status.code().unwrap();
    format!("$ lineage {args}\n{stdout}{stderr}[status {status}]\n")
}

/// The same with `#` for every number, and no matter how wide a column is: what is left is
/// what does not depend on the machine.
fn without_figures(text: &str) -> String {
    let word = |word: &str| {
        let is_part = |char: char| char.is_ascii_digit() || char == '.';
        let number = word.trim_matches(|char| !is_part(char)).trim_end_matches('.');
        let is_figure = number.contains(|char: char| char.is_ascii_digit())
            && number.chars().all(is_part)
            && number.parse::<f64>().is_ok();
        if is_figure { word.replacen(number, "#", 1) } else { word.to_owned() }
    };
    let line =
        |line: &str| line.split_whitespace().map(word).collect::<Vec<_>>().join(" ");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn json(args: &str) -> Value {
    serde_json::from_str(&printed(args)).unwrap()
}

/// The keys of an object, in order.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_help_names_every_command() {
    assert_snapshot!(printed("--help"));
}

#[test]
fn a_list_names_styles_and_programs() {
    assert_snapshot!(printed("list"));
    let list = json("list --json");
    let names = list["styles"].as_array().unwrap().iter().map(|it| &it["style"]);
    assert!(names.eq(Style::names()));
    assert_eq!(
        list["programs"],
        serde_json::json!(["countdown", "echo", "crawl", "happy-eyeballs", "chat"])
    );
}

#[test]
fn a_diff_without_sides_is_the_table_of_all_neighbours() {
    assert_snapshot!(printed("diff"));
}

#[test]
fn a_diff_of_two_stages_is_a_line_a_file() {
    assert_snapshot!(printed("diff stage1 stage2"));
    assert_eq!(printed("diff stage1 stage2"), printed("diff deferreds generators"));
    assert_eq!(printed("diff 1 2"), printed("diff stage1-callbacks stage2-generators"));
    let within = printed("diff callbacks deferreds");
    let names =
        "stage1-callbacks/examples/callbacks → stage1-callbacks/examples/deferreds: ";
    assert!(within.starts_with(names), "{within}");
}

#[test]
fn a_diff_of_a_file_is_unified() {
    assert_snapshot!(printed("diff stage3 stage4 examples/echo.rs"));
    let same = printed("diff stage1 stage2 event_loop");
    assert!(same.ends_with("are byte-identical.\n"), "{same}");
}

#[test]
fn a_countdown_is_what_was_said() {
    let told = printed("run countdown --style blocking");
    let lines: Vec<_> = told.lines().collect();
    let (how_long, said) = lines.split_last().unwrap();
    assert_eq!(said, IN_TURN);
    assert!(how_long.ends_with(" s, in style blocking"), "{how_long}");
}

/// A machine may have two addresses for its own name, and nobody at one of them.
#[test]
fn a_race_says_what_became_of_each_attempt_and_how_long_it_took() {
    let host = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = host.local_addr().unwrap();
    for style in Style::names() {
        let race =
            format!("run happy-eyeballs localhost:{} --style {style}", address.port());
        let told = printed(&race);
        let lines: Vec<_> = told.lines().collect();
        let end = format!(" s, in style {style}");
        let [attempts @ .., took] = &*lines else { panic!("{told}") };
        assert!(attempts.contains(&&*format!("{address} connected")), "{told}");
        assert!(took.ends_with(&end) && attempts.len() <= 2, "{told}");
    }
    let over_a_course = printed("run happy-eyeballs");
    let ends: Vec<_> =
        over_a_course.lines().map(|it| it.split_once(' ').unwrap().1).collect();
    assert!(
        ends[0].starts_with("cancelled") || ends[0].starts_with("failed"),
        "{ends:?}"
    );
    assert!(ends[1].starts_with("failed, "), "{ends:?}");
    assert_eq!((ends[2], ends.len()), ("connected", 4), "{ends:?}");
}

#[test]
fn what_could_be_a_host_and_is_none_has_status_1() {
    let transcript = transcript("run happy-eyeballs no-such-host.invalid");
    assert!(
        transcript.contains("\nlineage: cannot find the host \"no-such-host.invalid\": ")
    );
    assert!(transcript.ends_with("[status 1]\n"), "{transcript}");
    let lost = self::transcript("run happy-eyeballs 127.0.0.1:1");
    assert!(
        lost.contains("\nlineage: async-await: no address could be reached: "),
        "{lost}"
    );
    assert!(lost.ends_with("[status 1]\n"), "{lost}");
}

#[test]
fn a_doctor_tells_of_everything_it_looked_for() {
    let findings = json("doctor --json");
    for finding in findings.as_array().unwrap() {
        assert_eq!(keys(finding), ["detail", "found", "name", "needed_for"]);
    }
    let names =
        findings.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap());
    let told = printed("doctor");
    names.for_each(|name| assert!(told.contains(name), "{name}"));
}

/// Where the kernel has no rings, the selector waits, and one line says why.
#[test]
fn a_style_with_a_loop_says_in_one_line_where_there_is_no_ring() {
    let has_rings = stage6_uvloop::engine::doctor().is_ok();
    for style in Style::names_with_a_loop() {
        let args = format!("run countdown --style {style} --loop uring");
        let (output, stdout, stderr) = run(&args);
        assert!(output.status.success(), "{style}: {stderr}");
        assert_eq!(stdout.lines().count(), 7, "{style}: {stdout}");
        assert_eq!(stderr.is_empty(), has_rings, "{style}: {stderr}");
    }
}

/// What makes no sense.
const WRONG: &[&str] = &[
    "frobnicate",
    "--frobnicate",
    "--json list",
    "run",
    "run teapot",
    "run echo --style fibres",
    "run echo --loop epoll",
    "run echo --style threads --loop uring",
    "run echo --loop uring --sim 1",
    "run echo --address here",
    "run countdown --address 127.0.0.1:7007",
    "run countdown --hostile",
    "run echo --hostile",
    "run chat --style blocking",
    "run countdown localhost",
    "run happy-eyeballs http://localhost/",
    "run happy-eyeballs localhost:0",
    "run happy-eyeballs :80",
    "run happy-eyeballs localhost --sim 1",
    "crawl",
    "crawl 127.0.0.1",
    "crawl https://localhost/",
    "crawl ftp://localhost/",
    "crawl http:///",
    "crawl http://localhost:99999/",
    "crawl http://localhost:0/",
    "crawl http://a<b/",
    "crawl http://127.0.0.1:1/ --json --style fibres",
    "crawl http://127.0.0.1:1/ --limit 0",
    "crawl http://127.0.0.1:1/ --concurrency -1",
    "crawl http://127.0.0.1:1/ --timeout never",
    "crawl http://127.0.0.1:1/ --max-size 0",
    "crawl http://127.0.0.1:1/ --delay -1",
    "crawl http://127.0.0.1:1/ --robots sometimes",
    "soak --seeds 0",
    "soak --seeds 2 --from 18446744073709551615",
    "soak --from 18446744073709551616",
    "diff stage1",
    "diff stage1 stage9",
    "diff stage1 stage2 README.md",
];

/// One line, on stderr, that says what would be right; and the status of `usage` or not.
#[test]
fn what_is_wrong_is_answered_in_one_line() {
    let mut transcripts = String::new();
    for args in WRONG {
        let (output, stdout, stderr) = run(args);
        assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{args}: {stderr}");
        assert!(
            stderr.starts_with("lineage: ") && stderr.lines().count() == 1,
            "{stderr}"
        );
        transcripts.push_str(&transcript(args));
    }
    assert_snapshot!(transcripts);
}

#[test]
fn what_does_not_work_has_status_1() {
    assert_snapshot!(without_figures(&transcript("crawl http://127.0.0.1:1/")));
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = taken.local_addr().map(|address| (address, taken)).unwrap();
    let (output, stdout, stderr) = run(&format!("run echo --address {}", taken.0));
    assert_eq!((output.status.code(), &*stdout), (Some(1), ""));
    assert!(stderr.starts_with(&format!("lineage: {}: ", taken.0)), "{stderr}");
    assert_eq!(stderr.lines().count(), 1);
}

#[test]
fn a_server_that_is_none_is_told_by_its_address() {
    let garbage = format!("http://{}/", answering(b"220 ftp.example ESMTP\r\n"));
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = silent.local_addr().map(|it| (format!("http://{it}/"), silent)).unwrap();
    for (url, options, complaint) in [
        (&garbage, "", "the answer for / is not HTTP"),
        (&silent.0, "--timeout 0.2", "no answer for / within 0.2 s"),
    ] {
        let (output, _, stderr) = run(&format!("crawl {url} {options}"));
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        assert_eq!(stderr, format!("lineage: {address}: {complaint}\n"));
        assert_eq!(output.status.code(), Some(1));
    }
}

/// A server that answers one request with these bytes.
fn answering(bytes: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(stream.read(&mut [0; 1024]));
        stream.write_all(bytes)
    });
    address
}

#[test]
fn a_tour_without_a_terminal_asks_nothing_and_fits_eighty_columns() {
    let told = printed("--plain");
    assert_snapshot!(without_figures(&told));
    for line in told.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// As bars of the right number, in a file that needs no other; whoever cannot have one hears so
/// before the tour.
#[test]
fn a_tour_leaves_a_page_with_the_requests_of_every_style() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join("tour.html");
    let told = printed(&format!("tour --plain --html {}", file.display()));
    let opened = format!("{}: open it in a browser", file.display());
    assert!(told.contains(&opened), "{told}");
    let page = std::fs::read_to_string(file).unwrap();
    let sections: Vec<_> = page.split("<section>").skip(1).collect();
    assert_eq!(sections.len(), Style::names().len());
    for (section, style) in sections.into_iter().zip(Style::names()) {
        assert!(section.contains(&format!("<h2>{style} ")), "{style}: {section}");
        assert_eq!(section.matches("<rect ").count(), 40, "{style}");
    }
    assert!(page.len() <= 200_000, "{}", page.len());
    let nowhere = folder.join("no/such/folder.html");
    let (output, stdout, stderr) =
        run(&format!("tour --plain --html {}", nowhere.display()));
    assert_eq!((output.status.code(), &*stdout), (Some(1), ""), "{stderr}");
    assert!(stderr.contains("folder.html: "), "{stderr}");
}

#[test]
fn a_shell_and_man_can_be_told_what_there_is() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&format!("completions {shell}"));
        for word in ["soak", "seeds", "async-await", "doctor"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        assert!(!script.contains("child-crawl\n"), "{shell}");
    }
    let page = printed("man");
    for words in [".TH lineage", "lineage\\-soak", "Exit status"] {
        assert!(page.contains(words), "no {words}: {page}");
    }
    assert!(!page.contains("child"), "what is hidden stays so");
}

#[test]
fn a_tours_json_has_a_figure_or_null_for_everything() {
    let answer = json("--json");
    assert_eq!(keys(&answer), ["agree", "site", "styles"]);
    assert_eq!(answer["agree"], true);
    assert_eq!(answer["site"], serde_json::json!({ "pages": 40, "latency_ms": 50 }));
    let styles = answer["styles"].as_array().unwrap();
    assert!(styles.iter().map(|it| &it["style"]).eq(Style::names()));
    for row in styles {
        let style = Style::named(row["style"].as_str().unwrap()).unwrap();
        assert_eq!(
            keys(row),
            [
                "digest",
                "error_sites",
                "errors",
                "kib_per_task",
                "lines",
                "max_in_flight",
                "nesting",
                "pages",
                "seconds",
                "since",
                "style",
                "threads",
            ]
        );
        assert_eq!(row["digest"], Site::friendly().expected().digest());
        assert_eq!((&row["pages"], &row["errors"]), (&40.into(), &0.into()));
        assert!(row["seconds"].as_f64().unwrap() > 0.1);
        let has_proc = cfg!(target_os = "linux");
        assert_eq!(row["threads"].is_u64(), has_proc);
        assert_eq!(row["kib_per_task"].is_f64(), has_proc && style.is_concurrent());
        let bound = if style.is_concurrent() { 2..=16 } else { 1..=1 };
        assert!(bound.contains(&row["max_in_flight"].as_u64().unwrap()), "{row}");
    }
}

#[test]
fn a_recording_goes_to_stdout_for_a_dash() {
    let told = json("trace countdown --out -");
    assert_eq!(told["program"], "countdown");
    assert!(json("trace countdown --perfetto --out -")["traceEvents"].is_array());
    assert!(!Path::new("-").exists());
}

/// `lineage … >/dev/full`
#[cfg(target_os = "linux")]
#[test]
fn a_device_that_is_full_is_told_of() {
    for args in [
        "--help",
        "--version",
        "help crawl",
        "check --help",
        "book build --help",
        "--plain",
        "diff",
        "list --json",
        "doctor",
        "run countdown --style blocking",
        "run countdown --sim 1",
        "soak --seeds 1 --style callbacks",
        "trace countdown --out -",
    ] {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = lineage(args).stdout(full).output().unwrap();
        let complaint =
            "lineage: cannot write to stdout: No space left on device (os error 28)\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), complaint, "{args}");
        assert_eq!(output.status.code(), Some(1), "{args}");
    }
}

/// `lineage … | head -1`
#[test]
fn whoever_reads_no_further_is_no_error() {
    let server = Server::start(Site::friendly()).unwrap();
    let crawl = format!("crawl {}", server.url());
    for args in
        ["--plain", "--help", "diff", "diff 1 4 crawl.rs", "list", "doctor", &crawl]
    {
        let child = lineage(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args}");
        assert_eq!(output.status.code(), Some(0), "{args}");
    }
}
