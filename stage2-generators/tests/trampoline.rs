//! PEP 342's trampoline against what its examples promise, and what can be asked of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use reactor::sim::{Sim, Weather};
use stage2_generators::Failure;
use stage2_generators::coroutine::{ForeignAwait, Generator};
use stage2_generators::deferred::{Cancelled, WaitsForItself};
use stage2_generators::extras::requests::{
    TcpListener, TcpStream, call, cancel, id, join, park, sleep, spawn, timeout, turn,
    unpark,
};
use stage2_generators::extras::trampoline::{Door, Request, Trampoline, react};
use stage2_generators::failure::on_report;
use stage2_generators::time::Elapsed;

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
        co: Door,
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
        let mut trampoline = Trampoline::new().unwrap();
        trampoline.add(Generator::new(|co| async move {
            let bottom = call(&co, |co| down(co, 20_000)).await?;
            said.borrow_mut().push(bottom.into());
            let caught =
                call(&co, |_| async { Err::<(), _>(KeyError("c").into()) }).await;
            said.borrow_mut().push(caught.unwrap_err().to_string());
            Ok(())
        }));
        trampoline.run().unwrap();
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
    let mut trampoline = Trampoline::new().unwrap();
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
        turn(&co).await?;
        said.borrow_mut().push("goes on".to_owned());
        Ok(())
    }));
    trampoline.run().unwrap();
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
    let mut trampoline = Trampoline::new().unwrap();
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
            turn(&co).await?;
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
    trampoline.run().unwrap();
    assert_eq!(log.take(), ["another", "panicked: oh", "3"]);
    assert_eq!(reported.take(), ["Unhandled error in a routine: panicked: alone"]);
}

/// M3.22
#[test]
fn a_trampoline_runs_its_routines_in_turn() {
    let log = Log::default();
    let mut trampoline = Trampoline::new().unwrap();
    for name in ["a", "b"] {
        let said = Rc::clone(&log);
        trampoline.add(Generator::new(|co| async move {
            for n in 0..3 {
                said.borrow_mut().push(format!("{name}{n}"));
                turn(&co).await?;
            }
            Ok(())
        }));
    }
    trampoline.run().unwrap();
    assert_eq!(log.take(), ["a0", "b0", "a1", "b1", "a2", "b2"]);
}

/// Runs `main` where time is virtual, and gives what it said.
fn told<F>(main: impl FnOnce(Door, Log) -> F) -> Vec<String>
where
    F: Future<Output = Result<(), Failure>> + 'static,
{
    let log = Log::default();
    let said = Rc::clone(&log);
    backend::scope(Clockwork::new(), || react(|co| main(co, said)).unwrap().unwrap());
    log.take()
}

fn say(log: &Log, what: impl Into<String>) {
    log.borrow_mut().push(what.into());
}

const MS: Duration = Duration::from_millis(1);

/// Whoever asks for something that can be had at once goes on before all others.
#[test]
fn who_asks_and_need_not_wait_keeps_its_turn() {
    let told = told(|co, log| async move {
        let (said, me) = (Rc::clone(&log), id(&co).await?);
        let child = spawn(&co, |_| async move {
            say(&said, "child");
            Ok("child's")
        });
        let child = child.await?;
        assert_ne!(me, child.id());
        say(&log, "parent");
        say(&log, join(&co, child).await?);
        Ok(())
    });
    assert_eq!(told, ["parent", "child", "child's"]);
}

/// By the time, and those that are equally late in the order in which they asked.
#[test]
fn sleepers_wake_by_the_clock() {
    let told = told(|co, log| async move {
        let mut tasks = Vec::new();
        for (name, duration) in [("a", 3), ("b", 1), ("c", 3), ("d", 2)] {
            let log = Rc::clone(&log);
            let sleeps = spawn(&co, move |co| async move {
                sleep(&co, MS * duration).await?;
                say(&log, name);
                Ok(())
            });
            tasks.push(sleeps.await?);
        }
        for task in tasks {
            join(&co, task).await?;
        }
        Ok(())
    });
    assert_eq!(told, ["b", "d", "a", "c"]);
}

