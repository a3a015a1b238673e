//! A generator that calls a generator, by hand: `cargo run --example stage2-passing-on`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use stage2_generators::coroutine::{Co, Generator, Step};
use stage2_generators::failure::Failure;

fn main() {
    let alone = Generator::new(add);
    println!("alone:            {:?}", send_tens(&alone));
    let called = Generator::new(call);
    println!("through a caller: {:?}", send_tens(&called));
}

/// Yields what it has, and adds what it is sent.
async fn add(co: Co<i32, i32>) -> Result<&'static str, Failure> {
    let mut total = 0;
    while total < 30 {
        total += co.yield_(total).await?;
    }
    Ok("enough")
}

/// The same in a function of its own, called as well as one can: what the inner one yields
/// is yielded again, five times at the most. What is sent stays here.
async fn call(co: Co<i32, i32>) -> Result<&'static str, Failure> {
    let inner = Generator::new(add);
    for total in inner.yields().take(5) {
        co.yield_(total?).await?;
    }
    Ok("who knows")
}

/// Sends 10 again and again, and gives what was yielded, and what was returned.
fn send_tens(
    generator: &Generator<i32, i32, &'static str>,
) -> (Vec<i32>, Option<&'static str>) {
    let mut seen = Vec::new();
    let mut step = generator.start();
    loop {
        match step {
            Ok(Step::Yield(total)) => seen.push(total),
            Ok(Step::Return(last)) => return (seen, Some(last)),
            Err(_) => return (seen, None),
        }
        step = generator.resume(10);
    }
}
