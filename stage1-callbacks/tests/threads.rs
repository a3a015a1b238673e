//! What blocks, on other threads; each test gives up by its own clock.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use stage1_callbacks::deferred::{Cancelled, Deferred, fail, succeed};
use stage1_callbacks::extras::lists::gather_results;
use stage1_callbacks::extras::threads::{ThreadPool, defer_to_thread};
use stage1_callbacks::failure::Failure;
use stage1_callbacks::time::timeout;
use stage1_callbacks::{react, remote};

/// Runs, but not for ever.
fn soon<T: 'static>(main: impl FnOnce() -> Deferred<T>) -> Result<T, Failure> {
    react(|| timeout(Duration::from_secs(30), main())).unwrap()
}

/// M1.56: the loop has nothing else to wait for, and waits.
#[test]
fn the_result_of_a_thread_arrives_on_the_loops_own() {
    let here = thread::current().id();
    let there = react(|| {
        defer_to_thread(|| Ok::<_, Infallible>(thread::current().id())).add_callback(
            move |there| {
                assert_eq!(thread::current().id(), here);
                Ok(there)
            },
        )
    });
    assert_ne!(there.unwrap().unwrap(), here);
}

/// M1.57
#[test]
fn what_fails_on_a_thread_is_a_failure_here() {
    let error = soon(|| defer_to_thread(|| Err::<(), _>(io::Error::other("no disk"))));
    assert_eq!(error.unwrap_err().get::<io::Error>().unwrap().to_string(), "no disk");
    let panic = soon(|| defer_to_thread(|| -> io::Result<()> { panic!("over there") }));
    assert_eq!(panic.unwrap_err().to_string(), "panicked: over there");
}

/// Each job waits for a word, so that as many are under way as can be.
#[test]
fn no_more_jobs_are_under_way_than_there_are_threads() {
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    fn job(word: &Mutex<Receiver<()>>) -> io::Result<()> {
        let now = NOW.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(now, Ordering::SeqCst);
        if now == 3 {
            return Err(io::Error::other("three at a time"));
        }
        let heard = word.lock().unwrap().recv_timeout(Duration::from_secs(20));
        NOW.fetch_sub(1, Ordering::SeqCst);
        heard.map_err(io::Error::other)
    }
    let (say, word) = mpsc::channel();
    let word = Arc::new(Mutex::new(word));
    let all = soon(|| {
        let pool = ThreadPool::new(2);
        let jobs = (0..20).map(|_| {
            let word = Arc::clone(&word);
            pool.defer(move || job(&word))
        });
        let jobs = gather_results(jobs.collect());
        (0..20).for_each(|_| say.send(()).unwrap());
        jobs
    });
    assert_eq!(all.unwrap().len(), 20);
    assert!(MOST.load(Ordering::SeqCst) <= 2);
}

/// M1.58: what has not begun never does, and what has is not waited for.
#[test]
fn a_cancel_takes_back_what_has_not_begun() {
    let begun = Arc::new(AtomicUsize::new(0));
    let (say, word) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let counted = Arc::clone(&begun);
    soon(move || {
        let pool = ThreadPool::new(1);
        let first = pool.defer(move || {
            tell.send(()).unwrap();
            word.recv_timeout(Duration::from_secs(20))
        });
        let second = pool.defer(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok::<_, Infallible>(())
        });
        told.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(format!("{pool:?}").contains("jobs: [Slot { .. }]"), "the second waits");
        first.cancel();
        second.cancel();
        for cancelled in [first, second] {
            let end = cancelled.try_take().unwrap();
            assert!(end.unwrap_err().is::<Cancelled>());
        }
        say.send(()).unwrap();
        pool.defer(|| Ok::<_, Infallible>(())) // which comes behind both
    })
    .unwrap();
    assert_eq!(begun.load(Ordering::SeqCst), 0);
}

/// The loop ends while a thread is out. What waits for it is dropped with the loop; the next loop
/// does not hear of it.
#[test]
fn a_loop_that_ends_lets_go_of_what_waits_for_a_thread() {
    let (say, word) = mpsc::channel::<()>();
    let left = Rc::new(Cell::new(0));
    let kept = Rc::clone(&left);
    react(|| {
        drop(defer_to_thread(move || word.recv()).add_both(move |_| {
            kept.set(1);
            Ok(())
        }));
        succeed(())
    })
    .unwrap()
    .unwrap();
    assert_eq!(Rc::strong_count(&left), 1);
    say.send(()).unwrap();
    soon(|| defer_to_thread(|| Ok::<_, Infallible>(()))).unwrap();
    assert_eq!(left.get(), 0);
}

/// M1.59
#[test]
fn a_thread_can_call_into_the_loop_and_wait_for_the_answer() {
    let here = thread::current().id();
    let answers = soon(|| {
        let (one, two, remote) = (remote(), remote(), remote());
        defer_to_thread(move || {
            let good = one.blocking_call(move || {
                assert_eq!(thread::current().id(), here);
                defer_to_thread(|| Ok::<_, Infallible>(5))
            });
            let bad = two.blocking_call(|| fail::<()>("no")).unwrap_err().to_string();
            let panic = remote.blocking_call(|| -> Result<(), Failure> { panic!("no") });
            Ok::<_, Infallible>((good, bad, panic.unwrap_err().to_string()))
        })
    });
    assert_eq!(answers.unwrap(), (Ok(5), "no".to_owned(), "panicked: no".to_owned()));
}

/// It is not left blocked.
#[test]
fn a_thread_that_asks_a_loop_that_has_ended_is_told() {
    let remote = react(|| succeed(remote())).unwrap().unwrap();
    let asked = thread::spawn(move || remote.blocking_call(|| succeed(())));
    assert_eq!(asked.join().unwrap().unwrap_err().to_string(), "the loop has ended");
}

/// It counts who is idle: two jobs that wait for each other need two threads, however many jobs
/// one thread has done before.
#[test]
fn a_pool_of_two_threads_does_two_jobs_at_once_after_it_was_idle() {
    let pool = Rc::new(ThreadPool::new(2));
    for _ in 0..3 {
        soon(|| pool.defer(|| Ok::<_, Infallible>(()))).unwrap();
        // The thread is idle then, most likely.
        let (_kept, nothing) = mpsc::channel::<()>();
        nothing.recv_timeout(Duration::from_millis(5)).unwrap_err();
    }
    let both = Arc::new(Barrier::new(2));
    let leaders = soon(|| {
        let jobs = [(); 2].map(|()| {
            let both = Arc::clone(&both);
            pool.defer(move || Ok::<_, Infallible>(both.wait().is_leader()))
        });
        gather_results(jobs.into())
    });
    let leaders = leaders.unwrap();
    assert_ne!(leaders[0], leaders[1]);
}

#[test]
fn the_threads_of_a_pool_end_with_it() {
    struct Tells(mpsc::Sender<()>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    thread_local! {
        static AT_THE_END: RefCell<Option<Tells>> = const { RefCell::new(None) };
    }
    let (tell, ended) = mpsc::channel();
    let pool = ThreadPool::new(1);
    soon(|| {
        pool.defer(move || {
            drop(AT_THE_END.replace(Some(Tells(tell))));
            Ok::<_, Infallible>(())
        })
    })
    .unwrap();
    drop(pool);
    ended.recv_timeout(Duration::from_secs(30)).unwrap();
}
