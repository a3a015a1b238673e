//! Shows the book: a small server on this machine only, which builds again when something
//! changes, lets the open pages know, runs our programs again as their knobs are turned, and the
//! reader's as they are saved.

mod desk;
mod http;
mod runs;
mod watch;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use lineage::error::Error;
use lineage::interrupt;
use lineage::output::Output;

use self::desk::Exercises;
use self::http::Request;
use self::runs::Runs;
use crate::build::{Built, build};
use crate::places::Places;
use crate::problem;

/// How many requests may be under way at once. A browser has six.
const MOST_AT_ONCE: usize = 256;

/// Where a run is asked for.
const RUN: &str = "/.run";

/// Where it is asked which knobs one has.
const KNOBS: &str = "/.knobs";

/// Where it is asked how an exercise stands.
const EXERCISE: &str = "/.exercise";

/// How long after Ctrl-C what runs may take to be ended.
const GRACE: Duration = Duration::from_secs(1);

/// How often to look for changes.
const PAUSE: Duration = Duration::from_millis(300);

/// What all connections share.
#[derive(Debug)]
struct Shared {
    /// Where we listen.
    address: SocketAddr,
    folder: PathBuf,
    /// Goes up with each build. Open pages ask for it.
    version: AtomicU64,
    /// Held while pages are written, so that nobody gets half of one.
    writing: RwLock<()>,
    runs: Runs,
    exercises: Arc<Exercises>,
}

/// Builds and serves until Ctrl-C.
///
/// # Errors
///
/// Fails when the book cannot be built at first, or when the port is taken.
pub fn serve(
    book: &Path,
    port: u16,
    open: bool,
    output: &mut Output,
) -> Result<(), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| Error::Failure(format!("port {port}: {error}")))?;
    let address = listener.local_addr().map_err(Error::failure)?;
    let places = Places::of(book).map_err(Error::Failure)?;
    let mut watch = watch::Watch::around(book)?;
    let built = build_and_tell(book, output)?;
    watch.leave_out(&built.folder);
    let shared = Arc::new(Shared {
        address,
        folder: built.folder,
        version: AtomicU64::new(0),
        writing: RwLock::new(()),
        runs: Runs::default(),
        exercises: Arc::new(Exercises::of(book, places.workspace())),
    });
    let all = Arc::clone(&shared);
    interrupt::on_interrupt(move || {
        all.stop();
        std::process::exit(0);
    })?;
    let url = format!("http://{address}/");
    output.line(format_args!("the book is at {url} (Ctrl-C ends it)"))?;
    if open && let Err(error) = open_browser(&url) {
        output.line(format_args!("cannot open a browser: {error}"))?;
    }
    let connections = Arc::clone(&shared);
    thread::spawn(move || accept(&listener, &connections));
    let end = rebuild_on_change(book, watch, &shared, output);
    shared.stop();
    end
}

impl Shared {
    /// Leaves no process behind.
    fn stop(&self) {
        self.runs.stop();
        self.exercises.stop();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            thread::sleep(PAUSE); // there are no descriptors: somebody may leave
            continue;
        };
        let shared = Arc::clone(shared);
        if Arc::strong_count(&shared) > MOST_AT_ONCE {
            continue; // a browser that is let down asks again
        }
        // Whoever goes away in the middle of an answer does not want it.
        thread::spawn(move || drop(answer(&stream, &shared)));
    }
}

fn answer(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let request = Request::read(stream)?;
    if let Some(refusal) = request.refusal(shared.address) {
        return request.reply(&refusal, stream);
    }
    match request.path() {
        RUN if request.is_question() => {
            let figure = shared.runs.figure(request.query());
            return request.reply(&figure, stream);
        }
        EXERCISE if request.is_question() => {
            let version = shared.version.load(Ordering::SeqCst);
            let told = shared.exercises.answer(request.query(), version);
            return request.reply(&told, stream);
        }
        KNOBS if request.is_question() => {
            return request.reply(&Runs::knobs(request.query()), stream);
        }
        _ => {}
    }
    // Not a moment longer: whoever is slow to ask or to listen must not keep the pages.
    let reading = shared.writing.read();
    let version = shared.version.load(Ordering::SeqCst);
    let answer = request.answer(&shared.folder, version);
    drop(reading);
    request.reply(&answer, stream)
}

/// Never comes back, but for a closed stdout.
fn rebuild_on_change(
    book: &Path,
    mut watch: watch::Watch,
    shared: &Shared,
    output: &mut Output,
) -> Result<(), Error> {
    loop {
        thread::sleep(PAUSE);
        if !watch.has_changed() {
            continue;
        }
        let writing = shared.writing.write();
        // What cannot be built now may be built after the next change.
        match build_and_tell(book, output) {
            Err(error @ Error::ReaderLeft) => return Err(error),
            Err(error) => output.line(error)?,
            Ok(_) => {}
        }
        shared.version.fetch_add(1, Ordering::SeqCst);
        drop(writing);
    }
}

fn build_and_tell(book: &Path, output: &mut Output) -> Result<Built, Error> {
    let began = Instant::now();
    let mut built = build(book, None)?;
    if !built.problems.is_empty() {
        output.line(problem::list(&mut built.problems))?;
    }
    let seconds = began.elapsed().as_secs_f64();
    output.line(format_args!("{} pages in {seconds:.2} s", built.pages))?;
    Ok(built)
}

fn open_browser(url: &str) -> std::io::Result<()> {
    let command = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut browser = Command::new(command);
    browser.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    browser.spawn().map(drop)
}
