//! Where a crawl begins: a URL, and the addresses that its host has.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};

use ::url::{ParseError, Url};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;

use crate::url;

/// A place to begin. Its name was resolved when it was made, and is not resolved again.
#[derive(Clone, Debug)]
pub struct Target {
    /// Every address of the host, to be tried in turn.
    pub addresses: Vec<SocketAddr>,
    /// The host, and the port unless it is the usual one: what a request calls the server, and
    /// what a link must lead to in order to be followed.
    pub authority: String,
    /// The host that has to prove who it is, if the URL says `https`: then nobody else may read
    /// what is said.
    pub server_name: Option<String>,
    /// The first page.
    pub path: String,
    /// What a request says of who asks, if the URL names a user (RFC 7617).
    pub(crate) authorization: Option<String>,
}

impl Target {
    /// Whether the host is this machine, whichever of its addresses is taken.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|address| address.ip().to_canonical().is_loopback())
    }

    /// Reads a URL of the scheme `http` and resolves its host's name, which blocks. A URL that names a user, as
    /// `http://user:password@host/` does, has every request say so: to this host, and to no
    /// other, as no other is asked.
    ///
    /// # Errors
    ///
    /// [`BadUrl`] says in one line what would be right.
    pub fn resolve(text: &str) -> Result<Self, BadUrl> {
        Self::read(text, &["http"])
    }

    /// The same for those who can encrypt: the scheme may be `https`, too.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve).
    pub fn resolve_secure(text: &str) -> Result<Self, BadUrl> {
        Self::read(text, &["http", "https"])
    }

    /// `http`, or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.server_name.is_some() { "https" } else { "http" }
    }

    fn read(text: &str, schemes: &[&str]) -> Result<Self, BadUrl> {
        let url = parse(text)?;
        if !schemes.contains(&url.scheme()) {
            return Err(other_scheme(text, url.scheme(), schemes));
        }
        let authority = url::authority(&url);
        if !names_a_host(text) {
            return Err(no_host(text));
        }
        if url.port() == Some(0) {
            return Err(no_port(text));
        }
        let addresses = found(&url)?;
        let (path, authorization) = (url::path(&url), authorization(&url));
        let server_name = (url.scheme() == "https").then(|| server_name(&url));
        Ok(Self { addresses, authority, server_name, path, authorization })
    }
}

/// The addresses of a host that is written `HOST[:PORT]`, in the system's order (RFC 6724); the
/// port is 80 unless told. To find them blocks.
///
/// # Errors
///
/// [`BadUrl`] says in one line what would be right.
pub fn addresses_of(host: &str) -> Result<Vec<SocketAddr>, BadUrl> {
    let wrong = |what| BadUrl::Malformed(format!("{host:?} {what}; write HOST[:PORT]"));
    // The colons of an IPv6 address that stands alone are all its own.
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        return Ok(vec![(ip, 80).into()]);
    }
    if host.contains(|char: char| "/\\?#@".contains(char) || char.is_whitespace()) {
        return Err(wrong("is no name of a host"));
    }
    let url = Url::parse(&format!("http://{host}")).map_err(|error| match error {
        ParseError::EmptyHost => wrong("names no host"),
        ParseError::InvalidPort => wrong("has no port from 1 to 65535"),
        _ => wrong("is no name of a host"),
    })?;
    if url.port() == Some(0) {
        return Err(wrong("has no port from 1 to 65535"));
    }
    found(&url)
}

/// The addresses of a URL's host, of which there is at least one.
fn found(url: &Url) -> Result<Vec<SocketAddr>, BadUrl> {
    let host = url.host_str().unwrap_or_default();
    let addresses = url.socket_addrs(|| None).map_err(|error| {
        BadUrl::UnknownHost(format!("cannot find the host {host:?}: {error}"))
    })?;
    if addresses.is_empty() {
        return Err(BadUrl::UnknownHost(format!("the host {host:?} has no address")));
    }
    Ok(addresses)
}

fn parse(text: &str) -> Result<Url, BadUrl> {
    // A browser would take `localhost:80` for a URL of the scheme `localhost`.
    if !text.contains("://") {
        return Err(no_url(text, "it has no scheme"));
    }
    Url::parse(text).map_err(|error| match error {
        ParseError::EmptyHost => no_host(text),
        ParseError::InvalidPort => no_port(text),
        ParseError::IdnaError
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address
        | ParseError::InvalidDomainCharacter => {
            BadUrl::Malformed(format!("{text}: that is no name of a host"))
        }
        other => no_url(text, &other.to_string()),
    })
}

