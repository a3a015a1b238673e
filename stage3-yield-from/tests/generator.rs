//! What a generator did in stage 2 it still does here, where it can call another one: the
//! same tests, word for word.

extern crate stage3_yield_from as stage2_generators;

#[path = "../../stage2-generators/tests/generator.rs"]
mod generator;
