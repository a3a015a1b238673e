//! As much of HTTP as a browser needs to read files, and to be told from a page of somebody
//! else's.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use crate::pages::decoded;

/// How long a browser may take to say what it wants, and then to hear it: all of it, however
/// small the pieces are.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long its wish may be.
const MOST_HEAD: u64 = 16_384;

/// Where the version of the pages is asked for.
const VERSION: &str = "/.version";

/// What somebody wants.
#[derive(Debug)]
pub(super) struct Request {
    method: String,
    target: String,
    /// The names are in small letters.
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: &'static str,
    kind: &'static str,
    body: Vec<u8>,
    /// Where it is instead.
    location: Option<String>,
}

/// A connection, until somebody's patience is at its end.
struct Patient<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Request {
    /// Listens to one, as long as that may take.
    pub(super) fn read(stream: &TcpStream) -> io::Result<Self> {
        let stream = Patient::with(stream);
        let mut lines = BufReader::new(stream.take(MOST_HEAD)).lines();
        let first = lines.next().transpose()?.unwrap_or_default();
        let mut headers = Vec::new();
        let mut is_whole = false;
        // All of it is read: a connection that is closed with something unread is reset.
        for line in lines {
            let line = line?;
            if line.is_empty() {
                is_whole = true;
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        if !is_whole {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next(), words.next());
        Ok(Self {
            method: method.unwrap_or_default(),
            target: target.unwrap_or_default(),
            headers,
        })
    }

    /// Whether it comes from a page that is none of ours, or means a host that we are not: a
    /// name that somebody else has made lead here, say. `own` is where we listen.
    pub(super) fn refusal(&self, own: SocketAddr) -> Option<Answer> {
        let (ip, port) = (own.ip(), own.port());
        let names = [format!("{ip}:{port}"), format!("localhost:{port}")];
        let is_ours = |host: &str| names.iter().any(|it| it.eq_ignore_ascii_case(host));
        if !self.only("host").is_some_and(is_ours) {
            let text = format!("this is {}, and nobody else", names[0]);
            return Some(Answer::text("421 Misdirected Request", &text));
        }
        let is_own = match self.header("origin") {
            Some(origin) => origin.strip_prefix("http://").is_some_and(is_ours),
            None => true,
        };
        let is_near = match self.header("sec-fetch-site") {
            None | Some("same-origin" | "none") => true,
            // Somebody follows a link to a page. That is no way to run anything.
            Some(_) => {
                self.header("sec-fetch-mode") == Some("navigate")
                    && self.header("sec-fetch-dest") == Some("document")
                    && !self.path().starts_with("/.")
            }
        };
        let text = "this book answers its own pages only";
        (!is_own || !is_near).then(|| Answer::text("403 Forbidden", text))
    }

    /// What it wants, without what stands behind a question mark.
    pub(super) fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or("")
    }

    /// What stands there.
    pub(super) fn query(&self) -> &str {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query.split('#').next().unwrap_or("")
    }

    /// Whether it only wants to know something.
    pub(super) fn is_question(&self) -> bool {
        ["GET", "HEAD"].contains(&&*self.method)
    }

    /// Its answer, from a folder.
    pub(super) fn answer(&self, folder: &Path, version: u64) -> Answer {
        if self.is_question() {
            self.get(folder, version)
        } else {
            Answer::text("405 Method Not Allowed", "only GET and HEAD")
        }
    }

    /// The file that it names, or what is said instead.
    fn get(&self, folder: &Path, version: u64) -> Answer {
        let path = self.path();
        if path == VERSION {
            return Answer::text("200 OK", &version.to_string());
        }
        if is_folder(folder, path) {
            return Answer::moved_below(path, &self.target[path.len()..]);
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

    /// Sends it, as long as that may take.
    pub(super) fn reply(&self, answer: &Answer, stream: &TcpStream) -> io::Result<()> {
        let Answer { status, kind, body, location } = answer;
        let length = body.len();
        let location = location.as_ref().map(|it| format!("Location: {it}\r\n"));
        let location = location.unwrap_or_default();
        let mut stream = Patient::with(stream);
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             {location}Allow: GET, HEAD\r\nCache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\n\
             Cross-Origin-Resource-Policy: same-origin\r\n\
             Content-Security-Policy: frame-ancestors 'self'\r\nConnection: close\r\n\r\n"
        )?;
        if self.method == "HEAD" { Ok(()) } else { stream.write_all(body) }
    }

    /// A header, the first of that name.
    fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|it| it.0 == name);
        named.next().map(|it| &*it.1)
    }

    /// A header, if there is one of that name.
    fn only(&self, name: &str) -> Option<&str> {
        let count = self.headers.iter().filter(|it| it.0 == name).count();
        self.header(name).filter(|_| count == 1)
    }
}

impl<'a> Patient<'a> {
    fn with(stream: &'a TcpStream) -> Self {
        Self { stream, until: Instant::now() + PATIENCE }
    }

    /// How long it is until then.
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer)
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl Answer {
    /// A page, or a part of one.
    pub(super) fn html(body: Vec<u8>) -> Self {
        let kind = "text/html; charset=utf-8";
        Self { status: "200 OK", kind, body, location: None }
    }

    /// Something for a script.
    pub(super) fn json(value: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_default();
        Self { status: "200 OK", kind: "application/json", body, location: None }
    }

    /// A few words.
    pub(super) fn text(status: &'static str, text: &str) -> Self {
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
