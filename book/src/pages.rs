//! The pages as a browser gets them: whether every link leads somewhere, whether an id is
//! used once, whether anything comes from elsewhere, whether they are small.

pub(crate) mod links;
mod page;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use lineage::error::Error;

pub(crate) use self::links::decoded;
use self::page::Page;
use crate::chapter::line_of;
use crate::origin::Origins;
use crate::problem::Problem;
use crate::slides::Ids;

/// How large the HTML of a page may be.
const MOST_HTML: usize = 200_000;

/// How large the scripts and styles may be that are ours.
const MOST_OURS: usize = 70_000;

/// Where ours are, in the folder of the pages.
const OURS: &str = "theme/";

/// All files of a built book.
#[derive(Debug, Default)]
pub struct Pages {
    /// By their paths, with `/`.
    html: BTreeMap<String, Page>,
    /// Styles and scripts, with their text.
    assets: BTreeMap<String, String>,
    /// Everything that can be linked to.
    files: Vec<String>,
}

impl Pages {
    /// Reads a folder that mdBook has filled.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let mut pages = Self::default();
        pages.collect(folder, "").map_err(|error| {
            Error::Failure(format!("cannot read {}: {error}", folder.display()))
        })?;
        Ok(pages)
    }

    fn collect(&mut self, folder: &Path, prefix: &str) -> std::io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let path = entry.path();
            if path.is_dir() {
                self.collect(&path, &format!("{name}/"))?;
                continue;
            }
            match path.extension().and_then(|it| it.to_str()) {
                Some("html") => {
                    let page = Page::parse(&fs::read_to_string(&path)?);
                    self.html.insert(name.clone(), page);
                }
                Some("css" | "js") => {
                    self.assets.insert(name.clone(), fs::read_to_string(&path)?);
                }
                _ => {}
            }
            self.files.push(name);
        }
        Ok(())
    }

    /// How many pages there are, not counting what is there twice.
    pub fn count(&self) -> usize {
        self.html.keys().filter(|name| !is_made(name)).count()
    }

    /// The ids of every page.
    pub fn ids(&self) -> Ids {
        let ids = |page: &Page| page.ids.iter().cloned().collect();
        self.html.iter().map(|(name, page)| (name.clone(), ids(page))).collect()
    }

    /// What is wrong, and in which lines of the chapters.
    pub fn check(&self, origins: &Origins) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (name, page) in &self.html {
            let chapter = name.replace(".html", ".md");
            let origin = origins.get(&chapter);
            // The first page is there twice.
            if name == "index.html" && origin.is_none() {
                continue;
            }
            let file = if origin.is_some() { &chapter } else { name };
            for (about, message) in self.complaints(name, page) {
                let lines = origin.map(|it| it.lines_with(&about)).unwrap_or_default();
                if lines.is_empty() {
                    problems.push(Problem::with(file, &message));
                }
                problems.extend(lines.iter().map(|it| Problem::at(file, *it, &message)));
            }
        }
        problems.extend(self.complaints_about_assets());
        problems
    }

    /// What is wrong with a page, and what its source says there.
    fn complaints(&self, name: &str, page: &Page) -> Vec<(String, String)> {
        let mut complaints = Vec::new();
        for id in page.ids_used_twice() {
            complaints.push((format!("\"{id}\""), format!("the id {id} is used twice")));
        }
        for text in &page.unexpanded {
            complaints.push((text.clone(), format!("{text} was not expanded")));
        }
        for link in &page.links {
            let dead = links::complaint(self, name, link);
            complaints.extend(dead.map(|message| (link.target.clone(), message)));
        }
        if page.size > MOST_HTML {
            let size = page.size;
            let message = format!("the page has {size} B, of {MOST_HTML} B at most");
            complaints.push((String::new(), message));
        }
        complaints
    }

    fn complaints_about_assets(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let ours = self.assets.iter().filter(|(name, _)| name.starts_with(OURS));
        let size: usize = ours.map(|(_, text)| text.len()).sum();
        if size > MOST_OURS {
            let message =
                format!("our scripts and styles have {size} B, of {MOST_OURS} B at most");
            problems.push(Problem::with("theme", message));
        }
        for (name, text) in &self.assets {
            for link in links::of_asset(text, element(name), name.starts_with(OURS)) {
                let line = text.find(&link.target).map(|at| line_of(text, at));
                let message = links::complaint(self, name, &link);
                let file = without_hash(name);
                problems.extend(message.map(|it| Problem::new(&file, line, it)));
            }
        }
        problems
    }
}

/// In which element its text could stand as well.
fn element(name: &str) -> &'static str {
    let is_style = Path::new(name).extension().is_some_and(|it| it == "css");
    if is_style { "style" } else { "script" }
}

/// Pages that mdBook makes besides the chapters.
fn is_made(name: &str) -> bool {
    matches!(name, "index.html" | "toc.html")
}

/// `theme/lineage.css` of `theme/lineage-70e072ba.css`, as mdBook calls it.
fn without_hash(name: &str) -> String {
    let parts = name.rsplit_once('.').and_then(|(stem, extension)| {
        let (stem, hash) = stem.rsplit_once('-')?;
        let is_hash = hash.len() == 8 && hash.chars().all(|it| it.is_ascii_hexdigit());
        is_hash.then(|| format!("{stem}.{extension}"))
    });
    parts.unwrap_or_else(|| name.to_owned())
}
