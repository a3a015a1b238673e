//! Debug mode: each warning seen where it belongs, and absent where it does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a child tells its parent")]

mod common;

use std::cell::RefCell;
use std::future::pending;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{FAR, MS, panic_of, turn, turns, virtual_loop};
use stage5_asyncio::debug::{self, State, TaskInfo, Tree, Unclosed};
use stage5_asyncio::locks::Lock;
use stage5_asyncio::queues::Queue;
use stage5_asyncio::taskgroups::TaskGroup;
use stage5_asyncio::tasks::{as_completed, gather, shield, wait, wait_for};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    EventLoop, Task, create_task, get_running_loop, new_event_loop, run, task_group,
    testing,
};

/// Keeps the loop for so long.
fn block(duration: Duration) {
    let event_loop = get_running_loop();
    let end = event_loop.time() + duration;
    while event_loop.time() < end {}
}

/// `debug.rs:7`, of this file.
fn at(line: u32) -> String {
    format!("{}:{line}", file!())
}

/// What is warned of in a loop whose patience is short.
fn slow(patience: Duration, body: impl AsyncFnOnce() + 'static) -> Vec<String> {
    let ((), warnings) = testing::warnings(|| {
        let event_loop = new_event_loop().unwrap();
        event_loop.set_slow_callback_duration(patience);
        event_loop.run_until_complete(async { body().await }).unwrap();
    });
    warnings
}

/// M6.47
#[test]
fn a_callback_that_keeps_the_loop_is_told_of_with_its_line_and_how_long_it_took() {
    const LINE: u32 = line!() + 2;
    let warnings = slow(5 * MS, async || {
        get_running_loop().call_soon(|| block(6 * MS));
        turns(2).await;
    });
    let start = format!("Executing <Handle created at {}> took 0.", at(LINE));
    let said = warnings.iter().find(|it| it.starts_with(&start));
    assert!(said.is_some_and(|it| it.ends_with(" seconds")), "{warnings:?}");
}

/// M6.47
#[test]
fn a_slow_step_is_told_of_with_the_lines_between_which_it_kept_the_loop() {
    const LINE: u32 = line!() + 3;
    let warnings = slow(5 * MS, async || {
        let task = create_task(async {
            sleep(MS).await;
            block(6 * MS);
            sleep(MS).await;
        });
        task.named("worker").await;
    });
    let stretch = format!(", from {} to {}, took 0.", at(LINE), at(LINE + 2));
    let is_it =
        |it: &&String| it.starts_with("Executing worker (") && it.contains(&stretch);
    assert_eq!(warnings.iter().filter(is_it).count(), 1, "{warnings:?}");
}

/// M6.47
#[test]
fn the_first_and_the_last_step_of_a_slow_task_are_called_that() {
    let warnings = slow(5 * MS, async || {
        create_task(async { block(6 * MS) }).named("once").await;
    });
    let said = |it: &String| {
        it.contains("once") && it.contains(", from its beginning to its end,")
    };
    assert!(warnings.iter().any(said), "{warnings:?}");
}

/// M6.47
#[test]
fn who_keeps_the_loop_for_a_moment_only_is_not_told_of() {
    let patient = slow(FAR, async || block(2 * MS));
    assert!(patient.is_empty(), "{patient:?}");
    let usual = new_event_loop().unwrap();
    assert_eq!(usual.slow_callback_duration(), 100 * MS);
}

/// M6.47: `EventLoop` is no `Send` (see the example in the docs of the module); what a thread
/// can still do wrong is to ask for a loop where there is none.
#[test]
fn a_thread_without_a_loop_is_told_where_there_are_some() {
    let said = thread::Builder::new().name("here".to_owned()).spawn(|| {
        run(async { thread::spawn(|| panic_of(get_running_loop)).join().unwrap() })
            .unwrap()
    });
    let said = said.unwrap().join().unwrap();
    assert!(said.starts_with("no event loop is running on this thread"), "{said}");
    assert!(said.contains("here"), "{said}");
    assert!(said.ends_with("the way in is `EventLoop::remote`"), "{said}");
}

/// M6.47
#[test]
fn a_callback_left_with_a_closed_loop_is_told_of_and_one_left_in_time_is_not() {
    let (line, warnings) = testing::warnings(|| {
        let event_loop = new_event_loop().unwrap();
        let remote = event_loop.remote();
        let in_time = remote.clone();
        event_loop
            .run_until_complete(async move {
                thread::spawn(move || in_time.call_soon_threadsafe(|| {}))
                    .join()
                    .unwrap();
                turn().await;
            })
            .unwrap();
        event_loop.close();
        let line = line!() + 1;
        thread::spawn(move || remote.call_soon_threadsafe(|| {})).join().unwrap();
        line
    });
    let text = "A callback is never called: the event loop was closed before";
    assert_eq!(warnings, [format!("{text} {}", at(line))]);
}

