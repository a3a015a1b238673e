//! What the examples print when they are run alone, over programs that are plain std.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{env, thread};

use site::{Control, demo};

/// The programs of the stage that waits, as they are run there.
#[path = "../../stage0-waiting/examples/blocking"]
mod blocking {
    #![expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]

    pub(crate) mod countdown;
    pub(crate) mod crawl;
    pub(crate) mod echo;
    pub(crate) mod happy_eyeballs;
}

/// Who is in the room, by the name that nobody else may have.
type People = Arc<Mutex<BTreeMap<String, (String, TcpStream)>>>;

/// A room, as plain as it can be: a thread for each guest, one lock for all.
fn room(address: SocketAddr, control: Control) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let (address, people) = (listener.local_addr()?, People::default());
    control.listening(address);
    // A connection brings `accept` back.
    control.on_stop(move || drop(TcpStream::connect(address)));
    loop {
        let (stream, _) = listener.accept()?;
        if control.stopped() {
            let people = people.lock().unwrap();
            return people.values().try_for_each(|(_, it)| it.shutdown(Shutdown::Write));
        }
        let people = Arc::clone(&people);
        thread::spawn(move || hear(&people, stream));
    }
}

fn hear(people: &People, mut stream: TcpStream) -> io::Result<()> {
    writeln!(stream, "- what is your name?")?;
    let mut name = String::new();
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?;
        let key = line.to_lowercase();
        let mut people = people.lock().unwrap();
        let told = if line == "/quit" {
            people.remove(&name.to_lowercase());
            writeln!(stream, "- goodbye")?;
            format!("* {name} has left")
        } else if !name.is_empty() {
            format!("{name}: {line}")
        } else if let Some((taken, _)) = people.get(&key) {
            writeln!(stream, "- {taken} is taken")?;
            continue;
        } else {
            people.insert(key, (line.clone(), stream.try_clone()?));
            name = line;
            format!("* {name} has come")
        };
        people.values_mut().try_for_each(|(_, it)| writeln!(it, "{told}"))?;
        if told.ends_with("has left") {
            stream.shutdown(Shutdown::Both)?;
        }
    }
    Ok(())
}

/// What a demonstration prints, which takes another process to see.
fn printed(demo: &str) -> String {
    let mut own = Command::new(env::current_exe().unwrap());
    own.args(["--exact", "a_demonstration", "--nocapture"]).env("DEMO", demo);
    let output = own.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let (_, printed) = text.split_once("running 1 test\n").unwrap();
    printed.split_once("test a_demonstration").map_or(printed, |it| it.0).to_owned()
}

/// Does what its parent asks for, if there is one.
#[test]
fn a_demonstration() {
    match env::var("DEMO").as_deref() {
        Ok("countdown") => demo::countdown(blocking::countdown::countdown),
        Ok("crawl") => demo::crawl(blocking::crawl::crawl),
        Ok("echo") => demo::echo(blocking::echo::serve),
        Ok("happy eyeballs") => {
            demo::happy_eyeballs(blocking::happy_eyeballs::happy_eyeballs)
        }
        Ok("chat") => demo::chat(room),
        _ => return,
    }
    .unwrap();
}

#[test]
fn a_countdown_is_printed_with_the_time_that_it_took() {
    let text = printed("countdown");
    assert!(text.contains("a 2\na 1\na 0\nb 1\nb 0\nc 0\n"), "{text}");
    assert!(text.trim_end().ends_with(" s"), "{text}");
}

#[test]
fn three_visitors_hear_their_echoes() {
    let text = printed("echo");
    for line in ["hello from one\n", "hello from two\n", "hello from three\n"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains("listening on 127.0.0.1:"), "{text}");
}

/// Each of them, and what came after its last words.
#[test]
fn three_people_hear_what_is_said_in_their_room() {
    let text = printed("chat");
    let bob = "bob heard\n  - what is your name?\n  * bob has come\n  ann: hello, bob\n  \
               bob: hello, whoever you are\n  * cid has come\n  cid: what did I miss?\n  \
               ann: nothing\n  - goodbye\n";
    assert!(text.contains(bob), "{text}");
    let cid = "cid heard\n  - what is your name?\n  - bob is taken\n  * cid has come\n  \
               cid: what did I miss?\n  ann: nothing\n  * bob has left\n";
    assert!(text.contains(cid), "{text}");
    assert!(text.contains("ann heard\n") && text.contains("listening on "), "{text}");
}

#[test]
fn a_crawl_is_printed_page_by_page() {
    let text = printed("crawl");
    assert!(text.contains("/ 200\n"), "{text}");
    assert!(text.contains(" pages, ") && text.contains("at most 1 request in flight\n"));
}

#[test]
fn a_race_is_printed_with_every_attempt() {
    let text = printed("happy eyeballs");
    assert!(text.contains("127.0.0.1:") && text.contains(" s\n"), "{text}");
    assert!(text.lines().count() >= 4, "{text}");
}

/// Nobody waits for the address of a server that will never have one.
#[test]
fn a_server_that_cannot_begin_ends_the_demonstration_with_its_error() {
    let ended = demo::echo(|_, _| Err(io::Error::other("no port")));
    assert_eq!(ended.unwrap_err().to_string(), "no port");
}
