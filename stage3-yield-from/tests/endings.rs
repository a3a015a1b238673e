//! What is left at the end of a loop, and what goes wrong where nobody expects it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::any::Any;
use std::cell::RefCell;
use std::env;
use std::error::Error;
use std::fmt;
use std::panic::panic_any;
use std::process::Command;
use std::rc::{Rc, Weak};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::coroutine::{GeneratorExit, Step};
use stage3_yield_from::extras::depth::TooDeep;
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::failure::on_report;
use stage3_yield_from::future::{Cancelled, Future};
use stage3_yield_from::net::TcpListener;
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::task::AwaitsItself;
use stage3_yield_from::time::{sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Task, call_later, call_soon, coroutine, run, spawn, yield_from,
};

const MS: Duration = Duration::from_millis(1);
const FAR: Duration = Duration::from_hours(1);

fn story<T: 'static>(main: Coroutine<T>) -> Result<T, Failure> {
    backend::scope(Clockwork::new(), || run(main).unwrap())
}

fn reports() -> Rc<RefCell<Vec<String>>> {
    let reports = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&reports);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    reports
}

/// Circles of tasks, futures and sockets are cut.
#[test]
fn whatever_is_left_is_closed() {
    let kept = Rc::new(());
    let weak = Rc::downgrade(&kept);
    let [one, two, three] = [(); 3].map(|()| Rc::clone(&kept));
    let main = coroutine(async move {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
        spawn(coroutine(async move {
            let stream = yield_from(listener.accept()).await;
            drop(one);
            stream
        }));
        spawn(coroutine(async move {
            yield_from(sleep(FAR)).await?;
            drop(two);
            Ok(())
        }));
        let semaphore = Semaphore::new(0);
        spawn(coroutine(async move {
            drop(yield_from(semaphore.acquire()).await?);
            drop(three);
            Ok(())
        }));
        yield_from(sleep(Duration::ZERO)).await
    });
    run(main).unwrap().unwrap();
    drop(kept);
    assert_eq!(weak.strong_count(), 0);
}

