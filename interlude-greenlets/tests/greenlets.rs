//! Greenlets without a loop. The ids name the behaviours of Python's greenlet that are
//! recorded from a real run of it; what is expected here is what it answered.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use interlude_greenlets::extras::errors::{CyclicParent, Panicked, WrongMessage};
use interlude_greenlets::{Failure, Greenlet, GreenletExit, current};

/// What is thrown about here.
#[derive(Debug)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for KeyError {}

/// A list that greenlets and guards write to.
type Log = Rc<RefCell<Vec<String>>>;

fn say(log: &Log, text: impl fmt::Display) {
    log.borrow_mut().push(text.to_string());
}

/// What Python writes in a `finally`.
struct Finally<F: FnMut()>(F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// A greenlet that waits in a switch to whoever made it, and then returns.
fn waiting() -> Greenlet {
    let main = current();
    let greenlet = Greenlet::new(move |()| main.switch::<(), ()>(()));
    greenlet.switch::<(), ()>(()).expect("it switches back");
    greenlet
}

/// M2.01
#[test]
fn the_first_message_is_the_argument_and_a_later_one_the_result_of_the_switch() {
    let out = Rc::new(RefCell::new(Vec::new()));
    let (main, seen) = (current(), Rc::clone(&out));
    let greenlet = Greenlet::new(move |a: i32| {
        seen.borrow_mut().push(a);
        let b: i32 = main.switch(10)?;
        seen.borrow_mut().push(b);
        Ok("ret")
    });
    let ten: i32 = greenlet.switch(1).unwrap();
    out.borrow_mut().push(ten);
    let end: &str = greenlet.switch(2).unwrap();
    assert_eq!((out.take(), end), (vec![1, 10, 2], "ret"));
}

/// M2.02
#[test]
fn a_message_is_one_value_of_any_type_a_tuple_or_nothing() {
    let out = Log::default();
    let (main, log) = (current(), Rc::clone(&out));
    let greenlet = Greenlet::new(move |(a, b): (i32, i32)| {
        say(&log, format_args!("{:?}", (a, b)));
        say(&log, format_args!("{:?}", main.switch::<(), ()>(())?));
        say(&log, format_args!("{:?}", main.switch::<(), (i32, i32)>(())?));
        say(&log, main.switch::<(), &str>(())?);
        Ok(())
    });
    greenlet.switch::<_, ()>((1, 2)).unwrap();
    greenlet.switch::<_, ()>(()).unwrap();
    greenlet.switch::<_, ()>((3, 4)).unwrap();
    greenlet.switch::<_, ()>("one").unwrap();
    assert_eq!(out.take(), ["(1, 2)", "()", "(3, 4)", "one"]);
}

#[test]
fn a_message_of_another_type_than_expected_is_an_error_that_names_both() {
    let greenlet = Greenlet::new(|text: &str| Ok(text.len()));
    let error = greenlet.switch::<i32, usize>(1).unwrap_err();
    assert!(error.is::<WrongMessage>());
    assert_eq!(error.to_string(), "a message of type i32 came to who waits for a &str");
    assert!(greenlet.is_dead());
}

/// M2.03
#[test]
fn a_greenlet_is_unstarted_then_active_then_dead() {
    let flags = |greenlet: &Greenlet| (greenlet.is_active(), greenlet.is_dead());
    let inside = Rc::new(Cell::new(None));
    let (main, seen) = (current(), Rc::clone(&inside));
    let greenlet = Greenlet::new(move |()| {
        seen.set(Some(flags(&current())));
        main.switch::<(), ()>(())
    });
    assert_eq!(flags(&greenlet), (false, false));
    assert_eq!(format!("{greenlet:?}"), "Greenlet(unstarted)");
    greenlet.switch::<(), ()>(()).unwrap();
    assert_eq!(inside.get(), Some((true, false)));
    assert_eq!(flags(&greenlet), (true, false));
    assert_eq!(format!("{greenlet:?}"), "Greenlet(active)");
    greenlet.switch::<(), ()>(()).unwrap();
    assert_eq!(flags(&greenlet), (false, true));
    assert_eq!(format!("{greenlet:?}"), "Greenlet(dead)");
}

/// M2.04
#[test]
fn to_switch_to_a_dead_greenlet_gives_the_message_back_at_once() {
    let greenlet = Greenlet::new(|()| Ok(1));
    greenlet.switch::<(), i32>(()).unwrap();
    assert_eq!(greenlet.switch::<_, &str>("v").unwrap(), "v");
    greenlet.switch::<_, ()>(()).unwrap();
    assert_eq!(greenlet.switch::<_, (i32, i32)>((1, 2)).unwrap(), (1, 2));
}

/// M2.05
#[test]
fn an_error_that_nobody_caught_comes_out_of_the_parents_switch() {
    let greenlet = Greenlet::new(|()| -> Result<(), _> { Err(KeyError("x").into()) });
    let error = greenlet.switch::<(), ()>(()).unwrap_err();
    assert_eq!(error.get::<KeyError>().unwrap().0, "x");
    assert!(greenlet.is_dead());
}

/// M2.05
#[test]
fn a_panic_comes_out_of_the_parents_switch_as_a_failure() {
    let greenlet = Greenlet::new(|()| -> Result<(), _> { panic!("a planted {}", 7) });
    let error = greenlet.switch::<(), ()>(()).unwrap_err();
    assert!(error.is::<Panicked>());
    assert_eq!(error.to_string(), "a greenlet panicked: a planted 7");
    assert!(greenlet.is_dead());
}

/// M2.06
#[test]
fn what_is_thrown_is_raised_at_the_pending_switch_and_may_be_caught() {
    let main = current();
    let greenlet = Greenlet::new(move |()| match main.switch::<_, ()>("ready") {
        Err(error) if error.is::<KeyError>() => Ok(format!("caught {error}")),
        _ => Ok("nothing".into()),
    });
    assert_eq!(greenlet.switch::<_, &str>(()).unwrap(), "ready");
    assert_eq!(greenlet.throw::<String>(KeyError("boom")).unwrap(), "caught boom");
    assert!(greenlet.is_dead());
}

/// M2.07
#[test]
fn greenlet_exit_ends_it_after_its_finally_and_is_an_ordinary_value_for_the_parent() {
    let out = Log::default();
    let (main, log) = (current(), Rc::clone(&out));
    let greenlet = Greenlet::new(move |()| {
        let _finally = Finally(|| say(&log, "fin"));
        main.switch::<(), ()>(())
    });
    greenlet.switch::<(), ()>(()).unwrap();
    assert_eq!(greenlet.throw::<GreenletExit>(GreenletExit).unwrap(), GreenletExit);
    assert!(greenlet.is_dead());
    assert_eq!(out.take(), ["fin"]);
}

/// M2.08
#[test]
fn to_throw_into_an_unstarted_one_ends_it_before_it_begins() {
    let ran = Rc::new(Cell::new(false));
    let seen = Rc::clone(&ran);
    let greenlet = Greenlet::new(move |()| {
        seen.set(true);
        Ok(())
    });
    assert!(greenlet.throw::<()>(KeyError("k")).unwrap_err().is::<KeyError>());
    assert!(greenlet.is_dead());
    assert!(!ran.get());
    assert_eq!(Rc::strong_count(&ran), 1, "the body is dropped with all it captured");
}

/// M2.09
#[test]
fn greenlet_exit_thrown_into_an_unstarted_one_comes_back_as_a_value() {
    let greenlet = Greenlet::new(|()| Ok(1));
    assert_eq!(greenlet.throw::<GreenletExit>(GreenletExit).unwrap(), GreenletExit);
    assert!(greenlet.is_dead());
}

/// M2.10
#[test]
fn to_throw_into_a_dead_one_raises_at_its_parent_and_greenlet_exit_comes_back() {
    let greenlet = Greenlet::new(|()| Ok(1));
    greenlet.switch::<(), i32>(()).unwrap();
    assert!(greenlet.throw::<()>(KeyError("k")).unwrap_err().is::<KeyError>());
    assert_eq!(greenlet.throw::<GreenletExit>(GreenletExit).unwrap(), GreenletExit);
}

/// M2.11
#[test]
fn the_parent_is_who_made_it_and_gets_its_end_whoever_switched_to_it() {
    let out = Log::default();
    let log = Rc::clone(&out);
    let two = Greenlet::new(move |()| {
        say(&log, "b");
        Ok("b-ret")
    });
    assert_eq!(two.parent(), Some(current()));
    let log = Rc::clone(&out);
    let one = Greenlet::new(move |()| {
        two.switch::<(), ()>(())?;
        say(&log, "a resumed");
        Ok(())
    });
    say(&out, one.switch::<(), &str>(()).unwrap());
    say(&out, one.is_dead());
    one.switch::<(), ()>(()).unwrap();
    assert_eq!(out.take(), ["b", "b-ret", "false", "a resumed"]);
}

/// M2.12
#[test]
fn with_another_parent_the_end_goes_to_that() {
    let out = Log::default();
    let log = Rc::clone(&out);
    let child = Greenlet::new(|()| Ok("child"));
    let wanted = child.clone();
    let parent = Greenlet::new(move |()| {
        say(&log, format_args!("p got {}", wanted.switch::<(), &str>(())?));
        Ok("p done")
    });
    child.set_parent(&parent).unwrap();
    say(&out, parent.switch::<(), &str>(()).unwrap());
    assert_eq!(out.take(), ["p got child", "p done"]);
}

/// M2.13
#[test]
fn a_cycle_of_parents_is_refused() {
    let one = Greenlet::new(|()| Ok(()));
    let two = Greenlet::new(|()| Ok(()));
    two.set_parent(&one).unwrap();
    assert_eq!(one.set_parent(&two), Err(CyclicParent));
    assert_eq!(one.set_parent(&one), Err(CyclicParent));
    assert_eq!(current().set_parent(&one), Err(CyclicParent));
    assert_eq!(one.parent(), Some(current()), "nothing has changed");
}

// M2.14 is the doctest of `Greenlet` that does not compile.

/// M2.15
#[test]
fn when_its_last_handle_is_dropped_its_stack_is_unwound_and_finally_runs() {
    let out = Log::default();
    let (main, log) = (current(), Rc::clone(&out));
    let greenlet = Greenlet::new(move |()| {
        let _finally = Finally(|| say(&log, "fin"));
        let _except = Finally(|| {
            if thread::panicking() {
                say(&log, "exit");
            }
        });
        main.switch::<(), ()>(())
    });
    greenlet.switch::<(), ()>(()).unwrap();
    let other = greenlet.clone();
    drop(greenlet);
    assert!(out.borrow().is_empty(), "there is another handle");
    drop(other);
    assert_eq!(out.take(), ["exit", "fin"]);
}

/// M2.15
#[test]
fn a_greenlet_is_unwound_from_the_stack_of_another_and_is_the_current_one_meanwhile() {
    let seen = Rc::new(Cell::new(None));
    let (main, out) = (current(), Rc::clone(&seen));
    let dropped = Greenlet::new(move |()| {
        let me = current() == main;
        let _finally = Finally(|| out.set(Some((me, current() == main))));
        main.switch::<(), ()>(())
    });
    dropped.switch::<(), ()>(()).unwrap();
    let dropping = Greenlet::new(move |()| {
        drop(dropped);
        Ok(current())
    });
    let who: Greenlet = dropping.switch(()).unwrap();
    assert_eq!(seen.get(), Some((false, false)));
    assert_eq!(who, dropping, "the one that dropped is the current one again");
}

/// M2.15
#[test]
fn a_destructor_that_switches_while_its_stack_is_unwound_is_told_to_exit() {
    let seen = Rc::new(Cell::new(None));
    let (main, out) = (current(), Rc::clone(&seen));
    let greenlet = Greenlet::new(move |()| {
        let again = main.clone();
        let _finally = Finally(|| {
            let error = again.switch::<(), ()>(()).unwrap_err();
            out.set(Some(error.is::<GreenletExit>()));
        });
        main.switch::<(), ()>(())
    });
    greenlet.switch::<(), ()>(()).unwrap();
    drop(greenlet);
    assert_eq!(seen.get(), Some(true));
}

/// M2.15: a real greenlet raises its exit once, reports that this "did not kill" the
/// greenlet, and leaves it as it is.
#[test]
fn a_body_that_swallows_its_unwinding_and_switches_again_is_left_there() {
    let out = Log::default();
    let (main, log) = (current(), Rc::clone(&out));
    let greenlet = Greenlet::new(move |()| {
        let _finally = Finally(|| say(&log, "fin"));
        for attempt in 1..=2 {
            let wait = || main.switch::<(), ()>(());
            if catch_unwind(AssertUnwindSafe(wait)).is_err() {
                say(&log, attempt);
            }
        }
        Ok(())
    });
    greenlet.switch::<(), ()>(()).unwrap();
    drop(greenlet);
    assert_eq!(out.take(), ["1"]);
    assert_eq!(current().parent(), None, "and main is still main");
}

/// M2.16
#[test]
fn the_current_greenlet_is_the_one_that_runs_and_main_has_no_parent() {
    let main = current();
    let greenlet = Greenlet::new(|()| Ok(current()));
    let inside: Greenlet = greenlet.switch(()).unwrap();
    assert_eq!(inside, greenlet);
    assert_ne!(inside, main);
    assert_eq!(current(), main);
    assert_eq!(main.parent(), None);
}

/// M2.17
#[test]
fn it_stops_fifty_plain_calls_deep_and_goes_on_there() {
    fn deep(n: i32, main: &Greenlet) -> Result<i32, Failure> {
        if n == 0 { main.switch(n) } else { Ok(deep(n - 1, main)? + 1) }
    }
    let main = current();
    let greenlet = Greenlet::new(move |()| deep(50, &main));
    let first: i32 = greenlet.switch(()).unwrap();
    let second: i32 = greenlet.switch(100).unwrap();
    assert_eq!((first, second), (0, 150));
}

/// M2.18
#[test]
fn to_switch_to_oneself_gives_the_message_back_at_once() {
    assert_eq!(current().switch::<_, &str>("self").unwrap(), "self");
    let greenlet = Greenlet::new(|()| current().switch::<i32, i32>(7));
    assert_eq!(greenlet.switch::<(), i32>(()).unwrap(), 7);
}

/// M2.19
#[test]
fn a_generator_can_be_built_on_switches() {
    let consumer = current();
    let producer = Greenlet::new(move |()| {
        for i in 1..=3 {
            consumer.switch::<_, ()>(Some(i))?;
        }
        Ok(None::<i32>)
    });
    let next = || producer.switch::<(), Option<i32>>(()).unwrap();
    assert_eq!(std::iter::from_fn(next).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(producer.is_dead());
}

/// M2.20
#[test]
fn two_that_switch_to_each_other_take_turns() {
    let out = Log::default();
    let others: [Rc<RefCell<Option<Greenlet>>>; 2] = Default::default();
    let player = |name: &'static str, other: &Rc<RefCell<Option<Greenlet>>>| {
        let (log, other) = (Rc::clone(&out), Rc::clone(other));
        Greenlet::new(move |()| {
            let other = other.take().expect("it is set before the game begins");
            for i in 0..3 {
                say(&log, format_args!("{name}{i}"));
                other.switch::<(), ()>(())?;
            }
            Ok(())
        })
    };
    let (a, b) = (player("a", &others[0]), player("b", &others[1]));
    others[0].replace(Some(b.clone()));
    others[1].replace(Some(a.clone()));
    a.switch::<(), ()>(()).unwrap();
    assert_eq!(*out.borrow(), ["a0", "b0", "a1", "b1", "a2", "b2"]);
}

#[test]
fn what_a_child_dies_of_reaches_the_nearest_ancestor_that_is_alive() {
    let main = current();
    let middle = waiting();
    let child = Greenlet::new(move |()| {
        main.switch::<(), ()>(())?;
        Err::<(), _>(KeyError("late").into())
    });
    child.set_parent(&middle).unwrap();
    child.switch::<(), ()>(()).unwrap();
    middle.switch::<(), ()>(()).unwrap();
    assert!(middle.is_dead());
    assert!(child.switch::<(), ()>(()).unwrap_err().is::<KeyError>());
}

#[test]
fn a_thousand_wait_at_once_and_each_goes_on_where_it_was() {
    let greenlets: Vec<_> = (0..1_000).map(|_| waiting()).collect();
    assert!(greenlets.iter().all(Greenlet::is_active));
    for greenlet in &greenlets {
        greenlet.switch::<(), ()>(()).unwrap();
    }
    assert!(greenlets.iter().all(Greenlet::is_dead));
}

#[test]
fn a_thread_that_ends_unwinds_what_it_left_suspended() {
    thread_local!(static LEFT: RefCell<Option<Greenlet>> = const { RefCell::new(None) });
    // The destructors of a thread's variables run in the order of their first use, or in
    // the opposite one: whichever comes first, the greenlet or the record of the current.
    for left_first in [true, false] {
        let (tell, told) = std::sync::mpsc::channel();
        let thread = thread::spawn(move || {
            if left_first {
                LEFT.set(None);
            }
            let main = current();
            let greenlet = Greenlet::new(move |()| {
                let _finally = Finally(|| tell.send("unwound").unwrap());
                main.switch::<(), ()>(())
            });
            greenlet.switch::<(), ()>(()).unwrap();
            LEFT.set(Some(greenlet));
        });
        thread.join().unwrap();
        assert_eq!(told.recv().unwrap(), "unwound");
    }
}