/// A cancel is raised where the innermost of them waits, whatever it waits for, and passes
/// through its callers, each of which may clean up; a joiner hears of it.
#[test]
fn a_cancel_is_raised_at_the_innermost_wait() {
    async fn waits(co: Door, log: Log, how: &'static str) -> Result<(), Failure> {
        let inner = call(&co, move |co| async move {
            match how {
                "sleeps" => sleep(&co, MS * 1000).await,
                "parks" => park(&co).await,
                "joins" => {
                    let other = spawn(&co, |co| async move { park(&co).await }).await?;
                    let id = other.id();
                    let end = join(&co, other).await;
                    cancel(&co, id).await?;
                    end
                }
                _ => turn(&co).await,
            }
        });
        let end = inner.await;
        say(&log, format!("{how}: {}", end.as_ref().unwrap_err()));
        end
    }
    let told = told(|co, log| async move {
        for how in ["sleeps", "parks", "joins", "turns"] {
            let said = Rc::clone(&log);
            let task = spawn(&co, move |co| waits(co, said, how)).await?;
            turn(&co).await?;
            cancel(&co, task.id()).await?;
            // Another time makes no difference.
            cancel(&co, task.id()).await?;
            assert!(join(&co, task).await.unwrap_err().is::<Cancelled>());
        }
        Ok(())
    });
    let expected =
        ["sleeps", "parks", "joins", "turns"].map(|it| format!("{it}: cancelled"));
    assert_eq!(told, expected);
}

/// One that has not begun never does; one that catches it goes on; and nobody is told that a
/// cancelled task has failed.
#[test]
fn a_cancel_may_come_too_early_and_may_be_caught() {
    let reported = Log::default();
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let told = told(|co, log| async move {
        let fresh = spawn(&co, |_| async { panic!("it runs") as Result<(), Failure> });
        cancel(&co, fresh.await?.id()).await?;
        let said = Rc::clone(&log);
        let stubborn = spawn(&co, |co| async move {
            let cancelled = sleep(&co, MS * 1000).await.unwrap_err();
            say(&said, cancelled.to_string());
            sleep(&co, MS).await?;
            Ok("goes on")
        });
        let stubborn = stubborn.await?;
        turn(&co).await?;
        cancel(&co, stubborn.id()).await?;
        say(&log, join(&co, stubborn).await?);
        let me = id(&co).await?;
        say(&log, cancel(&co, me).await.unwrap_err().to_string());
        Ok(())
    });
    assert_eq!(told, ["cancelled", "goes on", "cancelled"]);
    assert_eq!(reported.take(), [""; 0]);
}

/// A task whose error nobody asks for: it is reported once nobody can any more.
#[test]
fn an_error_that_nobody_joins_is_reported() {
    let reported = Log::default();
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let seen = Rc::clone(&reported);
    told(|co, _| async move {
        let fails = |text| move |_| async move { Err::<(), _>(KeyError(text).into()) };
        let joined = spawn(&co, fails("joined")).await?;
        let kept = spawn(&co, fails("kept")).await?;
        spawn(&co, fails("dropped")).await?;
        assert!(join(&co, joined).await.unwrap_err().is::<KeyError>());
        assert_eq!(seen.borrow().len(), 1);
        drop(kept);
        Ok(())
    });
    let told = ["dropped", "kept"]
        .map(|text| format!("Unhandled error in a routine: KeyError: {text}"));
    assert_eq!(reported.take(), told);
}

/// As of `std::thread`: one unpark is remembered, two are one.
#[test]
fn an_unpark_that_comes_early_is_not_lost() {
    let told = told(|co, log| async move {
        let me = id(&co).await?;
        unpark(&co, me).await?;
        unpark(&co, me).await?;
        park(&co).await?;
        say(&log, "at once");
        let late = spawn(&co, move |co| async move {
            sleep(&co, MS).await?;
            unpark(&co, me).await
        });
        let late = late.await?;
        park(&co).await?;
        join(&co, late).await?;
        say(&log, "later");
        Ok(())
    });
    assert_eq!(told, ["at once", "later"]);
}

/// A timeout closes what it has given up, before it says so; and a cancel goes through it.
#[test]
fn a_timeout_cancels_its_body_and_is_cancelled_with_it() {
    let told = told(|co, log| async move {
        let body = |log: Log, name: &'static str| {
            move |co: Door| async move {
                let end = sleep(&co, MS * 10).await;
                say(&log, format!("{name}: {}", end.is_ok()));
                end.map(|()| name)
            }
        };
        let late = timeout(&co, MS, body(Rc::clone(&log), "late")).await;
        assert!(late.unwrap_err().is::<Elapsed>());
        say(&log, timeout(&co, MS * 100, body(Rc::clone(&log), "early")).await?);
        let given_up = body(Rc::clone(&log), "given up");
        let task =
            spawn(&co, move |co| async move { timeout(&co, MS * 100, given_up).await });
        let task = task.await?;
        sleep(&co, MS).await?;
        cancel(&co, task.id()).await?;
        assert!(join(&co, task).await.unwrap_err().is::<Cancelled>());
        sleep(&co, MS * 20).await
    });
    assert_eq!(told, ["late: false", "early: true", "early", "given up: false"]);
}

