//! `lineage ps` and `lineage top`, on a program that runs in a process of its own.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use stage5_asyncio::debug::serve;
use stage5_asyncio::queues::Queue;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop, run};

use super::terminal::{stop, terminal};
use super::{lineage, send};

/// Something must be wrong after that.
const PATIENCE: Duration = Duration::from_mins(1);

/// No program writes that.
const LAST: &str = "\x07";

/// Tells a child that it is one.
const CHILD: &str = "LINEAGE_TEST_SHOWS_ITS_TASKS";

/// The program that is looked into. For everybody else, there is nothing to see.
#[test]
#[allow(clippy::print_stdout, reason = "it tells its parent")]
fn a_child_that_shows_its_tasks() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let _serving = serve().unwrap();
    run(async {
        let far = create_task(async { sleep(Duration::from_hours(1)).await });
        let waits = create_task(async move { far.named("the far one").await });
        drop(waits.named("who waits"));
        let busy = async {
            loop {
                sleep(Duration::from_millis(1)).await;
            }
        };
        drop(create_task(busy).named("the busy one"));
        let jobs = Rc::new(Queue::bounded(8));
        (0..3).for_each(|job| jobs.put_nowait(job).unwrap());
        get_running_loop().show_queue("jobs", &jobs);
        create_task(async { println!("\nready") }).await;
        sleep(Duration::from_hours(1)).await;
    })
    .unwrap();
}

/// A folder for sockets, and who shows its tasks there. Dropped, they are gone.
struct Place {
    folder: PathBuf,
    programs: Vec<Child>,
}

impl Place {
    fn new(name: &str, programs: usize) -> Self {
        let folder = env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut this = Self { folder, programs: Vec::new() };
        for _ in 0..programs {
            this.start();
        }
        this
    }

