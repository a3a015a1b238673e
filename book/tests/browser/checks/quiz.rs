//! The quizzes, and the panes that show one program in several styles.

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::WIDE;
use crate::site::{Look, Page};

/// Answers each question, wrong and right, by keyboard only.
pub(crate) fn by_keyboard(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with("<section class=\"quiz\"", |browser, page| {
        browser.open(&page.url)?;
        let mut complaints = Vec::new();
        let count = browser.evaluate("document.querySelectorAll('.quiz-item').length")?;
        for item in 0..count.as_u64().unwrap_or(0) {
            complaints.extend(answers(browser, item)?);
        }
        complaints.extend(browser.complaints());
        complaints.extend(nothing_is_kept(browser, page)?);
        Ok(complaints)
    })
}

fn answers(browser: &mut Chromium, item: u64) -> Answer<Vec<String>> {
    browser
        .evaluate(&format!("item = document.querySelectorAll('.quiz-item')[{item}]"))?;
    if item == 0 {
        browser.tab_to(".quiz-item :is(input, textarea, .mixed button)")?;
    } else {
        let first = "item.querySelector(':is(input, textarea, .mixed button)').focus()";
        browser.evaluate(first)?;
    }
    let complaint = match browser.text("item.dataset.form")?.as_str() {
        "choice" => return choices(browser, item),
        "order" => order(browser)?,
        "prints" => typed(browser, "item.querySelector('.right pre').textContent")?,
        "count" => typed(browser, "item.querySelector('.right').dataset.right")?,
        other => Some(format!("nobody tries questions of the form {other}")),
    };
    Ok(complaint.map(|it| format!("question {}: {it}", item + 1)).into_iter().collect())
}

/// Tries each answer, down the list.
fn choices(browser: &mut Chromium, item: u64) -> Answer<Vec<String>> {
    browser.press(" ")?;
    let count = browser.evaluate("item.querySelectorAll('[data-correct]').length")?;
    let mut complaints = Vec::new();
    for answer in 0..count.as_u64().unwrap_or(0) {
        browser.press("Enter")?;
        let is_explained = browser.is(&format!(
            "(() => {{
                const answer = item.querySelectorAll('[data-correct]')[{answer}];
                const isRight = answer.dataset.correct === 'true';
                const why = answer.querySelector('.why').textContent.trim();
                const said = item.querySelector('.verdict').textContent;
                return answer.querySelector('input').checked && why.length > 10
                    && said.startsWith(isRight ? '✓' : '✗') && said.includes(why);
            }})()"
        ))?;
        if !is_explained {
            complaints
                .push(format!("question {} does not explain answer {answer}", item + 1));
        }
        browser.press("ArrowDown")?;
    }
    Ok(complaints)
}

/// Asks for the verdict as it stands, then moves each line up to its place.
fn order(browser: &mut Chromium) -> Answer<Option<String>> {
    if !verdict(browser, false)? {
        return Ok(Some("lines in no order pass".to_owned()));
    }
    let count = browser.evaluate("item.querySelectorAll('.mixed li').length")?;
    for place in 0..count.as_u64().unwrap_or(0) {
        let line = format!("item.querySelector('[data-place=\"{place}\"]')");
        browser.evaluate(&format!("{line}.querySelector('button').focus()"))?;
        let above = format!("[...{line}.parentNode.children].indexOf({line}) > {place}");
        while browser.is(&above)? {
            browser.press(" ")?;
        }
    }
    Ok((!verdict(browser, true)?).then(|| "the right order does not pass".to_owned()))
}

/// Types nothing, then something else, then what is right.
fn typed(browser: &mut Chromium, right: &str) -> Answer<Option<String>> {
    browser.evaluate("item.querySelector(':is(input, textarea)').value = '7777'")?;
    if !verdict(browser, false)? {
        return Ok(Some("what is wrong passes".to_owned()));
    }
    let input = "item.querySelector(':is(input, textarea)')";
    browser.evaluate(&format!("{input}.value = {right}"))?;
    Ok((!verdict(browser, true)?).then(|| "what is right does not pass".to_owned()))
}

/// Whether that is what `Check` says: and only if it is right, why.
fn verdict(browser: &mut Chromium, is_right: bool) -> Answer<bool> {
    browser.evaluate("item.querySelector(':scope > button').focus()")?;
    browser.press(" ")?;
    let mark = if is_right { '✓' } else { '✗' };
    browser.is(&format!(
        "item.querySelector('.verdict').textContent.startsWith('{mark}')
            && item.querySelector('.right').open === {is_right}
            && (!{is_right} || item.querySelector('.why').textContent.length > 10)"
    ))
}

fn nothing_is_kept(browser: &mut Chromium, page: &Page) -> Answer<Vec<String>> {
    browser.open(&page.url)?;
    let is_kept = "document.querySelector('.quiz input:checked') !== null
        || Object.keys(localStorage).some(it => !it.startsWith('mdbook'))";
    let is_kept = browser.is(is_kept)?;
    Ok(is_kept.then(|| "answers are kept".to_owned()).into_iter().collect())
}

pub(crate) fn styles_by_keyboard(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with("<div class=\"rosetta\"", |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".rosetta [role=tab]")?;
        let is_shown = "(() => {
            const tab = document.activeElement;
            const panel = document.getElementById(tab.getAttribute('aria-controls'));
            return tab.getAttribute('aria-selected') === 'true' && !panel.hidden;
        })()";
        let mut complaints = Vec::new();
        for key in ["Home", "ArrowRight", "ArrowRight", "End", "ArrowRight", "ArrowLeft"]
        {
            browser.press(key)?;
            if !browser.is(is_shown)? {
                complaints
                    .push(format!("{key} does not show the style that it leads to"));
            }
        }
        if browser.text("location.href")? != page.url {
            complaints.push("a key has turned the page".to_owned());
        }
        Ok(complaints)
    })
}
