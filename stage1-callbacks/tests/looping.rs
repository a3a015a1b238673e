//! Calls by the beat of a clock, and work that is done in small steps. Each answer is Twisted's,
//! but for those that say otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use stage1_callbacks::call_soon;
use stage1_callbacks::deferred::{Cancelled, Deferred, Next, succeed};
use stage1_callbacks::extras::clock::Clock;
use stage1_callbacks::extras::cooperator::{Cooperator, NotPaused, TaskFinished};
use stage1_callbacks::extras::looping::LoopingCall;
use stage1_callbacks::failure::Failure;

const SECOND: Duration = Duration::from_secs(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn end<T: 'static>(deferred: Deferred<T>) -> Result<T, Failure> {
    deferred.try_take().expect("it has fired")
}

/// A clock, and what was said with the time in milliseconds.
struct Story {
    clock: Rc<Clock>,
    said: Rc<RefCell<Vec<(u128, u64)>>>,
}

impl Story {
    fn new() -> Self {
        Self { clock: Rc::new(Clock::new()), said: Rc::default() }
    }

    /// Says when it is called, and with how many beats.
    fn beat(&self) -> impl Fn(u64) + 'static {
        let (clock, said) = (Rc::downgrade(&self.clock), Rc::clone(&self.said));
        move |beats| {
            let at = clock.upgrade().unwrap().seconds().as_millis();
            said.borrow_mut().push((at, beats));
        }
    }

    fn said(&self) -> Vec<(u128, u64)> {
        self.said.take()
    }
}

/// M1.46
#[test]
fn a_looping_call_keeps_the_beat_of_its_start_and_skips_what_it_missed() {
    let story = Story::new();
    let (beat, clock) = (story.beat(), &story.clock);
    let looping = LoopingCall::new(move || beat(1));
    let stopped = looping.start(SECOND);
    clock.pump([500, 500, 1000, 2500, 250, 250].map(ms));
    let said: Vec<_> = story.said().into_iter().map(|(at, _)| at).collect();
    assert_eq!(said, [0, 1000, 2000, 4500, 5000]);
    looping.stop();
    end(stopped).unwrap();
    assert_eq!((looping.running(), clock.delayed_calls()), (false, 0));
}

/// M1.47
#[test]
fn a_looping_call_can_be_told_how_many_beats_there_were() {
    let story = Story::new();
    let looping = LoopingCall::with_count(story.beat());
    drop(looping.start(SECOND));
    let steps = [1000, 500, 500, 3200, 800, 500].map(ms);
    story.clock.pump(steps);
    assert_eq!(story.said(), [(0, 1), (1000, 1), (2000, 1), (5200, 3), (6000, 1)]);
    looping.stop();

    drop(story);
    let story = Story::new();
    drop(LoopingCall::with_count(story.beat()).start_later(SECOND));
    story.clock.pump(steps);
    assert_eq!(story.said(), [(1000, 1), (2000, 1), (5200, 3), (6000, 1)]);
}

/// M1.48
#[test]
fn a_call_that_gives_a_deferred_is_over_when_that_has_fired() {
    let story = Story::new();
    let (beat, firers) = (story.beat(), Rc::new(RefCell::new(Vec::new())));
    let made = Rc::clone(&firers);
    let looping = LoopingCall::new(move || {
        beat(1);
        let (firer, deferred) = Deferred::new();
        made.borrow_mut().push(firer);
        deferred
    });
    let stopped = looping.start(SECOND);
    story.clock.advance(ms(2500));
    assert_eq!(story.said(), [(0, 1)]);
    firers.borrow()[0].fire(Ok(())).unwrap();
    story.clock.advance(ms(500));
    assert_eq!(story.said(), [(3000, 1)]);
    looping.stop();
    let stopped = stopped.try_take().unwrap_err(); // the call is still under way
    firers.borrow()[1].fire(Ok(())).unwrap();
    end(stopped).unwrap();
}

/// M1.49
#[test]
fn a_call_that_fails_ends_the_looping_call() {
    let clock = Clock::new();
    let looping = LoopingCall::new(|| -> Result<(), Failure> { Err("no more")? });
    assert_eq!(end(looping.start(SECOND)).unwrap_err().to_string(), "no more");
    assert!(!looping.running());
    let panics = LoopingCall::new(|| -> () { panic!("no more") }).start_later(SECOND);
    clock.advance(SECOND);
    assert_eq!(end(panics).unwrap_err().to_string(), "panicked: no more");
    assert_eq!(clock.delayed_calls(), 0);
}