    fn start(&mut self) {
        let mut command = Command::new(env::current_exe().unwrap());
        let test = "looked_into::a_child_that_shows_its_tasks";
        command.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
        command.env("XDG_RUNTIME_DIR", &self.folder).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "ready"));
        self.programs.push(child);
    }

    fn pid(&self) -> u32 {
        self.programs[0].id()
    }

    fn lineage(&self, args: &str) -> Command {
        let mut command = lineage(args);
        command.env("XDG_RUNTIME_DIR", &self.folder);
        command
    }

    /// What it prints, what it says on stderr, and its status.
    fn run(&self, args: &str) -> (String, String, i32) {
        let output = self.lineage(args).output().unwrap();
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        (stdout, stderr, output.status.code().unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for program in &mut self.programs {
            let _ = program.kill();
            let _ = program.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn ps_shows_the_tree_of_a_program_that_runs() {
    let place = Place::new("ps", 1);
    let pid = place.pid();
    let (shown, stderr, status) = place.run(&format!("ps {pid}"));
    assert_eq!((&*stderr, status), ("", 0));
    assert!(shown.starts_with(&format!("{pid} ")), "{shown}");
    let who = shown.lines().position(|it| it.starts_with("who waits (")).unwrap();
    let below = shown.lines().nth(who + 1).unwrap();
    assert!(below.starts_with("└─ the far one ("), "{shown}");
    assert!(below.contains(&format!(" waits for the clock at {}:", file!())), "{shown}");
    assert!(shown.contains("\nqueue jobs: 3 of 8 items\n"), "{shown}");

    let (listed, ..) = place.run("ps");
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 2, "{listed}");
    assert!(lines[1].trim_start().starts_with(&format!("{pid} ")), "{listed}");

    let (json, ..) = place.run(&format!("ps {pid} --json"));
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["pid"], pid);
    assert_eq!(json["loops"][0]["tasks"].as_array().unwrap().len(), 4);
}

#[test]
fn where_there_is_nothing_to_see_it_is_said_why() {
    let place = Place::new("no-ps", 0);
    let (listed, stderr, status) = place.run("ps");
    assert_eq!((&*stderr, status), ("", 0));
    assert!(listed.starts_with("no program shows its tasks; one that does"), "{listed}");
    assert_eq!(place.run("ps --json").0, "[]\n");
    let (_, said, status) = place.run(&format!("ps {}", std::process::id()));
    assert_eq!(status, 1);
    assert!(said.contains("shows no tasks: it has to call debug::serve()"), "{said}");
    let (_, said, status) = place.run("ps 2147483646");
    assert_eq!((&*said, status), ("lineage: there is no process 2147483646\n", 1));
    let (_, said, status) = place.run("top");
    assert!(said.starts_with("lineage: no program shows its tasks"), "{said}");
    assert_eq!(status, 1);
}

#[test]
fn top_without_a_terminal_is_shown_once() {
    let mut place = Place::new("top-once", 1);
    let (shown, stderr, status) = place.run("top --every 0.1");
    assert_eq!((&*stderr, status), ("", 0));
    assert!(shown.starts_with(&format!("{} ", place.pid())), "{shown}");
    assert_eq!(shown.matches("polls/s, ").count(), 1, "{shown}");
    assert!(shown.contains("the busy one"), "{shown}");
    assert!(shown.contains("\nqueue jobs: 3 of 8 items\n"), "{shown}");
    place.start();
    let (_, said, status) = place.run("top");
    assert!(said.contains("several programs, say which: "), "{said}");
    assert_eq!(status, 2);
}

/// Somebody who sits in front of a `top`.
struct Person {
    end: File,
    programs: File,
    seen: Arc<Mutex<Vec<u8>>>,
    top: Child,
}

impl Person {
    fn watches(place: &Place) -> Self {
        let (end, programs) = terminal();
        resize(&end, 80, 24);
        let other = || programs.try_clone().unwrap();
        let mut command = place.lineage("top --every 0.05");
        command.stdin(other()).stdout(other()).stderr(other());
        let top = command.spawn().unwrap();
        let seen = Arc::<Mutex<Vec<u8>>>::default();
        thread::spawn({
            let (mut end, seen) = (end.try_clone().unwrap(), Arc::clone(&seen));
            move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = end.read(&mut buffer) {
                    seen.lock().unwrap().extend(&buffer[..count]);
                }
            }
        });
        let person = Self { end, programs, seen, top };
        person.wait_for(|seen| seen.contains("polls/s"));
        person
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, is_so: impl Fn(&str) -> bool) {
        let began = Instant::now();
        while !is_so(&self.seen()) {
            assert!(began.elapsed() < PATIENCE, "{:?}", self.seen());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn is_line_by_line(&self) -> bool {
        tcgetattr(&self.programs).unwrap().local_modes.contains(LocalModes::ICANON)
    }

    fn waits_until_line_by_line_is(&self, wanted: bool) {
        let began = Instant::now();
        while self.is_line_by_line() != wanted {
            assert!(began.elapsed() < PATIENCE, "line by line: not {wanted}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What was seen of all that was written until now: of a line that is written last, too.
    fn all_seen(&mut self) -> String {
        let before = self.seen().matches(LAST).count();
        self.programs.write_all(LAST.as_bytes()).unwrap();
        self.wait_for(|seen| seen.matches(LAST).count() > before);
        self.seen().replace(LAST, "")
    }

    fn end(mut self) -> (String, Option<i32>) {
        let status = self.top.wait().unwrap();
        assert!(self.is_line_by_line(), "the terminal is as it was");
        let modes = tcgetattr(&self.programs).unwrap().local_modes;
        assert!(modes.contains(LocalModes::ECHO), "what is typed is seen");
        (self.all_seen(), status.code())
    }
}

fn resize(terminal: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).unwrap();
}

#[test]
fn top_is_drawn_over_itself_and_left_with_a_q() {
    let place = Place::new("top-q", 1);
    let mut person = Person::watches(&place);
    person.wait_for(|seen| seen.matches("polls/s").count() > 2);
    let seen = person.seen();
    assert!(seen.contains("A\r\x1b[J"), "over itself: {seen:?}");
    assert!(!seen.contains("\x1b[2J"), "and not over what was there: {seen:?}");
    for line in seen.lines() {
        let line = line.rsplit("\x1b[J").next().unwrap().trim_end();
        assert!(line.chars().count() < 80, "{line:?}");
    }
    person.end.write_all(b"xq").unwrap();
    let (seen, status) = person.end();
    assert_eq!(status, Some(0), "{seen}");
}

#[test]
fn top_fits_the_terminal_whatever_its_size_becomes() {
    let place = Place::new("top-size", 1);
    let mut person = Person::watches(&place);
    resize(&person.end, 40, 8);
    person.wait_for(|seen| seen.contains("\x1b[2J\x1b[H"));
    person.wait_for(|seen| {
        seen.rsplit("\x1b[2J\x1b[H").next().unwrap().contains("more\r\n")
    });
    person.end.write_all(b"q").unwrap();
    let (seen, status) = person.end();
    assert_eq!(status, Some(0));
    let after = seen.rsplit("\x1b[2J\x1b[H").next().unwrap();
    let first = after.split("\x1b[").next().unwrap();
    assert_eq!(first.lines().count(), 7, "one is the cursor's: {first:?}");
    assert!(first.lines().all(|line| line.chars().count() < 40), "{first:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn top_gives_the_terminal_back_when_it_is_stopped_and_at_ctrl_c() {
    let place = Place::new("top-z", 1);
    let mut person = Person::watches(&place);
    assert!(!person.is_line_by_line());
    for _ in 0..2 {
        stop(&person.top);
        assert!(person.is_line_by_line());
        person.all_seen();
        let before = person.seen().len();
        send("CONT", &person.top);
        person.waits_until_line_by_line_is(false);
        person.wait_for(|seen| seen[before..].matches("polls/s").count() > 1);
        let anew = &person.seen()[before..];
        let first = anew.split("polls/s").next().unwrap();
        assert!(!first.contains("A\r\x1b[J"), "below what a shell said: {first:?}");
    }
    send("INT", &person.top);
    let (_, status) = person.end();
    assert_eq!(status, Some(130));
}

#[test]
fn top_ends_with_the_program() {
    let mut place = Place::new("top-end", 1);
    let person = Person::watches(&place);
    place.programs[0].kill().unwrap();
    let (seen, status) = person.end();
    assert_eq!(status, Some(1));
    assert!(seen.ends_with("lineage: the program has ended\r\n"), "{seen:?}");
}

/// `lineage run` of a server in style asyncio, as it is looked into.
struct Served {
    place: Place,
    address: SocketAddr,
    stderr: BufReader<ChildStderr>,
}

impl Served {
    fn start(program: &str) -> Self {
        let mut place = Place::new(&format!("run-{program}"), 0);
        let mut command = place.lineage(&format!("run {program} --style asyncio"));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let address = first.strip_prefix("listening on ").unwrap();
        let address =
            address.strip_suffix(", in style asyncio").unwrap().parse().unwrap();
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        place.programs.push(child);
        Self { place, address, stderr }
    }

    /// Somebody who has said a line, and has heard as much.
    fn client(&self, line: &str) -> TcpStream {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(line.as_bytes()).unwrap();
        let mut heard = vec![0; line.len()];
        client.read_exact(&mut heard).unwrap();
        client
    }

    fn ps(&self) -> String {
        let (shown, stderr, status) = self.place.run(&format!("ps {}", self.place.pid()));
        assert_eq!((&*stderr, status), ("", 0));
        shown
    }

    /// What it says at a Ctrl-\, as long as `ps` did.
    fn at_ctrl_backslash(&mut self, lines: usize) -> String {
        send("QUIT", &self.place.programs[0]);
        let mut said = String::new();
        for _ in 0..lines {
            self.stderr.read_line(&mut said).unwrap();
        }
        said
    }

    /// Ctrl-C: it ends well, and has left nothing to look into.
    fn ends(mut self) {
        send("INT", &self.place.programs[0]);
        assert!(self.place.programs[0].wait().unwrap().success());
        let folder = self.place.folder.join("lineage");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }
}

#[test]
fn an_echo_server_is_looked_into_and_goes_on() {
    let mut served = Served::start("echo");
    let clients = ["one\n", "two\n", "three\n"].map(|it| served.client(it));
    let shown = served.ps();
    assert!(shown.contains(": 4 tasks, 0 ready, 0 timers, 4 sockets\n"), "{shown}");
    let line = "echo.rs:";
    let is_one = |it: &&str| {
        it.contains(" (echo) waits for data from a stream at ") && it.contains(line)
    };
    assert_eq!(shown.lines().filter(is_one).count(), 3, "{shown}");
    assert_eq!(served.at_ctrl_backslash(shown.lines().count()), shown);
    drop(clients);
    drop(served.client("four\n"));
    served.ends();
}

#[test]
fn a_chat_is_looked_into_and_goes_on() {
    let mut served = Served::start("chat");
    // It asks for a name, and says who has come.
    let guest = served.client("ann\n");
    let shown = served.ps();
    // Its members are protocols, and no tasks.
    assert!(shown.contains(": 1 task, 0 ready, 0 timers, 2 sockets\n"), "{shown}");
    assert!(shown.contains("(serve) waits for "), "{shown}");
    assert_eq!(served.at_ctrl_backslash(shown.lines().count()), shown);
    drop(served.client("bob\n"));
    drop(guest);
    served.ends();
}
