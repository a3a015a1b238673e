//! What must be right after any run, whatever went wrong in it.

use std::collections::BTreeMap;
use std::time::Duration;

use reactor::sim::{Sim, Tally};
use reactor::trace::{Recording, Thing, What};
use site::{Outcome, Report, count};

use super::site_peer::InFlight;
use super::{AT_ONCE, PATIENCE, Wrong};

/// It took as long as it has to, by the network's clock.
pub(super) fn took(time: Duration, right: Duration) -> Result<(), Wrong> {
    if (right..=right + AT_ONCE).contains(&time) {
        return Ok(());
    }
    Err(Wrong(format!("it took {time:?}, and not {right:?}")))
}

/// No more than `right` requests were under way at once. Whoever was done with one closed its
/// socket, at the latest once the next had begun.
pub(super) fn concurrency(
    sim: &Sim,
    in_flight: &InFlight,
    right: usize,
) -> Result<(), Wrong> {
    let (most, open) = (in_flight.most(), sim.tally().open);
    if most > right {
        let most = count(most, "request");
        return Err(Wrong(format!("{most} at once, and not {right}")));
    }
    if open > right + 1 {
        let (open, right) = (count(open, "socket"), count(right, "request"));
        return Err(Wrong(format!("{open} at once for {right}")));
    }
    Ok(())
}

/// The same where requests arrive as they were sent, and some level has pages enough: so many
/// were under way, and first come was first served.
pub(super) fn order(in_flight: &InFlight, right: usize) -> Result<(), Wrong> {
    let most = in_flight.most();
    if most < right {
        let most = count(most, "request");
        return Err(Wrong(format!("{most} at once, and not {right}")));
    }
    if !in_flight.kept_the_order() {
        return Err(Wrong("whoever came first was not served first".to_owned()));
    }
    Ok(())
}

/// The program left nothing open, asked no more than it had to, and left nobody alone for
/// longer than `patience`.
pub(super) fn network(sim: &Sim, patience: Duration) -> Result<(), Wrong> {
    let open = sim.open_sockets();
    if open > 0 {
        return Err(Wrong(format!("still open: {}", count(open, "socket"))));
    }
    let Tally { attempts, bytes, waits, arrivals, neglect, .. } = sim.tally();
    let enough = 1000 + PATIENCE * (arrivals + bytes);
    if attempts.max(waits) > enough {
        return Err(Wrong(format!(
            "it keeps asking: {} and {} for {} in {}",
            count(attempts, "attempt"),
            count(waits, "wait"),
            count(bytes, "byte"),
            count(arrivals, "arrival")
        )));
    }
    if neglect > patience {
        return Err(Wrong(format!("a socket was left alone for {neglect:?}")));
    }
    Ok(())
}

/// No timer was early, or is still set; nobody has panicked.
pub(super) fn recording(recording: &Recording) -> Result<(), Wrong> {
    let mut due = BTreeMap::new();
    for event in &recording.events {
        match event.what {
            What::TimerSet(_, timer, at) => drop(due.insert(timer, at)),
            What::TimerCancelled(_, timer) => drop(due.remove(&timer)),
            What::TimerFired(_, timer) => {
                let due = due.remove(&timer).flatten();
                if let Some(due) = due.filter(|due| event.at < *due) {
                    let early = due.saturating_sub(event.at);
                    return Err(Wrong(format!("a timer was {early:?} early")));
                }
            }
            What::Panicked(_) => return Err(Wrong("something panicked".to_owned())),
            _ => {}
        }
    }
    match due.first_key_value() {
        Some((Thing::Timer(_), at)) => {
            let (left, end) = (due.len(), recording.events.last().map(|event| event.at));
            let end = end.unwrap_or_default();
            let at = at.map_or("never".to_owned(), |at| format!("{at:?}"));
            let left = count(left, "timer");
            Err(Wrong(format!("still set at {end:?}: {left}, one for {at}")))
        }
        _ => Ok(()),
    }
}

/// The report is the one that it has to be; but up to `broken` pages may have met a
/// connection that the weather broke, and whatever only those lead to may be missing.
pub(super) fn report(
    report: &Report,
    expected: &Report,
    broken: u64,
) -> Result<(), Wrong> {
    let mut excused = broken;
    for (path, found) in report.pages() {
        let Some(outcome) = expected.pages().get(path) else {
            return Err(Wrong(format!("{path} is not a page of the site")));
        };
        if found == outcome {
            continue;
        }
        if *found != Outcome::Reset || excused == 0 {
            return Err(Wrong(format!("{path}: {found}, and not {outcome}")));
        }
        excused -= 1;
    }
    let is_missing = |path: &&String| !report.pages().contains_key(*path);
    match expected.pages().keys().find(is_missing) {
        Some(path) if excused == broken => Err(Wrong(format!("{path} was not visited"))),
        _ => Ok(()),
    }
}

/// Which functions stood where when the loop went to sleep for the last time, for a run that
/// nobody wakes any more. `None`: the style has only callbacks, or nobody waited.
pub(super) fn who_waits(recording: &Recording) -> Option<String> {
    let events = &recording.events;
    let last =
        events.iter().rposition(|event| matches!(event.what, What::TurnEnded(_)))?;
    let mut waiting = BTreeMap::new();
    for event in &events[..last] {
        match event.what {
            What::Suspended(id, ..) => drop(waiting.insert(id, event.place)),
            What::Resumed(id) => drop(waiting.remove(&id)),
            _ => {}
        }
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for subject in &recording.subjects {
        let Some(place) = waiting.get(&subject.id) else { continue };
        let name = subject.name.as_deref().unwrap_or("somebody");
        let place = place.map(|it| format!(" at {}:{}", it.file(), it.line()));
        *places.entry(format!("{name}{}", place.unwrap_or_default())).or_default() += 1;
    }
    let told: Vec<_> =
        places.iter().map(|(who, count)| format!("{count} x {who}")).collect();
    (!told.is_empty()).then(|| format!("those who wait: {}", told.join(", ")))
}
