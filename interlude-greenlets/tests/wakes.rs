//! Wakers: whether the kernel hears of them. It happens to a process of its own, whose
//! descriptors are looked at.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::future::poll_fn;
use std::task::Poll;
use std::thread;

use common::{block, in_time, ms};
use interlude_greenlets::{block_on, run};

/// How often the events of this process have been signalled and not been read.
fn signalled() -> u64 {
    let files = fs::read_dir("/proc/self/fdinfo").expect("Linux has it");
    let count = |text: String| {
        let line = text.lines().find_map(|line| line.strip_prefix("eventfd-count:"))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    texts.filter_map(count).sum()
}

/// Waits until `wake` has called the waker that it gets.
fn woken_by(wake: impl FnOnce(std::task::Waker) + 'static) {
    let mut wake = Some(wake);
    block_on(poll_fn(move |context| match wake.take() {
        Some(wake) => {
            wake(context.waker().clone());
            Poll::Pending
        }
        None => Poll::Ready(()),
    }));
}

#[test]
fn a_wake_on_the_loops_own_thread_is_no_system_call_and_another_threads_ends_its_sleep() {
    in_time(|| {
        run(|| {
            woken_by(|waker| {
                waker.wake();
                assert_eq!(signalled(), 0);
            });
            woken_by(|waker| {
                drop(thread::spawn(|| {
                    block(ms(20));
                    waker.wake();
                }));
            });
        })
        .expect("somebody can always go on");
    });
}
