//! What the verdict makes of figures: claims, goals, what changed, what is worse; and what its load asks.
//! Measured is nothing here.

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
#[path = "../benches/verdict/load.rs"]
mod load;
#[path = "../benches/verdict/report.rs"]
mod report;
#[path = "../benches/verdict/results.rs"]
mod results;
#[path = "../benches/verdict/stats.rs"]
mod stats;
#[path = "../benches/verdict/strace.rs"]
mod strace;
#[path = "../benches/verdict/table.rs"]
mod table;

use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

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
    assert!(30.0 < low && low < 50.0 && 50.0 < high && high < 70.0, "{low} to {high}");
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
    assert!(words("100,000 timers, set and cancel").starts_with("not measured: ADR "));
    // What was counted is another file.
    assert_eq!(words("system calls a request, 1 "), "met");
    assert!(words("system calls a request, 64 connections, on").starts_with("missed"));
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
    ]);
    let mut now = counts(&[
        ("a", "allocations", 3.0),
        ("b", "instructions", 1_005.0),
        ("c", "instructions", 1_500.0),
        ("e", "instructions", 1_050.0),
        ("f", "instructions", 9.0),
    ]);
    let (worse, not_compared) = compare::counts(&before, &now);
    let expected = [
        "a: 2.00 -> 3.00 allocations",
        "c: 1000 -> 1500 instructions",
        "e: 1000 -> 1050 instructions",
        "d: not counted any more",
    ];
    assert_eq!(worse, expected);
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

/// It answers, stands still for twice the time that is measured, and answers again.
fn who_stands_still(listener: TcpListener, time: Duration) -> io::Result<()> {
    let (mut stream, _) = listener.accept()?;
    let mut message = [0; 64];
    for n in 0.. {
        stream.read_exact(&mut message)?;
        if n == 10 {
            thread::sleep(2 * time);
        }
        stream.write_all(&message)?;
    }
    Ok(())
}

/// The questions that were due meanwhile are asked late, and each is charged from when it was due: with
/// fewer, a server would be the quicker the longer it stands still.
#[test]
fn the_load_leaves_out_no_question_that_was_due() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let time = Duration::from_millis(100);
    let server = thread::spawn(move || who_stands_still(listener, time));
    let plan = load::Plan { connections: 1, size: 64, time };
    let mut load = load::Load::connect(address, plan).unwrap();
    let delays = load.by_the_clock(1_000.0, plan).unwrap();
    assert!((100..=101).contains(&delays.len()), "{}", delays.len());
    let late = delays.iter().filter(|it| **it >= time).count();
    assert!(late >= 90, "{late} waited longer than all of it took");
    drop(load);
    assert!(server.join().unwrap().is_err(), "it hears of the end");
}
