//! What a task costs that uses little of what it could: counted, in allocations and polls.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, debug, get_running_loop, run};

fn story<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    backend::scope(Clockwork::new(), || run(main)).unwrap()
}

/// How many allocations it takes to start so many tasks and to await each.
fn allocations(tasks: u64) -> u64 {
    let main = async move {
        for n in 0..tasks {
            assert_eq!(create_task(async move { n }).await, n);
        }
    };
    allocation_counter::measure(|| story(main)).count_total
}

/// Its cell and its coroutine. A scope, a context, a list of those who wait: nobody needs more than
/// one place of these here. The waker was another task's.
#[test]
fn a_task_that_is_awaited_takes_two_allocations() {
    allocations(1); // what a thread needs once
    assert_eq!(allocations(300) - allocations(200), 2 * 100);
}

/// A waker that is left outside stays its task's, who is done: nobody else is woken by it.
#[test]
fn a_waker_that_was_kept_is_no_other_tasks() {
    story(async {
        let kept: Rc<RefCell<Vec<Waker>>> = Rc::default();
        let polls = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let kept = Rc::clone(&kept);
            let leave = poll_fn(move |context| {
                kept.borrow_mut().push(context.waker().clone());
                Poll::Ready(())
            });
            create_task(leave).await;
        }
        let count = Rc::clone(&polls);
        let waits = create_task(poll_fn(move |_| {
            count.set(count.get() + 1);
            Poll::<()>::Pending
        }));
        sleep(Duration::ZERO).await;
        assert_eq!(polls.get(), 1);
        kept.take().into_iter().for_each(Waker::wake);
        sleep(Duration::ZERO).await;
        assert_eq!(polls.get(), 1);
        waits.cancel();
    });
}

/// As in asyncio: each of those who are ready has one turn, and nobody waits for the clock.
#[test]
fn a_sleep_of_no_time_at_all_is_one_turn_and_no_timer() {
    let log: Rc<RefCell<Vec<(char, usize)>>> = Rc::default();
    let inside = Rc::clone(&log);
    story(async move {
        let tasks = ['a', 'b'].map(|name| {
            let log = Rc::clone(&inside);
            create_task(async move {
                for n in 0..3 {
                    log.borrow_mut().push((name, n));
                    sleep(Duration::ZERO).await;
                    assert_eq!(debug::tree(&get_running_loop()).timers, 0);
                }
            })
        });
        for task in tasks {
            task.await;
        }
    });
    let turns: Vec<_> = (0..3).flat_map(|n| [('a', n), ('b', n)]).collect();
    assert_eq!(log.take(), turns);
}

/// A cancel makes the scope that nobody has needed before, whether the task has begun or waits.
#[test]
fn a_task_that_never_needed_a_scope_can_be_cancelled() {
    story(async {
        let unbegun = create_task(pending::<()>());
        assert!(unbegun.cancel());
        sleep(Duration::ZERO).await;
        assert!(unbegun.cancelled());
        let waits = create_task(pending::<()>());
        sleep(Duration::ZERO).await;
        assert!(waits.cancel());
        sleep(Duration::ZERO).await;
        assert!(waits.cancelled());
    });
}
