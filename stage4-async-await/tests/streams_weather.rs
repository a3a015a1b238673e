//! Lines, halves and the futures crate's traits in an invented network: whatever the seed splits,
//! delays, wakes for nothing or breaks, what arrives is whole and in order.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io;
use std::net::SocketAddr;

use common::FAR;
use futures_util::{AsyncReadExt, AsyncWriteExt, Sink, SinkExt, StreamExt, TryStreamExt};
use reactor::backend;
use reactor::sim::{Sim, Weather};
use stage4_async_await::extras::lines::LineSink;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::time::timeout;
use stage4_async_await::{run, spawn};

/// Runs `main` in the weather of each seed.
fn for_each_seed<T: 'static>(
    weather: fn() -> Weather,
    main: impl AsyncFn(SocketAddr) -> T + Copy + 'static,
    check: impl Fn(u64, io::Result<T>),
) {
    let address = SocketAddr::from(([10, 0, 0, 1], 80));
    for seed in 0..100 {
        let sim = Sim::new(seed, weather());
        let ended = backend::scope(sim, || run(async move { main(address).await }));
        check(seed, ended);
    }
}

/// A hundred lines into a sink, out of a stream, and back.
async fn conversation(address: SocketAddr) -> io::Result<Vec<String>> {
    let listener = TcpListener::bind(address)?;
    let echo = spawn(async move {
        let (reader, writer) = listener.accept().await?.split();
        reader.lines().forward(LineSink::new(writer)).await
    });
    let (reader, writer) = TcpStream::connect(address).await?.split();
    let said = spawn(async move {
        let mut sink = LineSink::new(writer);
        for n in 0..100 {
            sink.feed("x".repeat(n)).await?;
        }
        close(&mut sink).await
    });
    let heard = reader.lines().try_collect().await?;
    said.await?;
    echo.await?;
    Ok(heard)
}

async fn close(
    sink: &mut (impl Sink<String, Error = io::Error> + Unpin),
) -> io::Result<()> {
    SinkExt::close(sink).await
}

#[test]
fn lines_arrive_whole_and_in_order_in_any_weather() {
    for_each_seed(Weather::rough, conversation, |seed, ended| {
        let lines = ended.unwrap().unwrap();
        let expected = (0..100).map(|n| "x".repeat(n));
        assert!(lines.into_iter().eq(expected), "seed {seed}");
    });
}

/// Where connections break, what has arrived is still whole; it ends, and says how.
#[test]
fn a_connection_that_breaks_is_an_error_and_no_hang() {
    let (done, broken) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let bounded = async |address| timeout(FAR, conversation(address)).await;
    for_each_seed(Weather::stormy, bounded, |seed, ended| {
        let ended = ended.unwrap().unwrap_or_else(|_| panic!("seed {seed} hangs"));
        let counter = if ended.is_ok() { &done } else { &broken };
        counter.set(counter.get() + 1);
    });
    assert!(done.get() > 0 && broken.get() > 0, "{done:?} {broken:?}");
}

/// The traits of the futures crate over segments of any size.
#[test]
fn a_polled_stream_reads_all_there_is_in_any_weather() {
    let main = async |address| {
        let mut listener = TcpListener::bind(address)?;
        let client = spawn(async move {
            let mut stream = TcpStream::connect(address).await?;
            AsyncWriteExt::write_all(&mut stream, &[7; 10_000]).await?;
            AsyncWriteExt::close(&mut stream).await?;
            let mut exact = [0; 100];
            AsyncReadExt::read_exact(&mut stream, &mut exact).await?;
            io::Result::Ok(exact)
        });
        let mut stream = listener.incoming().next().await.unwrap()?;
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await?;
        let mut exact = [0; 100];
        exact.copy_from_slice(&all[..100]);
        TcpStream::write_all(&stream, &exact).await?;
        io::Result::Ok((all, client.await?))
    };
    for_each_seed(Weather::rough, main, |seed, ended| {
        let (all, exact) = ended.unwrap().unwrap();
        assert!(all == [7; 10_000] && exact == [7; 100], "seed {seed}");
    });
}
