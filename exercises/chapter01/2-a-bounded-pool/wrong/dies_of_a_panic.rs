use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

type Job = Box<dyn FnOnce() + Send>;

pub struct Pool {
    queue: Option<Sender<Job>>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    pub fn new(workers: usize) -> Self {
        let (queue, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let worker = |_| {
            let jobs = Arc::clone(&jobs);
            thread::spawn(move || {
                loop {
                    let job = jobs.lock().unwrap().recv();
                    let Ok(job) = job else { return };
                    job();
                }
            })
        };
        Self { queue: Some(queue), workers: (0..workers).map(worker).collect() }
    }

    pub fn submit(&self, job: impl FnOnce() + Send + 'static) {
        // When all workers are gone, nobody takes it.
        drop(self.queue.as_ref().unwrap().send(Box::new(job)));
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
