//! What greenlets say of themselves, and of what went wrong.

use std::net::{Ipv4Addr, SocketAddr};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use interlude_greenlets::extras::async_result::AsyncResult;
use interlude_greenlets::extras::channel::{Channel, Preference};
use interlude_greenlets::extras::errors::CyclicParent;
use interlude_greenlets::extras::join::{Waitable, iwait};
use interlude_greenlets::extras::local::Local;
use interlude_greenlets::extras::pool::{Group, Pool};
use interlude_greenlets::extras::queue::Queue;
use interlude_greenlets::extras::tasklet::{Tasklet, schedule};
use interlude_greenlets::extras::threadpool::ThreadPool;
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

#[test]
fn those_who_belong_together_say_how_many_there_are() {
    run(|| {
        let (group, pool) = (Group::default(), Pool::new(3));
        assert!(group.is_empty() && pool.is_empty());
        let one = group.spawn(|| {});
        pool.spawn(|| {});
        assert!(!group.is_empty() && !pool.is_empty());
        assert_eq!(format!("{group:?}"), "Group { len: 1 }");
        assert_eq!(format!("{pool:?}"), "Pool { size: 3, len: 1 }");
        let all: [&dyn Waitable; 1] = [&*one];
        let mut ends = iwait(&all, None);
        assert_eq!(format!("{ends:?}"), "IWait { left: 1 }");
        assert_eq!((ends.next(), ends.next()), (Some(0), None));
        assert_eq!(format!("{ends:?}"), "IWait { left: 0 }");
        pool.join();
        assert_eq!(format!("{group:?}"), "Group { len: 0 }");
        assert_eq!(format!("{pool:?}"), "Pool { size: 3, len: 0 }");
        let threads = ThreadPool::new(2);
        assert_eq!(format!("{threads:?}"), "ThreadPool { size: 2, .. }");
    })
    .unwrap();
}

#[test]
fn what_is_handed_on_says_whether_it_is_there() {
    let queue = Queue::bounded(2);
    queue.try_put('a').unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { len: 1 }");
    let result = AsyncResult::default();
    assert_eq!(format!("{result:?}"), "AsyncResult { ready: false }");
    result.set(7);
    assert_eq!(format!("{result:?}"), "AsyncResult { ready: true }");
    assert_eq!(format!("{:?}", Local::new(|| 7)), "Local { .. }");
    let channel = Rc::new(Channel::new(Preference::Receiver));
    let told = Rc::clone(&channel);
    let sender = Tasklet::new(move || told.send('a'));
    assert_eq!(format!("{sender:?}"), "Tasklet(Greenlet(unstarted))");
    schedule().unwrap();
    assert_eq!(format!("{channel:?}"), "Channel { senders: 1, receivers: 0, .. }");
    assert_eq!(channel.receive().unwrap(), 'a');
    assert_eq!(format!("{channel:?}"), "Channel { senders: 0, receivers: 0, .. }");
}
