//! What does a loop cost? One echo of 64 bytes, at 1 and at 64 connections: every style, the
//! reactor alone, hand-written mio and tokio side by side.
//!
//! The client is the same for all: one thread, blocking sockets, writes to every connection
//! and then reads from every connection. What differs is the server.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lineage::styles::STYLES;
use site::Control;

#[path = "peers/mio_echo.rs"]
mod mio_echo;
#[path = "../reactor/examples/echo.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod reactor_echo;
#[path = "peers/smol_echo.rs"]
mod smol_echo;
#[path = "peers/tokio_echo.rs"]
mod tokio_echo;

type Serve = fn(SocketAddr, Control) -> io::Result<()>;

const MESSAGE: [u8; 64] = [b'e'; 64];

fn echo(criterion: &mut Criterion) {
    for connections in [1, 64] {
        let mut group = criterion.benchmark_group(format!("echo/{connections}"));
        group.throughput(Throughput::Elements(connections));
        group.warm_up_time(Duration::from_millis(300));
        group.measurement_time(Duration::from_secs(2));
        group.sample_size(30);
        for (name, serve) in servers() {
            if name == "blocking" && connections > 1 {
                continue; // it serves one connection after the other
            }
            let control = Control::new();
            let remote = control.clone();
            let anywhere = (Ipv4Addr::LOCALHOST, 0).into();
            let server = thread::spawn(move || serve(anywhere, remote));
            let address = control.address().expect("a server that listens");
            let mut clients: Vec<_> = (0..connections)
                .map(|_| TcpStream::connect(address).expect("it listens"))
                .collect();
            for client in &clients {
                client.set_nodelay(true).expect("a TCP socket");
            }
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| round(&mut clients).expect("the server echoes"));
            });
            drop(clients);
            control.stop();
            server.join().expect("no panic").expect("served well");
        }
        group.finish();
    }
}

fn servers() -> impl Iterator<Item = (&'static str, Serve)> {
    let peers: [(&str, Serve); 4] = [
        ("reactor alone", reactor_echo::serve),
        ("mio by hand", mio_echo::serve),
        ("tokio", tokio_echo::serve),
        ("smol", smol_echo::serve),
    ];
    STYLES.iter().map(|style| (style.name, style.echo)).chain(peers)
}

/// One message to everybody, and back.
fn round(clients: &mut [TcpStream]) -> io::Result<()> {
    for client in &mut *clients {
        client.write_all(&MESSAGE)?;
    }
    let mut buffer = [0; MESSAGE.len()];
    for client in &mut *clients {
        client.read_exact(&mut buffer)?;
    }
    assert_eq!(buffer, MESSAGE);
    Ok(())
}

criterion_group!(benches, echo);
criterion_main!(benches);
