//! What the examples do when they are run alone: a visitor, a site, something to print.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{fmt, process, thread};

use socket2::{Domain, Socket, Type};

use crate::server::Server;
use crate::{Control, Job, Race, Report, Site, Target, Won, count};

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
    while_serving(serve, |address, _| visit_three_times(address))
}

/// Opens a room, has three people talk there, closes it, and prints what each of them heard.
///
/// # Errors
///
/// What the server answers, or what somebody met.
pub fn chat(serve: fn(SocketAddr, Control) -> io::Result<()>) -> io::Result<()> {
    while_serving(serve, |address, control| {
        tell(format_args!("listening on {address}\n"))?;
        let guests = talk(address)?;
        control.stop();
        guests.into_iter().try_for_each(Guest::hears_the_rest)
    })
}

/// Runs a server on one thread and its visitors on another, and stops it after that, if they
/// have not done so.
fn while_serving(
    serve: fn(SocketAddr, Control) -> io::Result<()>,
    visit: fn(SocketAddr, &Control) -> io::Result<()>,
) -> io::Result<()> {
    let control = Control::new();
    let visitors = {
        let control = control.clone();
        thread::spawn(move || {
            let address = control.address();
            let visited = address.map_or(Ok(()), |address| visit(address, &control));
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

/// Races over an address where nobody answers, one where nobody listens, and a good one;
/// prints what became of each attempt.
///
/// # Errors
///
/// What the race answers.
pub fn happy_eyeballs(race: fn(Race) -> io::Result<Won>) -> io::Result<()> {
    let course = Course::lay()?;
    let began = Instant::now();
    let won = race(Race::new(course.addresses()))?;
    let seconds = began.elapsed().as_secs_f64();
    tell(format_args!("{won}{seconds:.2} s\n"))
}

/// Three addresses of this machine to race over.
#[derive(Debug)]
pub struct Course {
    /// It is never accepted from, and its backlog is full: kernels that drop whoever comes
    /// then (Linux does) leave him without an answer.
    silent: Socket,
    filling: Vec<TcpStream>,
    /// It has an address and does not listen: so nobody else gets that address either.
    refusing: Socket,
    good: TcpListener,
}

impl Course {
    /// Listens where somebody has to.
    ///
    /// # Errors
    ///
    /// Fails where no port can be had.
    pub fn lay() -> io::Result<Self> {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let bound = || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&anywhere.into()).map(|()| socket)
        };
        let (silent, refusing) = (bound()?, bound()?);
        silent.listen(1)?;
        let good = TcpListener::bind(anywhere)?;
        let mut course = Self { silent, filling: Vec::new(), refusing, good };
        let address = address(&course.silent)?;
        // Somewhere here the first one gets no answer.
        while course.filling.len() < 16
            && let Ok(stream) =
                TcpStream::connect_timeout(&address, Duration::from_millis(50))
        {
            course.filling.push(stream);
        }
        Ok(course)
    }

    /// Where nobody answers, where nobody listens, and where somebody does.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let (silent, refusing) = (address(&self.silent), address(&self.refusing));
        [silent, refusing, self.good.local_addr()].into_iter().flatten().collect()
    }
}

fn address(socket: &Socket) -> io::Result<SocketAddr> {
    let address = socket.local_addr()?.as_socket();
    address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
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

/// Three people, one of whom comes late and has to choose another name.
fn talk(address: SocketAddr) -> io::Result<[Guest; 3]> {
    let mut ann = Guest::comes(address, "ann", "* ann has come")?;
    let mut bob = Guest::comes(address, "bob", "* bob has come")?;
    ann.says("hello, bob", "ann: hello, bob")?;
    bob.says("hello, whoever you are", "bob: hello, whoever you are")?;
    let mut cid = Guest::comes(address, "Bob", "- bob is taken")?;
    cid.name = "cid";
    cid.says("cid", "* cid has come")?;
    cid.says("what did I miss?", "cid: what did I miss?")?;
    ann.says("nothing", "ann: nothing")?;
    bob.says("/quit", "- goodbye")?;
    cid.waits_for("* bob has left")?;
    Ok([ann, bob, cid])
}

/// Somebody in a room, and all that was heard there.
struct Guest {
    name: &'static str,
    stream: BufReader<TcpStream>,
    heard: String,
}

impl Guest {
    /// Comes, gives a name, and reads the answer.
    fn comes(address: SocketAddr, name: &'static str, answer: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let stream = BufReader::new(stream);
        let mut guest = Self { name, stream, heard: String::new() };
        guest.waits_for("- what is your name?")?;
        guest.says(name, answer)?;
        Ok(guest)
    }

    /// Says a line, and waits until one is heard that has `answer` in it: so everybody hears
    /// the same thing each time.
    fn says(&mut self, line: &str, answer: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{line}\n").as_bytes())?;
        self.waits_for(answer)
    }

    fn waits_for(&mut self, words: &str) -> io::Result<()> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.heard.extend(["  ", &*line]);
            if line.contains(words) {
                return Ok(());
            }
        }
    }

    /// Reads to the end, and prints it all.
    fn hears_the_rest(mut self) -> io::Result<()> {
        let mut rest = String::new();
        self.stream.read_to_string(&mut rest)?;
        self.heard.extend(rest.lines().map(|line| format!("  {line}\n")));
        tell(format_args!("{} heard\n{}", self.name, self.heard))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Who connects to the first hears nothing, to the second a refusal, to the third an answer.
    #[test]
    fn a_course_has_somebody_silent_somebody_refusing_and_somebody_good() {
        let course = Course::lay().expect("it can be laid");
        let connect = |address: &SocketAddr| {
            let soon = Duration::from_millis(200);
            TcpStream::connect_timeout(address, soon).map(drop).map_err(|it| it.kind())
        };
        let heard: Vec<_> = course.addresses().iter().map(connect).collect();
        let refused = Err(ErrorKind::ConnectionRefused);
        assert_eq!(heard, [Err(ErrorKind::TimedOut), refused, Ok(())]);
    }

    /// A port that is only free may be given to the next who asks, even to the good one.
    #[test]
    fn nobody_else_gets_an_address_of_a_course() {
        let course = Course::lay().expect("it can be laid");
        for address in course.addresses() {
            let taken = TcpListener::bind(address).map_err(|it| it.kind()).map(drop);
            assert_eq!(taken, Err(ErrorKind::AddrInUse), "{address}");
        }
    }
}
