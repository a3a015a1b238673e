//! PEP 342's trampoline against what its examples promise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use stage2_generators::Failure;
use stage2_generators::coroutine::{Co, ForeignAwait, Generator};
use stage2_generators::extras::trampoline::{Command, Trampoline, call};
use stage2_generators::failure::on_report;

#[derive(Debug)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError: {}", self.0)
    }
}

impl Error for KeyError {}

type Log = Rc<RefCell<Vec<String>>>;

/// M3.21
#[test]
fn a_trampoline_calls_twenty_thousand_deep_on_a_small_stack() {
    fn down(
        co: Co<Command, ()>,
        left: u32,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<&'static str, Failure>>>> {
        Box::pin(async move {
            if left == 0 {
                return Ok("bottom");
            }
            call(&co, |co| down(co, left - 1)).await
        })
    }
    let deep = || {
        let log = Log::default();
        let said = Rc::clone(&log);
        let mut trampoline = Trampoline::default();
        trampoline.add(Generator::new(|co| async move {
            let bottom = call(&co, |co| down(co, 20_000)).await?;
            said.borrow_mut().push(bottom.into());
            let caught =
                call(&co, |_| async { Err::<(), _>(KeyError("c").into()) }).await;
            said.borrow_mut().push(caught.unwrap_err().to_string());
            Ok(())
        }));
        trampoline.run();
        assert_eq!(log.take(), ["bottom", "KeyError: c"]);
    };
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    small.spawn(deep).unwrap().join().unwrap();
}

/// An error that nobody catches ends its own routine, and is reported. So does a routine
/// that awaits what nobody can wake, and those that called it go with it.
#[test]
fn an_error_at_the_bottom_of_a_stack_is_reported_and_the_others_go_on() {
    let (log, reported) = (Log::default(), Log::default());
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let mut trampoline = Trampoline::default();
    trampoline.add(Generator::new(|_| async { Err(KeyError("k").into()) }));
    trampoline.add(Generator::new(|co| async move {
        call(&co, |_| async {
            std::future::pending::<()>().await;
            Ok(())
        })
        .await
    }));
    let said = Rc::clone(&log);
    trampoline.add(Generator::new(|co| async move {
        co.yield_(Command::Turn).await?;
        said.borrow_mut().push("goes on".to_owned());
        Ok(())
    }));
    trampoline.run();
    assert_eq!(log.take(), ["goes on"]);
    let told = [&KeyError("k") as &dyn Error, &ForeignAwait]
        .map(|error| format!("Unhandled error in a routine: {error}"));
    assert_eq!(reported.take(), told);
}

/// M3.21: what ends a callee is raised in its caller, a panic too, however deep the callee is;
/// and the caller may go on.
#[test]
fn whatever_ends_a_callee_is_raised_in_its_caller() {
    let (log, reported) = (Log::default(), Log::default());
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let mut trampoline = Trampoline::default();
    let said = Rc::clone(&log);
    trampoline.add(Generator::new(|co| async move {
        let panics = call(&co, |co| async move {
            call(&co, |_| async { panic!("oh") as Result<(), Failure> }).await
        });
        let told = panics.await.unwrap_err().to_string();
        said.borrow_mut().push(told);
        let foreign = call(&co, |_| std::future::pending::<Result<(), Failure>>());
        assert!(foreign.await.unwrap_err().is::<ForeignAwait>());
        let sum = call(&co, |co| async move {
            co.yield_(Command::Turn).await?;
            Ok(1 + call(&co, |_| async { Ok(2) }).await?)
        });
        let told = sum.await?.to_string();
        said.borrow_mut().push(told);
        Ok(())
    }));
    trampoline.add(Generator::new(|_| async { panic!("alone") }));
    let said = Rc::clone(&log);
    trampoline.add(Generator::new(|_| async move {
        said.borrow_mut().push("another".to_owned());
        Ok(())
    }));
    trampoline.run();
    assert_eq!(log.take(), ["another", "panicked: oh", "3"]);
    assert_eq!(reported.take(), ["Unhandled error in a routine: panicked: alone"]);
}

/// M3.22
#[test]
fn a_trampoline_runs_its_routines_in_turn() {
    let log = Log::default();
    let mut trampoline = Trampoline::default();
    for name in ["a", "b"] {
        let said = Rc::clone(&log);
        trampoline.add(Generator::new(|co| async move {
            for n in 0..3 {
                said.borrow_mut().push(format!("{name}{n}"));
                co.yield_(Command::Turn).await?;
            }
            Ok(())
        }));
    }
    trampoline.run();
    assert_eq!(log.take(), ["a0", "b0", "a1", "b1", "a2", "b2"]);
}
