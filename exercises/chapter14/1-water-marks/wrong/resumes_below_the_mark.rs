/// What the protocol is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    PauseWriting,
    ResumeWriting,
}

/// How much has not been sent yet, in bytes.
pub struct Buffer {
    size: usize,
    high: usize,
    low: usize,
    is_paused: bool,
}

impl Buffer {
    /// An empty buffer, with the marks that asyncio gives it.
    pub fn new() -> Self {
        Self { size: 0, high: 65_536, low: 16_384, is_paused: false }
    }

    /// The protocol writes.
    pub fn write(&mut self, bytes: usize) -> Option<Call> {
        self.size += bytes;
        self.pause_if_it_has_to()
    }

    /// The kernel has taken some.
    pub fn sent(&mut self, bytes: usize) -> Option<Call> {
        self.size -= bytes;
        if !self.is_paused || self.size >= self.low {
            return None;
        }
        self.is_paused = false;
        Some(Call::ResumeWriting)
    }

    /// Sets the marks.
    pub fn set_limits(
        &mut self,
        high: Option<usize>,
        low: Option<usize>,
    ) -> Result<Option<Call>, String> {
        let high = high.unwrap_or_else(|| low.map_or(65_536, |low| 4 * low));
        let low = low.unwrap_or(high / 4);
        if low > high {
            return Err(format!("low ({low}) is above high ({high})"));
        }
        (self.high, self.low) = (high, low);
        Ok(self.pause_if_it_has_to())
    }

    /// Whether whoever drains may go on.
    pub fn may_write(&self) -> bool {
        !self.is_paused
    }

    fn pause_if_it_has_to(&mut self) -> Option<Call> {
        if self.is_paused || self.size <= self.high {
            return None;
        }
        self.is_paused = true;
        Some(Call::PauseWriting)
    }
}
