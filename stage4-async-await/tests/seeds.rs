//! Random programs of whatever waits together, apart, in groups and in line, cancelled at random
//! moments: none hangs, nothing is leaked or lost, and whatever was entered is left.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use common::{ending, turn};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::extras::cancel_token::CancelToken;
use stage4_async_await::extras::channel::{mpsc, oneshot};
use stage4_async_await::extras::join_set::JoinSet;
use stage4_async_await::extras::race::{Either, race, select};
use stage4_async_await::extras::report::on_report;
use stage4_async_await::extras::shield::shield;
use stage4_async_await::extras::sync::{Barrier, Condition, Event, Mutex};
use stage4_async_await::extras::task_group::TaskGroup;
use stage4_async_await::extras::together::{gather, join, try_gather};
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{sleep, timeout};

/// How many programs, and how many parts each may have.
const SEEDS: u64 = 2_000;
const PARTS: u32 = 60;

type Ended = Result<(), u64>;
type Part = Pin<Box<dyn Future<Output = Ended>>>;

/// What the parts of a program share, and what is counted.
struct World {
    dice: Cell<u64>,
    parts: Cell<u32>,
    /// Parts that were made and not dropped yet.
    alive: Cell<i32>,
    entered: Cell<u32>,
    left: Cell<u32>,
    sent: Cell<u32>,
    received: Cell<u32>,
    sender: mpsc::Sender<u32>,
    mutex: Mutex<u32>,
    condition: Condition,
    semaphore: Rc<Semaphore>,
    event: Event,
    barrier: Barrier,
    token: CancelToken,
    /// What was played, to see that a seed is always the same program.
    played: RefCell<Vec<u64>>,
}

impl World {
    fn new(seed: u64) -> (Rc<Self>, mpsc::Receiver<u32>) {
        let (sender, receiver) = mpsc::channel(2);
        let world = Self {
            dice: Cell::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            parts: Cell::new(PARTS),
            alive: Cell::new(0),
            entered: Cell::new(0),
            left: Cell::new(0),
            sent: Cell::new(0),
            received: Cell::new(0),
            sender,
            mutex: Mutex::new(0),
            condition: Condition::new(),
            semaphore: Rc::new(Semaphore::new(2)),
            event: Event::new(),
            barrier: Barrier::new(3),
            token: CancelToken::new(),
            played: RefCell::default(),
        };
        (Rc::new(world), receiver)
    }

    /// A number below `sides` (xorshift).
    fn roll(&self, sides: u64) -> u64 {
        let mut dice = self.dice.get();
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        self.dice.set(dice);
        dice % sides
    }

    fn time(&self) -> Duration {
        Duration::from_micros(500) * u32::try_from(self.roll(8)).unwrap()
    }

    fn count(&self) -> u64 {
        1 + self.roll(3)
    }
}

fn add<T: Copy + std::ops::Add<Output = T>>(cell: &Cell<T>, number: T) {
    cell.set(cell.get() + number);
}

/// Counts a part as alive.
struct Alive(Rc<World>);

impl Alive {
    fn new(world: &Rc<World>) -> Self {
        add(&world.alive, 1);
        Self(Rc::clone(world))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        add(&self.0.alive, -1);
    }
}

/// Counts who comes and who leaves. Each may take its time.
struct Gate(Rc<World>);

impl Manager for Gate {
    type Error = u64;

    async fn enter(&mut self) -> Ended {
        sleep(self.0.time()).await;
        add(&self.0.entered, 1);
        Ok(())
    }

    async fn exit(self, _: Option<Result<(), &u64>>) -> Ended {
        sleep(self.0.time()).await;
        turn().await;
        add(&self.0.left, 1);
        Ok(())
    }
}

/// A part of a program, and whatever it is made of.
fn part(world: &Rc<World>, depth: u32) -> Part {
    let alive = Alive::new(world);
    let body = body(world, depth);
    let world = Rc::clone(world);
    Box::pin(async move {
        let _alive = alive;
        body.await?;
        let unlucky = world.roll(12);
        if unlucky == 0 { Err(world.roll(100)) } else { Ok(()) }
    })
}

fn body(world: &Rc<World>, depth: u32) -> Part {
    let left = world.parts.get();
    if depth == 0 || left == 0 {
        return leaf(world);
    }
    world.parts.set(left - 1);
    match world.roll(3) {
        0 => leaf(world),
        1 => nested(world, depth - 1),
        _ => spawned(world, depth - 1),
    }
}

fn parts(world: &Rc<World>, depth: u32) -> Vec<Part> {
    (0..world.count()).map(|_| part(world, depth)).collect()
}

/// What waits for one thing.
fn leaf(world: &Rc<World>) -> Part {
    let (world, time, kind) = (Rc::clone(world), world.time(), world.roll(9));
    world.played.borrow_mut().push(kind);
    Box::pin(async move {
        match kind {
            0 => turn().await,
            1 => drop(timeout(time, world.event.wait()).await),
            2 => drop(timeout(time, world.barrier.wait()).await),
            3 => {
                if world.sender.send(1).await.is_ok() {
                    add(&world.sent, 1);
                }
            }
            4 => {
                let mut held = world.mutex.lock().await;
                *held += 1;
                sleep(time).await;
                world.condition.notify(1);
            }
            5 => {
                let held = world.mutex.lock().await;
                drop(timeout(time, world.condition.wait(held)).await);
            }
            6 => {
                let permit = Rc::clone(&world.semaphore).acquire_owned().await;
                sleep(time).await;
                drop(permit);
            }
            7 => {
                world.event.set();
                world.event.clear();
                let _permit = world.semaphore.acquire().await;
                turn().await;
            }
            _ => sleep(time).await,
        }
        Ok(())
    })
}

