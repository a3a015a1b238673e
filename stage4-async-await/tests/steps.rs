//! The steps show what they say: how big the futures of a crawl are, with an array and without.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../steps/how_big.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod how_big;

#[test]
fn an_array_is_a_part_of_every_future_above_and_a_vector_is_not() {
    let sizes = how_big::sizes().unwrap();
    for (future, bytes) in sizes {
        let keeps_the_array = ["fetch, which keeps an array", "a task for a page"];
        let bound = if keeps_the_array.contains(&future) { 4096 } else { 0 } + 1024;
        assert!(bytes <= bound, "{future}: {bytes} bytes, {bound} are allowed");
        assert!(bytes > bound - 1024, "{future}: {bytes} bytes");
    }
}
