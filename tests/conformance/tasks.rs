//! What one task does to the others, and one socket to another: said once in each style,
//! since every style says it with its own words.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::panic;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use lineage::styles::Style;

use crate::clients::{ANYWHERE, connect, exchange};
use crate::ring::on_a_ring;
use crate::{eventually, text};

const MS: Duration = Duration::from_millis(1);

/// The two stories, as one style tells them.
struct Stories {
    /// One task panics with this text while another waits: what whoever asks after the
    /// first gets to hear, and what the second returns.
    one_panics: fn(&'static str) -> (String, u32),
    /// Listens, accepts one client, closes the listener, echoes once.
    closes: fn(&Door) -> (),
}

/// What a server tells its visitor.
struct Door {
    listens: Sender<SocketAddr>,
    closed: Sender<()>,
}

impl Door {
    fn listens(&self, address: std::io::Result<SocketAddr>) {
        self.listens.send(address.unwrap()).unwrap();
    }

    fn closed(&self) {
        self.closed.send(()).unwrap();
    }
}

fn stories(style: &Style) -> Option<Stories> {
    macro_rules! of {
        ($module:ident) => {
            Some(Stories { one_panics: $module::one_panics, closes: $module::closes })
        };
    }
    match style.name {
        "blocking" => None, // it has no tasks, and its listener is that of the threads
        "threads" => of!(threads),
        "callbacks" => of!(callbacks),
        "deferreds" => of!(deferreds),
        "greenlets" => of!(greenlets),
        "generators" => of!(generators),
        "yield-from" => of!(yield_from),
        "async-await" => of!(async_await),
        "asyncio" => of!(asyncio),
        "uvloop" => Some(Stories {
            one_panics: |text| fast(|| asyncio::one_panics(text)),
            closes: |door| fast(|| asyncio::closes(door)),
        }),
        "uvloop on a ring" => Some(Stories {
            one_panics: |text| on_a_ring(|| fast(|| asyncio::one_panics(text))),
            closes: |door| on_a_ring(|| fast(|| asyncio::closes(door))),
        }),
        other => panic!("nobody has told the stories of {other} yet"),
    }
}

/// On the fast loop.
fn fast<R>(story: impl FnOnce() -> R) -> R {
    stage5_asyncio::events::with_loop_factory(stage6_uvloop::open, story)
}

/// M6.07: the panic hook hears of it once, whoever waits for the task hears of it, and the
/// others go on.
pub(crate) fn a_panic_ends_one_task_and_is_reported(style: &'static Style) {
    let Some(Stories { one_panics, .. }) = stories(style) else { return };
    listen_to_the_panic_hook();
    let planted = Box::leak(format!("{PLANTED} in {}", style.name).into_boxed_str());
    let (heard, other) = one_panics(planted);
    assert!(heard.contains(&*planted), "{heard:?}");
    assert_eq!(other, 7);
    let reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
    let times = reported.iter().filter(|text| **text == *planted).count();
    assert_eq!(times, 1, "it was reported {times} times");
}

const PLANTED: &str = "a planted panic";
static REPORTED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Notes the planted panics, and leaves all others to whoever was told of them before.
fn listen_to_the_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| match text(info.payload()) {
            planted if planted.starts_with(PLANTED) => {
                let mut reported =
                    REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
                reported.push(planted.to_owned());
            }
            _ => before(info),
        }));
    });
}

/// M7.13
pub(crate) fn a_closed_listener_refuses_the_new_and_keeps_the_old(style: &'static Style) {
    let Some(Stories { closes, .. }) = stories(style) else { return };
    let ((listens, address), (closed, is_closed)) = (channel(), channel());
    let visitor = thread::spawn(move || visit(address, is_closed));
    closes(&Door { listens, closed });
    visitor.join().unwrap();
}

fn visit(address: Receiver<SocketAddr>, is_closed: Receiver<()>) {
    let address = address.recv().unwrap();
    let old = connect(address);
    is_closed.recv().unwrap();
    // Not at once: a process that another scenario starts just now holds a copy of every
    // descriptor of ours, until it has become what it is to be.
    eventually("new clients are refused", || match TcpStream::connect(address) {
        Ok(_) => false,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    });
    exchange(&old, b"still here");
}

