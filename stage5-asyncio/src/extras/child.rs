//! A process that was started, and whoever reaps it.

use std::cell::RefCell;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Command, ExitStatus};
use std::rc::Rc;
use std::thread;

use reactor::trace;
use reactor::{Descriptor, Direction};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::event_loop::EventLoop;
use crate::events::{Handle, Ready, get_running_loop};
use crate::extras::report::report;
use crate::futures::Future;
use crate::threads::ThreadPoolExecutor;

/// A process, as long as it can be sent signals, and how it ended.
pub(crate) struct Child {
    pid: u32,
    /// Gone once it is reaped: from then on its number may be somebody else's.
    unreaped: RefCell<Option<process::Child>>,
    /// Set as it is reaped.
    ended: Future<ExitStatus>,
}

impl Child {
    /// Starts it: unless nobody could wait for it here.
    pub(crate) fn spawn(
        event_loop: &EventLoop,
        mut command: Command,
    ) -> io::Result<process::Child> {
        let (probe, _) = io::pipe()?;
        event_loop.reactor().watch(probe.into()).map_err(|error| {
            let message = format!("this loop cannot wait for processes: {error}");
            io::Error::new(error.kind(), message)
        })?;
        command.spawn().map_err(|error| {
            let program = command.get_program().display();
            io::Error::new(error.kind(), format!("{program} cannot be started: {error}"))
        })
    }

    /// Has the loop reap it, whoever else is interested.
    pub(crate) fn watch(event_loop: &EventLoop, child: process::Child) -> Rc<Self> {
        let this = Rc::new(Self {
            pid: child.id(),
            ended: event_loop.create_future(),
            unreaped: RefCell::default(),
        });
        let descriptor = descriptor(event_loop, &child);
        this.unreaped.replace(Some(child));
        let reaper = Reaper(Rc::clone(&this));
        match descriptor {
            Ok(descriptor) => reaper.wait(event_loop, descriptor),
            Err(_) => reaper.wait_on_a_thread(event_loop),
        }
        this
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn ended(&self) -> &Future<ExitStatus> {
        &self.ended
    }

    pub(crate) fn status(&self) -> Option<ExitStatus> {
        self.ended.result().ok()
    }

    pub(crate) fn send_signal(&self, signal: i32) -> io::Result<()> {
        let Some(signal) = Signal::from_named_raw(signal) else {
            let message = format!("{signal} is the number of no signal");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let unreaped = self.unreaped.borrow();
        let Some(child) = &*unreaped else {
            let message = format!("process {} has ended", self.pid);
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        };
        Ok(kill_process(Pid::from_child(child), signal)?)
    }

    /// `false`: it has not ended.
    fn reap(&self) -> bool {
        let mut unreaped = self.unreaped.borrow_mut();
        let Some(child) = &mut *unreaped else { return true };
        let status = match child.try_wait() {
            Ok(None) => return false,
            Ok(Some(status)) => status,
            Err(error) => {
                // Somebody else has waited for it. CPython says 255 then, and warns.
                report(format_args!(
                    "How process {} ended is not known: {error}",
                    self.pid
                ));
                ExitStatus::from_raw(255 << 8)
            }
        };
        *unreaped = None;
        drop(unreaped);
        self.ended.set_result(status).expect("it is reaped once");
        true
    }
}

/// Something that is readable once the process has ended.
#[cfg(target_os = "linux")]
fn descriptor(
    event_loop: &EventLoop,
    child: &process::Child,
) -> io::Result<Descriptor<Ready>> {
    event_loop.reactor().watch_child(child)
}

/// Something that is readable once the process has ended.
#[cfg(not(target_os = "linux"))]
fn descriptor(_: &EventLoop, _: &process::Child) -> io::Result<Descriptor<Ready>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// What the loop holds until a process has ended. Dropped before, because the loop was closed,
/// it leaves the process to a thread, so that it is reaped all the same.
struct Reaper(Rc<Child>);

impl Reaper {
    /// Waits in the reactor.
    fn wait(self, event_loop: &EventLoop, descriptor: Descriptor<Ready>) {
        let key = descriptor.key();
        let handle = Handle::new(
            move || {
                if !self.0.reap() {
                    self.wait(&get_running_loop(), descriptor);
                }
            },
            trace::left_behind,
        );
        let displaced =
            event_loop.reactor().wait_for(key, Direction::Read, Ready::call(handle));
        drop(displaced);
    }

    /// Has a thread wait, which does not reap: only so are signals sent to nobody else.
    fn wait_on_a_thread(self, event_loop: &EventLoop) {
        let pid =
            Pid::from_raw(self.0.pid.cast_signed()).expect("no process is number 0");
        let thread = ThreadPoolExecutor::new(1);
        let ended = event_loop.run_in_executor(Some(&thread), move || {
            let only_wait = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            waitid(WaitId::Pid(pid), only_wait).map(drop)
        });
        ended.add_done_callback(move |_| _ = self.0.reap());
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.unreaped.take() {
            thread::spawn(move || child.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;

    /// A process for which a thread waits, as it is where there is no descriptor for one.
    fn by_a_thread(line: &str) -> Rc<Child> {
        let event_loop = get_running_loop();
        let mut command = Command::new("/bin/sh");
        command.args(["-c", line]);
        let std = Child::spawn(&event_loop, command).unwrap();
        let child = Rc::new(Child {
            pid: std.id(),
            ended: event_loop.create_future(),
            unreaped: RefCell::new(Some(std)),
        });
        Reaper(Rc::clone(&child)).wait_on_a_thread(&event_loop);
        child
    }

    #[test]
    fn a_thread_can_wait_for_a_process_too() {
        run(async {
            let child = by_a_thread("exit 7");
            assert_eq!(child.ended().clone().await.code(), Some(7));
            assert!(child.unreaped.borrow().is_none());
        })
        .unwrap();
    }

    #[test]
    fn the_end_of_the_loop_leaves_it_to_another_thread() {
        let child = run(async { by_a_thread("exec sleep 0.1") }).unwrap();
        assert!(child.status().is_none());
        assert!(child.unreaped.borrow().is_none(), "it is reaped elsewhere");
    }
}
