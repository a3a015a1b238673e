//! Random programs of greenlets that wait, give up, are killed, join and switch to each
//! other, and wait in destructors, under a virtual clock. Whatever they do, nothing is left:
//! no guard, no permit, no greenlet.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::in_time;
use interlude_greenlets::failure::on_report;
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{sleep, timeout};
use interlude_greenlets::{Greenlet, run, spawn};
use reactor::backend::{self, Clockwork};

const SEEDS: u64 = 500;
const PERMITS: usize = 3;

/// Numbers that look random and are the same for the same seed (xorshift).
#[derive(Clone)]
struct Dice(Rc<Cell<u64>>);

impl Dice {
    fn below(&self, n: u64) -> u64 {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.0.set(x);
        x % n
    }

    fn pause(&self) -> Duration {
        Duration::from_millis(self.below(20))
    }
}

/// Counts who is alive.
struct Alive(Rc<Cell<usize>>);

impl Alive {
    fn new(count: &Rc<Cell<usize>>) -> Self {
        count.set(count.get() + 1);
        Self(Rc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[derive(Clone)]
struct World {
    dice: Dice,
    slots: Rc<Semaphore>,
    /// How many have a permit, and how many had one at once.
    inside: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
    alive: Rc<Cell<usize>>,
    cleans_up_with_permits: bool,
}

/// Cleans up.
struct Cleanup(World);

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.0.clean_up();
    }
}

impl World {
    fn new(seed: u64, cleans_up_with_permits: bool) -> Self {
        Self {
            cleans_up_with_permits,
            dice: Dice(Rc::new(Cell::new(seed * 0x9e37_79b9 + 1))),
            slots: Rc::new(Semaphore::new(PERMITS)),
            inside: Rc::default(),
            most: Rc::default(),
            alive: Rc::default(),
        }
    }

    /// A few random things, one after the other, or inside each other.
    fn live(&self, depth: u64) {
        let _alive = Alive::new(&self.alive);
        for _ in 0..=self.dice.below(3) {
            match self.dice.below(8) {
                0 | 1 => sleep(self.dice.pause()),
                2 => {
                    let _permit = self.slots.acquire();
                    let _inside = Alive::new(&self.inside);
                    self.most.set(self.most.get().max(self.inside.get()));
                    sleep(self.dice.pause());
                }
                3 if depth > 0 => {
                    let _ = timeout(self.dice.pause(), || self.live(depth - 1));
                }
                4 if depth > 0 => drop(self.child(depth - 1).join()),
                5 if depth > 0 => {
                    let child = self.child(depth - 1);
                    sleep(self.dice.pause());
                    child.kill();
                }
                6 if depth > 0 => {
                    let _cleanup = Cleanup(self.clone());
                    self.live(depth - 1);
                }
                7 if depth > 0 => {
                    let world = self.clone();
                    let child = Greenlet::new(move |()| {
                        world.live(depth - 1);
                        Ok(())
                    });
                    let switch = || child.switch::<(), ()>(()).map(drop);
                    let _ = timeout(self.dice.pause(), switch);
                }
                _ => sleep(Duration::ZERO),
            }
        }
    }

    /// What waits in a destructor.
    fn clean_up(&self) {
        let _alive = Alive::new(&self.alive);
        match self.dice.below(5) {
            0 => sleep(self.dice.pause()),
            1 => drop(self.child(0).join()),
            2 => drop(timeout(self.dice.pause(), || sleep(self.dice.pause())).ok()),
            3 if self.cleans_up_with_permits => {
                let _permit = self.slots.acquire();
                let _inside = Alive::new(&self.inside);
                self.most.set(self.most.get().max(self.inside.get()));
                sleep(self.dice.pause());
            }
            _ => self.child(0).kill(),
        }
    }

    fn child(&self, depth: u64) -> JoinHandle<()> {
        let world = self.clone();
        spawn(move || world.live(depth))
    }

    fn all_permits_are_back(&self) -> bool {
        let slots = Rc::clone(&self.slots);
        run(move || {
            let all = || (0..PERMITS).map(|_| slots.acquire()).collect::<Vec<_>>().len();
            timeout(Duration::from_secs(1), all) == Ok(PERMITS)
        })
        .expect("the clock goes on")
    }
}

/// Runs many of them, to the end or not, and gives how long that took by the clock.
fn play(seed: u64) -> Duration {
    let clock = Clockwork::new();
    backend::scope(clock.clone(), || {
        let world = World::new(seed, false);
        let inner = world.clone();
        run(move || {
            let all: Vec<_> = (0..20).map(|_| inner.child(3)).collect();
            if inner.dice.below(2) == 0 {
                all.into_iter().for_each(|one| drop(one.join()));
            } else {
                sleep(inner.dice.pause());
            }
        })
        .expect("somebody can always go on");
        assert_eq!(world.alive.get(), 0, "seed {seed}: somebody is left");
        assert_eq!(world.inside.get(), 0, "seed {seed}: somebody is left inside");
        assert!(world.most.get() <= PERMITS, "seed {seed}: too many inside");
        assert!(world.all_permits_are_back(), "seed {seed}: a permit is lost");
    });
    clock.elapsed()
}

#[test]
fn random_programs_leave_nothing_behind() {
    for seed in 0..SEEDS {
        play(seed);
    }
}

/// A destructor that waits for a permit when the loop ends is left as it is, with whatever
/// lies on its stack. Permits that others hold come back, and nothing worse happens.
#[test]
fn random_programs_that_wait_for_permits_in_destructors_end() {
    for seed in 0..SEEDS {
        in_time(move || {
            on_report(|_| ());
            backend::scope(Clockwork::new(), || {
                let world = World::new(seed, true);
                let inner = world.clone();
                run(move || {
                    let all: Vec<_> = (0..20).map(|_| inner.child(3)).collect();
                    sleep(inner.dice.pause());
                    all.iter().step_by(2).for_each(JoinHandle::kill);
                    sleep(inner.dice.pause());
                })
                .expect("somebody can always go on");
                assert!(world.most.get() <= PERMITS, "seed {seed}: too many inside");
                assert!(world.all_permits_are_back(), "seed {seed}: a permit is lost");
            });
        });
    }
}

#[test]
fn the_same_program_takes_the_same_time_by_the_clock() {
    for seed in 0..20 {
        assert_eq!(play(seed), play(seed));
    }
}
