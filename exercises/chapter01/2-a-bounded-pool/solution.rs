use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that do what they are told.
pub struct Pool {
    /// Closed first when the pool is dropped: then the workers find the end of the queue.
    queue: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `workers` threads, which wait for jobs.
    pub fn new(workers: usize) -> Self {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let worker = |_| {
            let jobs = Arc::clone(&jobs);
            thread::spawn(move || work(&jobs))
        };
        let workers = (0..workers).map(worker).collect();
        Self { queue: Some(queue), workers }
    }

    /// Hands in a job. It begins when a worker is free.
    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        let queue = self.queue.as_ref().expect("only the drop closes it");
        queue.send(Box::new(job)).expect("the workers are there until the drop");
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting for a job, and not while doing it.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        drop(catch_unwind(AssertUnwindSafe(job)));
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue = None;
        for worker in self.workers.drain(..) {
            drop(worker.join());
        }
    }
}
