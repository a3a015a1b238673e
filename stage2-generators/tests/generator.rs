//! Generators against what CPython answered. The ids are those of the list of behaviours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use stage2_generators::coroutine::{
    AlreadyRunning, AlreadyStarted, Body, Finished, ForeignAwait, Generator,
    GeneratorExit, IgnoredExit, NotStarted, RaisedFinished, Resume, State, Step, Stepped,
};
use stage2_generators::failure::{Failure, on_report};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError: {}", self.0)
    }
}

impl Error for KeyError {}

type Log = Rc<RefCell<Vec<String>>>;

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

fn yielded<Y, R: fmt::Debug>(step: Stepped<Y, R>) -> Y {
    match step.unwrap() {
        Step::Yield(value) => value,
        Step::Return(value) => panic!("it returned {value:?}"),
    }
}

fn returned<Y: fmt::Debug, R>(step: Stepped<Y, R>) -> R {
    match step.unwrap() {
        Step::Yield(value) => panic!("it yielded {value:?}"),
        Step::Return(value) => value,
    }
}

/// A generator that yields 1 and says `fin` at its end, whichever that is.
fn with_finally(log: &Log) -> Generator<i32, (), ()> {
    let log = Rc::clone(log);
    Generator::new(|co| async move {
        let _finally = Finally(log, "fin");
        co.yield_(1).await
    })
}

/// M3.01
#[test]
fn creating_runs_nothing_and_the_first_resume_begins() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        said.borrow_mut().push("s".into());
        co.yield_(1).await
    });
    assert!(log.borrow().is_empty());
    generator.start().unwrap();
    assert_eq!(*log.borrow(), ["s"]);
}

/// M3.02
#[test]
fn the_value_that_is_sent_is_the_value_of_the_yield() {
    let generator = Generator::new(|co| async move {
        let first: String = co.yield_("1".to_owned()).await?;
        let second = co.yield_(format!("got {first}")).await?;
        Ok(format!("end {second}"))
    });
    assert_eq!(yielded(generator.next()), "1");
    assert_eq!(yielded(generator.resume("A".into())), "got A");
    assert_eq!(returned(generator.resume("B".into())), "end B");
}

/// M3.03
#[test]
fn a_value_sent_to_a_fresh_generator_is_refused_and_it_stays_fresh() {
    let generator = Generator::<i32, i32, ()>::new(|co| async move {
        co.yield_(1).await?;
        Ok(())
    });
    assert!(is::<NotStarted, _>(generator.resume(5)));
    assert_eq!(generator.state(), State::Created);
    assert_eq!(yielded(generator.start()), 1);
    assert!(is::<AlreadyStarted, _>(generator.start()));
}

/// M3.04
#[test]
fn the_return_value_comes_once_and_then_it_is_finished() {
    let generator = Generator::<i32, (), i32>::new(|_| async { Ok(7) });
    assert_eq!(returned(generator.next()), 7);
    assert!(is::<Finished, _>(generator.next()));
    assert!(is::<Finished, _>(generator.next()));
}

/// M3.05
#[test]
fn an_error_thrown_in_may_be_caught_and_the_next_yield_is_what_throw_gives() {
    let generator = Generator::<&str, (), ()>::new(|co| async move {
        let caught = co.yield_("a").await.unwrap_err();
        assert_eq!(caught.get(), Some(&KeyError("b")));
        co.yield_("caught b").await
    });
    generator.start().unwrap();
    assert_eq!(yielded(generator.throw(KeyError("b"))), "caught b");
    returned(generator.next());
}

/// M3.06, M3.18
#[test]
fn an_error_that_is_not_caught_comes_out_and_ends_the_generator() {
    let generator = Generator::<i32, (), ()>::new(|co| async move { co.yield_(1).await });
    generator.start().unwrap();
    assert!(is::<KeyError, _>(generator.throw(KeyError("k"))));
    assert!(is::<Finished, _>(generator.next()));

    let raising = Generator::<i32, (), ()>::new(|_| async { Err(KeyError("k").into()) });
    assert!(is::<KeyError, _>(raising.next()));
    assert!(is::<Finished, _>(raising.next()));
}

