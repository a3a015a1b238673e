//! Rooms, in this process, over real sockets: whatever guests do, the others hear the same.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use lineage::styles::Style;
use site::Control;
use site::chat::{HIGH_WATER, LONGEST_LINE, LONGEST_NAME, PATIENCE};

use crate::clients::{ANYWHERE, connect, one_crowd_at_a_time};
use crate::eventually;

/// Far more than an end takes on a busy machine, but for one that waits for somebody.
const SOON: Duration = Duration::from_secs(5);

/// Opens a room for as long as `visit` takes, and sees it close well, once.
fn while_open(style: &'static Style, visit: impl FnOnce(SocketAddr, &Control)) {
    let Some(serve) = style.chat else { return };
    let control = Control::new();
    let stop = StopOnDrop(control.clone());
    let inside = control.clone();
    let server = thread::spawn(move || {
        let served = serve(ANYWHERE, inside.clone());
        inside.failed();
        served
    });
    visit(control.address().expect("it listens"), &control);
    drop(stop);
    server.join().expect("it does not panic").expect("it ends well");
}

/// Lets no room outlive a visit that failed.
struct StopOnDrop(Control);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Somebody in a room.
pub(crate) struct Guest(BufReader<TcpStream>);

impl Guest {
    fn comes(address: SocketAddr) -> Self {
        let mut guest = Self(BufReader::new(connect(address)));
        assert_eq!(guest.hears(), "- what is your name?");
        guest
    }

    /// Comes, gives that name, and hears that it has come.
    pub(crate) fn named(address: SocketAddr, name: &str) -> Self {
        let mut guest = Self::comes(address);
        guest.says(name);
        guest.hears_until(&format!("* {name} has come"));
        guest
    }

    fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    pub(crate) fn says(&self, line: &str) {
        self.stream().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next line.
    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.strip_suffix('\n').expect("it is a whole line").to_owned()
    }

    /// The lines up to that one, which is the last of them.
    pub(crate) fn hears_until(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while lines.last().is_none_or(|line| line != last) {
            lines.push(self.hears());
        }
        lines
    }

