//! Programs made by dice, cancelled at places and times that the dice choose: none hangs, and
//! every exit that was entered is run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use common::{FAR, MS, reports_of, turn};
use reactor::backend::{self, Clockwork};
use stage5_asyncio::cancel::{Manager, with};
use stage5_asyncio::events::TimerHandle;
use stage5_asyncio::exceptions::Cancelled;
use stage5_asyncio::locks::Lock;
use stage5_asyncio::tasks::{AnyTask, all_tasks_of, gather_each, shield, wait};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    EventLoop, all_tasks, catch_cancel, create_task, current_task, finally,
    new_event_loop, task_group, timeout,
};

/// How many programs: enough for the day in a debug build, all of them in release.
const PROGRAMS: u64 = if cfg!(debug_assertions) { 4_000 } else { 100_000 };

/// What a program does.
#[derive(Debug)]
enum Program {
    Turn,
    Sleep(Duration),
    /// Cancels its own task.
    CancelItself,
    Sequence(Vec<Rc<Program>>),
    /// In one task, side by side.
    Join(Vec<Rc<Program>>),
    /// In one task; the loser is dropped.
    Select(Rc<Program>, Rc<Program>),
    /// In one task; the loser is kept, awaited a second time and not polled meanwhile.
    Parked(Rc<Program>, Rc<Program>),
    /// Swallows a cancel, or raises it again.
    Catch(Rc<Program>, bool),
    Finally(Rc<Program>, Rc<Program>),
    With(Rc<Program>, Rc<Program>),
    Timeout(Duration, Rc<Program>),
    Task(Rc<Program>),
    Shield(Rc<Program>),
    Gather(Vec<Rc<Program>>),
    WaitForTheFirst(Vec<Rc<Program>>),
    /// The number of the child that fails, if there is one.
    Group(Vec<Rc<Program>>, usize),
    Lock(Rc<Program>),
}

/// A number that follows from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn program(&mut self, depth: u32) -> Rc<Program> {
        let sides = if depth == 0 { 4 } else { 19 };
        let inner = depth.saturating_sub(1);
        Rc::new(match self.roll(sides) {
            0 => Program::Turn,
            1 => Program::Sleep(FAR),
            2 if self.roll(3) == 0 => Program::CancelItself,
            2 | 3 => Program::Sleep(self.moment()),
            4 | 5 => Program::Sequence(self.programs(inner)),
            6 => Program::Join(self.programs(inner)),
            7 => Program::Select(self.program(inner), self.program(inner)),
            8 => Program::Parked(self.program(inner), self.program(inner)),
            9 => Program::Catch(self.program(inner), self.roll(2) == 0),
            10 => Program::Finally(self.program(inner), self.program(inner)),
            11 | 12 => Program::With(self.program(inner), self.program(inner)),
            13 => Program::Timeout(self.moment(), self.program(inner)),
            14 => Program::Task(self.program(inner)),
            15 if self.roll(2) == 0 => Program::Shield(self.program(inner)),
            15 => Program::WaitForTheFirst(self.programs(inner)),
            16 => Program::Gather(self.programs(inner)),
            17 => {
                let fails = usize::try_from(self.roll(5)).unwrap();
                Program::Group(self.programs(inner), fails)
            }
            _ => Program::Lock(self.program(inner)),
        })
    }

    fn programs(&mut self, depth: u32) -> Vec<Rc<Program>> {
        (0..=self.roll(2)).map(|_| self.program(depth)).collect()
    }

    fn moment(&mut self) -> Duration {
        u32::try_from(self.roll(8)).unwrap() * MS
    }
}

/// What all parts of a program share.
#[derive(Clone, Default)]
struct World {
    lock: Rc<Lock>,
    /// How many exits were entered, less those that ran to their end.
    open: Rc<Cell<i32>>,
    /// How many cleanups have to begin, less those that did.
    due: Rc<Cell<i32>>,
}

type Running = Pin<Box<dyn Future<Output = ()>>>;

fn add(count: &Cell<i32>, n: i32) {
    count.set(count.get() + n);
}

impl World {
    fn run(&self, program: &Rc<Program>) -> Running {
        let (world, program) = (self.clone(), Rc::clone(program));
        Box::pin(async move { world.step(&program).await })
    }

    fn run_all(&self, programs: &[Rc<Program>]) -> Vec<Running> {
        programs.iter().map(|program| self.run(program)).collect()
    }

    #[expect(clippy::too_many_lines, reason = "a case for each kind of program")]
    async fn step(&self, program: &Program) {
        match program {
            Program::Turn => turn().await,
            Program::Sleep(duration) => sleep(*duration).await,
            Program::CancelItself => {
                current_task().unwrap().cancel();
            }
            Program::Sequence(programs) => {
                for program in programs {
                    self.run(program).await;
                }
            }
            Program::Join(programs) => join(self.run_all(programs)).await,
            Program::Select(one, other) => select(self.run(one), self.run(other)).await,
            Program::Parked(one, other) => parked(self.run(one), self.run(other)).await,
            Program::Catch(body, raises) => {
                if let Err(cancelled) = catch_cancel(self.run(body)).await
                    && *raises
                {
                    cancelled.raise::<()>().await;
                }
            }
            Program::Finally(body, cleanup) => {
                add(&self.due, 1);
                // A `select` may drop it half way: then the cleanup is dropped with it.
                let begins = Begins(Rc::clone(&self.due));
                finally(self.run(body), async move || {
                    drop(begins);
                    self.run(cleanup).await;
                })
                .await;
            }
            Program::With(body, exit) => {
                let room = Room { world: self.clone(), exit: Rc::clone(exit) };
                let body = self.run(body);
                with(room, async |_| {
                    body.await;
                    Ok(())
                })
                .await
                .unwrap();
            }
            Program::Timeout(delay, body) => {
                let _ = timeout(*delay, self.run(body)).await;
            }
            Program::Task(body) => create_task(self.run(body)).await,
            Program::Shield(body) => shield(create_task(self.run(body))).await,
            Program::Gather(bodies) => {
                gather_each(self.run_all(bodies)).await;
            }
            Program::WaitForTheFirst(bodies) => {
                let tasks = self.run_all(bodies).into_iter().map(create_task);
                wait(tasks.collect::<Vec<_>>()).first_completed().await;
            }
            Program::Group(bodies, fails) => {
                let _ = self.group(bodies, *fails).await;
            }
            Program::Lock(body) => {
                let body = self.run(body);
                let locked = async {
                    // Nobody who has it may wait for itself: it is tried for a while only.
                    let guard = timeout(MS, self.lock.acquire()).await;
                    let _guard = guard.ok();
                    body.await;
                };
                locked.await;
            }
        }
    }