/// M3.07
#[test]
fn an_error_thrown_into_a_fresh_generator_ends_it_before_it_begins() {
    let ran = Rc::new(Cell::new(false));
    let running = Rc::clone(&ran);
    let generator = Generator::<i32, (), ()>::new(|_| async move {
        running.set(true);
        Ok(())
    });
    assert!(is::<KeyError, _>(generator.throw(KeyError("k"))));
    assert!(is::<Finished, _>(generator.next()));
    assert!(!ran.get());
}

/// M3.08
#[test]
fn an_error_thrown_into_a_finished_generator_comes_back() {
    let generator = Generator::<i32, (), ()>::new(|_| async { Ok(()) });
    generator.next().unwrap();
    assert!(is::<KeyError, _>(generator.throw(KeyError("k"))));
}

/// M3.09
#[test]
fn close_runs_what_cleans_up_once_and_nothing_of_a_fresh_generator() {
    let log = Log::default();
    let fresh = with_finally(&log);
    fresh.close().unwrap();
    assert!(log.borrow().is_empty());
    assert!(is::<Finished, _>(fresh.next()));

    let suspended = with_finally(&log);
    suspended.start().unwrap();
    suspended.close().unwrap();
    suspended.close().unwrap();
    assert_eq!(log.take(), ["fin"]);
    assert!(is::<Finished, _>(suspended.next()));
}

/// M3.10
#[test]
fn close_raises_generator_exit_and_a_quiet_return_is_fine() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        if let Err(failure) = co.yield_(1).await {
            said.borrow_mut().push(failure.to_string());
        }
        Ok(())
    });
    generator.start().unwrap();
    generator.close().unwrap();
    assert_eq!(log.take(), [GeneratorExit.to_string()]);
}

/// M3.11
#[test]
fn a_yield_while_closing_is_an_error_of_close() {
    let reported = reports();
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        let _ignored = co.yield_(1).await;
        let _ignored = co.yield_(2).await;
        Ok(())
    });
    generator.start().unwrap();
    assert!(is::<IgnoredExit, _>(generator.close()));
    drop(generator);
    assert!(reported.borrow().is_empty(), "the second exit it let pass");
}

/// M3.12
#[test]
fn another_error_while_closing_comes_out_of_close() {
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        let _exit = co.yield_(1).await;
        Err(KeyError("in fin").into())
    });
    generator.start().unwrap();
    assert!(is::<KeyError, _>(generator.close()));
}

/// M3.13
#[test]
fn a_generator_that_resumes_itself_is_already_running() {
    let cell = Rc::new(RefCell::new(None::<Rc<Generator<i32, (), ()>>>));
    let inside = Rc::clone(&cell);
    let generator = Rc::new(Generator::new(|co| async move {
        let this = inside.borrow().clone().unwrap();
        assert_eq!(this.state(), State::Running);
        assert!(is::<AlreadyRunning, _>(this.next()));
        assert!(is::<AlreadyRunning, _>(this.close()));
        co.yield_(1).await
    }));
    cell.replace(Some(Rc::clone(&generator)));
    assert_eq!(yielded(generator.next()), 1);
    cell.take();
}

/// M3.14, M3.15: "finished" is an answer. It may not end somebody else (PEP 479).
#[test]
fn somebody_elses_finished_does_not_end_a_generator_as_if_it_had_returned() {
    let generator = Generator::<i32, (), ()>::new(|_| async {
        let empty = Generator::<i32, (), ()>::new(|_| async { Ok(()) });
        empty.next()?;
        empty.next()?;
        Ok(())
    });
    let failure = generator.next().unwrap_err();
    assert!(failure.is::<RaisedFinished>());
    assert_eq!(failure.source().unwrap().to_string(), Finished.to_string());
}

/// M3.16
#[test]
fn finished_thrown_in_and_not_caught_is_an_error_as_well() {
    let generator = Generator::<i32, (), ()>::new(|co| async move { co.yield_(1).await });
    generator.start().unwrap();
    assert!(is::<RaisedFinished, _>(generator.throw(Finished)));
}

fn reports() -> Log {
    let log = Log::default();
    let hook = Rc::clone(&log);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    log
}

