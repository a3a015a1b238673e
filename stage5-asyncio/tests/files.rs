//! Files, which no selector waits for: small ones, large ones, none, many at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use stage5_asyncio::files::read;
use stage5_asyncio::tasks::gather;
use stage5_asyncio::{create_task, run, timeout};

/// A folder that is gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static FOLDERS: AtomicUsize = AtomicUsize::new(0);
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("files-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// So many bytes, no two neighbours alike.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

/// Runs it, with a deadline.
fn in_time<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    let minute = Duration::from_mins(1);
    run(async move { timeout(minute, main).await.ok().unwrap() }).unwrap()
}

/// M7.18: on a loop that only knows readiness a thread does it. Below a buffer, one buffer, a byte
/// more, many.
#[test]
fn a_file_is_read_to_its_end_whatever_its_size() {
    let folder = Folder::new();
    for size in [0, 1, 16_383, 16_384, 16_385, 32_768, 1_000_000] {
        let path = folder.file("it", &bytes(size));
        let content = in_time(async move { read(path).await }).unwrap();
        assert!(content == bytes(size), "of {size} bytes");
    }
}

#[test]
fn what_cannot_be_read_says_why() {
    let folder = Folder::new();
    let (none, itself) = (folder.0.join("none"), folder.0.clone());
    let error = in_time(async move { read(none).await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = in_time(async move { read(itself).await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IsADirectory);
    let error = in_time(async { read("a\0b").await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// A file without a size, which gives what it has piece by piece.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_the_kernel_makes_up_is_read_to_its_end() {
    let limits = in_time(async { read("/proc/self/limits").await }).unwrap();
    assert_eq!(limits, fs::read("/proc/self/limits").unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn many_are_read_at_once_and_none_stays_open() {
    let folder = Folder::new();
    let paths: Vec<_> =
        (0..200).map(|n| folder.file(&n.to_string(), &bytes(n * 100))).collect();
    let ours = folder.0.clone();
    let still_open = in_time(async move {
        let contents = gather(paths.into_iter().map(read)).await;
        for (n, content) in contents.into_iter().enumerate() {
            assert!(content.unwrap() == bytes(n * 100), "the file {n}");
        }
        // What the ring closes, it closes with the calls that follow.
        for _ in 0..10 {
            stage5_asyncio::time::sleep(Duration::from_millis(1)).await;
        }
        open_below(&ours)
    });
    assert!(still_open.is_empty(), "{still_open:?}");
}

/// Those that are cancelled leave nothing open, wherever they stood.
#[cfg(target_os = "linux")]
#[test]
fn a_read_that_is_cancelled_leaves_nothing_open() {
    let folder = Folder::new();
    let path = folder.file("it", &bytes(100_000));
    let ours = folder.0.clone();
    let still_open = in_time(async move {
        for turns in 0..40 {
            let task = create_task(read(path.clone()));
            for _ in 0..turns {
                stage5_asyncio::time::sleep(Duration::ZERO).await;
            }
            task.cancel();
            task.erased().ended().await;
        }
        for _ in 0..10 {
            stage5_asyncio::time::sleep(Duration::from_millis(1)).await;
        }
        open_below(&ours)
    });
    assert!(still_open.is_empty(), "{still_open:?}");
}

/// What this process has open in a folder.
#[cfg(target_os = "linux")]
fn open_below(folder: &std::path::Path) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc/self/fd").unwrap();
    let open = all.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    open.filter(|path| path.starts_with(folder)).collect()
}
