//! PEP 342's own example: calls by yielding the callee, a stack that is a list, and one
//! routine after the other.
//!
//! It pays for every call, and resumes the innermost of twenty thousand frames as fast as
//! the only one: the opposite of delegation, which the next stage builds.
//!
//! Everything else that a routine wants it asks for in the same way, as a program asks a
//! kernel: it yields a [`Request`], and is resumed with the [`Answer`]. (The idea is David
//! Beazley's, 2009.) So a routine never touches the trampoline, and what is left with the
//! reactor is no callback but a number: that of the stack to be resumed.
//! [`requests`] has a function for each.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::{Direction, Key, Reactor, TcpListener, TcpStream, TimerId};

use super::requests;
use crate::coroutine::{Co, Generator, State, Step};
use crate::deferred::{Cancelled, WaitsForItself};
use crate::failure::{Failure, guard, report};

/// A suspended function on a trampoline. What it returns goes through a slot of its caller's.
pub type Routine = Generator<Request, Answer, ()>;

/// A routine's door.
pub type Door = Co<Request, Answer>;

/// What a routine asks of its trampoline.
#[derive(Debug)]
pub enum Request {
    /// Run that one, and resume me when it has returned.
    Call(Routine),
    /// Let the others run.
    Turn,
    /// Run that one besides. How it ends is to be left there.
    #[doc(alias = "NewTask")]
    Spawn(Routine, Rc<End>),
    /// Who am I?
    #[doc(alias = "GetTid")]
    Id,
    /// Resume me when that one has ended.
    #[doc(alias = "WaitTask")]
    Join(TaskId),
    /// Raise [`Cancelled`] where that one waits.
    #[doc(alias = "KillTask")]
    Cancel(TaskId),
    /// Resume me when somebody unparks me, or at once if somebody has.
    Park,
    /// Resume that one, now or as soon as it parks.
    Unpark(TaskId),
    /// Resume me after that time.
    Sleep(Duration),
    /// Resume me when the socket is worth another attempt.
    #[doc(alias("ReadWait", "WriteWait"))]
    Wait(Key, Direction),
    /// Open a listening socket.
    Listen(SocketAddr),
    /// Start to connect.
    Connect(SocketAddr),
}

/// What a request is answered with, unless an error is thrown.
#[derive(Debug, Default)]
pub enum Answer {
    /// It is done.
    #[default]
    Nothing,
    /// To `Spawn` and `Id`.
    Id(TaskId),
    /// To `Listen`.
    Listener(Box<TcpListener<TaskId>>),
    /// To `Connect`.
    Stream(Box<TcpStream<TaskId>>),
}

/// The number of a task. No other one of its trampoline ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaskId(u64);

/// What ended a task, for whoever joins it. An error that nobody has taken is reported in the
/// end.
#[derive(Debug, Default)]
pub struct End(RefCell<Option<Failure>>);

/// Runs routines, round robin, and waits where none can run.
///
/// ```
/// use stage2_generators::coroutine::Generator;
/// use stage2_generators::extras::{requests::turn, trampoline::Trampoline};
/// use std::{cell::RefCell, rc::Rc};
///
/// let log = Rc::new(RefCell::new(Vec::new()));
/// let mut trampoline = Trampoline::new()?;
/// for name in ["a", "b"] {
///     let log = Rc::clone(&log);
///     trampoline.add(Generator::new(|co| async move {
///         for n in 0..2 {
///             log.borrow_mut().push(format!("{name}{n}"));
///             turn(&co).await?;
///         }
///         Ok(())
///     }));
/// }
/// trampoline.run()?;
/// assert_eq!(*log.borrow(), ["a0", "b0", "a1", "b1"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Trampoline {
    reactor: Reactor<TaskId>,
    /// Every task that has not ended.
    stacks: BTreeMap<TaskId, Stack>,
    /// Who can go on, and in which order: each once.
    ready: VecDeque<TaskId>,
    /// How many numbers were given away, to tasks and to joiners.
    numbers: u64,
    /// Filled by `select`, and emptied at once; kept for its allocation.
    woken: Vec<TaskId>,
}

/// A task: a routine, and whom it has called.
#[derive(Debug)]
struct Stack {
    /// Who was called last is on top.
    routines: Vec<Routine>,
    /// What the one on top is resumed with. Set by whoever makes it ready.
    next: Result<Answer, Failure>,
    /// Set by `park`, cleared by `wake`.
    waits: Option<Waits>,
    /// Somebody has unparked it before it was parked.
    unparked: bool,
    /// Who is to be resumed when it has ended, in the order in which they came.
    joiners: BTreeMap<u64, TaskId>,
    end: Rc<End>,
}

/// What a task waits for: where a cancel finds it.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Timer(TimerId),
    Socket(Key, Direction),
    /// It stands in that one's line, at that number.
    End(TaskId, u64),
    Unpark,
}

