//! PEP 342's own example: calls by yielding the callee, a stack that is a list, and one
//! routine after the other.
//!
//! It pays for every call, and resumes the innermost of twenty thousand frames as fast as
//! the only one: the opposite of delegation, which the next stage builds.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::coroutine::{Co, Generator, Step};
use crate::failure::{Failure, guard, report};

/// What a routine asks of its trampoline.
#[derive(Debug)]
pub enum Command {
    /// Run that one, and resume me when it has returned.
    Call(Routine),
    /// Let the others run.
    Turn,
}

/// A suspended function on a trampoline.
pub type Routine = Generator<Command, (), ()>;

/// Calls `body` from a routine: gives what it returns, or raises what it raises.
///
/// # Errors
///
/// What the body raises.
pub async fn call<T: 'static, F>(
    co: &Co<Command, ()>,
    body: impl FnOnce(Co<Command, ()>) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let result = Rc::new(Cell::new(None));
    let slot = Rc::clone(&result);
    let callee = Generator::new(|co| {
        let body = body(co);
        async move {
            slot.set(Some(body.await));
            Ok(())
        }
    });
    co.yield_(Command::Call(callee)).await?;
    result.take().expect("a caller is resumed once its callee has returned")
}

/// Runs routines, round robin.
#[derive(Debug, Default)]
pub struct Trampoline {
    /// A stack for each routine: who was called last is on top.
    ready: VecDeque<Vec<Routine>>,
}

impl Trampoline {
    /// Adds a routine behind the others.
    pub fn add(&mut self, routine: Routine) {
        self.ready.push_back(vec![routine]);
    }

    /// Runs them all to their ends.
    pub fn run(&mut self) {
        while let Some(mut stack) = self.ready.pop_front() {
            match resume(&mut stack) {
                Some(Step::Yield(Command::Call(callee))) => stack.push(callee),
                Some(Step::Yield(Command::Turn)) => {}
                Some(Step::Return(())) => drop(stack.pop()),
                None => continue,
            }
            self.ready.push_back(stack);
        }
    }
}

/// Resumes the routine on top. A callee hands its errors to its caller; what ended it in
/// another way, as a panic, is raised there. `None`: nobody is left.
fn resume(stack: &mut Vec<Routine>) -> Option<Step<Command, ()>> {
    let mut raised = None;
    while let Some(top) = stack.last() {
        let resumed = guard(|| match raised.take() {
            None => top.next(),
            Some(failure) => top.throw(failure),
        });
        match resumed.and_then(|step| step) {
            Ok(step) => return Some(step),
            Err(failure) => raised = Some(failure),
        }
        drop(stack.pop());
    }
    if let Some(failure) = raised {
        report(format_args!("Unhandled error in a routine: {failure}"));
    }
    None
}
