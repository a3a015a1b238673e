//! What gevent's greenlets, groups, pools, locals and threads do, in which order. Where a
//! comment says "gevent", that is what gevent 26.9 answered to the same program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;

use common::{Finally, Log, block, clocked, in_time, ms, timed};
use interlude_greenlets::extras::async_result::AsyncResult;
use interlude_greenlets::extras::event::Event;
use interlude_greenlets::extras::join::{get_all, iwait, joinall, wait};
use interlude_greenlets::extras::kill::kill_all;
use interlude_greenlets::extras::later::spawn_later;
use interlude_greenlets::extras::local::Local;
use interlude_greenlets::extras::pool::{Group, Pool};
use interlude_greenlets::extras::threadpool::ThreadPool;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{Elapsed, sleep};
use interlude_greenlets::{Failure, GreenletExit, run, spawn};

/// Runs `main` with a log, and gives what is in it then.
fn logged(main: impl FnOnce(&Log) + 'static) -> Vec<String> {
    let log = Log::default();
    let theirs = log.clone();
    timed(move || main(&theirs));
    log.take()
}

/// A greenlet that sleeps so long, and returns that.
fn sleeper(n: u64) -> JoinHandle<u64> {
    spawn(move || {
        sleep(ms(n));
        n
    })
}

/// A greenlet that fails.
fn failing() -> JoinHandle<u64> {
    spawn(|| std::panic::resume_unwind(Box::new(Failure::from(Elapsed))))
}

/// What a greenlet died of.
fn failure<T>(end: thread::Result<T>) -> Failure {
    *end.err().unwrap().downcast().unwrap()
}

/// M2.33 gevent: (a, 5), (b, 5), (c, 5); and a failure to everybody who asks
#[test]
fn any_number_of_greenlets_can_wait_for_one() {
    timed(|| {
        let handle = Rc::new(sleeper(5));
        assert!(!handle.wait_timeout(ms(1)));
        let asked = [(); 3].map(|()| {
            let handle = Rc::clone(&handle);
            spawn(move || handle.get().unwrap())
        });
        assert_eq!(asked.map(|it| it.join().unwrap()), [5, 5, 5]);
        let failing = failing();
        assert!(!failing.is_successful() && failing.failure().is_none(), "not yet");
        for _ in 0..2 {
            assert!(failing.get().unwrap_err().is::<Elapsed>());
        }
        assert!(!failing.is_successful() && failing.failure().unwrap().is::<Elapsed>());
        assert!(handle.is_successful() && handle.failure().is_none());
        assert!(failing.join().is_err());
        let killed = sleeper(5);
        killed.kill_and_wait();
        assert!(killed.is_successful() && killed.failure().unwrap().is::<GreenletExit>());
    });
}

/// M2.33 One joiner that is killed leaves the others waiting, and nothing behind.
#[test]
fn a_joiner_that_is_killed_is_missed_by_nobody() {
    timed(|| {
        let handle = Rc::new(sleeper(5));
        let joiners = [(); 2].map(|()| {
            let handle = Rc::clone(&handle);
            spawn(move || handle.wait())
        });
        sleep(ms(1));
        joiners[0].kill();
        let [one, other] = joiners;
        assert!(failure(one.join()).is::<GreenletExit>());
        other.join().unwrap();
        assert!(handle.is_finished());
    });
}

/// M2.34 gevent: b, a; then b alone; then b, a of three; then 1, 2, 0
#[test]
fn joinall_and_iwait_give_greenlets_in_the_order_in_which_they_end() {
    let ((), elapsed) = timed(|| {
        let [a, b, c] = [20, 10, 500].map(sleeper);
        assert_eq!(joinall(&[&a, &b], None), [1, 0]);
        assert_eq!(joinall(&[&a, &b, &c], Some(ms(30))), [0, 1], "those that had ended");
        let [a, b, c] = [20, 10, 500].map(sleeper);
        assert_eq!(wait(&[&a, &b, &c], None, Some(2)), [1, 0]);
        let three = [30, 10, 20].map(sleeper);
        let all: Vec<_> = three.iter().map(|it| it as _).collect();
        assert_eq!(iwait(&all, None).collect::<Vec<_>>(), [1, 2, 0]);
    });
    assert_eq!(elapsed, ms(20 + 30 + 20 + 30));
}

