//! As much of HTTP as a browser needs to read files.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::pages::decoded;

/// How long a browser may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long its wish may be.
const MOST_HEAD: u64 = 16_384;

/// Where the version of the pages is asked for.
const VERSION: &str = "/.version";

/// What somebody wants.
pub(super) struct Request {
    method: String,
    target: String,
}

/// An answer.
pub(super) struct Answer {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    /// Where it is instead.
    location: Option<String>,
}

impl Request {
    /// Listens to one, as long as that takes.
    pub(super) fn read(stream: &TcpStream) -> io::Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut lines = BufReader::new(stream.take(MOST_HEAD)).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        // All of it is read: a connection that is closed with something unread is reset.
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next(), words.next());
        Ok(Self {
            method: method.unwrap_or_default(),
            target: target.unwrap_or_default(),
        })
    }

    /// Its answer, from a folder.
    pub(super) fn answer(&self, folder: &Path, version: u64) -> Answer {
        match &*self.method {
            "GET" | "HEAD" => get(&self.target, folder, version),
            _ => Answer::text("405 Method Not Allowed", "only GET and HEAD"),
        }
    }

    /// Sends it, as long as that takes.
    pub(super) fn reply(
        &self,
        answer: &Answer,
        mut stream: &TcpStream,
    ) -> io::Result<()> {
        let Answer { status, kind, body, location } = answer;
        let length = body.len();
        let location = location.as_ref().map(|it| format!("Location: {it}\r\n"));
        let location = location.unwrap_or_default();
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             {location}Allow: GET, HEAD\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
        )?;
        if self.method == "HEAD" { Ok(()) } else { stream.write_all(body) }
    }
}

impl Answer {
    fn text(status: &'static str, text: &str) -> Self {
        let kind = "text/plain; charset=utf-8";
        Self { status, kind, body: text.as_bytes().to_vec(), location: None }
    }

    /// The links of a folder's page are relative to what is in the folder: so its address
    /// ends with a slash.
    fn moved_below(path: &str, rest: &str) -> Self {
        let location = Some(format!("{path}/{rest}"));
        Self { location, ..Self::text("301 Moved Permanently", "it ends with a slash") }
    }
}

fn get(target: &str, folder: &Path, version: u64) -> Answer {
    let path = target.split(['?', '#']).next().unwrap_or("");
    if path == VERSION {
        return Answer::text("200 OK", &version.to_string());
    }
    if is_folder(folder, path) {
        return Answer::moved_below(path, &target[path.len()..]);
    }
    let Some(file) = file(folder, path) else {
        return Answer::text("404 Not Found", "there is no such page");
    };
    let Ok(mut body) = fs::read(&file) else {
        return Answer::text("404 Not Found", "there is no such page");
    };
    let kind = kind(&file);
    if kind.starts_with("text/html") {
        body.extend_from_slice(reload(version).as_bytes());
    }
    Answer { status: "200 OK", kind, body, location: None }
}

/// Whether a path names a folder, and does not end as one.
fn is_folder(folder: &Path, path: &str) -> bool {
    !path.ends_with('/') && below(folder, path).is_some_and(|it| it.is_dir())
}

/// The file that a path names.
fn file(folder: &Path, path: &str) -> Option<PathBuf> {
    let file = below(folder, path)?;
    let file = if file.is_dir() { file.join("index.html") } else { file };
    file.is_file().then_some(file)
}

/// What a path names; nothing outside of the folder.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = decoded(path.strip_prefix('/')?);
    let relative = Path::new(&path);
    let is_below = relative.components().all(|it| matches!(it, Component::Normal(_)));
    is_below.then(|| folder.join(relative))
}

/// A script that is in no file: it lets a served page notice that it is old.
fn reload(version: u64) -> String {
    format!(
        "<script>setInterval(async () => {{ try {{ \
         const now = await (await fetch('{VERSION}')).text(); \
         if (now !== '{version}') location.reload(); }} catch {{}} }}, 500);</script>\n"
    )
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|it| it.to_str()).unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "txt" | "md" | "toml" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
