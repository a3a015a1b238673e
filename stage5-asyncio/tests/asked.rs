//! What CPython's `test_asyncio` and uvloop's tests ask, beyond the list of behaviours: each case by
//! its name there. Under a virtual clock where the world is not needed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, OnceCell, RefCell};
use std::future::pending;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use common::{FAR, Log, MS, caught, reports, story, turn, turns};
use stage5_asyncio::exceptions::{Cancelled, Elapsed};
use stage5_asyncio::locks::{Condition, Lock, Semaphore};
use stage5_asyncio::protocols::{DatagramProtocol, Protocol};
use stage5_asyncio::queues::{Queue, QueueError};
use stage5_asyncio::streams::{StreamReader, open_connection, start_server};
use stage5_asyncio::taskgroups::task_group;
use stage5_asyncio::tasks::{as_completed, current_task, gather, shield, wait_for};
use stage5_asyncio::time::sleep;
use stage5_asyncio::timeouts::Timeout;
use stage5_asyncio::transports::{DatagramTransport, Transport};
use stage5_asyncio::{
    catch_cancel, create_task, finally, get_running_loop, run, timeout, timeout_at,
};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn on_a_loop<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    let in_time = async { timeout(Duration::from_mins(1), main).await };
    run(in_time).unwrap().expect("it takes no minute")
}

