mod exercise;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use exercise::Pool;

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    jobs_run_at_once_up_to_the_bound();
    jobs_begin_in_order();
    a_panic_ends_nobody_else();
    the_drop_waits();
}

fn jobs_run_at_once_up_to_the_bound() {
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    // Nobody leaves before four have come.
    let four = Arc::new(Barrier::new(4));
    let pool = Pool::new(4);
    for _ in 0..40 {
        let (running, most, four) =
            (Arc::clone(&running), Arc::clone(&most), Arc::clone(&four));
        pool.submit(move || {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            four.wait();
            thread::sleep(Duration::from_millis(1));
            running.fetch_sub(1, Ordering::SeqCst);
        });
    }
    drop(pool);
    println!("of 40 jobs for 4 workers, {} ran at once", most.load(Ordering::SeqCst));
}

fn jobs_begin_in_order() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let pool = Pool::new(1);
    for job in 0..6 {
        let order = Arc::clone(&order);
        pool.submit(move || order.lock().unwrap().push(job));
    }
    drop(pool);
    println!("one worker began with {:?}", order.lock().unwrap());
}

fn a_panic_ends_nobody_else() {
    let done = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(2);
    for job in 0..8 {
        let done = Arc::clone(&done);
        pool.submit(move || {
            assert!(job % 2 == 0, "an odd job");
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    drop(pool);
    println!("of 8 jobs, 4 of which panic, {} were done", done.load(Ordering::SeqCst));
}

fn the_drop_waits() {
    let done = Arc::new(AtomicUsize::new(0));
    let pool = Pool::new(2);
    for _ in 0..6 {
        let done = Arc::clone(&done);
        pool.submit(move || {
            thread::sleep(Duration::from_millis(20));
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    drop(pool);
    println!("after the drop, {} of 6 are done", done.load(Ordering::SeqCst));
}
