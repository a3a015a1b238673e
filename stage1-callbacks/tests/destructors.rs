//! A destructor that panics, or that runs when nearly everything is gone, harms nobody else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::panic::panic_any;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::{Cancelled, Deferred, Firer, fail, succeed};
use stage1_callbacks::extras::lists::{deferred_list, gather_results};
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::net::TcpListener;
use stage1_callbacks::sync::{Permit, Semaphore};
use stage1_callbacks::time::sleep;
use stage1_callbacks::{call_later, call_soon, run, stop};

/// Panics as it is dropped, unless somebody panics already.
#[derive(Debug)]
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "{} went off", self.0);
    }
}

/// What is reported on this thread from now on.
fn reports() -> Rc<RefCell<Vec<String>>> {
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&reports);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    reports
}

fn went_off(what: &str, bomb: &str) -> String {
    format!("{what} failed while it was dropped: panicked: {bomb} went off")
}

/// Links that never ran, the ones after them, and what nobody took.
#[test]
fn a_destructor_that_panics_in_a_chain_is_reported_and_the_others_go_on() {
    let reported = reports();
    let (link, other, canceller) = (Bomb("link"), Bomb("other"), Bomb("canceller"));
    let (firer, deferred) = Deferred::with_canceller(move |_| drop(canceller));
    let deferred = deferred.add_callback(move |()| drop(link));
    drop((deferred.add_callback(move |()| drop(other)), firer));
    let expected = [
        went_off("A callback", "link"),
        went_off("A callback", "other"),
        went_off("A canceller", "canceller"),
    ];
    assert_eq!(reported.take(), expected);

    drop(succeed(Bomb("result")));
    assert_eq!(reported.take(), [went_off("A result", "result")]);
}

/// A link that is not for this result goes, and the result stays what it was.
#[test]
fn a_destructor_that_panics_in_a_link_that_is_passed_by_does_not_change_the_result() {
    let reported = reports();
    let (callback, errback, two) = (Bomb("callback"), Bomb("errback"), Bomb("two"));
    let good = succeed(1).add_errback(move |_| {
        drop(errback);
        Ok(2)
    });
    assert_eq!(good.try_take().unwrap().unwrap(), 1);
    let bad = fail::<i32>(Cancelled).add_callback(move |n| {
        drop(callback);
        Ok(n)
    });
    let bad = bad.add_callbacks(
        move |n| {
            drop(two);
            Ok(n)
        },
        Err::<i32, _>,
    );
    assert!(bad.try_take().unwrap().unwrap_err().is::<Cancelled>());
    let expected =
        [("A callback", "errback"), ("A callback", "callback"), ("A callback", "two")];
    assert_eq!(reported.take(), expected.map(|(what, bomb)| went_off(what, bomb)));
}

/// A result that comes too late, or for a deferred that was cancelled.
#[test]
fn a_result_that_comes_too_late_may_panic_as_it_is_dropped() {
    let reported = reports();
    let (firer, deferred) = Deferred::new();
    firer.fire(Ok(Bomb("in time"))).unwrap();
    assert!(firer.fire(Ok(Bomb("too late"))).is_err());
    assert_eq!(reported.take(), [went_off("A result", "too late")]);
    drop((firer, deferred));
    assert_eq!(reported.take(), [went_off("A result", "in time")]);

    let (firer, deferred) = Deferred::new();
    deferred.cancel();
    firer.fire(Ok(Bomb("swallowed"))).unwrap();
    assert_eq!(reported.take(), [went_off("A result", "swallowed")]);
    assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
}

/// A callback that panics, or drops a bomb as it returns, has failed; what comes after it runs.
#[test]
fn a_bomb_in_a_callback_that_runs_is_its_failure() {
    let bomb = Bomb("captured");
    let deferred = succeed(()).add_callback(move |()| {
        let _bomb = bomb;
        Ok(1)
    });
    let failure = deferred.try_take().unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "panicked: captured went off");
}