/// M6.13
#[test]
fn an_error_that_nobody_hears_of_is_told_with_the_line_that_made_the_task() {
    let (line, warnings) = testing::warnings(|| {
        run(async {
            let (line, task) = (line!(), create_task(async { panic!("lost") }));
            let task: Task<()> = task.named("t");
            turns(2).await;
            drop(task);
            line
        })
        .unwrap()
    });
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let start = "An exception was never retrieved: t ";
    assert!(warnings[0].starts_with(start), "{warnings:?}");
    assert!(warnings[0].contains(&format!("created at {}", at(line))), "{warnings:?}");
    testing::strict(|| {
        run(async {
            let future = get_running_loop().create_future::<Result<(), &str>>();
            future.set_error("heard").unwrap();
            assert_eq!(future.await, Err("heard"));
        })
        .unwrap();
    });
}

#[test]
fn a_task_that_is_destroyed_says_where_it_was_created_and_where_it_stood() {
    let (line, warnings) = testing::warnings(|| {
        let event_loop = new_event_loop().unwrap();
        let line = line!() + 1;
        let _waiting = event_loop.create_task(async { sleep(FAR).await }).named("one");
        event_loop.run_until_complete(turns(2)).unwrap();
        let _new = event_loop.create_task(turns(1)).named("two");
        event_loop.close();
        line
    });
    let [one, two] = &*warnings else { panic!("{warnings:?}") };
    let place = at(line);
    assert!(one.starts_with("Task was destroyed but it is pending: one"), "{one}");
    let waits = format!("created at {place}, it waits for the clock at {place}");
    assert!(one.ends_with(&waits), "{one}");
    assert!(two.ends_with(", it had not begun"), "{two}");
    testing::strict(|| run(async { sleep(MS).await }).unwrap());
}

#[test]
fn a_coroutine_that_nobody_awaits_is_told_of() {
    let (line, warnings) = testing::warnings(|| {
        run(async {
            assert_eq!(debug::coroutine(async { 7 }).await, 7);
            let line = line!() + 1;
            drop(debug::coroutine(async { 8 }));
            line
        })
        .unwrap()
    });
    assert_eq!(
        warnings,
        [format!("A coroutine was never awaited: made at {}", at(line))]
    );
}

#[test]
fn what_has_to_be_closed_and_was_not_is_told_of() {
    let (line, warnings) = testing::warnings(|| {
        run(async {
            Unclosed::new("a door").closed();
            let line = line!() + 1;
            drop(Unclosed::new("a window"));
            line
        })
        .unwrap()
    });
    assert_eq!(warnings, [format!("a window was never closed: opened at {}", at(line))]);
}

#[test]
fn whoever_does_not_ask_for_debug_mode_hears_of_nothing_but_errors() {
    let event_loop = new_event_loop().unwrap();
    assert!(!event_loop.get_debug());
    let ((), warnings) = testing::warnings(|| {
        event_loop.set_slow_callback_duration(MS);
        event_loop
            .run_until_complete(async {
                drop(debug::coroutine(async {}));
                drop(Unclosed::new("a window"));
                get_running_loop().call_soon(|| block(2 * MS));
                turns(2).await;
            })
            .unwrap();
    });
    assert!(warnings.is_empty(), "{warnings:?}");
    event_loop.set_debug(true);
    assert!(event_loop.get_debug());
}

#[test]
fn strict_is_a_failure_with_all_that_was_warned_of() {
    let said = panic_of(|| {
        testing::strict(|| {
            run(async {
                drop(debug::coroutine(async {}));
                drop(Unclosed::new("a door"));
            })
            .unwrap();
        });
    });
    assert!(said.starts_with("there were warnings:\n  A coroutine was never"), "{said}");
    assert!(said.contains("\n  a door was never closed"), "{said}");
    // What a program hears of by a handler of its own is its own affair.
    testing::strict(|| {
        run(async {
            let reports = common::reports();
            drop(create_task(async { panic!("heard") }));
            turns(2).await;
            assert_eq!(reports.take().len(), 1);
        })
        .unwrap();
    });
}

/// Tells the child of the next test what it is.
const CHILD: &str = "STAGE5_DEBUG_CHILD";

#[test]
fn the_environment_asks_for_debug_mode() {
    if std::env::var_os(CHILD).is_some() {
        println!("debug: {}", new_event_loop().unwrap().get_debug());
        return;
    }
    for (value, is_on) in [("1", true), ("yes", true), ("0", false), ("", false)] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "the_environment_asks_for_debug_mode", "--nocapture"]);
        let output = child.env(debug::ENVIRONMENT, value).env(CHILD, "1").output();
        let said = String::from_utf8(output.unwrap().stdout).unwrap();
        assert!(said.contains(&format!("debug: {is_on}")), "{value:?}: {said}");
    }
}