/// M2.34 gevent: `[AsyncResult, Greenlet]`; and 0, 1 of two that are set
#[test]
fn one_can_wait_for_events_and_results_as_well() {
    timed(|| {
        let (event, result, greenlet) =
            (Event::default(), AsyncResult::default(), sleeper(20));
        let result = Rc::new(result);
        let theirs = Rc::clone(&result);
        drop(spawn_later(ms(10), move || theirs.set(1)));
        assert_eq!(wait(&[&event, &*result, &greenlet], Some(ms(50)), None), [1, 2]);
        let events = [Event::default(), Event::default()];
        events[1].set();
        events[0].set();
        let both = [&events[0] as _, &events[1] as _];
        assert_eq!(iwait(&both, None).collect::<Vec<_>>(), [0, 1]);
    });
}

/// M2.34
#[test]
fn an_event_or_a_result_counts_from_the_moment_at_which_it_is_there() {
    let ((), elapsed) = timed(|| {
        let (there, missing) = (AsyncResult::default(), AsyncResult::<u32>::default());
        there.set(1);
        assert_eq!(wait(&[&missing, &there], None, Some(1)), [1]);
        let event = Rc::new(Event::default());
        let theirs = Rc::clone(&event);
        drop(spawn_later(ms(10), move || theirs.set()));
        assert_eq!(wait(&[&missing, &*event], Some(ms(50)), Some(1)), [1]);
    });
    assert_eq!(elapsed, ms(10));
}

/// M2.34 Whoever gives up leaves nothing behind at the things it waited for.
#[test]
fn to_give_up_waiting_for_several_leaves_no_place_in_a_queue() {
    timed(|| {
        let event = Event::default();
        let before = format!("{event:?}");
        for _ in 0..100 {
            assert!(wait(&[&event, &event], Some(ms(1)), None).is_empty());
        }
        assert_eq!(format!("{event:?}"), before);
    });
}

/// M2.34 Each that ends is looked at once, however many there are.
#[test]
fn to_wait_for_many_is_to_be_woken_once_for_each() {
    timed(|| {
        let many: Vec<_> = (0..5_000).map(|n| sleeper(n % 10)).collect();
        let all: Vec<_> = many.iter().map(|it| it as _).collect();
        let mut seen = vec![0; many.len()];
        for number in iwait(&all, None) {
            seen[number] += 1;
        }
        assert!(seen.iter().all(|times| *times == 1));
    });
}

/// M2.35 gevent: the error at once, and the other is not ready
#[test]
fn get_all_fails_as_soon_as_one_does_and_the_others_go_on() {
    let ((), elapsed) = timed(|| {
        assert_eq!(get_all([3, 1, 2].map(sleeper).into()).unwrap(), [3, 1, 2]);
        let end = get_all(vec![sleeper(10), failing(), sleeper(5)]);
        assert!(failure(end).is::<Elapsed>());
    });
    assert_eq!(elapsed, ms(3));
}

/// M2.36 gevent: body, joiner, link1, link2; linked, late
#[test]
fn links_are_called_in_order_after_those_who_join() {
    let log = logged(|log| {
        let say = |word: &'static str| {
            let log = log.clone();
            move |_: Result<(), Failure>| log.say(word)
        };
        let body = log.clone();
        let greenlet = Rc::new(spawn(move || body.say("body")));
        greenlet.link(say("link1"));
        let (joined, said) = (Rc::clone(&greenlet), log.clone());
        drop(spawn(move || {
            joined.wait();
            said.say("joiner");
        }));
        greenlet.link(say("link2"));
        let unlinked = greenlet.link(say("unlinked"));
        greenlet.unlink(unlinked);
        sleep(ms(1));
        greenlet.link(say("late"));
        log.say("linked");
        sleep(ms(1));
    });
    assert_eq!(log, ["body", "joiner", "link1", "link2", "linked", "late"]);
}

