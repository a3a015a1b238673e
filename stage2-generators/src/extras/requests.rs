//! What a routine can ask of its [`Trampoline`](crate::extras::trampoline::Trampoline), a
//! function for each: it yields the request through the door, and takes the answer apart.
//!
//! A cancel is raised in those that wait, and in [`call`] and [`turn`]. The others have their
//! answer at once.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::{Direction, Key};

use super::trampoline::{Answer, Door, End, Request, Routine, TaskId};
use crate::coroutine::Generator;
use crate::deferred::Cancelled;
use crate::failure::Failure;
use crate::time::Elapsed;

/// How much one read gives at the most, in bytes.
const CHUNK: usize = 4 * 1024;

/// Calls `body` from a routine: gives what it returns.
///
/// ```
/// use stage2_generators::extras::requests::call;
/// use stage2_generators::extras::trampoline::{self, Door};
/// use stage2_generators::failure::Failure;
///
/// async fn double(n: i32) -> Result<i32, Failure> {
///     Ok(2 * n)
/// }
///
/// let four = trampoline::react(|co| async move { call(&co, |_| double(2)).await });
/// assert_eq!(four.unwrap().unwrap(), 4);
/// ```
///
/// # Errors
///
/// What ended `body`: what it has raised, or its panic.
pub async fn call<T: 'static, F>(
    co: &Door,
    body: impl FnOnce(Door) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let (callee, result) = routine(body);
    co.yield_(Request::Call(callee)).await?;
    Ok(result.take().expect("a caller is resumed once its callee has returned"))
}

/// Lets the others run.
///
/// # Errors
///
/// [`Cancelled`].
pub async fn turn(co: &Door) -> Result<(), Failure> {
    co.yield_(Request::Turn).await.map(drop)
}

/// A routine of its own that runs besides. Dropping it changes nothing for the routine; an error
/// that nobody can hear of any more is reported.
pub struct Task<T> {
    id: TaskId,
    /// Filled by the routine as it returns.
    value: Rc<Cell<Option<T>>>,
    /// Filled by the trampoline if it ends in another way.
    end: Rc<End>,
}

impl<T> Task<T> {
    /// Its number.
    pub fn id(&self) -> TaskId {
        self.id
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Has `body` run in a task of its own. It begins when all who are ready have had their turn.
///
/// # Errors
///
/// None: it is a `Result` because every request is one.
pub async fn spawn<T: 'static, F>(
    co: &Door,
    body: impl FnOnce(Door) -> F,
) -> Result<Task<T>, Failure>
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let (routine, value) = routine(body);
    let end = Rc::<End>::default();
    match co.yield_(Request::Spawn(routine, Rc::clone(&end))).await? {
        Answer::Id(id) => Ok(Task { id, value, end }),
        answer => unreachable!("a spawn is answered with a number, not with {answer:?}"),
    }
}

/// Waits until a task has ended: gives what it returned.
///
/// ```
/// use stage2_generators::extras::{requests::{join, spawn}, trampoline};
///
/// let sum = trampoline::react(|co| async move {
///     let (one, two) = (spawn(&co, |_| async { Ok(1) }), spawn(&co, |_| async { Ok(2) }));
///     let (one, two) = (one.await?, two.await?);
///     Ok(join(&co, one).await? + join(&co, two).await?)
/// });
/// assert_eq!(sum.unwrap().unwrap(), 3);
/// ```
///
/// # Errors
///
/// What ended it; [`Cancelled`] if that, or this routine, was cancelled.
pub async fn join<T>(co: &Door, task: Task<T>) -> Result<T, Failure> {
    co.yield_(Request::Join(task.id)).await?;
    result(&task.end, &task.value)
}

/// Raises [`Cancelled`] where that task waits, as soon as it is its turn. One that has not begun
/// never will; one that has ended stays as it is.
///
/// # Errors
///
/// [`Cancelled`] if it is this very task.
pub async fn cancel(co: &Door, task: TaskId) -> Result<(), Failure> {
    co.yield_(Request::Cancel(task)).await.map(drop)
}

