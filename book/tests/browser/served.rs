//! The book, as its own server shows it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Answer;
use crate::chromium::Chromium;

/// The server; it ends with the check.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it is, with a slash at the end.
    pub(crate) url: String,
}

impl Server {
    /// Starts it, with some folders in its environment.
    pub(crate) fn start(environment: &[(&str, &Path)]) -> Answer<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
        command.envs(environment.iter().copied());
        let child = command.stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("book: {error}"))?;
        let stdout = child.stdout.take().ok_or("its stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let url = lines.find_map(|line| {
            let begin = line.find("http://")?;
            line[begin..].split_whitespace().next().map(str::to_owned)
        });
        std::thread::spawn(move || lines.for_each(drop));
        let mut server = Self { child, url: String::new() };
        server.url = url.ok_or("it did not say where it is")?;
        Ok(server)
    }

    /// Nothing has gone wrong at the page, and it has asked nobody else.
    pub(crate) fn was_all_that_was_asked(&self, browser: &mut Chromium) -> Answer<()> {
        let own = format!("asks for {}", self.url);
        let is_wrong = |it: &String| !it.starts_with(&own);
        let wrong: Vec<_> = browser.complaints().into_iter().filter(is_wrong).collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
