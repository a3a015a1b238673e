//! The pictures: those with a handle, and the life of a task.

use crate::Answer;
use crate::page::WIDE;
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