/// `test_timeout_zero`, `test_timeout_zero_sleep_zero`, `test_timeout_in_the_past_sleep_zero`: no time
/// is time for what needs no turn, and for nothing else.
#[test]
fn no_time_at_all_is_over_at_the_first_wait() {
    let ((), took) = story(async {
        assert_eq!(timeout(Duration::ZERO, sleep(FAR)).await, Err(Elapsed));
        assert_eq!(timeout(Duration::ZERO, sleep(Duration::ZERO)).await, Err(Elapsed));
        sleep(MS).await;
        let past = get_running_loop().time().checked_sub(MS).unwrap();
        assert_eq!(timeout_at(past, sleep(Duration::ZERO)).await, Err(Elapsed));
        assert_eq!(timeout(Duration::ZERO, async { 5 }).await, Ok(5));
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
    assert_eq!(took, MS);
}

/// What is awaited is carried about once, however much is around it.
#[test]
fn a_timeout_is_not_much_larger_than_what_it_waits_for() {
    let large = || {
        let bytes = [0_u8; 10_000];
        async move {
            turn().await;
            bytes.len()
        }
    };
    let bare = size_of_val(&large());
    for held in [size_of_val(&timeout(MS, large())), size_of_val(&wait_for(large(), MS))]
    {
        assert!(held < bare + 200, "{held} for {bare}");
    }
}

/// `test_foreign_exception_on_timeout`, `test_wait_for_reraises_exception_during_cancellation`: what
/// the body says as it is cancelled is kept from nobody: here, a panic.
#[test]
fn what_goes_wrong_as_the_time_is_over_goes_before_the_timeout() {
    story(async {
        let panics = || finally(pending::<()>(), async || panic!("FooException"));
        assert_eq!(
            caught(timeout(MS, panics())).await.err().as_deref(),
            Some("FooException")
        );
        assert_eq!(
            caught(wait_for(panics(), MS)).await.err().as_deref(),
            Some("FooException")
        );
    });
}

/// `test_nested_timeouts_concurrent`, `test_nested_timeouts_loop_busy`: both are over at once: the outer
/// one is what counts.
#[test]
fn two_timeouts_that_are_over_at_once_are_both_over() {
    story(async {
        let inner = Rc::new(Cell::new(None));
        let its = Rc::clone(&inner);
        let outer = timeout(2 * MS, async move {
            let ended = timeout(2 * MS, sleep(FAR)).await;
            its.set(Some(ended));
            sleep(FAR).await;
        });
        assert_eq!(outer.await, Err(Elapsed));
        assert_eq!(inner.get(), None, "what is inside of the outer one was left");
        assert_eq!(current_task().unwrap().cancelling(), 0);
        assert_eq!(get_running_loop().reactor().timers(), 0);
    });
}

/// `test_nested_timeout_in_finally`, `test_timeout_after_cancellation`,
/// `test_cancel_in_timeout_after_cancellation`: a timeout works where a cancel has just been.
#[test]
fn a_timeout_works_in_what_a_cancel_leaves_behind() {
    story(async {
        let outer = timeout(
            MS,
            finally(pending::<()>(), async || {
                assert_eq!(timeout(MS, sleep(FAR)).await, Err(Elapsed));
            }),
        );
        assert_eq!(outer.await, Err(Elapsed));

        let task = create_task(async {
            let caught = catch_cancel(pending::<()>()).await;
            // It is still being cancelled, and a timeout is none of that.
            let ended = timeout(MS, sleep(FAR)).await;
            (caught, ended, current_task().unwrap().cancelling())
        });
        turn().await;
        task.cancel();
        assert_eq!(task.await, (Err(Cancelled), Err(Elapsed), 1));
    });
}

/// `test_foreign_cancel_doesnt_timeout_if_not_expired`, `test_outer_task_is_not_cancelled`: whose
/// cancel it was is told apart.
#[test]
fn a_cancel_that_is_not_the_timeouts_is_no_timeout() {
    story(async {
        let block = Rc::new(Timeout::new(get_running_loop().time() + FAR));
        let its = Rc::clone(&block);
        let task = create_task(async move {
            its.over(async { Cancelled.raise::<()>().await }).await
        });
        assert_eq!(catch_cancel(task).await, Err(Cancelled));
        assert!(!block.expired());

        let outer = create_task(async {
            let ended = timeout(MS, sleep(FAR)).await;
            assert_eq!(ended, Err(Elapsed));
            sleep(MS).await;
            current_task().unwrap().cancelling()
        });
        assert_eq!(outer.await, 0);
    });
}

/// `test_wait_for_timeout_less_then_0_or_0_future_done`, `test_wait_for_race_condition`: what is done
/// before is done.
#[test]
fn what_is_done_in_time_is_done() {
    story(async {
        let event_loop = get_running_loop();
        let future = event_loop.create_future();
        future.set_result("done").unwrap();
        assert_eq!(wait_for(future, Duration::ZERO).await, Ok("done"));

        let future = event_loop.create_future();
        let sets = future.clone();
        event_loop.call_later(MS, move || sets.set_result("done").unwrap());
        assert_eq!(wait_for(future, 2 * MS).await, Ok("done"));

        // Of two with one deadline, the timeout has the last word: it is its turn, too, before
        // whoever waits takes a step. So it is in asyncio.
        let future = event_loop.create_future();
        let sets = future.clone();
        event_loop.call_later(MS, move || sets.set_result("done").unwrap());
        assert_eq!(wait_for(&future, MS).await, Err(Elapsed));
        assert_eq!(future.await, "done");
    });
}

/// `test_wait_for_cancel_suppressed`, GH-86296: whoever swallows a cancel and gives a value has it
/// given, whether the cancel was the caller's or the timeout's.
#[test]
fn a_body_that_swallows_the_cancel_has_its_value_given() {
    story(async {
        let returns_42 = || async {
            let _ = catch_cancel(sleep(FAR)).await;
            42
        };
        let outer = create_task(async move { wait_for(returns_42(), FAR).await });
        turn().await;
        outer.cancel();
        assert_eq!(outer.await, Ok(42));
        assert_eq!(wait_for(returns_42(), MS).await, Ok(42));
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

/// `test_as_completed_reverse_wait`, `test_as_completed_concurrent`, `test_as_completed_no_waiters`:
/// results may be asked for later than they come, and by several at a time.
#[test]
fn results_come_in_the_order_in_which_they_came() {
    let ((), took) = story(async {
        let after = |ms: u32, name: &'static str| async move {
            sleep(ms * MS).await;
            name
        };
        let mut results = as_completed([after(10, "slow"), after(5, "quick")]);
        sleep(20 * MS).await;
        assert_eq!(results.next().await, Some("quick"));
        assert_eq!(results.next().await, Some("slow"));
        assert_eq!(results.next().await, None);
    });
    assert_eq!(took, 20 * MS);
}

/// `test_shield_shortcut`, `test_shield_gather`, `test_gather_shield`: a shield in a gather, a gather
/// in a shield, and a shield of what is done.
#[test]
fn shields_and_gathers_may_be_nested() {
    story(async {
        let done = create_task(async { 42 });
        assert_eq!((&done).await, 42);
        assert_eq!(shield(&done).await, 42);

        let [one, two] = [1, 2].map(|n| {
            create_task(async move {
                sleep(MS).await;
                n
            })
        });
        let inner = gather([one, two]);
        let outer = create_task({
            let inner = inner.clone();
            async move { shield(inner).await }
        });
        turn().await;
        outer.cancel();
        assert_eq!(catch_cancel(outer).await, Err(Cancelled));
        assert!(!inner.cancelled());
        assert_eq!(inner.await, [1, 2]);
    });
}

/// `test_taskgroup_15`, `test_taskgroup_16`, `test_taskgroup_17`: whoever is cancelled from outside
/// as a group waits for its children waits on for those that take their time, and is cancelled then.
#[test]
fn a_group_that_is_cancelled_waits_for_children_that_take_their_time() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let child = said.clone();
        let outer = create_task(async move {
            let ended = task_group(async |group| {
                group.create_task(async move {
                    finally(sleep(FAR), async || {
                        sleep(10 * MS).await;
                        child.say("child");
                    })
                    .await;
                    Ok::<_, ()>(())
                });
                Ok(())
            });
            ended.await
        });
        turns(3).await;
        outer.cancel();
        turns(3).await;
        assert!(!outer.done());
        assert_eq!(catch_cancel(outer).await.err(), Some(Cancelled));
        said.say("outer");
    });
    assert_eq!(log.take(), ["child", "outer"]);
}

/// `test_taskgroup_21a`, `test_taskgroup_22`, `test_taskgroup_23`: a group in a group: an error of the
/// inner one is one of the outer one's, and its children are gone by then.
#[test]
fn an_error_of_an_inner_group_goes_through_the_outer_one() {
    story(async {
        let ended = task_group(async |outer| {
            let sibling = outer.create_task(async {
                sleep(FAR).await;
                Ok(())
            });
            let inner = task_group(async |inner| {
                inner.create_task(async { Err::<(), _>("ZeroDivisionError") });
                sleep(FAR).await;
                Ok(sibling.clone())
            });
            inner.await.map(drop).map_err(|group| group.exceptions[0])
        });
        assert_eq!(ended.await.unwrap_err().exceptions, ["ZeroDivisionError"]);
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
}

/// `test_taskgroup_no_create_task_after_failure`: nobody starts what will be cancelled.
#[test]
fn a_group_that_ends_takes_no_more_tasks() {
    story(async {
        let ended = task_group(async |group| {
            group.create_task(async { Err::<(), _>("first") });
            let slept: Result<(), _> = catch_cancel(sleep(FAR)).await;
            assert_eq!(slept, Err(Cancelled));
            let refused = caught(async { group.create_task(async { Ok(()) }) }).await;
            Ok(refused.map(drop))
        });
        assert_eq!(ended.await.unwrap_err().exceptions, ["first"]);
    });
}

/// `test_cancel_release_race`, `test_finished_waiter_cancelled`: a lock is let go and its next owner
/// cancelled in one turn: it goes to the one behind.
#[test]
fn a_lock_is_not_lost_with_its_next_owner() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let lock = Rc::new(Lock::new());
        let held = lock.acquire().await;
        let takes = |name: &'static str| {
            let (lock, log) = (Rc::clone(&lock), said.clone());
            create_task(async move {
                let _held = lock.acquire().await;
                log.say(name);
            })
        };
        let (one, two) = (takes("one"), takes("two"));
        turn().await;
        drop(held);
        one.cancel();
        let three = takes("three");
        assert_eq!(catch_cancel(one).await, Err(Cancelled));
        two.await;
        three.await;
        assert!(!lock.locked());
    });
    assert_eq!(log.take(), ["two", "three"]);
}

