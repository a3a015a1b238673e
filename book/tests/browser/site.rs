//! The book, built once, and a browser to look at it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;
use tempfile::TempDir;

use crate::Answer;
use crate::chromium::Chromium;

/// Everything a check needs.
#[derive(Debug)]
pub(crate) struct Look {
    /// The browser, with a page open.
    pub(crate) browser: Chromium,
    /// The pages of the book, and one that stands alone, last.
    pub(crate) pages: Vec<Page>,
    /// Has the browser's files, and the pages if we built them. Dropped last.
    _own: TempDir,
}

/// A page of the book.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its file's name.
    pub(crate) name: String,
    /// What to open.
    pub(crate) url: String,
    /// Its HTML.
    pub(crate) html: String,
}

impl Page {
    fn at(path: &Path) -> Answer<Self> {
        let path = fs::canonicalize(path).map_err(|error| error.to_string())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let html = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Self { name, url: format!("file://{}", path.display()), html })
    }
}

impl Look {
    /// Builds the book and starts the browser. `BOOK` may name a folder of pages to look at
    /// instead.
    pub(crate) fn begin(program: &Path) -> Answer<Self> {
        let own = tempfile::tempdir().map_err(|error| error.to_string())?;
        let folder = match env::var_os("BOOK") {
            Some(folder) => folder.into(),
            None => build(&own.path().join("book"))?,
        };
        let browser = Chromium::start(program, &own.path().join("profile"))?;
        let mut pages = pages(&folder)?;
        pages.push(alone(own.path())?);
        Ok(Self { browser, pages, _own: own })
    }

    /// Does the same at every page, and gathers what is wrong, by page.
    pub(crate) fn at_every_page(
        &mut self,
        check: impl FnMut(&mut Chromium, &Page) -> Answer<Vec<String>>,
    ) -> Answer<()> {
        self.at_pages_with("", check)
    }

    /// Does it at the first page whose HTML has that text.
    pub(crate) fn at_one_page_with(
        &mut self,
        text: &str,
        mut check: impl FnMut(&mut Chromium, &Page) -> Answer<Vec<String>>,
    ) -> Answer<()> {
        let mut is_done = false;
        self.at_pages_with(text, |browser, page| {
            if is_done {
                return Ok(Vec::new());
            }
            is_done = true;
            check(browser, page)
        })
    }

    /// As [`at_every_page`](Self::at_every_page), where the HTML has that text; somewhere it
    /// must.
    pub(crate) fn at_pages_with(
        &mut self,
        text: &str,
        mut check: impl FnMut(&mut Chromium, &Page) -> Answer<Vec<String>>,
    ) -> Answer<()> {
        let pages = self.pages.iter().filter(|page| page.html.contains(text));
        let mut count = 0;
        let mut complaints = Vec::new();
        for page in pages {
            count += 1;
            let found = check(&mut self.browser, page).unwrap_or_else(|it| vec![it]);
            complaints.extend(found.into_iter().map(|it| format!("{}: {it}", page.name)));
        }
        if count == 0 {
            return Err(format!("no page has {text}"));
        }
        if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
    }
}

fn build(folder: &Path) -> Answer<PathBuf> {
    book(["build".as_ref(), "--dest".as_ref(), folder.as_os_str()])?;
    Ok(folder.to_owned())
}

fn book<const N: usize>(words: [&OsStr; N]) -> Answer<()> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_book"));
    let output = command.args(words).output().map_err(|it| format!("book: {it}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{words:?}: {said}")) }
}

/// What a program of the reader's may be called, and print.
pub(crate) const NAME: &str = "mine</script><b id=\"lost\">&amp;'";

/// The page that `try --html` leaves: of the countdown, with [`NAME`] for whatever has one.
fn alone(folder: &Path) -> Answer<Page> {
    let failed =
        |error: &dyn std::fmt::Display| format!("the page that stands alone: {error}");
    let recorded =
        concat!(env!("CARGO_MANIFEST_DIR"), "/traces/countdown.async-await.json");
    let text = fs::read_to_string(recorded).map_err(|it| failed(&it))?;
    let mut trace: Value = serde_json::from_str(&text).map_err(|it| failed(&it))?;
    trace["program"] = NAME.into();
    trace["subjects"][0]["called"] = NAME.into();
    for event in trace["events"].as_array_mut().into_iter().flatten() {
        if event["what"] == "said" {
            event["text"] = NAME.into();
        }
    }
    let [recording, page] = ["run.json", "alone.html"].map(|it| folder.join(it));
    fs::write(&recording, trace.to_string()).map_err(|it| failed(&it))?;
    book(["draw".as_ref(), page.as_os_str(), recording.as_os_str()])?;
    Page::at(&page)
}

/// All pages but two: `404.html` is for servers, its addresses start at their root;
/// `toc.html` is the frame that stands in where there are no scripts.
fn pages(folder: &Path) -> Answer<Vec<Page>> {
    let files =
        fs::read_dir(folder).map_err(|it| format!("{}: {it}", folder.display()))?;
    let mut pages = Vec::new();
    for file in files.filter_map(Result::ok) {
        let (path, name) = (file.path(), file.file_name());
        let is_page = path.extension().is_some_and(|it| it == "html");
        if is_page && name != "404.html" && name != "toc.html" {
            pages.push(Page::at(&path)?);
        }
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pages)
}
