//! The player of recordings.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::{NARROW, WIDE};
use crate::site::{Look, Page};

/// How a page says that it has a player of one recording.
const TRACE: &str = "<figure class=\"trace\"";
/// And of two.
const PAIR: &str = "<div class=\"trace-pair\"";
/// Two that are not alike: what happens in one does not happen in the other.
const UNLIKE: &str = "<div class=\"trace-pair\">\n\
                      <figure class=\"trace\" id=\"trace-countdown-yield-from\"";

/// And one in which so few take part that each has a lane of its own.
const UNCROWDED: &str = "<div class=\"trace-pair\">\n\
                         <figure class=\"trace\" id=\"trace-countdown-greenlets\"";

pub(crate) fn states_follow(look: &mut Look) -> Answer<()> {
    look.at_pages_with(TRACE, |browser, page| {
        browser.open(&page.url)?;
        browser.lines(include_str!("../states.js"))
    })
}

/// Tab leads to the player; its keys step and jump; the page stays.
pub(crate) fn by_keyboard(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with(TRACE, |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".trace-controls button")?;
        browser
            .evaluate("player = document.activeElement.closest('.trace, .trace-pair')")?;
        let last = browser.evaluate("+player.querySelector('input').max")?;
        let last = last.as_u64().ok_or("the player has no last step")?;
        let keys = [
            ("ArrowRight", 2),
            ("j", 3),
            ("k", 2),
            ("End", last),
            ("ArrowLeft", last - 1),
        ];
        for (key, step) in keys.into_iter().chain([("Home", 1), ("ArrowLeft", 1)]) {
            browser.press(key)?;
            is_at(browser, step).map_err(|error| format!("{key}: {error}"))?;
        }
        browser.tab_to(".trace-controls input")?;
        browser.press("ArrowRight")?;
        is_at(browser, 2).map_err(|error| format!("at the slider: {error}"))?;
        let said = browser.text("player.querySelector('.trace-said').textContent")?;
        let words = browser.text("player.querySelector('.trace-now').textContent")?;
        if !said.contains(&words) {
            return Ok(vec![format!("it shows “{words}” and says “{said}”")]);
        }
        still_at(browser, page)
    })
}

/// One player and a pair, each given another recording, play that one.
pub(crate) fn renewed(look: &mut Look) -> Answer<()> {
    for (text, root) in [(TRACE, ".trace"), (PAIR, ".trace-pair")] {
        look.at_one_page_with(text, |browser, page| {
            browser.open(&page.url)?;
            browser.evaluate(&format!("player = document.querySelector('{root}')"))?;
            let mut wrong = browser.lines(include_str!("../renew.js"))?;
            browser.evaluate("player.querySelector('.trace-controls input').focus()")?;
            browser.press("ArrowRight")?;
            is_at(browser, 2)?;
            wrong.extend(browser.complaints());
            Ok(wrong)
        })?;
    }
    Ok(())
}

/// Where the player is, by its slider and, if there is only one, by its table.
fn is_at(browser: &mut Chromium, step: u64) -> Answer<()> {
    let at = browser.text("player.querySelector('input').value")?;
    let row = browser.text(
        "(player.querySelector('tr[aria-current=step] td')
            || player.querySelector('td')).textContent",
    )?;
    let is_pair = browser.is("player.matches('.trace-pair')")?;
    if at != step.to_string() || (!is_pair && row != at) {
        return Err(format!("it is at {at}, its table at {row}, and not at {step}"));
    }
    Ok(())
}

fn still_at(browser: &mut Chromium, page: &Page) -> Answer<Vec<String>> {
    let url = browser.text("location.href")?;
    let is_here = url.split('#').next() == Some(&page.url);
    let moved = (!is_here).then(|| format!("a key has led to {url}"));
    Ok(browser.complaints().into_iter().chain(moved).collect())
}

pub(crate) fn plays(look: &mut Look) -> Answer<()> {
    look.at_one_page_with(TRACE, |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".trace-controls input")?;
        browser.press(" ")?;
        browser.wait_until("document.activeElement.value > 2")?;
        browser.press(" ")?;
        let at = browser.text("document.activeElement.value")?;
        thread::sleep(Duration::from_secs(1));
        let then = browser.text("document.activeElement.value")?;
        let mut complaints = still_at(browser, page)?;
        browser.evaluate("player = document.activeElement.closest('.trace')")?;
        complaints.extend(browser.lines(include_str!("../speeds.js"))?);
        complaints.extend((at != then).then(|| "it plays on after a pause".to_owned()));
        Ok(complaints)
    })
}

pub(crate) fn nothing_moves(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with(TRACE, |browser, page| {
        browser.open(&page.url)?;
        browser.lines(include_str!("../still.js"))
    })
}

