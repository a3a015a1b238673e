//! Generators against what CPython answered. The ids are those of the list of behaviours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use stage2_generators::coroutine::{
    AlreadyRunning, AlreadyStarted, Body, Finished, ForeignAwait, Generator,
    GeneratorExit, IgnoredExit, NotStarted, RaisedFinished, Resume, SecondYield, State,
    Step, Stepped,
};
use stage2_generators::extras::depth::TooDeep;
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
        for _ in 0..2 {
            assert!(is::<AlreadyRunning, _>(this.next()));
            assert!(is::<AlreadyRunning, _>(this.start()));
            assert!(is::<AlreadyRunning, _>(this.resume(())));
            assert!(is::<AlreadyRunning, _>(this.throw(KeyError("inside"))));
            assert!(is::<AlreadyRunning, _>(this.close()));
            assert_eq!(this.state(), State::Running);
            // Neither now nor later does the body hear of that.
            co.yield_(1).await?;
        }
        Ok(())
    }));
    cell.replace(Some(Rc::clone(&generator)));
    assert_eq!(yielded(generator.next()), 1);
    assert_eq!(yielded(generator.next()), 1);
    returned(generator.next());
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

/// In a message, too: of what has no name, that is what there is to say.
#[test]
fn it_says_in_a_message_where_it_stands() {
    let generator = Generator::<i32, (), String>::new(|co| async move {
        let standing = co.yield_(1);
        let told = format!("{co:?} {standing:?}");
        standing.await?;
        Ok(told)
    });
    assert_eq!(format!("{generator:?}"), "Generator { state: Created }");
    generator.start().unwrap();
    let told = "Iter(Generator { state: Suspended })";
    assert_eq!(format!("{:?}", generator.yields()), told);
    assert_eq!(returned(generator.next()), "Co { .. } Yield { .. }");
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

/// Polls both until both are done, as `futures::join!` does.
async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let mut ends = (None, None);
    poll_fn(|context| {
        if ends.0.is_none()
            && let Poll::Ready(end) = a.as_mut().poll(context)
        {
            ends.0 = Some(end);
        }
        if ends.1.is_none()
            && let Poll::Ready(end) = b.as_mut().poll(context)
        {
            ends.1 = Some(end);
        }
        if ends.0.is_none() || ends.1.is_none() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    ends.0.zip(ends.1).expect("both are done")
}

/// Polls both until one is done, and drops the other, as `futures::select` does.
async fn select<T>(a: impl Future<Output = T>, b: impl Future<Output = T>) -> T {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| match a.as_mut().poll(context) {
        Poll::Ready(end) => Poll::Ready(end),
        Poll::Pending => b.as_mut().poll(context),
    })
    .await
}

/// Waits for its second poll, and then gives what `end` gives.
fn at_the_second_poll<T>(end: impl Fn() -> T) -> impl Future<Output = T> {
    let mut is_second = false;
    poll_fn(move |_| {
        if mem::replace(&mut is_second, true) {
            Poll::Ready(end())
        } else {
            Poll::Pending
        }
    })
}

/// A generator cannot stand at two yields: who of them would be answered?
#[test]
fn the_second_of_two_yields_at_a_time_is_refused_and_the_first_has_its_answer() {
    let generator = Generator::<i32, i32, i32>::new(|co| async move {
        let (first, second) = join(co.yield_(1), co.yield_(2)).await;
        assert!(is::<SecondYield, _>(second));
        // The door is free again.
        Ok(first? + co.yield_(3).await?)
    });
    assert_eq!(yielded(generator.start()), 1);
    assert_eq!(yielded(generator.resume(10)), 3);
    assert_eq!(returned(generator.resume(20)), 30);
}

/// Of three, two are.
#[test]
fn each_further_yield_is_refused() {
    let generator = Generator::<i32, i32, i32>::new(|co| async move {
        let refused = join(co.yield_(2), co.yield_(3));
        let (first, (second, third)) = join(co.yield_(1), refused).await;
        assert!(is::<SecondYield, _>(second) && is::<SecondYield, _>(third));
        first
    });
    assert_eq!(yielded(generator.start()), 1);
    assert_eq!(returned(generator.resume(10)), 10);
}

/// Where one is enough, the refusal is what comes: at once, and what the first had yielded is
/// taken back.
#[test]
fn a_yield_that_is_dropped_without_an_answer_is_taken_back() {
    let generator = Generator::<i32, i32, i32>::new(|co| async move {
        let refused = select(co.yield_(1), co.yield_(2)).await;
        assert!(is::<SecondYield, _>(refused));
        co.yield_(3).await
    });
    assert_eq!(yielded(generator.start()), 3);
    assert_eq!(returned(generator.resume(10)), 10);

    let unheeded = Generator::<i32, (), ()>::new(|co| async move {
        select(co.yield_(1), co.yield_(2)).await
    });
    assert!(is::<SecondYield, _>(unheeded.start()));
    assert_eq!(unheeded.state(), State::Closed);
}

/// The answer goes to the yield that asked, and to no other: here that one is gone.
#[test]
fn an_answer_to_a_yield_that_was_dropped_does_not_reach_the_next_one() {
    let generator = Generator::<i32, i32, i32>::new(|co| async move {
        select(at_the_second_poll(|| Ok(0)), co.yield_(1)).await?;
        let mut next = pin!(co.yield_(2));
        let mut first = true;
        poll_fn(|context| {
            // Asked twice in one resume, it has no answer twice.
            if mem::take(&mut first) {
                assert!(next.as_mut().poll(context).is_pending());
            }
            next.as_mut().poll(context)
        })
        .await
    });
    assert_eq!(yielded(generator.start()), 1);
    assert_eq!(yielded(generator.resume(10)), 2);
    assert_eq!(returned(generator.resume(20)), 20);
}

/// Polled here, then moved into another generator: it belongs to the first one's door, and to
/// await it in the second is to await something foreign.
#[test]
fn a_yield_that_is_carried_into_another_generator_is_refused_there() {
    type Carried = Pin<Box<dyn Future<Output = Result<i32, Failure>>>>;
    let carried = Rc::new(RefCell::new(None::<Carried>));
    let (put, take) = (Rc::clone(&carried), Rc::clone(&carried));
    let first = Generator::<i32, i32, i32>::new(|co| async move {
        let elsewhere = co.clone();
        let mut future =
            Some(Box::pin(async move { elsewhere.yield_(1).await }) as Carried);
        poll_fn(|context| match future.take() {
            Some(mut future) => {
                assert!(future.as_mut().poll(context).is_pending());
                put.replace(Some(future));
                Poll::Pending
            }
            None => Poll::Ready(()),
        })
        .await;
        co.yield_(2).await
    });
    let second = Generator::<i32, i32, i32>::new(|_| async move {
        let future = take.borrow_mut().take();
        future.expect("the first has put it there").await
    });
    assert_eq!(yielded(first.start()), 1);
    assert!(is::<ForeignAwait, _>(second.start()));
    assert_eq!(yielded(first.resume(10)), 2, "its door is free again");
    assert_eq!(returned(first.resume(20)), 20);
}

/// Panics as it is dropped.
#[derive(Debug)]
struct Mine;

impl Drop for Mine {
    fn drop(&mut self) {
        panic!("oh");
    }
}

/// A generator whose local variable panics as it is dropped, in whatever state that is.
fn mined(stubborn: bool) -> Generator<i32, (), ()> {
    let mine = Mine;
    Generator::new(move |co| async move {
        let _mine = mine;
        let exit = co.yield_(1).await;
        if stubborn {
            loop {
                let _ignored = co.yield_(2).await;
            }
        }
        exit
    })
}

/// Whether it is fresh, suspended, or has ignored its exit.
#[test]
fn a_generator_that_panics_as_it_is_dropped_does_not_hit_its_dropper() {
    let reported = reports();
    drop(mined(false));
    assert_eq!(reported.take(), ["Error while a generator was dropped: panicked: oh"]);

    let suspended = mined(false);
    suspended.start().unwrap();
    drop(suspended);
    assert_eq!(reported.take(), ["Error while a generator was closed: panicked: oh"]);

    let stubborn = mined(true);
    stubborn.start().unwrap();
    drop(stubborn);
    let told = [
        "Error while a generator was closed: the generator ignored GeneratorExit",
        "Error while a generator was dropped: panicked: oh",
    ];
    assert_eq!(reported.take(), told);
    let ignoring = mined(true);
    ignoring.start().unwrap();
    assert!(is::<IgnoredExit, _>(ignoring.close()));
    drop(ignoring);
    assert_eq!(reported.take(), told);
}

/// Likewise one that is closed, or refuses what is thrown in, before it has begun: the answer
/// is what it would be without the panic.
#[test]
fn a_fresh_body_that_panics_as_it_is_dropped_does_not_change_the_answer() {
    let reported = reports();
    mined(false).close().unwrap();
    assert!(is::<KeyError, _>(mined(false).throw(KeyError("k"))));
    let told = "Error while a generator was dropped: panicked: oh";
    assert_eq!(reported.take(), [told, told]);
}

/// Nor does a value that went through the door, and that nobody takes.
#[test]
fn a_value_that_panics_as_it_is_dropped_unread_is_reported() {
    let reported = reports();
    let generator = Generator::<Option<Mine>, Mine, ()>::new(|co| async move {
        // Taken back, for the other is ready.
        let ready = async { Err(KeyError("ready").into()) };
        assert!(is::<KeyError, _>(select(co.yield_(Some(Mine)), ready).await));
        // Dropped before it takes its answer.
        let ready = at_the_second_poll(|| Err(KeyError("ready").into()));
        assert!(is::<KeyError, _>(select(ready, co.yield_(None)).await));
        co.yield_(None).await.map(drop)
    });
    assert!(yielded(generator.start()).is_none());
    assert!(yielded(generator.resume(Mine)).is_none());
    let told = ["yielded", "sent"]
        .map(|it| format!("Error while a {it} value was dropped: panicked: oh"));
    assert_eq!(reported.take(), told);
    generator.close().unwrap();

    // While another panic is on its way, it would abort the process.
    let panics = Generator::<Mine, (), ()>::new(|co| async move {
        let mut unread = pin!(co.yield_(Mine));
        poll_fn(|context| {
            assert!(unread.as_mut().poll(context).is_pending());
            panic!("first")
        })
        .await
    });
    let panic = catch_unwind(AssertUnwindSafe(|| drop(panics.start()))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"first"));
    assert_eq!(reported.take(), told[..1]);
}