/// Parts in the same task.
fn nested(world: &Rc<World>, depth: u32) -> Part {
    let (time, kind) = (world.time(), world.roll(7));
    world.played.borrow_mut().push(10 + kind);
    let (one, two) = (part(world, depth), part(world, depth));
    let many = parts(world, depth);
    let gate = Gate(Rc::clone(world));
    let token = world.token.child();
    Box::pin(async move {
        match kind {
            0 => {
                let (one, two) = join(one, two).await;
                one.and(two)
            }
            1 => gather(many).await.into_iter().collect(),
            2 => try_gather(many).await.map(drop),
            3 => race(many).await.1,
            4 => match select(one, two).await {
                Either::Left(ended) | Either::Right(ended) => ended,
            },
            5 => timeout(time, with(gate, async |_| one.await)).await.unwrap_or(Ok(())),
            _ => {
                let stop = async {
                    sleep(time).await;
                    token.cancel();
                };
                let body = with(gate, async |_| one.await);
                join(token.run_until_cancelled(body), stop).await.0.unwrap_or(Ok(()))
            }
        }
    })
}

/// Parts in tasks of their own.
fn spawned(world: &Rc<World>, depth: u32) -> Part {
    let (time, kind) = (world.time(), world.roll(7));
    world.played.borrow_mut().push(20 + kind);
    let one = part(world, depth);
    let many = parts(world, depth);
    let gate = Gate(Rc::clone(world));
    Box::pin(async move {
        let guarded = with(gate, async move |_| one.await);
        match kind {
            0 => {
                let task = spawn(guarded);
                sleep(time).await;
                task.cancel().await.unwrap_or(Ok(()))
            }
            1 => {
                drop(spawn(guarded));
                Ok(())
            }
            2 => timeout(time, shield(guarded)).await.unwrap_or(Ok(())),
            3 => {
                let mut set = JoinSet::new();
                many.into_iter().for_each(|one| drop(set.spawn(one)));
                let _ = timeout(time, async { while set.join_next().await.is_some() {} })
                    .await;
                Ok(())
            }
            4 | 5 => group(guarded, many, time).await,
            _ => {
                let (answer, waits) = oneshot::channel();
                let task = spawn(async move {
                    let ended = guarded.await;
                    let _ = answer.send(ended);
                });
                task.abort_handle().abort();
                waits.await.unwrap_or(Ok(()))
            }
        }
    })
}

/// A group, perhaps with too little time.
async fn group(
    body: impl Future<Output = Ended> + 'static,
    many: Vec<Part>,
    time: Duration,
) -> Ended {
    let group = TaskGroup::run(async move |group| {
        let mut last = None;
        for one in many {
            last = Some(group.spawn(one));
        }
        let ended = body.await;
        if let Some(last) = last {
            last.await;
        }
        ended
    });
    match timeout(4 * time, group).await {
        Ok(Err(errors)) => Err(errors[0]),
        _ => Ok(()),
    }
}

/// Receives, impatiently. At the end it counts what is left in the channel.
struct Consumer {
    world: Rc<World>,
    receiver: mpsc::Receiver<u32>,
}

impl Consumer {
    async fn run(mut self) {
        loop {
            match timeout(self.world.time(), self.receiver.recv()).await {
                Ok(value) => add(&self.world.received, value.unwrap()),
                Err(_) => sleep(self.world.time()).await,
            }
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.receiver.close();
        while let Ok(value) = self.receiver.try_recv() {
            add(&self.world.received, value);
        }
    }
}

/// Runs the program of a seed. Gives what was played, and how long it took.
fn play(seed: u64) -> (Vec<u64>, Duration) {
    // An error of a group that nobody awaits any more is none of this test.
    on_report(|_| {});
    let (world, receiver) = World::new(seed);
    let inside = Rc::clone(&world);
    let (ended, took) = ending(async move {
        let consumer = Consumer { world: Rc::clone(&inside), receiver };
        let consumer = spawn(consumer.run());
        let _ = part(&inside, 5).await;
        // Those that were spawned and forgotten are cancelled somewhere in the middle.
        sleep(inside.time()).await;
        drop(consumer);
    });
    ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let what = format!("seed {seed}, {:?}", world.played.borrow());
    assert_eq!(world.alive.get(), 0, "leaked: {what}");
    assert_eq!(world.left.get(), world.entered.get(), "not left: {what}");
    assert!(world.mutex.try_lock().is_some(), "locked for ever: {what}");
    assert_eq!(world.semaphore.available_permits(), 2, "permits lost: {what}");
    assert_eq!(world.barrier.waiting(), 0, "{what}");
    assert_eq!(world.received.get(), world.sent.get(), "values lost: {what}");
    (world.played.take(), took)
}

#[test]
fn nothing_hangs_and_nothing_is_lost_in_any_program() {
    let kinds = common::in_time(|| {
        let mut kinds = std::collections::BTreeSet::new();
        for seed in 0..SEEDS {
            kinds.extend(play(seed).0);
        }
        kinds
    });
    assert_eq!(kinds.len(), 9 + 7 + 7, "some are never played: {kinds:?}");
}

/// A seed is a program, so that a failure can be looked at.
#[test]
fn a_seed_is_always_the_same_program() {
    common::in_time(|| {
        for seed in 0..50 {
            assert_eq!(play(seed), play(seed), "seed {seed}");
        }
    });
}
