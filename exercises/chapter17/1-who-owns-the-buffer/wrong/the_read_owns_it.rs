use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::kernel::{Buffer, Cancelled, Completion, Kernel, Number};

/// The program's end of the kernel's two queues.
pub struct Ring {
    kernel: Kernel,
    /// Filled by `read`; emptied by `turn`, when the kernel has said its last word.
    operations: RefCell<BTreeMap<Number, Rc<Operation>>>,
}

/// Something that the kernel was asked to do.
#[derive(Default)]
struct Operation {
    /// Set by `turn`.
    result: Cell<Option<Result<usize, Cancelled>>>,
    /// Whoever polled last.
    waker: Cell<Option<Waker>>,
}

impl Ring {
    /// One to this kernel.
    pub fn new(kernel: Kernel) -> Rc<Self> {
        Rc::new(Self { kernel, operations: RefCell::default() })
    }

    /// Asks the kernel to read into `buffer`.
    pub fn read(self: &Rc<Self>, buffer: Buffer) -> Read {
        let number = self.kernel.read(buffer.address());
        let operation = Rc::<Operation>::default();
        self.operations.borrow_mut().insert(number, Rc::clone(&operation));
        Read { ring: Rc::clone(self), number, operation, buffer: Some(buffer) }
    }

    /// Hears what the kernel is done with, and wakes whoever waits for it.
    pub fn turn(&self) {
        while let Some(Completion { number, result }) = self.kernel.completion() {
            let operation = self.operations.borrow_mut().remove(&number);
            let Some(operation) = operation else { continue };
            operation.result.set(Some(result));
            if let Some(waker) = operation.waker.take() {
                waker.wake();
            }
        }
    }
}

/// A read that the kernel was asked for. It gives the buffer back.
pub struct Read {
    ring: Rc<Ring>,
    number: Number,
    operation: Rc<Operation>,
    /// `None` once it is given back.
    buffer: Option<Buffer>,
}

impl Future for Read {
    type Output = (Buffer, Result<usize, Cancelled>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(result) = self.operation.result.get() else {
            self.operation.waker.set(Some(context.waker().clone()));
            return Poll::Pending;
        };
        let buffer = self.buffer.take().expect("nobody polls what is done");
        Poll::Ready((buffer, result))
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        self.operation.waker.take();
        // Of a read that is done, the number may name another one by now.
        if self.operation.result.get().is_none() {
            self.ring.kernel.cancel(self.number);
        }
    }
}
