//! What to crawl, and how hard.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Target;

/// A crawl to be done, the same for every style.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where to begin.
    pub target: Target,
    /// How many pages to request at the most.
    pub limit: usize,
    /// How many requests may be under way at once; at least one.
    pub concurrency: usize,
    /// How long a page may take, from connecting to its last byte.
    pub timeout: Duration,
    /// Counted up by the frontier, read by whoever watches.
    pub progress: Progress,
}

impl Job {
    /// A crawl without a limit, 16 requests at once, ten seconds a page.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            limit: usize::MAX,
            concurrency: 16,
            timeout: Duration::from_secs(10),
            progress: Progress::default(),
        }
    }

    /// The bytes that ask for `path`. One request a connection: the end of the connection
    /// is the end of the response, if nothing else is.
    pub fn request(&self, path: &str) -> Vec<u8> {
        let Target { authority, authorization, .. } = &self.target;
        let who = authorization.iter().map(|it| format!("Authorization: {it}\r\n"));
        format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: lineage\r\n\
             Accept: text/html, */*\r\nAccept-Encoding: identity\r\n\
             Connection: close\r\n{}\r\n",
            who.collect::<String>()
        )
        .into_bytes()
    }
}

/// How far a crawl has come: a count that other threads may read.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicUsize>);

impl Progress {
    /// How many pages are done.
    pub fn pages(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
