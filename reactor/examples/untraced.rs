//! Traced points while nobody records, for `cargo xtask trace-cost` to count instructions:
//! `cargo run --example reactor-untraced woken 1000`.

use std::hint::black_box;
use std::process::ExitCode;

use reactor::trace::{self, Id, Kind, Place};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "bare".to_owned());
    let times = arguments.next().map_or(Ok(1000), |times| times.parse::<u64>());
    match (what.as_str(), times) {
        ("bare", Ok(times)) => bare(times),
        ("woken", Ok(times)) => woken(times),
        ("turn", Ok(times)) => turn(times),
        ("resumed", Ok(times)) => resumed(times),
        ("created", Ok(times)) => created(times),
        ("place", Ok(times)) => place(times),
        ("deeper", Ok(times)) => deeper(times),
        ("noted", Ok(times)) => noted(times),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

/// What the others do besides.
#[inline(never)]
fn bare(times: u64) {
    for _ in 0..times {
        black_box(Id::default());
    }
}

#[inline(never)]
fn woken(times: u64) {
    for _ in 0..times {
        trace::woken_here(black_box(Id::default()));
    }
}

#[inline(never)]
fn turn(times: u64) {
    for _ in 0..times {
        let _turn = trace::turn();
        black_box(Id::default());
    }
}

#[inline(never)]
fn resumed(times: u64) {
    for _ in 0..times {
        trace::resumed(black_box(Id::default())).suspended();
    }
}

#[inline(never)]
fn created(times: u64) {
    for _ in 0..times {
        black_box(trace::created(Kind::Task, "main"));
    }
}

#[inline(never)]
fn place(times: u64) {
    for _ in 0..times {
        let _place = Place::here().enter();
        black_box(Id::default());
    }
}

#[inline(never)]
fn deeper(times: u64) {
    for _ in 0..times {
        let _call = trace::deeper();
        black_box(Id::default());
    }
}

#[inline(never)]
fn noted(times: u64) {
    for _ in 0..times {
        trace::name("a program");
        trace::note("left", 3);
        black_box(Id::default());
    }
}
