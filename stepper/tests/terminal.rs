//! However the stepper ends, it leaves the terminal as it was.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use stepper::terminal::Screen;

/// Something must be wrong after that.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tells the child of a test what it is.
const PANICS: &str = "STEPPER_TEST_PANICS";

/// The terminal that a child thinks it is in.
struct Emulator {
    master: File,
    slave: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Emulator {
    fn new() -> Self {
        let (master, slave) = pair();
        let shown = Arc::default();
        thread::spawn({
            let (mut master, shown) = (master.try_clone().unwrap(), Arc::clone(&shown));
            move || collect(&mut master, &shown)
        });
        Self { master, slave, shown }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.shown().contains(text) {
            assert!(began.elapsed() < PATIENCE, "no {text:?} in {:?}", self.shown());
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    fn modes(&self) -> String {
        let Termios { input_modes, output_modes, control_modes, local_modes, .. } =
            tcgetattr(&self.slave).unwrap();
        format!("{input_modes:?} {output_modes:?} {control_modes:?} {local_modes:?}")
    }
}

/// The emulator's end of a terminal, and the children's.
fn pair() -> (File, File) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    // Nobody else is to keep it open.
    fcntl_setfd(&master, FdFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let path = Path::new(OsStr::from_bytes(name.as_bytes()));
    let slave = File::options().read(true).write(true).open(path).unwrap();
    let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();
    (File::from(master), slave)
}

fn start(mut command: Command, terminal: &File) -> Child {
    let terminal = || terminal.try_clone().unwrap();
    command.env("TERM", "xterm").env_remove("NO_COLOR");
    command.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap()
}

fn collect(master: &mut File, shown: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        shown.lock().unwrap().extend(&buffer[..count]);
    }
}

fn end_of(mut child: Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn stepper() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_stepper"));
    command.arg(root.join("tests/fixtures/countdown.json"));
    command
}

/// Runs the stepper, ends it, and looks at what it leaves.
fn leaves_it_as_it_was(end: impl FnOnce(&mut Emulator, Pid)) -> i32 {
    let mut emulator = Emulator::new();
    let before = emulator.modes();
    let child = start(stepper(), &emulator.slave);
    emulator.wait_for("1/38");
    assert_ne!(emulator.modes(), before, "it reads key by key");
    end(&mut emulator, Pid::from_child(&child));
    let status = end_of(child);
    assert_eq!(emulator.modes(), before);
    is_back(&emulator);
    status.code().expect("it was not killed")
}

/// The screen from before is there, and so is the cursor. Whoever has stopped or ended may have
/// said so before the emulator heard of it.
fn is_back(emulator: &Emulator) {
    wait_until("the screen from before does not come back", || {
        let shown = emulator.shown();
        let last = |sequence: &str| shown.rfind(sequence).unwrap_or_default();
        last("\u{1b}[?1049l") > last("\u{1b}[?1049h")
            && last("\u{1b}[?25h") >= last("\u{1b}[?25l")
    });
}

#[test]
fn after_q() {
    assert_eq!(leaves_it_as_it_was(|terminal, _| terminal.type_in("q")), 0);
}

#[test]
fn after_control_c() {
    assert_eq!(leaves_it_as_it_was(|terminal, _| terminal.type_in("\u{3}")), 130);
}

#[test]
fn after_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let kill = |_: &mut Emulator, id| kill_process(id, signal).unwrap();
        assert_eq!(leaves_it_as_it_was(kill), 130, "{signal:?}");
    }
}

#[test]
fn after_a_signal_while_it_plays() {
    let end = |terminal: &mut Emulator, id| {
        terminal.type_in(" ");
        terminal.wait_for("playing");
        kill_process(id, Signal::TERM).unwrap();
    };
    assert_eq!(leaves_it_as_it_was(end), 130);
}

/// What `ps` says of a process: `T` is stopped, `S` sleeps.
fn state(id: Pid) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.as_raw_nonzero()));
    let stat = stat.unwrap();
    let (_name, rest) = stat.rsplit_once(") ").unwrap();
    rest.chars().next().unwrap()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// By the key, in a process group of its own as a shell makes one; and by a signal.
#[test]
#[cfg(target_os = "linux")]
fn a_stop_gives_the_terminal_back_and_going_on_draws_it_anew() {
    for by_key in [true, false] {
        let mut emulator = Emulator::new();
        let before = emulator.modes();
        let mut command = stepper();
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = start(command, &emulator.slave);
        let id = Pid::from_child(&child);
        emulator.wait_for("1/38");
        let taken = emulator.modes();
        for _ in 0..2 {
            if by_key {
                emulator.type_in("\u{1a}");
            } else {
                kill_process(id, Signal::TSTP).unwrap();
            }
            wait_until("it does not stop", || state(id) == 'T');
            assert_eq!(emulator.modes(), before, "while it is stopped");
            is_back(&emulator);
            emulator.shown.lock().unwrap().clear();
            kill_process(id, Signal::CONT).unwrap();
            emulator.wait_for("\u{1b}[?1049h");
            emulator.wait_for("1/38");
            wait_until("it reads line by line", || emulator.modes() == taken);
        }
        emulator.type_in("q");
        assert_eq!(end_of(child).code(), Some(0));
        assert_eq!(emulator.modes(), before);
    }
}

/// crossterm reads a terminal that is gone for ever.
#[test]
fn it_ends_with_its_terminal() {
    let (mut master, slave) = pair();
    let child = start(stepper(), &slave);
    let (mut shown, mut buffer) = (String::new(), [0; 4096]);
    while !shown.contains("1/38") {
        let count = master.read(&mut buffer).unwrap();
        shown.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    drop(master);
    assert_eq!(end_of(child).code(), Some(130));
}

#[test]
fn after_a_panic() {
    let emulator = Emulator::new();
    let before = emulator.modes();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "in_a_child_the_screen_panics", "--nocapture"]);
    child.env(PANICS, "yes");
    assert!(!end_of(start(child, &emulator.slave)).success());
    assert_eq!(emulator.modes(), before);
    emulator.wait_for("no terminal is harmed");
    is_back(&emulator);
    let shown = emulator.shown();
    let back = shown.find("\u{1b}[?1049l").unwrap();
    assert!(shown.find("no terminal is harmed").unwrap() > back, "it can be read");
}

/// Does something only for the test above.
#[test]
fn in_a_child_the_screen_panics() {
    if std::env::var_os(PANICS).is_some() {
        let _screen = Screen::open().unwrap();
        panic!("no terminal is harmed");
    }
}