/// A second panic while the first is on its way would abort the process.
#[test]
fn a_generator_is_closed_by_a_panic_that_passes_and_its_own_is_reported() {
    struct Twice;
    impl Body<i32, (), ()> for Twice {
        fn resume(&mut self, _: Resume<()>) -> Stepped<i32, ()> {
            panic!("first");
        }
    }
    impl Drop for Twice {
        fn drop(&mut self) {
            panic!("second");
        }
    }
    let (log, reported) = (Log::default(), reports());
    let suspended = with_finally(&log);
    suspended.start().unwrap();
    let (fresh, twice) = (mined(false), Generator::from_body(Twice));
    let panic = catch_unwind(AssertUnwindSafe(|| {
        let _held = (suspended, fresh);
        let _unreached = twice.start();
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"first"));
    assert_eq!(log.take(), ["fin"]);
    let told = ["second", "oh"]
        .map(|text| format!("Error while a generator was dropped: panicked: {text}"));
    assert_eq!(reported.take(), told);
    assert!(is::<Finished, _>(twice.next()));
}

/// Runs it on a small stack.
fn on_a_small_stack<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let small = thread::Builder::new().stack_size(256 * 1024);
    small.spawn(body).unwrap().join().unwrap()
}

/// Ten thousand, one in the body of the other; `start` some of them.
fn nested(log: &Log, is_started: impl Fn(u32) -> bool) -> Generator<i32, (), ()> {
    let mut nested = with_finally(log);
    for level in 0..10_000 {
        if is_started(level) {
            nested.start().unwrap();
        }
        let (inner, log) = (nested, Rc::clone(log));
        nested = Generator::new(|co| async move {
            let _finally = Finally(log, "outer");
            let _inner = inner;
            co.yield_(2).await
        });
    }
    nested.start().unwrap();
    nested
}

