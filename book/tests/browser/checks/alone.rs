//! A run as a page by itself. What holds at every page of the book holds there, too; here is what
//! it has to bring along.

use crate::Answer;
use crate::page::NARROW;
use crate::site::{Look, NAME};

/// Names are text, the lines of the program are there, a link leads to its step, and both schemes
/// are readable, with scripts and without.
pub(crate) fn needs_nothing(look: &mut Look) -> Answer<()> {
    let Look { browser, pages, .. } = look;
    let page = pages.last().ok_or("there is no page that stands alone")?;
    browser.width(NARROW)?;
    browser.open(&page.url)?;
    let mut wrong = Vec::new();
    let title = format!("A run of {NAME} in style async-await");
    for place in ["document.title", "document.querySelector('h1').textContent"] {
        let shown = browser.text(place)?;
        if shown != title {
            wrong.push(format!("{place} is {shown}"));
        }
    }
    if browser.is("document.getElementById('lost')")? {
        wrong.push("a name has become an element".to_owned());
    }
    let id = browser.text("document.querySelector('figure.trace').id")?;
    browser.open(&format!("{}#{id}:step=20", page.url))?;
    browser.press("ArrowRight")?;
    let at = browser.text("document.querySelector('.trace-controls input').value")?;
    let line =
        browser.text("document.querySelector('.trace-source .now').textContent")?;
    if at != "21" || line.trim().is_empty() {
        wrong.push(format!("behind step 20 is step {at}, at the line {line:?}"));
    }
    for scheme in ["light", "dark"] {
        browser.prefer(scheme)?;
        let faint = browser.lines(include_str!("../contrast.js"))?;
        wrong.extend(faint.into_iter().map(|it| format!("{scheme}: {it}")));
        let back = browser.text("getComputedStyle(document.body).backgroundColor")?;
        if (back == "rgb(255, 255, 255)") != (scheme == "light") {
            wrong.push(format!("{scheme} is {back}"));
        }
    }
    browser.prefer("")?;
    wrong.extend(browser.complaints());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
