//! Sockets by their options, at all interfaces, at several addresses, from one of them; and
//! datagrams in the file system.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{OnceCell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use common::{MS, caught};
use reactor::sim::{Sim, Weather};
use stage5_asyncio::base_events::{Address, ConnectOptions, ServerOptions};
use stage5_asyncio::protocols::{DatagramProtocol, Protocol};
use stage5_asyncio::streams::{
    StreamOptions, StreamWriter, open_connection_with, start_server, start_server_with,
};
use stage5_asyncio::time::sleep;
use stage5_asyncio::transports::DatagramTransport;
use stage5_asyncio::{get_running_loop, run, timeout};

const HOME: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn on_a_loop<T: 'static>(story: impl Future<Output = T> + 'static) -> T {
    let in_time = async { timeout(Duration::from_mins(1), story).await };
    run(in_time).unwrap().expect("it takes no minute")
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Does nothing.
#[derive(Debug)]
struct Quiet;

impl Protocol for Quiet {}

/// What a server with these options listens with, seen from the kernel.
async fn listening<T>(
    options: ServerOptions,
    look: impl Fn(SocketAddr) -> T,
) -> io::Result<T> {
    let event_loop = get_running_loop();
    let server =
        event_loop.create_server_with(options, || Quiet, (IpAddr::from(HOME), 0)).await?;
    let seen = look(server.sockets()[0]);
    server.close();
    Ok(seen)
}

/// M6.69. `test_create_server_reuse_port`: several servers of one user share a port if all say so;
/// by default, nobody else may have it.
#[test]
fn a_port_is_shared_by_those_who_all_say_so() {
    on_a_loop(async {
        let shared = ServerOptions { reuse_port: true, ..ServerOptions::default() };
        let again = |options: ServerOptions| async move {
            let event_loop = get_running_loop();
            let first =
                event_loop.create_server_with(options, || Quiet, (IpAddr::from(HOME), 0));
            let first = first.await.unwrap();
            let address = first.sockets()[0];
            let second = event_loop.create_server_with(shared, || Quiet, address).await;
            first.close();
            second.map(|it| it.close()).map_err(|error| (error.kind(), error.to_string()))
        };
        assert_eq!(again(shared).await, Ok(()));
        let (kind, message) = again(ServerOptions::default()).await.unwrap_err();
        assert_eq!(kind, ErrorKind::AddrInUse);
        assert!(
            message.starts_with("error while attempting to bind on address 127.0.0.1:"),
            "{message}"
        );
    });
}

/// M6.69. Who may wait to be accepted is counted by the kernel; nobody is accepted here.
#[test]
fn no_more_wait_to_be_accepted_than_the_backlog() {
    let waiting = |backlog| {
        on_a_loop(async move {
            let options = ServerOptions {
                backlog,
                start_serving: false,
                ..ServerOptions::default()
            };
            let connect = |address| {
                let mut peers = Vec::new();
                while peers.len() < 20
                    && let Ok(peer) = TcpStream::connect_timeout(&address, 50 * MS)
                {
                    peers.push(peer);
                }
                peers.len()
            };
            listening(options, connect).await.unwrap()
        })
    };
    assert_eq!(waiting(None), 20);
    // Linux lets in one more than it was told.
    let few = waiting(Some(3));
    assert!((1..10).contains(&few), "{few}");
}

/// M6.69. `test_create_server_reuse_port` and the like: what is asked for is set, on the kernel's
/// sockets; whom a server accepts inherits that it is looked after.
#[test]
fn who_is_accepted_is_kept_alive_if_the_server_says_so() {
    for keep_alive in [false, true] {
        let set = on_a_loop(async move {
            let serve = ServerOptions { keep_alive, ..ServerOptions::default() };
            let options = StreamOptions { serve, ..StreamOptions::default() };
            let seen = Rc::new(OnceCell::new());
            let see = Rc::clone(&seen);
            let server = start_server_with(
                options,
                move |_, writer| {
                    let told = see.set(format!("{:?}", writer.peername()));
                    async move {
                        sleep(Duration::from_secs(5)).await;
                        drop(writer);
                        told.map_err(io::Error::other)
                    }
                },
                (IpAddr::from(HOME), 0),
            );
            let server = server.await.unwrap();
            let peer = TcpStream::connect(server.sockets()[0]).unwrap();
            while seen.get().is_none() {
                sleep(MS).await;
            }
            let kept = kept_alive(peer.peer_addr().unwrap(), peer.local_addr().unwrap());
            server.close();
            server.abort_clients();
            kept
        });
        assert!(set.is_none_or(|set| set == keep_alive), "asked for {keep_alive}");
    }
}

/// Whether the kernel looks after the connection with these ports from time to time; where that can
/// be seen: `02` is the timer of that.
fn kept_alive(ours: SocketAddr, theirs: SocketAddr) -> Option<bool> {
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let [ours, theirs] = [ours, theirs].map(|it| format!(":{:04X}", it.port()));
    let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let line = lines.find(|it| it[1].ends_with(&ours) && it[2].ends_with(&theirs))?;
    Some(line[5].starts_with("02"))
}

/// M6.69. `test_create_server_dual_stack`: a port alone is all interfaces, by both families; each has a
/// socket, and none takes the other's connections.
#[test]
fn a_port_alone_is_every_interface_by_both_families() {
    on_a_loop(async {
        let free = TcpListener::bind("[::]:0")
            .or_else(|_| TcpListener::bind("0.0.0.0:0"))
            .unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let greet = async |_, writer: StreamWriter| {
            writer.write(b"hello");
            Ok(())
        };
        let server = start_server(greet, port).await.unwrap();
        let listens: Vec<_> = server.sockets().iter().map(SocketAddr::ip).collect();
        let mut expected = vec![IpAddr::from(Ipv4Addr::UNSPECIFIED)];
        let mut homes = vec![IpAddr::from(HOME)];
        if has_ipv6() {
            expected.push(Ipv6Addr::UNSPECIFIED.into());
            homes.push(Ipv6Addr::LOCALHOST.into());
        }
        assert_eq!(listens, expected);
        for home in homes {
            let options = StreamOptions::default();
            let (mut reader, _writer) =
                open_connection_with(options, (home, port)).await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), b"hello", "{home}");
        }
        // Without a name, to connect is to connect to this machine.
        let (mut reader, _writer) =
            open_connection_with(StreamOptions::default(), ("", port)).await.unwrap();
        assert_eq!(reader.read_to_end().await.unwrap(), b"hello");
        server.close();
    });
}

