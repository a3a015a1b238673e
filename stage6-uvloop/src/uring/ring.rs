//! The gate to the kernel: two queues, and whatever the kernel is busy with.
//!
//! The invariant that the `unsafe` here rests on: an operation leaves [`Ring::operations`] only
//! when the kernel has said that it is done with it.

#![expect(unsafe_code, reason = "the kernel is told addresses, and gives descriptors")]

use std::fmt;
use std::io;
use std::mem::ManuallyDrop;
use std::net::Shutdown;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};
use std::time::{Duration, Instant};

use io_uring::{IoUring, Probe, cqueue, opcode, squeue, types};
use rustix::io::Errno;
use slab::Slab;
use socket2::SockRef;

use super::Settings;
use super::buffers::{BufferId, Buffers, COUNT, GROUP};
use super::operation::{Operation, Outgoing, Purpose};

/// How many entries can be handed over at once. More are handed over in between.
const ENTRIES: u32 = 512;

/// How many completions find room. What does not waits in the kernel.
const COMPLETIONS: u32 = 4096;

/// How much of a file is read before somebody is told: most files are smaller.
const CHUNK: usize = 16 * 1024;

/// How many buffers for files are kept for the next ones.
const SPARES: usize = 64;

/// The name of what nobody needs to hear of: that something was cancelled.
const NOBODY: u64 = u64::MAX;

/// How long the end of a ring may wait for what is left: so little that a program ends within
/// a second, though somebody does not read.
const PATIENCE: Duration = Duration::from_millis(500);

/// A timeout that the kernel need not be told of.
const CENTURY: Duration = Duration::from_hours(24 * 365 * 100);

/// Which operation. A number comes round again once the kernel is done with its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OperationId(usize);

/// A ring, and what it owns on the kernel's behalf.
pub(super) struct Ring {
    io: IoUring,
    /// Filled by `start`; emptied by `finished`, and by nothing else.
    operations: ManuallyDrop<Slab<Operation>>,
    /// Made when the first connection waits. `None` also where the kernel knows no such thing.
    buffers: ManuallyDrop<Option<Box<Buffers>>>,
    /// Filled by files that are closed, whose buffers the next ones take.
    spare: Vec<Box<[u8]>>,
    settings: Settings,
    /// Counts how often the kernel was called.
    calls: u64,
}

/// What the kernel has to say of an operation.
pub(super) struct Completion {
    pub(super) id: OperationId,
    /// What the system call of that name would give.
    pub(super) result: io::Result<usize>,
    /// Whether the kernel will say more of it.
    pub(super) more: bool,
    /// Where it has put what it received.
    pub(super) buffer: Option<BufferId>,
}

