//! The steps show what they say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]

use std::fs;
use std::path::Path;

#[path = "../steps/anywhere.rs"]
mod anywhere;
#[path = "../steps/asleep.rs"]
mod asleep;
#[path = "../steps/fifteen_lines.rs"]
mod fifteen_lines;
#[path = "../steps/forty_lines.rs"]
mod forty_lines;
#[path = "../steps/how_big.rs"]
mod how_big;
#[path = "../steps/join_and_select.rs"]
mod join_and_select;
#[path = "../steps/latest_waker.rs"]
mod latest_waker;
#[path = "../steps/moved.rs"]
mod moved;
#[path = "../steps/recursion.rs"]
mod recursion;
#[path = "../steps/send.rs"]
mod send;
#[path = "../steps/two_in_one.rs"]
mod two_in_one;

#[test]
fn an_array_is_a_part_of_every_future_above_and_a_vector_is_not() {
    let sizes = how_big::sizes().unwrap();
    for (future, bytes) in sizes {
        let keeps_the_array = ["fetch, which keeps an array", "a task for a page"];
        let bound = if keeps_the_array.contains(&future) { 4096 } else { 0 } + 1024;
        assert!(bytes <= bound, "{future}: {bytes} bytes, {bound} are allowed");
        assert!(bytes > bound - 1024, "{future}: {bytes} bytes");
    }
}

#[test]
fn an_executor_for_one_future_has_fifteen_lines() {
    assert_eq!(lines_of_the_executor("fifteen_lines"), 15);
    let told =
        ["two other threads counted to 1100", "what is there at once never sleeps"];
    assert_eq!(fifteen_lines::story(), told);
}

#[test]
fn an_executor_for_many_tasks_has_forty_lines() {
    assert_eq!(lines_of_the_executor("forty_lines"), 40);
    let told = [
        "spawned, and nothing has run yet",
        "a 2",
        "b 2",
        "the one that nobody wakes is dropped",
        "a 1",
        "b 1",
        "a 0",
        "b 0",
        "nobody can wake anybody any more",
    ];
    assert_eq!(forty_lines::story(), told);
}

/// Those with code, between the one comment and the next.
fn lines_of_the_executor(step: &str) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("steps").join(step);
    let text = fs::read_to_string(path.with_extension("rs")).unwrap();
    let (_, rest) = text.split_once("// The executor, all of it.").unwrap();
    let (executor, _) = rest.split_once("// Something to").unwrap();
    let is_code = |line: &&str| !line.is_empty() && !line.trim().starts_with("//");
    executor.lines().filter(is_code).count()
}

#[test]
fn who_tells_nobody_sleeps_for_ever_who_asks_at_once_is_busy_and_a_waker_is_asked_once() {
    let [asleep, busy, parked] = asleep::story().unwrap();
    let nobody =
        "asleep: nobody can wake this loop any more: 1 task pending, 0 wakers outside";
    assert!(asleep.starts_with(nobody), "{asleep}");
    let polls: u32 = busy.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(polls > 2, "{busy}");
    assert_eq!(parked, "parked: 2 polls");
}

#[test]
fn two_futures_in_one_task_are_polled_for_each_others_wakes() {
    let told = [
        "in one task : the short one is polled 2 times, the long one 3 times",
        "in two tasks: the short one is polled 2 times, the long one 2 times",
    ];
    assert_eq!(two_in_one::story().unwrap(), told);
}

#[test]
fn the_latest_waker_is_the_one_to_keep() {
    let [latest, first] = latest_waker::story().unwrap().try_into().unwrap();
    assert_eq!(latest, "it keeps the latest waker: the letter has arrived");
    let nobody =
        "it keeps the first waker: nobody can wake this loop any more: 2 tasks pending";
    assert!(first.starts_with(nobody), "{first}");
}

#[test]
fn a_join_takes_as_long_as_the_longer_and_a_select_as_the_shorter() {
    let told = [
        "10 ms  toast is done",
        "30 ms  tea is done",
        "30 ms  join gives (\"tea\", \"toast\")",
        "40 ms  tram is done",
        "40 ms  bus is dropped half way",
        "40 ms  select gives \"tram\"",
    ];
    assert_eq!(join_and_select::story().unwrap(), told);
}

#[test]
fn what_a_future_remembers_of_its_place_is_wrong_after_a_move() {
    let told = [
        "by hand, left in place: its buffer is where it was",
        "by hand, moved:         its buffer is somewhere else",
        "async, its box moved:   its buffer is where it was",
    ];
    assert_eq!(moved::story(), told);
}

#[test]
fn a_box_makes_recursion_possible_whatever_the_depth() {
    let told = [
        "6 files, and each folder took a millisecond: 6ms",
        "the future for 1 level is as big as that for 1,000: true",
    ];
    assert_eq!(recursion::story().unwrap(), told);
}

#[test]
fn a_future_that_is_send_goes_on_wherever_it_is_polled() {
    let told = [
        "step 1 runs on thread one",
        "step 2 runs on thread two",
        "step 3 runs on thread three",
        "an Rc may wait on a loop of one thread",
    ];
    assert_eq!(send::story().unwrap(), told);
}

/// One client and one server, unchanged, on three loops.
#[test]
fn what_is_written_against_traits_runs_on_every_loop() {
    let expected = ["this is /", "this is /about", "this is /contact"];
    for (name, run) in anywhere::LOOPS {
        assert_eq!(run().unwrap(), expected, "{name}");
    }
}