/// CPython's trashcan. As long as there is stack, the inner one is dropped where it stands in
/// the outer one: after what was declared behind it, before what was declared ahead of it.
#[test]
fn generators_in_each_others_bodies_are_dropped_flat() {
    on_a_small_stack(|| {
        let log = Log::default();
        drop(nested(&log, |_| true));
        assert_eq!(log.borrow().len(), 10_001);
        assert_eq!(log.borrow().iter().filter(|word| *word == "fin").count(), 1);
        drop(nested(&log, |_| false));
        assert_eq!(log.take().len(), 10_002, "of the fresh ones nothing ran");
        drop(nested(&log, |level| level % 2 == 0));
        nested(&log, |_| true).close().unwrap();
    });
    let log = Log::default();
    let (inner, outer) = (with_finally(&log), Rc::clone(&log));
    inner.start().unwrap();
    let generator = Generator::<i32, (), ()>::new(|co| async move {
        let _first = Finally(Rc::clone(&outer), "first");
        let _inner = inner;
        let _last = Finally(outer, "last");
        co.yield_(2).await
    });
    generator.start().unwrap();
    drop(generator);
    assert_eq!(log.take(), ["last", "fin", "first"]);
}

/// A generator that resumes one that resumes one, so many levels; the innermost yields.
fn nest(levels: u32) -> Generator<u32, (), u32> {
    Generator::new(move |co| async move {
        if levels == 0 {
            co.yield_(0).await?;
            return Ok(0);
        }
        let inner = nest(levels - 1);
        loop {
            match inner.next()? {
                Step::Yield(depth) => co.yield_(depth + 1).await?,
                Step::Return(depth) => return Ok(depth + 1),
            }
        }
    })
}

