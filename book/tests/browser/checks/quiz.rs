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
        "prints" => {
            typed(browser, "item.querySelector('.right pre').textContent", &PRINTED)?
        }
        "count" => {
            typed(browser, "item.querySelector('.right').dataset.right", &COUNTED)?
        }
        other => Some(format!("nobody tries questions of the form {other}")),
    };
    Ok(complaint.map(|it| format!("question {}: {it}", item + 1)).into_iter().collect())
}

/// Tries none, and then each answer, down the list.
fn choices(browser: &mut Chromium, item: u64) -> Answer<Vec<String>> {
    let before = verdict(browser)?;
    if before != "Choose an answer first." {
        return Ok(vec![format!("question {}: to none it says {before}", item + 1)]);
    }
    browser.evaluate("item.querySelector('input').focus()")?;
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
                // The wrong ones are explained beside the right one, and not before.
                const others = [...item.querySelectorAll('[data-correct]')].filter(it => it !== answer);
                const areTold = others.every(it => it.querySelector('.why').hidden !== isRight
                    && it.classList.contains('shown') === isRight);
                return areTold && answer.querySelector('input').checked && why.length > 10
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

/// Asks for the verdict as it stands, moves each line up to its place, and the last ones up and
/// down again: at each step the hint says how far it is right.
fn order(browser: &mut Chromium) -> Answer<Option<String>> {
    let count = browser.evaluate("item.querySelectorAll('.mixed li').length")?;
    let count = count.as_u64().ok_or("there are no lines")?;
    for place in 0..count {
        if let Some(wrong) = order_is_judged(browser)? {
            return Ok(Some(wrong));
        }
        let line = format!("item.querySelector('[data-place=\"{place}\"]')");
        browser.evaluate(&format!("{line}.querySelector('button').focus()"))?;
        let above = format!("[...{line}.parentNode.children].indexOf({line}) > {place}");
        while browser.is(&above)? {
            browser.press(" ")?;
        }
    }
    browser.evaluate(
        "item.querySelector('.mixed li').querySelectorAll('button')[1].focus()",
    )?;
    browser.press(" ")?;
    let said = browser.text(VERDICT)?;
    if said != format!("Now line 2 of {count}.") {
        return Ok(Some(format!("the first line goes down, and it says {said}")));
    }
    if let Some(wrong) = order_is_judged(browser)? {
        return Ok(Some(wrong));
    }
    browser.evaluate(
        "item.querySelectorAll('.mixed li')[1].querySelector('button').focus()",
    )?;
    browser.press(" ")?;
    order_is_judged(browser)
}

/// By the places of the lines.
fn order_is_judged(browser: &mut Chromium) -> Answer<Option<String>> {
    let places =
        "[...item.querySelectorAll('.mixed li')].map(it => it.dataset.place).join()";
    let places = browser.text(places)?;
    let right = places.split(',').enumerate().take_while(|(n, it)| **it == n.to_string());
    let wanted = match right.count() {
        right if right == places.split(',').count() => return is_right(browser),
        0 => "✗ Another line is the first.".to_owned(),
        right => format!("✗ Right as far as line {right}. What comes after it?"),
    };
    is_wrong(browser, &wanted)
}

/// Types what a machine knows, and what is not quite that.
fn typed(
    browser: &mut Chromium,
    right: &str,
    wrong: &[(&str, &str)],
) -> Answer<Option<String>> {
    browser.evaluate(&format!(
        "input = item.querySelector(':is(input, textarea)'); right = {right}.trim();
         lines = right.split('\\n')"
    ))?;
    for (typed, said) in wrong {
        browser.evaluate(&format!("input.value = {typed}"))?;
        let said = browser.text(said)?;
        let complaint = is_wrong(browser, &said)?;
        if complaint.is_some() {
            return Ok(complaint);
        }
    }
    browser.evaluate("input.value = ` ${right} `")?;
    is_right(browser)
}

/// What is printed: with another line, with a line more, with one less.
const PRINTED: [(&str, &str); 3] = [
    ("[...lines.slice(0, -1), 'x'].join('\\n')", "`✗ Line ${lines.length} is another.`"),
    ("`${right}\\nx`", "`✗ It prints ${lines.length} lines.`"),
    ("lines.slice(0, -1).join('\\n')", "`✗ Line ${lines.length} is another.`"),
];

/// A number, and no number.
const COUNTED: [(&str, &str); 4] = [
    ("''", "'Write a number first.'"),
    ("'many'", "'Write a number first.'"),
    ("+right + 1", "'✗ Fewer.'"),
    ("right - 1", "'✗ More.'"),
];

const VERDICT: &str = "item.querySelector('.verdict').textContent";

/// What `Check` says.
fn verdict(browser: &mut Chromium) -> Answer<String> {
    browser.evaluate("[...item.querySelectorAll('button')].find(it => it.textContent === 'Check').focus()")?;
    browser.press(" ")?;
    browser.text(VERDICT)
}

/// Only then it is explained.
fn is_right(browser: &mut Chromium) -> Answer<Option<String>> {
    let said = verdict(browser)?;
    let why = "item.querySelector('.right').checkVisibility() && item.querySelector('.right').open
        && item.querySelector('.why').textContent.length > 10";
    let is_so = said == "✓ Right." && browser.is(why)?;
    Ok((!is_so).then(|| format!("to what is right it says {said}")))
}

fn is_wrong(browser: &mut Chromium, wanted: &str) -> Answer<Option<String>> {
    let said = verdict(browser)?;
    let is_told = browser.is("item.querySelector('.right').checkVisibility()")?;
    let is_so = said == wanted && !is_told;
    Ok((!is_so).then(|| format!("it should say {wanted}, and says {said}")))
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