/// M1.50
#[test]
fn reset_starts_the_beat_anew() {
    let story = Story::new();
    let looping = LoopingCall::with_count(story.beat());
    drop(looping.start_later(SECOND));
    story.clock.advance(ms(600));
    looping.reset();
    story.clock.pump([600, 400].map(ms));
    assert_eq!(story.said(), [(1600, 1)]);
}

/// It stops inside its call, which is over before it has come to its end; and starts again.
#[test]
fn a_looping_call_stops_itself_and_starts_again() {
    let story = Story::new();
    let (beat, own) = (story.beat(), Rc::new(RefCell::new(None::<LoopingCall>)));
    let looping = Rc::clone(&own);
    let pulse = LoopingCall::with_count(move |beats| {
        beat(beats);
        looping.take().iter().for_each(LoopingCall::stop);
    });
    own.replace(Some(pulse.clone()));
    end(pulse.start(SECOND)).unwrap();
    let stopped = pulse.start_later(SECOND);
    own.replace(Some(pulse.clone()));
    story.clock.pump([SECOND; 3]);
    end(stopped).unwrap();
    assert_eq!(story.said(), [(0, 1), (1000, 1)]);
}

/// Twisted's goes on. Here nobody is left to whom it could say that it has stopped.
#[test]
fn a_looping_call_that_is_cancelled_stops_with_the_call_under_way() {
    let clock = Clock::new();
    let cancelled = Rc::new(Cell::new(false));
    let told = Rc::clone(&cancelled);
    let firers = RefCell::new(Vec::new());
    let looping = LoopingCall::new(move || {
        let told = Rc::clone(&told);
        let (firer, deferred) = Deferred::<()>::with_canceller(move |_| told.set(true));
        firers.borrow_mut().push(firer);
        deferred
    });
    let stopped = looping.start(SECOND);
    stopped.cancel();
    assert!(end(stopped).unwrap_err().is::<Cancelled>());
    assert!(cancelled.get() && !looping.running());
    let waits = looping.start_later(SECOND);
    waits.cancel();
    assert!(end(waits).unwrap_err().is::<Cancelled>());
    assert_eq!(clock.delayed_calls(), 0);
}

#[test]
fn to_start_twice_or_to_stop_what_does_not_run_is_a_mistake() {
    let _clock = Clock::new();
    let looping = LoopingCall::new(|| ());
    let fails = |act: &dyn Fn()| catch_unwind(AssertUnwindSafe(act)).is_err();
    assert!(fails(&|| looping.stop()) && fails(&|| looping.reset()));
    drop(looping.start(SECOND));
    assert!(fails(&|| drop(looping.start(SECOND))));
}

#[test]
fn what_runs_by_the_clock_says_how_far_it_is() {
    let (clock, looping) = (Clock::new(), LoopingCall::new(|| ()));
    clock.advance(ms(1500));
    assert_eq!(format!("{clock:?}"), "Clock { seconds: 1.5s, .. }");
    assert_eq!(format!("{looping:?}"), "LoopingCall { running: false, .. }");
    drop(looping.start(SECOND));
    assert_eq!(format!("{looping:?}"), "LoopingCall { running: true, .. }");
    let cooperator = Cooperator::new();
    let task = cooperator.cooperate(std::iter::empty::<()>());
    assert_eq!(format!("{task:?}"), "CooperativeTask { finished: None, .. }");
    assert_eq!(format!("{cooperator:?}"), "Cooperator { in_line: 1, .. }");
    clock.advance(Duration::ZERO);
    assert_eq!(format!("{task:?}"), "CooperativeTask { finished: Some(Done), .. }");
    assert_eq!(format!("{cooperator:?}"), "Cooperator { in_line: 0, .. }");
    for (end, said) in [
        (TaskFinished::Done, "the task is done"),
        (TaskFinished::Stopped, "the task was stopped"),
        (TaskFinished::Failed, "the task has failed"),
        (TaskFinished::SchedulerStopped, "the cooperator was stopped"),
    ] {
        assert_eq!(end.to_string(), said);
    }
}

