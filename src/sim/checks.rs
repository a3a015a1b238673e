//! What must be right after any run, whatever went wrong in it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::time::Duration;

use reactor::sim::Tally;
use reactor::trace::{Recording, Thing, What};
use site::chat::{HIGH_WATER, LONGEST_LINE};
use site::{Outcome, Report, Won, count};

use super::{AT_ONCE, PATIENCE, Wrong};

/// The most that a style reads at once, in bytes.
const READ: usize = 16 * 1024;

/// It took as long as it has to, by the network's clock.
pub(super) fn took(time: Duration, right: Duration) -> Result<(), Wrong> {
    if (right..=right + AT_ONCE).contains(&time) {
        return Ok(());
    }
    Err(Wrong(format!("it took {time:?}, and not {right:?}")))
}

/// The same for one that may take a little longer, as it has somebody to wait for.
pub(super) fn took_until(
    time: Duration,
    right: Duration,
    longer: Duration,
) -> Result<(), Wrong> {
    if (right..=right + longer + AT_ONCE).contains(&time) {
        return Ok(());
    }
    Err(Wrong(format!("it took {time:?}, and not {right:?} to {:?}", right + longer)))
}

/// What somebody in a room has said and heard.
#[derive(Debug)]
pub(super) struct View<'a> {
    pub(super) name: &'a str,
    /// The lines that the others may hear of it.
    pub(super) says: Vec<String>,
    pub(super) heard: &'a str,
    /// It read everything until the room let it go.
    pub(super) is_whole: bool,
    /// It was the first to say the end, and so need not be told why it was one.
    pub(super) is_done: bool,
}

impl View<'_> {
    /// The lines for all, without the last if that has no end.
    fn lines(&self) -> impl Iterator<Item = &str> {
        let lines = self.heard.split_inclusive('\n');
        let lines = lines.filter_map(|line| line.strip_suffix('\n'));
        lines.filter(|line| !line.starts_with("- "))
    }

    /// Whether it was there when the room closed.
    fn is_told(&self) -> bool {
        self.lines().last() == Some(CLOSES)
    }

    /// The same lines, and the place of each.
    fn places(&self) -> BTreeMap<&str, usize> {
        self.lines().zip(0..).collect()
    }

    /// What may be heard because of it.
    fn may_be_heard(&self) -> impl Iterator<Item = String> {
        let news = ["has come", "has left", "was too slow"];
        let news = news.map(|news| format!("* {} {news}", self.name));
        self.says.iter().cloned().chain(news)
    }
}

/// Everybody in a room heard the same: nothing that nobody said, nothing twice, and where two
/// of them were there together, the same lines in the same order with nothing left out.
/// Whoever was there to the end heard itself, and was told why it was the end.
pub(super) fn room(views: &[View<'_>]) -> Result<(), Wrong> {
    let mut said: BTreeSet<_> = views.iter().flat_map(View::may_be_heard).collect();
    said.insert(CLOSES.to_owned());
    let all: Vec<_> = views.iter().map(|view| (view.name, view.places())).collect();
    for (view, (name, places)) in views.iter().zip(&all) {
        if let Some(line) = view.lines().find(|line| !said.contains(*line)) {
            return Err(Wrong(format!("{name} heard {line:?}, which nobody said")));
        }
        // Where there are two of a kind, only the second has a place.
        let is_first = |(line, place)| places.get(line) != Some(&place);
        if let Some((line, _)) = view.lines().zip(0..).find(|it| is_first(*it)) {
            return Err(Wrong(format!("{name} heard {line:?} twice")));
        }
    }
    for (view, (name, _)) in views.iter().zip(&all) {
        for (other, places) in &all {
            if let Some((one, two)) = parts(view, places) {
                return Err(Wrong(format!(
                    "{name} and {other} hear different things between {one:?} and {two:?}"
                )));
            }
        }
    }
    views.iter().filter(|view| view.is_whole).try_for_each(heard_all)
}

const CLOSES: &str = "* the room closes";

/// Two lines that both heard, one after the other, but not so that nothing was between.
fn parts<'a>(
    view: &'a View<'_>,
    places: &BTreeMap<&str, usize>,
) -> Option<(&'a str, &'a str)> {
    let lines = view.lines().enumerate();
    let both = lines.filter_map(|(own, line)| Some((line, own, *places.get(line)?)));
    let both: Vec<_> = both.collect();
    let mut pairs = both.iter().zip(both.iter().skip(1));
    let pair = pairs.find(|(one, two)| (one.1 + 1, one.2 + 1) != (two.1, two.2));
    pair.map(|(one, two)| (one.0, two.0))
}