/// `test_wait_cancel_contested`: whoever waits for a condition and is cancelled has its lock again,
/// even if that takes a while.
#[test]
fn a_cancelled_wait_for_a_condition_waits_for_its_lock() {
    story(async {
        let condition = Rc::new(Condition::new());
        let its = Rc::clone(&condition);
        let waits = create_task(async move {
            let mut guard = its.acquire().await;
            let ended = catch_cancel(guard.wait()).await;
            (ended, its.locked())
        });
        turn().await;
        let held = condition.acquire().await;
        waits.cancel();
        turns(3).await;
        assert!(!waits.done(), "somebody else has it");
        drop(held);
        assert_eq!(waits.await, (Err(Cancelled), true));
        assert!(!condition.locked());
    });
}

/// `test_acquire_cancel_before_awoken`, `test_acquire_hang`, `test_acquire_no_hang`,
/// `test_acquire_fifo_order_2`, `_3`: no permit is lost, and nobody overtakes.
#[test]
fn a_semaphore_loses_no_permit_and_lets_nobody_overtake() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let held = semaphore.acquire().await;
        let takes = |name: &'static str| {
            let (semaphore, log) = (Rc::clone(&semaphore), said.clone());
            create_task(async move {
                let _permit = semaphore.acquire().await;
                log.say(name);
                sleep(MS).await;
            })
        };
        let waiting = ["1", "2", "3", "4"].map(takes);
        turn().await;
        waiting[0].cancel();
        waiting[1].cancel();
        drop(held);
        let late = takes("late");
        let [_, _, third, fourth] = waiting;
        third.await;
        fourth.await;
        late.await;
        assert!(!semaphore.locked());
        drop(semaphore.acquire().await);
    });
    assert_eq!(log.take(), ["3", "4", "late"]);
}