/// M2.36 gevent: a value, b exc. A greenlet that was killed has no value here, and is no
/// failure: neither is called.
#[test]
fn there_are_links_for_values_and_for_failures() {
    let log = logged(|log| {
        let killed = sleeper(10);
        for (name, greenlet) in [("a", &sleeper(1)), ("b", &failing()), ("c", &killed)] {
            let said = log.clone();
            greenlet.link_value(move |n| said.say(format_args!("{name} {n}")));
            let said = log.clone();
            greenlet.link_exception(move |failure| {
                said.say(format_args!("{name} {failure}"));
            });
        }
        sleep(ms(0));
        killed.kill_and_wait();
        sleep(ms(5));
    });
    assert_eq!(log, ["b the time was up", "a 1"]);
}

/// A greenlet that waits in its destructor, and says so.
fn stubborn(log: &Log, n: u64) -> JoinHandle<()> {
    let said = log.clone();
    let greenlet = spawn(move || {
        let _cleanup = Finally(move || {
            sleep(ms(n));
            said.say("cleaned");
        });
        sleep(ms(1000));
    });
    sleep(ms(0));
    greenlet
}

/// M2.37 gevent: cleaned, after; and after alone when the time is up
#[test]
fn kill_can_wait_for_the_end_but_not_longer_than_one_likes() {
    let log = logged(|log| {
        stubborn(log, 10).kill_and_wait();
        log.say("after");
        let slow = stubborn(log, 100);
        assert!(!slow.kill_timeout(ms(10)));
        log.say("after");
        assert!(slow.wait_timeout(ms(100)));
        let other = sleeper(10);
        sleep(ms(0));
        other.kill_with(Elapsed);
        assert!(failure(other.join()).is::<Elapsed>());
        let unstarted = sleeper(10);
        unstarted.kill_and_wait();
        assert!(failure(unstarted.join()).is::<GreenletExit>());
    });
    assert_eq!(log, ["cleaned", "after", "after", "cleaned"]);
}

/// M2.37 gevent: a, b, c; all ready; `Timeout` for those that do not end
#[test]
fn kill_all_waits_until_all_have_ended() {
    let log = logged(|log| {
        let three = [1, 2, 3].map(|n| stubborn(log, n));
        assert_eq!(kill_all(&three, None), Ok(()));
        assert!(three.iter().all(JoinHandle::is_finished));
        log.say("all");
        assert_eq!(kill_all(&[sleeper(10), sleeper(10)], None), Ok(()), "unstarted");
        assert_eq!(kill_all([&stubborn(log, 50)], Some(ms(10))), Err(Elapsed));
    });
    // The last one is unwound with the loop.
    assert_eq!(log, ["cleaned", "cleaned", "cleaned", "all", "cleaned"]);
}

/// M2.38 gevent: later; and one that is killed before is ready, and never runs
#[test]
fn a_greenlet_can_begin_later_and_be_killed_before() {
    let log = logged(|log| {
        let said = log.clone();
        let later = spawn_later(ms(10), move || said.say("later"));
        sleep(ms(5));
        assert!(!later.is_finished());
        later.join().unwrap();
        let said = log.clone();
        let never = spawn_later(ms(10), move || said.say("never"));
        never.kill_and_wait();
        assert!(never.is_finished());
        sleep(ms(20));
    });
    assert_eq!(log, ["later"]);
    // Its timer is gone with it: nobody can wake this loop.
    let (end, elapsed) = clocked(|| {
        spawn_later(ms(10), || {}).kill_and_wait();
        Event::default().wait();
    });
    assert!(end.unwrap_err().to_string().contains("0 timers"));
    assert_eq!(elapsed, ms(0));
}

/// M2.39 gevent: 2, a, b, then 0; one that is spawned by another is waited for, too
#[test]
fn a_group_is_joined_when_all_have_ended_those_too_that_came_later() {
    let log = logged(|log| {
        let group = Group::default();
        let (theirs, said) = (group.clone(), log.clone());
        group.spawn(move || {
            sleep(ms(10));
            let last = said.clone();
            theirs.spawn(move || {
                sleep(ms(10));
                last.say("second");
            });
            said.say("first");
        });
        let killed = group.spawn(|| sleep(ms(1000)));
        sleep(ms(0));
        killed.kill_and_wait();
        log.say(group.len());
        group.join();
        log.say(group.len());
        group.spawn(|| sleep(ms(1000)));
        assert_eq!((group.kill(None), group.len()), (Ok(()), 0));
    });
    assert_eq!(log, ["1", "first", "second", "0"]);
}

