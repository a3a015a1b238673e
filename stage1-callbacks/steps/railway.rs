//! A chain of five links, and what came in and went out at each:
//! `cargo run --example stage1-railway`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use stage1_callbacks::deferred::Deferred;
use stage1_callbacks::failure::Failure;
use stage1_callbacks::{run, stop};

/// What came out of each link so far, in words. The first came out of nothing but the fire.
type Log = Rc<RefCell<Vec<String>>>;

const LINKS: [(&str, &str); 5] = [
    ("callback", "parse"),
    ("callback", "halve"),
    ("callback", "add"),
    ("errback", "mend"),
    ("both", "end"),
];

fn main() -> io::Result<()> {
    let log = Log::default();
    let seen = Rc::clone(&log);
    run(move || {
        let (firer, number) = Deferred::new();
        let number =
            watch(number, &seen).add_callback(|text: &str| Ok(text.parse::<u32>()?));
        let number = watch(number, &seen).add_callback(halve);
        let number = watch(number, &seen).add_callback(|half| Ok(half + 1));
        let number = watch(number, &seen).add_errback(|_| Ok(0));
        let number = watch(number, &seen).add_both(|end| end);
        watch(number, &seen).add_both(|_| stop());
        firer.fire(Ok("21")).expect("nobody has fired it");
        Ok(())
    })?;
    for ((kind, name), values) in LINKS.iter().zip(log.borrow().windows(2)) {
        println!("{kind:<8}  {name:<5}  {:<8}  {}", values[0], values[1]);
    }
    Ok(())
}

fn halve(number: u32) -> Result<u32, Failure> {
    if number % 2 == 1 { Err("odd".into()) } else { Ok(number / 2) }
}

/// Writes down what comes by, and lets it pass.
fn watch<T: ToString + 'static>(deferred: Deferred<T>, log: &Log) -> Deferred<T> {
    let log = Rc::clone(log);
    deferred.add_both(move |result| {
        let words = match &result {
            Ok(value) => format!("Ok({})", value.to_string()),
            Err(failure) => format!("Err({failure})"),
        };
        log.borrow_mut().push(words);
        result
    })
}