/// `test_why_are_getters_waiting`, `test_why_are_putters_waiting`: several at a time, on a short queue.
#[test]
fn several_getters_and_putters_all_get_on() {
    story(async {
        let queue = Rc::new(Queue::bounded(2));
        let put = |n: u32| {
            let queue = Rc::clone(&queue);
            create_task(async move { queue.put(n).await.unwrap() })
        };
        let get = || {
            let queue = Rc::clone(&queue);
            create_task(async move { queue.get().await.unwrap() })
        };
        let getters = [get(), get(), get(), get()];
        let putters = [put(1), put(2), put(3), put(4)];
        assert_eq!(gather(getters).await, [1, 2, 3, 4]);
        gather(putters).await;
        let putters = [put(5), put(6), put(7), put(8)];
        turn().await;
        let getters = [get(), get(), get(), get()];
        assert_eq!(gather(getters).await, [5, 6, 7, 8]);
        gather(putters).await;
    });
}

/// `test_get_cancel_drop_many_pending_readers`, `test_put_cancel_drop`, `test_put_cancelled_race`,
/// `test_join_empty_queue`.
#[test]
fn cancelled_getters_and_putters_leave_a_queue_as_it_was() {
    story(async {
        let queue = Rc::new(Queue::bounded(1));
        queue.join().await;
        let get = || {
            let queue = Rc::clone(&queue);
            create_task(async move { queue.get().await.unwrap() })
        };
        let readers = [get(), get(), get()];
        turn().await;
        readers[0].cancel();
        readers[2].cancel();
        queue.put_nowait("a").unwrap();
        let [one, two, three] = readers;
        assert_eq!(two.await, "a");
        assert_eq!(catch_cancel(one).await, Err(Cancelled));
        assert_eq!(catch_cancel(three).await, Err(Cancelled));

        queue.put_nowait("b").unwrap();
        let put = |item| {
            let queue = Rc::clone(&queue);
            create_task(async move { queue.put(item).await.unwrap() })
        };
        let (lost, kept) = (put("lost"), put("kept"));
        turn().await;
        lost.cancel();
        assert_eq!(queue.get().await, Ok("b"));
        assert_eq!(queue.get().await, Ok("kept"));
        kept.await;
        assert_eq!(queue.get_nowait(), Err(QueueError::Empty));
    });
}