pub(crate) fn links(look: &mut Look) -> Answer<()> {
    look.at_one_page_with(TRACE, |browser, page| {
        browser.open(&page.url)?;
        let id = browser.text("document.querySelector('figure.trace').id")?;
        browser.open(&format!("{}#{id}:step=7", page.url))?;
        browser
            .evaluate("player = document.activeElement.closest('.trace, .trace-pair')")?;
        is_at(browser, 7)?;
        browser.width(600)?;
        let is_seen = "(() => {
            const table = player.querySelector('.trace-table').getBoundingClientRect();
            const { top, bottom } = player.querySelector('tr.now').getBoundingClientRect();
            return top >= table.top && bottom <= table.bottom;
        })()";
        browser.wait_until(is_seen)?;
        browser.width(WIDE)?;
        browser.press("j")?;
        let link =
            "[...player.querySelectorAll('a')].find(it => it.hash.includes(':step='))";
        let hash = browser.text(&format!("{link}.hash"))?;
        browser.evaluate(&format!("{link}.click()"))?;
        let url = browser.text("location.hash")?;
        let wanted = format!("#{id}:step=8");
        if hash != wanted || url != wanted {
            return Ok(vec![format!("step 8 has the link {hash}, which leads to {url}")]);
        }
        browser.evaluate("location.hash = location.hash.replace('=8', '=5')")?;
        browser.wait_until("player.querySelector('input').value == 5")?;
        Ok(browser.complaints())
    })
}

/// Plays until it is asked, answers wrong, then right, each by keyboard.
pub(crate) fn guesses(look: &mut Look) -> Answer<()> {
    look.at_one_page_with("id=\"trace-countdown-async-await\"", |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to("#trace-countdown-async-await [aria-pressed]")?;
        browser.press("Enter")?;
        for _ in 0..200 {
            browser.press("j")?;
            if browser.is(IS_ASKED)? {
                break;
            }
        }
        let said = "document.querySelector('.trace-ask [role=status]').textContent";
        let mut heard = Vec::new();
        for _ in 0..5 {
            browser.press("Enter")?;
            heard.push(browser.text(said)?);
            if heard.last().is_some_and(|it| it.starts_with("Right")) {
                let step = "document.querySelector('.trace input').value";
                let before = browser.text(step)?;
                browser.press("Enter")?; // goes on
                let goes_on = browser.text(step)? != before;
                browser.press("ArrowRight")?; // and whoever goes on is still at the player
                let mut wrong = still_at(browser, page)?;
                wrong.extend((!goes_on).then(|| "it does not go on".to_owned()));
                wrong.extend(is_told_the_truth(browser)?);
                return Ok(wrong);
            }
            browser.press("Tab")?;
        }
        Ok(vec![format!("no answer is right: {heard:?}")])
    })
}

/// At every question until the end.
fn is_told_the_truth(browser: &mut Chromium) -> Answer<Vec<String>> {
    browser.evaluate("player = document.activeElement.closest('.trace')")?;
    let (mut wrong, mut questions) = (Vec::new(), 0);
    let last = browser.evaluate("+player.querySelector('input').max")?;
    for _ in 0..last.as_u64().unwrap_or_default() {
        browser.press("j")?;
        if browser.is(IS_ASKED)? {
            questions += 1;
            wrong.extend(browser.lines(GUESS)?);
            browser.press("Enter")?;
        }
    }
    wrong.extend((questions < 3).then(|| format!("it has asked {questions} times")));
    Ok(wrong)
}

/// Both tables of a pair follow the same keys, neither is ahead of the other's time, and
/// they end together.
pub(crate) fn pairs(look: &mut Look) -> Answer<()> {
    look.at_pages_with(PAIR, |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".trace-pair .trace-controls input")?;
        browser.evaluate("player = document.activeElement.closest('.trace-pair')")?;
        let mut complaints = Vec::new();
        for _ in 0..40 {
            browser.press("ArrowRight")?;
            complaints.extend(browser.lines(include_str!("../pair.js"))?);
        }
        browser.press("End")?;
        let is_at_the_end = "[...player.querySelectorAll('tbody')]
            .every(it => it.lastElementChild.matches('[aria-current=step]'))";
        if !browser.is(is_at_the_end)? {
            complaints.push("at the end, a table is not".to_owned());
        }
        let has_its_source = "[...player.querySelectorAll('.trace')]
            .every(it => it.querySelector('.trace-source .now'))";
        if !browser.is(has_its_source)? {
            complaints.push("one shows no line of a source".to_owned());
        }
        complaints.extend(still_at(browser, page)?);
        Ok(complaints)
    })
}

/// How the page of the tests below says that it has the countdown's player.
const COUNTDOWN: &str = "id=\"trace-countdown-async-await\"";

fn at_the_countdown(browser: &mut Chromium, page: &Page) -> Answer<()> {
    browser.open(&page.url)?;
    browser.tab_to(".trace-controls input")?;
    browser.evaluate("player = document.activeElement.closest('.trace, .trace-pair')")?;
    Ok(())
}

