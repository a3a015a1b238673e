//! What deferreds, sockets and errors say of themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use stage1_callbacks::deferred::{AlreadyCalled, Cancelled, Deferred, fail, succeed};
use stage1_callbacks::extras::delayed::NotActive;
use stage1_callbacks::extras::lists::{first_success, gather_results};
use stage1_callbacks::failure::Failure;
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::time::Elapsed;
use stage1_callbacks::{react, remote};

#[test]
fn deferreds_and_firers_say_how_far_they_are() {
    let (firer, deferred) = Deferred::new();
    assert_eq!(format!("{deferred:?}"), "Deferred { settled: false }");
    assert_eq!(format!("{firer:?}"), "Firer { fired: false }");
    firer.fire(Ok(())).unwrap();
    assert_eq!(format!("{deferred:?}"), "Deferred { settled: true }");
    assert_eq!(format!("{firer:?}"), "Firer { fired: true }");
    assert_eq!(format!("{:?}", deferred.cancel_handle()), "CancelHandle { .. }");
}

/// One that waits for another has fired, and is not settled.
#[test]
fn a_deferred_that_waits_for_another_is_not_settled() {
    let (firer, inner) = Deferred::<()>::new();
    let outer = succeed(()).add_callback(|()| inner);
    assert_eq!(format!("{outer:?}"), "Deferred { settled: false }");
    firer.fire(Ok(())).unwrap();
    assert_eq!(format!("{outer:?}"), "Deferred { settled: true }");
}

#[test]
fn sockets_and_what_waits_for_them_say_what_they_are() {
    let ended = react(|| {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(format!("{listener:?}").starts_with("TcpListener("));
        let waiting = listener.accept_then(drop);
        assert_eq!(format!("{waiting:?}"), "Waiting { .. }");
        assert_eq!(format!("{:?}", remote()), "Remote { .. }");
        let there = TcpStream::connect(address);
        there.add_callback(|stream| Ok(format!("{stream:?}")))
    });
    assert!(ended.unwrap().unwrap().starts_with("TcpStream("));
}

#[test]
fn errors_say_what_went_wrong() {
    assert_eq!(Cancelled.to_string(), "cancelled");
    assert_eq!(AlreadyCalled.to_string(), "a deferred fires only once");
    assert_eq!(Elapsed.to_string(), "the time was up");
    assert_eq!(NotActive::AlreadyCalled.to_string(), "the call has been made");
    assert_eq!(NotActive::AlreadyCancelled.to_string(), "the call has been cancelled");
    let failure = Failure::from(Cancelled);
    assert_eq!(failure.to_string(), "cancelled");
    assert_eq!(format!("{failure:?}"), "Cancelled");
    let none = first_success::<()>(&[]).try_take().unwrap().unwrap_err();
    let of_none = "there are no deferreds of which one could come first";
    assert_eq!(none.to_string(), of_none);
}

/// Of a list that is in a list: the place in each of them.
#[test]
fn a_list_that_fails_says_which_of_them_did() {
    let inner = gather_results(vec![succeed(0), fail("no")]);
    let outer = gather_results(vec![inner]);
    let failure = outer.try_take().unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "#0: #1: no");
    assert_eq!(format!("{failure:?}"), "FirstError(#0: #1: no)");
    assert_eq!(failure.error().source().unwrap().to_string(), "#1: no");
}
