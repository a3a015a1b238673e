//! Who gets what from a queue: in order, although somebody is cancelled, although it is full.

use std::fmt::Display;
use std::rc::Rc;

use stage5_asyncio::queues::{LifoQueue, PriorityQueue, Queue};
use stage5_asyncio::tasks::wait;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, create_task};

use super::clock::{ms, py, say, turns};

fn gets<T: Display + 'static>(queue: &Rc<Queue<T>>, name: &'static str) -> Task<()> {
    let queue = Rc::clone(queue);
    create_task(async move {
        say(format_args!("{name} got {}", queue.get().await.unwrap()));
    })
}

fn puts(queue: &Rc<Queue<&'static str>>, item: &'static str) -> Task<()> {
    let queue = Rc::clone(queue);
    create_task(async move {
        queue.put(item).await.unwrap();
        say(format_args!("put {item}"));
    })
}

pub(crate) async fn main() {
    let queue = Rc::new(Queue::new());
    let getters = ["a", "b", "c", "d"].map(|name| gets(&queue, name));
    turns(1).await;
    getters[1].cancel();
    for n in 0..3 {
        queue.put_nowait(n).unwrap();
    }
    say(format_args!("{} in the queue", queue.qsize()));
    wait(getters).await;

    let queue = Rc::new(Queue::bounded(1));
    let putters = ["w", "x", "y", "z"].map(|item| puts(&queue, item));
    turns(1).await;
    say(format_args!("full {}", py(queue.full())));
    putters[2].cancel();
    for _ in 0..3 {
        say(format_args!("main got {}", queue.get().await.unwrap()));
    }
    wait(putters).await;

    let queue = Rc::new(Queue::new());
    let [one, two] = ["woken", "next"].map(|name| gets(&queue, name));
    turns(1).await;
    queue.put_nowait("it").unwrap();
    one.cancel();
    wait([one.clone(), two]).await;
    let is_cancelled = py(one.cancelled());
    say(format_args!("the one that was woken was cancelled: {is_cancelled}"));

    let queue = Rc::new(Queue::new());
    let task = gets(&queue, "whoever waits");
    turns(1).await;
    queue.put_nowait("mine").unwrap();
    match queue.get_nowait() {
        Ok(item) => say(format_args!("whoever comes later takes {item} away")),
        Err(_) => say("whoever comes later takes nothing away"),
    }
    queue.put_nowait("another").unwrap();
    task.await;

    let queue = Rc::new(Queue::bounded(2));
    let made = Rc::clone(&queue);
    let consumer = create_task(async move {
        loop {
            let n: i32 = made.get().await.unwrap();
            sleep(ms(10)).await;
            say(format_args!("used {n}"));
            made.task_done();
        }
    });
    for n in 0..4 {
        queue.put(n).await.unwrap();
        say(format_args!("made {n}"));
    }
    queue.join().await;
    say("all was used");
    consumer.cancel();

    let (lifo, priority) = (LifoQueue::new(), PriorityQueue::new());
    for n in [2, 3, 1] {
        lifo.put_nowait(n).unwrap();
        priority.put_nowait(n).unwrap();
    }
    say(format_args!("last in: {:?}", [(); 3].map(|()| lifo.get_nowait().unwrap())));
    say(format_args!("smallest: {:?}", [(); 3].map(|()| priority.get_nowait().unwrap())));
}