/// `test_callbacks_remove_first_callback`, `test_schedule_callbacks_list_mutation_1`: callbacks that
/// take others back as they are called.
#[test]
fn a_callback_may_take_another_one_back() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let event_loop = get_running_loop();
        let future = event_loop.create_future::<()>();
        let ids = Rc::new(RefCell::new(Vec::new()));
        let (its, known, log) = (future.clone(), Rc::clone(&ids), said.clone());
        future.add_done_callback(move |_| {
            log.say("first");
            let removed =
                known.borrow().iter().filter(|id| its.remove_done_callback(**id)).count();
            log.say(format_args!("{removed} taken back"));
            let late = log.clone();
            its.add_done_callback(move |_| late.say("late"));
        });
        for name in ["second", "third"] {
            let log = said.clone();
            ids.borrow_mut().push(future.add_done_callback(move |_| log.say(name)));
        }
        future.set_result(()).unwrap();
        turns(3).await;
    });
    // They are queued by then, as asyncio's are.
    assert_eq!(log.take(), ["first", "0 taken back", "second", "third", "late"]);
}

/// `test_cancel_at_end`, `test_cancel_awaited_task`: a cancel that comes with the last step counts,
/// as asyncio's does, though there is no wait any more at which it could be noticed.
#[test]
fn a_task_that_cancels_itself_in_its_last_step_is_cancelled() {
    story(async {
        let task = create_task(async {
            current_task().unwrap().cancel();
            12
        });
        assert_eq!(catch_cancel(task).await, Err(Cancelled));

        let inner = create_task(sleep(FAR));
        let awaited = inner.clone();
        let outer = create_task(async move { catch_cancel(awaited).await });
        turn().await;
        inner.cancel();
        assert_eq!(outer.await, Err(Cancelled));
        assert!(inner.cancelled());
    });
}

/// `test_read_zero`, `test_readexactly_zero_or_less`, `test_read_limit`: nothing is asked for, and
/// given, at once.
#[test]
fn to_read_nothing_does_not_wait() {
    story(async {
        let mut reader = StreamReader::new(100);
        assert_eq!(reader.read(0).await.unwrap(), b"");
        assert_eq!(reader.readexactly(0).await.unwrap(), b"");
        reader.feed_data(b"chunk");
        assert_eq!(reader.read(3).await.unwrap(), b"chu");
        assert_eq!(reader.read(0).await.unwrap(), b"");
        assert_eq!(reader.read(99).await.unwrap(), b"nk");
    });
}

/// `test_read_exception`, `test_readline_exception`, `test_readexactly_exception`: an error is told to
/// each who reads, as often as it is asked for.
#[test]
fn an_error_is_told_to_each_who_reads() {
    story(async {
        let mut reader = StreamReader::new(100);
        reader.set_error(io::Error::new(ErrorKind::InvalidData, "ValueError"));
        for _ in 0..2 {
            assert_eq!(reader.read(1).await.unwrap_err().kind(), ErrorKind::InvalidData);
        }
        assert!(reader.readline().await.is_err());
        assert!(reader.readexactly(1).await.is_err());
    });
}

/// `test_multiple_drain`: any number may wait for room.
#[test]
fn several_may_drain_at_a_time() {
    on_a_loop(async {
        let listener = TcpListener::bind(home()).unwrap();
        let (_reader, writer) =
            open_connection(listener.local_addr().unwrap()).await.unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let writer = Rc::new(writer);
        let much = vec![7; 16 << 20];
        writer.write(&much);
        let draining: Vec<_> = (0..5)
            .map(|_| {
                let writer = Rc::clone(&writer);
                create_task(async move { writer.drain().await.map_err(|it| it.kind()) })
            })
            .collect();
        sleep(MS).await;
        assert!(draining.iter().all(|task| !task.done()));
        let reads = std::thread::spawn(move || {
            let mut all = vec![0; 16 << 20];
            peer.read_exact(&mut all).map(|()| peer)
        });
        assert_eq!(gather(draining).await, vec![Ok(()); 5]);
        while !reads.is_finished() {
            sleep(MS).await;
        }
        drop(reads.join().unwrap());
    });
}

