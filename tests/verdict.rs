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
            ("binary-function", 1.0),
            ("binary-await-boxed", 2.0),
            ("python-call-function", 50.0),
            ("python-call-await", 100.0),
            ("python-binary-function", 50.0),
            ("python-binary-await", 105.0),
        ]),
        None,
    );
    let lines: Vec<_> = text.lines().skip_while(|line| !line.contains("~2x")).collect();
    assert_eq!(lines[2].trim(), "Python 3.5.0     holds (2.0x, 2.1x)");
    assert_eq!(lines[3].trim(), "Rust, here       does not hold here (9.0x, 2.0x)");
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

/// The interval of what was measured may reach across what was aimed at.
#[test]
fn a_goal_that_noise_may_turn_says_so() {
    let word = |samples: &[f64]| {
        let mut results = results(&[]);
        results.add("call-deferred".to_owned(), "", "ns", samples);
        let text = table::of(&results, None);
        let line = text.lines().find(|line| line.contains("Deferred: make")).unwrap();
        line.trim_end().rsplit_once("  ").unwrap().1.to_owned()
    };
    assert_eq!(word(&[70.0, 71.0, 72.0]), "met");
    assert_eq!(word(&[70.0, 71.0, 90.0]), "met, narrowly");
    assert_eq!(word(&[70.0, 90.0, 91.0]), "missed, narrowly: ADR 22");
    assert_eq!(word(&[89.0, 90.0, 91.0]), "missed: ADR 22");
}

/// What a claim's figures say, Python's, by the samples of each.
fn claimed(claim: usize, rows: &[(&str, &[f64])]) -> String {
    let mut results = results(&[]);
    for (id, samples) in rows {
        results.add(format!("python-{id}"), "", "ns", samples);
    }
    claims::CLAIMS[claim].python(&results, "python").to_string()
}

/// Where each claim begins to hold, and where it ends.
#[test]
fn a_claim_holds_if_every_ratio_of_it_does() {
    let one = &[100.0][..];
    let call = |call: f64, tree: f64| {
        let (call, tree) = ([100.0 * call], [100.0 * tree]);
        let rows = [("call-await", &call[..]), ("call-function", one)];
        let tree = [("binary-await", &tree[..]), ("binary-function", one)];
        claimed(0, &[rows, tree].concat())
    };
    assert_eq!(call(2.4, 2.4), "holds (2.4x, 2.4x)");
    assert_eq!(call(2.0, 3.0), "does not hold here (2.0x, 3.0x)");
    assert_eq!(call(2.6, 2.0), "does not hold here (2.6x, 2.0x)");
    let coroutines = |times: f64| {
        let (tornado, twisted) = ([100.0 * times], [2_000.0]);
        let rows = [("call-tornado", &tornado[..]), ("call-twisted", &twisted)];
        claimed(1, &[&rows[..], &[("call-await", one)]].concat())
    };
    assert!(coroutines(10.0).starts_with("holds"));
    assert!(coroutines(9.9).starts_with("does not"));
    let difference = |times: f64| {
        claimed(2, &[("binary-await", &[100.0 * times]), ("binary-yield-from", one)])
    };
    assert!(difference(0.95).starts_with("holds"));
    assert!(difference(0.85).starts_with("does not"));
    assert!(difference(1.15).starts_with("does not"));
    let tasks = |times: f64| {
        let (spawn, turn) = ([100.0 * times], [120.0]);
        let asyncio =
            [("tasks-spawn-asyncio", &spawn[..]), ("tasks-yield-asyncio", &turn)];
        let uvloop = [("tasks-spawn-uvloop", one), ("tasks-yield-uvloop", one)];
        claimed(3, &[asyncio, uvloop].concat())
    };
    assert!(tasks(1.2).starts_with("holds") && tasks(1.05).starts_with("does not"));
    let io = |times: f64| {
        let asyncio = [100.0 * times];
        let rows = [("echo-64-asyncio-protocol", &asyncio[..])];
        claimed(4, &[rows[0], ("echo-64-uvloop-protocol", one)])
    };
    assert!(io(2.0).starts_with("holds") && io(1.9).starts_with("does not"));
}

/// Half of it is no answer, and an interrupted run may have no more.
#[test]
fn a_claim_of_which_a_part_was_not_measured_cannot_be_tested() {
    let call: [(_, &[f64]); 2] = [("call-await", &[200.0]), ("call-function", &[100.0])];
    assert_eq!(claimed(0, &call), "cannot be tested here");
    assert_eq!(claimed(0, &[]), "cannot be tested here");
}

/// A limit inside the interval, or an interval around both limits: another run may say otherwise.
#[test]
fn a_verdict_that_noise_may_turn_says_so() {
    let io = |asyncio: &[f64]| {
        let uvloop = ("echo-64-uvloop-protocol", &[100.0][..]);
        claimed(4, &[("echo-64-asyncio-protocol", asyncio), uvloop])
    };
    assert_eq!(io(&[190.0, 210.0, 220.0]), "holds, narrowly (2.1x)");
    assert_eq!(io(&[180.0, 190.0, 220.0]), "does not hold here, narrowly (1.9x)");
    let difference = |times: &[f64]| {
        claimed(2, &[("binary-await", times), ("binary-yield-from", &[100.0])])
    };
    assert_eq!(difference(&[80.0, 100.0, 120.0]), "holds, narrowly (1.0x)");
    assert_eq!(difference(&[20.0, 100.0, 270.0]), "holds, narrowly (1.0x)");
    assert_eq!(difference(&[50.0, 80.0, 150.0]), "does not hold here, narrowly (0.8x)");
    // Whoever fails by far at one of two is saved by no noise of the other.
    let one = &[100.0][..];
    let rows = [("call-await", &[240.0, 249.0, 255.0][..]), ("call-function", one)];
    let tree = [("binary-await", &[400.0][..]), ("binary-function", one)];
    assert_eq!(claimed(0, &[rows, tree].concat()), "does not hold here (2.5x, 4.0x)");
}

