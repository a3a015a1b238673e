//! All generations in one conversation: `cargo run --example stage5-generations`.
//!
//! One thread, six loops. Five of them are guests of the sixth: each runs a program as it was
//! written in its time, sleeps by its own clock, and waits in its own way for what the one
//! before it says. What goes from one to the next is a future of asyncio's.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

pub(crate) mod bridges;
pub(crate) mod guest;

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use interlude_greenlets as greenlets;
use stage1_callbacks as callbacks;
use stage2_generators as generators;
use stage3_yield_from as old;
use stage4_async_await as bare;
use stage5_asyncio::futures::Future;
use stage5_asyncio::{create_task, get_running_loop, run, time};

use self::bridges::{awaited, deferred, old_future, yielded};
use self::guest::{Host, guest};

fn main() -> io::Result<()> {
    for line in talk()? {
        println!("{line}");
    }
    Ok(())
}

/// Who sits at the table, and what they have to say when it is their turn.
const SEATS: [(&str, [&str; ROUNDS]); 6] = [
    ("asyncio", ["I await. Who else is waiting?", "And where do you sleep?"]),
    (
        "callbacks",
        ["Not me: I am called back.", "In you. My selector is one of your readers."],
    ),
    ("greenlets", ["I only look as if I blocked.", "In you, on a stack of my own."]),
    ("generators", ["I yield a Deferred.", "In you. Nothing below me has changed."]),
    ("yield from", ["I yield from a future.", "In you. Your tasks were mine once."]),
    ("async/await", ["I am polled.", "In you: you are me, and a toolbox."]),
];

const ROUNDS: usize = 2;

/// How long each of them thinks.
const A_WHILE: Duration = Duration::from_millis(1);

/// What was said, in order.
///
/// # Errors
///
/// What opening a selector answers.
pub fn talk() -> io::Result<Vec<String>> {
    run(async {
        let table = Rc::new(Table::laid());
        let [one, two, three, four, five] = [(); 5].map(|()| Rc::clone(&table));
        let guests = [
            create_task(guest(|host| by_callbacks(host, one))),
            create_task(guest(|host| by_greenlets(host, two))),
            create_task(guest(|host| by_generators(host, three))),
            create_task(guest(|host| by_yield_from(host, four))),
            create_task(guest(|host| by_await(host, five))),
        ];
        by_asyncio(&table).await;
        for guest in guests {
            guest.await??;
        }
        Ok(table.said.take())
    })?
}

/// What they share.
struct Table {
    /// Each is set by whoever has that turn, to how many have spoken by then.
    turns: Vec<Future<usize>>,
    said: RefCell<Vec<String>>,
}

impl Table {
    fn laid() -> Self {
        let event_loop = get_running_loop();
        let turns = (0..SEATS.len() * ROUNDS).map(|_| event_loop.create_future());
        Self { turns: turns.collect(), said: RefCell::default() }
    }

    /// The turn before that of a seat.
    fn before(&self, seat: usize, round: usize) -> &Future<usize> {
        &self.turns[round * SEATS.len() + seat - 1]
    }

    /// Has a seat speak, who has heard that so many have spoken.
    fn say(&self, seat: usize, round: usize, heard: usize) {
        let (name, words) = SEATS[seat];
        let line = format!("{:>2} {name:>12}: {}", heard + 1, words[round]);
        self.said.borrow_mut().push(line);
        let turn = &self.turns[round * SEATS.len() + seat];
        turn.set_result(heard + 1).expect("each has its own turn");
    }
}

/// Stage 5: on its own loop.
async fn by_asyncio(table: &Table) {
    for round in 0..ROUNDS {
        let heard = if round == 0 { 0 } else { table.before(0, round).await };
        time::sleep(A_WHILE).await;
        table.say(0, round, heard);
    }
}

/// Stage 1: each link of the chain goes on where the one before has come.
fn by_callbacks(host: Host, table: Rc<Table>) -> io::Result<()> {
    fn turn(host: &Host, table: &Rc<Table>, round: usize) -> callbacks::Deferred<()> {
        let table = Rc::clone(table);
        deferred(host, table.before(1, round)).add_callback(move |heard| {
            callbacks::time::sleep(A_WHILE).add_callback(move |()| {
                table.say(1, round, heard);
                Ok(())
            })
        })
    }
    let end = callbacks::react(move || {
        turn(&host, &table, 0).add_callback(move |()| turn(&host, &table, 1))
    });
    end?.map_err(said)
}

/// The interlude: a function like any other.
fn by_greenlets(host: Host, table: Rc<Table>) -> io::Result<()> {
    greenlets::run(move || {
        for round in 0..ROUNDS {
            let before = table.before(2, round).clone();
            let heard =
                greenlets::block_on(awaited(host.clone(), before)).map_err(said)?;
            greenlets::time::sleep(A_WHILE);
            table.say(2, round, heard);
        }
        Ok(())
    })?
}

/// Stage 2: what the callbacks were, in one function.
fn by_generators(host: Host, table: Rc<Table>) -> io::Result<()> {
    use generators::{inline_callbacks, yield_};

    let end = generators::react(|| {
        inline_callbacks(async move {
            for round in 0..ROUNDS {
                let heard = yield_(yielded(&host, table.before(3, round))).await?;
                yield_(generators::time::sleep(A_WHILE)).await?;
                table.say(3, round, heard);
            }
            Ok(())
        })
    });
    end?.map_err(said)
}

/// Stage 3: futures, and functions that delegate to each other.
fn by_yield_from(host: Host, table: Rc<Table>) -> io::Result<()> {
    use old::{coroutine, yield_from};

    let end = old::run(coroutine(async move {
        for round in 0..ROUNDS {
            let heard = yield_from(&old_future(&host, table.before(4, round))).await?;
            yield_from(old::time::sleep(A_WHILE)).await?;
            table.say(4, round, heard);
        }
        Ok(())
    }));
    end?.map_err(said)
}

/// Stage 4: the same, with a loop of its own.
fn by_await(host: Host, table: Rc<Table>) -> io::Result<()> {
    bare::run(async move {
        for round in 0..ROUNDS {
            let before = table.before(5, round).clone();
            let heard = awaited(host.clone(), before).await.map_err(said)?;
            bare::time::sleep(A_WHILE).await;
            table.say(5, round, heard);
        }
        Ok(())
    })?
}

/// A failure of theirs, as the host is told of it.
fn said(failure: impl ToString) -> io::Error {
    io::Error::other(failure.to_string())
}
