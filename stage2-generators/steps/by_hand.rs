//! A generator twice: as an async block, and as the state machine that the compiler makes of
//! it. `cargo run --example stage2-by-hand`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use stage2_generators::coroutine::{Body, Generator, Resume, Step, Stepped};

fn main() {
    let through_the_door = Generator::new(|co| async move {
        let mut total = 0;
        while total < 10 {
            total += co.yield_(total).await?;
        }
        Ok("enough")
    });
    let by_hand = Generator::from_body(Sum::Start);
    assert_eq!(drive(&through_the_door), drive(&by_hand));
    println!("the same, step by step");
}

/// The same function, its local variable and its place in the code kept by hand.
enum Sum {
    Start,
    /// It stands at the yield.
    AtTheYield {
        total: i32,
    },
    End,
}

impl Body<i32, i32, &'static str> for Sum {
    fn resume(&mut self, with: Resume<i32>) -> Stepped<i32, &'static str> {
        let total = match (std::mem::replace(self, Self::End), with) {
            (Self::Start, _) => 0,
            (Self::AtTheYield { total }, Resume::Send(sent)) => total + sent,
            (Self::AtTheYield { .. }, Resume::Throw(failure)) => return Err(failure),
            (Self::AtTheYield { .. }, Resume::Start) | (Self::End, _) => {
                unreachable!("a generator does not resume a body that way")
            }
        };
        if total < 10 {
            *self = Self::AtTheYield { total };
            return Ok(Step::Yield(total));
        }
        Ok(Step::Return("enough"))
    }
}

/// Sends what it is given, plus one.
fn drive(generator: &Generator<i32, i32, &'static str>) -> Vec<i32> {
    let mut seen = Vec::new();
    let mut step = generator.start();
    while let Ok(Step::Yield(total)) = step {
        println!("yields {total}");
        seen.push(total);
        step = generator.resume(total + 1);
    }
    println!("ends with {step:?}");
    seen
}