/// An alarm that is not needed any more does not keep the trampoline from its end.
#[test]
fn a_timeout_that_is_not_needed_leaves_no_timer() {
    let clock = Clockwork::new();
    backend::scope(Rc::clone(&clock) as _, || {
        let mut trampoline = Trampoline::new().unwrap();
        trampoline.add(Generator::new(|co| async move {
            timeout(&co, MS * 1000, |co| async move { sleep(&co, MS).await }).await
        }));
        trampoline.run().unwrap();
    });
    assert!(clock.elapsed() < MS * 10, "{:?}", clock.elapsed());
}

/// Who waits for each other is told; nobody can resume them.
#[test]
fn tasks_that_nobody_can_resume_are_a_deadlock() {
    let ends = backend::scope(Clockwork::new(), || {
        react(|co| async move {
            let other = spawn(&co, |co| async move { park(&co).await }).await?;
            join(&co, other).await
        })
    });
    let error = ends.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Deadlock);
    assert_eq!(error.to_string(), "nobody can resume the 2 tasks that are left");
}

/// Not of a task that waits for its own end: it is told at once.
#[test]
fn a_task_that_joins_itself_is_told() {
    told(|co, _| async move {
        let me = id(&co).await?;
        let failure = co.yield_(Request::Join(me)).await.unwrap_err();
        assert!(failure.is::<WaitsForItself>());
        Ok(())
    });
}

/// What is left when the first has ended is closed: a callee before its caller.
#[test]
fn what_is_left_is_closed_from_the_top() {
    struct Finally(Log, &'static str);
    impl Drop for Finally {
        fn drop(&mut self) {
            say(&self.0, self.1);
        }
    }
    let told = told(|co, log| async move {
        let (outer, inner) = (Finally(Rc::clone(&log), "caller"), Finally(log, "callee"));
        spawn(&co, |co| async move {
            let _outer = outer;
            call(&co, |co| async move {
                let _inner = inner;
                park(&co).await
            })
            .await
        })
        .await?;
        turn(&co).await?;
        turn(&co).await?;
        turn(&co).await
    });
    assert_eq!(told, ["callee", "caller"]);
}

/// Two that read from one socket: the second is told, the first has what comes. Once that has
/// given up, its place is free.
#[test]
fn a_second_reader_is_refused_while_the_first_one_waits() {
    let sim = Sim::new(1, Weather::calm());
    let read = backend::scope(sim, || {
        react(|co| async move {
            let listener = TcpListener::bind(&co, ([10, 0, 0, 9], 7).into()).await?;
            let client = TcpStream::connect(&co, listener.local_addr()?).await?;
            let server = listener.accept(&co).await?;
            let reads = client.clone();
            let first = spawn(&co, |co| async move { reads.read(&co).await }).await?;
            turn(&co).await?;
            let busy = client.read(&co).await.unwrap_err();
            let busy = busy.get::<io::Error>().map(io::Error::kind);
            assert_eq!(busy, Some(io::ErrorKind::ResourceBusy));
            server.write_all(&co, b"x").await?;
            assert_eq!(join(&co, first).await?, b"x");

            let reads = client.clone();
            let given_up = spawn(&co, |co| async move { reads.read(&co).await }).await?;
            turn(&co).await?;
            cancel(&co, given_up.id()).await?;
            assert!(join(&co, given_up).await.unwrap_err().is::<Cancelled>());
            server.write_all(&co, b"y").await?;
            client.read(&co).await
        })
    });
    assert_eq!(read.unwrap().unwrap(), b"y");
}

/// Ten thousand who wait for one task, of whom every second gives up: each costs the same.
#[test]
fn ten_thousand_joiners_are_woken_in_their_order() {
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    told(|co, _| async move {
        let end = spawn(&co, |co| async move { park(&co).await }).await?;
        let mut joiners = Vec::new();
        for n in 0..10_000 {
            let (count, end) = (Rc::clone(&counted), end.id());
            let joins = spawn(&co, move |co| async move {
                co.yield_(Request::Join(end)).await?;
                assert_eq!(count.replace(n), n.max(2) - 2);
                Ok(())
            });
            joiners.push(joins.await?.id());
        }
        turn(&co).await?;
        for joiner in joiners.iter().skip(1).step_by(2) {
            cancel(&co, *joiner).await?;
        }
        unpark(&co, end.id()).await?;
        join(&co, end).await?;
        turn(&co).await
    });
    assert_eq!(count.get(), 9_998);
}

#[test]
fn a_task_is_shown_by_its_number() {
    let shown = react(|co| async move {
        let task = spawn(&co, |_| async { Ok(()) }).await?;
        assert_eq!(format!("{task:?}"), format!("Task {{ id: {:?}, .. }}", task.id()));
        join(&co, task).await
    });
    shown.unwrap().unwrap();
}
