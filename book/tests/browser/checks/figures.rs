//! The pictures: those with a handle, and the life of a task.

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::{NARROW, WIDE};
use crate::site::Look;

/// One picture at a time, from the first to the last and not beyond; the page stays.
pub(crate) fn by_keyboard(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with("<div class=\"frame\">", |browser, page| {
        browser.open(&page.url)?;
        let has_handle = "document.querySelector('.drawing input') !== null";
        if !browser.is(has_handle)? {
            return Ok(Vec::new()); // of one picture only
        }
        browser.tab_to(".drawing input")?;
        browser.evaluate("figure = document.activeElement.closest('.drawing')")?;
        let shown = "[...figure.querySelectorAll('.frame')].flatMap(
            (frame, n) => frame.checkVisibility() ? [n + 1] : []).join()";
        let last = browser.text("figure.querySelector('input').max")?;
        let mut complaints = Vec::new();
        for (key, wanted) in
            [("ArrowRight", "2"), ("End", &last), ("ArrowRight", &last), ("Home", "1")]
        {
            browser.press(key)?;
            let shown = browser.text(shown)?;
            if shown != wanted {
                complaints.push(format!("{key} shows {shown} instead of {wanted}"));
            }
        }
        let link = "figure.querySelector('.frame [data-frame=\"3\"]')";
        if browser.is(link)? {
            browser.evaluate(&format!(
                "{link}.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"
            ))?;
            let shown = browser.text(shown)?;
            if shown != "3" {
                complaints.push(format!("a click at the third link shows {shown}"));
            }
        }
        if browser.text("location.href")? != page.url {
            complaints.push("a key has turned the page".to_owned());
        }
        Ok(complaints)
    })
}

/// By mouse and by finger: the box goes along, and the tip of the arrow from it stays; let go of
/// half-way it goes back, and behind that it is there, where the next picture has it.
pub(crate) fn by_hand(look: &mut Look) -> Answer<()> {
    for width in [NARROW, WIDE] {
        look.browser.width(width)?;
        look.at_pages_with("data-drag", |browser, page| {
            browser.open(&page.url)?;
            browser.evaluate(include_str!("../drag.js"))?;
            let mut wrong = dragged(browser, Chromium::mouse, MOUSE)?;
            wrong.extend(dragged(browser, Chromium::finger, FINGER)?);
            wrong.extend(dragged(browser, Chromium::finger, LOST)?);
            wrong.extend(browser.complaints());
            Ok(wrong.into_iter().map(|it| format!("at {width}: {it}")).collect())
        })?;
    }
    Ok(())
}

/// How it takes hold of something, moves it and lets go.
const MOUSE: [&str; 3] = ["mousePressed", "mouseMoved", "mouseReleased"];
const FINGER: [&str; 3] = ["touchStart", "touchMove", "touchEnd"];

/// The system takes the finger for something of its own, and nobody lets go.
const LOST: [&str; 3] = ["touchStart", "touchMove", "touchCancel"];

fn dragged(
    browser: &mut Chromium,
    hand: fn(&mut Chromium, &str, [f64; 2]) -> Answer<()>,
    [takes, goes, leaves]: [&str; 3],
) -> Answer<Vec<String>> {
    let mut wrong = Vec::new();
    let scrolled = browser.evaluate("scrollY")?;
    // How much of the way, and which picture comes of it.
    for (from, share, to) in
        [(1, 0.4, 1), (1, 1.5, 2), (2, 0.4, 2), (2, 0.6, 1), (1, -1.0, 1)]
    {
        let [x, y, far]: [f64; 3] = serde_json::from_value(browser.evaluate("middle()")?)
            .map_err(|error| format!("no place of a box: {error}"))?;
        hand(browser, takes, [x, y])?;
        hand(browser, goes, [x, y + far * share / 2.0])?;
        hand(browser, goes, [x, y + far * share])?;
        browser.settle()?; // a finger is heard once a frame
        let way = format!("{takes} to {leaves} in picture {from}, by {share}");
        let off = browser.lines(&format!("moved({})", share.clamp(0.0, 1.0)))?;
        wrong.extend(off.into_iter().map(|it| format!("{way}: {it}")));
        hand(browser, leaves, [x, y + far * share])?;
        let shown = browser.evaluate("shown()")?;
        if shown != to {
            wrong.push(format!("{way}: it shows picture {shown} and not {to}"));
        }
        browser.mouse("mouseMoved", [x, y + 4.0])?; // over it, and nobody holds it
        let left = browser.lines("left()")?;
        wrong.extend(left.into_iter().map(|it| format!("{way}, and let go of: {it}")));
    }
    if browser.evaluate("scrollY")? != scrolled {
        wrong.push("the page went along".to_owned());
    }
    Ok(wrong)
}

/// The arrow that went and the state that it led to are those of the player's event.
pub(crate) fn cycle_follows(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_pages_with("<figure class=\"cycle\"", |browser, page| {
        browser.open(&page.url)?;
        if !browser.is("document.querySelector('figure.trace') !== null")? {
            return Ok(Vec::new()); // nobody to follow
        }
        browser.tab_to(".trace-controls input")?;
        browser.evaluate(
            "trace = document.activeElement.closest('.trace, .trace-pair')
                .querySelector('.trace-data');
             events = JSON.parse(trace.textContent).events;
             marked = what => [...document.querySelectorAll(`.cycle ${what}`)]
                .map(it => it.dataset.arrow || it.dataset.state).join()",
        )?;
        let mut complaints = Vec::new();
        for _ in 0..12 {
            browser.press("ArrowRight")?;
            let row = "+document.querySelector('.trace tr.now td').textContent.match(/\\d+/)[0]";
            let what = browser.text(&format!("events[{row} - 1].what"))?;
            let wanted = match what.as_str() {
                "created" => ("spawn", "created"),
                "woken" => ("wake", "ready"),
                "resumed" => ("resume", "running"),
                "suspended" | "timer-set" | "socket-parked" => ("park", "parked"),
                "finished" | "cancelled" | "panicked" => ("end", "done"),
                _ => ("", ""),
            };
            let went = (browser.text("marked('.went')")?, browser.text("marked('.at')")?);
            if (went.0.as_str(), went.1.as_str()) != wanted {
                complaints.push(format!("{what} marks {went:?} instead of {wanted:?}"));
            }
        }
        Ok(complaints)
    })
}
