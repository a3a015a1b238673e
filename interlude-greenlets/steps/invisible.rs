//! A switch that nobody sees: `cargo run --example interlude-invisible`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use interlude_greenlets::time::sleep;
use interlude_greenlets::{run, spawn};

fn main() -> io::Result<()> {
    run(|| {
        let account = Rc::new(Cell::new(100));
        let both = ["one", "two"].map(|who| {
            let account = Rc::clone(&account);
            spawn(move || withdraw(who, &account, 80))
        });
        for greenlet in both {
            greenlet.join().expect("nobody panics here");
        }
        println!("left: {}", account.get());
    })
}

/// Takes money out if there is enough of it.
fn withdraw(who: &str, account: &Cell<i32>, amount: i32) {
    if account.get() >= amount {
        note(who, amount);
        account.set(account.get() - amount);
    }
}

/// Writes it down, in another file, by somebody else, who has made it wait since.
fn note(who: &str, amount: i32) {
    sleep(Duration::from_millis(10));
    println!("{who} takes {amount}");
}
