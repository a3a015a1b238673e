//! What the verdict makes of figures: claims, goals, what changed, what is worse. Measured is
//! nothing here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "a part of the bench is left out here")]
#![allow(clippy::format_push_string, reason = "as in the bench")]

#[path = "../benches/verdict/callgrind.rs"]
mod callgrind;
#[path = "../benches/verdict/claims.rs"]
mod claims;
#[path = "../benches/verdict/compare.rs"]
mod compare;
#[path = "../benches/verdict/goals.rs"]
mod goals;
#[path = "../benches/verdict/report.rs"]
mod report;
#[path = "../benches/verdict/results.rs"]
mod results;
#[path = "../benches/verdict/say.rs"]
mod say;
#[path = "../benches/verdict/stats.rs"]
mod stats;
#[path = "../benches/verdict/strace.rs"]
mod strace;
#[path = "../benches/verdict/table.rs"]
mod table;

use std::env;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{self, Command, Stdio};

use results::Results;
use stats::Summary;

/// Rows whose samples are all the same.
fn results(rows: &[(&str, f64)]) -> Results {
    let mut results = Results::new("a test");
    results.load = None;
    results.versions.insert("python".to_owned(), "3.5.0".to_owned());
    for (id, value) in rows {
        results.add((*id).to_owned(), &format!("label of {id}"), "ns", &[*value; 3]);
    }
    results
}

#[test]
fn an_interval_holds_the_median_and_is_the_same_each_time() {
    let samples: Vec<_> = (1..=99).map(f64::from).collect();
    let Summary { median, low, high } = Summary::of(&samples);
    assert!((median - 50.0).abs() < 0.1, "{median}");
    // By the binomial distribution, from the 40th to the 60th.
    let (lowest, highest) = (38.0..43.0, 57.0..62.0);
    assert!(lowest.contains(&low) && highest.contains(&high), "{low} to {high}");
    let again = Summary::of(&samples);
    assert!(
        (again.low - low).abs() < f64::EPSILON
            && (again.high - high).abs() < f64::EPSILON
    );
}

/// What misses a goal refers to the record that says why.
#[test]
fn every_goal_refers_to_a_record_that_is_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/adr");
    let records: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    for goal in goals::GOALS.iter().flat_map(|(_, goals)| *goals) {
        let number = format!("{:04}-", goal.adr);
        assert!(records.iter().any(|it| it.starts_with(&number)), "{}", goal.what);
    }
}

/// Neither column stands for the other.
#[test]
fn a_claim_is_judged_by_each_language_for_itself() {
    let text = table::of(
        &results(&[
            ("call-function", 1.0),
            ("call-await", 9.0),
            ("python-call-function", 50.0),
            ("python-call-await", 100.0),
        ]),
        None,
    );
    let lines: Vec<_> = text.lines().skip_while(|line| !line.contains("~2x")).collect();
    assert_eq!(lines[2].trim(), "Python 3.5.0     holds (2.0x)");
    assert_eq!(lines[3].trim(), "Rust, here       does not hold here (9.0x)");
    assert!(text.contains("cannot be tested here"), "what nobody has measured");
}

#[test]
fn a_goal_is_met_missed_or_not_measured() {
    let timed = results(&[
        ("call-deferred", 70.0),
        ("call-generator", 70.0),
        ("tasks-spawn-async-await", 10.0),
        ("tasks-spawn-tokio-local-set", 20.0),
    ]);
    let counted = results(&[
        ("echo-1-async-await-calls", 3.02),
        ("echo-64-uvloop-uring-calls", 0.08),
    ]);
    let text = table::of(&timed, Some(&counted));
    let words = |what: &str| {
        let line = text.lines().find(|line| line.contains(what)).unwrap();
        let (_, at_most) = line.rsplit_once(" of ").unwrap();
        at_most.trim_start().split_once(' ').unwrap().1.trim().to_owned()
    };
    assert_eq!(words("Deferred: make"), "met");
    assert!(words("inline_callbacks").starts_with("missed: ADR "));
    assert_eq!(words("spawn and join, one  "), "met");
    assert_eq!(words("100,000 timers, set and cancel"), "not measured");
    // What was counted is another file.
    assert_eq!(words("system calls a request, 1 "), "met");
    assert!(words("system calls a request, 64 connections, on").starts_with("missed"));
}

/// What is nothing cannot be divided by: then there is no ratio, and no verdict.
#[test]
fn a_ratio_lies_between_the_ends_of_both_intervals() {
    let mut results = results(&[("nothing", 0.0)]);
    results.add("above".to_owned(), "", "ns", &[80.0, 100.0, 120.0]);
    results.add("below".to_owned(), "", "ns", &[40.0, 50.0, 60.0]);
    let Summary { median, low, high } = results.times("above", "below").unwrap();
    let rounded = [low, median, high].map(|it| format!("{it:.2}"));
    assert_eq!(rounded, ["1.33", "2.00", "3.00"]);
    assert!(results.times("above", "nothing").is_none());
    assert!(results.times("above", "not there").is_none());
}

