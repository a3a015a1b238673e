//! What a connection costs that nobody uses: no buffer, and little else.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::OnceCell;
use std::env;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

use stage5_asyncio::base_events::Server;
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::streams::start_server;
use stage5_asyncio::time::sleep;
use stage5_asyncio::transports::Transport;
use stage5_asyncio::{EventLoop, get_running_loop, new_event_loop, timeout};

/// Keeps its transport, as a protocol does.
#[derive(Default)]
struct Idle(OnceCell<Rc<dyn Transport>>);

impl Protocol for Idle {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        let _ = self.0.set(transport);
    }
}

async fn serve(by_streams: bool) -> Server {
    let home = SocketAddr::from(([127, 0, 0, 1], 0));
    if !by_streams {
        return get_running_loop().create_server(Idle::default, home).await.unwrap();
    }
    let served = start_server(
        async |mut reader, writer| {
            reader.readline().await?;
            drop(writer);
            Ok(())
        },
        home,
    );
    served.await.unwrap()
}

/// Connects until the server has that many clients more.
fn connect(
    event_loop: &EventLoop,
    server: &Server,
    n: usize,
    peers: &mut Vec<TcpStream>,
) {
    let address = server.sockets()[0];
    let accepted = event_loop.reactor().sockets() + n;
    peers.extend((0..n).map(|_| TcpStream::connect(address).unwrap()));
    let its = event_loop.clone();
    let accept = async move {
        while its.reactor().sockets() < accepted {
            sleep(Duration::from_millis(1)).await;
        }
        // By then each has been told, and waits.
        sleep(Duration::from_millis(20)).await;
    };
    let in_time = async { timeout(Duration::from_secs(30), accept).await };
    event_loop.run_until_complete(in_time).unwrap().unwrap();
}

/// How many connect before the server accepts them.
const AT_A_TIME: usize = 100;

/// How many; `CLIENTS=10000 cargo test --test idle -- --nocapture` takes more, and says how much
/// each takes: by the hundred, with two descriptors for each (`ulimit -n`).
fn clients() -> usize {
    env::var("CLIENTS").map_or(100, |clients| clients.parse().expect("it is a number"))
}

#[test]
#[allow(clippy::print_stdout, reason = "the figure is for people")]
fn an_idle_connection_takes_less_than_four_kib_by_protocols_and_by_streams() {
    let clients = clients();
    for by_streams in [false, true] {
        let event_loop = new_event_loop().unwrap();
        let server = event_loop.run_until_complete(serve(by_streams)).unwrap();
        let mut peers = Vec::with_capacity(2 * clients);
        // What all have in common is there after the first.
        connect(&event_loop, &server, 1, &mut peers);
        let taken = allocation_counter::measure(|| {
            // No more at a time than wait to be accepted.
            for _ in 0..clients / AT_A_TIME {
                connect(&event_loop, &server, AT_A_TIME, &mut peers);
            }
        });
        let each = usize::try_from(taken.bytes_current).unwrap() / clients;
        println!("{clients} connections, by streams: {by_streams}: {each} bytes each");
        assert!(each < 4096, "by streams: {by_streams}: {each} bytes");
        event_loop.close();
    }
}