/// Every resume is a call, on the stack of whoever resumes: Python's `RecursionError`.
#[test]
fn generators_that_resume_each_other_too_deep_are_refused_before_the_stack_is_gone() {
    on_a_small_stack(|| {
        let few = nest(20);
        assert_eq!(yielded(few.next()), 20);
        assert_eq!(returned(few.next()), 20);

        let failure = nest(10_000).next().unwrap_err();
        let TooDeep { levels } = failure.get().unwrap();
        assert!((20..1000).contains(levels), "{levels}");
        let told = format!("{levels} generators run inside each other");
        assert!(failure.to_string().starts_with(&told), "{failure}");

        // That is over now, and as many have room again.
        assert_eq!(yielded(nest(20).next()), 20);
        let again = nest(10_000).next().unwrap_err();
        let again: &TooDeep = again.get().unwrap();
        assert!(again.levels.abs_diff(*levels) <= 1, "{again:?} after {levels}");
    });
    // A larger stack has room for more.
    assert_eq!(yielded(nest(200).next()), 200);
}

thread_local! {
    static LAST: RefCell<Vec<Generator<i32, (), ()>>> = RefCell::default();
}

/// Says something when it is dropped, to another thread.
struct Tell(mpsc::Sender<&'static str>, &'static str);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.send(self.1).unwrap();
    }
}

/// Thread-local values die last made first. One that was there before any of ours outlives
/// them, and a panic there would abort the process.
#[test]
fn a_generator_in_a_thread_local_value_is_closed_at_the_end_of_its_thread() {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        LAST.with_borrow_mut(|last| {
            for name in ["one", "two"] {
                let tell = Tell(sender.clone(), name);
                let inner = Generator::<i32, (), ()>::new(|co| async move {
                    let _tell = tell;
                    co.yield_(1).await
                });
                inner.start().unwrap();
                let tell = Tell(sender.clone(), "caught");
                let outer = Generator::<i32, (), ()>::new(|co| async move {
                    let _inner = inner;
                    if is::<GeneratorExit, _>(co.yield_(1).await) {
                        drop(tell);
                    }
                    Err(KeyError("reported").into())
                });
                outer.start().unwrap();
                last.push(outer);
            }
            last.push(mined(false));
        });
    });
    thread.join().unwrap();
    let told: Vec<_> = receiver.iter().collect();
    assert_eq!(told, ["caught", "one", "caught", "two"]);
}

/// The main thread's stack grows as it is used, up to a limit that the shell has set.
#[cfg(target_os = "linux")]
#[test]
fn on_the_main_thread_the_limit_of_the_shell_counts() {
    const INSIDE: &str = "RUNS_ON_A_SMALL_STACK";
    if std::env::var_os(INSIDE).is_some() {
        let failure = nest(10_000).next().unwrap_err();
        assert!(failure.is::<TooDeep>());
        return;
    }
    let name = thread::current().name().expect("a test has a name").to_owned();
    let again = std::process::Command::new("sh")
        .args(["-c", "ulimit -s 512; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        // With one thread, the tests run on the main one.
        .args(["--exact", &name, "--test-threads=1"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && told.contains("1 passed"), "{again:?}");
}
