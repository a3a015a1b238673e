//! Stacks: how large they are, and what becomes of them. It happens to a process of its own,
//! whose mappings are counted.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::hint::black_box;

use common::{ms, timed};
use interlude_greenlets::extras::stack::{
    SPARE_STACKS, STACK_SIZE, spare_stacks, stack_size,
};
use interlude_greenlets::time::sleep;
use interlude_greenlets::{Greenlet, current, spawn};

/// How many mappings this process has.
fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").expect("Linux has it").lines().count()
}

/// How much of this process is in memory, in bytes.
fn memory() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").expect("Linux has it");
    let resident = pages.split(' ').nth(1).and_then(|it| it.parse::<usize>().ok());
    resident.expect("the second number is what is in memory") * 4096
}

/// So many greenlets that sleep at once; and how many mappings and bytes there were then.
fn sleepers(many: usize) -> (usize, usize) {
    let count = move || {
        let sleepers: Vec<_> = (0..many).map(|_| spawn(|| sleep(ms(10)))).collect();
        sleep(ms(5));
        let counts = (mappings(), memory());
        for sleeper in sleepers {
            sleeper.join().expect("to sleep does not fail");
        }
        counts
    };
    timed(count).0
}

/// Uses that much stack, and a little more for the calls.
fn use_up(bytes: usize) -> usize {
    let block = [0_u8; 1024];
    black_box(&block);
    let rest = bytes.checked_sub(block.len()).map_or(0, use_up);
    rest + black_box(&block).len()
}

fn stacks_are_kept_for_greenlets_to_come() {
    sleepers(1);
    let before = (mappings(), memory());
    let first = sleepers(1000);
    let (new, bytes) = (first.0 - before.0, (first.1 - before.1) / 1000);
    assert!(new > 1900, "stack and guard page are two mappings: {new}");
    // One page of stack, and what the heap holds; a debug build needs two pages.
    let room = if cfg!(debug_assertions) { 12 } else { 8 } * 1024;
    assert!(bytes <= room, "{bytes} bytes for a greenlet that sleeps");
    let kept = mappings() - before.0;
    assert!(kept > 1900, "they are kept when they have ended: {kept}");
    let again = sleepers(1000).0.abs_diff(first.0);
    assert!(again < 20, "a second thousand needs {again} more mappings");
}

fn no_more_are_kept_than_one_asks_for() {
    assert_eq!(spare_stacks(10), SPARE_STACKS);
    let left = mappings();
    sleepers(1000);
    let more = mappings().saturating_sub(left);
    assert!(more < 20, "{more} mappings are left");
    assert_eq!(spare_stacks(SPARE_STACKS), 10);
    // None is none.
    spare_stacks(0);
    let before = mappings();
    Greenlet::new(|()| Ok(())).switch::<(), ()>(()).expect("it returns");
    assert_eq!(mappings(), before);
    spare_stacks(SPARE_STACKS);
}

fn a_stack_is_as_large_as_one_asks_for() {
    assert_eq!(stack_size(64 * STACK_SIZE), STACK_SIZE);
    let deep = || Greenlet::new(|()| Ok(use_up(32 * STACK_SIZE)));
    assert!(deep().switch::<(), usize>(()).expect("there is room") >= 32 * STACK_SIZE);
    // A small one that began before is not taken for a large one after.
    stack_size(STACK_SIZE);
    let small = Greenlet::new(|()| {
        stack_size(64 * STACK_SIZE);
        Ok(())
    });
    small.switch::<(), ()>(()).expect("it returns");
    assert!(deep().switch::<(), usize>(()).expect("there is room") >= 32 * STACK_SIZE);
    stack_size(STACK_SIZE);
    // Nor one that ends after the first large one has begun.
    let main = current();
    let small = Greenlet::new(move |()| main.switch::<(), ()>(()));
    small.switch::<(), ()>(()).expect("it comes back");
    stack_size(64 * STACK_SIZE);
    for _ in 0..2 {
        let end = deep().switch::<(), usize>(());
        assert!(end.expect("there is room") >= 32 * STACK_SIZE);
        small.switch::<(), ()>(()).expect("it returns");
    }
    stack_size(STACK_SIZE);
}

#[test]
fn stacks_are_kept_and_have_the_size_that_one_asks_for() {
    stacks_are_kept_for_greenlets_to_come();
    no_more_are_kept_than_one_asks_for();
    a_stack_is_as_large_as_one_asks_for();
}
