//! What has to hold.

mod alone;
mod exercises;
mod figures;
mod knobs;
mod player;
mod quiz;

use crate::Answer;
use crate::chromium::Chromium;
use crate::page::{NARROW, WIDE};
use crate::site::{Look, Page};

/// A check and its name.
pub(crate) type Check = (&'static str, fn(&mut Look) -> Answer<()>);

/// All of them, in the order in which they run.
pub(crate) const ALL: [Check; 30] = [
    ("every_page_loads_alone_and_without_errors", every_page_loads),
    ("no_page_is_wider_than_a_phone", no_page_is_wider_than_a_phone),
    ("every_text_stands_out_in_every_theme", every_text_stands_out),
    ("what_is_found_and_offered_stands_out_too", popups_stand_out),
    ("search_finds_the_reactor", search_finds_the_reactor),
    ("search_finds_a_name_as_it_is_typed", search_finds_names),
    ("without_scripts_everything_can_be_read", without_scripts),
    ("on_paper_the_tables_are_whole", on_paper),
    ("the_states_of_a_loop_follow_from_its_events", player::states_follow),
    ("the_player_is_played_by_keyboard", player::by_keyboard),
    ("the_player_plays_and_pauses", player::plays),
    ("nothing_moves_below_a_player", player::nothing_moves),
    ("a_link_to_a_step_leads_there", player::links),
    ("whoever_guesses_is_told_why", player::guesses),
    ("two_players_go_in_step", player::pairs),
    ("keys_jump_to_the_next_wake_turn_and_run", player::jumps),
    ("a_picture_is_by_steps_or_by_the_clock", player::axes),
    ("the_controls_stay_in_sight", player::in_sight),
    ("two_players_are_guessed_at_and_compared", player::guesses_of_two),
    ("a_player_is_given_another_recording", player::renewed),
    ("a_run_that_stands_alone_brings_all_it_needs", alone::needs_nothing),
    ("where_nobody_runs_anything_the_knobs_say_why", knobs::explained),
    ("a_knob_that_is_turned_makes_another_run", knobs::turned),
    ("where_nobody_runs_anything_an_exercise_says_why", exercises::explained),
    ("what_the_reader_saves_is_shown_beside_the_right_run", exercises::shown),
    ("a_handle_goes_from_picture_to_picture", figures::by_keyboard),
    ("a_box_is_dragged_to_its_new_place", figures::by_hand),
    ("the_life_of_a_task_follows_the_player", figures::cycle_follows),
    ("a_quiz_is_answered_by_keyboard_and_explains", quiz::by_keyboard),
    ("the_styles_are_turned_by_keyboard", quiz::styles_by_keyboard),
];

fn every_page_loads(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_every_page(|browser, page| {
        browser.open(&page.url)?;
        Ok(browser.complaints())
    })
}

fn no_page_is_wider_than_a_phone(look: &mut Look) -> Answer<()> {
    look.browser.width(NARROW)?;
    look.at_every_page(|browser, page| {
        browser.open(&page.url)?;
        browser.lines(include_str!("overflow.js"))
    })
}

fn every_text_stands_out(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.at_every_page(|browser, page| {
        browser.open(&page.url)?;
        browser.lines(include_str!("contrast.js"))
    })
}

/// mdBook's own boxes, which a page does not show at first; one page will do.
fn popups_stand_out(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    let Look { browser, pages, .. } = look;
    let page = pages.first().ok_or("the book has no pages")?;
    search(browser, page)?;
    browser.evaluate(
        "document.getElementById('mdbook-help-container').style.display = 'flex';
         document.getElementById('mdbook-theme-list').style.display = 'block'",
    )?;
    none(browser.lines(include_str!("contrast.js"))?)
}

fn search_finds_the_reactor(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    let Look { browser, pages, .. } = look;
    let page = pages.first().ok_or("the book has no pages")?;
    search(browser, page)?;
    let found =
        browser.text("document.querySelector('#mdbook-searchresults').textContent")?;
    if found.to_lowercase().contains("reactor") {
        return none(browser.complaints());
    }
    Err(format!("a search for it finds: {found}"))
}

fn search(browser: &mut Chromium, page: &Page) -> Answer<()> {
    browser.open(&page.url)?;
    browser.press("s")?;
    browser.wait_until("document.activeElement.id === 'mdbook-searchbar'")?;
    for letter in "reactor".chars() {
        browser.press(&letter.to_string())?;
    }
    browser.wait_until("document.querySelector('#mdbook-searchresults li')")
}

/// A name comes before words that only begin so; Python's leads to ours; nobody finds what
/// stands in a picture or answers a quiz.
fn search_finds_names(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    let Look { browser, pages, .. } = look;
    let unsearched: Vec<_> = pages.iter().flat_map(unsearched).collect();
    search(browser, pages.first().ok_or("the book has no pages")?)?;
    browser.evaluate(&format!("unsearched = {}", serde_json::json!(unsearched)))?;
    none(browser.lines(include_str!("search.js"))?)
}

/// The answers of a page's quizzes, and the words of its pictures: as far as they have no mark in
/// them, and are long enough to be nowhere else.
fn unsearched(page: &Page) -> Vec<&str> {
    let begins = [
        "<p class=\"why\"><b>Right.</b> ",
        "<p class=\"why\"><b>Wrong.</b> ",
        "\" aria-live=\"polite\">",
    ];
    let texts = begins.iter().flat_map(|it| page.html.split(it).skip(1));
    let texts = texts.filter_map(|it| it.split(['<', '&']).next());
    texts.map(str::trim).filter(|it| it.len() > 30).collect()
}

fn without_scripts(look: &mut Look) -> Answer<()> {
    look.browser.width(NARROW)?;
    look.browser.scripts(false)?;
    let result = look.at_every_page(|browser, page| {
        browser.open_still(&page.url)?;
        let mut complaints = browser.lines(include_str!("overflow.js"))?;
        complaints.extend(browser.lines(include_str!("plain.js"))?);
        for scheme in ["light", "dark"] {
            browser.prefer(scheme)?;
            complaints.extend(browser.lines(include_str!("contrast.js"))?);
        }
        Ok(complaints)
    });
    look.browser.prefer("")?;
    look.browser.scripts(true)?;
    result
}

fn on_paper(look: &mut Look) -> Answer<()> {
    look.browser.width(WIDE)?;
    look.browser.medium("print")?;
    let result = look.at_every_page(|browser, page| {
        browser.open(&page.url)?;
        browser.lines(include_str!("paper.js"))
    });
    look.browser.medium("")?;
    result
}

/// Nothing is wrong, if there are no complaints.
fn none(complaints: Vec<String>) -> Answer<()> {
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}
