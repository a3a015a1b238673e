//! The knobs at a run: turned where there is a server, explained where there is none.

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::WIDE;
use crate::served::Server;
use crate::site::Look;

/// A page with a run in the simulated network.
const PAGE: &str = "13-cancel.html";

/// Its figure.
const ID: &str = "trace-echo-async-await";

/// Where nobody can run anything, it is said what would be needed.
pub(crate) fn explained(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_one_page_with(&format!("id=\"{ID}\""), |browser, page| {
        browser.open(&page.url)?;
        browser.tab_to(".knobs summary")?;
        browser.press("Enter")?;
        browser.wait_until(
            "document.querySelector('.knobs p').textContent.includes('cargo run -p book')",
        )?;
        let mut wrong = browser.complaints();
        // A link to another run shows what is there, and why it is not the other.
        browser.open(&format!("{}#{ID}?clients=3:step=7", page.url))?;
        browser.wait_until("document.querySelector('.knobs[open] p code')")?;
        wrong.extend(browser.complaints());
        Ok(wrong)
    })
}

/// By keyboard: open, turn, and the run is another; its link leads to that run again.
pub(crate) fn turned(look: &mut Look) -> Answer<()> {
    let server = Server::start(&[])?;
    let browser = &mut look.browser;
    browser.width(WIDE)?;
    browser.open(&format!("{}{PAGE}", server.url))?;
    let recorded = steps(browser)?;
    browser.tab_to(".knobs summary")?;
    browser.press("Enter")?;
    browser.wait_until("document.querySelector('.knobs [name=clients]')")?;
    browser.tab_to(".knobs [name=clients]")?;
    browser.press("ArrowRight")?;
    browser.wait_until(&format!("location.hash === '#{ID}?clients=3:step=1'"))?;
    let turned = steps(browser)?;
    if turned == recorded {
        return Err(format!("three clients make {turned} steps, as two did"));
    }
    if !browser.is("document.activeElement.matches('.knobs [name=clients]')")? {
        return Err("whoever turns a knob loses it".to_owned());
    }
    let link =
        browser.text("document.querySelector('.trace-tools a').getAttribute('href')")?;
    browser.open(&format!("{}{PAGE}{}", server.url, link.replace("=1", "=9")))?;
    browser
        .wait_until("document.querySelector('.trace-controls input').value === '9'")?;
    let again = steps(browser)?;
    if again != turned {
        return Err(format!("the link leads to {again} steps, and not {turned}"));
    }
    other_styles(browser, &server)?;
    written_otherwise(browser, &server)?;
    back_again(browser, &recorded)?;
    a_link_of_the_chapter_leads_back(browser, &recorded)?;
    server.was_all_that_was_asked(browser)?;
    one_style_of_two(browser, &server)?;
    refused(browser)?;
    drop(browser.complaints()); // of what was given up, and refused
    Ok(())
}

/// However a link is written, it leads to one run, and is written as that from then on.
fn written_otherwise(browser: &mut Chromium, server: &Server) -> Answer<()> {
    let other = format!("#{ID}?clients=3&latency=99999:step=9");
    browser.open(&format!("{}{PAGE}{other}", server.url))?;
    let hash = format!("#{ID}?latency=100&clients=3:step=9");
    browser.wait_until(&format!("location.hash === '{hash}'"))?;
    browser.wait_until("document.querySelector('.trace-controls input').value === '9'")
}

/// A link to a pair of other styles leads to those, each in its place; and it is kept as it is.
fn other_styles(browser: &mut Chromium, server: &Server) -> Answer<()> {
    let id =
        "trace-happy-eyeballs-asyncio?style=callbacks&style=generators&seed=7:step=5";
    browser.open(&format!("{}17-swap-the-engine.html#{id}", server.url))?;
    browser.wait_until(
        "document.querySelector('.trace-pair .trace-controls input').value === '5'",
    )?;
    let styles = "[...document.querySelectorAll('.trace-pair .trace')]
        .map(it => it.dataset.style).join()";
    let (styles, hash) = (browser.text(styles)?, browser.text("location.hash")?);
    if (&*styles, &*hash) == ("callbacks,generators", &format!("#{id}")) {
        return Ok(());
    }
    Err(format!("a link to other styles leads to {styles} at {hash}"))
}

