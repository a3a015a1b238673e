//! The hearts on a trampoline: whatever a routine wants, it asks for through its door.

#![allow(
    clippy::too_many_lines,
    reason = "the functions that a heart is made of are inside"
)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use site::countdown::ROCKETS;
use stage2_generators::Failure;
use stage2_generators::extras::requests::{
    TcpListener, TcpStream, cancel, id, join, park, sleep, spawn, timeout, unpark,
};
use stage2_generators::extras::trampoline::{Door, TaskId, react};

use super::{Log, PATIENCE, REFUSES, SERVER, SILENT, STAGGER, ms};

type Done<T = ()> = Result<T, Failure>;

pub(crate) fn countdown(log: &Log) {
    let log = log.clone();
    react(|co| async move {
        let mut rockets = Vec::new();
        for rocket in ROCKETS {
            let log = log.clone();
            let counts = spawn(&co, move |co| async move {
                for left in (0..rocket.from).rev() {
                    sleep(&co, rocket.period).await?;
                    log.say(format!("{} {left}", rocket.name));
                }
                Ok(())
            });
            rockets.push(counts.await?);
        }
        for rocket in rockets {
            join(&co, rocket).await?;
        }
        Ok(())
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn echo(log: &Log) {
    async fn echo(co: Door, stream: TcpStream) -> Done {
        loop {
            let bytes = stream.read(&co).await?;
            if bytes.is_empty() {
                return Ok(());
            }
            stream.write_all(&co, &bytes).await?;
        }
    }

    async fn client(co: Door, log: Log, name: &str, delay: u64, words: &[&str]) -> Done {
        sleep(&co, ms(delay)).await?;
        let stream = TcpStream::connect(&co, SERVER).await?;
        log.say(format!("{name} connects"));
        for word in words {
            sleep(&co, ms(10)).await?;
            stream.write_all(&co, word.as_bytes()).await?;
            let bytes = stream.read(&co).await?;
            log.say(format!("{name}: {}", String::from_utf8_lossy(&bytes)));
        }
        stream.shutdown()?;
        assert_eq!(stream.read(&co).await?, b"");
        log.say(format!("{name} ends"));
        Ok(())
    }

    let log = log.clone();
    react(|co| async move {
        let listener = TcpListener::bind(&co, SERVER).await?;
        let server = spawn(&co, |co| async move {
            for _ in 0..2 {
                let stream = listener.accept(&co).await?;
                spawn(&co, |co| echo(co, stream)).await?;
            }
            Ok(())
        });
        server.await?;
        let (one, two) = (log.clone(), log);
        let a = spawn(&co, |co| client(co, one, "a", 0, &["one", "three"])).await?;
        let b = spawn(&co, |co| client(co, two, "b", 5, &["two"])).await?;
        join(&co, a).await?;
        join(&co, b).await
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn fetch(log: &Log) {
    async fn serve(co: Door, stream: TcpStream) -> Done {
        let asked = stream.read(&co).await?;
        if asked == b"/never" {
            // It waits until the client gives up.
            return stream.read(&co).await.map(drop);
        }
        stream.write_all(&co, &[b"this is ", &asked[..]].concat()).await
    }

    async fn fetch(co: Door, address: SocketAddr, path: &str) -> Done<String> {
        let stream = TcpStream::connect(&co, address).await?;
        stream.write_all(&co, path.as_bytes()).await?;
        let mut page = Vec::new();
        loop {
            match stream.read(&co).await? {
                bytes if bytes.is_empty() => break,
                bytes => page.extend(bytes),
            }
        }
        Ok(String::from_utf8_lossy(&page).into_owned())
    }

    async fn visit(co: Door, log: Log, address: SocketAddr, path: &'static str) -> Done {
        let page = timeout(&co, PATIENCE, move |co| fetch(co, address, path)).await;
        log.say(format!(
            "{path}: {}",
            page.unwrap_or_else(|failure| failure.to_string())
        ));
        Ok(())
    }

    let log = log.clone();
    react(|co| async move {
        let listener = TcpListener::bind(&co, SERVER).await?;
        let server = spawn(&co, |co| async move {
            loop {
                let stream = listener.accept(&co).await?;
                spawn(&co, |co| serve(co, stream)).await?;
            }
        });
        let _server: stage2_generators::extras::requests::Task<()> = server.await?;
        let mut visits = Vec::new();
        for (address, path) in
            [(SERVER, "/never"), (SERVER, "/page"), (REFUSES, "/not there")]
        {
            let log = log.clone();
            visits.push(spawn(&co, move |co| visit(co, log, address, path)).await?);
        }
        for visit in visits {
            join(&co, visit).await?;
        }
        Ok(())
    })
    .unwrap()
    .unwrap();
}

pub(crate) fn race(log: &Log) {
    type Winner = Rc<Cell<Option<(usize, TcpStream)>>>;

    async fn attempt(
        co: Door,
        log: Log,
        (n, address): (usize, SocketAddr),
        (winner, parent): (Winner, TaskId),
    ) -> Done {
        log.say(format!("tries {n}"));
        match TcpStream::connect(&co, address).await {
            Ok(stream) => winner.set(Some((n, stream))),
            Err(failure) => log.say(format!("{n}: {failure}")),
        }
        unpark(&co, parent).await
    }

    async fn race(co: Door, log: Log, addresses: [SocketAddr; 4]) -> Done<TcpStream> {
        let (me, winner) = (id(&co).await?, Winner::default());
        let mut attempts = Vec::new();
        for numbered in addresses.into_iter().enumerate() {
            let (told, tells) = (log.clone(), (Rc::clone(&winner), me));
            let attempt = spawn(&co, move |co| attempt(co, told, numbered, tells));
            attempts.push(attempt.await?.id());
            let alarm = spawn(&co, move |co| async move {
                sleep(&co, STAGGER).await?;
                unpark(&co, me).await
            });
            let alarm = alarm.await?;
            park(&co).await?;
            cancel(&co, alarm.id()).await?;
            if let Some((n, stream)) = winner.take() {
                log.say(format!("{n} wins"));
                for attempt in attempts {
                    cancel(&co, attempt).await?;
                }
                return Ok(stream);
            }
        }
        panic!("nobody has won")
    }

    let log = log.clone();
    react(|co| async move {
        let listener = TcpListener::bind(&co, SERVER).await?;
        let winner = race(co.clone(), log, [SILENT, REFUSES, SERVER, SERVER]).await?;
        listener.accept(&co).await?;
        // Those that are cancelled have their say.
        sleep(&co, ms(1)).await?;
        drop(winner);
        Ok(())
    })
    .unwrap()
    .unwrap();
}

/// Somebody in the room: what is still to be written, and who writes it.
struct Member {
    outbox: Rc<RefCell<VecDeque<Vec<u8>>>>,
    writer: TaskId,
}

type Room = Rc<RefCell<Vec<Member>>>;

pub(crate) fn chat(log: &Log) {
    async fn write(
        co: Door,
        stream: TcpStream,
        outbox: Rc<RefCell<VecDeque<Vec<u8>>>>,
    ) -> Done {
        loop {
            let line = outbox.borrow_mut().pop_front();
            match line {
                Some(line) => stream.write_all(&co, &line).await?,
                None => park(&co).await?,
            }
        }
    }

    async fn attend(co: Door, room: Room, stream: TcpStream) -> Done {
        let outbox = Rc::<RefCell<VecDeque<_>>>::default();
        let (lines, outlet) = (Rc::clone(&outbox), stream.clone());
        let writer = spawn(&co, move |co| write(co, outlet, lines)).await?.id();
        room.borrow_mut().push(Member { outbox, writer });
        loop {
            let line = stream.read(&co).await?;
            if line.is_empty() {
                break;
            }
            for member in &*room.borrow() {
                member.outbox.borrow_mut().push_back(line.clone());
            }
            let all: Vec<_> = room.borrow().iter().map(|it| it.writer).collect();
            for writer in all {
                unpark(&co, writer).await?;
            }
        }
        room.borrow_mut().retain(|member| member.writer != writer);
        cancel(&co, writer).await
    }

    async fn client(
        co: Door,
        log: Log,
        name: &'static str,
        (comes, says, leaves): (u64, Option<(u64, &'static str)>, u64),
    ) -> Done {
        sleep(&co, ms(comes)).await?;
        let stream = TcpStream::connect(&co, SERVER).await?;
        let (heard, listens) = (log.clone(), stream.clone());
        let ear = spawn(&co, move |co| async move {
            loop {
                let line = listens.read(&co).await?;
                if line.is_empty() {
                    return Ok(());
                }
                heard.say(format!("{name} hears: {}", String::from_utf8_lossy(&line)));
            }
        });
        let ear = ear.await?;
        if let Some((after, word)) = says {
            sleep(&co, ms(after - comes)).await?;
            stream.write_all(&co, word.as_bytes()).await?;
            sleep(&co, ms(leaves - after)).await?;
        } else {
            sleep(&co, ms(leaves - comes)).await?;
        }
        stream.shutdown()?;
        join(&co, ear).await?;
        log.say(format!("{name} leaves"));
        Ok(())
    }

    let log = log.clone();
    react(|co| async move {
        let listener = TcpListener::bind(&co, SERVER).await?;
        let room = Room::default();
        let server = spawn(&co, |co| async move {
            loop {
                let (room, stream) = (Rc::clone(&room), listener.accept(&co).await?);
                spawn(&co, |co| attend(co, room, stream)).await?;
            }
        });
        let _server: stage2_generators::extras::requests::Task<()> = server.await?;
        let mut clients = Vec::new();
        for (name, plan) in super::CLIENTS {
            let log = log.clone();
            clients.push(spawn(&co, move |co| client(co, log, name, plan)).await?);
        }
        for client in clients {
            join(&co, client).await?;
        }
        Ok(())
    })
    .unwrap()
    .unwrap();
}
