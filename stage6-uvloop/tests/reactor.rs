//! The reactor's own tests, not one line changed, over the engine of completions.
//!
//! Before the tests of this program begin, every reactor of the process is told to run on a ring.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "the reactor's tests may sleep")]
#![allow(clippy::duplicate_mod, reason = "each of the files was a program of its own")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::env;
use std::process::Command;
use std::rc::Rc;

use stage6_uvloop::uring::{Settings, Uring};

#[path = "../../reactor/tests/outside.rs"]
mod outside;
#[path = "../../reactor/tests/pipes.rs"]
mod pipes;
#[path = "../../reactor/tests/sleeping.rs"]
mod sleeping;
#[path = "../../reactor/tests/sockets.rs"]
mod sockets;

/// Set for a process that is to behave as if the kernel were older.
const OLDER: &str = "STAGE6_OLDER_KERNEL";

#[ctor::ctor(unsafe)]
fn before_all_tests() {
    match Uring::new() {
        Ok(_) => reactor::backend::install(|| Ok(Rc::new(Uring::with(settings())?))),
        Err(error) => eprintln!("SKIPPED: no ring, but the usual selector: {error}"),
    }
}

fn settings() -> Settings {
    let is = |name| env::var(OLDER).is_ok_and(|it| it == name);
    Settings { many: !is("5.19"), deferred: !is("5.19") && !is("6.0") }
}

/// All of the above once more, in processes that leave out what came late.
#[test]
fn an_older_kernel_does_the_same() {
    if env::var_os(OLDER).is_some() {
        return;
    }
    for kernel in ["6.0", "5.19"] {
        let tests = Command::new(env::current_exe().unwrap())
            .args(["--skip", "an_older_kernel", "--skip", "hundred_thousand"])
            .env(OLDER, kernel)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tests.stdout);
        assert!(tests.status.success(), "as on Linux {kernel}:\n{said}");
    }
}