/// M2.39
#[test]
fn a_group_and_a_pool_are_killed_with_all_that_are_in_them() {
    let ((), elapsed) = timed(|| {
        let (group, pool) = (Group::default(), Pool::new(2));
        let members = [group.spawn(|| sleep(ms(1000))), pool.spawn(|| sleep(ms(1000)))];
        sleep(ms(1));
        assert_eq!((group.len(), pool.len(), pool.free_count()), (1, 1, 1));
        assert_eq!((group.kill(None), pool.kill(None)), (Ok(()), Ok(())));
        assert!(group.is_empty() && pool.is_empty());
        assert!(members.iter().all(|it| it.failure().unwrap().is::<GreenletExit>()));
        let cleans_up = || {
            let _cleanup = Finally(|| sleep(ms(20)));
            sleep(ms(1000));
        };
        pool.spawn(cleans_up);
        sleep(ms(1));
        assert_eq!(pool.kill(Some(ms(10))), Err(Elapsed));
        pool.join();
    });
    assert_eq!(elapsed, ms(1 + 1 + 20));
}

/// M2.40
#[test]
fn where_a_pool_has_room_nobody_waits() {
    timed(|| {
        let pool = Pool::new(2);
        assert!(pool.wait_available(ms(10)));
        let first = pool.try_spawn(|| sleep(ms(10)));
        assert!(first.is_some() && pool.wait_available(ms(1)));
        assert_eq!((pool.len(), pool.free_count()), (1, 1));
        pool.spawn(|| sleep(ms(5)));
        assert!(pool.wait_available(ms(10)), "in time");
    });
}

/// M2.39 gevent: 0, then the error, then 2
#[test]
fn map_gives_results_in_order_and_the_first_failure_in_that_order() {
    let log = logged(|log| {
        let doubled = Group::default().map(0..3, |n| {
            sleep(ms(3 - n));
            2 * n
        });
        assert_eq!(doubled.unwrap(), [0, 2, 4]);
        for size in [1, 3] {
            let said = log.clone();
            let end = Pool::new(size).map(0..3, move |n| {
                if n == 1 {
                    failing().join().unwrap_or_else(|end| std::panic::resume_unwind(end));
                }
                sleep(ms(10 + 40 * n));
                said.say(n);
            });
            assert!(failure(end).is::<Elapsed>());
            log.say("failed");
            sleep(ms(100));
        }
    });
    assert_eq!(log, ["0", "failed", "2", "0", "failed", "2"]);
}

/// M2.40 gevent: spawned a, spawned b, +a, +b, -a, -b, spawned c, spawned d, ...
#[test]
fn a_full_pool_has_whoever_spawns_wait() {
    let log = logged(|log| {
        let pool = Pool::new(2);
        for letter in "abcd".chars() {
            let said = log.clone();
            pool.spawn(move || {
                said.say(format_args!("+{letter}"));
                sleep(ms(10));
                said.say(format_args!("-{letter}"));
            });
            log.say(letter);
        }
        assert!(pool.try_spawn(|| {}).is_none() && !pool.wait_available(ms(1)));
        pool.join();
        assert_eq!((pool.free_count(), pool.apply(|| 3).unwrap()), (2, 3));
    });
    assert_eq!(log.join(" "), "a b +a +b -a -b c d +c +d -c -d");
}

/// M2.40 Whoever is killed while it waits for room leaves it to the next.
#[test]
fn room_in_a_pool_is_not_lost() {
    timed(|| {
        let pool = Pool::new(1);
        let first = pool.spawn(|| sleep(ms(10)));
        let spawners = [(); 2].map(|()| {
            let pool = pool.clone();
            spawn(move || drop(pool.spawn(|| {})))
        });
        sleep(ms(1));
        spawners[0].kill();
        first.kill();
        sleep(ms(1));
        assert!(spawners[1].is_finished());
        pool.join();
        assert_eq!(pool.free_count(), 1);
    });
}