/// Whether the host is where it should be. A browser takes any number of slashes before it,
/// but whoever types three has forgotten it.
fn names_a_host(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| !rest.starts_with(['/', '\\']))
}

/// The user whom a URL names, and the password, as a header says them.
fn authorization(url: &Url) -> Option<String> {
    let (user, password) = (url.username(), url.password());
    if user.is_empty() && password.is_none() {
        return None;
    }
    let bytes = |encoded| Cow::from(percent_decode_str(encoded));
    let pair = [&*bytes(user), b":", &*bytes(password.unwrap_or_default())].concat();
    Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

fn no_url(text: &str, why: &str) -> BadUrl {
    BadUrl::Malformed(format!(
        "{text:?} is not a URL ({why}); write http://HOST[:PORT]/PATH"
    ))
}

/// The host alone, as a certificate names it.
fn server_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

fn other_scheme(text: &str, scheme: &str, schemes: &[&str]) -> BadUrl {
    let schemes = schemes.join(" or ");
    match scheme {
        "https" => {
            BadUrl::Secure(format!("{text}: nobody here speaks TLS; use {schemes}"))
        }
        other => BadUrl::Malformed(format!(
            "{text}: the scheme {other} cannot be crawled; use {schemes}"
        )),
    }
}

fn no_host(text: &str) -> BadUrl {
    BadUrl::Malformed(format!("{text} names no host; write http://HOST[:PORT]/PATH"))
}

fn no_port(text: &str) -> BadUrl {
    BadUrl::Malformed(format!(
        "{text}: that is not a port (1 to 65535); write http://HOST[:PORT]/PATH"
    ))
}

/// Why a URL is no place to begin, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// It is no URL, or none that can be crawled.
    Malformed(String),
    /// It says `https`, and whoever asks cannot encrypt.
    Secure(String),
    /// It is one, but its host cannot be found now.
    UnknownHost(String),
}

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Malformed(text) | Self::Secure(text) | Self::UnknownHost(text)) = self;
        f.write_str(text)
    }
}