    /// All that is left, to the end.
    pub(crate) fn hears_the_rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

/// Ten guests who talk at the same time.
pub(crate) fn everybody_hears_the_same_in_the_same_order(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    while_open(style, |address, _| {
        let names: Vec<_> = (0..10).map(|n| format!("guest{n}")).collect();
        let mut guests: Vec<_> =
            names.iter().map(|name| Guest::named(address, name)).collect();
        for guest in &mut guests {
            guest.says("here");
        }
        // From here on, all of them hear all there is.
        let is_there = |lines: &[String]| {
            names.iter().all(|name| lines.contains(&format!("{name}: here")))
        };
        for guest in &mut guests {
            let mut lines = Vec::new();
            while !is_there(&lines) {
                lines.push(guest.hears());
            }
        }
        let heard: Vec<Vec<String>> = thread::scope(|scope| {
            let threads: Vec<_> = guests
                .iter_mut()
                .map(|guest| {
                    scope.spawn(move || {
                        let talk: String = (0..50).map(|n| format!("{n}\n")).collect();
                        guest.stream().write_all(talk.as_bytes()).unwrap();
                        (0..500).map(|_| guest.hears()).collect()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for other in &heard[1..] {
            assert!(other == &heard[0], "two guests hear different things");
        }
        for name in names {
            let own =
                heard[0].iter().filter_map(|it| it.strip_prefix(&format!("{name}: ")));
            let right: Vec<_> = (0..50).map(|n| n.to_string()).collect();
            assert!(own.eq(right.iter().map(String::as_str)), "{name} is in order");
        }
    });
}

/// The rules of names and lines, by the bytes on the wire.
pub(crate) fn names_and_lines_are_answered_in_words(style: &'static Style) {
    while_open(style, |address, _| {
        let mut ann = Guest::named(address, "ann");
        let mut other = Guest::comes(address);
        other.says("ANN");
        assert_eq!(other.hears(), "- ann is taken: what is your name?");
        other.stream().write_all(b"\xff\n").unwrap();
        assert!(other.hears().starts_with("- a name has 1 to 16 letters"));
        other.stream().write_all(b"bo").unwrap();
        other.stream().write_all(b"b\r\n").unwrap();
        other.hears_until("* bob has come");
        let long = "x".repeat(10 * LONGEST_LINE);
        other.says(&long);
        assert_eq!(other.hears(), "- a line has at most 1000 bytes");
        other.stream().write_all(b"\x1b[2J \xff\r\n").unwrap();
        ann.hears_until("* bob has come");
        assert_eq!(ann.hears(), "bob: \u{fffd}[2J \u{fffd}", "no bytes that do harm");
        other.says("/quit");
        let rest = other.hears_the_rest();
        assert!(rest.ends_with("- goodbye\n"), "{rest}");
        assert_eq!(ann.hears(), "* bob has left");
        // Its name is free.
        drop(Guest::named(address, "bob"));
    });
}

/// It does not read while others say more than fits into all buffers on the way.
pub(crate) fn a_slow_guest_has_to_go_and_holds_up_nobody(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    while_open(style, |address, control| {
        let slow = Guest::named(address, "slow");
        let (mut ann, mut bob) =
            (Guest::named(address, "ann"), Guest::named(address, "bob"));
        ann.hears_until("* bob has come");
        let line = "x".repeat(LONGEST_LINE);
        let mut gone = false;
        for _ in 0..20_000 {
            if gone {
                break;
            }
            // Each line is heard before the next is said: nobody waits for the slow one.
            ann.says(&line);
            while !ann.hears().ends_with(&line) {}
            let mut heard = bob.hears();
            while !heard.ends_with(&line) {
                gone |= heard == "* slow was too slow";
                heard = bob.hears();
            }
        }
        if !gone {
            bob.hears_until("* slow was too slow");
        }
        let (_, most) = control.kept();
        assert!(most <= HIGH_WATER + 20 * LONGEST_LINE, "{most} bytes were kept");
        // What was kept for it, it gets, if it reads after all.
        let rest = slow.hears_the_rest();
        let told = rest.ends_with("- you are too slow: goodbye\n");
        assert!(told, "it ends with {:?}", &rest[rest.len().saturating_sub(99)..]);
        ann.says("still here");
        bob.hears_until("ann: still here");
    });
}

/// It is not far behind, and never will be: nobody says anything any more. But of what it was
/// sent it has read nothing since, and nobody waits for it for ever.
pub(crate) fn whoever_reads_nothing_for_too_long_has_to_go(style: &'static Style) {
    if style.has_loop() {
        return; // it is held to this in the simulated network, where no time is lost
    }
    while_open(style, |address, control| {
        let _deaf = Guest::named(address, "deaf");
        let mut ann = Guest::named(address, "ann");
        let line = "x".repeat(LONGEST_LINE);
        for _ in 0..20_000 {
            ann.says(&line);
            while !ann.hears().ends_with(&line) {}
            // The system makes a little room as time passes: far less than this.
            let is_kept = || control.kept().0 > HIGH_WATER / 2;
            if is_kept() {
                thread::sleep(Duration::from_millis(100));
            }
            if is_kept() {
                break; // and stays so: all buffers on the way are full
            }
        }
        let began = Instant::now();
        ann.hears_until("* deaf has left");
        assert!(began.elapsed() > PATIENCE / 5, "after {:?}", began.elapsed());
        eventually("nothing is kept for it", || control.kept().0 == 0);
    });
}

/// One read of many short lines would be too much for everybody, if they were said at once.
///
/// Threads are told when the kernel gives them the processor, and it owes them no order: on a
/// busy machine one of them says 64 KiB before another was told a word. So their flood comes in
/// waves, each of which everybody has room for.
pub(crate) fn a_flood_drowns_nobody(style: &'static Style) {
    let waves = if style.has_loop() { 1 } else { 10 };
    let lines = 20_000 / waves;
    while_open(style, |address, control| {
        let name = "a".repeat(LONGEST_NAME);
        let (mut talker, mut bob) =
            (Guest::named(address, &name), Guest::named(address, "bob"));
        let (flood, end) = ("a\n".repeat(lines) + "end\n", format!("{name}: end"));
        let writing = talker.stream().try_clone().unwrap();
        for _ in 0..waves {
            thread::scope(|scope| {
                scope.spawn(|| (&writing).write_all(flood.as_bytes()).unwrap());
                scope.spawn(|| assert!(talker.hears_until(&end).len() > lines));
                assert_eq!(bob.hears_until(&end).len(), lines + 1);
            });
        }
        assert!(control.kept().1 <= 2 * HIGH_WATER, "{} bytes", control.kept().1);
    });
}

/// In the middle of a line, and while it is being told.
pub(crate) fn a_guest_that_resets_takes_nobody_along(style: &'static Style) {
    while_open(style, |address, control| {
        let mut ann = Guest::named(address, "ann");
        for n in 0..10 {
            let name = format!("guest{n}");
            let rude = Guest::named(address, &name);
            ann.says("a line that it does not read");
            rude.stream().write_all(b"half a line").unwrap();
            ann.hears_until("ann: a line that it does not read");
            rude.stream().peek(&mut [0]).unwrap();
            drop(rude); // with unread bytes, which is a reset
            assert_eq!(ann.hears(), format!("* {name} has left"));
        }
        ann.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(ann.hears_the_rest(), "");
        eventually("nothing is kept", || control.kept().0 == 0);
    });
}

/// Those who read hear of it, to the last line. One who does not read is not waited for: how
/// long exactly, the simulated rooms say, whose clock is not disturbed by anybody.
pub(crate) fn a_room_closes_although_somebody_does_not_listen(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    let mut began = None;
    while_open(style, |address, control| {
        let mut ann = Guest::named(address, "ann");
        let bob = Guest::named(address, "bob");
        let deaf = Guest::named(address, "deaf");
        let new = Guest::comes(address);
        ann.says("one last thing");
        // It talks on: to close on what it says would reset it, and lose what it was told.
        let talking = bob.0.get_ref().try_clone().unwrap();
        let talker = thread::spawn(move || {
            while (&talking).write_all(b"and another thing\n").is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        ann.hears_until("ann: one last thing");
        began = Some(Instant::now());
        control.stop();
        assert!(ann.hears_the_rest().ends_with("* the room closes\n"));
        assert!(bob.hears_the_rest().ends_with("* the room closes\n"));
        assert_eq!(new.hears_the_rest(), "* the room closes\n");
        talker.join().unwrap();
        drop(deaf);
    });
    if let Some(began) = began {
        let took = began.elapsed();
        assert!(took < SOON, "it took {took:?}");
    }
}
