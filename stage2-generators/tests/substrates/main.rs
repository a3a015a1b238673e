//! What plays the generator makes no difference: one list of behaviours, and three times the
//! same functions. [`by_hand`] they are state machines, written out; at the [`door`] they are
//! async blocks; and those of the `compiler` are its own coroutines.
//!
//! The third needs a feature that is not stable. `cargo xtask substrates` runs this list with
//! it, and every other run of the tests without.

#![cfg_attr(feature = "coroutines", feature(coroutines, stmt_expr_attributes))]
#![allow(clippy::print_stderr, reason = "it says in which of three a test has failed")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod by_hand;
#[cfg(feature = "coroutines")]
mod compiler;
mod door;

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use stage2_generators::coroutine::{
    AlreadyRunning, AlreadyStarted, Finished, Generator, IgnoredExit, NotStarted,
    RaisedFinished, State, Step, Stepped,
};
use stage2_generators::failure::{Failure, on_report};

/// The functions, made of one of the three.
#[derive(Clone, Copy)]
struct Substrate {
    name: &'static str,
    /// Yields "1"; then what it was sent; returns what it was sent last.
    repeats: fn() -> Generator<String, String, String>,
    /// Calls that, yields 1, and returns "done". What it raises, it raises as well.
    calls: fn(Call) -> Generator<i32, (), &'static str>,
    /// Yields "a"; if an error is raised there, yields its text.
    catches: fn() -> Generator<String, (), ()>,
    /// Yields 1; if an error is raised there, returns its text.
    catches_and_returns: fn() -> Generator<i32, (), String>,
    /// Yields 1, and says "fin" however it goes on from there.
    says_fin: fn(Log) -> Generator<i32, (), ()>,
    /// Yields 1, and then 2, whatever is raised at the first.
    ignores_exit: fn() -> Generator<i32, (), ()>,
    /// Yields 1; if an error is raised there, raises `KeyError("in fin")` instead.
    fails_on_exit: fn() -> Generator<i32, (), ()>,
    /// Yields 1, says "cleanup" however it goes on from there, and then yields 2.
    cleans_up: fn(Log) -> Generator<i32, (), ()>,
}

type Call = Box<dyn Fn() -> Result<(), Failure>>;
type Log = Rc<RefCell<Vec<String>>>;

/// All there are.
fn substrates() -> Vec<Substrate> {
    vec![
        by_hand::SUBSTRATE,
        door::SUBSTRATE,
        #[cfg(feature = "coroutines")]
        compiler::SUBSTRATE,
    ]
}

/// Has `behaves` look at each.
#[track_caller]
fn each(behaves: impl Fn(Substrate)) {
    for substrate in substrates() {
        let name = substrate.name;
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| behaves(substrate))) {
            eprintln!("this was {name}");
            resume_unwind(panic);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError: {}", self.0)
    }
}

impl Error for KeyError {}

/// Says something when it is dropped: Python's `finally`.
struct Finally(Log, &'static str);

impl Drop for Finally {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1.to_owned());
    }
}

fn is<E: Error + 'static, T: fmt::Debug>(result: Result<T, Failure>) -> bool {
    result.unwrap_err().is::<E>()
}

#[track_caller]
fn yields<Y: PartialEq + fmt::Debug, R: fmt::Debug>(step: Stepped<Y, R>, value: Y) {
    assert!(matches!(step.unwrap(), Step::Yield(it) if it == value));
}

#[track_caller]
fn returns<Y: fmt::Debug, R: PartialEq + fmt::Debug>(step: Stepped<Y, R>, value: R) {
    assert!(matches!(step.unwrap(), Step::Return(it) if it == value));
}

/// One that does nothing but yield and return.
fn plain(it: Substrate) -> Generator<i32, (), &'static str> {
    (it.calls)(Box::new(|| Ok(())))
}

/// M3.01, M3.19
#[test]
fn creating_runs_nothing_and_its_state_can_be_seen() {
    each(|it| {
        let (log, seen) =
            (Log::default(), Rc::new(RefCell::new(None::<Rc<Generator<_, _, _>>>)));
        let (said, inside) = (Rc::clone(&log), Rc::clone(&seen));
        let generator = Rc::new((it.calls)(Box::new(move || {
            let state = inside.borrow().as_ref().unwrap().state();
            said.borrow_mut().push(format!("{state:?}"));
            Ok(())
        })));
        seen.replace(Some(Rc::clone(&generator)));
        assert_eq!((generator.state(), log.borrow().len()), (State::Created, 0));
        yields(generator.start(), 1);
        assert_eq!(
            (generator.state(), log.take()),
            (State::Suspended, vec!["Running".into()])
        );
        returns(generator.next(), "done");
        assert_eq!(generator.state(), State::Closed);
        seen.take();
    });
}

/// M3.02
#[test]
fn the_value_that_is_sent_is_the_value_of_the_yield() {
    each(|it| {
        let generator = (it.repeats)();
        yields(generator.next(), "1".into());
        yields(generator.resume("A".into()), "got A".into());
        returns(generator.resume("B".into()), "end B".into());
    });
}

/// M3.03
#[test]
fn a_value_sent_to_a_fresh_generator_is_refused_and_it_stays_fresh() {
    each(|it| {
        let generator = plain(it);
        assert!(is::<NotStarted, _>(generator.resume(())));
        yields(generator.start(), 1);
        assert!(is::<AlreadyStarted, _>(generator.start()));
        returns(generator.next(), "done");
    });
}