/// Somebody looks, and panics: the result is still what it was.
#[test]
fn a_look_that_panics_is_reported_and_leaves_the_result() {
    let reported = reports();
    let deferred = succeed(1);
    deferred.tap(|_| panic!("no"));
    assert_eq!(deferred.try_take().unwrap().unwrap(), 1);
    let deferred = fail::<()>(Cancelled);
    deferred.tap(|_| panic!("no"));
    assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
    let told = "Unhandled error in a callback: panicked: no";
    assert_eq!(reported.take(), [told, told]);
}

/// A member that cannot be cloned is a failed member, and the list comes to its end.
#[test]
fn a_clone_that_panics_is_a_members_failure() {
    struct NoClone;
    impl Clone for NoClone {
        fn clone(&self) -> Self {
            panic!("no clone")
        }
    }
    let members = [succeed(NoClone), fail(Cancelled)];
    let results = deferred_list(&members).try_take().unwrap().unwrap();
    let told: Vec<_> =
        results.iter().map(|it| it.as_ref().err().unwrap().to_string()).collect();
    assert_eq!(told, ["panicked: no clone", "cancelled"]);
    drop(members.map(|it| it.add_errback(|_| Ok(NoClone))));
}

/// The list has failed, and what its members gave is dropped.
#[test]
fn a_gathered_value_may_panic_as_it_is_dropped() {
    let reported = reports();
    let (firer, late) = Deferred::new();
    let list = gather_results(vec![succeed(Bomb("first")), fail(Cancelled), late]);
    firer.fire(Ok(Bomb("third"))).unwrap();
    drop(firer);
    assert!(list.try_take().unwrap().is_err());
    assert_eq!(reported.borrow().len(), 1, "{reported:?}");
}

/// A canceller that panics has not cancelled: the deferred fails by itself.
#[test]
fn a_canceller_that_panics_is_reported() {
    let reported = reports();
    for panics in [true, false] {
        let bomb = Bomb("canceller");
        let (_firer, deferred) = Deferred::<()>::with_canceller(move |_| {
            let _bomb = bomb;
            assert!(!panics, "no");
        });
        deferred.cancel();
        assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
    }
    assert_eq!(
        reported.take(),
        [
            "A canceller failed: panicked: no",
            "A canceller failed: panicked: canceller went off"
        ]
    );
}

/// A call, an operation and a waiter that are taken back.
#[test]
fn whatever_is_taken_back_may_panic_as_it_is_dropped() {
    let reported = reports();
    let calm = reactor::sim::Sim::new(1, reactor::sim::Weather::calm());
    backend::scope(calm, || {
        run(|| {
            let bomb = Bomb("call");
            call_later(Duration::from_secs(1), move || drop(bomb)).cancel();

            let listener = TcpListener::bind(([10, 0, 0, 9], 7).into())?;
            let bomb = Bomb("fresh");
            listener.accept_then(move |_| drop(bomb)).cancel();
            let bomb = Bomb("parked");
            let parked = listener.accept_then(move |_| drop(bomb));
            call_later(Duration::from_secs(1), move || {
                parked.cancel();
                let bomb = Bomb("waiter");
                let waiter = Semaphore::new(0).acquire();
                let handle = waiter.cancel_handle();
                drop(waiter.add_callback(move |_| drop(bomb)));
                handle.cancel();
                stop();
            });
            Ok(())
        })
        .unwrap();
    });
    let reported = reported.take();
    for bomb in ["call", "fresh", "parked", "waiter"] {
        let told =
            reported.iter().filter(|it| **it == went_off("A callback", bomb)).count();
        assert_eq!(told, 1, "{bomb}: {reported:?}");
    }
}

/// A panic whose payload panics as it is dropped, again and again.
#[test]
fn a_panic_with_a_payload_that_panics_is_a_failure_like_any_other() {
    struct Endless;
    impl Drop for Endless {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }
    let deferred =
        succeed(()).add_callback(|()| -> Result<(), Failure> { panic_any(Endless) });
    let failure = deferred.try_take().unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "panicked: something that is no text");
}

