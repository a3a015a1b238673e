//! In which turn a callback is called: soon, later, at a time, or not at all.

use std::cell::RefCell;
use std::rc::Rc;

use stage5_asyncio::events::Handle;
use stage5_asyncio::get_running_loop;
use stage5_asyncio::time::sleep;

use super::clock::{ms, say_turn as say};

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    let inner = event_loop.clone();
    event_loop.call_soon(move || {
        say("first");
        inner.call_soon(|| say("queued by the first"));
    });
    event_loop.call_soon(|| say("second"));
    event_loop.call_later(ms(0), || say("later, but at once"));
    let past = event_loop.time().checked_sub(ms(1)).unwrap();
    event_loop.call_at(past, || say("at a time that is past"));
    event_loop.call_soon_threadsafe(|| say("from this thread, thread-safely"));
    let victim = event_loop.call_soon(|| say("never"));
    event_loop.call_soon(|| say("third"));
    victim.cancel();
    let in_this_turn = Rc::new(RefCell::new(None::<Handle>));
    let found = Rc::clone(&in_this_turn);
    event_loop.call_soon(move || found.take().unwrap().cancel());
    in_this_turn.replace(Some(event_loop.call_soon(|| say("never, either"))));
    for name in ["a", "b"] {
        event_loop.call_later(ms(10), move || say(format_args!("after 10 ms, {name}")));
    }
    event_loop.call_later(ms(5), || say("after 5 ms"));
    say("main waits");
    sleep(ms(20)).await;
    say("main ends");
}