impl Ring {
    pub(super) fn new(settings: Settings) -> io::Result<Self> {
        let io = open(settings)?;
        if !io.params().is_feature_ext_arg() || !io.params().is_feature_nodrop() {
            let message = "this kernel's io_uring cannot wait with a timeout: 5.11 can";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        // Both are asked for together, or not at all.
        let settings =
            Settings { deferred: io.params().is_setup_single_issuer(), ..settings };
        let operations = ManuallyDrop::new(Slab::new());
        let buffers = ManuallyDrop::new(None);
        Ok(Self { io, operations, buffers, spare: Vec::new(), settings, calls: 0 })
    }

    /// What is made use of, as far as is known by now.
    pub(super) fn settings(&self) -> Settings {
        self.settings
    }

    /// Which operations the kernel knows.
    pub(super) fn probe(&self, probe: &mut Probe) -> io::Result<()> {
        self.io.submitter().register_probe(probe)
    }

    /// The kernel does not know how to do a thing many times.
    pub(super) fn give_up_many(&mut self) {
        self.settings.many = false;
    }

    /// How often the kernel was called.
    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// How many operations the kernel has not finished.
    pub(super) fn in_flight(&self) -> usize {
        self.operations.len()
    }

    /// Queues an operation. It begins when the queue is [handed over](Self::enter).
    pub(super) fn start(&mut self, operation: Operation) -> OperationId {
        let id = OperationId(self.operations.insert(operation));
        self.queue(id);
        id
    }

    /// Queues an operation that is there already: what is left of it.
    pub(super) fn queue(&mut self, OperationId(id): OperationId) {
        let entry = self.operations[id].entry();
        self.push(&entry.user_data(id as u64));
    }

    /// Asks the kernel to leave off. It stays in flight until the kernel says that it has.
    pub(super) fn cancel(&mut self, OperationId(id): OperationId) {
        self.push(&opcode::AsyncCancel::new(id as u64).build().user_data(NOBODY));
    }

    fn push(&mut self, entry: &squeue::Entry) {
        loop {
            // SAFETY: what the entry points to belongs to an operation that is not dropped
            // before the kernel is done with it; and operations do not move on the heap.
            if unsafe { self.io.submission().push(entry) }.is_ok() {
                return;
            }
            // What cannot be handed over now, because too much is unheard, can be later.
            let _ = self.submit();
        }
    }

    pub(super) fn operation(&mut self, OperationId(id): OperationId) -> &mut Operation {
        &mut self.operations[id]
    }

    /// The kernel has said its last word on it.
    pub(super) fn finished(&mut self, OperationId(id): OperationId) -> Operation {
        self.operations.remove(id)
    }

    /// A send that has not come to its end is queued again. `false`: nothing is left, or it
    /// failed.
    pub(super) fn goes_on(
        &mut self,
        id: OperationId,
        result: &io::Result<usize>,
    ) -> bool {
        let (Purpose::Send(outgoing), Ok(n)) = (&mut self.operation(id).purpose, result)
        else {
            return false;
        };
        let is_left = outgoing.advance(*n);
        if is_left {
            self.queue(id);
        }
        is_left
    }

    /// What happened to something that is closed by now: nobody is told, and nothing leaks.
    pub(super) fn forget(&mut self, done: Completion) {
        let Completion { id, result, more, buffer } = done;
        if let (Purpose::Accept { .. } | Purpose::Open(_), Ok(descriptor)) =
            (&self.operation(id).purpose, &result)
        {
            drop(opened(*descriptor));
        }
        if let Some(buffer) = buffer {
            self.give_back(buffer);
        }
        if more || self.goes_on(id, &result) {
            return;
        }
        let operation = self.finished(id);
        match (&operation.purpose, operation.descriptor()) {
            (Purpose::Send(Outgoing { is_last: true, .. }), Some(descriptor)) => {
                // A peer that is gone need not be told.
                let _ = SockRef::from(&descriptor).shutdown(Shutdown::Write);
            }
            (Purpose::Close(_), _) if result.is_ok() => is_closed(operation),
            _ => {}
        }
    }

    /// A buffer for what is in a file.
    pub(super) fn spare(&mut self) -> Box<[u8]> {
        self.spare.pop().unwrap_or_else(|| vec![0; CHUNK].into())
    }

    /// The kernel is done with it.
    pub(super) fn keep_spare(&mut self, buffer: Box<[u8]>) {
        if self.spare.len() < SPARES {
            self.spare.push(buffer);
        }
    }

    /// The next thing that the kernel has to say.
    pub(super) fn heard(&mut self) -> Option<Completion> {
        loop {
            let entry = self.io.completion().next()?;
            if entry.user_data() != NOBODY {
                return Some(Completion::of(&entry));
            }
        }
    }

    /// Whether the kernel has to be called for what was queued, or for what it has put off.
    pub(super) fn is_owed_a_call(&mut self) -> bool {
        let queue = self.io.submission();
        !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Hands over what is queued, and does not sleep.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        self.calls += 1;
        pardoned(self.io.submit())
    }

    /// Hands over what is queued, and sleeps until there is something to hear, or until `timeout`
    /// is over.
    pub(super) fn enter(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.calls += 1;
        let timeout = timeout.filter(|it| *it < CENTURY).map(types::Timespec::from);
        let arguments = match &timeout {
            Some(timeout) => types::SubmitArgs::new().timespec(timeout),
            None => types::SubmitArgs::new(),
        };
        pardoned(self.io.submitter().submit_with_args(1, &arguments))
    }

    /// The buffers that the kernel helps itself to. `false`: there are none, and there will be
    /// none.
    pub(super) fn has_buffers(&mut self) -> bool {
        if self.settings.many && self.buffers.is_none() {
            let buffers = Box::new(Buffers::new());
            // SAFETY: the queue begins at a page, has `COUNT` entries, and stays where it is,
            // with the memory it offers, until the kernel is done with all that is in flight.
            let registered = unsafe {
                self.io.submitter().register_buf_ring_with_flags(
                    buffers.address(),
                    COUNT,
                    GROUP,
                    0,
                )
            };
            self.settings.many = registered.is_ok();
            *self.buffers = Some(buffers);
        }
        self.settings.many
    }

    pub(super) fn give_back(&mut self, id: BufferId) {
        self.group().give_back(id);
    }

    /// What the kernel has put into a buffer of the group.
    pub(super) fn received(&mut self, id: BufferId) -> &[u8] {
        self.group().bytes(id)
    }

    fn group(&mut self) -> &mut Buffers {
        self.buffers.as_mut().expect("the kernel has taken a buffer of the group")
    }
}

/// Opens a ring, as well as this kernel can: completions only when they are asked for (6.1),
/// or when a system call ends (5.19), or at any time.
fn open(settings: Settings) -> io::Result<IoUring> {
    let attempt = |prepare: fn(&mut io_uring::Builder)| {
        let mut builder = IoUring::builder();
        prepare(builder.setup_clamp().setup_cqsize(COMPLETIONS));
        builder.build(ENTRIES)
    };
    let deferred = |builder: &mut io_uring::Builder| {
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
    };
    let at_calls = |builder: &mut io_uring::Builder| {
        builder.setup_coop_taskrun().setup_taskrun_flag();
    };
    let is_unknown = |error: &io::Error| error.kind() == io::ErrorKind::InvalidInput;
    if settings.deferred {
        match attempt(deferred) {
            Err(error) if is_unknown(&error) => {}
            result => return result,
        }
    }
    match attempt(at_calls) {
        Err(error) if is_unknown(&error) => attempt(|_| {}),
        result => result,
    }
}

/// That time is over is no failure, nor that there is more to hear than finds room.
fn pardoned(entered: io::Result<usize>) -> io::Result<()> {
    let pardoned = [Errno::TIME, Errno::BUSY, Errno::AGAIN].map(Errno::raw_os_error);
    match entered {
        Err(error) if error.raw_os_error().is_some_and(|it| pardoned.contains(&it)) => {
            Ok(())
        }
        result => result.map(drop),
    }
}

/// What an accept, or an open, has given.
pub(super) fn opened(descriptor: usize) -> OwnedFd {
    let descriptor = i32::try_from(descriptor).expect("a descriptor is a small number");
    // SAFETY: the kernel has just opened it for us, and nobody else knows of it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// The kernel has closed it: its number may be somebody else's by now.
fn is_closed(operation: Operation) {
    if let Purpose::Close(descriptor) = operation.purpose {
        let _somebody_elses = descriptor.into_raw_fd();
    }
}

impl Completion {
    fn of(entry: &cqueue::Entry) -> Self {
        let (result, flags) = (entry.result(), entry.flags());
        let failed = |_| io::Error::from_raw_os_error(-result);
        let id = usize::try_from(entry.user_data()).expect("the index of an operation");
        Self {
            id: OperationId(id),
            result: usize::try_from(result).map_err(failed),
            more: cqueue::more(flags),
            buffer: cqueue::buffer_select(flags).map(BufferId),
        }
    }
}

/// Nothing that the kernel may still write to is freed: everything is called off, and waited
/// for. What was promised to be sent has a moment longer.
impl Drop for Ring {
    fn drop(&mut self) {
        let began = Instant::now();
        self.cancel_all(|purpose| !matches!(purpose, Purpose::Send(_)));
        while !self.operations.is_empty() && began.elapsed() < PATIENCE {
            self.hear_out(PATIENCE / 100);
        }
        self.cancel_all(|_| true);
        for _ in 0..100 {
            if self.operations.is_empty() {
                break;
            }
            self.hear_out(PATIENCE / 100);
        }
        // What does not answer even now is not freed: the kernel may still write to it.
        if self.operations.is_empty() {
            drop((std::mem::take(&mut *self.operations), self.buffers.take()));
        }
    }
}

impl Ring {
    fn cancel_all(&mut self, is_meant: fn(&Purpose) -> bool) {
        let meant = self.operations.iter().filter(|(_, it)| is_meant(&it.purpose));
        let ids: Vec<_> = meant.map(|(id, _)| OperationId(id)).collect();
        ids.into_iter().for_each(|id| self.cancel(id));
    }

    /// Waits a moment, and forgets whatever is done.
    fn hear_out(&mut self, moment: Duration) {
        let _ = self.enter(Some(moment));
        while let Some(done) = self.heard() {
            self.forget(done);
        }
    }
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.iter().map(|(_, operation)| &operation.purpose);
        f.debug_list().entries(operations).finish()
    }
}