/// `test_wait_closed_on_close_with_unread_data`, `test_eof_feed_when_closing_writer`: what is unread
/// does not keep a connection; and a reader hears of the end as its writer is closed.
#[test]
fn unread_data_do_not_keep_a_connection_open() {
    on_a_loop(async {
        let serve = start_server(
            async |_, writer| {
                writer.write(b"hello\nworld\n");
                drop(writer);
                Ok(())
            },
            home(),
        );
        let server = serve.await.unwrap();
        let (mut reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        assert_eq!(reader.readline().await.unwrap(), b"hello\n");
        writer.close();
        writer.wait_closed().await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"world\n");
        assert!(reader.at_eof());
        let (mut reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        assert_eq!(reader.readexactly(12).await.unwrap(), b"hello\nworld\n");
        writer.close();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        server.close();
    });
}

/// Writes down what it is told.
#[derive(Clone, Default)]
struct Told(Log, Rc<OnceCell<Rc<dyn Transport>>>);

impl Protocol for Told {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.0.say("made");
        let _ = self.1.set(transport);
    }

    fn data_received(&self, data: &[u8]) {
        self.0.say(String::from_utf8_lossy(data));
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.0
            .say(reason.map_or("lost".to_owned(), |it| format!("lost: {:?}", it.kind())));
    }
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(MS).await;
    }
}

/// uvloop's `test_create_server_4`: an address that is taken is named.
#[test]
fn an_address_that_is_taken_is_named() {
    on_a_loop(async {
        let taken = TcpListener::bind(home()).unwrap();
        let address = taken.local_addr().unwrap();
        let error = start_server(async |_, _| Ok(()), address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        let text = error.to_string();
        assert!(text.contains(&address.to_string()) && text.contains("in use"), "{text}");
    });
}

/// uvloop's `test_create_connection_5`, `_6`: a connection that is given up, before it is there and
/// after, leaves no socket.
#[test]
fn a_connection_that_is_given_up_is_closed() {
    on_a_loop(async {
        let listener = TcpListener::bind(home()).unwrap();
        let address = listener.local_addr().unwrap();
        for n in 0..6 {
            let connecting =
                create_task(async move { open_connection(address).await.map(drop) });
            turns(n).await;
            connecting.cancel();
            let _ = catch_cancel(connecting).await;
        }
        until(|| get_running_loop().reactor().sockets() == 0).await;
    });
}

/// uvloop's `test_tcp_handle_exception_in_connection_made`: it is told, and the next client is served.
#[test]
fn a_protocol_that_panics_as_it_is_connected_is_told_of() {
    struct Panics(Rc<Cell<u32>>);
    impl Protocol for Panics {
        fn connection_made(&self, transport: Rc<dyn Transport>) {
            self.0.set(self.0.get() + 1);
            assert_ne!(self.0.get(), 1, "an inner error");
            transport.write(b"well");
            transport.close();
        }
    }
    on_a_loop(async {
        let (reports, count) = (reports(), Rc::<Cell<u32>>::default());
        let event_loop = get_running_loop();
        let factory = move || Panics(Rc::clone(&count));
        let server = event_loop.create_server(factory, home()).await.unwrap();
        let (mut reader, _writer) = open_connection(server.sockets()[0]).await.unwrap();
        assert!(reader.read_to_end().await.is_ok_and(|it| it.is_empty()));
        assert!(reports.take()[0].contains("connection_made"));
        let (mut reader, _writer) = open_connection(server.sockets()[0]).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"well");
        server.close();
    });
}

