//! What callbacks share and keep: permits, calls that are made later, what a read gives.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage2_generators::event_loop::DelayedCall;
use stage2_generators::extras::delayed::NotActive;
use stage2_generators::extras::requests::TcpListener;
use stage2_generators::extras::trampoline;
use stage2_generators::sync::Semaphore;
use stage2_generators::time::sleep;
use stage2_generators::{call_later, inline_callbacks, react, yield_};

const MS: Duration = Duration::from_millis(1);

/// A permit that is dropped goes to whoever waited longest, and no permit is lost.
#[test]
fn permits_are_handed_on_in_order() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    let ended = backend::scope(Clockwork::new(), || {
        react(move || {
            inline_callbacks(async move {
                let semaphore = Semaphore::new(1);
                let mut tasks = Vec::new();
                for name in ["a", "b", "c"] {
                    let (semaphore, said) = (semaphore.clone(), Rc::clone(&said));
                    tasks.push(inline_callbacks(async move {
                        let _permit = yield_(semaphore.acquire()).await?;
                        said.borrow_mut().push(format!("{name} has it"));
                        yield_(sleep(MS)).await?;
                        said.borrow_mut().push(format!("{name} gives it back"));
                        Ok(())
                    }));
                }
                for task in tasks {
                    yield_(task).await?;
                }
                drop(yield_(semaphore.acquire()).await?);
                Ok(())
            })
        })
    });
    ended.unwrap().unwrap();
    let story =
        ["a", "b", "c"].map(|it| [format!("{it} has it"), format!("{it} gives it back")]);
    assert_eq!(*log.borrow(), story.concat());
}

#[test]
fn a_call_that_is_over_says_why_nothing_can_be_done_about_it() {
    let ended = backend::scope(Clockwork::new(), || {
        react(|| {
            inline_callbacks(async {
                let (made, cancelled) = (call_later(MS, || {}), call_later(MS, || {}));
                cancelled.cancel();
                yield_(sleep(2 * MS)).await?;
                let words = [made, cancelled].map(|call| call.reset(MS).unwrap_err());
                assert_eq!(
                    words,
                    [NotActive::AlreadyCalled, NotActive::AlreadyCancelled]
                );
                let words = words.map(|it| it.to_string());
                assert_eq!(
                    words,
                    ["the call has been made", "the call has been cancelled"]
                );
                Ok(())
            })
        })
    });
    ended.unwrap().unwrap();
}

#[test]
fn a_call_can_be_put_off_and_says_when_it_is_due_and_whether_it_still_is() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let said = Rc::clone(&log);
    let ended = backend::scope(Clockwork::new(), || {
        react(|| {
            inline_callbacks(async move {
                let calls = ["first", "second"].map(|name| {
                    let said = Rc::clone(&said);
                    call_later(2 * MS, move || said.borrow_mut().push(name))
                });
                let due = calls[0].get_time().unwrap();
                calls[0].delay(3 * MS).unwrap();
                assert_eq!(calls[0].get_time(), Some(due + 3 * MS));
                assert_eq!(call_later(Duration::MAX, || ()).get_time(), None, "never");
                yield_(sleep(4 * MS)).await?;
                let active = calls.each_ref().map(DelayedCall::active);
                assert_eq!(active, [true, false], "the other has been made");
                yield_(sleep(MS)).await?;
                assert!(!calls[0].active());
                Ok(())
            })
        })
    });
    ended.unwrap().unwrap();
    assert_eq!(*log.borrow(), ["second", "first"]);
}

/// However much there is, one read gives 4 KiB.
#[test]
fn a_read_gives_a_chunk_at_the_most() {
    let ended = trampoline::react(|co| async move {
        let listener = TcpListener::bind(&co, ([127, 0, 0, 1], 0).into()).await?;
        let address = listener.local_addr()?;
        let peer = thread::spawn(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.write_all(&vec![7; 100_000]).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            stream.read_to_end(&mut Vec::new()).unwrap();
        });
        let stream = listener.accept(&co).await?;
        let mut lengths = Vec::new();
        loop {
            let bytes = stream.read(&co).await?;
            if bytes.is_empty() {
                break;
            }
            lengths.push(bytes.len());
        }
        drop(stream);
        peer.join().unwrap();
        Ok(lengths)
    });
    let lengths = ended.unwrap().unwrap();
    assert_eq!(lengths.iter().sum::<usize>(), 100_000);
    assert_eq!(lengths.iter().max(), Some(&4096));
}
