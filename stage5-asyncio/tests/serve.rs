//! A program that shows its tasks: asked from another process, over the real socket and by the
//! real signal.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a child tells its parent")]
#![allow(clippy::disallowed_methods, reason = "no loop runs in the parent")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stage5_asyncio::debug::{self, Connection, Process, Question, programs, serve};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop, run};

/// Something must be wrong after that.
const PATIENCE: Duration = Duration::from_mins(1);

const FAR: Duration = Duration::from_hours(1);

/// Tells a child what to do.
const CHILD: &str = "STAGE5_SERVE_CHILD";

/// What the children do. For everybody else, there is nothing to see.
#[test]
fn child() {
    match env::var(CHILD).as_deref() {
        Ok("serves") => {
            let serving = serve().unwrap();
            println!("path: {}", serving.path().display());
            run(waits_for_its_parent()).unwrap();
        }
        Ok("silent" | "asked") => {
            println!("path: none");
            run(waits_for_its_parent()).unwrap();
        }
        Ok("stuck") => {
            println!("path: none");
            let _serving = serve().unwrap();
            run(async {
                let until_closed = || drop(std::io::stdin().read_to_end(&mut Vec::new()));
                create_task(async move { until_closed() }).await;
            })
            .unwrap();
        }
        _ => {}
    }
}

/// Until stdin is closed.
async fn waits_for_its_parent() {
    let workers = (0..3).map(|n| {
        let far = async { sleep(FAR).await };
        create_task(far).named(format!("worker-{n}"))
    });
    let all = create_task(async { gather(workers.collect::<Vec<_>>()).await });
    let busy = create_task(async {
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    });
    drop((all.named("boss"), busy.named("busy")));
    let (remote, end) = (get_running_loop().remote(), get_running_loop().create_future());
    let ended = create_task({
        let end = end.clone();
        async move { end.await }
    });
    // A future stays on its thread: what the other one leaves is a callback.
    END.set(Some(end));
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        remote.call_soon_threadsafe(|| {
            let end = END.take().unwrap();
            end.set_result(()).unwrap();
        });
    });
    ended.named("until the end").await;
}

thread_local! {
    static END: std::cell::RefCell<Option<stage5_asyncio::futures::Future<()>>> =
        const { std::cell::RefCell::new(None) };
}

/// A child that is under way. Dropped, it is killed.
struct Started {
    child: Child,
    stdout: BufReader<ChildStdout>,
    path: String,
}

