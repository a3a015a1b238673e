//! A page that a command leaves: asked for before the work begins, so that whoever mistypes its
//! name need not wait to hear so, and written when the work is done.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, named};
use crate::output::Output;

/// A file that can be written.
#[derive(Clone, Debug)]
pub struct Page(PathBuf);

impl Page {
    /// Asks. Nothing is there afterwards that was not before; what was stays until there is
    /// something in its place.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let is_new = path.symlink_metadata().is_err();
        let opened = File::options().append(true).create(true).open(path);
        opened
            .and_then(|_| if is_new { fs::remove_file(path) } else { Ok(()) })
            .map_err(|error| Error::failure(named(path)(error)))?;
        Ok(Self(path.to_owned()))
    }

    /// Writes it, and says what to do with it.
    ///
    /// # Errors
    ///
    /// Fails when the file cannot be written after all, or nobody is there to hear of it.
    pub fn write(&self, html: &str, output: &mut Output) -> Result<(), Error> {
        let Self(path) = self;
        fs::write(path, html).map_err(|error| Error::failure(named(path)(error)))?;
        output.line(format_args!("{}: open it in a browser", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_and_nothing_is_there_before_it_is_written() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join("a.html");
        let page = Page::at(&path).expect("it can be written");
        assert!(!path.exists());
        page.write("one", &mut Output::stdout()).expect("it can be written");
        let again = Page::at(&path).expect("it can be written again");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "one");
        again.write("2", &mut Output::stdout()).expect("it can be written");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), "2");
    }

    #[test]
    fn whoever_cannot_have_a_page_hears_which_and_why() {
        let folder = tempfile::tempdir().expect("there is room");
        for path in [folder.path().join("no/such/folder.html"), folder.path().to_owned()]
        {
            let Err(Error::Failure(said)) = Page::at(&path) else { panic!("it is none") };
            assert!(said.starts_with(&format!("{}: ", path.display())), "{said}");
        }
    }

    /// What was there to be written to may be gone when the work is done.
    #[test]
    fn whoever_loses_a_page_in_the_meantime_hears_which() {
        let folder = tempfile::tempdir().expect("there is room");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("there is room");
        let path = inner.join("a.html");
        let page = Page::at(&path).expect("it can be written");
        fs::remove_dir(&inner).expect("it is empty");
        let written = page.write("one", &mut Output::stdout());
        let Err(Error::Failure(said)) = written else { panic!("it is gone") };
        assert!(said.starts_with(&format!("{}: ", path.display())), "{said}");
    }
}
