//! The pages of exercises: where there is a server, with the reader's run beside the right one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::{NARROW, WIDE};
use crate::served::Server;
use crate::site::Look;

/// A page with an exercise whose skeleton compiles and is wrong.
const PAGE: &str = "exercise-2.1.html";

/// Where it is from.
const FOLDER: &str = "exercises/chapter02/1-the-wait-that-is-missing";

/// What is said of that.
const WRONG: &str = "2.1 is not right yet. The first difference:";

/// A file is a page like any other: it says what would be needed, and hides its hints.
pub(crate) fn explained(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with("<div class=\"exercise\"", |browser, page| {
        browser.open(&page.url)?;
        let mut wrong = Vec::new();
        let said = browser.text("document.querySelector('.exercise').textContent")?;
        if !said.contains("cargo run -p book") {
            wrong.push(format!("it does not say how: {said}"));
        }
        let shown = "[...document.querySelectorAll('.hint > :not(summary)')]
            .filter(it => it.checkVisibility()).length";
        if browser.is(shown)? {
            wrong.push("its hints are open".to_owned());
        }
        browser.tab_to(".hint summary")?;
        browser.press("Enter")?;
        browser.wait_until(shown)?;
        wrong.extend(browser.complaints());
        Ok(wrong)
    })
}

/// Not begun, wrong, right: the page follows the file.
pub(crate) fn shown(look: &mut Look) -> Answer<()> {
    let desk = tempfile::tempdir().map_err(|error| error.to_string())?;
    let server = Server::start(&[("LINEAGE_WORK", desk.path())])?;
    let browser = &mut look.browser;
    browser.width(WIDE)?;
    browser.open(&format!("{}{PAGE}", server.url))?;
    says(browser, "not begun")?;
    save(desk.path(), "skeleton.rs")?;
    says(browser, WRONG)?;
    it_stands_out_and_fits_a_phone(browser, &server)?;
    browser.open(&format!("{}{PAGE}", server.url))?;
    says(browser, WRONG)?;
    the_first_difference_is_lit(browser)?;
    it_is_played_by_keyboard(browser)?;
    save(desk.path(), "solution.rs")?;
    says(browser, "2.1 is right.")?;
    browser.wait_until(
        "document.querySelector('.exercise').textContent.includes('re-arm')",
    )?;
    if browser.is("document.querySelector('.exercise .differs')")? {
        return Err("the solution differs from itself".to_owned());
    }
    if !browser.is("document.activeElement.matches('.exercise input')")? {
        return Err("whoever was at the player is thrown out of it".to_owned());
    }
    server.was_all_that_was_asked(browser)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn save(desk: &Path, file: &str) -> Answer<()> {
    let folder = desk.join("2.1");
    let copied = fs::create_dir_all(&folder).and_then(|()| {
        fs::copy(root().join(FOLDER).join(file), folder.join("exercise.rs"))
    });
    copied.map(drop).map_err(|error| format!("{file}: {error}"))
}

/// Waits for these words. The first build may take long.
fn says(browser: &mut Chromium, words: &str) -> Answer<()> {
    let said = "document.querySelector('.exercise [role=status]').textContent";
    let is_said = format!("{said}.includes({words:?})");
    for _ in 0..60 {
        if browser.wait_until(&is_said).is_ok() {
            return Ok(());
        }
    }
    Err(format!("it says {}, and not {words}", browser.text(said)?))
}

/// In both tables, in words, and there the player begins.
fn the_first_difference_is_lit(browser: &mut Chromium) -> Answer<()> {
    browser.evaluate("pair = document.querySelector('.exercise .trace-pair')")?;
    for (what, is_so) in [
        ("a row in each", "pair.querySelectorAll('.trace .differs').length === 2"),
        (
            "the words",
            "pair.querySelector('.differs').textContent.includes('first difference')",
        ),
        (
            "the words that are said",
            "pair.querySelector('.trace-said').textContent.includes('first difference')",
        ),
        ("the player there", "pair.querySelector('tr.now.differs')"),
        (
            "another look than the rows around it",
            "getComputedStyle(pair.querySelector('.differs')).boxShadow
                !== getComputedStyle(pair.querySelector('tbody tr')).boxShadow",
        ),
        (
            "the reader's lines",
            "pair.querySelector('.trace-source pre').textContent.includes(
            'listen_to_all')",
        ),
    ] {
        if !browser.is(is_so)? {
            return Err(format!("the first difference does not have {what}"));
        }
    }
    Ok(())
}

fn it_is_played_by_keyboard(browser: &mut Chromium) -> Answer<()> {
    browser.tab_to(".exercise .trace-controls input")?;
    let url = browser.text("location.href")?;
    for (key, at) in [("Home", "1"), ("ArrowRight", "2"), ("k", "1")] {
        browser.press(key)?;
        let now = browser.text("pair.querySelector('input').value")?;
        if now != at {
            return Err(format!("{key} leads to step {now}"));
        }
    }
    let then = browser.text("location.href")?;
    if then == url { Ok(()) } else { Err(format!("a key has led to {then}")) }
}

fn it_stands_out_and_fits_a_phone(browser: &mut Chromium, server: &Server) -> Answer<()> {
    browser.width(NARROW)?;
    browser.open(&format!("{}{PAGE}", server.url))?;
    says(browser, WRONG)?;
    let mut wrong = browser.lines(include_str!("../overflow.js"))?;
    wrong.extend(browser.lines(include_str!("../contrast.js"))?);
    browser.width(WIDE)?;
    super::none(wrong)
}
