//! Countdowns: timers and nothing else, so the order of events is all there is to see.

use std::rc::Rc;
use std::time::Duration;

use lineage::styles::Style;
use reactor::backend::{self, Clockwork};
use site::countdown::{IN_TURN, ROCKETS, TOGETHER};

use crate::ring;

/// In real time. Whoever cannot do two things at once counts one rocket down after the
/// other. Of the others, a machine under load may let one rocket overtake another, but none
/// may overtake itself.
pub(crate) fn rockets_speak_in_the_order_of_time(style: &'static Style) {
    let mut said = (style.countdown)().unwrap();
    if !style.is_concurrent() {
        return assert_eq!(said, IN_TURN);
    }
    for rocket in ROCKETS {
        let of_one = said.iter().filter(|line| line.starts_with(rocket.name));
        let counts = (0..rocket.from).rev().map(|n| format!("{} {n}", rocket.name));
        assert!(of_one.eq(&counts.collect::<Vec<_>>()), "{said:?}");
    }
    said.sort();
    let mut together = TOGETHER;
    together.sort_unstable();
    assert_eq!(said, together);
}

/// In virtual time, where nobody can be late: exactly this order, and exactly this long.
pub(crate) fn nobody_waits_for_a_virtual_clock(style: &'static Style) {
    if !style.has_loop() || ring::is(style) {
        return; // it asks the kernel, for the time or by a ring
    }
    let clock = Clockwork::new();
    let said = backend::scope(Rc::clone(&clock) as _, style.countdown).unwrap();
    assert_eq!(said, TOGETHER);
    assert_eq!(clock.elapsed(), Duration::from_millis(200));
}
