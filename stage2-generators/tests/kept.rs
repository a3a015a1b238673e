//! The second stage keeps the first one's loop and deferreds, byte for byte. So what those are
//! held to there they are held to here, by the same tests: they find this crate under the name
//! of the other.

extern crate stage2_generators as stage1_callbacks;

#[path = "../../stage1-callbacks/tests/deadlock.rs"]
mod deadlock;
#[path = "../../stage1-callbacks/tests/deferred.rs"]
mod deferred;
#[path = "../../stage1-callbacks/tests/destructors.rs"]
mod destructors;
#[path = "../../stage1-callbacks/tests/endings.rs"]
mod endings;
#[path = "../../stage1-callbacks/tests/event_loop.rs"]
mod event_loop;
#[path = "../../stage1-callbacks/tests/flat.rs"]
mod flat;
#[path = "../../stage1-callbacks/tests/left.rs"]
mod left;
#[path = "../../stage1-callbacks/tests/words.rs"]
mod words;