/// The tree of a loop's tasks, after a few turns under a virtual clock.
fn seen(body: impl AsyncFnOnce() + 'static) -> (EventLoop, Tree) {
    let event_loop = virtual_loop();
    let main = event_loop.create_task(async { body().await }).named("main");
    event_loop.run_until_complete(turns(4)).unwrap();
    drop(main);
    let tree = debug::tree(&event_loop);
    event_loop.set_exception_handler(|_, _| {});
    (event_loop, tree)
}

fn named<'a>(tree: &'a Tree, name: &str) -> &'a TaskInfo {
    tree.tasks.iter().find(|task| task.name == name).unwrap()
}

async fn far() {
    sleep(FAR).await;
}

#[test]
fn a_task_shows_its_state_what_it_waits_for_and_at_which_line() {
    let (line, (event_loop, tree)) = (
        line!() + 2,
        seen(async || {
            let task = create_task(far()).named("child");
            task.await;
        }),
    );
    let _new = event_loop.create_task(turn()).named("new");
    let (main, child) = (named(&tree, "main"), named(&tree, "child"));
    assert_eq!((main.state, child.state), (State::Waiting, State::Waiting));
    assert_eq!(child.function.as_deref(), Some("far"));
    assert_eq!(child.created_at, at(line));
    assert_eq!(main.waits_for.as_deref(), Some("child (far)"));
    assert_eq!(main.waits_at, Some(at(line + 1)));
    assert_eq!(child.waits_for.as_deref(), Some("the clock"));
    assert_eq!(child.awaited_by, [main.number]);
    assert_eq!((tree.timers, tree.sockets, tree.ready), (1, 0, 0));
    let now = debug::tree(&event_loop);
    assert_eq!((now.ready, named(&now, "new").state), (1, State::New));
}

#[test]
fn who_asks_from_inside_is_seen_running() {
    run(async {
        let tree = debug::tree(&get_running_loop());
        assert_eq!(tree.tasks[0].state, State::Running);
        let task = create_task(async { pending::<()>().await });
        turn().await;
        task.cancel();
        let tree = debug::tree(&get_running_loop());
        assert_eq!(tree.tasks[1].cancelling, 1);
        assert!(tree.to_string().contains("was asked to stop"), "{tree}");
    })
    .unwrap();
}

type Body = fn() -> Pin<Box<dyn Future<Output = ()>>>;

/// Two tasks that take long.
fn two() -> [Task<()>; 2] {
    [create_task(far()), create_task(far())]
}

/// Ways to wait for two tasks, and what they are called.
const WAYS: [(&str, Body); 6] = [
    ("a gather", || Box::pin(async { drop(gather(two()).await) })),
    ("a gather", || Box::pin(async { drop(shield(gather(two())).await) })),
    ("a gather", || Box::pin(async { drop(wait_for(gather(two()), FAR).await) })),
    ("a future", || Box::pin(async { drop(wait(two()).await) })),
    ("whichever of several is done first", || {
        Box::pin(async { as_completed(two()).next().await.unwrap() })
    }),
    ("a task group", || {
        Box::pin(async {
            let body = async |group: &TaskGroup<()>| {
                for _ in 0..2 {
                    group.create_task(async {
                        far().await;
                        Ok(())
                    });
                }
                Ok(())
            };
            task_group(body).await.unwrap();
        })
    }),
];

/// However a task waits for others, it stands above them, and it says at which line.
#[test]
fn whoever_waits_for_several_stands_above_all_of_them() {
    for (what, body) in WAYS {
        let (_event_loop, tree) = seen(async move || body().await);
        let main = named(&tree, "main");
        assert_eq!(main.waits_for.as_deref(), Some(what));
        let place = main.waits_at.as_deref().unwrap();
        assert!(place.starts_with(file!()), "{what}: {place}");
        let below = tree.tasks.iter().filter(|it| it.awaited_by == [main.number]);
        assert_eq!(below.count(), 2, "{what}: {tree}");
    }
}