/// From all over the run, and by real keys from its first step: whoever runs again is whoever ran.
pub(crate) fn jumps(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_one_page_with(COUNTDOWN, |browser, page| {
        at_the_countdown(browser, page)?;
        let now = "player.querySelector('tr.now').cells[2].textContent";
        let mut complaints = Vec::new();
        let keys = [("w", "woken by"), ("n", "begins"), ("r", " runs"), ("r", " runs")];
        let mut heard = Vec::new();
        for (key, words) in keys {
            browser.press(key)?;
            heard.push(browser.text(now)?);
            if heard.last().is_some_and(|it| !it.contains(words)) {
                complaints.push(format!("{key} leads to {heard:?}"));
            }
        }
        if heard[2] != heard[3] {
            complaints.push(format!("somebody else runs: {heard:?}"));
        }
        complaints.extend(browser.lines(include_str!("../jumps.js"))?);
        browser.press("End")?;
        browser.press("w")?;
        let said = browser.text("player.querySelector('.trace-said').textContent")?;
        if !said.contains("none any more") {
            complaints.push(format!("at the end it says {said}"));
        }
        complaints.extend(still_at(browser, page)?);
        Ok(complaints)
    })?;
    look.at_one_page_with(UNCROWDED, |browser, page| {
        browser.open(&page.url)?;
        browser.evaluate("player = document.querySelector('.trace-pair')")?;
        browser.lines(include_str!("../jumps.js"))
    })
}

pub(crate) fn axes(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_one_page_with(COUNTDOWN, |browser, page| {
        at_the_countdown(browser, page)?;
        let mut complaints = browser.lines(include_str!("../axes.js"))?;
        browser.press("End")?;
        let printed = browser.text(
            "[...player.querySelectorAll('dd.printed li')].reverse()
                .map(it => it.textContent.split(': ')[1]).join()",
        )?;
        if printed != "a 2,a 1,b 1,a 0,c 0,b 0" {
            complaints.push(format!("at the end it has printed {printed}"));
        }
        let so_far = browser.text("player.querySelector('dd.so').textContent")?;
        if !so_far.contains("rocket a: ran 4 times, busy 0 ms, ready 0 ms, waited 120 ms")
        {
            complaints.push(format!("at the end: {so_far}"));
        }
        complaints.extend(still_at(browser, page)?);
        Ok(complaints)
    })
}

/// Also at the end of a player that is higher than the window, and on a phone.
pub(crate) fn in_sight(look: &mut Look) -> Answer<()> {
    for width in [NARROW, WIDE] {
        look.browser.width(width)?;
        look.at_pages_with(TRACE, |browser, page| {
            at_the_countdown(browser, page)?;
            browser.evaluate(
                "[...player.querySelectorAll('.trace-table')].pop().scrollIntoView(false)",
            )?;
            let is_seen = browser.is(
                "(() => {
                    const { top, bottom } = player.querySelector('.trace-controls')
                        .getBoundingClientRect();
                    return top >= 0 && bottom <= innerHeight;
                })()",
            )?;
            Ok((!is_seen).then(|| "the controls have left".to_owned()).into_iter().collect())
        })?;
    }
    Ok(())
}

/// Whether somebody is asked who runs next.
const IS_ASKED: &str = "document.activeElement.closest('.trace-ask')";

/// What is wrong with the question, of a `player`.
const GUESS: &str = include_str!("../guess.js");

/// Both are asked about, each by its name, and what is next is hidden in both.
pub(crate) fn guesses_of_two(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_one_page_with(UNLIKE, |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".trace-pair [aria-pressed]")?;
        browser.evaluate("player = document.activeElement.closest('.trace-pair')")?;
        let mut complaints = Vec::new();
        let mut differ = 0;
        for _ in 0..60 {
            browser.press("ArrowRight")?;
            complaints.extend(browser.lines(include_str!("../compare.js"))?);
            differ += usize::from(browser.is("player.querySelector('.differs')")?);
        }
        if differ == 0 {
            complaints.push("no lanes ever differ".to_owned());
        }
        browser.press("Home")?;
        browser.evaluate("player.querySelector('[aria-pressed]').click()")?;
        let mut asked = BTreeSet::new();
        for _ in 0..40 {
            browser.press("j")?;
            for _ in 0..2 {
                if !browser.is(IS_ASKED)? {
                    break;
                }
                let question = "player.querySelector('.trace-ask p').textContent";
                asked.insert(browser.text(question)?);
                complaints.extend(browser.lines(GUESS)?);
                browser.press("Enter")?; // goes on, or asks of the other
            }
        }
        let wanted =
            ["yield-from", "async-await"].map(|it| format!("Who runs next in {it}?"));
        if !asked.iter().eq(BTreeSet::from(wanted).iter()) {
            complaints.push(format!("it has asked: {asked:?}"));
        }
        complaints.extend(still_at(browser, page)?);
        Ok(complaints)
    })
}