/// M3.04, M3.08
#[test]
fn the_return_value_comes_once_and_then_it_is_finished() {
    each(|it| {
        let generator = plain(it);
        yields(generator.next(), 1);
        returns(generator.next(), "done");
        assert!(is::<Finished, _>(generator.next()));
        assert!(is::<Finished, _>(generator.next()));
        assert!(is::<KeyError, _>(generator.throw(KeyError("k"))));
    });
}

/// M3.05
#[test]
fn an_error_thrown_in_may_be_caught_and_the_next_yield_is_what_throw_gives() {
    each(|it| {
        let generator = (it.catches)();
        yields(generator.start(), "a".into());
        yields(generator.throw(KeyError("b")), "caught KeyError: b".into());
        returns(generator.next(), ());
    });
}

/// M3.06, M3.16, M3.18
#[test]
fn an_error_that_is_not_caught_comes_out_and_ends_the_generator() {
    each(|it| {
        let thrown = plain(it);
        thrown.start().unwrap();
        assert!(is::<KeyError, _>(thrown.throw(KeyError("k"))));
        assert!(is::<Finished, _>(thrown.next()));
        let raised = (it.calls)(Box::new(|| Err(KeyError("k").into())));
        assert!(is::<KeyError, _>(raised.next()));
        assert!(is::<Finished, _>(raised.next()));
        let finished = plain(it);
        finished.start().unwrap();
        assert!(is::<RaisedFinished, _>(finished.throw(Finished)));
    });
}

/// M3.07
#[test]
fn an_error_thrown_into_a_fresh_generator_ends_it_before_it_begins() {
    each(|it| {
        let generator = (it.calls)(Box::new(|| panic!("it runs")));
        assert!(is::<KeyError, _>(generator.throw(KeyError("k"))));
        assert!(is::<Finished, _>(generator.next()));
    });
}

/// M3.09, M3.17
#[test]
fn a_close_or_a_drop_runs_what_cleans_up_once_and_nothing_of_a_fresh_one() {
    each(|it| {
        let log = Log::default();
        (it.says_fin)(Rc::clone(&log)).close().unwrap();
        drop((it.says_fin)(Rc::clone(&log)));
        assert!(log.borrow().is_empty());
        let generator = (it.says_fin)(Rc::clone(&log));
        generator.start().unwrap();
        generator.close().unwrap();
        generator.close().unwrap();
        assert_eq!(log.take(), ["fin"]);
        assert!(is::<Finished, _>(generator.next()));
        let dropped = (it.says_fin)(Rc::clone(&log));
        dropped.start().unwrap();
        drop(dropped);
        assert_eq!(log.take(), ["fin"]);
    });
}

/// M3.10, M3.24
#[test]
fn an_exit_or_an_error_that_is_caught_may_be_followed_by_a_return() {
    each(|it| {
        let closed = (it.catches_and_returns)();
        yields(closed.start(), 1);
        closed.close().unwrap();
        let thrown = (it.catches_and_returns)();
        yields(thrown.start(), 1);
        returns(thrown.throw(KeyError("k")), "KeyError: k".into());
    });
}

/// M3.11, M3.12, M3.17
#[test]
fn what_goes_wrong_in_a_close_comes_out_of_it_and_in_a_drop_is_reported() {
    each(|it| {
        let reported = Log::default();
        let hook = Rc::clone(&reported);
        on_report(move |what| hook.borrow_mut().push(what.to_owned()));
        let [ignores, fails] = [it.ignores_exit, it.fails_on_exit].map(|make| {
            let [closed, dropped] = [make(), make()];
            yields(closed.start(), 1);
            yields(dropped.start(), 1);
            drop(dropped);
            closed.close()
        });
        assert!(is::<IgnoredExit, _>(ignores) && is::<KeyError, _>(fails));
        let told = ["the generator ignored GeneratorExit", "KeyError: in fin"];
        let told = told.map(|text| format!("Error while a generator was closed: {text}"));
        assert_eq!(reported.take(), told);
    });
}

/// M3.13
#[test]
fn a_generator_that_resumes_itself_is_already_running() {
    each(|it| {
        let cell = Rc::new(RefCell::new(None::<Rc<Generator<_, _, _>>>));
        let inside = Rc::clone(&cell);
        let generator = Rc::new((it.calls)(Box::new(move || {
            let this = inside.borrow().clone().unwrap();
            assert!(is::<AlreadyRunning, _>(this.next()));
            assert!(is::<AlreadyRunning, _>(this.close()));
            Ok(())
        })));
        cell.replace(Some(Rc::clone(&generator)));
        yields(generator.next(), 1);
        cell.take();
    });
}

/// M3.14, M3.15
#[test]
fn somebody_elses_finished_does_not_end_a_generator_as_if_it_had_returned() {
    each(|it| {
        let generator = (it.calls)(Box::new(move || {
            let empty = plain(it);
            while !matches!(empty.next()?, Step::Return(_)) {}
            empty.next().map(drop)
        }));
        let failure = generator.next().unwrap_err();
        assert!(failure.is::<RaisedFinished>());
        assert_eq!(failure.source().unwrap().to_string(), Finished.to_string());
    });
}

/// M3.20, M3.23
#[test]
fn a_for_loop_sees_its_yields_and_a_cleanup_in_the_middle_runs_once() {
    each(|it| {
        let log = Log::default();
        let all: Result<Vec<_>, _> = (it.cleans_up)(Rc::clone(&log)).yields().collect();
        assert_eq!((all.unwrap(), log.take()), (vec![1, 2], vec!["cleanup".into()]));
        let all: Result<Vec<_>, _> = plain(it).yields().collect();
        assert_eq!(all.unwrap(), [1]);
    });
}