#[test]
fn a_tree_is_drawn_with_each_task_below_whoever_waits_for_it() {
    let (_event_loop, tree) = seen(async || {
        let shared = create_task(far()).named("shared");
        let other = shared.clone();
        let first = create_task(async move { (&other).await }).named("first");
        let second = create_task(async move { (&shared).await }).named("second");
        let lock = Rc::new(Lock::new());
        let guard = lock.acquire().await;
        let held = Rc::clone(&lock);
        let third =
            create_task(async move { drop(held.acquire().await) }).named("th\x1bird");
        gather([first, second, third]).await;
        drop(guard);
    });
    let shown = tree.to_string();
    let shape: Vec<_> =
        shown.lines().map(|it| it.split(" at ").next().unwrap()).collect();
    let thread = thread::current().name().unwrap().to_owned();
    let shape: Vec<_> =
        shape.iter().map(|line| line.split(", created").next().unwrap()).collect();
    assert_eq!(
        shape,
        [
            &*format!("loop on thread {thread}: 5 tasks, 0 ready, 1 timer, 0 sockets"),
            "main (seen) waits for a gather",
            "├─ first (a_tree_is_drawn_with_each_task_below_whoever_waits_for_it) waits for shared (far)",
            "│  └─ shared (far) waits for the clock",
            "├─ second (a_tree_is_drawn_with_each_task_below_whoever_waits_for_it) waits for shared (far)",
            "│  └─ shared (far) (see above)",
            "└─ th\\u{1b}ird (a_tree_is_drawn_with_each_task_below_whoever_waits_for_it) waits for a lock",
        ],
        "{shown}"
    );
}

#[test]
fn tasks_that_wait_for_each_other_are_a_cycle_and_named_as_one() {
    let (_event_loop, tree) = seen(async || {
        let slot = Rc::new(RefCell::new(None::<Task<()>>));
        let theirs = Rc::clone(&slot);
        let a = create_task(async move {
            turn().await;
            let b = theirs.take().unwrap();
            b.await;
        });
        let a = a.named("a");
        let b = create_task(async move { a.await }).named("b");
        slot.replace(Some(b));
        far().await;
    });
    let names = |cycle: &Vec<&TaskInfo>| {
        cycle.iter().map(|it| it.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(tree.cycles().iter().map(names).collect::<Vec<_>>(), [["a", "b"]]);
    let shown = tree.to_string();
    let last = shown.lines().last().unwrap();
    assert!(last.starts_with("a cycle, in which nobody can go on: a ("), "{shown}");
    assert!(last.contains(" → b (") && last.contains(" → a ("), "{shown}");
    assert_eq!(shown.matches("(see above)").count(), 1, "{shown}");
    let (_event_loop, calm) = seen(async || far().await);
    assert!(calm.cycles().is_empty());
}

#[test]
fn a_thousand_tasks_in_a_row_and_side_by_side_are_shown() {
    let (_event_loop, tree) = seen(async || {
        let mut last = create_task(far());
        for _ in 1..1_000 {
            last = create_task(async move { last.await });
        }
        last.await;
    });
    let shown = tree.to_string();
    assert_eq!(shown.lines().count(), 1_002);
    let deepest = shown.lines().last().unwrap();
    assert!(deepest.contains("└─ ") && deepest.contains("the clock"));

    let (_event_loop, tree) = seen(async || {
        let all: Vec<_> = (0..1_000).map(|_| create_task(far())).collect();
        gather(all).await;
    });
    let shown = tree.to_string();
    assert_eq!(shown.lines().filter(|line| line.starts_with("├─ ")).count(), 999);
    assert_eq!(shown.lines().filter(|line| line.starts_with("└─ ")).count(), 1);
}

#[test]
fn a_loop_that_nobody_can_wake_any_more_shows_its_tasks() {
    let event_loop = virtual_loop();
    event_loop.set_exception_handler(|_, _| {});
    let ended = event_loop.run_until_complete(async {
        create_task(pending::<()>()).named("stuck").await;
    });
    let said = ended.unwrap_err().to_string();
    assert!(said.starts_with("nobody can wake this loop any more"), "{said}");
    assert!(said.contains("\n└─ stuck"), "{said}");
}

/// A queue is asked when somebody looks; what was dropped is shown no more.
#[test]
fn a_queue_that_the_program_wants_seen_is_shown() {
    let (event_loop, tree) = seen(async || {
        let event_loop = get_running_loop();
        let (jobs, results) = (Rc::new(Queue::bounded(2)), Rc::new(Queue::<u8>::new()));
        event_loop.show_queue("gone", &Rc::new(Queue::<u8>::new()));
        event_loop.show_queue("jobs", &jobs);
        event_loop.show_queue("results\n", &results);
        jobs.put_nowait(1).unwrap();
        jobs.put_nowait(2).unwrap();
        for item in 3..6 {
            let jobs = Rc::clone(&jobs);
            drop(create_task(async move { jobs.put(item).await }));
        }
        let _ = results.get().await;
    });
    let shown = tree.to_string();
    let lines: Vec<_> = shown.lines().skip(1).take(2).collect();
    let expected = [
        "queue jobs: 2 of 2 items, 3 wait for room",
        "queue results\\n: 0 items, 1 waits for an item",
    ];
    assert_eq!(lines, expected, "{shown}");
    drop(event_loop);
}
