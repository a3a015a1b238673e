//! What a room does, told by members who are not there: everything but the waiting.

use std::cell::RefCell;

use super::*;

thread_local! {
    /// Whom the rooms of this thread have woken.
    static WOKEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn room() -> (Room<&'static str>, Control) {
    let control = Control::new();
    let room = Room::new(&control, |who| WOKEN.with_borrow_mut(|woken| woken.push(who)));
    (room, control)
}

fn woken() -> Vec<&'static str> {
    WOKEN.take()
}

/// What a member reads when it reads all there is, and what there is to do after that.
fn reads(seat: &Seat<&'static str>) -> (String, Next) {
    let mut text = Vec::new();
    loop {
        match seat.next() {
            Next::Send(more) => text.extend(more),
            next => return (String::from_utf8(text).expect("it is text"), next),
        }
    }
}

fn hears(seat: &Seat<&'static str>) -> String {
    reads(seat).0
}

/// A member of that name, who has heard what there was to hear.
fn member(room: &Room<&'static str>, name: &str) -> Seat<&'static str> {
    let seat = room.enter();
    assert!(seat.hear(format!("{name}\n").as_bytes()));
    let heard = hears(&seat);
    assert!(heard.ends_with(&format!("* {name} has come\n")), "{heard}");
    seat
}

/// What is not whole yet, and what somebody has still to take.
#[test]
fn what_a_room_keeps_is_counted() {
    let (room, control) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    hears(&ann);
    ann.hear(b"half a line");
    assert_eq!(control.kept().0, "half a line".len());
    ann.hear(b"\n");
    let line = "ann: half a line\n";
    assert_eq!(control.kept().0, 2 * line.len(), "one for each");
    assert_eq!([hears(&ann), hears(&bob)], [line, line]);
    bob.hear(b"x");
    assert_eq!(control.kept().0, 1);
    assert!(control.kept().1 >= 2 * line.len());
    assert_eq!(format!("{room:?}"), "Room { .. }");
    assert!(format!("{ann:?} {bob:?}").starts_with("Seat { number: "));
}

#[test]
fn whoever_comes_is_asked_for_a_name_and_then_hears_what_all_hear() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), room.enter());
    assert_eq!(hears(&bob), "- what is your name?\n");
    ann.hear(b"is anybody here?\n");
    assert_eq!(hears(&bob), "", "it has not come yet");
    bob.hear(b"bob\r\nhello");
    bob.hear(b" ann\n\n");
    assert_eq!(hears(&bob), "- 1 member here: ann\n* bob has come\nbob: hello ann\n");
    assert_eq!(
        hears(&ann),
        "ann: is anybody here?\n* bob has come\nbob: hello ann\n",
        "whoever speaks hears itself, in the order of all"
    );
}

#[test]
fn a_name_that_is_taken_or_none_is_answered_in_words() {
    let (room, _) = room();
    let (ann, other) = (member(&room, "Ann"), room.enter());
    other.hear(b"ann\na n n\n\n/quiet\n/who\nanna\n");
    let answers = [
        "- what is your name?",
        "- Ann is taken: what is your name?",
        "- a name has 1 to 16 letters, digits, - and _: what is your name?",
        "- a name has 1 to 16 letters, digits, - and _: what is your name?",
        "- 1 member here: Ann",
        "- 1 member here: Ann",
        "* anna has come\n",
    ];
    assert_eq!(hears(&other), answers.join("\n"));
    ann.leave();
    let next = member(&room, "ann");
    assert_eq!(hears(&next), "");
}

#[test]
fn commands_are_answered_to_whoever_gives_them() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    hears(&ann);
    ann.hear(b"/who\n/dance\n");
    let answers = "- 2 members here: ann, bob\n- there are only /who and /quit\n";
    assert_eq!((hears(&ann), hears(&bob)), (answers.to_owned(), String::new()));
    ann.hear(b"/quit\nand more\n");
    assert_eq!(reads(&ann), ("- goodbye\n".to_owned(), Next::Close));
    assert_eq!(hears(&bob), "* ann has left\n", "nothing is heard after goodbye");
}