/// M2.41 gevent: False, False, a, b; main
#[test]
fn every_greenlet_has_its_own_of_a_local_and_drops_it_at_its_end() {
    let log = logged(|log| {
        let dropped = log.clone();
        let local = Rc::new(Local::new(move || {
            let dropped = dropped.clone();
            (Cell::new('-'), Finally(move || dropped.say("dropped")))
        }));
        local.with(|it| it.0.set('m'));
        let both = ['a', 'b'].map(|letter| {
            let (local, said) = (Rc::clone(&local), log.clone());
            spawn(move || {
                local.with(|it| said.say(it.0.replace(letter)));
                sleep(ms(0));
                local.with(|it| said.say(it.0.get()));
            })
        });
        for greenlet in both {
            greenlet.join().unwrap();
        }
        local.with(|it| log.say(it.0.get()));
    });
    assert_eq!(log.join(" "), "- - a b dropped dropped m dropped");
}

/// M2.41 It harms nobody else.
#[test]
fn a_local_that_panics_as_it_is_dropped_is_reported() {
    let (reports, log) = (Log::of_reports(), Log::default());
    let said = log.clone();
    timed(move || {
        let bomb = Local::new(|| Finally(|| panic!("went off")));
        let other = Local::new(move || {
            let said = said.clone();
            Finally(move || said.say("dropped"))
        });
        spawn(move || {
            bomb.with(|_| ());
            other.with(|_| ());
        })
        .join()
        .unwrap();
    });
    assert_eq!(log.take(), ["dropped"]);
    let [told] = &reports.take()[..] else { panic!("it is told once") };
    assert!(told.contains("went off"), "{told}");
}

/// M2.42 gevent: the error to the caller; True; 2, 3, 4
#[test]
fn a_call_on_another_thread_has_one_greenlet_wait_and_no_other() {
    in_time(|| {
        run(|| {
            let pool = Rc::new(ThreadPool::new(2));
            let ticks = Rc::new(Cell::new(0));
            let (counted, theirs) = (Rc::clone(&ticks), Rc::clone(&pool));
            let caller = spawn(move || theirs.apply(|| block(ms(30))));
            while !caller.is_finished() {
                sleep(ms(1));
                counted.set(counted.get() + 1);
            }
            assert!(ticks.get() > 3);
            let calls: Vec<_> = (1..=3).map(|n| pool.spawn(move || n + 1)).collect();
            assert_eq!(get_all(calls).unwrap(), [2, 3, 4]);
            let panic = pool.spawn(|| std::panic::resume_unwind(Box::new("no"))).join();
            assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"no"));
        })
        .unwrap();
    });
}

/// M2.42 gevent: killed, done
#[test]
fn a_call_goes_on_without_the_greenlet_that_made_it() {
    in_time(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&log);
        run(move || {
            let pool = Rc::new(ThreadPool::new(1));
            let (mine, calls) = (Arc::clone(&theirs), Rc::clone(&pool));
            let caller = spawn(move || {
                calls.apply(move || {
                    block(ms(20));
                    theirs.lock().unwrap().push("done");
                });
            });
            sleep(ms(5));
            caller.kill_and_wait();
            mine.lock().unwrap().push("killed");
            pool.apply(|| {}); // the one thread takes one after the other
        })
        .unwrap();
        assert_eq!(*log.lock().unwrap(), ["killed", "done"]);
    });
}

/// M2.42 It counts who is idle: two calls that wait for each other need two threads, however
/// many calls one thread has made before.
#[test]
fn a_pool_of_two_threads_makes_two_calls_at_once_after_it_was_idle() {
    in_time(|| {
        run(|| {
            let pool = ThreadPool::new(2);
            for _ in 0..3 {
                pool.apply(|| {});
                block(ms(5)); // the thread is idle then, most likely
            }
            let both = Arc::new(Barrier::new(2));
            let calls = [(); 2].map(|()| {
                let both = Arc::clone(&both);
                pool.spawn(move || both.wait().is_leader())
            });
            let leaders = calls.map(|it| it.join().unwrap());
            assert_ne!(leaders[0], leaders[1]);
        })
        .unwrap();
    });
}

/// M2.42
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
    in_time(|| {
        let (tell, ended) = mpsc::channel();
        run(move || {
            let pool = ThreadPool::new(1);
            pool.apply(move || drop(AT_THE_END.replace(Some(Tells(tell)))));
        })
        .unwrap();
        ended.recv().unwrap();
    });
}