type Said = Rc<RefCell<Vec<String>>>;

/// Says its name and the number of each step.
fn steps(said: &Said, name: &'static str, n: u32) -> impl Iterator<Item = ()> + 'static {
    let said = Rc::clone(said);
    (0..n).map(move |step| said.borrow_mut().push(format!("{name}{step}")))
}

/// Lets the loop run until nobody has anything to do.
fn settle(clock: &Clock, said: &Said) -> String {
    clock.advance(Duration::ZERO);
    said.take().join(" ")
}

/// M1.51
#[test]
fn tasks_take_their_steps_in_turn() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::new();
    let (one, two) = (
        cooperator.cooperate(steps(&said, "a", 3)),
        cooperator.cooperate(steps(&said, "b", 2)),
    );
    assert_eq!(*said.borrow(), [""; 0], "not before the next turn");
    clock.advance(Duration::ZERO);
    assert_eq!(said.take().join(" "), "a0 b0 a1 b1 a2");
    end(one.when_done()).unwrap();
    end(two.when_done()).unwrap();
    assert_eq!(one.pause(), Err(TaskFinished::Done));
    assert_eq!(one.stop(), Err(TaskFinished::Done));
    assert_eq!(one.resume(), Err(NotPaused));
    assert_eq!(NotPaused.to_string(), "the task is not paused");
}

/// Marks as many turns.
fn count_turns(said: &Said, left: u32) {
    let said = Rc::clone(said);
    call_soon(move || {
        said.borrow_mut().push("|".to_owned());
        if left > 1 {
            count_turns(&said, left - 1);
        }
    });
}

/// M1.51: others have their turn between.
#[test]
fn a_turn_is_one_step_of_each_task() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::new();
    for (name, n) in [("a", 3), ("b", 2)] {
        cooperator.cooperate(steps(&said, name, n));
    }
    count_turns(&said, 3);
    assert_eq!(settle(&clock, &said), "a0 b0 | a1 b1 | a2 |");
}

#[test]
fn a_turn_can_be_given_a_share_of_steps() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::with_share(|| {
        let mut taken = 0;
        move || {
            taken += 1;
            taken == 2
        }
    });
    for (name, n) in [("a", 3), ("b", 1), ("c", 1)] {
        cooperator.cooperate(steps(&said, name, n));
    }
    count_turns(&said, 3);
    // To see that there are no more is a step, too: the third turn's two.
    assert_eq!(settle(&clock, &said), "a0 b0 | c0 a1 | | a2");
}

/// M1.52: it goes to the end of the line, and a pause for each resume.
#[test]
fn a_paused_task_takes_no_steps_until_it_is_resumed_as_often() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::new();
    let one = cooperator.cooperate(steps(&said, "a", 2));
    one.pause().unwrap();
    one.pause().unwrap();
    cooperator.cooperate(steps(&said, "b", 2));
    assert_eq!(settle(&clock, &said), "b0 b1");
    one.resume().unwrap();
    assert_eq!(settle(&clock, &said), "");
    one.resume().unwrap();
    assert_eq!(one.resume(), Err(NotPaused));
    assert_eq!(settle(&clock, &said), "a0 a1");
}

/// M1.53
#[test]
fn a_step_that_gives_a_deferred_is_over_when_that_has_fired() {
    let (clock, said) = (Clock::new(), Said::default());
    let (cooperator, heard) = (Cooperator::new(), Rc::clone(&said));
    let (firer, deferred) = Deferred::new();
    let mut pieces = vec![Next::Done(Ok(())), Next::Wait(deferred)].into_iter();
    let task = cooperator.cooperate(std::iter::from_fn(move || {
        let piece = pieces.next();
        heard.borrow_mut().push(if piece.is_some() { "step" } else { "end" }.to_owned());
        piece
    }));
    clock.advance(Duration::ZERO);
    assert_eq!(said.take().join(" "), "step step");
    task.pause().unwrap();
    firer.fire(Ok(())).unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(said.take().join(" "), "", "it is paused by us as well");
    task.resume().unwrap();
    clock.advance(Duration::ZERO);
    assert_eq!(said.take().join(" "), "end");

    let fails =
        cooperator.cooperate([stage1_callbacks::deferred::fail::<()>("no")].into_iter());
    clock.advance(Duration::ZERO);
    assert_eq!(end(fails.when_done()).unwrap_err().to_string(), "no");
}

