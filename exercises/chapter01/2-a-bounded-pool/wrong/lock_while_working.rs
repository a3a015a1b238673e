use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

pub struct Pool {
    queue: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    pub fn new(workers: usize) -> Self {
        let (queue, jobs) = channel();
        let jobs = Arc::new(Mutex::new(jobs));
        let worker = |_| {
            let jobs = Arc::clone(&jobs);
            thread::spawn(move || work(&jobs))
        };
        Self { queue: Some(queue), workers: (0..workers).map(worker).collect() }
    }

    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.queue.as_ref().unwrap().send(Box::new(job)).unwrap();
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    // The lock lives as long as the job: a pool of one.
    while let Ok(job) = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv() {
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