/// A link has both styles of a pair, if one is turned, or the other would take its place; each of
/// the two keeps an id of its own, and the chapter's link to the second leads back. Whoever turns
/// on is not given the run of before.
fn one_style_of_two(browser: &mut Chromium, server: &Server) -> Answer<()> {
    let ids =
        "[...document.querySelectorAll('.trace-pair .trace')].map(it => it.id).join()";
    let recorded = ["trace-happy-eyeballs-asyncio", "trace-happy-eyeballs-uvloop"];
    browser.open(&format!("{}17-swap-the-engine.html", server.url))?;
    browser.evaluate(
        "pair = document.querySelector('.trace-pair'); knobs = pair.previousElementSibling;
         knobs.open = true",
    )?;
    browser.wait_until("knobs.querySelectorAll('select').length === 2")?;
    browser.evaluate(
        "asked = []; real = fetch;
         fetch = (url, how) => { asked.push(how.signal); return real(url, how); };
         ['generators', 'callbacks'].forEach((style) => {
             select = knobs.querySelectorAll('select')[1]; select.value = style;
             select.dispatchEvent(new Event('input', { bubbles: true }));
         })",
    )?;
    let query = "?style=asyncio&style=callbacks";
    let hash = format!("#{}{query}:step=1", recorded[0]);
    browser.wait_until(&format!("location.hash === '{hash}'"))?;
    let aborted = browser.text("asked.map(it => it.aborted).join()")?;
    if aborted != "true,false" {
        return Err(format!("of two runs that were asked for, given up are: {aborted}"));
    }
    let (now, wanted) = (browser.text(ids)?, recorded.map(|it| format!("{it}{query}")));
    if now != wanted.join(",") {
        return Err(format!("a pair whose second style was turned is called {now}"));
    }
    let link = browser.text(
        "document.querySelector('.trace-pair .trace-tools a').getAttribute('href')",
    )?;
    let said = browser.text("knobs.querySelector('[role=status]').textContent")?;
    if link != hash || !said.starts_with("A new run: ") {
        return Err(format!(
            "of a pair at {hash} it is said “{said}”, and its link is {link}"
        ));
    }
    browser.evaluate(&format!("location.hash = '#{}:step=3'", recorded[1]))?;
    browser.wait_until(&format!("{ids} === '{}'", recorded.join(",")))
}

/// What the server does not run, it says; and the figure stays as it is.
fn refused(browser: &mut Chromium) -> Answer<()> {
    browser.evaluate(
        "select = knobs.querySelector('select');
         select.append(lineage.make('option', {}, 'nobody')); select.value = 'nobody';
         select.dispatchEvent(new Event('input', { bubbles: true }))",
    )?;
    browser.wait_until(
        "knobs.querySelector('[role=status]').textContent === 'there is no such style'",
    )
}

/// Another style, and back to what was recorded.
fn back_again(browser: &mut Chromium, recorded: &str) -> Answer<()> {
    browser.evaluate(
        "select = document.querySelector('.knobs select'); select.value = 'callbacks';
         select.dispatchEvent(new Event('input', { bubbles: true }))",
    )?;
    browser
        .wait_until("location.hash.includes('?style=callbacks&latency=100&clients=3')")?;
    browser.evaluate("document.querySelector('.knobs [type=reset]').click()")?;
    browser.wait_until(&format!("location.hash === '#{ID}:step=1'"))?;
    let back = steps(browser)?;
    if back == recorded {
        return Ok(());
    }
    Err(format!("as recorded are {recorded} steps, and not {back}"))
}

/// A knob is turned, and then somebody reads on and follows "step 71 of this run".
fn a_link_of_the_chapter_leads_back(
    browser: &mut Chromium,
    recorded: &str,
) -> Answer<()> {
    browser.evaluate(
        "knob = document.querySelector('.knobs [name=clients]'); knob.value = 4;
         knob.dispatchEvent(new Event('input', { bubbles: true }))",
    )?;
    browser.wait_until(&format!("location.hash === '#{ID}?clients=4:step=1'"))?;
    browser.evaluate(&format!(
        "document.querySelector('main a[href=\"#{ID}:step=71\"]').click()"
    ))?;
    browser
        .wait_until("document.querySelector('.trace-controls input').value === '71'")?;
    let back = steps(browser)?;
    if back == recorded {
        return Ok(());
    }
    Err(format!("the chapter's link leads to {back} steps, and not {recorded}"))
}

fn steps(browser: &mut Chromium) -> Answer<String> {
    browser.text("document.querySelector('.trace-controls input').max")
}