/// It was there to the end: it heard all that it said itself, and why it had to go.
fn heard_all(view: &View<'_>) -> Result<(), Wrong> {
    let View { name, says, heard, is_done, .. } = view;
    let last = heard.lines().last().unwrap_or_default();
    if !heard.ends_with('\n') {
        return Err(Wrong(format!("{name} heard half a line at the end")));
    }
    if last == "- you are too slow: goodbye" {
        return Ok(());
    }
    let own = format!("{name}: ");
    let itself: Vec<_> = view.lines().filter(|line| line.starts_with(&own)).collect();
    if itself != *says {
        let (heard, said) = (itself.len(), count(says.len(), "line"));
        return Err(Wrong(format!("{name} said {said}, and heard {heard} of them")));
    }
    if *is_done || ["- goodbye", CLOSES].contains(&last) {
        return Ok(());
    }
    Err(Wrong(format!("{name} was not told why it had to go")))
}

/// Whoever was there from `name`'s coming to the end heard one of the `news` of it.
pub(super) fn had_to_go(
    name: &str,
    news: &[&str],
    views: &[View<'_>],
) -> Result<(), Wrong> {
    let about =
        |line: &str| line.strip_prefix("* ")?.strip_prefix(name).map(str::to_owned);
    let minds = |view: &View<'_>| {
        let heard: Vec<_> = view.lines().filter_map(about).collect();
        let is_one =
            |it: &String| news.iter().any(|news| it.strip_prefix(' ') == Some(news));
        !heard.contains(&" has come".to_owned()) || heard.iter().any(is_one)
    };
    if views.iter().filter(|view| view.is_whole && view.is_told()).all(minds) {
        return Ok(());
    }
    Err(Wrong(format!("{name} does not listen, and nobody minds")))
}

/// A room never kept more for its guests than it may.
pub(super) fn kept(most: usize, guests: usize) -> Result<(), Wrong> {
    let bound = guests * (HIGH_WATER + READ + 4 * LONGEST_LINE);
    if most <= bound {
        return Ok(());
    }
    let (most, guests) = (count(most, "byte"), count(guests, "guest"));
    Err(Wrong(format!("it kept {most} for {guests}")))
}

