//! A file that the kernel sends, past the transport's buffer.

use std::io;

use super::StreamTransport;
use crate::futures::Future as Promise;
use crate::streams::again;
use crate::transports::FilePart;

/// A file that is being sent.
pub(super) struct Job {
    part: FilePart,
    done: Promise<io::Result<()>>,
}

impl StreamTransport {
    /// Has it sent after what is in the buffer. `None` where no kernel can.
    pub(super) fn begin_file(&self, part: &FilePart) -> Option<Promise<io::Result<()>>> {
        assert!(!self.ends.get(), "nothing can be sent after write_eof()");
        self.expect_no_file();
        let event_loop = self.event_loop().filter(|_| self.is_a_socket())?;
        let done = event_loop.create_future();
        let job = Job { part: part.clone(), done: done.clone() };
        self.file.set(Some(Box::new(job)));
        if self.buffer.borrow().is_empty() {
            self.send_file_on();
        }
        Some(done)
    }

    /// Whoever writes in the middle of a file does not know what it does.
    #[track_caller]
    pub(super) fn expect_no_file(&self) {
        assert!(!self.keeps_its_file(), "a file is being sent: await its end before");
    }

    /// Lets go of one for which nobody waits any more. `false`: none is left.
    pub(super) fn keeps_its_file(&self) -> bool {
        let job = self.file.take();
        let is_sending = job.as_ref().is_some_and(|it| !it.part.is_given_up());
        self.file.set(job.filter(|_| is_sending));
        is_sending
    }

    /// Sends as much of the file as fits, if there is one.
    pub(super) fn send_file_on(&self) {
        let Some(job) = self.file.take() else { return };
        let sent = job.part.send_by(|file, from, most| {
            let channel = self.channel.borrow();
            let channel = channel.as_ref().ok_or(io::ErrorKind::NotConnected)?;
            channel.send_file(file, from, most)
        });
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            self.file.set(Some(job));
            return self.write_more();
        }
        job.end(sent);
        if self.ends.get() {
            self.shut_down();
        }
    }

    /// The connection is lost: none of it will be sent any more.
    pub(super) fn give_file_up(&self, reason: Option<&io::Error>) {
        if let Some(job) = self.file.take() {
            let closed = || {
                io::Error::new(
                    io::ErrorKind::ConnectionAborted,
                    "the connection was closed",
                )
            };
            job.end(Err(reason.map_or_else(closed, again)));
        }
    }
}

impl Job {
    fn end(&self, result: io::Result<()>) {
        // Whoever waits may have gone.
        let _ = self.done.set_result(result);
    }
}
