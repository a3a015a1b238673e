//! `cargo xtask trace-cost`: how many instructions a traced point costs while nobody records,
//! counted by callgrind, since no clock can tell.

use std::io::{self, Write as _};
use std::process::Command;

use crate::cargo;

/// What passes traced points, and how many: each kind of point that there is.
const PASSES: [(&str, u64); 7] = [
    ("woken", 1),
    ("turn", 2),
    ("resumed", 2),
    ("created", 1),
    ("place", 3),
    ("deeper", 2),
    ("noted", 2),
];

/// How many times: what is there besides cancels out.
const TIMES: u64 = 100_000;

/// What a point may cost.
const BOUND: u64 = 3;

/// Counts. Gives whether every point keeps to the bound; `None`: there is no valgrind.
pub(crate) fn count() -> io::Result<Option<bool>> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Ok(None);
    }
    let built = cargo()
        .args(["build", "--quiet", "--profile=bench", "--package", "reactor"])
        .args(["--example", "reactor-untraced"])
        .status()?;
    if !built.success() {
        return Err(io::Error::other("it does not build"));
    }
    let bare = instructions("bare")?;
    let mut all_keep_to_it = true;
    for (what, points) in PASSES {
        // Rounded up: a part of an instruction is one.
        let each = instructions(what)?.saturating_sub(bare).div_ceil(TIMES * points);
        say!("{what}: {each} instructions a point, of {BOUND}");
        all_keep_to_it &= each <= BOUND;
    }
    Ok(Some(all_keep_to_it))
}

/// How many instructions it takes to do it [`TIMES`] times more.
fn instructions(what: &str) -> io::Result<u64> {
    Ok(executed(what, 2 * TIMES)?.saturating_sub(executed(what, TIMES)?))
}

fn executed(what: &str, times: u64) -> io::Result<u64> {
    let target =
        std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned());
    let example = format!("{target}/release/examples/reactor-untraced");
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", &example, what])
        .arg(times.to_string())
        .output()?;
    let told = String::from_utf8_lossy(&run.stderr);
    let count = told.lines().find_map(|line| line.split_once("refs:"));
    let digits = count.map(|(_, count)| count.replace([',', ' '], ""));
    let digits = digits.ok_or_else(|| io::Error::other(told.into_owned()))?;
    digits.parse().map_err(io::Error::other)
}
