//! What is left at the end of a loop, and what goes wrong where nobody expects it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::process::Command;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::Deferred;
use stage1_callbacks::failure::on_report;
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::{sleep, timeout};
use stage1_callbacks::{call_later, call_soon, react, remote, run, stop};

const FAR: Duration = Duration::from_hours(1);

fn story(main: impl FnOnce()) {
    backend::scope(Clockwork::new(), || {
        run(|| {
            main();
            Ok(())
        })
        .unwrap();
    });
}

/// Something that callbacks keep, and a look at whether any of them still does.
fn kept() -> (Rc<()>, Weak<()>) {
    let kept = Rc::new(());
    let weak = Rc::downgrade(&kept);
    (kept, weak)
}

fn reports() -> Rc<RefCell<Vec<String>>> {
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&reports);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    reports
}

/// A deferred and its timer, or its place in a queue, do not keep each other.
#[test]
fn what_a_deferred_waits_for_does_not_keep_it() {
    let (kept, weak) = kept();
    story(|| {
        for duration in [FAR, Duration::MAX] {
            let (one, two) = (Rc::clone(&kept), Rc::clone(&kept));
            drop(sleep(duration).add_callback(move |()| drop(one)));
            let late = timeout(duration, Deferred::<()>::new().1);
            drop(late.add_both(move |_| drop(two)));
        }
        let three = Rc::clone(&kept);
        drop(Semaphore::new(0).acquire().add_callback(move |_| drop(three)));
        call_soon(stop);
    });
    drop(kept);
    assert_eq!(weak.strong_count(), 0);
}

/// A handle that is kept by the very call it would cancel does not keep it either.
#[test]
fn a_delayed_call_that_knows_its_own_handle_is_dropped() {
    let (kept, weak) = kept();
    story(|| {
        let handle = Rc::new(RefCell::new(None));
        let own = Rc::clone(&handle);
        handle.replace(Some(call_later(FAR, move || drop((own, kept)))));
        call_soon(stop);
    });
    assert_eq!(weak.strong_count(), 0);
}

/// Calls the loop as it is dropped, and then once more.
struct CallsAsItIsDropped(u32, Rc<RefCell<u32>>);

impl Drop for CallsAsItIsDropped {
    fn drop(&mut self) {
        *self.1.borrow_mut() += 1;
        if let Some(left) = self.0.checked_sub(1) {
            let next = Self(left, Rc::clone(&self.1));
            call_soon(move || drop(next));
        }
    }
}

/// The loop is still there for what is dropped at its end, wherever that was left.
#[test]
fn what_is_dropped_at_the_end_may_call_the_loop() {
    let dropped = Rc::default();
    story(|| {
        let calls = || CallsAsItIsDropped(2, Rc::clone(&dropped));
        let (soon, later, elsewhere) = (calls(), calls(), Rc::clone(&dropped));
        call_soon(|| {
            call_soon(move || drop(soon));
            stop();
        });
        call_later(FAR, move || drop(later));
        drop(elsewhere);
    });
    assert_eq!(*dropped.borrow(), 6);
}

/// The same, where only one place has anything left: it does not take two.
#[test]
fn what_is_left_in_one_place_alone_may_call_the_loop() {
    let places: [fn(CallsAsItIsDropped); 2] = [
        |left| {
            call_soon(move || call_soon(move || drop(left)));
        },
        |left| drop(call_later(FAR, move || drop(left))),
    ];
    for leave in places {
        let (dropped, reported) = (Rc::default(), reports());
        story(|| {
            leave(CallsAsItIsDropped(2, Rc::clone(&dropped)));
            call_soon(stop);
        });
        assert_eq!(*dropped.borrow(), 3);
        assert_eq!(*reported.borrow(), [""; 0]);
    }
}

/// What other threads have asked for, and nobody has taken: each of it calls the loop as it is
/// dropped.
#[test]
fn what_is_left_by_other_threads_may_call_the_loop() {
    struct Calls(Arc<AtomicU32>);
    impl Drop for Calls {
        fn drop(&mut self) {
            let counts = Counts(Arc::clone(&self.0));
            call_soon(move || drop(counts));
        }
    }
    struct Counts(Arc<AtomicU32>);
    impl Drop for Counts {
        fn drop(&mut self) {
            drop(remote()); // which panics where no loop is
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let (dropped, reported) = (Arc::new(AtomicU32::new(0)), reports());
    let calls = [(); 3].map(|()| Calls(Arc::clone(&dropped)));
    story(|| {
        call_soon(move || {
            for calls in calls {
                remote().call_soon_threadsafe(move || drop(calls));
            }
            stop();
        });
    });
    assert_eq!((dropped.load(Ordering::Relaxed), reported.take()), (3, Vec::new()));
}

/// What panics as it is dropped at the end is reported, and takes nobody with it.
#[test]
fn what_panics_at_the_end_is_reported() {
    struct Panics(u32);
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(thread::panicking(), "number {}", self.0);
        }
    }
    let reported = reports();
    story(|| {
        for number in 0..2 {
            let panics = Panics(number);
            call_later(FAR, move || drop(panics));
        }
        call_soon(stop);
    });
    let told = |number| {
        format!("A callback failed while it was dropped: panicked: number {number}")
    };
    assert_eq!(*reported.borrow(), [told(0), told(1)]);
    run(|| {
        call_soon(stop);
        Ok(())
    })
    .unwrap();
}

