//! Turns: of several that want to write a folder and build what is in it, one after the other.
//!
//! A `check` in one window, a `try` in another and the book's server are processes of their own.
//! Who comes second is told whom it waits for.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use lineage::error::named;

/// The file that is locked. In it stands who has done so.
const FILE: &str = ".turn";

/// How often one looks whether it is one's turn.
const LOOK: Duration = Duration::from_millis(50);

/// How much of the file is read.
const MOST: u64 = 20;

/// A folder, to oneself: until this is dropped, or the process ends.
#[derive(Debug)]
pub struct Turn {
    /// Locked. `None` where the system has no locks.
    _file: Option<File>,
}

impl Turn {
    /// Waits until nobody else has the folder, which is made if it is not there. `tell` is told
    /// whom one waits for; `stop` says that nobody wants it any more.
    ///
    /// # Errors
    ///
    /// What making the folder and its file answers; [`Interrupted`](ErrorKind::Interrupted).
    pub fn wait_for(
        folder: &Path,
        tell: &dyn Fn(&str),
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Self> {
        fs::create_dir_all(folder).map_err(named(folder))?;
        let path = folder.join(FILE);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = file.map_err(named(&path))?;
        let mut is_told = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(error))
                    if error.kind() == ErrorKind::Unsupported =>
                {
                    return Ok(Self { _file: None });
                }
                Err(TryLockError::Error(error)) => return Err(named(&path)(error)),
                Err(TryLockError::WouldBlock) if stop() => {
                    return Err(ErrorKind::Interrupted.into());
                }
                Err(TryLockError::WouldBlock) => {}
            }
            if !is_told {
                tell(&format!("waiting for {}, which does the same", who(&file)));
                is_told = true;
            }
            thread::sleep(LOOK);
        }
        let id = std::process::id();
        let written = file.set_len(0).and_then(|()| file.rewind());
        written.and_then(|()| write!(file, "{id}")).map_err(named(&path))?;
        Ok(Self { _file: Some(file) })
    }
}

/// Who has it. Some systems let nobody read what is locked.
fn who(mut file: &File) -> String {
    let mut number = String::new();
    let is_read =
        file.rewind().and_then(|()| file.take(MOST).read_to_string(&mut number));
    match (is_read, number.parse::<u32>()) {
        (Ok(_), Ok(number)) => format!("process {number}"),
        _ => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::cell::Cell;
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn one_has_the_folder_and_the_next_is_told_whom_it_waits_for() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("new");
        let first =
            Turn::wait_for(&place, &|_| panic!("nobody has it"), &|| true).unwrap();
        let (tell, told) = mpsc::channel();
        let second = thread::spawn(move || {
            let tell = |words: &str| tell.send(words.to_owned()).unwrap();
            Turn::wait_for(&place, &tell, &|| false).map(drop)
        });
        let id = std::process::id();
        assert_eq!(
            told.recv().unwrap(),
            format!("waiting for process {id}, which does the same")
        );
        assert!(!second.is_finished());
        drop(first);
        second.join().unwrap().unwrap();
        assert!(told.recv().is_err(), "it is told once");
    }

    #[test]
    fn nobody_waits_for_what_nobody_wants() {
        let folder = tempfile::tempdir().unwrap();
        let take = |stop: &dyn Fn() -> bool| Turn::wait_for(folder.path(), &|_| (), stop);
        let _first = take(&|| false).unwrap();
        let looks = Cell::new(0);
        let error = take(&|| looks.replace(looks.get() + 1) == 3).unwrap_err();
        assert_eq!((error.kind(), looks.get()), (ErrorKind::Interrupted, 4));
    }
}
