//! The functions as state machines. Each has a state for every yield it may stand at, with the
//! local variables that are alive there; and a line for every way on from each: a value is
//! sent, or an error is thrown.
//!
//! While it runs a machine is `Done`: so it stays, unless it says where it stands now. A
//! generator keeps its body from what would make no sense, to be started twice or resumed
//! after its end. These are the `unreachable!` of the last lines.

#![allow(clippy::match_same_arms, reason = "every way on has a line of its own")]

use std::mem;

use stage2_generators::coroutine::{Body, Generator, Resume, Step, Stepped};

use super::{Call, Finally, KeyError, Log, Substrate};

pub(crate) const SUBSTRATE: Substrate = Substrate {
    name: "by hand",
    repeats: || Generator::from_body(Repeats::Start),
    calls: |call| Generator::from_body(Calls::Start(call)),
    catches: || Generator::from_body(Catches::Start),
    catches_and_returns: || Generator::from_body(CatchesAndReturns::Start),
    says_fin: |log| Generator::from_body(SaysFin::Start(log)),
    ignores_exit: || Generator::from_body(IgnoresExit::Start),
    fails_on_exit: || Generator::from_body(FailsOnExit::Start),
    cleans_up: |log| Generator::from_body(CleansUp::Start(log)),
};

/// M3.02: what is sent is the value of the yield.
enum Repeats {
    Start,
    AtOne,
    AtGot,
    Done,
}

impl Body<String, String, String> for Repeats {
    fn resume(&mut self, with: Resume<String>) -> Stepped<String, String> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start, Resume::Start) => {
                *self = Self::AtOne;
                Ok(Step::Yield("1".to_owned()))
            }
            (Self::AtOne, Resume::Send(first)) => {
                *self = Self::AtGot;
                Ok(Step::Yield(format!("got {first}")))
            }
            (Self::AtOne, Resume::Throw(failure)) => Err(failure),
            (Self::AtGot, Resume::Send(second)) => {
                Ok(Step::Return(format!("end {second}")))
            }
            (Self::AtGot, Resume::Throw(failure)) => Err(failure),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// What a call raises is raised by whoever makes it. No state: it does not yield.
enum Calls {
    Start(Call),
    AtOne,
    Done,
}

impl Body<i32, (), &'static str> for Calls {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, &'static str> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start(call), Resume::Start) => {
                call()?;
                *self = Self::AtOne;
                Ok(Step::Yield(1))
            }
            (Self::AtOne, Resume::Send(())) => Ok(Step::Return("done")),
            (Self::AtOne, Resume::Throw(failure)) => Err(failure),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.05: a `try` around a yield is another way on from there.
enum Catches {
    Start,
    AtA,
    AtCaught,
    Done,
}

impl Body<String, (), ()> for Catches {
    fn resume(&mut self, with: Resume<()>) -> Stepped<String, ()> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start, Resume::Start) => {
                *self = Self::AtA;
                Ok(Step::Yield("a".to_owned()))
            }
            (Self::AtA, Resume::Send(())) => Ok(Step::Return(())),
            (Self::AtA, Resume::Throw(caught)) => {
                *self = Self::AtCaught;
                Ok(Step::Yield(format!("caught {caught}")))
            }
            (Self::AtCaught, Resume::Send(())) => Ok(Step::Return(())),
            (Self::AtCaught, Resume::Throw(failure)) => Err(failure),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.10, M3.24: after a `try`, a function may as well return. It does not know which error it
/// was, the exit of a close or somebody's.
enum CatchesAndReturns {
    Start,
    AtOne,
    Done,
}

impl Body<i32, (), String> for CatchesAndReturns {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, String> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start, Resume::Start) => {
                *self = Self::AtOne;
                Ok(Step::Yield(1))
            }
            (Self::AtOne, Resume::Send(())) => Ok(Step::Return("nothing".to_owned())),
            (Self::AtOne, Resume::Throw(caught)) => Ok(Step::Return(caught.to_string())),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.09, M3.17: a `finally` is a variable that is alive at the yield. Every way on drops it,
/// and so does whoever drops the machine.
enum SaysFin {
    Start(Log),
    AtOne(Finally),
    Done,
}

impl Body<i32, (), ()> for SaysFin {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, ()> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start(log), Resume::Start) => {
                *self = Self::AtOne(Finally(log, "fin"));
                Ok(Step::Yield(1))
            }
            (Self::AtOne(finally), Resume::Send(())) => {
                drop(finally);
                Ok(Step::Return(()))
            }
            (Self::AtOne(finally), Resume::Throw(failure)) => {
                drop(finally);
                Err(failure)
            }
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.11: both ways on lead to the same yield, so a close is not heeded.
enum IgnoresExit {
    Start,
    AtOne,
    AtTwo,
    Done,
}

impl Body<i32, (), ()> for IgnoresExit {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, ()> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start, Resume::Start) => {
                *self = Self::AtOne;
                Ok(Step::Yield(1))
            }
            (Self::AtOne, Resume::Send(()) | Resume::Throw(_)) => {
                *self = Self::AtTwo;
                Ok(Step::Yield(2))
            }
            (Self::AtTwo, Resume::Send(())) => Ok(Step::Return(())),
            (Self::AtTwo, Resume::Throw(failure)) => Err(failure),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.12: the way on from an error is another error.
enum FailsOnExit {
    Start,
    AtOne,
    Done,
}

impl Body<i32, (), ()> for FailsOnExit {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, ()> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start, Resume::Start) => {
                *self = Self::AtOne;
                Ok(Step::Yield(1))
            }
            (Self::AtOne, Resume::Send(())) => Ok(Step::Return(())),
            (Self::AtOne, Resume::Throw(_)) => Err(KeyError("in fin").into()),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}

/// M3.23: the variable is alive at the first yield, and no longer at the second.
enum CleansUp {
    Start(Log),
    AtOne(Finally),
    AtTwo,
    Done,
}

impl Body<i32, (), ()> for CleansUp {
    fn resume(&mut self, with: Resume<()>) -> Stepped<i32, ()> {
        match (mem::replace(self, Self::Done), with) {
            (Self::Start(log), Resume::Start) => {
                *self = Self::AtOne(Finally(log, "cleanup"));
                Ok(Step::Yield(1))
            }
            (Self::AtOne(finally), Resume::Send(())) => {
                drop(finally);
                *self = Self::AtTwo;
                Ok(Step::Yield(2))
            }
            (Self::AtOne(finally), Resume::Throw(failure)) => {
                drop(finally);
                Err(failure)
            }
            (Self::AtTwo, Resume::Send(())) => Ok(Step::Return(())),
            (Self::AtTwo, Resume::Throw(failure)) => Err(failure),
            _ => unreachable!("a generator starts once, and ends once"),
        }
    }
}
