//! What `lineage cost`, the benches and the verdict run: the same questions, put to every style.
//!
//! They are a package of their own because generic code is compiled where it is used, with
//! the settings of that package. The command is built to be small; what is measured is built
//! to be fast.
//!
//! The first body of each list is the measure of the others. All bodies of a list must come to
//! the same number, each step takes the last one's result, and `work` may not be inlined: so
//! nothing can be left out. The tests hold them to it, and so does whoever measures.

#![forbid(unsafe_code)]
// For a chain of a thousand futures, of which each is a part of the next one's type.
#![recursion_limit = "4096"]

#[cfg(feature = "benches")]
mod binary;
mod call;
#[cfg(feature = "benches")]
mod depth;
#[cfg(feature = "benches")]
mod tasks;

#[cfg(feature = "benches")]
pub use binary::{BINARY, CALLS_A_TREE};
pub use call::BODIES;
#[cfg(feature = "benches")]
pub use depth::{DEPTH, Nested};
#[cfg(feature = "benches")]
pub use tasks::{HAND_OVER, SPAWN, TIMER, YIELD, expected};

/// A way to do something.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The id of the benchmark, and of the row in the book.
    pub id: &'static str,
    /// What it is, in words.
    pub label: &'static str,
    /// Does it that many times, and gives what it came to.
    pub run: fn(u64) -> u64,
}

/// The work of one call: a step of a linear congruence, which the optimiser cannot see through
/// once it may not inline it.
#[inline(never)]
fn work(x: u64) -> u64 {
    inlined(x)
}

fn inlined(x: u64) -> u64 {
    x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[cfg(all(test, feature = "benches"))]
mod tests {
    use super::*;

    #[test]
    fn every_body_comes_to_the_same_number() {
        for calls in [0, 1, 2, 1000] {
            let expected = (0..calls).fold(0, |x, _| inlined(x));
            for Body { id, run, .. } in BODIES {
                assert_eq!(run(calls), expected, "{id} at {calls}");
            }
        }
    }

    #[test]
    fn every_tree_has_the_same_number_of_calls() {
        for trees in [0, 1, 3] {
            for Body { id, run, .. } in BINARY {
                assert_eq!(run(trees), trees * CALLS_A_TREE, "{id} at {trees}");
            }
        }
    }

    #[test]
    fn every_chain_is_as_deep_and_resumed_as_often_as_asked_for() {
        for Nested { id, depths, run, .. } in DEPTH {
            for &depth in depths {
                // The stack of a test is small, and debug builds use much of it.
                let resumes = if depth > 100 { continue } else { 7 };
                assert_eq!(run(depth, resumes), depth + resumes, "{id} at {depth}");
            }
        }
    }

    #[test]
    fn every_loop_does_it_as_often_as_asked_for() {
        for question in [&SPAWN[..], &YIELD, &HAND_OVER, &TIMER] {
            for Body { id, run, .. } in question {
                for n in [0, 2, 101] {
                    assert_eq!(run(n), expected(n), "{id} at {n}");
                }
            }
        }
    }
}
