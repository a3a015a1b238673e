//! What does a loop ask for its tasks? To start one and wait for its end; to let the others
//! have their turn; to hand something over; to set a timer and be woken by it.
//!
//! Each body does it `n` times, and gives how often it was done.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::Body;

mod futures;
mod light;

use futures::{AsyncAwait, Asyncio, fast};

/// How many tasks there are at once, where there is more than one.
const PAIR: u64 = 2;

/// Starts a task and waits for its end, one after the other.
pub const SPAWN: [Body; 9] = [
    Body { id: "callbacks", label: "callbacks", run: callbacks::spawn },
    Body { id: "greenlets", label: "greenlets", run: greenlets::spawn },
    Body { id: "generators", label: "generators", run: generators::spawn },
    Body { id: "yield-from", label: "yield from", run: yield_from::spawn },
    Body { id: "async-await", label: "async/await", run: futures::spawn::<AsyncAwait> },
    Body { id: "asyncio", label: "asyncio", run: futures::spawn::<Asyncio> },
    Body {
        id: "asyncio-debug",
        label: "asyncio, debug mode",
        run: futures::spawn_in_debug_mode,
    },
    Body { id: "uvloop", label: "uvloop", run: |n| fast(futures::spawn::<Asyncio>, n) },
    Body { id: "light", label: "uvloop, light tasks", run: light::spawn },
];

/// Two tasks that let each other have the turn.
pub const YIELD: [Body; 8] = [
    Body { id: "callbacks", label: "callbacks", run: callbacks::yield_now },
    Body { id: "greenlets", label: "greenlets", run: greenlets::yield_now },
    Body { id: "generators", label: "generators", run: generators::yield_now },
    Body { id: "yield-from", label: "yield from", run: yield_from::yield_now },
    Body {
        id: "async-await",
        label: "async/await",
        run: futures::yield_now::<AsyncAwait>,
    },
    Body { id: "asyncio", label: "asyncio", run: futures::yield_now::<Asyncio> },
    Body {
        id: "uvloop",
        label: "uvloop",
        run: |n| fast(futures::yield_now::<Asyncio>, n),
    },
    Body { id: "light", label: "uvloop, light tasks", run: light::yield_now },
];

/// Two tasks that take one permit from each other.
pub const HAND_OVER: [Body; 6] = [
    Body { id: "greenlets", label: "greenlets", run: greenlets::hand_over },
    Body { id: "generators", label: "generators", run: generators::hand_over },
    Body { id: "yield-from", label: "yield from", run: yield_from::hand_over },
    Body {
        id: "async-await",
        label: "async/await",
        run: futures::hand_over::<AsyncAwait>,
    },
    Body { id: "asyncio", label: "asyncio", run: futures::hand_over::<Asyncio> },
    Body {
        id: "uvloop",
        label: "uvloop",
        run: |n| fast(futures::hand_over::<Asyncio>, n),
    },
];

/// Sleeps for a nanosecond: a timer is set and expires, whatever else that takes.
pub const TIMER: [Body; 8] = [
    Body { id: "callbacks", label: "callbacks", run: callbacks::timer },
    Body { id: "greenlets", label: "greenlets", run: greenlets::timer },
    Body { id: "generators", label: "generators", run: generators::timer },
    Body { id: "yield-from", label: "yield from", run: yield_from::timer },
    Body { id: "async-await", label: "async/await", run: futures::timer::<AsyncAwait> },
    Body { id: "asyncio", label: "asyncio", run: futures::timer::<Asyncio> },
    Body { id: "uvloop", label: "uvloop", run: |n| fast(futures::timer::<Asyncio>, n) },
    Body { id: "light", label: "uvloop, light tasks", run: light::timer },
];

const A_MOMENT: Duration = Duration::from_nanos(1);

/// What a body comes to that is asked for `n`: two tasks do it equally often.
pub fn expected(n: u64) -> u64 {
    n / PAIR * PAIR
}