impl Started {
    fn new(what: &str, debug: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "child", "--nocapture"]).env(CHILD, what);
        command.env(debug::ENVIRONMENT, debug);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("path: ") {
            line.clear();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "it has ended");
        }
        let path = line.split("path: ").nth(1).unwrap().trim().to_owned();
        Self { child, stdout, path }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks until the answer is as it should be.
    fn ask_until(&self, is_so: impl Fn(&Process) -> bool) -> Process {
        let began = Instant::now();
        loop {
            let answer =
                Connection::to(self.pid()).and_then(|mut it| it.ask(Question::Tree));
            match answer {
                Ok(process) if is_so(&process) => return process,
                other => assert!(began.elapsed() < PATIENCE, "{other:?}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has it end by itself; gives what it said on stderr.
    fn end(mut self) -> String {
        drop(self.child.stdin.take());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let _ = self.stdout.read_to_end(&mut Vec::new());
        assert!(self.child.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All of the children's tasks wait.
fn is_there(process: &Process) -> bool {
    process.loops.iter().any(|it| it.tasks.iter().any(|it| it.name == "until the end"))
        && process.to_string().contains("worker-2")
}

#[test]
fn a_running_program_shows_its_tree_to_another_process() {
    let child = Started::new("serves", "");
    let process = child.ask_until(is_there);
    assert_eq!(process.pid, child.pid());
    assert!(process.program.contains("--exact child"), "{process}");
    let shown = process.to_string();
    assert!(shown.starts_with(&format!("{} ", child.pid())), "{shown}");
    assert!(shown.contains("\n├─ worker-0"), "below boss: {shown}");
    assert!(shown.contains(" waits for the clock at "), "{shown}");
    assert!(programs().unwrap().contains(&child.pid()));
    let path = child.path.clone();
    let folder = PathBuf::from(&path).parent().unwrap().metadata().unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700, "nobody else looks in");
    let said = child.end();
    assert_eq!(said, "");
    assert!(!fs::exists(path).unwrap(), "nothing is left behind");
}

#[test]
fn the_environment_opens_it_and_who_does_not_ask_is_not_shown() {
    let asked = Started::new("asked", "1");
    asked.ask_until(is_there);
    let silent = Started::new("silent", "0");
    let error = Connection::to(silent.pid()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let pid = silent.pid();
    let said = error.to_string();
    assert!(said.starts_with(&format!("process {pid} shows no tasks")), "{said}");
    assert!(said.ends_with("LINEAGE_ASYNCIO_DEBUG=1"), "{said}");
    drop(silent);
    let said = Connection::to(pid).unwrap_err().to_string();
    assert_eq!(said, format!("there is no process {pid}"));
    asked.end();
}

#[test]
fn what_a_killed_program_leaves_is_cleaned_up() {
    let mut child = Started::new("serves", "");
    child.ask_until(is_there);
    let mut connection = Connection::to(child.pid()).unwrap();
    child.child.kill().unwrap();
    child.child.wait().unwrap();
    let error = connection.ask(Question::Tree).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    assert!(fs::exists(&child.path).unwrap(), "it could not tidy up itself");
    assert!(!programs().unwrap().contains(&child.pid()));
    assert!(!fs::exists(&child.path).unwrap());
}

#[test]
fn ctrl_backslash_prints_the_tree_and_the_program_goes_on() {
    let mut child = Started::new("serves", "");
    child.ask_until(is_there);
    let pid = Pid::from_raw(child.pid().cast_signed()).unwrap();
    let lines = BufReader::new(child.child.stderr.take().unwrap()).lines();
    let (tell, told) = mpsc::channel();
    // A read has no deadline; to wait for somebody who reads has.
    thread::spawn(move || {
        let shown = lines.map_while(Result::ok).filter(|line| line.contains("worker-2"));
        shown.for_each(|line| drop(tell.send(line)));
    });
    for _ in 0..2 {
        kill_process(pid, Signal::QUIT).unwrap();
        let line = told.recv_timeout(PATIENCE).unwrap();
        assert!(line.contains("waits for the clock"), "{line}");
    }
    child.ask_until(is_there);
    drop(child.child.stdin.take());
    assert!(child.child.wait().unwrap().success());
}

#[test]
fn a_loop_that_does_not_come_round_is_told_of_and_in_debug_mode_what_keeps_it() {
    for (debug, said) in [
        ("", "it does not come round; with LINEAGE_ASYNCIO_DEBUG=1 it would be known"),
        ("1", "s now, by Task-2 (child), created at "),
    ] {
        let child = Started::new("stuck", debug);
        let is_stuck = |it: &Process| it.loops.iter().any(|it| it.stuck.is_some());
        let process = child.ask_until(is_stuck);
        assert!(process.to_string().contains(said), "{process}");
    }
}

/// A count is of what happens while somebody looks.
#[test]
fn counting_begins_with_whoever_looks_and_ends_with_them() {
    let child = Started::new("serves", "");
    let process = child.ask_until(is_there);
    assert_eq!(process.loops[0].tally, None, "nobody counts");
    let mut connection = Connection::to(child.pid()).unwrap();
    let mut ask = || connection.ask(Question::Counted).unwrap().loops.remove(0);
    let first = ask().tally.unwrap();
    let began = Instant::now();
    let last = loop {
        let tree = ask();
        if tree.tally.as_ref().unwrap().polls > first.polls + 2 {
            break tree;
        }
        assert!(began.elapsed() < PATIENCE, "{tree}");
        thread::sleep(Duration::from_millis(1));
    };
    let tally = last.tally.as_ref().unwrap();
    assert!(tally.busy > first.busy && tally.slowest.is_some(), "{tally:?}");
    let polls = |name| last.tasks.iter().find(|it| it.name == name).unwrap().polls;
    assert_eq!(polls("worker-0"), 0, "it only waits");
    assert!(polls("busy") > 2);
    drop(connection);
    child.ask_until(|it| it.loops[0].tally.is_none());
}

/// Two visitors at a time, and one who talks nonsense.
#[test]
fn visitors_do_not_disturb_each_other() {
    let child = Started::new("serves", "");
    child.ask_until(is_there);
    let mut stays = Connection::to(child.pid()).unwrap();
    stays.ask(Question::Counted).unwrap();
    let mut rude = UnixStream::connect(&child.path).unwrap();
    rude.write_all(b"frobnicate\n").unwrap();
    assert_eq!(rude.read(&mut [0]).unwrap(), 0, "it is shown the door");
    assert!(is_there(&Connection::to(child.pid()).unwrap().ask(Question::Tree).unwrap()));
    assert!(is_there(&stays.ask(Question::Counted).unwrap()));
    child.end();
}

#[test]
fn to_serve_twice_is_the_same_and_the_last_one_closes_it() {
    let (one, other) = (serve().unwrap(), serve().unwrap());
    assert_eq!(one.path(), other.path());
    let path = one.path().to_owned();
    drop(one);
    assert!(fs::exists(&path).unwrap());
    let own = Connection::to(std::process::id()).unwrap().ask(Question::Tree);
    assert_eq!(own.unwrap().loops.len(), 0, "no loop runs here");
    drop(other);
    assert!(!fs::exists(&path).unwrap());
}
