//! Into what a transport reads: into the buffer that all share, or into the protocol's own.

use std::io;

use super::{Read, StreamTransport};
use crate::event_loop::EventLoop;

impl StreamTransport {
    /// Reads once, and tells the protocol.
    pub(super) fn read_once(&self, event_loop: &EventLoop) -> Read {
        if self.is_buffered.get() {
            self.read_into_its_own()
        } else {
            event_loop.0.sources.read(|buffer| self.read_into_what_all_share(buffer))
        }
    }

    /// Into the buffer that all share.
    fn read_into_what_all_share(&self, buffer: &mut [u8]) -> Read {
        match self.receive(buffer) {
            Ok(0) => self.eof_received(),
            Ok(n) => {
                let data = &buffer[..n];
                self.tell("data_received", |protocol| protocol.data_received(data));
                return if n == buffer.len() { Read::Full } else { Read::Some };
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Read::Nothing;
            }
            Err(error) => self.lose(Some(error)),
        }
        Read::Some
    }

    /// Into the buffer that the protocol lends.
    #[doc(alias = "_read_ready__get_buffer")]
    fn read_into_its_own(&self) -> Read {
        const HAS_ONE: &str = "it has said that it has a buffer of its own";
        let lent = self.tell("get_buffer", |protocol| {
            let buffer = protocol.buffered().expect(HAS_ONE).get_buffer(0);
            assert!(!buffer.is_empty(), "get_buffer() returned an empty buffer");
            buffer
        });
        // If not, it has panicked, and the connection is lost.
        let Some(mut buffer) = lent else { return Read::Some };
        let received = self.receive(&mut buffer);
        let n = received.as_ref().map_or(0, |n| *n);
        let is_full = n == buffer.len();
        self.tell("buffer_updated", |protocol| {
            protocol.buffered().expect(HAS_ONE).buffer_updated(buffer, n);
        });
        match received {
            Ok(0) => self.eof_received(),
            Ok(_) if is_full => return Read::Full,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Read::Nothing;
            }
            Err(error) => self.lose(Some(error)),
        }
        Read::Some
    }
}