/// Counts, for several tasks of one thread.
#[derive(Clone, Debug, Default)]
struct Count(Rc<Cell<u64>>);

impl Count {
    fn one_more(&self) {
        self.0.set(self.0.get() + 1);
    }

    fn get(&self) -> u64 {
        self.0.get()
    }
}

mod callbacks {
    use stage1_callbacks::{call_later, call_soon, run, stop};

    use super::{A_MOMENT, Count, PAIR, expected};

    fn counted(main: impl FnOnce(Count)) -> u64 {
        let count = Count::default();
        let inside = count.clone();
        run(move || {
            main(inside);
            Ok(())
        })
        .expect("a loop can be opened");
        count.get()
    }

    /// The nearest there is: a callback that says when it is done.
    pub(super) fn spawn(n: u64) -> u64 {
        fn next(left: u64, count: Count) {
            if left == 0 {
                return stop();
            }
            call_soon(move || {
                count.one_more();
                next(left - 1, count);
            });
        }
        counted(|count| next(expected(n), count))
    }

    pub(super) fn yield_now(n: u64) -> u64 {
        fn turn(left: u64, last: u64, count: Count) {
            if left == 0 {
                if count.get() == last {
                    stop(); // the other one is done, too
                }
                return;
            }
            call_soon(move || {
                count.one_more();
                turn(left - 1, last, count);
            });
        }
        counted(|count| {
            (0..PAIR).for_each(|_| turn(n / PAIR, expected(n), count.clone()));
        })
    }

    pub(super) fn timer(n: u64) -> u64 {
        fn next(left: u64, count: Count) {
            if left == 0 {
                return stop();
            }
            let _timer = call_later(A_MOMENT, move || {
                count.one_more();
                next(left - 1, count);
            });
        }
        counted(|count| next(expected(n), count))
    }
}

mod greenlets {
    use std::rc::Rc;
    use std::time::Duration;

    use interlude_greenlets::sync::Semaphore;
    use interlude_greenlets::time::sleep;
    use interlude_greenlets::{run, spawn as start};

    use super::{A_MOMENT, Count, PAIR, expected};

    pub(super) fn spawn(n: u64) -> u64 {
        let body = move || {
            let count = Count::default();
            for _ in 0..expected(n) {
                let count = count.clone();
                start(move || count.one_more()).join().expect("it does not panic");
            }
            count.get()
        };
        run(body).expect("a loop can be opened")
    }

    fn by_two(n: u64, step: impl Fn() + Clone + 'static) -> u64 {
        let body = move || {
            let count = Count::default();
            let tasks: Vec<_> = (0..PAIR)
                .map(|_| {
                    let (count, step) = (count.clone(), step.clone());
                    start(move || {
                        for _ in 0..n / PAIR {
                            step();
                            count.one_more();
                        }
                    })
                })
                .collect();
            tasks.into_iter().for_each(|it| it.join().expect("it does not panic"));
            count.get()
        };
        run(body).expect("a loop can be opened")
    }

    pub(super) fn yield_now(n: u64) -> u64 {
        by_two(n, || sleep(Duration::ZERO))
    }

    pub(super) fn hand_over(n: u64) -> u64 {
        let permit = Rc::new(Semaphore::new(1));
        by_two(n, move || {
            let _permit = permit.acquire();
            sleep(Duration::ZERO);
        })
    }

    pub(super) fn timer(n: u64) -> u64 {
        let body = move || (0..expected(n)).map(|_| sleep(A_MOMENT)).count() as u64;
        run(body).expect("a loop can be opened")
    }
}

mod generators {
    use std::time::Duration;

    use stage2_generators::sync::Semaphore;
    use stage2_generators::time::sleep;
    use stage2_generators::{Failure, inline_callbacks, react, yield_};

    use super::{A_MOMENT, Count, PAIR, expected};