/// The number of this task.
///
/// # Errors
///
/// None, as of [`spawn`].
pub async fn id(co: &Door) -> Result<TaskId, Failure> {
    match co.yield_(Request::Id).await? {
        Answer::Id(id) => Ok(id),
        answer => unreachable!("who asks for its number is not told {answer:?}"),
    }
}

/// Waits for an [`unpark`], of which one that has come already counts: `std::thread::park`.
///
/// ```
/// use stage2_generators::extras::requests::{join, park, spawn, unpark};
/// use stage2_generators::extras::trampoline;
/// use std::{cell::RefCell, rc::Rc};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let theirs = Rc::clone(&log);
/// trampoline::react(|co| async move {
///     let waiter = spawn(&co, {
///         let log = Rc::clone(&theirs);
///         |co| async move {
///             park(&co).await?;
///             log.borrow_mut().push("up again");
///             Ok(())
///         }
///     });
///     let waiter = waiter.await?;
///     theirs.borrow_mut().push("wake up");
///     unpark(&co, waiter.id()).await?;
///     join(&co, waiter).await
/// }).unwrap().unwrap();
/// assert_eq!(*log.borrow(), ["wake up", "up again"]);
/// ```
///
/// # Errors
///
/// [`Cancelled`].
pub async fn park(co: &Door) -> Result<(), Failure> {
    co.yield_(Request::Park).await.map(drop)
}

/// Ends the [`park`] of that task, or its next.
///
/// # Errors
///
/// None, as of [`spawn`].
pub async fn unpark(co: &Door, task: TaskId) -> Result<(), Failure> {
    co.yield_(Request::Unpark(task)).await.map(drop)
}

/// Waits at least `duration`.
///
/// # Errors
///
/// [`Cancelled`].
pub async fn sleep(co: &Door, duration: Duration) -> Result<(), Failure> {
    co.yield_(Request::Sleep(duration)).await.map(drop)
}

