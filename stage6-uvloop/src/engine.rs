//! Which way to wait: for the news that a call would not block, or for the call itself.

use std::fmt;
use std::io;
use std::rc::Rc;
use std::str::FromStr;

use reactor::backend::{Backend, Mio};

/// A way to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The selector of the platform.
    #[default]
    Mio,
    /// A ring of completions. On Linux, where the kernel allows it.
    Uring,
}

impl Engine {
    /// All of them, the usual one first.
    pub const ALL: [Self; 2] = [Self::Mio, Self::Uring];

    /// What it is called on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mio => "mio",
            Self::Uring => "uring",
        }
    }

    /// Opens it. Where there are no rings, it is the usual one that opens, and `tell` is given one
    /// line that says why.
    ///
    /// ```
    /// use stage6_uvloop::engine::Engine;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let backend = Engine::Uring.open(|line| eprintln!("{line}"))?;
    /// let main = async { "hello" };
    /// let said = reactor::backend::scope(backend, || stage6_uvloop::run(main))?;
    /// assert_eq!(said, "hello");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What opening the selector answers.
    pub fn open(self, tell: impl FnOnce(&str)) -> io::Result<Rc<dyn Backend>> {
        match self {
            Self::Mio => selector(),
            Self::Uring => or_selector(ring(), tell),
        }
    }
}

/// The ring that was opened, or else a selector and a line that says why.
fn or_selector(
    ring: io::Result<Rc<dyn Backend>>,
    tell: impl FnOnce(&str),
) -> io::Result<Rc<dyn Backend>> {
    ring.or_else(|error| {
        tell(&format!("{}; the selector waits instead", why_not(&error)));
        selector()
    })
}

fn selector() -> io::Result<Rc<dyn Backend>> {
    Ok(Rc::new(Mio::new()?))
}

#[cfg(target_os = "linux")]
fn ring() -> io::Result<Rc<dyn Backend>> {
    Ok(Rc::new(crate::uring::Uring::new()?))
}

#[cfg(not(target_os = "linux"))]
fn ring() -> io::Result<Rc<dyn Backend>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "io_uring is a thing of Linux"))
}

/// Opens a ring, and says what this kernel can do with it. The error says why there is none, in
/// one line.
///
/// # Errors
///
/// What [`why_not`] makes of what the kernel answers.
pub fn doctor() -> Result<String, String> {
    abilities().map_err(|error| why_not(&error))
}

/// What is there; then, in brackets, what is not.
#[cfg(target_os = "linux")]
fn abilities() -> io::Result<String> {
    let abilities = crate::uring::Uring::new()?.abilities();
    let (there, lacking): (Vec<_>, Vec<_>) =
        abilities.into_iter().partition(|it| it.is_there);
    let there: Vec<_> = there.iter().map(|it| it.what).collect();
    let lacking = lacking.iter().map(|it| format!("{} (Linux {})", it.what, it.since));
    let said = format!("a ring opens: {}", there.join(", "));
    let lacking = lacking.collect::<Vec<_>>().join(", ");
    Ok(if lacking.is_empty() { said } else { format!("{said}; not: {lacking}") })
}

#[cfg(not(target_os = "linux"))]
fn abilities() -> io::Result<String> {
    ring().map(drop).map(|()| String::new())
}

/// Why there is no ring, for whoever can do something about it.
pub fn why_not(error: &io::Error) -> String {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, Unsupported};
    // What the system calls ENOSYS, std calls `Unsupported`; what we say is in the error itself.
    let is_the_systems = error.raw_os_error().is_some();
    match error.kind() {
        Unsupported if is_the_systems => {
            "this kernel has no io_uring, or a sandbox hides it (ENOSYS; it came with Linux 5.1)"
                .to_owned()
        }
        PermissionDenied => "io_uring is forbidden here, by kernel.io_uring_disabled or by a \
                             sandbox (EPERM)"
            .to_owned(),
        OutOfMemory => {
            "there is no memory left that io_uring may lock: see `ulimit -l` (ENOMEM)".to_owned()
        }
        _ => format!("io_uring does not open: {error}"),
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| format!("{name} is no engine: there are mio and uring"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of ENOSYS, EPERM and ENOMEM on Linux.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_kernel_without_rings_is_told_of_in_one_line_and_the_selector_waits() {
        for (code, word) in
            [(38, "ENOSYS"), (1, "forbidden"), (12, "ulimit -l"), (24, "(os error 24)")]
        {
            let mut told = Vec::new();
            let refused = Err(io::Error::from_raw_os_error(code));
            let backend =
                or_selector(refused, |line| told.push(line.to_owned())).unwrap();
            assert!(format!("{backend:?}").starts_with("Mio"), "{backend:?}");
            assert_eq!(told.len(), 1);
            assert!(told[0].contains(word), "{told:?}");
            assert!(
                told[0].ends_with("the selector waits instead")
                    && !told[0].contains('\n')
            );
        }
        let old = io::Error::new(io::ErrorKind::Unsupported, "too old");
        assert_eq!(why_not(&old), "io_uring does not open: too old");
    }

    #[test]
    fn an_engine_has_a_name_and_is_found_by_it() {
        for engine in Engine::ALL {
            assert_eq!(engine.to_string().parse(), Ok(engine));
        }
        assert!("epoll".parse::<Engine>().unwrap_err().contains("mio and uring"));
    }
}
