//! # Stage 5: asyncio
//!
//! *PEP 3156, Python 3.4 (2014), and what grew on it until today.* The loop of stage 4 becomes
//! a value that a program holds and configures, and around it stands a toolbox: futures and
//! tasks that can be cancelled and may refuse, groups of tasks, timeouts, locks, queues.
//!
//! ```
//! use stage5_asyncio::{create_task, run, time::sleep};
//! use std::time::Duration;
//!
//! async fn say(word: &'static str, after: u64) -> &'static str {
//!     sleep(Duration::from_millis(after)).await;
//!     println!("{word}");
//!     word
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let last = run(async {
//!     let world = create_task(say("world", 20));
//!     say("hello", 10).await;
//!     world.await
//! })?;
//! assert_eq!(last, "world");
//! # Ok(())
//! # }
//! ```
//!
//! # Who parks, who resumes
//!
//! A task parks in `net.rs`, function `retry` (for the clock, in `time.rs`; for a result, in
//! `futures.rs`). It is resumed in [`tasks`], function `step`, and nowhere else.
//!
//! # Contents, in reading order
//!
//! The loop:
//! 1. [`events`]: what every loop must do (the standardised interface), what it queues, and who
//!    opens one;
//! 2. [`event_loop`]: the loop as a value, as a program sees it;
//! 3. [`selector_events`]: the loop that is used unless somebody plugs another one in;
//! 4. [`runners`]: [`run`], from opening to closing.
//!
//! What runs on it:
//! 5. [`futures`]: a place for a result that comes later;
//! 6. [`tasks`]: a coroutine that runs by itself; several of them at a time: `gather`, `wait`,
//!    `as_completed`, `shield`, `wait_for`;
//! 7. [`cancel`]: how a cancel travels, who catches it, what runs on the way;
//! 8. [`timeouts`] and [`taskgroups`]: blocks that cancel what is inside of them;
//! 9. [`contextvars`]: values that follow a task.
//!
//! What tasks share: 10. [`locks`]; 11. [`queues`]. The world: 12. [`time`]; 13. [`net`]. Leaving the loop:
//! 14. [`threads`], and [`files`], which need them where the engine has no files; 15. [`signals`]; 16. [`subprocess`];
//! 17. [`process_pool`]. It hangs, now what: 18. [`debug`]; and for tests, 19. [`testing`].
//!
//! Connections, without a task for each, and with one:
//! 20. [`protocols`]: what you write; 21. [`transports`]: what you are given;
//! 22. [`base_events`]: connecting and serving; [`unix_events`]: pipes, and sockets in the file
//!     system; [`staggered`]: several attempts at a time;
//! 23. [`streams`]: a protocol that a coroutine can await;
//! 24. `tls`, behind the feature of that name: a transport over a transport.

#![forbid(unsafe_code)]

pub mod base_events;
pub mod cancel;
pub mod contextvars;
pub mod debug;
pub mod event_loop;
pub mod events;
pub mod exceptions;
pub mod extras;
pub mod files;
pub mod futures;
pub mod locks;
pub mod net;
#[cfg(unix)]
pub mod process_pool;
pub mod protocols;
pub mod queues;
pub mod runners;
pub mod selector_events;
#[cfg(unix)]
pub mod signals;
pub mod staggered;
pub mod streams;
#[cfg(unix)]
pub mod subprocess;
pub mod taskgroups;
pub mod tasks;
pub mod testing;
pub mod threads;
pub mod time;
pub mod timeouts;
#[cfg(feature = "tls")]
pub mod tls;
pub mod transports;
#[cfg(unix)]
pub mod unix_events;

pub use cancel::{catch_cancel, finally, with};
pub use event_loop::EventLoop;
pub use events::{get_running_loop, new_event_loop};
pub use runners::run;
pub use taskgroups::task_group;
pub use tasks::{Task, all_tasks, create_task, current_task};
pub use threads::to_thread;
pub use timeouts::{timeout, timeout_at};