/// Runs `body` as a task, but no longer than `duration`: then it is cancelled. It is a few
/// requests, as anybody could make them.
///
/// ```
/// use stage2_generators::extras::{requests::{park, timeout}, trampoline};
/// use stage2_generators::time::Elapsed;
/// use std::time::Duration;
///
/// let end = trampoline::react(|co| async move {
///     timeout(&co, Duration::from_millis(1), |co| async move { park(&co).await }).await
/// });
/// assert!(end.unwrap().unwrap_err().is::<Elapsed>());
/// ```
///
/// # Errors
///
/// What `body` raises; [`Elapsed`] if it was cancelled for the time that was up.
pub async fn timeout<T: 'static, F>(
    co: &Door,
    duration: Duration,
    body: impl FnOnce(Door) -> F,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let is_up = Rc::new(Cell::new(false));
    let was_up = Rc::clone(&is_up);
    let task = spawn(co, body).await?;
    let id = task.id;
    let alarm = spawn(co, move |co| async move {
        sleep(&co, duration).await?;
        is_up.set(true);
        cancel(&co, id).await
    });
    let alarm = alarm.await?;
    let end = join(co, task).await;
    // If it was this one that was cancelled, both are still there.
    cancel(co, id).await?;
    cancel(co, alarm.id).await?;
    match end {
        Err(failure) if was_up.get() && failure.is::<Cancelled>() => Err(Elapsed.into()),
        end => end,
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct TcpListener(reactor::TcpListener<TaskId>);

impl TcpListener {
    /// Binds to `address`.
    ///
    /// # Errors
    ///
    /// What the system answers, an [`io::Error`].
    pub async fn bind(co: &Door, address: SocketAddr) -> Result<Self, Failure> {
        match co.yield_(Request::Listen(address)).await? {
            Answer::Listener(listener) => Ok(Self(*listener)),
            answer => unreachable!("a listener was asked for, not {answer:?}"),
        }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Waits for the next connection.
    ///
    /// # Errors
    ///
    /// What the system answers; [`Cancelled`].
    pub async fn accept(&self, co: &Door) -> Result<TcpStream, Failure> {
        let stream = retry(co, self.0.key(), Direction::Read, || self.0.accept()).await?;
        Ok(TcpStream(Rc::new(stream)))
    }
}

/// A connected socket. Its clones are one socket, which is closed with the last of them.
///
/// ```
/// use stage2_generators::extras::requests::{TcpListener, TcpStream, join, spawn};
/// use stage2_generators::extras::trampoline;
///
/// let heard = trampoline::react(|co| async move {
///     let listener = TcpListener::bind(&co, ([127, 0, 0, 1], 0).into()).await?;
///     let address = listener.local_addr()?;
///     let host = spawn(&co, |co| async move {
///         let guest = listener.accept(&co).await?;
///         guest.write_all(&co, b"good day").await
///     });
///     let host = host.await?;
///     let heard = TcpStream::connect(&co, address).await?.read(&co).await?;
///     join(&co, host).await?;
///     Ok(heard)
/// });
/// assert_eq!(heard.unwrap().unwrap(), b"good day");
/// ```
#[derive(Clone, Debug)]
pub struct TcpStream(Rc<reactor::TcpStream<TaskId>>);

impl TcpStream {
    /// Waits until it is connected to `address`.
    ///
    /// # Errors
    ///
    /// What the system answers; [`Cancelled`].
    pub async fn connect(co: &Door, address: SocketAddr) -> Result<Self, Failure> {
        let stream = match co.yield_(Request::Connect(address)).await? {
            Answer::Stream(stream) => *stream,
            answer => unreachable!("a stream was asked for, not {answer:?}"),
        };
        retry(co, stream.key(), Direction::Write, || stream.connected()).await?;
        Ok(Self(Rc::new(stream)))
    }

    /// Waits for what arrives; nothing at all means that the peer is done. PEP 342's
    /// `nonblocking_read`.
    ///
    /// # Errors
    ///
    /// What the system answers; [`Cancelled`]; `ResourceBusy` if another task reads already.
    #[doc(alias = "nonblocking_read")]
    pub async fn read(&self, co: &Door) -> Result<Vec<u8>, Failure> {
        let attempt = || {
            let mut buffer = [0; CHUNK];
            let n = self.0.read(&mut buffer)?;
            Ok(buffer[..n].to_vec())
        };
        retry(co, self.0.key(), Direction::Read, attempt).await
    }

    /// Waits until everything is written. PEP 342's `nonblocking_write`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[doc(alias = "nonblocking_write")]
    pub async fn write_all(&self, co: &Door, bytes: &[u8]) -> Result<(), Failure> {
        let mut written = 0;
        let attempt = || {
            while written < bytes.len() {
                written += self.0.write(&bytes[written..])?;
            }
            Ok(())
        };
        retry(co, self.0.key(), Direction::Write, attempt).await
    }

    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn shutdown(&self) -> io::Result<()> {
        self.0.shutdown(Shutdown::Write)
    }
}

/// Tries until it no longer would block, and asks to be resumed when that may be.
async fn retry<T>(
    co: &Door,
    key: Key,
    direction: Direction,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Result<T, Failure> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                co.yield_(Request::Wait(key, direction)).await?;
            }
            result => return Ok(result?),
        }
    }
}

/// A routine of `body`, and where it leaves what it returns.
pub(crate) fn routine<T: 'static, F>(
    body: impl FnOnce(Door) -> F,
) -> (Routine, Rc<Cell<Option<T>>>)
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let result = Rc::new(Cell::new(None));
    let slot = Rc::clone(&result);
    let routine = Generator::new(|co| {
        let body = body(co);
        async move {
            slot.set(Some(body.await?));
            Ok(())
        }
    });
    (routine, result)
}

/// What came of a task that has ended.
pub(crate) fn result<T>(end: &End, value: &Cell<Option<T>>) -> Result<T, Failure> {
    match end.take() {
        Some(failure) => Err(failure),
        None => Ok(value.take().expect("what ends without an error has returned")),
    }
}