impl Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Job;

    #[test]
    fn a_good_url_names_host_port_and_path() {
        let target = Target::resolve("http://127.0.0.1:8080/a/../b?c#d").expect("good");
        assert_eq!(target.addresses, ["127.0.0.1:8080".parse().expect("an address")]);
        assert_eq!(target.authority, "127.0.0.1:8080");
        assert_eq!(target.path, "/b?c");
        let target = Target::resolve("http://127.0.0.1").expect("good");
        assert_eq!((target.authority.as_str(), target.path.as_str()), ("127.0.0.1", "/"));
        let target = Target::resolve("http://127.0.0.1/ü/100% of it").expect("good");
        assert_eq!(target.path, "/%C3%BC/100%%20of%20it");
        let target = Target::resolve("http://[::1]:81/").expect("good");
        assert!(target.is_loopback());
        let elsewhere = Target::resolve("http://192.0.2.1/").expect("good");
        assert!(!elsewhere.is_loopback());
        assert_eq!(target.addresses, ["[::1]:81".parse().expect("an address")]);
    }

    /// As curl does. RFC 7617: the pair is encoded as it is, and a colon ends the user.
    #[test]
    fn whoever_a_url_names_is_named_in_each_request() {
        for (user, expected) in [
            ("", None),
            ("@", None),
            ("Aladdin:open%20sesame@", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("Aladdin:open sesame@", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            ("test:123\u{a3}@", Some("Basic dGVzdDoxMjPCow==")),
            ("a%ff@", Some("Basic Yf86")),
            ("a:@", Some("Basic YTo=")),
            (":b@", Some("Basic OmI=")),
        ] {
            let target =
                Target::resolve(&format!("http://{user}127.0.0.1/")).expect(user);
            assert_eq!(target.authority, "127.0.0.1", "what a server is called");
            let request =
                String::from_utf8(Job::new(target).request("/x")).expect("text");
            let mut lines =
                request.lines().filter_map(|it| it.strip_prefix("Authorization: "));
            assert_eq!((lines.next(), lines.next()), (expected, None), "{user:?}");
            assert!(request.ends_with("\r\n\r\n"), "{request:?}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_may_have_a_port() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1:7007", "127.0.0.1:7007"),
            ("127.0.0.1:", "127.0.0.1:80"),
            ("::1", "[::1]:80"),
            ("[::1]", "[::1]:80"),
            ("[::1]:65535", "[::1]:65535"),
        ] {
            assert_eq!(addresses_of(host), Ok(vec![address.parse().expect(host)]));
        }
        let local = addresses_of("localhost:7007").expect("every machine has it");
        assert!(!local.is_empty(), "{local:?}");
        assert!(local.iter().all(|it| it.ip().is_loopback() && it.port() == 7007));
    }

    #[test]
    fn what_is_no_host_says_what_would_be_right() {
        for host in ["", ":80", "a b", "http://localhost/", "user@localhost", "x?", "%"] {
            let error = addresses_of(host).expect_err(host);
            assert!(matches!(error, BadUrl::Malformed(_)), "{host:?}: {error}");
            assert!(error.to_string().ends_with("; write HOST[:PORT]"), "{error}");
        }
        for host in ["", ":80"] {
            let error = addresses_of(host).expect_err(host).to_string();
            assert_eq!(error, format!("{host:?} names no host; write HOST[:PORT]"));
        }
        for host in ["localhost:0", "localhost:65536", "localhost:http"] {
            let error = addresses_of(host).expect_err(host).to_string();
            let told = format!("{host:?} has no port from 1 to 65535; write HOST[:PORT]");
            assert_eq!(error, told);
        }
        let unknown = addresses_of("no-such-host.invalid").expect_err("no such host");
        assert!(matches!(unknown, BadUrl::UnknownHost(_)), "{unknown}");
        assert!(unknown.to_string().contains("\"no-such-host.invalid\""), "{unknown}");
    }

    #[test]
    fn a_secure_url_names_who_has_to_prove_it() {
        for (url, address, authority, name) in [
            ("https://127.0.0.1/", "127.0.0.1:443", "127.0.0.1", "127.0.0.1"),
            ("https://[::1]:8443/", "[::1]:8443", "[::1]:8443", "::1"),
            ("https://127.0.0.1:80/", "127.0.0.1:80", "127.0.0.1:80", "127.0.0.1"),
        ] {
            let target = Target::resolve_secure(url).expect("good");
            assert_eq!(target.addresses, [address.parse().expect("an address")]);
            assert_eq!(target.authority, authority);
            assert_eq!(target.server_name.as_deref(), Some(name));
            assert!(matches!(Target::resolve(url), Err(BadUrl::Secure(_))));
        }
        let plain = Target::resolve_secure("http://127.0.0.1/").expect("good");
        assert_eq!(plain.server_name, None);
        let error = Target::resolve_secure("ftp://x/").expect_err("no site");
        assert!(error.to_string().ends_with("use http or https"), "{error}");
    }

    #[test]
    fn a_bad_url_says_what_would_be_right() {
        for (url, hint) in [
            ("https://localhost/", "nobody here speaks TLS; use http"),
            ("ftp://localhost/", "use http"),
            ("localhost", "write http://"),
            ("localhost:80", "write http://"),
            ("http://", "names no host"),
            ("http:///x", "names no host"),
            ("http://\\\\x", "names no host"),
            ("http://?x", "names no host"),
            ("http://user@/", "names no host"),
            ("http://127.0.0.1:99999/", "not a port"),
            ("http://127.0.0.1:0/", "not a port"),
            ("http://127.0.0.1:http/", "write http://"),
            ("http://no-such-host.invalid/", "no-such-host.invalid"),
            ("http://a b/", "no name of a host"),
            ("http://%/", "no name of a host"),
            ("http://[::1/", "no name of a host"),
            ("http://1.2.3.4.5/", "no name of a host"),
            ("http://bücher.invalid/", "xn--bcher-kva.invalid"),
            ("", "write http://"),
        ] {
            let error = Target::resolve(url).expect_err(url).to_string();
            assert!(error.contains(hint), "{url:?} gave {error:?}");
            assert_eq!(error.lines().count(), 1);
        }
    }
}