/// A handle that is kept by the very call it would cancel does not keep it.
#[test]
fn a_call_that_knows_its_own_handle_is_dropped() {
    let kept = Rc::new(());
    let weak: Weak<()> = Rc::downgrade(&kept);
    story(coroutine(async {
        for (delay, kept) in [(FAR, Rc::clone(&kept)), (Duration::MAX, kept)] {
            let handle = Rc::new(RefCell::new(None));
            let own = Rc::clone(&handle);
            handle.replace(Some(call_later(delay, move || drop((own, kept)))));
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(weak.strong_count(), 0);
}

/// Calls the loop, and starts a task, as it is dropped, and then once more.
struct CallsAsItIsDropped(u32, Rc<RefCell<u32>>);

impl Drop for CallsAsItIsDropped {
    fn drop(&mut self) {
        *self.1.borrow_mut() += 1;
        if let Some(left) = self.0.checked_sub(1) {
            let [soon, later] = [(); 2].map(|()| Self(left, Rc::clone(&self.1)));
            call_soon(move || drop(soon));
            spawn(coroutine(async move {
                drop(later);
                Ok(())
            }));
        }
    }
}

/// The loop is still there for what is dropped at its end, wherever that was left.
#[test]
fn what_is_dropped_at_the_end_may_call_the_loop() {
    let dropped = Rc::default();
    let calls = || CallsAsItIsDropped(2, Rc::clone(&dropped));
    let (soon, later, waiting) = (calls(), calls(), calls());
    story(coroutine(async {
        call_later(FAR, move || drop(later));
        spawn(coroutine(async move {
            yield_from(sleep(FAR)).await?;
            drop(waiting);
            Ok(())
        }));
        yield_from(sleep(MS)).await?;
        call_soon(|| drop(soon));
        Ok(())
    }))
    .unwrap();
    assert_eq!(*dropped.borrow(), 3 * 7);
}

/// Panics as it is dropped, unless it would be a second panic.
#[derive(Clone, Debug)]
struct Panics(&'static str);

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(thread::panicking(), "{}", self.0);
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error that panics as it is dropped")
    }
}

impl Error for Panics {}

fn told(what: &str) -> String {
    format!("A callback failed while it was dropped: panicked: {what}")
}

/// A task that its loop has left behind is over: it counts as cancelled, and what it waited for
/// does not wake it in the next loop.
#[test]
fn a_task_that_was_left_behind_is_nobody_in_the_next_loop() {
    let reported = reports();
    let log = Rc::new(RefCell::new(Vec::new()));
    let (said, future) = (Rc::clone(&log), Future::<()>::new());
    let waited_for = future.clone();
    let left = story(coroutine(async move {
        let left = spawn(coroutine(async move {
            let end = yield_from(&waited_for).await;
            said.borrow_mut().push(end.as_ref().is_err_and(Failure::is::<GeneratorExit>));
            end
        }));
        yield_from(sleep(MS)).await?;
        Ok(left)
    }))
    .unwrap();
    assert!(left.done() && left.cancelled());
    assert!(!left.cancel());
    let end = story(coroutine(async move {
        future.set_result(())?;
        yield_from(&left).await
    }));
    assert!(end.unwrap_err().is::<Cancelled>());
    assert_eq!(*log.borrow(), [true]);
    assert_eq!(*reported.borrow(), [""; 0]);
}

/// Before the next task is closed.
#[test]
fn whoever_waits_for_a_task_that_is_left_behind_is_let_go_with_it() {
    struct Says(&'static str, Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Says {
        fn drop(&mut self) {
            self.1.borrow_mut().push(self.0);
        }
    }
    let log = Rc::default();
    let says = |what| Says(what, Rc::clone(&log));
    let [first, callback, second] = ["first", "its callback", "second"].map(says);
    story(coroutine(async {
        let left = [first, second].map(|says| {
            spawn(coroutine(async move {
                yield_from(sleep(FAR)).await?;
                drop(says);
                Ok(())
            }))
        });
        left[0].add_done_callback(move || drop(callback));
        yield_from(sleep(MS)).await
    }))
    .unwrap();
    assert_eq!(*log.borrow(), ["first", "its callback", "second"]);
}

/// What a task returned before its loop ended is still there.
#[test]
fn the_result_of_a_task_outlives_its_loop() {
    let task = story(coroutine(async {
        let task = spawn(coroutine(async { Ok(7) }));
        yield_from(sleep(MS)).await?;
        Ok(task)
    }));
    assert_eq!(task.unwrap().result().unwrap(), 7);
}

/// Schedules itself whenever it is dropped.
struct Again(Rc<RefCell<u32>>);

impl Drop for Again {
    fn drop(&mut self) {
        if !thread::panicking() {
            *self.0.borrow_mut() += 1;
            let again = Self(Rc::clone(&self.0));
            call_soon(move || drop(again));
        }
    }
}

/// No loop would end, if whatever is left there could go on for ever.
#[test]
fn what_is_left_again_and_again_is_given_up() {
    let reported = reports();
    let drops = Rc::new(RefCell::new(0));
    let again = Again(Rc::clone(&drops));
    story(coroutine(async {
        call_later(FAR, move || drop(again));
        Ok(())
    }))
    .unwrap();
    assert!((10..10_000).contains(&*drops.borrow()));
    let [told] = &reported.borrow()[..] else { panic!("it is told once") };
    assert!(told.contains("no event loop is running on this thread"), "{told}");
}

/// What panics as it is dropped at the end is reported, and takes nobody with it.
#[test]
fn what_panics_at_the_end_is_reported() {
    let reported = reports();
    story(coroutine(async {
        for number in ["one", "two"] {
            let panics = Panics(number);
            call_later(FAR, move || drop(panics));
        }
        Ok(())
    }))
    .unwrap();
    assert_eq!(*reported.borrow(), [told("one"), told("two")]);
    story(coroutine(async { Ok(()) })).unwrap();
}

/// The callbacks of a future that is dropped, of one that is done where no loop runs, and of
/// one that a task leaves behind. Each panics; each is reported.
#[test]
fn callbacks_that_panic_as_they_are_dropped_are_reported_one_by_one() {
    fn two_callbacks() -> Future<()> {
        let future = Future::new();
        for number in ["one", "two"] {
            let panics = Panics(number);
            future.add_done_callback(move || drop(panics));
        }
        future
    }
    let reported = reports();
    drop(two_callbacks());
    two_callbacks().set_result(()).unwrap();
    let left = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&left);
    story(coroutine(async move {
        let task = spawn(sleep(FAR));
        for number in ["one", "two"] {
            let panics = Panics(number);
            task.add_done_callback(move || drop(panics));
        }
        kept.replace(Some(task));
        yield_from(sleep(MS)).await
    }))
    .unwrap();
    assert_eq!(*reported.borrow(), ["one", "two", "one", "two", "one", "two"].map(told));
    drop(left);
}

/// A result that nobody took, an error that nobody saw, and the callbacks beside them.
#[test]
fn a_result_that_panics_as_it_is_dropped_is_reported() {
    let reported = reports();
    let future = Future::new();
    future.set_result(Panics("the result")).unwrap();
    drop(future);
    let future = Future::<()>::new();
    future.set_exception(Panics("the error")).unwrap();
    drop(future);
    let never =
        "Future exception was never retrieved: an error that panics as it is dropped";
    let expected = [told("the result"), never.to_owned(), told("the error")];
    assert_eq!(*reported.borrow(), expected);
}

/// Of a task that nobody awaits, and of one that was cancelled after its last wait.
#[test]
fn what_a_task_returns_may_panic_as_it_is_dropped() {
    let reported = reports();
    let cancelled = story(coroutine(async {
        spawn(coroutine(async { Ok(Panics("unread")) }));
        let slot = Rc::new(RefCell::new(None::<Task<Panics>>));
        let me = Rc::clone(&slot);
        let task = spawn(coroutine(async move {
            me.take().unwrap().cancel();
            Ok(Panics("given up"))
        }));
        slot.replace(Some(task.clone()));
        yield_from(sleep(MS)).await?;
        Ok(task.cancelled())
    }));
    assert!(cancelled.unwrap());
    assert_eq!(*reported.borrow(), [told("unread"), told("given up")]);
}

/// A cancel is often made by a destructor itself: it never panics.
#[test]
fn a_call_that_panics_as_it_is_cancelled_is_reported() {
    let reported = reports();
    story(coroutine(async {
        let panics = Panics("cancelled");
        call_later(FAR, move || drop(panics)).cancel();
        Ok(())
    }))
    .unwrap();
    assert_eq!(*reported.borrow(), [told("cancelled")]);
}

/// Runs `body` on a thread that has `kept` from before any of ours, and that is therefore
/// dropped after all of ours.
fn with_a_value_from_before(body: impl FnOnce() -> Box<dyn Any> + Send + 'static) {
    thread_local! {
        static BEFORE: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
    }
    let thread = thread::spawn(|| {
        BEFORE.with_borrow(|it| assert!(it.is_none()));
        let value = body();
        BEFORE.set(Some(value));
    });
    thread.join().unwrap();
}

/// Says on another thread's channel that it was dropped, and how.
struct Says(mpsc::Sender<&'static str>, &'static str);

impl Drop for Says {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

/// A coroutine that is left in the middle is closed, and sees it, though nothing of ours is
/// there any more but what has no destructor.
#[test]
fn a_coroutine_may_be_dropped_after_all_that_is_ours() {
    let (say, said) = mpsc::channel();
    with_a_value_from_before(move || {
        on_report(|_| ());
        story(coroutine(async { yield_from(sleep(MS)).await })).unwrap();
        let left = coroutine(async move {
            let inner = coroutine(async { yield_from(&Future::<()>::new()).await });
            let end = yield_from(inner).await;
            if end.as_ref().is_err_and(Failure::is::<GeneratorExit>) {
                say.send("closed").unwrap();
            }
            end
        });
        assert!(matches!(left.next(), Ok(Step::Yield(_))));
        Box::new(left)
    });
    assert_eq!(said.iter().collect::<Vec<_>>(), ["closed"]);
}

#[test]
fn futures_timers_permits_and_tasks_may_be_dropped_after_all_that_is_ours() {
    let (say, said) = mpsc::channel();
    with_a_value_from_before(move || {
        let kept = Rc::new(RefCell::new(Vec::<Box<dyn Any>>::new()));
        let keeps = Rc::clone(&kept);
        story(coroutine(async move {
            let keep = |one: Box<dyn Any>| keeps.borrow_mut().push(one);
            let permits = Semaphore::new(1);
            keep(Box::new(yield_from(permits.acquire()).await?));
            let waits = spawn(permits.acquire());
            keep(Box::new(timeout(MS, sleep(FAR))));
            keep(Box::new(signal()));
            keep(Box::new(call_later(FAR, || ())));
            yield_from(sleep(MS)).await?;
            keep(Box::new(waits));
            let unseen = Future::<()>::new();
            let says = Says(say, "dropped");
            unseen.add_done_callback(move || drop(says));
            keep(Box::new(unseen));
            let fails = Future::<()>::new();
            fails.set_exception(Cancelled)?;
            keep(Box::new(fails));
            Ok(())
        }))
        .unwrap();
        Box::new(kept)
    });
    assert_eq!(said.iter().collect::<Vec<_>>(), ["dropped"]);
}

/// M6.08
/// Without a hook it goes to standard error; with one, nowhere else.
#[test]
fn what_nobody_handles_is_told_once_to_the_hook_or_to_standard_error() {
    const HOOKED: &str = "IS_THERE_A_HOOK";
    if let Ok(hooked) = env::var(HOOKED) {
        let _told = (hooked == "yes").then(reports);
        story(coroutine(async {
            call_soon(|| panic_any("what nobody handles"));
            yield_from(sleep(MS)).await
        }))
        .unwrap();
        return;
    }
    let told = |hooked| {
        let name = "what_nobody_handles_is_told_once_to_the_hook_or_to_standard_error";
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", name, "--nocapture"]).env(HOOKED, hooked);
        let said = child.output().unwrap();
        assert!(said.status.success());
        let errors = String::from_utf8(said.stderr).unwrap();
        errors.matches("Unhandled error in a callback").count()
    };
    assert_eq!(["no", "yes"].map(told), [1, 0]);
}

#[test]
fn a_hook_that_panics_does_not_stop_the_loop() {
    on_report(|_| panic!("in the hook"));
    let end = story(coroutine(async {
        call_soon(|| panic!("in a callback"));
        yield_from(sleep(MS)).await?;
        Ok("goes on")
    }));
    assert_eq!(end.unwrap(), "goes on");
}

/// asyncio: "Task cannot await on itself". The task may go on.
#[test]
fn a_task_cannot_wait_for_itself() {
    let end = story(coroutine(async {
        let itself = Rc::new(RefCell::new(None::<Task<()>>));
        let inside = Rc::clone(&itself);
        let task = spawn(coroutine(async move {
            let itself = inside.take().unwrap();
            yield_from(&itself).await
        }));
        itself.replace(Some(task.clone()));
        yield_from(&task).await
    }));
    let failure = end.unwrap_err();
    assert!(failure.is::<AwaitsItself>());
    let teaches = "a task cannot wait for itself: it would have to end first";
    assert_eq!(failure.to_string(), teaches);
}

/// However deep in its calls it is when it does so.
#[test]
fn a_task_cannot_wait_for_itself_through_a_call() {
    let end = story(coroutine(async {
        let itself = Rc::new(RefCell::new(None::<Task<&str>>));
        let inside = Rc::clone(&itself);
        let task = spawn(coroutine(async move {
            let call = coroutine(async move {
                let itself = inside.take().unwrap();
                yield_from(&itself).await
            });
            let failure = yield_from(call).await.unwrap_err();
            assert!(failure.is::<AwaitsItself>());
            yield_from(sleep(MS)).await?;
            Ok("goes on")
        }));
        itself.replace(Some(task.clone()));
        yield_from(&task).await
    }));
    assert_eq!(end.unwrap(), "goes on");
}

/// Two tasks that wait for each other wait for ever. To cancel one of them does not help,
/// but it comes back, and the others go on.
#[test]
fn to_cancel_tasks_that_wait_for_each_other_does_not_go_round_for_ever() {
    let end = story(coroutine(async {
        let (one, two) = (Future::new(), Future::<Task<()>>::new());
        let first = two.clone();
        let waits = spawn(coroutine(async move {
            let other: Task<()> = yield_from(&first).await?;
            yield_from(&other).await
        }));
        one.set_result(waits.clone())?;
        two.set_result(spawn(coroutine(async move {
            let other = yield_from(&one).await?;
            yield_from(&other).await
        })))?;
        yield_from(sleep(MS)).await?;
        assert!(waits.cancel());
        yield_from(sleep(MS)).await?;
        Ok("goes on")
    }));
    assert_eq!(end.unwrap(), "goes on");
}

/// Runs `body` where there is room for some hundred calls. An overflow is no panic: it is the
/// end of the process.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(body);
    thread.unwrap().join().unwrap();
}

/// Tasks each of which waits for the one before, and the first for an hour.
fn line_of_tasks(many: usize) -> Vec<Task<()>> {
    let mut line = vec![spawn(sleep(FAR))];
    for _ in 1..many {
        let next = line.last().unwrap().clone();
        line.push(spawn(coroutine(async move { yield_from(&next).await })));
    }
    line
}

const VERY_MANY: u32 = 30_000;

/// A future that owns another one, by its callback, and so on.
#[test]
fn a_long_line_of_futures_is_dropped_without_a_deep_stack() {
    on_a_small_stack(|| {
        let last = Rc::new(());
        let mut line = Future::<()>::new();
        let kept = Rc::clone(&last);
        line.add_done_callback(move || drop(kept));
        for _ in 0..VERY_MANY {
            let owned = std::mem::take(&mut line);
            line.add_done_callback(move || owned.set_result(()).unwrap());
        }
        drop(line);
        assert_eq!(Rc::strong_count(&last), 1);
    });
}

/// A future that finishes another one, and so on: each in a turn of its own.
#[test]
fn a_long_line_of_futures_is_finished_without_a_deep_stack() {
    on_a_small_stack(|| {
        story(coroutine(async {
            let first = Future::new();
            let mut last = first.clone();
            for _ in 0..VERY_MANY {
                let next = Future::new();
                let finishes = next.clone();
                last.add_done_callback(move || finishes.set_result(()).unwrap());
                last = next;
            }
            first.set_result(())?;
            yield_from(&last).await
        }))
        .unwrap();
    });
}

/// A coroutine that calls another one, and so on, down to one that returns at once.
fn nested(levels: u32) -> Coroutine<u32> {
    let mut call = coroutine(async { Ok(0) });
    for _ in 0..levels {
        let inner = call;
        call = coroutine(async move { Ok(yield_from(inner).await? + 1) });
    }
    call
}

#[test]
fn coroutines_that_never_began_are_dropped_however_deep_they_are_nested() {
    on_a_small_stack(|| drop(nested(VERY_MANY)));
}

/// In Python a `RecursionError`. The calls so far fail with it, one by one, and can say what
/// they were about; what is called from then on never begins.
#[test]
fn calls_that_are_nested_too_deep_are_an_error_that_says_so() {
    on_a_small_stack(|| {
        let failure = story(nested(VERY_MANY)).unwrap_err();
        assert!(failure.is::<TooDeep>());
        let text = failure.to_string();
        assert!(text.ends_with("or run them on a thread with a larger stack"), "{text}");
    });
}

/// The task that went too deep has an error, and the others go on.
#[test]
fn a_task_whose_calls_are_nested_too_deep_fails_and_the_others_go_on() {
    on_a_small_stack(|| {
        let end = story(coroutine(async {
            let (deep, flat) = (spawn(nested(VERY_MANY)), spawn(nested(30)));
            assert!(yield_from(&deep).await.unwrap_err().is::<TooDeep>());
            yield_from(&flat).await
        }));
        assert_eq!(end.unwrap(), 30);
    });
}

/// Deep calls that wait, are cancelled, and clean up: each level in its turn. And whoever went too
/// deep has the error at that level, and each level cleans up too. How deep is too deep depends on
/// the build.
#[test]
fn calls_that_are_nested_as_deep_as_they_may_can_be_cancelled_and_closed() {
    fn deep(levels: u32, log: Rc<RefCell<Vec<u32>>>) -> Coroutine<()> {
        coroutine(async move {
            let end = match levels {
                0 => yield_from(sleep(FAR)).await,
                _ => yield_from(deep(levels - 1, Rc::clone(&log))).await,
            };
            log.borrow_mut().push(levels);
            end
        })
    }
    fn is_cancelled(levels: u32) -> bool {
        let (ended, left) = (Rc::default(), Rc::default());
        let (ends, stays) = (Rc::clone(&ended), Rc::clone(&left));
        let failure = story(coroutine(async move {
            spawn(deep(levels, stays));
            let task = spawn(deep(levels, ends));
            yield_from(sleep(MS)).await?;
            task.cancel();
            Ok(yield_from(&task).await.unwrap_err())
        }))
        .unwrap();
        let (ended, is_cancelled) = (ended.take(), failure.is::<Cancelled>());
        let innermost = if is_cancelled { 0 } else { ended[0] };
        assert!(ended.iter().copied().eq(innermost..=levels), "{levels}: {ended:?}");
        assert_eq!(left.take(), ended);
        assert!(is_cancelled || failure.is::<TooDeep>(), "{failure:?}");
        is_cancelled
    }
    on_a_small_stack(|| {
        let reached = (0..VERY_MANY).take_while(|levels| is_cancelled(*levels)).count();
        assert!(reached > 20, "{reached}");
        assert!(reached < VERY_MANY as usize);
    });
}

/// Handles that own handles: the results of tasks that are long over, and of tasks that never
/// began.
#[test]
fn a_long_line_of_tasks_is_left_without_a_deep_stack_whether_it_began_or_not() {
    for turns in [0, 1, 2] {
        on_a_small_stack(move || {
            story(coroutine(async move {
                drop(line_of_tasks(12_000));
                for _ in 0..turns {
                    yield_from(sleep(Duration::ZERO)).await?;
                }
                Ok(())
            }))
            .unwrap();
        });
    }
}

/// A timeout in a timeout, and so on: each is a task that cancels the next.
#[test]
fn timeouts_that_are_nested_deep_are_cancelled_from_the_outside_to_the_inside() {
    on_a_small_stack(|| {
        let end = story(coroutine(async {
            let mut body = sleep(FAR);
            for _ in 0..3_000 {
                body = timeout(2 * FAR, body);
            }
            let task = spawn(body);
            yield_from(sleep(MS)).await?;
            task.cancel();
            yield_from(&task).await
        }));
        assert!(end.unwrap_err().is::<Cancelled>());
    });
}

/// A cancel goes down a line of tasks, to the one that waits for something else. asyncio
/// raises a `RecursionError` from 1,000 tasks on.
#[test]
fn a_cancel_reaches_the_end_of_a_line_of_tasks_however_long_it_is() {
    const MANY: usize = 12_000;
    on_a_small_stack(|| {
        let ends = story(coroutine(async {
            let line = line_of_tasks(MANY);
            yield_from(sleep(MS)).await?;
            assert!(line[MANY - 1].cancel());
            let end = yield_from(&line[MANY - 1]).await.unwrap_err();
            assert!(end.is::<Cancelled>());
            Ok(line.iter().filter(|task| task.cancelled()).count())
        }));
        assert_eq!(ends.unwrap(), MANY);
    });
}

/// A task in the middle of the line whose own wait is over has the cancel to itself.
#[test]
fn a_cancel_stops_at_a_task_that_is_about_to_go_on() {
    story(coroutine(async {
        let wait = Future::new();
        let first = wait.clone();
        let first = spawn(coroutine(async move { yield_from(&first).await }));
        let middle = first.clone();
        let middle = spawn(coroutine(async move { yield_from(&middle).await }));
        let last = middle.clone();
        let last = spawn(coroutine(async move { yield_from(&last).await }));
        yield_from(sleep(MS)).await?;
        wait.set_result(())?;
        assert!(last.cancel());
        assert!(yield_from(&last).await.unwrap_err().is::<Cancelled>());
        assert!(first.cancelled() && middle.cancelled());
        assert!(!wait.cancelled());
        Ok(())
    }))
    .unwrap();
}
