//! Light tasks: who runs when, who hears of what, who is dropped and how often, and what it costs.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::waker_clone_wake, reason = "that a clone wakes is what is tried")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage5_asyncio::events::with_loop_factory;
use stage5_asyncio::net::{TcpListener, TcpStream};
use stage5_asyncio::{create_task, get_running_loop};
use stage6_uvloop::engine::Engine;
use stage6_uvloop::light::channel::{SendError, channel};
use stage6_uvloop::light::{self, scope, sleep, spawn, timeout, yield_now};

use common::Dice;

type Log = Rc<RefCell<Vec<&'static str>>>;

/// On a clock that goes on when everybody waits.
fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    backend::scope(Clockwork::new(), || light::run(main)).unwrap()
}

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Counts how often it is dropped.
struct Counted(Rc<Cell<u32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Says when it is polled and wakes itself; ready at once when told so.
async fn says(log: Log, words: &'static [&'static str]) {
    for word in words {
        log.borrow_mut().push(word);
        yield_now().await;
    }
}

#[test]
fn a_task_takes_its_first_step_later_and_all_take_turns() {
    let log = Log::default();
    let main = {
        let log = Rc::clone(&log);
        async move {
            let one = spawn(says(Rc::clone(&log), &["a1", "a2"]));
            let other = spawn(says(Rc::clone(&log), &["b1", "b2"]));
            log.borrow_mut().push("main");
            one.await;
            other.await;
        }
    };
    run(main);
    assert_eq!(*log.borrow(), ["main", "a1", "b1", "a2", "b2"]);
}

#[test]
fn to_drop_the_handle_lets_the_task_run() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    run(async move {
        drop(spawn(says(inside, &["runs", "to its end"])));
        sleep(ms(1)).await;
    });
    assert_eq!(*log.borrow(), ["runs", "to its end"]);
}

#[test]
fn a_panic_goes_to_whoever_awaits_and_to_nobody_else() {
    let heard = run(async {
        let (bad, good) = (spawn(async { panic!("as planned") }), spawn(async { 7 }));
        drop(spawn(async { panic!("and nobody listens") }));
        let mut bad = pin!(bad);
        let caught = poll_fn(|context| {
            let poll = AssertUnwindSafe(|| bad.as_mut().poll(context));
            match catch_unwind(poll) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) => Poll::Ready("no panic"),
                Err(panic) => Poll::Ready(*panic.downcast::<&'static str>().unwrap()),
            }
        });
        (caught.await, good.await)
    });
    assert_eq!(heard, ("as planned", 7));
}

#[test]
fn what_is_left_is_dropped_once_when_the_main_future_ends() {
    let drops = Rc::new(Cell::new(0));
    let handle = run({
        let drops = Rc::clone(&drops);
        async move {
            let held = Counted(Rc::clone(&drops));
            let waits = spawn(async move {
                pending::<()>().await;
                drop(held);
            });
            let held = Counted(drops);
            drop(spawn(async move { drop(held) }));
            yield_now().await;
            Some(waits)
        }
    });
    let handle = handle.unwrap();
    assert_eq!(drops.get(), 2);
    assert!(handle.is_finished());
    let mut handle = pin!(handle);
    let mut context = Context::from_waker(Waker::noop());
    let late = catch_unwind(AssertUnwindSafe(|| handle.as_mut().poll(&mut context)));
    let words = *late.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("its scope has ended"), "{words}");
}

#[test]
fn an_output_is_dropped_once_whether_it_is_taken_or_not() {
    let drops = Rc::new(Cell::new(0));
    let taken = run({
        let drops = Rc::clone(&drops);
        async move {
            let make = || {
                let output = Counted(Rc::clone(&drops));
                async move { output }
            };
            let (taken, left, unwanted) = (spawn(make()), spawn(make()), spawn(make()));
            drop(unwanted);
            let taken = taken.await;
            assert_eq!(drops.get(), 1, "the one that nobody wants");
            assert!(left.is_finished());
            drop(left);
            assert_eq!(drops.get(), 2, "the one that nobody took");
            taken
        }
    });
    assert_eq!(drops.get(), 2);
    drop(taken);
    assert_eq!(drops.get(), 3);
}

