//! What happens to a greenlet whose stack is too small. It happens to a process of its own.

#![cfg(unix)]

use std::env;
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use interlude_greenlets::greenlet::STACK_SIZE;
use interlude_greenlets::{Greenlet, current};

/// Set for the process that is going to overflow.
const OVERFLOW: &str = "GREENLET_OVERFLOW";

/// Uses that much stack, and a little more for the calls.
fn use_up(bytes: usize) -> usize {
    let block = [0_u8; 1024];
    black_box(&block);
    let rest = bytes.checked_sub(block.len()).map_or(0, use_up);
    rest + black_box(&block).len()
}

/// M2.21
#[test]
fn a_stack_overflow_hits_a_guard_page_and_not_another_stack() {
    if env::var_os(OVERFLOW).is_some() {
        let main = current();
        let neighbours: Vec<_> = (0..8)
            .map(|_| {
                let main = main.clone();
                Greenlet::new(move |()| main.switch::<(), ()>(()))
            })
            .collect();
        for neighbour in &neighbours {
            neighbour.switch::<(), ()>(()).unwrap();
        }
        let victim = Greenlet::new(|()| Ok(use_up(64 * STACK_SIZE)));
        victim.switch::<(), usize>(()).unwrap();
        return;
    }
    let name = "a_stack_overflow_hits_a_guard_page_and_not_another_stack";
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(OVERFLOW, "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let signal = status.signal();
    // A fault, or the abort of a handler that has explained it.
    assert!(matches!(signal, Some(6 | 7 | 10 | 11)), "it ended with {status}");
}

#[test]
fn half_of_the_stack_can_be_used_and_nothing_happens() {
    let greenlet = Greenlet::new(|()| Ok(use_up(STACK_SIZE / 2)));
    assert!(greenlet.switch::<(), usize>(()).unwrap() > STACK_SIZE / 2);
}
