//! A program that shows its tasks to other processes of its user, and to whoever presses Ctrl-\.

use std::env;
use std::fmt;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use signal_hook::consts::SIGQUIT;
use signal_hook::iterator::{Handle, Signals};

use super::look::{Question, own_path};
use super::watch::{Counting, Public, running_loops};
use super::{ENVIRONMENT, Process, Tree, tree};
use crate::event_loop::try_current;

/// How long a loop may take to come round.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is open in this process, if anything.
static OPEN: Mutex<Weak<Door>> = Mutex::new(Weak::new());

/// As long as one of these is there, the program shows its tasks. Clones are the same.
#[derive(Clone, Debug)]
pub struct Serving(Arc<Door>);

struct Door {
    path: PathBuf,
    /// Set by the drop.
    is_over: Arc<AtomicBool>,
    signals: Handle,
}

/// Shows the tasks of all loops of this process to whoever asks: `lineage ps` and `lineage top`
/// in another terminal, by a Unix socket in a folder of this user's (below `XDG_RUNTIME_DIR`,
/// or the folder for temporary files); and Ctrl-\ (SIGQUIT) in this one, which then no longer
/// ends the process. Two threads sleep until somebody asks. To call it twice is fine.
///
/// [`run`](crate::run) does it by itself when the environment asks for debug mode.
///
/// # Errors
///
/// What opening the socket answers; `PermissionDenied` where the folder is not this user's
/// alone.
pub fn serve() -> io::Result<Serving> {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(door) = open.upgrade() {
        return Ok(Serving(door));
    }
    let door = Arc::new(Door::open()?);
    *open = Arc::downgrade(&door);
    Ok(Serving(door))
}

/// The same if the environment asks for it. What goes wrong there does not stop the program.
pub(crate) fn serve_if_asked() -> Option<Serving> {
    let is_asked = env::var_os(ENVIRONMENT).is_some_and(|it| !it.is_empty() && it != "0");
    is_asked.then(|| serve().ok()).flatten()
}

impl Serving {
    /// Where the socket is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }
}

impl Door {
    fn open() -> io::Result<Self> {
        let path = own_path()?;
        // One of an earlier process with this number.
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let mut signals = Signals::new([SIGQUIT])?;
        let handle = signals.handle();
        let is_over = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&is_over);
        start("asyncio ps", move || welcome(&listener, &tell))?;
        start("asyncio signal", move || {
            for _ in signals.forever() {
                // Where there is no stderr, there is nobody to show it to.
                let _ = write!(io::stderr(), "{}", look(&running_loops()));
            }
        })?;
        Ok(Self { path, is_over, signals: handle })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.signals.close();
        self.is_over.store(true, Ordering::Release);
        // Has the thread look up, and see that it is over.
        drop(UnixStream::connect(&self.path));
        let _ = fs::remove_file(&self.path);
    }
}

fn start(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(body).map(drop)
}

/// Each visitor has a thread: one may stay, and watch.
fn welcome(listener: &UnixListener, is_over: &AtomicBool) {
    for visitor in listener.incoming() {
        if is_over.load(Ordering::Acquire) {
            return;
        }
        // Out of descriptors, or of threads: this one has to come again.
        let Ok(visitor) = visitor else { continue };
        let _ = start("asyncio ps", move || drop(answer(&visitor)));
    }
}

/// Answers until the visitor leaves.
fn answer(visitor: &UnixStream) -> io::Result<()> {
    let mut counting = None;
    for line in BufReader::new(visitor).lines() {
        let line = line?;
        let asked = Question::ALL.into_iter().find(|it| it.word() == line);
        match asked {
            Some(Question::Counted) => drop(counting.get_or_insert_with(Counting::begin)),
            Some(Question::Tree) => {}
            None => return Ok(()),
        }
        let mut text = serde_json::to_string(&look(&running_loops()))?;
        text.push('\n');
        let mut visitor = visitor;
        visitor.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Asks all loops, each on its own thread.
fn look(loops: &[Arc<Public>]) -> Process {
    let asked: Vec<_> = loops.iter().map(|it| (it, ask(it))).collect();
    let trees = asked.into_iter().filter_map(|(it, answer)| answered(it, &answer));
    let program = env::args_os().map(|it| it.to_string_lossy().into_owned());
    let program = program.collect::<Vec<_>>().join(" ");
    Process { pid: process::id(), program, loops: trees.collect() }
}

fn ask(public: &Public) -> Receiver<Tree> {
    let (tell, answer) = channel();
    public.remote.try_call_soon(move || {
        if let Some(event_loop) = try_current() {
            event_loop.0.watch.is_look.set(true);
            // Whoever asked may have lost patience.
            let _ = tell.send(tree(&event_loop));
        }
    });
    answer
}

/// `None`: the loop has ended meanwhile.
fn answered(public: &Public, answer: &Receiver<Tree>) -> Option<Tree> {
    match answer.recv_timeout(PATIENCE) {
        Ok(tree) => Some(tree),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => Some(Tree {
            thread: public.thread.clone(),
            stuck: Some(public.stuck()),
            ..Tree::default()
        }),
    }
}

impl Public {
    /// What keeps the loop, as far as that is known.
    fn stuck(&self) -> String {
        let running = *self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running {
            Some((job, since)) => {
                let seconds = since.elapsed().as_secs_f64();
                format!("it is kept, for {seconds:.1} s now, by {job}")
            }
            None => format!(
                "it does not come round; with {ENVIRONMENT}=1 it would be known what keeps it"
            ),
        }
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("path", &self.path).finish_non_exhaustive()
    }
}
