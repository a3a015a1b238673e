//! The hearts over Deferreds: a routine yields what it waits for.

#![allow(
    clippy::too_many_lines,
    reason = "the functions that a heart is made of are inside"
)]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use site::countdown::ROCKETS;
use stage2_generators::deferred::{Deferred, Firer};
use stage2_generators::net::{TcpListener, TcpStream};
use stage2_generators::time::{sleep, timeout};
use stage2_generators::{inline_callbacks, react, yield_};

use super::{Log, PATIENCE, REFUSES, SERVER, SILENT, STAGGER, ms};

pub(crate) fn countdown(log: &Log) {
    let log = log.clone();
    react(|| {
        inline_callbacks(async move {
            let rockets = ROCKETS.map(|rocket| {
                let log = log.clone();
                inline_callbacks(async move {
                    for left in (0..rocket.from).rev() {
                        yield_(sleep(rocket.period)).await?;
                        log.say(format!("{} {left}", rocket.name));
                    }
                    Ok(())
                })
            });
            for rocket in rockets {
                yield_(rocket).await?;
            }
            Ok(())
        })
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn echo(log: &Log) {
    fn echo(stream: TcpStream) -> Deferred<()> {
        inline_callbacks(async move {
            loop {
                let bytes = yield_(stream.read()).await?;
                if bytes.is_empty() {
                    return Ok(());
                }
                yield_(stream.write_all(bytes)).await?;
            }
        })
    }

    fn client(
        log: Log,
        name: &'static str,
        delay: u64,
        words: &'static [&str],
    ) -> Deferred<()> {
        inline_callbacks(async move {
            yield_(sleep(ms(delay))).await?;
            let stream = yield_(TcpStream::connect(SERVER)).await?;
            log.say(format!("{name} connects"));
            for word in words {
                yield_(sleep(ms(10))).await?;
                yield_(stream.write_all(word.as_bytes().to_vec())).await?;
                let bytes = yield_(stream.read()).await?;
                log.say(format!("{name}: {}", String::from_utf8_lossy(&bytes)));
            }
            stream.shutdown()?;
            assert_eq!(yield_(stream.read()).await?, b"");
            log.say(format!("{name} ends"));
            Ok(())
        })
    }

    let log = log.clone();
    react(|| {
        inline_callbacks(async move {
            let listener = TcpListener::bind(SERVER)?;
            drop(inline_callbacks(async move {
                for _ in 0..2 {
                    let stream = yield_(listener.accept()).await?;
                    drop(echo(stream));
                }
                Ok(())
            }));
            let a = client(log.clone(), "a", 0, &["one", "three"]);
            let b = client(log, "b", 5, &["two"]);
            yield_(a).await?;
            yield_(b).await
        })
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn fetch(log: &Log) {
    fn serve(stream: TcpStream) -> Deferred<()> {
        inline_callbacks(async move {
            let asked = yield_(stream.read()).await?;
            if asked == b"/never" {
                // It waits until the client gives up.
                return yield_(stream.read()).await.map(drop);
            }
            yield_(stream.write_all([b"this is ", &asked[..]].concat())).await
        })
    }

    fn fetch(address: SocketAddr, path: &'static str) -> Deferred<String> {
        inline_callbacks(async move {
            let stream = yield_(TcpStream::connect(address)).await?;
            yield_(stream.write_all(path.as_bytes().to_vec())).await?;
            let mut page = Vec::new();
            loop {
                match yield_(stream.read()).await? {
                    bytes if bytes.is_empty() => break,
                    bytes => page.extend(bytes),
                }
            }
            Ok(String::from_utf8_lossy(&page).into_owned())
        })
    }

    fn visit(log: Log, address: SocketAddr, path: &'static str) -> Deferred<()> {
        inline_callbacks(async move {
            let page = yield_(timeout(PATIENCE, fetch(address, path))).await;
            let told = page.unwrap_or_else(|failure| failure.to_string());
            log.say(format!("{path}: {told}"));
            Ok(())
        })
    }

    let log = log.clone();
    react(|| {
        inline_callbacks(async move {
            let listener = TcpListener::bind(SERVER)?;
            let server: Deferred<()> = inline_callbacks(async move {
                loop {
                    let stream = yield_(listener.accept()).await?;
                    drop(serve(stream));
                }
            });
            let pages = [(SERVER, "/never"), (SERVER, "/page"), (REFUSES, "/not there")];
            for visit in pages.map(|(address, path)| visit(log.clone(), address, path)) {
                yield_(visit).await?;
            }
            drop(server);
            Ok(())
        })
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn race(log: &Log) {
    fn attempt(
        log: Log,
        (n, address): (usize, SocketAddr),
        winner: Firer<(usize, TcpStream)>,
        ended: Firer<()>,
    ) -> Deferred<()> {
        inline_callbacks(async move {
            log.say(format!("tries {n}"));
            match yield_(TcpStream::connect(address)).await {
                Ok(stream) => winner.fire(Ok((n, stream)))?,
                Err(failure) => log.say(format!("{n}: {failure}")),
            }
            // Too late, if the next is tried already.
            let _ = ended.fire(Ok(()));
            Ok(())
        })
    }

    fn race(log: Log, addresses: [SocketAddr; 4]) -> Deferred<TcpStream> {
        inline_callbacks(async move {
            let (wins, winner) = Deferred::new();
            let mut attempts = Vec::new();
            for numbered in addresses.into_iter().enumerate() {
                let (ends, ended) = Deferred::new();
                attempts.push(attempt(log.clone(), numbered, wins.clone(), ends));
                let _whichever = yield_(timeout(STAGGER, ended)).await;
                if wins.is_fired() {
                    break;
                }
            }
            let (n, stream) = yield_(winner).await?;
            log.say(format!("{n} wins"));
            attempts.iter().for_each(Deferred::cancel);
            Ok(stream)
        })
    }

    let log = log.clone();
    react(|| {
        inline_callbacks(async move {
            let listener = TcpListener::bind(SERVER)?;
            let winner = yield_(race(log, [SILENT, REFUSES, SERVER, SERVER])).await?;
            yield_(listener.accept()).await?;
            drop(winner);
            Ok(())
        })
    })
    .unwrap()
    .unwrap();
}

/// Somebody in the room.
#[derive(Clone, Default)]
struct Member {
    /// What is still to be written.
    outbox: Rc<RefCell<VecDeque<Vec<u8>>>>,
    /// There while the one who writes it waits.
    bell: Rc<RefCell<Option<Firer<()>>>>,
}

type Room = Rc<RefCell<Vec<Member>>>;

pub(crate) fn chat(log: &Log) {
    fn write(stream: TcpStream, member: Member) -> Deferred<()> {
        inline_callbacks(async move {
            loop {
                let line = member.outbox.borrow_mut().pop_front();
                if let Some(line) = line {
                    yield_(stream.write_all(line)).await?;
                } else {
                    let (firer, bell) = Deferred::new();
                    member.bell.replace(Some(firer));
                    yield_(bell).await?;
                }
            }
        })
    }

    fn attend(room: Room, stream: TcpStream) -> Deferred<()> {
        inline_callbacks(async move {
            let member = Member::default();
            let writer = write(stream.clone(), member.clone());
            room.borrow_mut().push(member.clone());
            loop {
                let line = yield_(stream.read()).await?;
                if line.is_empty() {
                    break;
                }
                let members = room.borrow().clone();
                for member in members {
                    member.outbox.borrow_mut().push_back(line.clone());
                    let bell = member.bell.take();
                    bell.map(|bell| bell.fire(Ok(()))).transpose()?;
                }
            }
            room.borrow_mut().retain(|it| !Rc::ptr_eq(&it.bell, &member.bell));
            writer.cancel();
            yield_(writer).await.or_else(|_cancelled| Ok(()))
        })
    }

    fn client(
        log: Log,
        name: &'static str,
        (comes, says, leaves): (u64, Option<(u64, &'static str)>, u64),
    ) -> Deferred<()> {
        inline_callbacks(async move {
            yield_(sleep(ms(comes))).await?;
            let stream = yield_(TcpStream::connect(SERVER)).await?;
            let (heard, listens) = (log.clone(), stream.clone());
            let ear = inline_callbacks(async move {
                loop {
                    let line = yield_(listens.read()).await?;
                    if line.is_empty() {
                        return Ok(());
                    }
                    let line = String::from_utf8_lossy(&line);
                    heard.say(format!("{name} hears: {line}"));
                }
            });
            if let Some((after, word)) = says {
                yield_(sleep(ms(after - comes))).await?;
                yield_(stream.write_all(word.as_bytes().to_vec())).await?;
                yield_(sleep(ms(leaves - after))).await?;
            } else {
                yield_(sleep(ms(leaves - comes))).await?;
            }
            stream.shutdown()?;
            yield_(ear).await?;
            log.say(format!("{name} leaves"));
            Ok(())
        })
    }

    let log = log.clone();
    react(|| {
        inline_callbacks(async move {
            let (listener, room) = (TcpListener::bind(SERVER)?, Room::default());
            let server: Deferred<()> = inline_callbacks(async move {
                loop {
                    let stream = yield_(listener.accept()).await?;
                    drop(attend(Rc::clone(&room), stream));
                }
            });
            let clients =
                super::CLIENTS.map(|(name, plan)| client(log.clone(), name, plan));
            for client in clients {
                yield_(client).await?;
            }
            drop(server);
            Ok(())
        })
    })
    .unwrap()
    .unwrap();
}