#[test]
fn to_cancel_the_task_around_a_scope_drops_all_that_is_in_it() {
    let drops = Rc::new(Cell::new(0));
    let inside = Rc::clone(&drops);
    let run = || {
        stage6_uvloop::run(async move {
            let task = create_task(scope(async move {
                for _ in 0..3 {
                    let held = Counted(Rc::clone(&inside));
                    drop(spawn(async move {
                        sleep(ms(1_000)).await;
                        drop(held);
                    }));
                }
                pending::<()>().await;
            }));
            stage5_asyncio::time::sleep(ms(1)).await;
            task.cancel();
            task.erased().ended().await;
            // The timer that woke the scope is gone with it.
            get_running_loop().reactor().is_waited_for()
        })
    };
    assert!(!backend::scope(Clockwork::new(), run).unwrap());
    assert_eq!(drops.get(), 3);
}

/// Waits to be let go on; counts its polls, and leaves its waker.
async fn parks(polls: Rc<Cell<u32>>, left: Rc<RefCell<Option<Waker>>>, steps: u32) {
    poll_fn(move |context| {
        polls.set(polls.get() + 1);
        *left.borrow_mut() = Some(context.waker().clone());
        if polls.get() > steps { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn however_often_it_is_woken_it_takes_one_step() {
    let polls = Rc::new(Cell::new(0));
    let inside = Rc::clone(&polls);
    run(async move {
        let left = Rc::default();
        drop(spawn(parks(inside, Rc::clone(&left), 9)));
        yield_now().await;
        let waker = left.borrow().clone().unwrap();
        waker.wake_by_ref();
        waker.clone().wake();
        waker.wake();
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(polls.get(), 2);
}

#[test]
fn one_that_is_woken_in_its_last_step_is_not_stepped_again() {
    let polls = Rc::new(Cell::new(0));
    let inside = Rc::clone(&polls);
    run(async move {
        let last = spawn(poll_fn(move |context| {
            inside.set(inside.get() + 1);
            context.waker().wake_by_ref();
            Poll::Ready(())
        }));
        yield_now().await;
        yield_now().await;
        last.await;
    });
    assert_eq!(polls.get(), 1);
}

#[test]
fn a_waker_that_outlives_its_task_does_not_wake_the_next_one_in_its_place() {
    let next = Rc::new(Cell::new(0));
    let polls = Rc::clone(&next);
    let stale = run(async move {
        let left = Rc::default();
        spawn(parks(Rc::default(), Rc::clone(&left), 0)).await;
        let stale = left.take().unwrap();
        drop(spawn(parks(polls, Rc::default(), 9)));
        yield_now().await;
        stale.wake_by_ref();
        yield_now().await;
        yield_now().await;
        stale
    });
    assert_eq!(next.get(), 1);
    // Nor anybody after the end of the scope, on this thread or on another one.
    stale.wake_by_ref();
    thread::spawn(move || stale.wake()).join().unwrap();
}

#[test]
fn the_other_tasks_of_the_loop_have_their_turn_beside_a_scope_that_is_never_idle() {
    let turns = Rc::new(Cell::new(0));
    let counted = Rc::clone(&turns);
    let run = || {
        stage6_uvloop::run(async move {
            let busy = create_task(scope(async {
                let steps = Rc::new(Cell::new(0_u32));
                for _ in 0..2 {
                    let steps = Rc::clone(&steps);
                    drop(spawn(async move {
                        loop {
                            steps.set(steps.get() + 1);
                            yield_now().await;
                        }
                    }));
                }
                while steps.get() < 6_400 {
                    yield_now().await;
                }
            }));
            let other = create_task(async move {
                while !busy.done() {
                    turns.set(turns.get() + 1);
                    stage5_asyncio::time::sleep(Duration::ZERO).await;
                }
            });
            other.await;
        })
    };
    run().unwrap();
    assert!((50..=200).contains(&counted.get()), "{} turns", counted.get());
}

#[test]
fn those_who_sleep_are_woken_in_the_order_of_their_deadlines() {
    let log = Log::default();
    let inside = Rc::clone(&log);
    let took = run(async move {
        let began = get_running_loop().time();
        let sleeper = |name, n| {
            let log = Rc::clone(&inside);
            spawn(async move {
                sleep(ms(n)).await;
                log.borrow_mut().push(name);
            })
        };
        let tasks = [
            sleeper("c", 30),
            sleeper("a", 10),
            sleeper("b, the first", 20),
            sleeper("b, the second", 20),
            sleeper("never", 1_000),
        ];
        let [c, .., never] = tasks;
        c.await;
        drop(never);
        get_running_loop().time() - began
    });
    assert_eq!(*log.borrow(), ["a", "b, the first", "b, the second", "c"]);
    assert_eq!(took, ms(30));
}

#[test]
fn a_timeout_drops_its_body_and_leaves_no_timer() {
    let drops = Rc::new(Cell::new(0));
    let held = Counted(Rc::clone(&drops));
    let heard = run(async move {
        let body = async move {
            sleep(ms(50)).await;
            drop(held);
        };
        let late = timeout(ms(10), body).await;
        let in_time = timeout(ms(10), async { 7 }).await;
        (late.is_err(), in_time, drops.get())
    });
    assert_eq!(heard, (true, Ok(7), 1));
}

#[test]
fn a_channel_is_fair_and_tells_both_ends_of_its_end() {
    let heard = run(async {
        let (sender, mut receiver) = channel(1);
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let sender = sender.clone();
                spawn(async move {
                    sender.send(n * 10).await.unwrap();
                    sender.send(n * 10 + 1).await.unwrap();
                })
            })
            .collect();
        drop(sender);
        yield_now().await;
        let mut heard = Vec::new();
        while let Some(n) = receiver.recv().await {
            heard.push(n);
        }
        for task in tasks {
            task.await;
        }
        let (sender, receiver) = channel(1);
        sender.send(1).await.unwrap();
        let waits = spawn(async move { sender.send(2).await });
        yield_now().await;
        drop(receiver);
        (heard, waits.await)
    });
    assert_eq!(heard, (vec![0, 1, 10, 20, 11, 21], Err(SendError(2))));
}

#[test]
fn a_sender_that_gives_up_lets_the_next_one_go() {
    let heard = run(async {
        let (sender, mut receiver) = channel(1);
        sender.send(1).await.unwrap();
        let (first, second) = (sender.clone(), sender.clone());
        let gives_up =
            spawn(async move { timeout(ms(1), first.send(2)).await.map(drop) });
        let waits = spawn(async move { second.send(3).await });
        let late = gives_up.await;
        let heard = [receiver.recv().await, receiver.recv().await];
        (late.is_err(), heard, waits.await)
    });
    assert_eq!(heard, (true, [Some(1), Some(3)], Ok(())));
}

#[test]
fn a_sender_that_was_called_and_does_not_come_passes_the_call_on() {
    let heard = run(async {
        let (sender, mut receiver) = channel(1);
        sender.send(1).await.unwrap();
        let mut called = Box::pin(sender.send(2));
        let mut context = Context::from_waker(Waker::noop());
        assert!(called.as_mut().poll(&mut context).is_pending());
        let next = sender.clone();
        let waits = spawn(async move { next.send(3).await });
        yield_now().await;
        let first = receiver.recv().await;
        drop(called);
        (first, receiver.recv().await, waits.await)
    });
    assert_eq!(heard, (Some(1), Some(3), Ok(())));
}

#[test]
fn whoever_comes_when_there_is_room_again_stands_behind_those_who_wait() {
    let heard = run(async {
        let (sender, mut receiver) = channel(1);
        sender.send(1).await.unwrap();
        let other = sender.clone();
        drop(spawn(async move { other.send(2).await.unwrap() }));
        yield_now().await;
        let first = receiver.recv().await;
        let mut late = Box::pin(sender.send(3));
        let mut context = Context::from_waker(Waker::noop());
        assert!(late.as_mut().poll(&mut context).is_pending());
        let second = receiver.recv().await;
        late.await.unwrap();
        [first, second, receiver.recv().await]
    });
    assert_eq!(heard, [Some(1), Some(2), Some(3)]);
}

#[test]
fn scopes_may_be_nested_and_their_tasks_wake_each_other() {
    let heard = run(async {
        let (there, mut come) = channel(1);
        let inner = spawn(scope(async move {
            let sums = spawn(async move {
                let mut sum = 0;
                while let Some(n) = come.recv().await {
                    sleep(ms(1)).await;
                    sum += n;
                }
                sum
            });
            sums.await
        }));
        for n in 1..=4 {
            there.send(n).await.unwrap();
        }
        drop(there);
        inner.await
    });
    assert_eq!(heard, 10);
}

#[test]
fn a_task_outside_of_every_scope_is_told_where_it_belongs() {
    let outside = catch_unwind(|| drop(spawn(async {})));
    let words = *outside.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("this belongs in `light::scope`"), "{words}");
}

#[test]
fn a_task_is_one_allocation_and_a_waker_none() {
    use allocation_counter::measure;
    let (tasks, wakers) = run(async {
        const MANY: u64 = 100;
        let some = async || {
            for _ in 0..MANY {
                assert_eq!(spawn(async { 7 }).await, 7);
            }
        };
        // The first ones make the lists grow.
        some().await;
        let mut some = pin!(some());
        let mut allocated = 0;
        poll_fn(|context| {
            let mut polled = Poll::Pending;
            let count = measure(|| polled = some.as_mut().poll(context));
            allocated += count.count_total;
            polled
        })
        .await;
        let wakers = poll_fn(|context| {
            let waker = context.waker();
            Poll::Ready(
                measure(|| (0..MANY).for_each(|_| drop(waker.clone()))).count_total,
            )
        });
        (allocated / MANY, wakers.await)
    });
    assert_eq!((tasks, wakers), (1, 0));
}

/// Asyncio's own streams, read and written by light tasks, on both engines.
#[test]
fn light_tasks_serve_real_sockets_through_the_streams_of_asyncio() {
    for engine in Engine::ALL {
        let backend = engine.open(|_| ()).unwrap();
        let main = async {
            let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = listener.local_addr().unwrap();
            drop(spawn(async move {
                while let Ok(stream) = listener.accept().await {
                    drop(spawn(echo(stream)));
                }
            }));
            let clients: Vec<_> = (0..16).map(|n| spawn(asks(address, n))).collect();
            let mut right = 0;
            for client in clients {
                right += u32::from(client.await);
            }
            right
        };
        let right = backend::scope(backend, || light::run(main)).unwrap();
        assert_eq!(right, 16, "on {engine}");
    }
}

async fn echo(stream: TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        stream.write_all(&buffer[..n]).await.unwrap();
    }
}

/// Whether each answer was what was asked.
async fn asks(address: SocketAddr, n: u8) -> bool {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut is_right = true;
    for round in 0..20 {
        stream.write_all(&[n, round]).await.unwrap();
        let mut buffer = [0; 2];
        let mut heard = 0;
        while heard < 2 {
            heard += stream.read(&mut buffer[heard..]).await.unwrap();
        }
        is_right &= buffer == [n, round];
    }
    is_right
}

/// What one light task and one thread share.
#[derive(Default)]
struct Meeting {
    said: Mutex<(u32, Option<Waker>)>,
}

const THREADS: u32 = 8;
const ROUNDS: u32 = 2_000;

/// Each thread wakes a task of its own again and again, and never once too little.
#[test]
fn no_wake_of_eight_threads_is_lost() {
    for engine in Engine::ALL {
        let backend = engine.open(|_| ()).unwrap();
        let main = async {
            let meetings: Vec<_> =
                (0..THREADS).map(|_| Arc::new(Meeting::default())).collect();
            let threads: Vec<_> = meetings
                .iter()
                .cloned()
                .map(|it| {
                    thread::spawn(move || {
                        for n in 1..=ROUNDS {
                            let mut said = it.said.lock().unwrap();
                            said.0 = n;
                            let waker =
                                if n % 2 == 0 { said.1.take() } else { said.1.clone() };
                            drop(said);
                            waker.into_iter().for_each(Waker::wake);
                        }
                    })
                })
                .collect();
            let tasks = meetings.into_iter().map(|it| {
                spawn(poll_fn(move |context| {
                    let mut said = it.said.lock().unwrap();
                    said.1 = Some(context.waker().clone());
                    if said.0 == ROUNDS { Poll::Ready(1) } else { Poll::Pending }
                }))
            });
            let mut heard = 0;
            for task in tasks.collect::<Vec<_>>() {
                heard += task.await;
            }
            threads.into_iter().for_each(|it| it.join().unwrap());
            heard
        };
        let minute = Duration::from_mins(1);
        let main = async move { timeout(minute, main).await };
        let heard = backend::scope(backend, || light::run(main)).unwrap();
        assert_eq!(heard, Ok(THREADS), "a wake was lost, on {engine}");
    }
}

type Story = Rc<RefCell<Vec<(u64, u64)>>>;

/// The kinds of tasks a random program may be made of.
trait Kind: 'static {
    fn run(main: impl Future<Output = ()> + 'static);
    fn spawn(task: impl Future<Output = ()> + 'static) -> impl Future<Output = ()>;
    fn sleep(duration: Duration) -> impl Future<Output = ()>;
    fn in_time(
        limit: Duration,
        body: impl Future<Output = ()>,
    ) -> impl Future<Output = bool>;
}

struct Light;

impl Kind for Light {
    fn run(main: impl Future<Output = ()> + 'static) {
        run(main);
    }

    fn spawn(task: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        spawn(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        sleep(duration)
    }

    async fn in_time(limit: Duration, body: impl Future<Output = ()>) -> bool {
        timeout(limit, body).await.is_ok()
    }
}

/// Stage 5's tasks, on stage 5's loop.
struct Model;

impl Kind for Model {
    fn run(main: impl Future<Output = ()> + 'static) {
        let run = || stage5_asyncio::run(main);
        let run = || with_loop_factory(stage5_asyncio::selector_events::open, run);
        backend::scope(Clockwork::new(), run).unwrap();
    }

    fn spawn(task: impl Future<Output = ()> + 'static) -> impl Future<Output = ()> {
        let task = create_task(task);
        async move { task.await }
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage5_asyncio::time::sleep(duration)
    }

    async fn in_time(limit: Duration, body: impl Future<Output = ()>) -> bool {
        stage5_asyncio::timeout(limit, body).await.is_ok()
    }
}

/// A task that takes turns, sleeps, starts others and waits for them.
async fn program<K: Kind>(id: u64, mut dice: Dice, story: Story) {
    let mut children = Vec::new();
    for step in 0..dice.throw(8) {
        match dice.throw(5) {
            0 => yield_now().await,
            1 => K::sleep(ms(1 + dice.throw(40))).await,
            2 if id < 1_000 => {
                let (id, dice) = (id * 10 + step, Dice(dice.throw(1 << 40) | 1));
                children.push(Box::pin(K::spawn(Box::pin(program::<K>(
                    id,
                    dice,
                    Rc::clone(&story),
                ))
                    as std::pin::Pin<Box<dyn Future<Output = ()>>>)));
            }
            3 => {
                // At a moment of its own: asyncio's cancels, and the news takes a turn more.
                let limit = ms(dice.throw(20)) + Duration::from_nanos(id * 16 + step + 1);
                let in_time = K::in_time(limit, K::sleep(ms(1 + dice.throw(20)))).await;
                story.borrow_mut().push((id, 100 + u64::from(in_time)));
            }
            _ => {
                if let Some(child) = children.pop() {
                    child.await;
                }
            }
        }
        story.borrow_mut().push((id, step));
    }
    for child in children {
        child.await;
    }
    story.borrow_mut().push((id, 99));
}

/// The model is stage 5's loop and its tasks: what happens, and in which order.
#[test]
fn random_programs_of_light_tasks_tell_the_story_of_asyncios() {
    fn story<K: Kind>(seed: u64) -> Vec<(u64, u64)> {
        let story = Story::default();
        let dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        K::run(program::<K>(1, dice, Rc::clone(&story)));
        story.take()
    }
    let mut events = 0;
    for seed in 0..3_000 {
        let model = story::<Model>(seed);
        assert_eq!(story::<Light>(seed), model, "seed {seed}");
        events += model.len();
    }
    assert!(events > 20_000, "the programs do next to nothing: {events} events");
}
