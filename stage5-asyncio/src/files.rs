//! Files: read by the engine where it can, and by a thread where it cannot.
//!
//! asyncio has no files: a selector refuses them, for they are always ready, and make their reader
//! wait all the same. Programs send them to a thread (`aiofiles` does nothing else). An engine that
//! is given the calls themselves, and not asked when to make them, needs no thread.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;

use reactor::trace::Place;
use reactor::{Direction, Pipe};

use crate::events::{Ready, get_running_loop};
use crate::net::{Side, retry_at};
use crate::threads::to_thread;

/// How much is asked for at once.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Written and read within one attempt: so one is enough for all files.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into());
}

/// Reads all of a file.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let manifest = async { stage5_asyncio::files::read("Cargo.toml").await };
/// assert!(stage5_asyncio::run(manifest)??.starts_with(b"[package]"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// As [`std::fs::read`].
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "aiofiles.open")]
#[track_caller]
pub fn read(path: impl Into<PathBuf>) -> impl Future<Output = io::Result<Vec<u8>>> {
    let (place, path) = (Place::here(), path.into());
    async move {
        let opened = get_running_loop().reactor().open(&path);
        match opened {
            Ok(file) => read_to_end(place, &file).await,
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                to_thread(move || std::fs::read(path)).await
            }
            Err(error) => Err(error),
        }
    }
}

async fn read_to_end(place: Place, file: &Pipe<Ready>) -> io::Result<Vec<u8>> {
    let side = Side::new(file.key(), Direction::Read);
    let mut read = Vec::new();
    let mut more = || {
        BUFFER.with_borrow_mut(|buffer| {
            let n = file.read(buffer)?;
            read.extend_from_slice(&buffer[..n]);
            io::Result::Ok(n)
        })
    };
    retry_at(place, &side, || {
        while more()? > 0 {}
        Ok(())
    })
    .await?;
    Ok(read)
}