/// M1.53: nobody has to resume it.
#[test]
fn a_step_that_waits_goes_on_by_itself() {
    let (clock, said) = (Clock::new(), Said::default());
    let (heard, (firer, deferred)) = (Rc::clone(&said), Deferred::new());
    let mut waits = Some(deferred);
    let task = Cooperator::new().cooperate(std::iter::from_fn(move || {
        let piece = waits.take();
        heard.borrow_mut().push(if piece.is_some() { "step" } else { "end" }.to_owned());
        piece
    }));
    assert_eq!(settle(&clock, &said), "step");
    assert_eq!(settle(&clock, &said), "");
    firer.fire(Ok(())).unwrap();
    assert_eq!(settle(&clock, &said), "end");
    end(task.when_done()).unwrap();
}

/// M1.54
#[test]
fn a_task_that_is_stopped_or_fails_says_so_to_everybody_who_asked() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::new();
    let task = cooperator.cooperate(steps(&said, "a", 9));
    let (one, two) = (task.when_done(), task.when_done());
    task.stop().unwrap();
    for waits in [one, two, task.when_done()] {
        assert_eq!(end(waits).unwrap_err().get(), Some(&TaskFinished::Stopped));
    }
    assert_eq!(task.pause(), Err(TaskFinished::Stopped));
    clock.advance(Duration::ZERO);
    assert_eq!(*said.borrow(), [""; 0]);

    let fails = cooperator.cooperate((0..9).map(|step| assert!(step < 1, "at one")));
    clock.advance(Duration::ZERO);
    assert_eq!(end(fails.when_done()).unwrap_err().to_string(), "panicked: at one");
    assert_eq!(fails.stop(), Err(TaskFinished::Failed));
}

/// M1.55
#[test]
fn a_cooperator_that_is_stopped_ends_its_tasks_and_those_that_come() {
    let (clock, said) = (Clock::new(), Said::default());
    let cooperator = Cooperator::new();
    let before = cooperator.cooperate(steps(&said, "a", 9)).when_done();
    cooperator.stop();
    let after = cooperator.cooperate(steps(&said, "b", 9)).when_done();
    for waits in [before, after] {
        assert_eq!(end(waits).unwrap_err().get(), Some(&TaskFinished::SchedulerStopped));
    }
    cooperator.start();
    let again = cooperator.cooperate(steps(&said, "c", 1));
    clock.advance(Duration::ZERO);
    end(again.when_done()).unwrap();
    assert_eq!(said.take(), ["c0"]);
}

/// Its steps hold the task, which stops itself in the middle of one.
#[test]
fn a_task_stops_itself_and_its_work_is_dropped() {
    let (clock, cooperator) = (Clock::new(), Cooperator::new());
    let own = Rc::new(RefCell::new(None));
    let (task, left) = (Rc::clone(&own), Rc::new(()));
    let kept = Rc::clone(&left);
    let stopped = cooperator.cooperate(std::iter::repeat_with(move || {
        assert_eq!(Rc::strong_count(&kept), 2);
        let task: Option<stage1_callbacks::extras::cooperator::CooperativeTask> =
            task.take();
        task.unwrap().stop().unwrap();
    }));
    own.replace(Some(stopped.clone()));
    clock.advance(Duration::ZERO);
    assert!(end(stopped.when_done()).is_err());
    assert_eq!(Rc::strong_count(&left), 1);
}

/// Steps that have fired already are taken one in a turn like any other: the stack stays flat,
/// and others get theirs.
#[test]
fn many_steps_that_have_fired_are_taken_in_turn_and_flat() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let deep = small.spawn(|| {
        let (clock, cooperator) = (Clock::new(), Cooperator::new());
        let long = cooperator.cooperate((0..10_000).map(|_| succeed(())));
        let said = Said::default();
        cooperator.cooperate(steps(&said, "b", 1));
        clock.advance(Duration::ZERO);
        end(long.when_done()).unwrap();
        assert_eq!(said.take(), ["b0"]);
    });
    deep.unwrap().join().unwrap();
}
