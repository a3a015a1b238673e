//! The book, built once, and a browser to look at it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use tempfile::TempDir;

use crate::Answer;
use crate::chromium::Chromium;

/// Everything a check needs.
#[derive(Debug)]
pub(crate) struct Look {
    /// The browser, with a page open.
    pub(crate) browser: Chromium,
    /// The pages, in no order that matters.
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
        let pages = pages(&folder)?;
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
    let output = Command::new(env!("CARGO_BIN_EXE_book"))
        .args(["build", "--dest"])
        .arg(folder)
        .output()
        .map_err(|error| format!("book build: {error}"))?;
    if output.status.success() {
        return Ok(folder.to_owned());
    }
    Err(format!("book build: {}", String::from_utf8_lossy(&output.stderr)))
}

/// All pages but two: `404.html` is for servers, its addresses start at their root;
/// `toc.html` is the frame that stands in where there are no scripts.
fn pages(folder: &Path) -> Answer<Vec<Page>> {
    let files =
        fs::read_dir(folder).map_err(|it| format!("{}: {it}", folder.display()))?;
    let mut pages = Vec::new();
    for file in files.filter_map(Result::ok) {
        let path = fs::canonicalize(file.path()).map_err(|error| error.to_string())?;
        let name = file.file_name().to_string_lossy().into_owned();
        let is_page = path.extension().is_some_and(|it| it == "html");
        if is_page && name != "404.html" && name != "toc.html" {
            let html = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            pages.push(Page { name, url: format!("file://{}", path.display()), html });
        }
    }
    pages.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(pages)
}
