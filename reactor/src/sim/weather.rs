//! The weather: how unkind the network is.

use std::ops::Range;
use std::time::Duration;

/// How unkind the network is. Chances are out of a hundred unless said otherwise.
#[derive(Clone, Debug)]
pub struct Weather {
    /// How long a segment travels.
    pub latency: Range<Duration>,
    /// How many bytes a connection carries in a second, each way. `None`: as many as it likes.
    pub bandwidth: Option<u64>,
    /// How many bytes fit between two ends before the writer has to wait.
    pub window: usize,
    /// Reads and writes that move less than they could.
    pub short: u32,
    /// Writes that travel in several segments.
    pub split: u32,
    /// Segments that are held up, so that the next ones arrive together with them.
    pub hold: u32,
    /// Waits that wake somebody for nothing.
    pub spurious: u32,
    /// Out of ten thousand writes, those that reset their connection.
    pub reset: u32,
    /// Whether what happens at the same time happens in any order.
    pub shuffle: bool,
    /// How many sockets the program may have open.
    pub descriptors: usize,
}

impl Weather {
    /// Every segment takes a millisecond, and nothing goes wrong.
    pub fn calm() -> Self {
        let latency = Duration::from_millis(1)..Duration::from_millis(1);
        Self {
            latency,
            bandwidth: None,
            window: 64 * 1024,
            short: 0,
            split: 0,
            hold: 0,
            spurious: 0,
            reset: 0,
            shuffle: false,
            descriptors: usize::MAX,
        }
    }

    /// Segments are late, split and held up, reads and writes are short, wakes come for
    /// nothing, and what happens at once happens in any order. But everything arrives.
    pub fn rough() -> Self {
        Self {
            latency: Duration::from_micros(100)..Duration::from_millis(20),
            bandwidth: Some(4 << 20),
            window: 16 * 1024,
            short: 30,
            split: 30,
            hold: 20,
            spurious: 10,
            shuffle: true,
            ..Self::calm()
        }
    }

    /// As rough, and connections break.
    pub fn stormy() -> Self {
        Self { window: 2 * 1024, reset: 100, ..Self::rough() }
    }

    /// How long it takes until so many bytes are on their way.
    pub(super) fn loads(&self, bytes: usize) -> Duration {
        self.bandwidth.map_or(Duration::ZERO, |rate| {
            let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
            Duration::from_nanos_u128(nanos)
        })
    }
}

impl Default for Weather {
    fn default() -> Self {
        Self::calm()
    }
}