/// Runs `main`, and whatever it spawns, until it has ended. What is left then is closed.
///
/// ```
/// use stage2_generators::extras::requests::{join, sleep, spawn};
/// use stage2_generators::extras::trampoline;
/// use std::time::Duration;
///
/// let sum = trampoline::react(|co| async move {
///     let two = spawn(&co, |co| async move {
///         sleep(&co, Duration::from_millis(1)).await?;
///         Ok(2)
///     });
///     Ok(1 + join(&co, two.await?).await?)
/// });
/// assert_eq!(sum.unwrap().unwrap(), 3);
/// ```
///
/// # Errors
///
/// As [`Trampoline::run`].
pub fn react<T: 'static, F>(
    main: impl FnOnce(Door) -> F,
) -> io::Result<Result<T, Failure>>
where
    F: Future<Output = Result<T, Failure>> + 'static,
{
    let mut trampoline = Trampoline::new()?;
    let (routine, value) = requests::routine(main);
    let end = Rc::default();
    trampoline.spawn(routine, Rc::clone(&end));
    // Its other owner is the task.
    trampoline.run_while(|_| Rc::strong_count(&end) > 1)?;
    Ok(requests::result(&end, &value))
}

impl Trampoline {
    /// One with nothing to do yet.
    ///
    /// # Errors
    ///
    /// What opening the selector answers.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            reactor: Reactor::new()?,
            stacks: BTreeMap::new(),
            ready: VecDeque::new(),
            numbers: 0,
            woken: Vec::new(),
        })
    }

    /// Adds a routine behind the others.
    pub fn add(&mut self, routine: Routine) {
        self.spawn(routine, Rc::default());
    }

    /// Runs them all to their ends.
    ///
    /// # Errors
    ///
    /// What asking the selector answers; a [`Deadlock`](io::ErrorKind::Deadlock) where each
    /// waits for another one.
    pub fn run(&mut self) -> io::Result<()> {
        self.run_while(|it| !it.stacks.is_empty())
    }

    fn run_while(&mut self, goes_on: impl Fn(&Self) -> bool) -> io::Result<()> {
        loop {
            for _ in 0..self.ready.len() {
                self.step();
            }
            if !goes_on(self) {
                return Ok(());
            }
            if self.ready.len() < self.stacks.len() {
                self.wait()?; // somebody does
            }
        }
    }

    /// Resumes whoever is next, up to where it waits, calls or returns.
    fn step(&mut self) {
        let id = self.ready.pop_front().expect("so many were ready");
        loop {
            let stack = self.stacks.get_mut(&id).expect("who is ready has not ended");
            match stack.resume() {
                Ok(Step::Yield(Request::Turn)) => {}
                Ok(Step::Yield(Request::Call(callee))) => stack.routines.push(callee),
                Ok(Step::Yield(request)) => {
                    let Some(next) = self.serve(id, request).transpose() else { return };
                    self.stack(id).next = next;
                    continue;
                }
                Ok(Step::Return(())) => {
                    drop(stack.routines.pop());
                    if stack.routines.is_empty() {
                        return self.end(id, None);
                    }
                }
                Err(failure) => return self.end(id, Some(failure)),
            }
            return self.ready.push_back(id);
        }
    }

    /// Sleeps until somebody can go on; looks for whoever else can if there is one already.
    fn wait(&mut self) -> io::Result<()> {
        if !self.reactor.is_waited_for() {
            if self.ready.is_empty() {
                let left = self.stacks.len();
                let text = format!("nobody can resume the {left} tasks that are left");
                return Err(io::Error::new(io::ErrorKind::Deadlock, text));
            }
            return Ok(());
        }
        let timeout = if self.ready.is_empty() { None } else { Some(Duration::ZERO) };
        let mut woken = mem::take(&mut self.woken);
        let went = self.reactor.select(timeout, &mut woken);
        woken.drain(..).for_each(|id| self.wake(id, Ok(Answer::Nothing)));
        self.woken = woken;
        went
    }

    /// Does what `id` asks for. `None`: it has to wait for the answer.
    fn serve(&mut self, id: TaskId, request: Request) -> Result<Option<Answer>, Failure> {
        let answer = match request {
            Request::Call(_) | Request::Turn => unreachable!("`step` sees to these"),
            Request::Spawn(routine, end) => Answer::Id(self.spawn(routine, end)),
            Request::Id => Answer::Id(id),
            Request::Cancel(other) if other == id => return Err(Cancelled.into()),
            Request::Cancel(other) => self.cancel(other),
            Request::Unpark(other) => self.unpark(other),
            Request::Listen(address) => {
                Answer::Listener(Box::new(self.reactor.listen(address)?))
            }
            Request::Connect(address) => {
                Answer::Stream(Box::new(self.reactor.connect(address)?))
            }
            Request::Park if mem::take(&mut self.stack(id).unparked) => Answer::Nothing,
            Request::Park => return Ok(self.park(id, Waits::Unpark)),
            Request::Join(other) if other == id => return Err(WaitsForItself.into()),
            Request::Join(other) => return Ok(self.join(id, other)),
            Request::Sleep(duration) => {
                let timer = self.reactor.wait_until(self.reactor.after(duration), id);
                return Ok(self.park(id, Waits::Timer(timer)));
            }
            Request::Wait(key, direction) => {
                if let Some(first) = self.reactor.wait_for(key, direction, id) {
                    let _myself = self.reactor.wait_for(key, direction, first);
                    return Err(io::Error::from(io::ErrorKind::ResourceBusy).into());
                }
                return Ok(self.park(id, Waits::Socket(key, direction)));
            }
        };
        Ok(Some(answer))
    }

    /// Puts `id` into the line of those who wait for the end of `other`.
    fn join(&mut self, id: TaskId, other: TaskId) -> Option<Answer> {
        if !self.stacks.contains_key(&other) {
            return Some(Answer::Nothing);
        }
        let number = self.number();
        self.stack(other).joiners.insert(number, id);
        self.park(id, Waits::End(other, number))
    }

    fn spawn(&mut self, routine: Routine, end: Rc<End>) -> TaskId {
        let id = TaskId(self.number());
        let stack = Stack {
            routines: vec![routine],
            next: Ok(Answer::Nothing),
            waits: None,
            unparked: false,
            joiners: BTreeMap::new(),
            end,
        };
        self.stacks.insert(id, stack);
        self.ready.push_back(id);
        id
    }

    /// Has `id` wait.
    fn park(&mut self, id: TaskId, waits: Waits) -> Option<Answer> {
        self.stack(id).waits = Some(waits);
        None
    }

    /// Has `id` go on with `next`.
    fn wake(&mut self, id: TaskId, next: Result<Answer, Failure>) {
        let stack = self.stack(id);
        (stack.waits, stack.next) = (None, next);
        self.ready.push_back(id);
    }

    fn unpark(&mut self, id: TaskId) -> Answer {
        match self.stacks.get_mut(&id) {
            Some(Stack { waits: Some(Waits::Unpark), .. }) => {
                self.wake(id, Ok(Answer::Nothing));
            }
            Some(stack) => stack.unparked = true,
            None => {}
        }
        Answer::Nothing
    }

    /// Takes `id` away from where it waits, if it has not ended.
    fn cancel(&mut self, id: TaskId) -> Answer {
        let Some(stack) = self.stacks.get_mut(&id) else { return Answer::Nothing };
        match stack.waits {
            None => {
                stack.next = Err(Cancelled.into());
                return Answer::Nothing;
            }
            Some(Waits::Timer(timer)) => drop(self.reactor.cancel(timer)),
            Some(Waits::Socket(key, direction)) => {
                self.reactor.stop_waiting(key, direction);
            }
            Some(Waits::End(other, number)) => {
                self.stack(other).joiners.remove(&number);
            }
            Some(Waits::Unpark) => {}
        }
        self.wake(id, Err(Cancelled.into()));
        Answer::Nothing
    }

    /// Has everybody who joined `id` go on.
    fn end(&mut self, id: TaskId, failure: Option<Failure>) {
        let stack = self.stacks.remove(&id).expect("a task ends once");
        stack.end.0.replace(failure);
        for joiner in stack.joiners.values() {
            self.wake(*joiner, Ok(Answer::Nothing));
        }
    }

    fn stack(&mut self, id: TaskId) -> &mut Stack {
        self.stacks.get_mut(&id).expect("it is running or waits, and has not ended")
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Stack {
    /// Resumes the routine on top. A callee hands its errors to its caller; what ended it in
    /// another way, as a panic, is raised there. `Err`: nobody is left.
    fn resume(&mut self) -> Result<Step<Request, ()>, Failure> {
        let mut next = mem::replace(&mut self.next, Ok(Answer::Nothing));
        while let Some(top) = self.routines.last() {
            let resumed = guard(|| match next {
                Ok(_) if top.state() == State::Created => top.start(),
                Ok(answer) => top.resume(answer),
                Err(failure) => top.throw(failure),
            });
            match resumed.and_then(|step| step) {
                Ok(step) => return Ok(step),
                Err(failure) => next = Err(failure),
            }
            drop(self.routines.pop());
        }
        Err(next.expect_err("there was somebody, whom it has ended"))
    }
}

/// A task that is given up half-way is closed from the top: a callee before its caller.
impl Drop for Stack {
    fn drop(&mut self) {
        while let Some(top) = self.routines.pop() {
            drop(top);
        }
    }
}

impl End {
    /// What ended the task. It counts as handled then.
    pub(crate) fn take(&self) -> Option<Failure> {
        self.0.take()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Some(failure) = self.0.take().filter(|it| !it.is::<Cancelled>()) {
            report(format_args!("Unhandled error in a routine: {failure}"));
        }
    }
}
