//! What greenlets say of themselves, and of what went wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::time::Duration;

use interlude_greenlets::extras::errors::CyclicParent;
use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::time::{Elapsed, sleep};
use interlude_greenlets::{Failure, Greenlet, GreenletExit, current, run, spawn};

#[test]
fn errors_say_what_went_wrong() {
    let exit = Failure::from(GreenletExit);
    assert_eq!(exit.to_string(), "the greenlet is asked to end");
    assert_eq!(format!("{exit:?}"), "Failure(GreenletExit)");
    assert!(exit.is::<GreenletExit>() && !exit.is::<Elapsed>());
    assert_eq!(Elapsed.to_string(), "the time was up");
    assert_eq!(CyclicParent.to_string(), "a greenlet cannot be its own ancestor");
    let panics = Greenlet::new(|()| -> Result<(), _> { resume_unwind(Box::new(7)) });
    let failure = panics.switch::<(), ()>(()).unwrap_err();
    assert_eq!(failure.to_string(), "a greenlet panicked: something that is no text");
}

#[test]
fn greenlets_and_handles_say_how_far_they_are() {
    assert_eq!(format!("{:?}", current()), "Greenlet(main)");
    run(|| {
        assert_eq!(format!("{:?}", current()), "Greenlet(active)");
        let handle = spawn(|| sleep(Duration::ZERO));
        assert_eq!(format!("{handle:?}"), "JoinHandle { finished: false }");
        while !handle.is_finished() {
            sleep(Duration::ZERO);
        }
        assert_eq!(format!("{handle:?}"), "JoinHandle { finished: true }");
    })
    .unwrap();
}

#[test]
fn sockets_know_both_ends() {
    run(|| {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = TcpListener::bind(anywhere).unwrap();
        let address = listener.local_addr().unwrap();
        let client = TcpStream::connect(address).unwrap();
        let server = listener.accept().unwrap();
        assert_eq!(client.peer_addr().unwrap(), address);
        assert_eq!(server.local_addr().unwrap(), address);
        assert_eq!(client.local_addr().unwrap(), server.peer_addr().unwrap());
        assert_ne!(client.local_addr().unwrap(), address);
        assert!(format!("{listener:?}").starts_with("TcpListener("));
        assert!(format!("{server:?}").starts_with("TcpStream("));
        client.shutdown().unwrap();
        assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
        server.write_all(b"still here").unwrap();
        assert_eq!(client.read(&mut [0; 16]).unwrap(), 10);
    })
    .unwrap();
}