    async fn group(&self, bodies: &[Rc<Program>], fails: usize) -> Result<(), ()> {
        let ended = task_group(async |group| {
            for (n, body) in self.run_all(bodies).into_iter().enumerate() {
                group.create_task(async move {
                    body.await;
                    if n == fails { Err(()) } else { Ok(()) }
                });
            }
            turn().await;
            Ok(())
        });
        ended.await.map_err(drop)
    }
}

/// Counts down when it is dropped: as a cleanup begins, or is given up before.
struct Begins(Rc<Cell<i32>>);

impl Drop for Begins {
    fn drop(&mut self) {
        add(&self.0, -1);
    }
}

/// Its exit is a program of its own. It cannot be cancelled from outside, but it may cancel
/// itself, and it may take long: so it is given some time.
struct Room {
    world: World,
    exit: Rc<Program>,
}

impl Manager for Room {
    type Error = &'static str;

    async fn enter(&mut self) -> Result<(), &'static str> {
        add(&self.world.open, 1);
        Ok(())
    }

    async fn exit(
        self,
        _: Option<Result<(), &&'static str>>,
    ) -> Result<(), &'static str> {
        let exit = catch_cancel(timeout(5 * MS, self.world.run(&self.exit)));
        let _ = exit.await;
        add(&self.world.open, -1);
        Ok(())
    }
}

/// Polls all of them until each is done.
async fn join(mut bodies: Vec<Running>) {
    poll_fn(|context| {
        bodies.retain_mut(|body| body.as_mut().poll(context).is_pending());
        if bodies.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Polls both until one is done.
async fn select(mut one: Running, mut other: Running) {
    poll_fn(|context| {
        let one = one.as_mut().poll(context);
        if one.is_ready() { one } else { other.as_mut().poll(context) }
    })
    .await;
}

/// Polls `kept` once, and goes on with it after the other is done.
async fn parked(mut kept: Running, other: Running) {
    let first = poll_fn(|context| Poll::Ready(kept.as_mut().poll(context))).await;
    other.await;
    if first.is_pending() {
        kept.await;
    }
}

/// Runs one program, and cancels tasks of it while it runs.
fn tell(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (world, program) = (World::default(), dice.program(4));
    let event_loop = backend::scope(Clockwork::new(), || new_event_loop().unwrap());
    let reports = reports_of(&event_loop);
    let main = event_loop.create_task(world.run(&program));
    let cancels: Vec<_> =
        (0..dice.roll(4)).map(|_| cancel_later(&event_loop, &mut dice)).collect();
    match event_loop.run_until_complete(main) {
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            assert!(error.downcast::<Cancelled>().is_ok(), "seed {seed}: stopped");
        }
        ended => {
            ended.unwrap_or_else(|error| panic!("seed {seed}: {error}, {program:?}"));
        }
    }
    cancels.iter().for_each(TimerHandle::cancel);
    cancel_those_who_are_left(&event_loop);
    assert_eq!(world.open.get(), 0, "seed {seed}: exits that did not run, {program:?}");
    assert_eq!(world.due.get(), 0, "seed {seed}: cleanups that did not begin");
    assert!(!world.lock.locked(), "seed {seed}: it is still locked");
    assert_eq!(event_loop.reactor().timers(), 0, "seed {seed}: timers are left");
    assert!(all_tasks_of(&event_loop).is_empty(), "seed {seed}: tasks are left");
    assert!(reports.take().is_empty(), "seed {seed}: something was reported");
}

/// Cancels one of the tasks that there are by then.
fn cancel_later(event_loop: &EventLoop, dice: &mut Dice) -> TimerHandle {
    let (when, which) = (dice.moment(), usize::try_from(dice.roll(64)).unwrap());
    event_loop.call_later(when, move || {
        let tasks = all_tasks();
        tasks.get(which % tasks.len().max(1)).map(AnyTask::cancel);
    })
}

/// As `run` ends; but whoever refuses, or is new, is asked again.
fn cancel_those_who_are_left(event_loop: &EventLoop) {
    let cancelled = event_loop.run_until_complete(async {
        while all_tasks().len() > 1 {
            let others =
                all_tasks().into_iter().filter(|it| Some(it) != current_task().as_ref());
            others.for_each(|task| {
                task.cancel();
            });
            sleep(MS).await;
        }
    });
    cancelled.unwrap();
}

/// Cancellation by model B: no program hangs, and every exit that was entered is run.
#[test]
fn no_program_hangs_and_every_exit_that_was_entered_runs() {
    for seed in 1..=PROGRAMS {
        tell(seed);
    }
}
