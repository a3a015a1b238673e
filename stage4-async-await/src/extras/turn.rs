//! A turn for the others.

use std::future::poll_fn;
use std::mem;
use std::task::Poll;

use reactor::wake_by_ref;

/// Lets all those who are ready go first, once: `asyncio.sleep(0)`.
#[doc(alias = "sleep")]
pub fn yield_now() -> impl Future<Output = ()> {
    let mut has_yielded = false;
    poll_fn(move |context| {
        if mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        wake_by_ref(context.waker());
        Poll::Pending
    })
}
