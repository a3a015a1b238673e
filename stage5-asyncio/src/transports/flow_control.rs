//! When is too much written, and when is it little enough again?

use std::cell::Cell;

/// The high water that is used unless another one is set, in bytes.
const HIGH: usize = 64 * 1024;

/// Two marks, so that a writer is not told to stop and to go on with every byte.
#[doc(alias = "_FlowControlMixin")]
#[derive(Debug)]
pub(crate) struct FlowControl {
    low: Cell<usize>,
    high: Cell<usize>,
    /// Set above the high water; cleared at the low.
    is_paused: Cell<bool>,
}

impl FlowControl {
    pub(crate) fn set_limits(&self, high: Option<usize>, low: Option<usize>) {
        let high = high.unwrap_or_else(|| low.map_or(HIGH, |low| low.saturating_mul(4)));
        let low = low.unwrap_or(high / 4);
        assert!(low <= high, "the low water, {low} bytes, is above the high, {high}");
        self.low.set(low);
        self.high.set(high);
    }

    /// The low water, and the high.
    pub(crate) fn limits(&self) -> (usize, usize) {
        (self.low.get(), self.high.get())
    }

    /// Whether whoever writes is to be told to pause, with that many bytes in the buffer.
    pub(crate) fn is_too_much(&self, size: usize) -> bool {
        size > self.high.get() && !self.is_paused.replace(true)
    }

    /// Whether whoever writes is to be told to go on.
    pub(crate) fn is_little_enough(&self, size: usize) -> bool {
        size <= self.low.get() && self.is_paused.replace(false)
    }
}

impl Default for FlowControl {
    fn default() -> Self {
        let (low, high) = (Cell::new(HIGH / 4), Cell::new(HIGH));
        Self { low, high, is_paused: Cell::default() }
    }
}
