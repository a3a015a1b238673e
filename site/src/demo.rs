//! What the examples do when they are run alone: a visitor, a site, something to print.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use std::{fmt, process, thread};

use crate::server::Server;
use crate::{Control, Job, Report, Site, Target, count};

/// Runs a countdown, and prints what was said.
///
/// # Errors
///
/// What the countdown answers.
pub fn countdown(countdown: fn() -> io::Result<Vec<String>>) -> io::Result<()> {
    let began = Instant::now();
    for line in countdown()? {
        tell(format_args!("{line}\n"))?;
    }
    tell(format_args!("{:.2} s\n", began.elapsed().as_secs_f64()))
}

/// Runs an echo server, sends it three visitors at once, prints what they heard, stops it.
///
/// # Errors
///
/// What the server answers, or what a visitor met.
pub fn echo(serve: fn(SocketAddr, Control) -> io::Result<()>) -> io::Result<()> {
    let control = Control::new();
    let visitors = {
        let control = control.clone();
        thread::spawn(move || {
            let visited = control.address().map_or(Ok(()), visit_three_times);
            control.stop();
            visited
        })
    };
    let served = serve((Ipv4Addr::LOCALHOST, 0).into(), control.clone());
    control.failed();
    let visited = visitors.join().expect("a visitor does not panic");
    served.and(visited)
}

/// Starts the friendly site, crawls it, and prints what became of each page.
///
/// # Errors
///
/// What the crawl answers.
pub fn crawl(crawl: fn(Job) -> io::Result<Report>) -> io::Result<()> {
    let server = Server::start(Site::friendly())?;
    let target = Target::resolve(&server.url()).map_err(io::Error::other)?;
    let began = Instant::now();
    let report = crawl(Job::new(target))?;
    let seconds = began.elapsed().as_secs_f64();
    tell(format_args!(
        "{report}{}, {}, {seconds:.2} s, at most {} in flight\n",
        count(report.len(), "page"),
        count(report.errors(), "error"),
        count(server.max_in_flight(), "request")
    ))
}

fn visit_three_times(address: SocketAddr) -> io::Result<()> {
    tell(format_args!("listening on {address}\n"))?;
    let visits: Vec<_> = ["one", "two", "three"]
        .into_iter()
        .map(|name| thread::spawn(move || visit(address, name)))
        .collect();
    for visit in visits {
        let heard = visit.join().expect("a visitor does not panic")?;
        tell(format_args!("{heard}\n"))?;
    }
    Ok(())
}

/// Sends a few words, each after the echo of the last, and gives what came back.
fn visit(address: SocketAddr, name: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut heard = String::new();
    for word in ["hello ", "from ", name] {
        stream.write_all(word.as_bytes())?;
        let mut echo = vec![0; word.len()];
        stream.read_exact(&mut echo)?;
        heard.push_str(&String::from_utf8_lossy(&echo));
    }
    Ok(heard)
}

/// Prints, and sees to it that it arrives. When nobody reads any more, this is the end, and
/// no error.
fn tell(text: fmt::Arguments<'_>) -> io::Result<()> {
    let mut stdout = io::stdout();
    let told = stdout.write_fmt(text).and_then(|()| stdout.flush());
    told.inspect_err(|error| {
        if error.kind() == ErrorKind::BrokenPipe {
            process::exit(0);
        }
    })
}