/// No more than `right` requests were under way at once, and sockets `open`. Whoever was done with one closed its
/// socket, at the latest once the next had begun.
pub(super) fn concurrency(most: usize, open: usize, right: usize) -> Result<(), Wrong> {
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
pub(super) fn order(most: usize, in_order: bool, right: usize) -> Result<(), Wrong> {
    if most < right {
        let most = count(most, "request");
        return Err(Wrong(format!("{most} at once, and not {right}")));
    }
    if !in_order {
        return Err(Wrong("whoever came first was not served first".to_owned()));
    }
    Ok(())
}

/// The program left nothing open, asked no more than it had to, and left nobody alone for
/// longer than `patience`.
pub(super) fn network(
    open: usize,
    tally: Tally,
    patience: Duration,
) -> Result<(), Wrong> {
    if open > 0 {
        return Err(Wrong(format!("still open: {}", count(open, "socket"))));
    }
    let Tally { attempts, bytes, waits, arrivals, neglect, .. } = tally;
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
            let (leads, right) = (report.leads_away(path), expected.leads_away(path));
            if leads != right {
                return Err(Wrong(format!(
                    "{path} leads to {leads:?}, and not {right:?}"
                )));
            }
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

/// A race ended as it has to: the same winner, and of the others each in its place and with its
/// own end; or, where nobody can win, for the same reason.
pub(super) fn race(end: &io::Result<Won>, right: &io::Result<Won>) -> Result<(), Wrong> {
    match (end, right) {
        (Ok(won), Ok(right)) if won.address != right.address => {
            Err(Wrong(format!("{} won, and not {}", won.address, right.address)))
        }
        (Ok(won), Ok(right)) if won.attempts != right.attempts => {
            let told = |won: &Won| won.to_string().trim_end().replace('\n', "; ");
            Err(Wrong(format!("{}, and not: {}", told(won), told(right))))
        }
        (Ok(won), Err(_)) => Err(Wrong(format!("{} won, where nobody can", won.address))),
        (Err(error), Ok(right)) => {
            Err(Wrong(format!("{} did not win: {error}", right.address)))
        }
        (Err(error), Err(right)) if said(error) != said(right) => {
            let ((kind, text), (right_kind, right)) = (said(error), said(right));
            Err(Wrong(format!("{text} ({kind:?}), and not {right} ({right_kind:?})")))
        }
        _ => Ok(()),
    }
}

/// What can be compared of an error.
fn said(error: &io::Error) -> (ErrorKind, String) {
    (error.kind(), error.to_string())
}

/// So many attempts were under way at once, and each that had ended had closed its socket.
pub(super) fn at_once(open: usize, right: usize) -> Result<(), Wrong> {
    if open == right {
        return Ok(());
    }
    Err(Wrong(format!("{} at once, and not {right}", count(open, "socket"))))
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

/// A check that passes whatever it is shown is none: each is shown what is right, and each
/// way to be wrong.
#[cfg(test)]
mod tests {
    use reactor::trace::{Event, Id, Kind, Subject};
    use site::race::{Attempt, End};

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn says(wrong: Result<(), Wrong>) -> String {
        wrong.map_or_else(|Wrong(text)| text, |()| RIGHT.to_owned())
    }

    const RIGHT: &str = "all is right";

    #[test]
    fn a_run_is_neither_too_short_nor_too_long() {
        assert_eq!(says(took(100 * MILLI, 100 * MILLI)), RIGHT);
        assert_eq!(says(took(100 * MILLI + AT_ONCE, 100 * MILLI)), RIGHT);
        let late = says(took(102 * MILLI, 100 * MILLI));
        assert_eq!(late, "it took 102ms, and not 100ms");
        let early = says(took(99 * MILLI, 100 * MILLI));
        assert_eq!(early, "it took 99ms, and not 100ms");
    }

    #[test]
    fn no_more_is_under_way_than_may_be() {
        assert_eq!(says(concurrency(3, 4, 3)), RIGHT, "one closes as the next one opens");
        assert_eq!(says(concurrency(4, 4, 3)), "4 requests at once, and not 3");
        assert_eq!(says(concurrency(3, 5, 3)), "5 sockets at once for 3 requests");
    }

    #[test]
    fn as_many_are_under_way_as_may_be_and_in_order() {
        assert_eq!(says(order(3, true, 3)), RIGHT);
        assert_eq!(says(order(2, true, 3)), "2 requests at once, and not 3");
        let unfair = says(order(3, false, 3));
        assert_eq!(unfair, "whoever came first was not served first");
    }

    #[test]
    fn nothing_stays_open_nobody_spins_and_nobody_is_left_alone() {
        let quiet = Tally::default();
        assert_eq!(says(network(0, quiet, MILLI)), RIGHT);
        assert_eq!(says(network(1, quiet, MILLI)), "still open: 1 socket");
        let busy = Tally { arrivals: 10, bytes: 10, ..quiet };
        let most = 1000 + PATIENCE * 20;
        let asks = |attempts, waits| Tally { attempts, waits, ..busy };
        assert_eq!(says(network(0, asks(most, most), MILLI)), RIGHT);
        for asks in [asks(most + 1, 0), asks(0, most + 1)] {
            assert!(says(network(0, asks, MILLI)).starts_with("it keeps asking: "));
        }
        let alone = |neglect| says(network(0, Tally { neglect, ..quiet }, MILLI));
        assert_eq!(alone(MILLI), RIGHT);
        assert_eq!(alone(2 * MILLI), "a socket was left alone for 2ms");
    }

    fn of(events: Vec<(u64, What)>) -> Recording {
        let event =
            |(at, what)| Event { at: Duration::from_millis(at), what, place: None };
        let events = events.into_iter().map(event).collect();
        Recording { events, ..Recording::default() }
    }

    #[test]
    fn no_timer_is_early_or_left_behind_and_nobody_panics() {
        let (who, timer, other) = (Id::default(), Thing::Timer(1), Thing::Timer(2));
        let set = |timer, due| What::TimerSet(who, timer, Some(due * MILLI));
        let fired = |timer| What::TimerFired(who, timer);
        let right = vec![
            (0, set(timer, 5)),
            (0, set(other, 3)),
            (1, What::TimerCancelled(who, other)),
            (5, fired(timer)),
        ];
        assert_eq!(says(recording(&of(right))), RIGHT);
        let early = of(vec![(0, set(timer, 5)), (4, fired(timer))]);
        assert_eq!(says(recording(&early)), "a timer was 1ms early");
        let left = of(vec![(0, set(timer, 5)), (1, set(other, 7)), (5, fired(timer))]);
        assert_eq!(says(recording(&left)), "still set at 5ms: 1 timer, one for 7ms");
        let never = of(vec![(0, What::TimerSet(who, timer, None))]);
        assert_eq!(says(recording(&never)), "still set at 0ns: 1 timer, one for never");
        let panicked = of(vec![(0, What::Panicked(who))]);
        assert_eq!(says(recording(&panicked)), "something panicked");
    }

    fn pages(pages: &[(&str, Outcome)]) -> Report {
        pages.iter().map(|(path, outcome)| ((*path).to_owned(), *outcome)).collect()
    }

    #[test]
    fn every_page_is_visited_once_and_only_the_weather_is_an_excuse() {
        let (ok, reset) = (Outcome::Status(200), Outcome::Reset);
        let site = pages(&[("/", ok), ("/a", ok), ("/b", ok)]);
        let told = |crawl: &[_], broken| says(report(&pages(crawl), &site, broken));
        assert_eq!(told(&[("/", ok), ("/a", ok), ("/b", ok)], 0), RIGHT);
        let not_visited = "/b was not visited";
        assert_eq!(told(&[("/", ok), ("/a", ok)], 0), not_visited);
        assert_eq!(told(&[("/", ok), ("/a", ok)], 1), not_visited, "nothing was broken");
        assert_eq!(told(&[("/", ok), ("/a", reset)], 1), RIGHT, "it may have led to /b");
        let broken = [("/", ok), ("/a", reset), ("/b", reset)];
        assert_eq!(told(&broken, 2), RIGHT);
        assert_eq!(told(&broken, 1), "/b: reset, and not 200");
        let other = [("/", ok), ("/a", Outcome::TimedOut), ("/b", ok)];
        assert!(told(&other, 9).starts_with("/a: "), "the weather does not delay");
        let more = [("/", ok), ("/a", ok), ("/b", ok), ("/c", ok)];
        assert_eq!(told(&more, 9), "/c is not a page of the site");
        let redirects = |to: Option<&str>| {
            let mut redirects = pages(&[("/", Outcome::Status(302))]);
            to.into_iter().for_each(|to| redirects.leave("/".into(), to.into()));
            redirects
        };
        let (there, right) =
            (Some("http://elsewhere/"), redirects(Some("http://elsewhere/")));
        assert_eq!(says(report(&redirects(there), &right, 0)), RIGHT);
        let nowhere = says(report(&redirects(None), &right, 9));
        assert_eq!(nowhere, r#"/ leads to None, and not Some("http://elsewhere/")"#);
        let other = says(report(&right, &redirects(Some("ftp://elsewhere/")), 9));
        assert!(other.starts_with(r#"/ leads to Some("http://elsewhere/")"#), "{other}");
    }

    #[test]
    fn whoever_waits_for_others_may_take_longer_but_not_for_ever() {
        let takes = |millis| says(took_until(millis * MILLI, 100 * MILLI, 50 * MILLI));
        assert_eq!([takes(100), takes(150)], [RIGHT, RIGHT]);
        assert_eq!(takes(99), "it took 99ms, and not 100ms to 150ms");
        assert_eq!(takes(152), "it took 152ms, and not 100ms to 150ms");
    }

    /// Two guests who were there to the end, and one who left before.
    const ANN: &str = "- what is your name?\n* ann has come\nann: 1\n* bob has come\nbob: 1\nann: 2\n\
         * the room closes\n";
    const BOB: &str = "* bob has come\nbob: 1\nann: 2\n* the room closes\n";
    const CID: &str = "ann: 1\n* bob has come\nbob: ";

    fn heard(ann: &str, bob: &str, cid: &str) -> String {
        let view = |name, lines: &[&str], heard, is_whole| View {
            name,
            says: lines.iter().map(|line| format!("{name}: {line}")).collect(),
            heard,
            is_whole,
            is_done: false,
        };
        says(room(&[
            view("ann", &["1", "2"], ann, true),
            view("bob", &["1"], bob, true),
            view("cid", &["1"], cid, false),
        ]))
    }

    #[test]
    fn everybody_in_a_room_hears_the_same() {
        assert_eq!(heard(ANN, BOB, CID), RIGHT);
        let invented = BOB.replace("ann: 2", "ann: 3");
        let nobody = r#"bob heard "ann: 3", which nobody said"#;
        assert_eq!(heard(ANN, &invented, CID), nobody);
        let broken = CID.replace("ann: 1", "ann: ");
        assert!(heard(ANN, BOB, &broken).starts_with("cid heard \"ann: \""));
        let twice = ANN.replace("bob: 1\n", "bob: 1\nbob: 1\n");
        assert_eq!(heard(&twice, BOB, CID), r#"ann heard "bob: 1" twice"#);
        let lost = ANN.replace("bob: 1\n", "");
        assert!(heard(&lost, BOB, CID).starts_with("ann and bob hear different things"));
        let turned = BOB.replace("bob: 1\nann: 2", "ann: 2\nbob: 1");
        assert!(
            heard(ANN, &turned, CID).starts_with("ann and bob hear different things")
        );
    }

    #[test]
    fn whoever_stays_in_a_room_hears_itself_and_is_told_when_to_go() {
        let half = BOB.strip_suffix('\n').expect("it ends so");
        assert_eq!(heard(ANN, half, CID), "bob heard half a line at the end");
        let deaf = "* bob has come\n";
        assert_eq!(heard(ANN, deaf, CID), "bob said 1 line, and heard 0 of them");
        let slow = "* bob has come\n- you are too slow: goodbye\n";
        assert_eq!(heard(ANN, slow, CID), RIGHT);
        let sudden = ANN.replace("* the room closes\n", "* bob has left\n");
        assert_eq!(heard(&sudden, BOB, CID), "ann was not told why it had to go");
        let goodbye = ANN.replace("* the room closes\n", "- goodbye\n");
        assert_eq!(heard(&goodbye, BOB, CID), RIGHT);
    }

    #[test]
    fn whoever_does_not_listen_has_to_go_and_costs_no_more_than_it_may() {
        let (is_whole, is_done) = (true, false);
        let slow = |heard: &str| {
            let view = View { name: "talks", says: vec![], heard, is_whole, is_done };
            says(had_to_go("deaf", &["was too slow"], &[view]))
        };
        let minded = "* deaf has come\n* deaf was too slow\n* the room closes\n";
        assert_eq!(slow(minded), RIGHT);
        assert_eq!(slow("* deaf has come\n"), RIGHT, "it was not there to the end");
        assert_eq!(slow("* the room closes\n"), RIGHT, "nor this one at the beginning");
        for other in ["* the room closes\n", "* deaf has left\n* the room closes\n"] {
            let heard = format!("* deaf has come\n{other}");
            assert_eq!(slow(&heard), "deaf does not listen, and nobody minds");
        }
        let most = 2 * (HIGH_WATER + READ + 4 * LONGEST_LINE);
        assert_eq!(says(kept(most, 2)), RIGHT);
        assert!(says(kept(most + 1, 2)).starts_with("it kept "));
    }

    fn won(address: &str, attempts: &[(&str, End)]) -> io::Result<Won> {
        let at = |text: &str| text.parse().expect("an address");
        let attempt = |(address, end): &(&str, End)| Attempt {
            address: at(address),
            end: end.clone(),
        };
        let attempts = attempts.iter().map(attempt).collect();
        Ok(Won { address: at(address), attempts })
    }

    fn lost(kind: ErrorKind, why: &str) -> io::Result<Won> {
        Err(io::Error::new(kind, why))
    }

    #[test]
    fn a_race_has_one_winner_and_each_loser_its_place_and_its_end() {
        let (one, two, three) = ("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80");
        let refused = || End::Failed("refused".into());
        let right = won(
            three,
            &[(one, End::Cancelled), (two, refused()), (three, End::Connected)],
        );
        let ends = |end: io::Result<Won>| says(race(&end, &right));
        assert_eq!(
            ends(won(
                three,
                &[(one, End::Cancelled), (two, refused()), (three, End::Connected)]
            )),
            RIGHT
        );
        assert_eq!(
            ends(won(one, &[(one, End::Connected)])),
            "10.0.0.1:80 won, and not 10.0.0.3:80"
        );
        let rest = "and not: 10.0.0.1:80 cancelled, it has not answered; \
                    10.0.0.2:80 failed, refused; 10.0.0.3:80 connected";
        for (attempts, told) in [
            (
                [(two, refused()), (one, End::Cancelled), (three, End::Connected)],
                "10.0.0.2:80 failed, refused; 10.0.0.1:80 cancelled, it has not answered; ",
            ),
            (
                [(one, End::Cancelled), (two, End::Cancelled), (three, End::Connected)],
                "10.0.0.1:80 cancelled, it has not answered; \
                 10.0.0.2:80 cancelled, it has not answered; ",
            ),
        ] {
            let told = format!("{told}10.0.0.3:80 connected, {rest}");
            assert_eq!(ends(won(three, &attempts)), told);
        }
        let few = won(three, &[(one, End::Cancelled), (three, End::Connected)]);
        assert!(ends(few).ends_with(rest), "one was left out");
        let nobody = lost(ErrorKind::TimedOut, "too late");
        assert_eq!(ends(nobody), "10.0.0.3:80 did not win: too late");
    }

    #[test]
    fn a_race_that_nobody_can_win_is_lost_for_the_right_reason() {
        let right = lost(ErrorKind::TimedOut, "too late");
        let ends = |end: io::Result<Won>| says(race(&end, &right));
        assert_eq!(ends(lost(ErrorKind::TimedOut, "too late")), RIGHT);
        assert_eq!(ends(won("10.0.0.1:80", &[])), "10.0.0.1:80 won, where nobody can");
        assert_eq!(
            ends(lost(ErrorKind::Other, "too late")),
            "too late (Other), and not too late (TimedOut)"
        );
        assert_eq!(
            ends(lost(ErrorKind::TimedOut, "refused")),
            "refused (TimedOut), and not too late (TimedOut)"
        );
    }

    #[test]
    fn as_many_attempts_are_under_way_as_have_not_ended() {
        assert_eq!(says(at_once(2, 2)), RIGHT);
        assert_eq!(
            says(at_once(3, 2)),
            "3 sockets at once, and not 2",
            "one stayed open"
        );
        assert_eq!(says(at_once(1, 2)), "1 socket at once, and not 2", "one was late");
    }

    #[test]
    fn who_waits_is_whoever_was_suspended_when_the_loop_fell_asleep() {
        let mut waits = of(vec![]);
        assert_eq!(who_waits(&waits), None);
        let ((), made) = reactor::trace::record(|| {
            let names = ["lineage::one::{{closure}}", "lineage::two::{{closure}}"];
            let ids = names.map(|name| reactor::trace::created(Kind::Task, name));
            let turn = reactor::trace::turn();
            for id in [ids[0], ids[1], ids[0]] {
                reactor::trace::resumed(id).suspended();
            }
            reactor::trace::resumed(ids[1]).finished();
            drop(turn);
        });
        waits = made;
        let names: Vec<_> =
            waits.subjects.iter().map(|Subject { name, .. }| name).collect();
        assert_eq!(names.len(), 2);
        let told = who_waits(&waits).expect("somebody waits");
        assert_eq!(told, "those who wait: 1 x one");
    }
}
