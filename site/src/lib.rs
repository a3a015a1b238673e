//! What gets crawled, and everything about crawling that has no style.
//!
//! Nothing in here waits, but for one plain server, and a crawl that was told to pause: bytes
//! go in, answers come out, and who carries the bytes is the business of a style. So the same
//! pages can be served by threads today and by a simulated network tomorrow, and the same
//! parser reads them everywhere.
//!
//! # Reading order
//!
//! What a crawling program holds in its hands: [`Job`] (what to crawl, and how hard),
//! [`Target`] (where it is), [`Frontier`] (what to visit next), [`http::Parser`] (bytes to a
//! [`Page`]), [`Outcome`] (what became of a page), [`Report`] (what became of all), [`Progress`]
//! (which tells of it meanwhile).
//! Then what is crawled: [`Site`] (a function from a request to an answer) and
//! [`server::Server`] (which serves it with threads and blocking calls). [`Race`] is what a
//! race over a host's addresses ([`addresses_of`]) needs to know (RFC 8305), [`Won`] how it
//! went. [`Control`] is how
//! the outside talks to a server that runs; [`countdown`], [`chat`] and [`demo`] are what the
//! small programs share.

#![forbid(unsafe_code)]

pub mod chat;
mod control;
mod count;
pub mod countdown;
pub mod demo;
mod frontier;
pub mod html;
pub mod http;
mod job;
mod outcome;
mod pages;
mod progress;
pub mod race;
mod report;
mod robots;
pub mod server;
mod target;
mod url;

pub use control::Control;
pub use count::count;
pub use frontier::Frontier;
pub use http::Page;
pub use job::Job;
pub use outcome::Outcome;
pub use pages::{Answer, Fault, Site};
pub use progress::{News, Progress, Referrers, Visit};
pub use race::{Race, Won};
pub use report::Report;
pub use target::{BadUrl, Target, addresses_of};
