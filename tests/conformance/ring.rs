//! uvloop on a ring: a row more for the suite, and none in the table, since what waits is chosen
//! by a word on the command line.

use std::rc::Rc;
use std::sync::LazyLock;

use lineage::styles::Style;
use reactor::backend::{self, Backend};
use stage6_uvloop::engine::Engine;

/// The row. `None`: the kernel has no rings.
pub(crate) static UVLOOP: LazyLock<Option<Style>> = LazyLock::new(|| {
    stage6_uvloop::engine::doctor().ok()?;
    let style = *uvloop();
    Some(Style {
        name: "uvloop on a ring",
        countdown: || on_a_ring(uvloop().countdown),
        echo: |address, control| on_a_ring(|| (uvloop().echo)(address, control)),
        crawl: |job| on_a_ring(|| (uvloop().crawl)(job)),
        happy_eyeballs: |race| on_a_ring(|| (uvloop().happy_eyeballs)(race)),
        chat: style.chat.map(|_| CHAT),
        ..style
    })
});

const CHAT: lineage::styles::Serve = |address, control| {
    let chat = uvloop().chat.expect("it has a room");
    on_a_ring(|| chat(address, control))
};

/// What is typed for a style.
pub(crate) fn typed_for(style: &Style) -> Vec<&'static str> {
    match style.name.strip_suffix(" on a ring") {
        Some(name) => vec!["--style", name, "--loop", "uring"],
        None => vec!["--style", style.name],
    }
}

/// Whether that is this row: a scenario that brings an engine of its own has nothing to ask it.
pub(crate) fn is(style: &Style) -> bool {
    style.name.ends_with(" on a ring")
}

/// Has the loops that `body` opens wait by a ring.
pub(crate) fn on_a_ring<R>(body: impl FnOnce() -> R) -> R {
    backend::scope(open(), body)
}

fn open() -> Rc<dyn Backend> {
    Engine::Uring.open(|line| panic!("{line}")).expect("it has just opened")
}

fn uvloop() -> &'static Style {
    Style::named("uvloop").expect("it is in the table")
}