#[test]
fn a_line_that_is_too_long_is_lost_and_its_member_told() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    hears(&ann);
    ann.hear(&[b'x'; 5000]);
    ann.hear(b"\nshort\n");
    assert_eq!(hears(&ann), "- a line has at most 1000 bytes\nann: short\n");
    assert_eq!(hears(&bob), "ann: short\n");
}

#[test]
fn an_end_is_a_goodbye_and_what_was_begun_is_not_said() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    assert!(bob.hear(b"a line\nhalf a li"));
    assert!(!bob.hear(b""), "nothing more will come");
    assert_eq!(hears(&ann), "* bob has come\nbob: a line\n* bob has left\n");
    let last = ("bob: a line\n".to_owned(), Next::Gone);
    assert_eq!(reads(&bob), last, "it may still read what it was given");
}

/// One that never named itself comes and goes, and nobody hears of it.
#[test]
fn whoever_has_no_name_is_not_missed() {
    let (room, _) = room();
    let ann = member(&room, "ann");
    let shy = room.enter();
    shy.hear(b"");
    drop(shy);
    assert_eq!(hears(&ann), "");
}

#[test]
fn everybody_hears_the_same_in_the_same_order() {
    let (room, _) = room();
    let members = ["ann", "bob", "cid"].map(|name| member(&room, name));
    members.iter().for_each(|it| drop(hears(it)));
    for n in 0..300 {
        members[n * 7 % 3].hear(format!("line {n}\n").as_bytes());
    }
    let [ann, bob, cid] = members.each_ref().map(hears);
    assert_eq!((ann.lines().count(), &ann), (300, &bob));
    assert_eq!(ann, cid);
}

/// Nobody waits for it, and what is kept for it has a bound.
#[test]
fn whoever_is_too_slow_is_told_and_has_to_go() {
    let (room, control) = room();
    let (ann, bob, slow) =
        (member(&room, "ann"), member(&room, "bob"), member(&room, "slow"));
    let (mut heard, mut said) = (hears(&bob), 0);
    while !heard.contains("* slow was too slow\n") {
        assert!(said < 100, "nobody may be behind for ever");
        ann.hear(format!("{}\n", "x".repeat(LONGEST_LINE)).as_bytes());
        said += 1;
        heard += &hears(&bob);
        hears(&ann);
        let (_, most) = control.kept();
        assert!(most <= HIGH_WATER + 3 * LONGEST_LINE, "{most} bytes are kept");
    }
    assert_eq!(said, HIGH_WATER / (LONGEST_LINE + "ann: \n".len()) + 1);
    ann.hear(b"is it gone?\n");
    let (got, next) = reads(&slow);
    assert!(got.ends_with("x\n- you are too slow: goodbye\n"), "it has got what fits");
    assert_eq!(next, Next::Close);
    assert_eq!(hears(&bob), "ann: is it gone?\n");
    slow.leave();
    let (more, _) = (hears(&bob), hears(&ann));
    assert_eq!((&*more, control.kept().0), ("", 0), "once is enough");
}

/// What was handed over counts until the next is asked for: the kernel may not have it.
#[test]
fn what_is_being_written_is_still_owed() {
    let (room, _) = room();
    let (ann, slow) = (member(&room, "ann"), member(&room, "slow"));
    let line = format!("{}\n", "x".repeat(LONGEST_LINE));
    ann.hear(line.repeat(5).as_bytes());
    assert!(matches!(slow.next(), Next::Send(text) if text.len() > LOW_WATER));
    for _ in 0..HIGH_WATER / line.len() {
        ann.hear(line.as_bytes());
        hears(&ann);
    }
    assert!(hears(&slow).ends_with("- you are too slow: goodbye\n"));
}

