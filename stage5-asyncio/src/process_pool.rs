//! A pool of processes: work that keeps a processor busy, or that may crash, is done where it
//! can hurt nobody.
//!
//! A closure can be sent to a thread, but not to another process. Python sends a function by
//! its name, and imports it over there; pickle does the same with arguments and results. Here
//! a worker is the same executable, started again: it has the same functions, and its `main`
//! says first, by [`worker_main`], which of them may be called. Arguments and results go
//! through serde, as JSON.
//!
//! ```no_run
//! use stage5_asyncio::process_pool::{ProcessPoolExecutor, function, worker_main};
//! use stage5_asyncio::{get_running_loop, run};
//!
//! fn square(n: u64) -> u64 {
//!     n * n
//! }
//!
//! fn main() -> std::io::Result<()> {
//!     worker_main([function(square)]);
//!     let squared = run(async {
//!         let pool = ProcessPoolExecutor::new(2);
//!         get_running_loop().run_in_process(&pool, square, 7).await
//!     })?;
//!     assert_eq!(squared.unwrap(), 49);
//!     Ok(())
//! }
//! ```

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::event_loop::EventLoop;
use crate::events::get_running_loop;
use crate::extras::report::text_of;
use crate::extras::worker::{Ticket, call, is_registered, register, serve, we_are_one};
use crate::futures::Future;
use crate::threads::{Job, ThreadPoolExecutor};

/// Says which functions a worker may call. Call it first in `main`: in a worker it never
/// returns.
///
/// A program that does not call it cannot have a pool: its workers would be the whole program
/// once more. (Python says `if __name__ == "__main__"` for that.)
///
/// # Panics
///
/// Panics when two functions have the same name, as two closures may.
#[doc(alias("multiprocessing.freeze_support", "__main__"))]
pub fn worker_main(functions: impl IntoIterator<Item = Function>) {
    let functions = register(functions);
    if we_are_one() {
        serve(functions);
    }
}

/// A function that a worker may call.
pub struct Function {
    pub(crate) name: &'static str,
    pub(crate) call: Written,
}

/// From an argument to a [`Reply`], both written down.
type Written = Box<dyn Fn(&[u8]) -> Vec<u8> + Sync + Send>;

/// Names a function for [`worker_main`]. Its name is its path.
pub fn function<F, A, R>(function: F) -> Function
where
    F: Fn(A) -> R + Sync + Send + 'static,
    A: DeserializeOwned,
    R: Serialize,
{
    let call: Written = Box::new(move |written| {
        let reply = match serde_json::from_slice(written) {
            Err(error) => Err(Refused::Unwritable(error.to_string())),
            Ok(argument) => catch_unwind(AssertUnwindSafe(|| function(argument)))
                .map_err(|panic| Refused::Panicked(text_of(&*panic).to_owned())),
        };
        let refuse = |error: serde_json::Error| {
            let refused = Refused::Unwritable(error.to_string());
            serde_json::to_vec(&Reply::<()>::Err(refused)).expect("it is words only")
        };
        serde_json::to_vec(&reply).unwrap_or_else(refuse)
    });
    Function { name: type_name::<F>(), call }
}

/// What a worker answers.
type Reply<R> = Result<R, Refused>;

/// Why there is no result, though the worker is well.
#[derive(Deserialize, Serialize)]
enum Refused {
    Panicked(String),
    Unwritable(String),
}

/// Processes that are started as they are needed, and no more of them than it is told. Its
/// clones are the same pool.
///
/// Each is served by a thread of ours, which waits for it. A worker whose job is over is given
/// the next one; one that has died, or was killed, is replaced when there is more to do. All of
/// them end with the pool, and with this process, however that ends.
#[doc(alias("concurrent.futures", "multiprocessing.Pool"))]
#[derive(Clone, Debug)]
pub struct ProcessPoolExecutor {
    threads: ThreadPoolExecutor,
}

/// Why a call in a worker has no result.
#[derive(Debug)]
pub enum ProcessError {
    /// The function panicked, with these words. The worker is well.
    Panicked(String),
    /// The worker has ended in the middle of it: it was killed, or has crashed. It is replaced,
    /// and the other jobs of the pool go on: CPython's whole pool is broken then.
    Died(ExitStatus),
    /// There is no worker.
    NotStarted(io::Error),
    /// The argument or the result cannot be written as JSON and read again.
    NotSent(String),
}

impl ProcessPoolExecutor {
    /// A pool of up to that many processes.
    ///
    /// # Panics
    ///
    /// Panics with none, and where [`worker_main`] was not called.
    pub fn new(max_workers: usize) -> Self {
        assert!(
            is_registered(None),
            "call process_pool::worker_main first in `main`: workers begin there"
        );
        Self { threads: ThreadPoolExecutor::new(max_workers) }
    }

    /// The workers do what they were given, and then end; nothing more can be given to them.
    /// With `cancel_futures`, what was not begun is cancelled; with `wait`, this waits for the
    /// end of them all.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    pub async fn shutdown(&self, wait: bool, cancel_futures: bool) {
        self.threads.shutdown();
        if cancel_futures {
            self.threads.cancel_futures();
        }
        if wait {
            get_running_loop().join(self.threads.clone()).await;
        }
    }
}

impl EventLoop {
    /// Calls `function` with `argument` in a process of `pool`:
    /// [`run_in_executor`](Self::run_in_executor), for what can be sent that far. Several
    /// arguments are a tuple.
    ///
    /// To cancel it before it has begun takes it back; what a thread could not do then, a
    /// process can: the worker is killed, and its place is free.
    ///
    /// # Panics
    ///
    /// Panics if the pool was shut down, and for a function that [`worker_main`] was not told
    /// of.
    #[doc(alias = "run_in_executor")]
    #[track_caller]
    pub fn run_in_process<F, A, R>(
        &self,
        pool: &ProcessPoolExecutor,
        _function: F,
        argument: A,
    ) -> Future<Result<R, ProcessError>>
    where
        F: Fn(A) -> R + 'static,
        A: Serialize + Send + 'static,
        R: DeserializeOwned + Send + 'static,
    {
        let name = type_name::<F>();
        assert!(is_registered(Some(name)), "worker_main was not told of {name}");
        let ticket = Arc::new(Ticket::default());
        let its = Arc::clone(&ticket);
        let work = move || {
            let unwritable =
                |error: serde_json::Error| ProcessError::NotSent(error.to_string());
            let argument = serde_json::to_vec(&argument).map_err(unwritable)?;
            let reply = call(name, &argument, &its)?;
            match serde_json::from_slice::<Reply<R>>(&reply).map_err(unwritable)? {
                Ok(result) => Ok(result),
                Err(Refused::Panicked(words)) => Err(ProcessError::Panicked(words)),
                Err(Refused::Unwritable(words)) => Err(ProcessError::NotSent(words)),
            }
        };
        Job::start(self, &pool.threads, work, move || ticket.cancel())
    }
}

/// As many as there are processors.
impl Default for ProcessPoolExecutor {
    fn default() -> Self {
        Self::new(thread::available_parallelism().map_or(1, Into::into))
    }
}

impl fmt::Display for ProcessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(words) => write!(f, "it panicked in a worker: {words}"),
            Self::Died(status) => write!(f, "a worker has died in the middle: {status}"),
            Self::NotStarted(error) => write!(f, "no worker can be started: {error}"),
            Self::NotSent(words) => write!(f, "it cannot be sent: {words}"),
        }
    }
}

impl Error for ProcessError {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}