/// Without a hook it goes to standard error; with one, nowhere else.
#[test]
fn what_nobody_handles_is_told_once_to_the_hook_or_to_standard_error() {
    const HOOKED: &str = "IS_THERE_A_HOOK";
    if let Ok(hooked) = env::var(HOOKED) {
        let _told = (hooked == "yes").then(reports);
        story(|| {
            call_soon(|| panic_any("what nobody handles"));
            call_soon(stop);
        });
        return;
    }
    let told = |hooked| {
        let name = "what_nobody_handles_is_told_once_to_the_hook_or_to_standard_error";
        // Another crate has this file as a module.
        let modules = module_path!().split("::").skip(1).chain([name]);
        let name = modules.collect::<Vec<_>>().join("::");
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", &name, "--nocapture"]).env(HOOKED, hooked);
        let said = child.output().unwrap();
        assert!(said.status.success());
        let errors = String::from_utf8(said.stderr).unwrap();
        errors.matches("Unhandled error in a callback").count()
    };
    assert_eq!(["no", "yes"].map(told), [1, 0]);
}

/// M6.08
#[test]
fn a_hook_that_panics_does_not_stop_the_loop() {
    on_report(|_| panic!("in the hook"));
    let (kept, weak) = kept();
    story(|| {
        call_soon(|| panic!("in a callback"));
        call_soon(move || {
            drop(kept);
            stop();
        });
    });
    assert_eq!(weak.strong_count(), 0, "the next one runs");
}

/// M6.49: nobody stops the loop of a `react` but its own deferred.
#[test]
fn a_react_that_is_stopped_says_so() {
    let stopped = catch_unwind(AssertUnwindSafe(|| {
        react(|| {
            call_soon(stop);
            sleep(FAR)
        })
    }));
    let message = stopped.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("stop() was called before"), "{message}");
}

/// A call into a loop that is gone is dropped at once, and harms nobody.
#[test]
fn a_loop_that_is_gone_calls_nobody() {
    let handle = Rc::new(RefCell::new(None));
    let out = Rc::clone(&handle);
    story(move || {
        out.replace(Some(remote()));
        call_soon(stop);
    });
    let (remote, owned) = (handle.take().unwrap(), Arc::new(()));
    let kept = Arc::clone(&owned);
    remote.call_soon_threadsafe(move || panic!("nobody is there to call this: {kept:?}"));
    assert_eq!(Arc::strong_count(&owned), 1, "nor is it kept for anybody");
    story(|| call_soon(stop));
}

/// Whoever is served may give its permit back at once: ten thousand do, one after the other
/// and not one inside the other. Who asks meanwhile stands behind them.
#[test]
fn ten_thousand_permits_that_are_given_back_at_once_are_flat() {
    let body = || {
        let (semaphore, served) = (Semaphore::new(1), Rc::<RefCell<Vec<u32>>>::default());
        let first = semaphore.acquire().try_take().unwrap().unwrap();
        for n in 0..10_000 {
            let (served, again) = (Rc::clone(&served), semaphore.clone());
            drop(semaphore.acquire().add_callback(move |permit| {
                served.borrow_mut().push(n);
                drop(permit);
                if n == 0 {
                    let served = Rc::clone(&served);
                    let last = again.acquire();
                    drop(last.add_callback(move |_| served.borrow_mut().push(10_000)));
                }
            }));
        }
        drop(first);
        assert!(served.take().into_iter().eq(0..=10_000));
    };
    let small = thread::Builder::new().stack_size(256 * 1024);
    small.spawn(body).unwrap().join().unwrap();
}

/// A permit that is given back goes to one, and that one keeps it.
#[test]
fn of_two_who_wait_one_is_served_with_each_permit() {
    let semaphore = Semaphore::new(1);
    let served = Rc::new(RefCell::new(Vec::new()));
    let wants = |name: &'static str| {
        let served = Rc::clone(&served);
        let keeps = move |permit| served.borrow_mut().push((name, permit));
        drop(semaphore.acquire().add_callback(keeps));
    };
    ["a", "b", "c"].into_iter().for_each(wants);
    for names in [&["a"][..], &["b"], &["c"], &[]] {
        let permits = served.take();
        assert_eq!(permits.iter().map(|it| it.0).collect::<Vec<_>>(), names);
        drop(permits);
    }
    wants("d");
    assert_eq!(served.borrow().len(), 1, "it is free again");
}