/// Or one read of many short lines would be too much for everybody.
#[test]
fn whoever_talks_faster_than_it_listens_waits_for_itself() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    hears(&ann);
    let flood = "a\n".repeat(20_000);
    assert!(ann.hear(flood.as_bytes()));
    ann.when_heard("ann is heard");
    assert!(woken().is_empty(), "it is not");
    let first = hears(&bob);
    assert!(first.len() <= LOW_WATER + 100, "{} bytes at once", first.len());
    let (mut all, mut others) = (String::new(), first);
    while let Next::Send(text) = ann.next() {
        all += std::str::from_utf8(&text).expect("it is text");
        others += &hears(&bob);
    }
    assert!(all == "ann: a\n".repeat(20_000), "as it listens, it is heard");
    assert!(others == all);
    assert_eq!(woken(), ["ann is heard"]);
    ann.when_heard("at once");
    assert_eq!(woken(), ["at once"]);
}

#[test]
fn whoever_waits_is_woken_once_and_by_what_it_waits_for() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    hears(&ann);
    assert_eq!((ann.next(), bob.next()), (Next::Wait, Next::Wait));
    ann.when_news("ann");
    bob.when_news("bob");
    assert!(woken().is_empty());
    bob.hear(b"one\ntwo\n");
    assert_eq!(woken(), ["ann", "bob"]);
    ann.when_news("there is news already");
    assert_eq!(woken(), ["there is news already"]);
}

#[test]
fn whoever_was_told_that_this_was_all_is_waited_for_until_it_is_done() {
    let (room, _) = room();
    let ann = member(&room, "ann");
    ann.hear(b"/quit\n");
    assert_eq!(reads(&ann), ("- goodbye\n".to_owned(), Next::Close));
    assert_eq!(ann.next(), Next::Wait);
    ann.when_news("ann");
    assert!(ann.hear(b"it may talk on, but nobody listens\n"));
    assert!(woken().is_empty());
    ann.hear(b"");
    assert_eq!((woken(), ann.next()), (vec!["ann"], Next::Gone));
}

#[test]
fn when_a_room_closes_everybody_hears_of_it_after_all_the_rest() {
    let (room, control) = room();
    let (ann, new) = (member(&room, "ann"), room.enter());
    ann.hear(b"one last thing\n");
    room.when_empty("the host");
    room.close();
    assert_eq!(
        reads(&ann),
        ("ann: one last thing\n* the room closes\n".to_owned(), Next::Close)
    );
    assert_eq!(hears(&new), "- what is your name?\n* the room closes\n");
    let late = room.enter();
    assert_eq!(reads(&late), ("* the room closes\n".to_owned(), Next::Close));
    drop((ann, new));
    assert!(woken().is_empty(), "somebody is still here");
    late.leave();
    assert_eq!(woken(), ["the host"]);
    room.when_empty("at once");
    assert_eq!((woken(), control.kept().0), (vec!["at once"], 0));
}

#[test]
fn whoever_does_not_go_is_made_to() {
    let (room, _) = room();
    let (ann, bob) = (member(&room, "ann"), member(&room, "bob"));
    ann.when_cleared("ann");
    bob.when_cleared("bob");
    bob.leave();
    room.close();
    assert!(woken().is_empty());
    room.clear();
    assert_eq!(woken(), ["ann"]);
}

/// Even if whoever was left with it keeps the seat.
#[test]
fn a_room_that_is_gone_keeps_nobody() {
    let kept = Arc::new(());
    let (room, seat) = {
        let room = Room::<Arc<()>>::new(&Control::new(), drop);
        let seat = room.enter();
        assert!(matches!(seat.next(), Next::Send(_)));
        assert_eq!(seat.next(), Next::Wait);
        seat.when_news(Arc::clone(&kept));
        (room, seat)
    };
    assert_eq!(Arc::strong_count(&kept), 2);
    drop(room);
    assert_eq!(Arc::strong_count(&kept), 1);
    assert_eq!(seat.next(), Next::Gone);
    assert!(!seat.hear(b"hello?\n"));
}