/// To one percent, which is more than anybody knows of a time.
#[test]
fn a_goal_that_is_missed_by_less_than_anybody_measures_is_met() {
    let word = |nanos: f64| {
        let text = table::of(&results(&[("call-deferred", nanos)]), None);
        let line = text.lines().find(|line| line.contains("Deferred: make")).unwrap();
        line.trim_end().ends_with("met")
    };
    assert!(word(75.5) && !word(76.0));
}

/// Where each claim begins to hold, and where it ends.
#[test]
fn a_claim_holds_if_every_ratio_of_it_does() {
    let verdict = |claim: usize, ratios: &[(&str, &str, f64)]| {
        let mut results = results(&[]);
        for (above, below, times) in ratios {
            for (id, value) in [(above, 100.0 * times), (below, 100.0)] {
                results.add(format!("python-{id}"), "", "ns", &[value]);
            }
        }
        claims::CLAIMS[claim].python(&results, "python").to_string()
    };
    let call = |times| verdict(0, &[("call-await", "call-function", times)]);
    assert!(call(2.4).starts_with("holds") && call(2.6).starts_with("does not"));
    let tree = ("binary-await", "binary-function", 3.0);
    let both = verdict(0, &[("call-await", "call-function", 2.0), tree]);
    assert_eq!(both, "does not hold here (2.0x, 3.0x)");
    let coroutines = |times| verdict(1, &[("call-tornado", "call-await", times)]);
    assert!(coroutines(10.0).starts_with("holds"));
    assert!(coroutines(9.9).starts_with("does not"));
    let difference = |times| verdict(2, &[("binary-await", "binary-yield-from", times)]);
    assert!(difference(0.95).starts_with("holds"));
    assert!(difference(0.85).starts_with("does not"));
    assert!(difference(1.15).starts_with("does not"));
    let tasks =
        |times| verdict(3, &[("tasks-spawn-asyncio", "tasks-spawn-uvloop", times)]);
    assert!(tasks(1.2).starts_with("holds") && tasks(1.05).starts_with("does not"));
    let echo = ("echo-64-asyncio-protocol", "echo-64-uvloop-protocol");
    let io = |times| verdict(4, &[(echo.0, echo.1, times)]);
    assert!(io(2.0).starts_with("holds") && io(1.9).starts_with("does not"));
}

/// Two files of different machines are compared as well, and whoever reads it is warned.
#[test]
fn whoever_compares_two_machines_is_told() {
    let (before, mut after) = (results(&[]), results(&[]));
    assert!(!compare::of(&before, &after).contains("not the same machine"));
    after.machine.cpu = "another".to_owned();
    assert!(compare::of(&before, &after).contains("not the same machine"));
}

#[test]
fn what_lies_within_both_intervals_has_not_changed() {
    let mut before = results(&[("gone", 1.0), ("same", 10.0), ("slower", 10.0)]);
    before.add("noisy".to_owned(), "", "ns", &[5.0, 10.0, 15.0]);
    let mut after = results(&[("same", 10.1), ("slower", 20.0), ("new", 1.0)]);
    after.add("noisy".to_owned(), "", "ns", &[8.0, 13.0, 18.0]);
    let text = compare::of(&before, &after);
    let told = |id: &str| text.lines().find(|line| line.trim().starts_with(id));
    assert!(told("slower").unwrap().contains("+100 %"), "{text}");
    assert!(told("new").unwrap().ends_with("new"), "{text}");
    assert!(told("gone").unwrap().contains("not measured any more"), "{text}");
    assert!(told("noisy").is_none(), "{text}");
    assert!(text.ends_with("2 figures are the same within their intervals, 1 are not\n"));
}

#[test]
fn a_count_that_is_higher_is_worse_and_one_that_is_lost_too() {
    let counts = |rows: &[(&str, &str, f64)]| {
        let mut results = Results::named("counts", "a test");
        for (id, unit, value) in rows {
            results.add((*id).to_owned(), "", unit, &[*value]);
        }
        results
    };
    let before = counts(&[
        ("a", "allocations", 2.0),
        ("b", "instructions", 1_000.0),
        ("c", "instructions", 1_000.0),
        ("d", "system calls", 3.0),
        ("e", "instructions", 1_000.0),
        ("g", "instructions", 1_000.0),
        ("h", "system calls", 3.0),
    ]);
    let mut now = counts(&[
        ("a", "allocations", 3.0),
        ("b", "instructions", 1_005.0),
        ("c", "instructions", 1_500.0),
        ("e", "instructions", 1_050.0),
        ("f", "instructions", 9.0),
        ("g", "instructions", 100.0),
        ("h", "system calls", 2.0),
    ]);
    let (worse, not_compared) = compare::counts(&before, &now);
    let expected = [
        "a: 2.00 -> 3.00 allocations",
        "c: 1000 -> 1500 instructions",
        "e: 1000 -> 1050 instructions",
        "d: not counted any more",
    ];
    assert_eq!(worse, expected, "and of what is better nothing is said");
    assert_eq!(not_compared, ["f: not in the base line"], "what is new is told");
    now.machine.cpu = "another".to_owned();
    assert_eq!(compare::counts(&before, &now).0, expected, "valgrind shows its own");
    now.machine.rustc = "another".to_owned();
    let (worse, not_compared) = compare::counts(&before, &now);
    assert_eq!(worse, [expected[0], expected[3]], "what depends on no compiler");
    assert_eq!(not_compared.len(), 2);
}

