//! One list of scenarios, and every style is held to each of them.
//!
//! A scenario runs in all styles at once, each on a thread of its own, and names the styles
//! that failed. It knows no style but by what the table says; where styles must differ (one
//! thing at a time or many), the scenario says what is right for which. A new style has to
//! do nothing but stand in the table, and say in `tasks.rs` what its tasks are. Where the kernel
//! has rings, uvloop runs once more on one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use lineage::styles::{STYLES, Style};

#[path = "conformance/chat.rs"]
mod chat;
#[path = "conformance/clients.rs"]
mod clients;
#[path = "conformance/countdown.rs"]
mod countdown;
#[path = "conformance/crawl.rs"]
mod crawl;
#[path = "conformance/echo.rs"]
mod echo;
#[path = "conformance/happy_eyeballs.rs"]
mod happy_eyeballs;
#[path = "conformance/process.rs"]
mod process;
#[path = "conformance/ring.rs"]
mod ring;
#[path = "conformance/tasks.rs"]
mod tasks;

/// Far more than a scenario takes in any style, far less than for ever.
const LONG: Duration = Duration::from_mins(1);

/// The same for a single thing that somebody waits for, so that whoever waits is told apart
/// from those who wait for him.
const PATIENCE: Duration = Duration::from_secs(15);

macro_rules! scenarios {
    ($($module:ident: $($scenario:ident)*;)*) => {$($(
        #[test]
        fn $scenario() {
            in_every_style(concat!(stringify!($module), "::", stringify!($scenario)), $module::$scenario);
        }
    )*)*};
}

scenarios! {
    countdown:
        rockets_speak_in_the_order_of_time
        nobody_waits_for_a_virtual_clock;
    echo:
        two_hundred_clients_are_served
        every_byte_comes_back
        fifty_clients_of_all_sizes_are_served
        half_a_connection_carries_the_answer
        a_peer_that_resets_takes_nobody_along
        a_slow_reader_gets_everything_and_holds_up_nobody
        an_address_that_is_taken_is_told_as_such;
    process:
        a_style_waits_by_the_engine_that_was_asked_for
        descriptors_go_back_to_where_they_were
        a_flood_is_survived_with_64_descriptors
        ctrl_c_ends_with_a_goodbye_although_clients_are_there
        ctrl_c_says_goodbye_to_everybody_in_a_room
        descriptors_of_a_room_go_back_to_where_they_were;
    crawl:
        the_friendly_site_is_as_it_knows_itself
        the_hostile_site_is_as_it_knows_itself
        one_page_at_a_time_is_a_bound_like_any_other
        a_limit_lets_the_same_pages_through
        a_first_page_may_be_anything
        every_address_is_tried
        a_time_that_no_clock_can_show_is_no_deadline;
    chat:
        everybody_hears_the_same_in_the_same_order
        names_and_lines_are_answered_in_words
        a_slow_guest_has_to_go_and_holds_up_nobody
        whoever_reads_nothing_for_too_long_has_to_go
        a_flood_drowns_nobody
        a_guest_that_resets_takes_nobody_along
        a_room_closes_although_somebody_does_not_listen;
    happy_eyeballs:
        the_first_address_that_answers_wins
        a_race_that_all_lose_says_how_each_did
        attempts_begin_in_order_and_losers_leave_nothing_behind
        a_race_that_nobody_wins_ends_in_time
        a_race_ends_well_in_any_weather;
    tasks:
        a_panic_ends_one_task_and_is_reported
        a_closed_listener_refuses_the_new_and_keeps_the_old;
}

/// Holds every style to a scenario, and tells of all that fail or do not end.
fn in_every_style(name: &str, scenario: fn(&'static Style)) {
    let (tell, ended) = channel();
    let styles = || STYLES.iter().chain(ring::UVLOOP.as_ref());
    for style in styles() {
        let tell = tell.clone();
        let thread = thread::Builder::new().name(format!("{name} in {}", style.name));
        let run = move || {
            let end = catch_unwind(AssertUnwindSafe(|| scenario(style)));
            drop(tell.send((style.name, end)));
        };
        drop(thread.spawn(run).unwrap());
    }
    let deadline = Instant::now() + LONG;
    let mut running: Vec<_> = styles().map(|style| style.name).collect();
    let mut failed = Vec::new();
    while !running.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok((style, end)) = ended.recv_timeout(left) else { break };
        running.retain(|name| *name != style);
        failed.extend(end.err().map(|panic| format!("in {style}: {}", text(&*panic))));
    }
    failed
        .extend(running.iter().map(|style| format!("in {style}: no end after {LONG:?}")));
    assert!(failed.is_empty(), "{name} fails\n{}", failed.join("\n"));
}

/// Looks again and again until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it never came to pass that {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a panic says.
fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref().copied()).unwrap_or("something else")
}
