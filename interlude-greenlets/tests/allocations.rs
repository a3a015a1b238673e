//! What a switch, a wait and a greenlet take from the heap.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use allocation_counter::measure;
use common::{ms, timed};
use interlude_greenlets::extras::tasklet::{Tasklet, schedule};
use interlude_greenlets::time::sleep;
use interlude_greenlets::{Failure, Greenlet, current, spawn};

/// How many allocations `body` makes on this thread.
fn allocations(body: impl FnOnce()) -> u64 {
    measure(body).count_total
}

#[test]
fn a_switch_with_the_empty_message_allocates_nothing() {
    let main = current();
    let other = Greenlet::new(move |()| -> Result<(), Failure> {
        loop {
            main.switch::<(), ()>(())?;
        }
    });
    let switch = || other.switch::<(), ()>(()).unwrap();
    switch(); // it begins
    assert_eq!(allocations(|| (0..1_000).for_each(|_| switch())), 0);
}

/// What it carries lies in a box.
#[test]
fn a_switch_with_a_value_allocates_once_each_way() {
    let main = current();
    let other = Greenlet::new(move |mut n: u64| -> Result<u64, Failure> {
        loop {
            n = main.switch(n + 1)?;
        }
    });
    let switch = |n| assert_eq!(other.switch::<u64, u64>(n).unwrap(), n + 1);
    switch(0);
    assert_eq!(allocations(|| (0..1_000).for_each(switch)), 2_000);
}

#[test]
fn two_that_take_turns_allocate_one_place_in_the_queue_each_time() {
    Tasklet::new(|| {
        loop {
            schedule()?;
        }
    });
    let turns = |n| (0..n).for_each(|_| schedule().unwrap());
    turns(10);
    assert_eq!(allocations(|| turns(1_000)), 2_000);
}

/// The timer, and the list of those who are ready: no more for each that sleeps.
#[test]
fn a_wait_allocates_less_than_twice() {
    timed(|| {
        let sleeps = || (0..100).for_each(|_| sleep(ms(1)));
        let waits = || {
            let all: Vec<_> = (0..10).map(|_| spawn(sleeps)).collect();
            all.into_iter().for_each(|it| it.join().unwrap());
        };
        waits(); // stacks and places are there now
        let total = allocations(waits);
        assert!(total < 2 * 1_000, "{total} allocations for 1,000 waits");
    });
}