/// What is called is counted where it is, and what is not ours is no atomic of ours.
#[test]
fn a_profile_says_how_much_was_executed_and_how_often_memory_was_asked_for() {
    let profile = "\
        fn=main\nob=/bin/ours\n0x10 5\n0x14 2\n\
        cfn=malloc\ncalls=3 0x99\n0x18 700\n\
        cfn=malloc_usable_size\ncalls=8 0x98\n0x1c 40\n\
        ob=/lib/libc.so\nfn=malloc\n0x14 90\n\
        cfn=realloc\ncalls=1 0x97\n0x18 20\n";
    let atomics = std::collections::HashSet::from([0x14, 0x18]);
    let counted = callgrind::of(profile, std::path::Path::new("/bin/ours"), &atomics);
    assert_eq!(counted.instructions, 5 + 2 + 90, "each once");
    assert_eq!(counted.allocations, 3 + 1, "by their names, whole");
    assert_eq!(counted.atomics, 2, "ours alone");
}

#[test]
#[cfg(target_arch = "x86_64")]
fn an_exchange_with_memory_is_atomic_without_a_word() {
    let lines = [
        "  401180:\tlock addl $0x1,0x2e94(%rip)",
        "  401188:\txchg %rax,(%rdi)",
        "  40118c:\txchg %ax,%ax",
        "  401190:\tmov %rax,(%rdi)",
    ];
    let found: Vec<_> = lines.into_iter().filter_map(callgrind::atomic).collect();
    assert_eq!(found, [0x40_1180, 0x40_1188]);
}

/// Stopped by a signal and made again, it is one.
#[test]
fn a_call_counts_when_it_comes_to_its_end() {
    let told = "\
        7 read(5, \"e\", 64) = 1\n\
        7 epoll_wait(4,  <unfinished ...>\n\
        8 --- SIGSTOP {si_signo=SIGSTOP, si_code=SI_USER, si_pid=1, si_uid=0} ---\n\
        7 <... epoll_wait resumed>[], 64, -1) = -1 EINTR (Interrupted system call)\n\
        7 epoll_wait(4, [], 64, -1) = 1\n\
        8 read(0, 0x1, 1) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)\n\
        8 read(0, \"\", 1) = 0\n\
        7 +++ exited with 0 +++\n";
    assert_eq!(strace::calls_in(told), 3);
}

#[test]
fn a_page_needs_nothing_beside_itself_and_shows_what_was_measured() {
    let results = results(&[
        ("call-function", 1.0),
        ("call-await", 2.0),
        ("python-call-await", 100.0),
    ]);
    let page = report::of(&results, None);
    assert!(!page.contains("src=") && !page.contains("href="), "{page}");
    for text in ["label of call-await", "class=\"python\"", "holds (2.0x)", "Our goals"] {
        assert!(page.contains(text), "{text}");
    }
}

/// Has this test started again, alone, and leaves when it has heard something.
#[test]
fn a_reader_who_has_left_is_the_end_and_no_panic() {
    const CHILD: &str = "LINEAGE_TEST_SAYS_MUCH";
    if env::var_os(CHILD).is_some() {
        let said = (0..1_000_000).try_for_each(|_| say::say("much"));
        process::exit(if say::has_left(&said.unwrap_err()) { 7 } else { 8 });
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([
        "--exact",
        "a_reader_who_has_left_is_the_end_and_no_panic",
        "--nocapture",
    ]);
    child.env(CHILD, "1").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("much")));
    drop(lines);
    let end = child.wait_with_output().unwrap();
    let complaint = String::from_utf8_lossy(&end.stderr);
    assert_eq!((end.status.code(), &*complaint), (Some(7), ""));
}

/// Of a process that was talked to, and has gone, it is an error.
#[test]
fn a_pipe_to_somebody_else_that_broke_is_no_reader_who_left() {
    assert!(!say::has_left(&ErrorKind::BrokenPipe.into()));
}