/// uvloop's `test_many_small_writes`, `test_tcp`'s `writelines`: in order, whatever their sizes.
#[test]
fn many_small_writes_arrive_in_order() {
    on_a_loop(async {
        let serve = start_server(
            async |_, writer| {
                for n in 0..10_000_u32 {
                    writer.write(&n.to_be_bytes());
                    if n % 1_000 == 0 {
                        writer.drain().await?;
                    }
                }
                writer.writelines((0..100_u8).map(|n| vec![n; usize::from(n)]));
                Ok(())
            },
            home(),
        );
        let server = serve.await.unwrap();
        let (mut reader, _writer) = open_connection(server.sockets()[0]).await.unwrap();
        let received = reader.read_to_end().await.unwrap();
        let numbers = (0..10_000_u32).flat_map(u32::to_be_bytes);
        let lines = (0..100_u8).flat_map(|n| vec![n; usize::from(n)]);
        assert!(received == numbers.chain(lines).collect::<Vec<_>>());
        server.close();
    });
}

/// uvloop's `test_transport_shutdown`, `test_close_with_data`: told once, whatever is called after.
#[test]
fn to_close_and_abort_and_write_again_tells_once() {
    on_a_loop(async {
        let told = Told::default();
        let (event_loop, given) = (get_running_loop(), told.clone());
        let server =
            event_loop.create_server(move || given.clone(), home()).await.unwrap();
        let mut peer = TcpStream::connect(server.sockets()[0]).unwrap();
        until(|| told.1.get().is_some()).await;
        let transport = told.1.get().unwrap();
        transport.write(b"bye");
        transport.close();
        transport.close();
        transport.abort();
        transport.write(b"nobody hears that");
        transport.pause_reading();
        transport.resume_reading();
        turns(5).await;
        assert_eq!(told.0.take(), ["made", "lost"]);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"bye");
        server.close();
    });
}

/// uvloop's `test_udp`: `test_send_after_close`, `test_create_datagram_endpoint_wrong_sent`, an empty
/// datagram.
#[test]
fn a_datagram_after_the_end_is_not_sent_and_an_empty_one_is() {
    #[derive(Default)]
    struct Hears(RefCell<Vec<Vec<u8>>>);
    impl DatagramProtocol for Hears {
        fn datagram_received(&self, data: &[u8], _: SocketAddr) {
            self.0.borrow_mut().push(data.to_vec());
        }
    }
    on_a_loop(async {
        let event_loop = get_running_loop();
        let open = |remote: Option<SocketAddr>| {
            event_loop.create_datagram_endpoint(Hears::default, Some(home()), remote)
        };
        let (hears, letters) = open(None).await.unwrap();
        let (speaks, _): (Rc<dyn DatagramTransport>, _) =
            open(hears.sockname()).await.unwrap();
        speaks.sendto(b"", None);
        speaks.sendto(b"more", None);
        until(|| letters.0.borrow().len() == 2).await;
        assert_eq!(letters.0.take(), [b"".to_vec(), b"more".to_vec()]);
        let strange = caught(async { speaks.sendto(b"?", Some(home())) }).await;
        assert!(strange.unwrap_err().contains("connected to another address"));
        speaks.close();
        speaks.sendto(b"too late", None);
        speaks.abort();
        sleep(5 * MS).await;
        assert!(letters.0.take().is_empty());
        hears.close();
    });
}

/// uvloop's `test_read_pipe`, `test_write_pipe_disconnect_on_close`, `test_write_buffer_full`: a pipe
/// whose reader goes is lost; what was in it before is read.
#[test]
fn a_pipe_is_read_to_its_end_and_lost_with_its_reader() {
    on_a_loop(async {
        let event_loop = get_running_loop();
        let (reads, mut writes) = io::pipe().unwrap();
        let (_, told) = event_loop.connect_read_pipe(Told::default, reads).await.unwrap();
        writes.write_all(b"last words").unwrap();
        drop(writes);
        until(|| told.0.clone().take().last().is_some_and(|it| it == "lost")).await;

        let (reads, writes) = io::pipe().unwrap();
        let (transport, told) =
            event_loop.connect_write_pipe(Told::default, writes).await.unwrap();
        transport.write(&vec![1; 1 << 20]);
        assert!(transport.get_write_buffer_size() > 0);
        drop(reads);
        let log = told.0.clone();
        until(|| transport.is_closing()).await;
        turns(3).await;
        assert_eq!(log.take(), ["made", "lost: BrokenPipe"]);
    });
}
