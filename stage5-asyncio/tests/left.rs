//! What is left when something went wrong: descriptors, timers, processes and threads are counted
//! before and after. One test, so that nobody else has any meanwhile. And clients that nobody here
//! has written, of a server that is made of what the documentation says.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use common::{FAR, MS, turn};
use stage5_asyncio::streams::{StreamReader, StreamWriter, start_server};
use stage5_asyncio::subprocess::{Options, create_subprocess_exec};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop, run, timeout, to_thread};

/// How many there are of each.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    descriptors: usize,
    threads: usize,
    children: usize,
    timers: usize,
    sockets: usize,
}

fn counts() -> Counts {
    let entries = |folder: &str| fs::read_dir(folder).unwrap().count();
    let (event_loop, me) = (get_running_loop(), std::process::id().to_string());
    let reactor = event_loop.reactor();
    Counts {
        descriptors: entries("/proc/self/fd"),
        threads: entries("/proc/self/task"),
        children: fs::read_dir("/proc").unwrap().filter(|it| is_child(it, &me)).count(),
        timers: reactor.timers(),
        sockets: reactor.sockets(),
    }
}

/// Whether it is a process whose parent is `me`: a zombie is one, too.
fn is_child(entry: &io::Result<fs::DirEntry>, me: &str) -> bool {
    let path = entry.as_ref().unwrap().path().join("stat");
    let stat = fs::read_to_string(path).unwrap_or_default();
    let behind = stat.rsplit_once(')').map(|(_, it)| it);
    behind.and_then(|it| it.split_whitespace().nth(1)) == Some(me)
}

/// Waits until everything is as it was, which takes some turns.
async fn until_it_is(before: &Counts, what: &str) {
    for _ in 0..10_000 {
        if counts() == *before {
            return;
        }
        sleep(MS).await;
    }
    panic!("{what}: there were {before:?}, and there are {:?}", counts());
}

#[test]
fn strangers_are_served_and_whatever_goes_wrong_leaves_nothing_behind() {
    run(async {
        // The pool of threads stays until the end of the loop.
        gather((0..8).map(|_| async { to_thread(|| ()).await })).await;
        let before = counts();
        a_thousand_timeouts().await;
        assert_eq!(counts(), before, "timeouts leave nothing, at once");
        clients_that_others_have_written().await;
        until_it_is(&before, "clients that others have written").await;
        a_subprocess_that_never_reads().await;
        until_it_is(&before, "a subprocess that never reads").await;
        a_peer_that_never_drains().await;
        until_it_is(&before, "a peer that never drains").await;
    })
    .unwrap();
}

/// Half of them are over, half are cancelled.
async fn a_thousand_timeouts() {
    let all: Vec<_> = (0..1_000)
        .map(|n| {
            let time = if n % 2 == 0 { MS } else { FAR };
            create_task(async move { timeout(time, pending::<()>()).await.is_err() })
        })
        .collect();
    turn().await;
    assert_eq!(get_running_loop().reactor().timers(), 1_000);
    for (n, task) in all.into_iter().enumerate() {
        if n % 2 == 0 {
            assert!(task.await);
        } else {
            assert!(task.cancel());
            task.erased().ended().await;
        }
    }
}

/// It is given more than a pipe can hold, and does not look at it.
async fn a_subprocess_that_never_reads() {
    let options = Options { stdin: Stdio::piped(), ..Options::default() };
    let mut sleeper = create_subprocess_exec("sleep", ["1000"], options).await.unwrap();
    let told = timeout(20 * MS, sleeper.communicate(vec![7; 1 << 20])).await;
    assert!(told.is_err(), "it does not end");
    sleeper.kill().unwrap();
    sleeper.wait().await;
}

/// It connects, and never reads: the server waits in `drain`, until it has had enough.
async fn a_peer_that_never_drains() {
    let home = SocketAddr::from(([127, 0, 0, 1], 0));
    let gave_up = get_running_loop().create_future();
    let told = gave_up.clone();
    let server = start_server(
        move |_, writer: StreamWriter| {
            let told = told.clone();
            async move {
                let is_stuck = timeout(100 * MS, flood(&writer)).await.is_err();
                writer.transport().abort();
                told.set_result(is_stuck).unwrap();
                Ok(())
            }
        },
        home,
    );
    let server = server.await.unwrap();
    let address = server.sockets()[0];
    let peer = to_thread(move || TcpStream::connect(address).unwrap()).await;
    assert!(gave_up.await, "it stands in drain");
    server.close();
    server.wait_closed().await;
    drop(peer);
}

async fn flood(writer: &StreamWriter) -> io::Result<()> {
    loop {
        writer.write(&[7; 1 << 14]);
        writer.drain().await?;
    }
}

/// A line for a line, in capitals: what a reader of the documentation of `streams` would write.
async fn shout(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    while let Some(line) = reader.next().await? {
        writer.write(&line.to_ascii_uppercase());
        writer.drain().await?;
    }
    Ok(())
}

/// A page for whoever asks for one.
async fn page(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    let request = reader.readline().await?;
    while !reader.readline().await?.trim_ascii().is_empty() {}
    let body = format!("you said {}", String::from_utf8_lossy(request.trim_ascii()));
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    writer.write(head.as_bytes());
    writer.write(body.as_bytes());
    writer.drain().await
}

/// CPython's own streams, as a client of ours.
const PYTHON: &str = r#"
import asyncio, sys

async def main(port):
    async def one(n):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for word in ("hello", "again"):
            writer.write(f"{word} {n}\n".encode())
            await writer.drain()
            assert await reader.readline() == f"{word} {n}\n".upper().encode()
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
    await asyncio.gather(*(one(n) for n in range(50)))
    print("fifty were heard")

asyncio.run(main(int(sys.argv[1])))
"#;

/// What a program prints, and how it ends. `None`: there is no such program here.
async fn printed(program: &str, args: &[&str], says: &str) -> Option<String> {
    let [stdin, stdout] = [(); 2].map(|()| Stdio::piped());
    let options = Options { stdin, stdout, ..Options::default() };
    let mut client = match create_subprocess_exec(program, args, options).await {
        Ok(client) => client,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{error}"),
    };
    let output = timeout(Duration::from_mins(1), client.communicate(says)).await;
    let output = output.expect("it hangs").unwrap();
    assert!(output.status.success(), "{program}: {:?}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

async fn clients_that_others_have_written() {
    let home = SocketAddr::from(([127, 0, 0, 1], 0));
    let (lines, pages) =
        (start_server(shout, home).await.unwrap(), start_server(page, home).await);
    let pages = pages.unwrap();
    let [lines_at, pages_at] = [&lines, &pages].map(|it| it.sockets()[0]);
    let port = lines_at.port().to_string();
    let url = format!("http://{pages_at}/hello?a=b");
    if let Some(said) = printed("curl", &["-sS", "--max-time", "50", &url], "").await {
        assert_eq!(said, "you said GET /hello?a=b HTTP/1.1");
    }
    // Some end when they have said all, others when the server has.
    let args = ["-w", "5", "127.0.0.1", &port];
    if let Some(said) = printed("nc", &args, "one\ntwo\n").await {
        assert_eq!(said, "ONE\nTWO\n");
    }
    if let Some(said) = printed("python3", &["-c", PYTHON, &port], "").await {
        assert_eq!(said, "fifty were heard\n");
    }
    for server in [lines, pages] {
        server.close();
        server.wait_closed().await;
    }
}