/// An error that cannot be shown is reported as that.
#[test]
fn an_error_that_panics_as_it_is_shown_is_reported_all_the_same() {
    #[derive(Debug)]
    struct Shy;
    impl std::fmt::Display for Shy {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("shy")
        }
    }
    impl std::error::Error for Shy {}
    let reported = reports();
    drop(fail::<()>(Shy));
    assert_eq!(reported.take(), ["An error cannot be told: panicked: shy"]);
}

/// A hook that is replaced: its successor is told.
#[test]
fn a_hook_may_panic_as_it_is_dropped() {
    let bomb = Bomb("hook");
    on_report(move |_| drop(Rc::new(&bomb)));
    let reported = reports();
    assert_eq!(reported.take(), [went_off("A callback", "hook")]);
}

/// What is kept by a thread-local that was there before any of ours, and so goes after them.
#[derive(Default)]
struct Kept {
    deferreds: Vec<Deferred<()>>,
    firers: Vec<Firer<()>>,
    permits: Vec<Permit>,
    listeners: Vec<TcpListener>,
    fires: Option<Firer<()>>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(firer) = self.fires.take() {
            firer.fire(Ok(())).unwrap();
        }
        let (_firer, deferred) = Deferred::<()>::new();
        drop(deferred.add_callback(|()| ()));
        self.deferreds.iter().for_each(Deferred::cancel);
    }
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::default();
}

/// Counts itself as it is dropped.
struct Counts(Arc<AtomicUsize>);

impl Drop for Counts {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A line, of which each link keeps the next.
fn line(dropped: &Arc<AtomicUsize>) -> Deferred<()> {
    let mut deferred = Deferred::<()>::new().1;
    for _ in 0..10_000 {
        let (inner, counts) = (deferred, Counts(Arc::clone(dropped)));
        let (_firer, outer) = Deferred::new();
        deferred = outer.add_callback(move |()| drop((inner, counts)));
    }
    deferred
}

/// A line, of which each fires the next.
fn fires(dropped: &Arc<AtomicUsize>) -> Firer<()> {
    let (first, mut last) = Deferred::new();
    for _ in 0..10_000 {
        let (firer, next) = Deferred::new();
        drop(last.chain_deferred(firer));
        last = next;
    }
    let counts = Counts(Arc::clone(dropped));
    drop(last.add_callback(move |()| drop(counts)));
    first
}

/// A timer and a socket, of a loop that is gone by then.
fn of_a_loop(kept: &mut Kept) {
    backend::scope(Clockwork::new(), || {
        run(|| {
            kept.deferreds.push(sleep(Duration::from_hours(1)));
            call_soon(stop);
            Ok(())
        })
        .unwrap();
    });
    run(|| {
        kept.listeners.push(TcpListener::bind(([127, 0, 0, 1], 0).into())?);
        call_soon(stop);
        Ok(())
    })
    .unwrap();
}

#[test]
fn chains_in_a_thread_local_that_is_older_than_ours_are_dropped_and_none_is_lost() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&dropped);
    let small = thread::Builder::new().stack_size(256 * 1024);
    let body = move || {
        KEPT.with(|_| ()); // before anything of ours
        on_report(|_| ());
        let mut kept = Kept::default();
        kept.deferreds.extend([line(&count), fail(Cancelled)]);
        kept.fires = Some(fires(&count));
        of_a_loop(&mut kept);
        let semaphore = Semaphore::new(1);
        kept.permits.push(semaphore.acquire().try_take().unwrap().unwrap());
        drop(semaphore.acquire().add_callback(drop));
        kept.firers.push(Deferred::new().0);
        KEPT.set(kept);
    };
    small.spawn(body).unwrap().join().unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 10_001);
}

/// A hook goes before the last failure is reported.
#[test]
fn a_failure_that_outlives_its_hook_harms_nobody() {
    thread_local! {
        static LAST: Cell<Option<Deferred<()>>> = const { Cell::new(None) };
    }
    let body = || {
        LAST.set(Some(fail(Cancelled)));
        on_report(|_| ());
    };
    thread::spawn(body).join().unwrap();
}