/// M6.69. `test_create_server_multiple_hosts_ipv4`, `_ipv6`: all of them, each once; what this machine
/// does not have is left out, and if it has none, that is an error.
#[test]
fn a_server_listens_at_several_addresses_and_leaves_out_what_is_not_here() {
    on_a_loop(async {
        let several: Address = ["127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"].into();
        let server = start_server(async |_, _| Ok(()), several).await.unwrap();
        let hosts: Vec<_> =
            server.sockets().iter().map(|it| it.ip().to_string()).collect();
        assert_eq!(hosts, ["127.0.0.1", "127.0.0.2"], "each once");
        server.close();

        let gone = ("192.0.2.1", 0);
        let some: Address = vec![Address::from(gone), ("127.0.0.1", 0).into()].into();
        let server = start_server(async |_, _| Ok(()), some).await.unwrap();
        assert_eq!(server.sockets().len(), 1);
        server.close();

        let none = start_server(async |_, _| Ok(()), gone).await.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::AddrNotAvailable);
        assert!(
            none.to_string().contains("could not bind on any address out of"),
            "{none}"
        );
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// M6.69. `test_create_connection_local_addr`, `_local_addr_skip_different_family`: from that address;
/// those of the other family are passed over.
#[test]
fn a_connection_comes_from_where_it_is_told() {
    on_a_loop(async {
        let (event_loop, listener) =
            (get_running_loop(), TcpListener::bind((HOME, 0)).unwrap());
        let here = listener.local_addr().unwrap();
        let from: SocketAddr = ([127, 0, 0, 7], 0).into();
        let options =
            ConnectOptions { local_addr: Some(from), ..ConnectOptions::default() };
        let both: Address = vec![
            Address::from((IpAddr::from(Ipv6Addr::LOCALHOST), here.port())),
            here.into(),
        ]
        .into();
        let (transport, _) =
            event_loop.create_connection_with(options, || Quiet, both).await.unwrap();
        assert_eq!(listener.accept().unwrap().1.ip(), from.ip());
        assert_eq!(transport.sockname().unwrap().ip(), from.ip());
        transport.abort();

        let there = (IpAddr::from(Ipv6Addr::LOCALHOST), here.port());
        let none = event_loop.create_connection_with(options, || Quiet, there).await;
        let none = none.unwrap_err();
        assert_eq!(none.kind(), ErrorKind::AddrNotAvailable);
        assert!(none.to_string().contains("the families differ"), "{none}");

        let elsewhere = Some(([192, 0, 2, 1], 0).into());
        let options = ConnectOptions { local_addr: elsewhere, ..options };
        let none = event_loop.create_connection_with(options, || Quiet, here).await;
        assert!(none.unwrap_err().to_string().contains("on address 192.0.2.1:0"));

        drop(listener);
        let options = ConnectOptions { local_addr: Some(from), ..options };
        let refused = event_loop.create_connection_with(options, || Quiet, here).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

/// M6.69. An engine that is invented has no such sockets, and says so; usual ones, it has.
#[test]
fn an_invented_network_has_no_options() {
    reactor::backend::scope(Sim::new(1, Weather::calm()), || {
        on_a_loop(async {
            listening(ServerOptions::default(), |_| ()).await.unwrap();
            let shared = ServerOptions { reuse_port: true, ..ServerOptions::default() };
            let refused = listening(shared, |_| ()).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unsupported);
        });
    });
}

/// Keeps what it is told.
#[derive(Default)]
struct Letters {
    transport: OnceCell<Rc<dyn DatagramTransport<PathBuf>>>,
    received: RefCell<Vec<(Vec<u8>, PathBuf)>>,
    errors: RefCell<Vec<ErrorKind>>,
}

impl DatagramProtocol<PathBuf> for Letters {
    fn connection_made(&self, transport: Rc<dyn DatagramTransport<PathBuf>>) {
        assert!(self.transport.set(transport).is_ok());
    }

    fn datagram_received(&self, data: &[u8], sender: PathBuf) {
        self.received.borrow_mut().push((data.to_vec(), sender));
    }

    fn error_received(&self, error: io::Error) {
        self.errors.borrow_mut().push(error.kind());
    }
}

impl Letters {
    async fn next(&self) -> (Vec<u8>, PathBuf) {
        loop {
            if let Some(letter) = self.received.borrow_mut().pop() {
                return letter;
            }
            sleep(MS).await;
        }
    }
}

/// M6.70. `test_create_datagram_endpoint_sock_unix`, `_existing_sock_unix`: with a path and with none;
/// whoever has a path can be answered.
#[test]
fn letters_go_from_path_to_path() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, old] = ["one", "two", "old"].map(|name| folder.path().join(name));
    drop(UnixDatagram::bind(&old).unwrap());
    let nobody = folder.path().join("nobody");
    on_a_loop(async move {
        let event_loop = get_running_loop();
        let open = |local: Option<&Path>, remote: Option<&Path>| {
            let (local, remote) = (local.map(Path::to_owned), remote.map(Path::to_owned));
            event_loop.create_unix_datagram_endpoint(Letters::default, local, remote)
        };
        let (first, its) = open(Some(&one), None).await.unwrap();
        let (second, theirs) = open(Some(&two), Some(&one)).await.unwrap();
        assert_eq!(
            (second.peername(), first.sockname()),
            (Some(one.clone()), Some(one.clone()))
        );
        second.sendto(b"hello", None);
        assert_eq!(its.next().await, (b"hello".to_vec(), two.clone()));
        first.sendto(b"and hello", Some(two.clone()));
        assert_eq!(theirs.next().await, (b"and hello".to_vec(), one.clone()));

        // A socket that was left there is replaced.
        let (third, _) = open(Some(&old), Some(&one)).await.unwrap();
        third.sendto(b"again", None);
        assert_eq!(its.next().await, (b"again".to_vec(), old));

        // Whoever has no name has an empty one, and cannot be answered.
        let (nameless, _) = open(None, Some(&one)).await.unwrap();
        nameless.sendto(b"guess who", None);
        assert_eq!(its.next().await, (b"guess who".to_vec(), PathBuf::new()));
        first.sendto(b"who?", Some(PathBuf::new()));
        first.sendto(b"who?", Some(nobody.clone()));
        assert_eq!(its.errors.take().len(), 2);

        let refused = open(None, Some(&nobody)).await.err().map(|it| it.kind());
        assert_eq!(refused, Some(ErrorKind::NotFound));
        let strange = caught(async { second.sendto(b"?", Some(nobody)) }).await;
        assert!(strange.unwrap_err().contains("connected to another address"));
        for transport in [first, second, third, nameless] {
            transport.close();
        }
        sleep(MS).await;
        assert_eq!(event_loop.reactor().sockets(), 0);
    });
}

/// M6.70. As many as fit wait in the kernel; the rest is kept, and sent in order when there is room.
#[test]
fn letters_that_nobody_fetches_are_kept_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("box");
    on_a_loop(async move {
        let event_loop = get_running_loop();
        let slow = UnixDatagram::bind(&path).unwrap();
        let (transport, its) = event_loop
            .create_unix_datagram_endpoint(Letters::default, None::<&Path>, Some(path))
            .await
            .unwrap();
        for number in 0..1000_u32 {
            transport.sendto(&number.to_be_bytes(), None);
        }
        assert!(
            transport.get_write_buffer_size() > 0,
            "a queue of the kernel's is short"
        );
        transport.close();
        slow.set_nonblocking(true).unwrap();
        let mut fetched = Vec::new();
        while fetched.len() < 1000 {
            let mut letter = [0; 4];
            match slow.recv(&mut letter) {
                Ok(_) => fetched.push(u32::from_be_bytes(letter)),
                Err(_) => sleep(MS).await,
            }
        }
        assert_eq!(fetched, (0..1000).collect::<Vec<_>>());
        assert!(its.errors.take().is_empty());
    });
}
