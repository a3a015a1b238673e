//! A task that is cancelled half way: `cargo run --example stage4-cancelled`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    let clock = Clockwork::new();
    let time = Rc::clone(&clock);
    backend::scope(clock, || run(story(Says(time))))
}

async fn story(says: Says) {
    let task = spawn(transfer(says.clone()));
    wait(5).await;
    says.say("you cancel it");
    let output = task.cancel().await;
    says.say(&format!("it is over, and gave {output:?}"));
}

/// Moves something in two steps, between a begin and an end that wait as well.
async fn transfer(says: Says) -> Result<(), Infallible> {
    with(Transaction(says.clone()), async |_| {
        let _guard = Guard(&says);
        says.say("first half");
        wait(60_000).await;
        says.say("second half");
        Ok(())
    })
    .await
}

struct Transaction(Says);

impl Manager for Transaction {
    type Error = Infallible;

    async fn enter(&mut self) -> Result<(), Infallible> {
        wait(1).await;
        self.0.say("begin");
        Ok(())
    }

    async fn exit(self, end: Option<Result<(), &Infallible>>) -> Result<(), Infallible> {
        self.0.say(if end.is_some() { "commit …" } else { "roll back …" });
        wait(3).await;
        self.0.say("… done");
        Ok(())
    }
}

/// Cleans up without waiting: that much a drop can do.
struct Guard<'a>(&'a Says);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.say("the guard is dropped");
    }
}

#[derive(Clone)]
struct Says(Rc<Clockwork>);

impl Says {
    fn say(&self, what: &str) {
        println!("{:>2} ms  {what}", self.0.elapsed().as_millis());
    }
}

async fn wait(millis: u64) {
    sleep(Duration::from_millis(millis)).await;
}
