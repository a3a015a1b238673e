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
}

impl Buffer {
    /// An empty buffer, with the marks that asyncio gives it.
    pub fn new() -> Self {
        Self { size: 0, high: 65_536 }
    }

    /// The protocol writes.
    pub fn write(&mut self, bytes: usize) -> Option<Call> {
        self.size += bytes;
        (self.size >= self.high).then_some(Call::PauseWriting)
    }

    /// The kernel has taken some.
    pub fn sent(&mut self, bytes: usize) -> Option<Call> {
        self.size -= bytes;
        (self.size < self.high).then_some(Call::ResumeWriting)
    }

    /// Sets the marks.
    pub fn set_limits(
        &mut self,
        high: Option<usize>,
        _low: Option<usize>,
    ) -> Result<Option<Call>, String> {
        self.high = high.unwrap_or(65_536);
        Ok(None)
    }

    /// Whether whoever drains may go on.
    pub fn may_write(&self) -> bool {
        self.size < self.high
    }
}
