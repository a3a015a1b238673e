//! More greenlets than Linux gives a process stacks for. It happens to a process of its own,
//! which has no memory to spare while it lasts.

#![cfg(target_os = "linux")]

mod common;

use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::process::Command;
use std::rc::Rc;

use common::{Finally, ms};
use interlude_greenlets::failure::on_report;
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::sleep;
use interlude_greenlets::{Failure, Greenlet, GreenletExit, current, run, spawn};

/// Set for the process that is going to run out of mappings.
const TOO_MANY: &str = "GREENLET_TOO_MANY";

const MANY: usize = 40_000;

/// Whether somebody failed because there was no memory for its stack.
fn has_no_memory(failure: &Failure) -> bool {
    failure.get::<io::Error>().map(io::Error::kind) == Some(ErrorKind::OutOfMemory)
}

/// How many greenlets a process can have, by the kernel's own limit: two mappings for each.
fn room() -> usize {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    limit.trim().parse::<usize>().map_or(usize::MAX, |limit| limit / 2)
}

/// Tasks that all wait at once: who has no stack fails, and says why to whoever joins.
fn tasks() {
    on_report(|text| panic!("{text}"));
    let (waited, failed) = run(|| {
        let gate = Rc::new(Semaphore::new(0));
        let tasks: Vec<_> = (0..MANY)
            .map(|_| {
                let gate = Rc::clone(&gate);
                spawn(move || drop(gate.acquire()))
            })
            .collect();
        sleep(ms(1));
        let (failed, waiting): (Vec<_>, Vec<_>) =
            tasks.into_iter().partition(JoinHandle::is_finished);
        let failed = failed.into_iter().filter_map(|it| it.join().err());
        let failures = failed.filter_map(|end| end.downcast::<Failure>().ok());
        let failed = failures.filter(|failure| has_no_memory(failure)).count();
        waiting.iter().for_each(JoinHandle::kill);
        let ends = waiting
            .into_iter()
            .filter_map(|it| it.join().err()?.downcast::<Failure>().ok());
        (ends.filter(|end| end.is::<GreenletExit>()).count(), failed)
    })
    .expect("the loop itself needs little");
    assert!(failed > 0 && waited + failed == MANY, "{waited} waited, {failed} failed");
}

/// Greenlets without a loop: whoever switches to one that has no stack is told.
fn greenlets() {
    let mut greenlets = Vec::new();
    let failure = loop {
        let main = current();
        let greenlet = Greenlet::new(move |()| main.switch::<(), ()>(()));
        match greenlet.switch::<(), ()>(()) {
            Ok(()) => greenlets.push(greenlet),
            Err(failure) => break failure,
        }
        assert!(greenlets.len() <= MANY, "there is no limit");
    };
    assert!(has_no_memory(&failure), "{failure}");
    // One that is dropped before it began ends without a stack as well.
    let dropped = Rc::new(Cell::new(0));
    let count = || {
        let dropped = Rc::clone(&dropped);
        Finally(move || dropped.set(dropped.get() + 1))
    };
    let counted = count();
    drop(Greenlet::new(move |()| {
        drop(counted);
        Ok(())
    }));
    assert_eq!(dropped.get(), 1);
    // So does the main one of a loop, and that is an error of the world.
    let counted = count();
    let error = run(|| drop(counted)).expect_err("main has no stack");
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert_eq!(dropped.get(), 2);
    // The others are there, and end; then there is room again.
    let last = greenlets.pop().expect("some began");
    last.switch::<(), ()>(()).expect("it returns");
    assert!(last.is_dead());
    drop(greenlets);
    let again = Greenlet::new(|n: i32| Ok(n + 1));
    assert_eq!(again.switch::<i32, i32>(1).expect("there is room"), 2);
}

#[test]
fn whoever_finds_no_memory_for_its_stack_fails_with_what_the_system_said() {
    if env::var_os(TOO_MANY).is_some() {
        greenlets();
        return tasks();
    }
    if room() >= MANY {
        return; // by another limit than the usual one
    }
    let name = "whoever_finds_no_memory_for_its_stack_fails_with_what_the_system_said";
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(TOO_MANY, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "it ended with {}: {told}", child.status);
    assert!(!told.contains("panicked"), "{told}");
}