/// M3.17: what goes wrong while dropping is reported, never thrown.
#[test]
fn dropping_a_suspended_generator_closes_it() {
    let (log, reported) = (Log::default(), reports());
    let generator = with_finally(&log);
    generator.start().unwrap();
    drop(generator);
    assert_eq!(log.take(), ["fin"]);
    let failing = Generator::<i32, (), ()>::new(|co| async move {
        let _exit = co.yield_(1).await;
        Err(KeyError("late").into())
    });
    failing.start().unwrap();
    drop(failing);
    assert_eq!(reported.take(), ["Error while a generator was closed: KeyError: late"]);
}

/// M3.19
#[test]
fn its_state_can_be_seen() {
    let seen = Rc::new(RefCell::new(None::<Rc<Generator<i32, (), State>>>));
    let inside = Rc::clone(&seen);
    let generator = Rc::new(Generator::new(|co| async move {
        let running = inside.borrow().as_ref().unwrap().state();
        co.yield_(1).await?;
        Ok(running)
    }));
    seen.replace(Some(Rc::clone(&generator)));
    assert_eq!(generator.state(), State::Created);
    generator.start().unwrap();
    assert_eq!(generator.state(), State::Suspended);
    assert_eq!(returned(generator.next()), State::Running);
    assert_eq!(generator.state(), State::Closed);
    seen.take();
}

/// M3.20
#[test]
fn a_for_loop_ignores_the_return_value() {
    let generator = Generator::<i32, (), &str>::new(|co| async move {
        co.yield_(1).await?;
        co.yield_(2).await?;
        Ok("ignored")
    });
    let all: Result<Vec<_>, _> = generator.yields().collect();
    assert_eq!(all.unwrap(), [1, 2]);
}

/// M3.23
#[test]
fn a_cleanup_in_the_middle_runs_once_and_the_generator_goes_on() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        {
            let _finally = Finally(said, "cleanup");
            co.yield_(1).await?;
        }
        co.yield_(2).await
    });
    let all: Result<Vec<_>, _> = generator.yields().collect();
    assert_eq!(all.unwrap(), [1, 2]);
    assert_eq!(log.take(), ["cleanup"]);
}

/// M3.24
#[test]
fn an_error_that_is_caught_and_followed_by_a_return_is_what_throw_gives() {
    let generator = Generator::<i32, (), &str>::new(|co| async move {
        let caught = co.yield_(1).await;
        assert!(is::<KeyError, _>(caught));
        Ok("r")
    });
    generator.start().unwrap();
    assert_eq!(returned(generator.throw(KeyError("k"))), "r");
}

/// What a body may not do here: nobody could wake it again.
#[test]
fn to_await_something_else_is_an_error_that_says_so() {
    let generator = Generator::<i32, (), ()>::new(|_| async {
        std::future::pending::<()>().await;
        Ok(())
    });
    assert!(is::<ForeignAwait, _>(generator.next()));
    assert_eq!(generator.state(), State::Closed);
}

/// A panic in the body travels to whoever resumed it, and ends the generator.
#[test]
fn a_panic_ends_the_generator_and_travels_on() {
    let generator = Generator::<i32, (), ()>::new(|_| async { panic!("oh") });
    assert!(catch_unwind(AssertUnwindSafe(|| generator.next())).is_err());
    assert!(is::<Finished, _>(generator.next()));
}

/// The same shell around a state machine that was written by hand.
#[test]
fn a_body_by_hand_behaves_like_one_through_the_door() {
    struct Once;
    impl Body<i32, i32, i32> for Once {
        fn resume(&mut self, with: Resume<i32>) -> Stepped<i32, i32> {
            match with {
                Resume::Start => Ok(Step::Yield(1)),
                Resume::Send(value) => Ok(Step::Return(value)),
                Resume::Throw(failure) => Err(failure),
            }
        }
    }
    let generator = Generator::from_body(Once);
    assert_eq!(yielded(generator.start()), 1);
    assert_eq!(returned(generator.resume(2)), 2);
    assert!(is::<Finished, _>(generator.resume(3)));
    let closed = Generator::from_body(Once);
    closed.start().unwrap();
    closed.close().unwrap();
}
