//! Where a crawl begins: a URL, and the addresses that its host has.

use std::error::Error;
use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

use iri_string::types::UriAbsoluteString;

use crate::url;

/// A place to begin. Its name was resolved when it was made, and is not resolved again.
#[derive(Clone, Debug)]
pub struct Target {
    /// Every address of the host, to be tried in turn.
    pub addresses: Vec<SocketAddr>,
    /// The host, and the port unless it is 80: what a request calls the server, and what a
    /// link must lead to in order to be followed.
    pub authority: String,
    /// The first page.
    pub path: String,
    pub(crate) url: UriAbsoluteString,
}

impl Target {
    /// Reads a URL and resolves its host's name, which blocks.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] says in one line what would be right.
    pub fn resolve(text: &str) -> Result<Self, BadUrl> {
        let url = parse(text)?;
        let authority =
            url::authority(&url).ok_or_else(|| no_http(text, url.scheme_str()))?;
        let parts = url.authority_components().ok_or_else(|| no_host(text))?;
        let host = parts.host();
        if host.is_empty() {
            return Err(no_host(text));
        }
        if host.contains('%') {
            // It had to be encoded, and no resolver takes that.
            return Err(BadUrl::Malformed(format!("{text}: that is no name of a host")));
        }
        let port = match parts.port() {
            None | Some("") => 80,
            Some(port) => {
                port.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
                    BadUrl::Malformed(format!(
                        "{text}: {port} is not a port (1 to 65535)"
                    ))
                })?
            }
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let addresses: Vec<_> = (bare, port)
            .to_socket_addrs()
            .map_err(|error| {
                BadUrl::UnknownHost(format!("cannot find the host {bare:?}: {error}"))
            })?
            .collect();
        if addresses.is_empty() {
            return Err(BadUrl::UnknownHost(format!("the host {bare:?} has no address")));
        }
        Ok(Self { addresses, authority, path: url::path(&url), url })
    }
}

fn parse(text: &str) -> Result<UriAbsoluteString, BadUrl> {
    let bad = |why: &dyn fmt::Display| {
        BadUrl::Malformed(format!(
            "{text:?} is not a URL ({why}); write http://HOST[:PORT]/PATH"
        ))
    };
    if !text.contains("://") {
        return Err(bad(&"it has no scheme"));
    }
    let without_fragment = text.split_once('#').map_or(text, |(url, _)| url);
    let url = UriAbsoluteString::try_from(url::tidy(without_fragment));
    let url = url.map_err(|_| bad(&"RFC 3986 does not know its form"))?;
    url::without_fragment(url.as_ref()).ok_or_else(|| bad(&"it cannot be normalised"))
}

fn no_http(text: &str, scheme: &str) -> BadUrl {
    BadUrl::Malformed(match scheme {
        "https" => format!("{text}: TLS is not there yet; use http"),
        other => format!("{text}: the scheme {other} cannot be crawled; use http"),
    })
}

fn no_host(text: &str) -> BadUrl {
    BadUrl::Malformed(format!("{text} names no host; write http://HOST[:PORT]/PATH"))
}

/// Why a URL is no place to begin, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// It is no URL, or none that can be crawled.
    Malformed(String),
    /// It is one, but its host cannot be found now.
    UnknownHost(String),
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Malformed(text) | Self::UnknownHost(text)) = self;
        f.write_str(text)
    }
}

impl Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_url_names_host_port_and_path() {
        let target = Target::resolve("http://127.0.0.1:8080/a/../b?c#d").expect("good");
        assert_eq!(target.addresses, ["127.0.0.1:8080".parse().expect("an address")]);
        assert_eq!(target.authority, "127.0.0.1:8080");
        assert_eq!(target.path, "/b?c");
        let target = Target::resolve("http://127.0.0.1").expect("good");
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("127.0.0.1", "/"));
        let target = Target::resolve("http://127.0.0.1/ü/100% of it").expect("good");
        assert_eq!(target.path, "/%C3%BC/100%25%20of%20it");
        let target = Target::resolve("http://[::1]:81/").expect("good");
        assert_eq!(target.addresses, ["[::1]:81".parse().expect("an address")]);
    }

    #[test]
    fn a_bad_url_says_what_would_be_right() {
        for (url, hint) in [
            ("https://localhost/", "use http"),
            ("ftp://localhost/", "use http"),
            ("localhost", "write http://"),
            ("localhost:80", "write http://"),
            ("http://", "names no host"),
            ("http:///x", "names no host"),
            ("http://127.0.0.1:99999/", "not a port"),
            ("http://127.0.0.1:0/", "not a port"),
            ("http://127.0.0.1:http/", "write http://"),
            ("http://no-such-host.invalid/", "no-such-host.invalid"),
            ("http://a b/", "no name of a host"),
            ("http://bücher.example/", "no name of a host"),
            ("", "write http://"),
        ] {
            let error = Target::resolve(url).expect_err(url).to_string();
            assert!(error.contains(hint), "{url:?} gave {error:?}");
            assert_eq!(error.lines().count(), 1);
        }
    }
}
