//! What to crawl, and how hard.

use std::time::Duration;

use crate::http::{MAX_RESPONSE, Parser};
use crate::{Progress, Target, robots};

/// A crawl to be done, the same for every style.
#[derive(Clone, Debug)]
pub struct Job {
    /// Where to begin.
    pub target: Target,
    /// How many pages to request at the most.
    pub limit: usize,
    /// How many requests may be under way at once; at least one.
    pub concurrency: usize,
    /// How long a page may take, from connecting to its last byte.
    pub timeout: Duration,
    /// The largest response that is read, in bytes.
    pub max_response: usize,
    /// How long to pause between two requests. Then they come one at a time.
    pub delay: Duration,
    /// Whether to ask for `robots.txt` first, and to leave out what it forbids.
    pub robots: bool,
    /// Told by the frontier, heard by whoever watches.
    pub progress: Progress,
}

impl Job {
    /// A crawl without a limit, 16 requests at once, ten seconds and 8 MiB a page, of a site
    /// that does not mind.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            limit: usize::MAX,
            concurrency: 16,
            timeout: Duration::from_secs(10),
            max_response: MAX_RESPONSE,
            delay: Duration::ZERO,
            robots: false,
            progress: Progress::default(),
        }
    }

    /// The bytes that ask for `path`. One request a connection: the end of the connection
    /// is the end of the response, if nothing else is.
    pub fn request(&self, path: &str) -> Vec<u8> {
        let Target { authority, authorization, .. } = &self.target;
        let who = authorization.iter().map(|it| format!("Authorization: {it}\r\n"));
        format!(
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: lineage\r\n\
             Accept: text/html, */*\r\nAccept-Encoding: identity\r\n\
             Connection: close\r\n{}\r\n",
            who.collect::<String>()
        )
        .into_bytes()
    }

    /// What reads the answer.
    pub fn parser(&self) -> Parser {
        // It may be the rules, which are no HTML.
        let others = if self.robots { robots::ENOUGH } else { 0 };
        Parser::within(self.max_response, others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    /// Its own bound, and no other; what is no HTML is not kept at all, unless it is rules.
    #[test]
    fn an_answer_may_be_as_long_as_the_job_says() {
        let answer = |kind: &str| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/{kind}\r\n");
            format!("{head}Content-Length: 9\r\n\r\n123456789")
        };
        let read = |job: &Job, kind: &str| {
            let page = job.parser().receive(answer(kind).as_bytes())?;
            Ok::<_, Outcome>(page.expect("it is whole").body().len())
        };
        let target = Target::resolve("http://127.0.0.1/").expect("good");
        let all = answer("html").len();
        let job = Job { max_response: all, ..Job::new(target) };
        let less = Job { max_response: all - 1, ..job.clone() };
        assert_eq!(
            [&job, &less].map(|it| read(it, "html")),
            [Ok(9), Err(Outcome::TooLarge)]
        );
        let job = Job { max_response: 1000, ..job };
        assert_eq!(read(&job, "plain"), Ok(0));
        assert_eq!(read(&Job { robots: true, ..job }, "plain"), Ok(9));
    }
}
