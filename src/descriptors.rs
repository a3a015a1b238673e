//! How many files and sockets this process may have open, and how many requests that is
//! enough for.

use site::count;

/// Descriptors that are needed for anything but requests.
const OTHERS: usize = 16;

/// How many requests may be under way at once, of those that were asked for: one that has no
/// descriptor fails, and in each style it is another one. At least one is tried.
pub fn enough_for(asked: usize) -> usize {
    let most = most().unwrap_or(usize::MAX);
    asked.min(most.saturating_sub(OTHERS).max(1))
}

/// What is to be said of descriptors that are enough for so many requests only.
pub fn few_for(requests: usize) -> String {
    format!("{} are enough for {} at once", told(), count(requests, "request"))
}

/// What to say where something failed because there were no more.
pub fn reason() -> String {
    format!("out of descriptors means that {} are too few", told())
}

fn told() -> String {
    let most = most().map_or("these".to_owned(), |most| format!("{most}"));
    format!("{most} descriptors (ulimit -n)")
}

/// How many this process may have. `None`: as many as it likes, or nobody knows.
#[cfg(unix)]
fn most() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current.and_then(|limit| limit.try_into().ok())
}

#[cfg(not(unix))]
fn most() -> Option<usize> {
    None
}