mod threads {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let bad = thread::spawn(move || panic!("{planted}"));
        let good = thread::spawn(|| {
            thread::sleep(MS);
            7
        });
        let panic = bad.join().unwrap_err();
        (text(&*panic).to_owned(), good.join().unwrap())
    }

    pub(super) fn closes(door: &Door) {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        door.listens(listener.local_addr());
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        door.closed();
        let mut buffer = [0; 100];
        let n = stream.read(&mut buffer).unwrap();
        stream.write_all(&buffer[..n]).unwrap();
    }
}

mod callbacks {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use stage1_callbacks::failure::on_report;
    use stage1_callbacks::net::TcpListener;
    use stage1_callbacks::{call_later, call_soon, run, stop};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let (heard, other) =
            (Rc::new(RefCell::new(String::new())), Rc::new(Cell::new(0)));
        let (log, done) = (Rc::clone(&heard), Rc::clone(&other));
        // Nobody waits for a callback: what is left is the log.
        on_report(move |what| log.borrow_mut().push_str(what));
        run(move || {
            call_soon(move || panic!("{planted}"));
            call_later(MS, move || {
                done.set(7);
                stop();
            });
            Ok(())
        })
        .unwrap();
        (heard.take(), other.get())
    }

    pub(super) fn closes(door: &Door) {
        let closed = door.closed.clone();
        run(|| {
            let listener = TcpListener::bind(ANYWHERE)?;
            door.listens(listener.local_addr());
            listener.clone().accept_then(move |stream| {
                let stream = stream.unwrap();
                drop(listener);
                closed.send(()).unwrap();
                stream.clone().read_then(move |bytes| {
                    stream.write_all_then(bytes.unwrap(), |_| stop());
                });
            });
            Ok(())
        })
        .unwrap();
    }
}

mod deferreds {
    use stage1_callbacks::net::TcpListener;
    use stage1_callbacks::{react, time::sleep};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = react(move || {
            let good = sleep(MS).add_callback(|()| Ok(7));
            let bad = sleep(Duration::ZERO);
            let bad = bad.add_callback(move |()| -> () { panic!("{planted}") });
            let heard = bad.add_both(|end| Ok(end.unwrap_err().to_string()));
            heard.add_callback(|heard| good.add_callback(|other| Ok((heard, other))))
        });
        end.unwrap().unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let closed = door.closed.clone();
        let end = react(|| {
            let listener = TcpListener::bind(ANYWHERE).unwrap();
            door.listens(listener.local_addr());
            listener.accept().add_callback(move |stream| {
                drop(listener);
                closed.send(()).unwrap();
                let reply = stream.clone();
                stream.read().add_callback(move |bytes| reply.write_all(bytes))
            })
        });
        end.unwrap().unwrap();
    }
}

mod greenlets {
    use interlude_greenlets::net::TcpListener;
    use interlude_greenlets::{run, spawn, time::sleep};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = run(move || {
            let bad = spawn(move || panic!("{planted}"));
            let good = spawn(|| {
                sleep(MS);
                7
            });
            let panic = bad.join().unwrap_err();
            (text(&*panic).to_owned(), good.join().unwrap())
        });
        end.unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let (listens, closed) = (door.listens.clone(), door.closed.clone());
        run(move || {
            let door = Door { listens, closed };
            let listener = TcpListener::bind(ANYWHERE).unwrap();
            door.listens(listener.local_addr());
            let stream = listener.accept().unwrap();
            drop(listener);
            door.closed();
            let mut buffer = [0; 100];
            let n = stream.read(&mut buffer).unwrap();
            stream.write_all(&buffer[..n]).unwrap();
        })
        .unwrap();
    }
}

mod generators {
    use stage2_generators::net::TcpListener;
    use stage2_generators::{inline_callbacks, react, time::sleep, yield_};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = react(|| {
            inline_callbacks(async move {
                let bad = inline_callbacks(async move {
                    yield_(sleep(Duration::ZERO)).await?;
                    panic!("{planted}");
                });
                let good = inline_callbacks(async {
                    yield_(sleep(MS)).await?;
                    Ok(7)
                });
                let ended: Result<(), _> = yield_(bad).await;
                Ok((ended.unwrap_err().to_string(), yield_(good).await?))
            })
        });
        end.unwrap().unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let (listens, closed) = (door.listens.clone(), door.closed.clone());
        let end = react(|| {
            inline_callbacks(async move {
                let door = Door { listens, closed };
                let listener = TcpListener::bind(ANYWHERE)?;
                door.listens(listener.local_addr());
                let stream = yield_(listener.accept()).await?;
                drop(listener);
                door.closed();
                let bytes = yield_(stream.read()).await?;
                yield_(stream.write_all(bytes)).await
            })
        });
        end.unwrap().unwrap();
    }
}

