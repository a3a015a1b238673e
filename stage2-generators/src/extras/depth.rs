//! How deep generators may run inside each other: they all borrow one stack, and that has an end.
//!
//! CPython counts the calls, and raises `RecursionError` at a thousand. How much stack a call
//! takes is known there; here it depends on the body. So what counts is the stack that is left.
//! (And where CPython *drops* what is nested deep, its "trashcan" puts it aside for later.)

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr;

use thiserror::Error;

/// So many generators run inside each other before anybody asks how much stack is left.
const FREE: u32 = 8;
/// What is kept for the innermost body and for what it calls, in bytes.
const RESERVE: usize = 64 * 1024;
/// What generators may use of a stack of unknown size, in bytes. Most have 1 MiB or more.
const ASSUMED: usize = 768 * 1024;

/// Too many generators run inside each other, for the stack that they run on.
#[doc(alias = "RecursionError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "{levels} generators run inside each other, and the stack that they share is nearly used up: \
     nest them less deep, or run them on a thread with a larger stack"
)]
pub struct TooDeep {
    /// How many they are.
    pub levels: u32,
}

thread_local! {
    static LEVELS: Cell<u32> = const { Cell::new(0) };

    /// The addresses that generators may use; found out once it matters.
    static STACK: Cell<(usize, usize)> = const { Cell::new((0, 0)) };

    /// What waits to be dropped, while somebody drops: filled and emptied by `flatten`.
    ///
    /// It has no destructor, so that it outlives every other thread-local value.
    static LATER: RefCell<ManuallyDrop<Option<VecDeque<End>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

type End = Box<dyn FnOnce()>;

/// A generator that runs, inside those that run already.
#[derive(Debug)]
pub(crate) struct Level(());

impl Level {
    #[inline]
    pub(crate) fn enter() -> Result<Self, TooDeep> {
        let levels = LEVELS.get();
        if levels >= FREE && stack_left() < RESERVE {
            return Err(TooDeep { levels });
        }
        LEVELS.set(levels + 1);
        Ok(Self(()))
    }
}

impl Drop for Level {
    #[inline]
    fn drop(&mut self) {
        LEVELS.set(LEVELS.get() - 1);
    }
}

/// Calls `end`, which may come here again from inside: for as long as there is stack for that it
/// is called at once, and then by the outermost.
pub(crate) fn flatten(end: impl FnOnce() + 'static) {
    let is_outermost = LATER.with_borrow_mut(|later| {
        let is_outermost = later.is_none();
        later.get_or_insert_default();
        is_outermost
    });
    match Level::enter() {
        Err(TooDeep { .. }) if !is_outermost => put_aside(Box::new(end)),
        _level => end(),
    }
    if is_outermost {
        while let Some(end) = next() {
            end();
        }
    }
}

fn put_aside(end: End) {
    LATER.with_borrow_mut(|later| later.get_or_insert_default().push_back(end));
}

/// What was put aside first. Once that is nothing, nobody is the outermost any more.
fn next() -> Option<End> {
    LATER.with_borrow_mut(|later| {
        let end = later.as_mut().and_then(VecDeque::pop_front);
        if end.is_none() {
            **later = None;
        }
        end
    })
}

/// How many bytes the stack has left below this call, as far as generators may use it.
#[inline]
fn stack_left() -> usize {
    let marker = 0_u8;
    let here = ptr::from_ref(&marker).addr();
    let (lowest, highest) = STACK.get();
    let is_known = (lowest..highest).contains(&here);
    here - if is_known { lowest } else { lowest_around(here) }
}

/// Where the stack ends that has `here` in it. It is asked once of each stack.
#[cold]
fn lowest_around(here: usize) -> usize {
    let stack = stack_around(here).unwrap_or(here.saturating_sub(ASSUMED)..usize::MAX);
    STACK.set((stack.start, stack.end));
    stack.start
}

/// The stack that has `here` in it, where the system tells, as Linux does.
fn stack_around(here: usize) -> Option<Range<usize>> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut mappings = maps.lines().filter_map(|line| Some((mapping(line)?, line)));
    let (mapped, line) = mappings.find(|(range, _)| range.contains(&here))?;
    if !line.ends_with("[stack]") {
        return Some(mapped);
    }
    // The main thread's grows as it is used, up to a limit.
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max stack size"))?;
    let limit: usize = limit.split_whitespace().next()?.parse().ok()?;
    Some(mapped.end.saturating_sub(limit)..mapped.end)
}

/// The addresses at the beginning of a line, in hexadecimal figures.
fn mapping(line: &str) -> Option<Range<usize>> {
    let (start, end) = line.split_whitespace().next()?.split_once('-')?;
    let [start, end] = [start, end].map(|it| usize::from_str_radix(it, 16));
    Some(start.ok()?..end.ok()?)
}
