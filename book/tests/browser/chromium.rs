//! A Chromium without a window, spoken to through a pipe in its
//! `DevTools` protocol.
//!
//! With `--remote-debugging-pipe` it reads commands from descriptor 3 and writes answers and
//! events to descriptor 4: JSON, each ended by a zero byte. A shell moves our two pipes there.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use std::{env, fs, mem, thread};

use serde_json::{Value, json};

use crate::Answer;

/// What the program may be called.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// How long a command may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A browser with one tab.
#[derive(Debug)]
pub(crate) struct Chromium {
    process: Child,
    commands: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// What the browser told unasked, and nobody has looked at yet.
    events: Vec<Value>,
    tab: Option<String>,
    last: u64,
}

/// The browser of this machine: `CHROMIUM`, or the first of its names on the path.
pub(crate) fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<_> = env::split_paths(&path).collect();
    let all = NAMES.iter().flat_map(|name| folders.iter().map(move |it| it.join(name)));
    all.into_iter().find(|file| file.is_file())
}

impl Chromium {
    /// Starts it, with `profile` for its own files.
    pub(crate) fn start(program: &Path, profile: &Path) -> Answer<Self> {
        let mut process = command(program, profile)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let commands = process.stdin.take();
        let (sender, messages) = channel();
        if let Some(answers) = process.stdout.take() {
            thread::spawn(move || listen(answers, &sender));
        }
        let mut browser =
            Self { process, commands, messages, events: Vec::new(), tab: None, last: 0 };
        let opened = browser.open_tab();
        opened.map_err(|error| format!("{}: {error}", program.display()))?;
        Ok(browser)
    }

    fn open_tab(&mut self) -> Answer<()> {
        let target = self.call("Target.createTarget", json!({"url": "about:blank"}))?;
        let id = &target["targetId"];
        let session =
            self.call("Target.attachToTarget", json!({"targetId": id, "flatten": true}))?;
        self.tab = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Network", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        self.call("Emulation.setFocusEmulationEnabled", json!({"enabled": true}))?;
        Ok(())
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Answer<Value> {
        self.last += 1;
        let mut command = json!({"id": self.last, "method": method, "params": params});
        if let Some(tab) = &self.tab {
            command["sessionId"] = json!(tab);
        }
        let commands = self.commands.as_mut().ok_or("the browser has been closed")?;
        write!(commands, "{command}\0")
            .and_then(|()| commands.flush())
            .map_err(|error| format!("{method}: the browser is gone: {error}"))?;
        loop {
            let mut message = self.hear(method)?;
            if message["id"] == self.last {
                let error = &message["error"];
                return if error.is_null() {
                    Ok(message["result"].take())
                } else {
                    Err(format!("{method}: {error}"))
                };
            }
            self.events.push(message);
        }
    }

    /// Waits until the browser tells of that.
    pub(crate) fn wait_for(&mut self, event: &str) -> Answer<()> {
        while !self.events.iter().any(|it| it["method"] == event) {
            let message = self.hear(event)?;
            self.events.push(message);
        }
        Ok(())
    }

    /// Forgets what it told of that.
    pub(crate) fn forget(&mut self, event: &str) {
        self.events.retain(|it| it["method"] != event);
    }

    fn hear(&self, what: &str) -> Answer<Value> {
        let message = self.messages.recv_timeout(PATIENCE);
        message.map_err(|error| format!("{what}: nothing from the browser: {error}"))
    }

    /// What it told since the last time.
    pub(crate) fn events(&mut self) -> Vec<Value> {
        mem::take(&mut self.events)
    }
}

impl Drop for Chromium {
    /// A closed pipe ends it; whoever does not listen is killed.
    fn drop(&mut self) {
        _ = self.call("Browser.close", json!({}));
        self.commands = None;
        for _ in 0..50 {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

fn command(program: &Path, profile: &Path) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#])
        .arg(program)
        .args(["--headless=new", "--remote-debugging-pipe", "--no-first-run"])
        .args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if is_root() {
        command.arg("--no-sandbox"); // its sandbox does not work for root
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0)
}

fn listen(answers: ChildStdout, sender: &Sender<Value>) {
    for message in BufReader::new(answers).split(0) {
        let message = message.ok().and_then(|it| serde_json::from_slice(&it).ok());
        if message.is_none_or(|it| sender.send(it).is_err()) {
            return;
        }
    }
}
