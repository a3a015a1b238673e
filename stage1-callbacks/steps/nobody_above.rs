//! A callback fails, and whoever asked for it has long returned:
//! `cargo run --example stage1-nobody-above`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::panic::{catch_unwind, set_hook};
use std::time::Duration;

use stage1_callbacks::failure::on_report;
use stage1_callbacks::{call_later, run, stop};

fn main() -> io::Result<()> {
    set_hook(Box::new(|_| ())); // the loop reports it, in one line
    on_report(|what| println!("the loop:   {what}"));
    run(|| {
        let caught = catch_unwind(fetch).is_err();
        println!("the caller: caught something: {caught}");
        call_later(Duration::from_millis(20), stop);
        Ok(())
    })
}

/// Begins to fetch a page, and returns. What goes wrong, goes wrong later.
fn fetch() {
    call_later(Duration::from_millis(10), || panic!("there is no such page"));
    println!("fetch:      returns");
}