mod yield_from {
    use stage3_yield_from::net::TcpListener;
    use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = run(coroutine(async move {
            let bad = spawn(coroutine::<()>(async move { panic!("{planted}") }));
            let good = spawn(coroutine(async {
                yield_from(sleep(MS)).await?;
                Ok(7)
            }));
            let failure = yield_from(&bad).await.unwrap_err();
            Ok((failure.to_string(), yield_from(&good).await?))
        }));
        end.unwrap().unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let (listens, closed) = (door.listens.clone(), door.closed.clone());
        let end = run(coroutine(async move {
            let door = Door { listens, closed };
            let listener = TcpListener::bind(ANYWHERE)?;
            door.listens(listener.local_addr());
            let stream = yield_from(listener.accept()).await?;
            drop(listener);
            door.closed();
            let bytes = yield_from(stream.read()).await?;
            yield_from(stream.write_all(bytes)).await
        }));
        end.unwrap().unwrap();
    }
}

mod async_await {
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::Poll;

    use stage4_async_await::net::TcpListener;
    use stage4_async_await::{run, spawn, time::sleep};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = run(async move {
            let mut bad = pin!(spawn(async move { panic!("{planted}") }));
            let good = spawn(async {
                sleep(MS).await;
                7
            });
            sleep(Duration::ZERO).await;
            // To await it is to panic as it did; here somebody wants to hear of that.
            let heard = poll_fn(|context| {
                match catch_unwind(AssertUnwindSafe(|| bad.as_mut().poll(context))) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(())) => panic!("it ended well"),
                    Err(panic) => Poll::Ready(text(&*panic).to_owned()),
                }
            });
            (heard.await, good.await)
        });
        end.unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let (listens, closed) = (door.listens.clone(), door.closed.clone());
        run(async move {
            let door = Door { listens, closed };
            let listener = TcpListener::bind(ANYWHERE).unwrap();
            door.listens(listener.local_addr());
            let stream = listener.accept().await.unwrap();
            drop(listener);
            door.closed();
            let mut buffer = [0; 100];
            let n = stream.read(&mut buffer).await.unwrap();
            stream.write_all(&buffer[..n]).await.unwrap();
        })
        .unwrap();
    }
}

mod asyncio {
    use std::future::poll_fn;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::pin::pin;
    use std::task::Poll;

    use stage5_asyncio::net::TcpListener;
    use stage5_asyncio::{create_task, run, time::sleep};

    use super::*;

    pub(super) fn one_panics(planted: &'static str) -> (String, u32) {
        let end = run(async move {
            let mut bad =
                pin!(create_task(async move { panic!("{planted}") }).into_future());
            let good = create_task(async {
                sleep(MS).await;
                7
            });
            sleep(Duration::ZERO).await;
            // To await it is to panic as it did; here somebody wants to hear of that.
            let heard = poll_fn(|context| {
                match catch_unwind(AssertUnwindSafe(|| bad.as_mut().poll(context))) {
                    Ok(Poll::Pending) => Poll::Pending,
                    Ok(Poll::Ready(())) => panic!("it ended well"),
                    Err(panic) => Poll::Ready(text(&*panic).to_owned()),
                }
            });
            (heard.await, good.await)
        });
        end.unwrap()
    }

    pub(super) fn closes(door: &Door) {
        let (listens, closed) = (door.listens.clone(), door.closed.clone());
        run(async move {
            let door = Door { listens, closed };
            let listener = TcpListener::bind(ANYWHERE).unwrap();
            door.listens(listener.local_addr());
            let stream = listener.accept().await.unwrap();
            drop(listener);
            door.closed();
            let mut buffer = [0; 100];
            let n = stream.read(&mut buffer).await.unwrap();
            stream.write_all(&buffer[..n]).await.unwrap();
        })
        .unwrap();
    }
}