    /// What is called begins at once. It is a task of its own because it waits for the next
    /// turn.
    pub(super) fn spawn(n: u64) -> u64 {
        let result = react(move || {
            inline_callbacks(async move {
                let count = Count::default();
                for _ in 0..expected(n) {
                    let count = count.clone();
                    yield_(inline_callbacks(async move {
                        yield_(sleep(Duration::ZERO)).await?;
                        count.one_more();
                        Ok(())
                    }))
                    .await?;
                }
                Ok(count.get())
            })
        });
        result.expect("a loop can be opened").expect("nothing fails here")
    }

    fn by_two<S: Future<Output = Result<(), Failure>> + 'static>(
        n: u64,
        step: impl Fn() -> S + Clone + 'static,
    ) -> u64 {
        let result = react(move || {
            inline_callbacks(async move {
                let count = Count::default();
                let task = || {
                    let (count, step) = (count.clone(), step.clone());
                    inline_callbacks(async move {
                        for _ in 0..n / PAIR {
                            step().await?;
                            count.one_more();
                        }
                        Ok(())
                    })
                };
                let (one, other) = (task(), task());
                yield_(one).await?;
                yield_(other).await?;
                Ok(count.get())
            })
        });
        result.expect("a loop can be opened").expect("nothing fails here")
    }

    pub(super) fn yield_now(n: u64) -> u64 {
        by_two(n, || yield_(sleep(Duration::ZERO)))
    }

    pub(super) fn hand_over(n: u64) -> u64 {
        let permit = Semaphore::new(1);
        by_two(n, move || {
            let permit = permit.clone();
            async move {
                let _permit = yield_(permit.acquire()).await?;
                yield_(sleep(Duration::ZERO)).await
            }
        })
    }

    pub(super) fn timer(n: u64) -> u64 {
        let result = react(move || {
            inline_callbacks(async move {
                let count = Count::default();
                for _ in 0..expected(n) {
                    yield_(sleep(A_MOMENT)).await?;
                    count.one_more();
                }
                Ok(count.get())
            })
        });
        result.expect("a loop can be opened").expect("nothing fails here")
    }
}

mod yield_from {
    use std::time::Duration;

    use stage3_yield_from::sync::Semaphore;
    use stage3_yield_from::time::sleep;
    use stage3_yield_from::{Coroutine, coroutine, run, spawn as start, yield_from};

    use super::{A_MOMENT, Count, PAIR, expected};

    fn counted(main: Coroutine<u64>) -> u64 {
        run(main).expect("a loop can be opened").expect("nothing fails here")
    }

    pub(super) fn spawn(n: u64) -> u64 {
        counted(coroutine(async move {
            let count = Count::default();
            for _ in 0..expected(n) {
                let count = count.clone();
                let task = start(coroutine(async move {
                    count.one_more();
                    Ok(())
                }));
                yield_from(&task).await?;
            }
            Ok(count.get())
        }))
    }

    fn by_two(n: u64, step: impl Fn() -> Coroutine<()> + Clone + 'static) -> u64 {
        counted(coroutine(async move {
            let count = Count::default();
            let task = || {
                let (count, step) = (count.clone(), step.clone());
                start(coroutine(async move {
                    for _ in 0..n / PAIR {
                        yield_from(step()).await?;
                        count.one_more();
                    }
                    Ok(())
                }))
            };
            let (one, other) = (task(), task());
            yield_from(&one).await?;
            yield_from(&other).await?;
            Ok(count.get())
        }))
    }

    pub(super) fn yield_now(n: u64) -> u64 {
        by_two(n, || sleep(Duration::ZERO))
    }

    pub(super) fn hand_over(n: u64) -> u64 {
        let permit = Semaphore::new(1);
        by_two(n, move || {
            let permit = permit.clone();
            coroutine(async move {
                let _permit = yield_from(permit.acquire()).await?;
                yield_from(sleep(Duration::ZERO)).await
            })
        })
    }

    pub(super) fn timer(n: u64) -> u64 {
        counted(coroutine(async move {
            let count = Count::default();
            for _ in 0..expected(n) {
                yield_from(sleep(A_MOMENT)).await?;
                count.one_more();
            }
            Ok(count.get())
        }))
    }
}