/// Two files of different machines are compared as well, and whoever reads it is warned.
#[test]
fn whoever_compares_two_machines_is_told() {
    let (before, mut after) = (results(&[]), results(&[]));
    assert!(!compare::of(&before, &after).text.contains("not the same machine"));
    after.machine.cpu = "another".to_owned();
    assert!(compare::of(&before, &after).text.contains("not the same machine"));
}

#[test]
fn what_lies_within_both_intervals_has_not_changed() {
    let mut before = results(&[("gone", 1.0), ("same", 10.0), ("slower", 10.0)]);
    before.add("noisy".to_owned(), "", "ns", &[5.0, 10.0, 15.0]);
    before.add("once".to_owned(), "", "ns", &[5.0]);
    before.add("calls".to_owned(), "", "system calls", &[0.0]);
    let mut after = results(&[("same", 10.1), ("slower", 20.0), ("new", 1.0)]);
    after.add("noisy".to_owned(), "", "ns", &[8.0, 13.0, 18.0]);
    after.add("once".to_owned(), "", "ns", &[50.0]);
    after.add("calls".to_owned(), "", "system calls", &[3.0]);
    let compared = compare::of(&before, &after);
    let text = &compared.text;
    let told = |id: &str| text.lines().find(|line| line.trim().starts_with(id));
    assert!(told("slower").unwrap().contains("+100 %"), "{text}");
    assert!(told("new").unwrap().ends_with("new"), "{text}");
    assert!(told("gone").unwrap().contains("not measured any more"), "{text}");
    assert!(told("noisy").is_none(), "{text}");
    assert!(told("once").is_none(), "{text}");
    assert!(told("calls").unwrap().ends_with("from nothing"), "{text}");
    let end = "2 figures agree, 2 do not: neither do their intervals touch, nor are their \
               medians less than 5 % apart\n1 more have one sample only, which does not say \
               what is noise\n";
    assert!(text.ends_with(end), "{text}");
    after.date = "2016-07-21".to_owned();
    let kept = compared.kept(&before, &after).unwrap();
    let count = |id: &str| kept.row(id).map(|row| row.median);
    assert_eq!((count("figures"), count("same")), (Some(4.0), Some(2.0)));
    assert_eq!((&*kept.name, &*kept.date), ("repeated", "2016-07-21"));
}

#[test]
fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
    let median = |samples: &[f64]| format!("{:.2}", Summary::of(samples).median);
    assert_eq!(median(&[4.0, 1.0]), "2.50");
    assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), "3.00");
    assert_eq!(median(&[9.0, 1.0, 2.0]), "2.00");
}

/// The chapters read what a whole run has left.
#[test]
fn a_quick_or_interrupted_run_takes_the_place_of_no_whole_one() {
    let mut results = Results::named("a-machine", "a test");
    assert!(results.path().ends_with("benches/results/a-machine.json"));
    results.missing.insert("python".to_owned(), "there is no python3".to_owned());
    assert!(results.path().ends_with("benches/results/a-machine.json"));
    results.mark_as_a_part("interrupted");
    assert!(results.path().ends_with("target/verdict/a-machine.json"));
    assert!(table::of(&results, None).contains("not here: the rest (interrupted)"));
}

/// The book says that a run was repeated: so it has been, by the same command on the same machine.
#[test]
fn only_two_runs_of_the_same_are_kept_for_the_book() {
    let (before, after) = (results(&[("a", 1.0)]), results(&[("a", 1.01)]));
    let why = |before: &Results, after: &Results| {
        let kept = compare::of(before, after).kept(before, after);
        kept.err().map(|error| error.to_string().rsplit_once(": ").unwrap().1.to_owned())
    };
    assert_eq!(why(&before, &after), None);
    assert_eq!(why(&after, &after).unwrap(), "this is one run, and not two");
    let other = results(&[("b", 1.0)]);
    assert_eq!(why(&before, &other).unwrap(), "they have nothing in common");
    let (mut elsewhere, mut quick) = (results(&[("a", 1.01)]), results(&[("a", 1.01)]));
    elsewhere.machine.cpu = "another".to_owned();
    quick.command = "another".to_owned();
    for of_another in [elsewhere, quick] {
        let why = why(&before, &of_another).unwrap();
        assert_eq!(why, "these are not two runs of the same on one machine");
    }
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
        ("binary-function", 1.0),
        ("binary-await-boxed", 2.0),
        ("python-call-await", 100.0),
    ]);
    let page = report::of(&results, None);
    assert!(!page.contains("src=") && !page.contains("href="), "{page}");
    for text in
        ["label of call-await", "class=\"python\"", "holds (2.0x, 2.0x)", "Our goals"]
    {
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
