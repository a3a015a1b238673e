//! Guests in a room, some of them rude, and what each of them heard.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use reactor::sim::{Event, Link, Peer};

/// How a guest behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// Says a line now and then, and reads as it comes.
    Talks,
    /// Never reads.
    Deaf,
    /// Says everything and the end at once, and listens to the end.
    Brief,
    /// Reads slowly.
    Slow,
    /// Tries bad names, bad bytes and lines that are too long.
    Rude,
    /// Talks, and breaks off in the middle of a line.
    Flees,
    /// Talks, and says that it leaves.
    Quits,
    /// Says long lines, all at once: more than anybody may be behind.
    Floods,
    /// Says short lines, all at once: many more bytes go out than come in.
    Chatters,
}

impl Habit {
    /// Those who come to each room, in that order.
    pub(super) const USUAL: [Self; 7] = [
        Self::Talks,
        Self::Deaf,
        Self::Brief,
        Self::Slow,
        Self::Rude,
        Self::Flees,
        Self::Quits,
    ];

    /// Whether it hears all there is to hear, for as long as it is there.
    pub(super) fn listens(self) -> bool {
        !matches!(self, Self::Deaf | Self::Flees)
    }

    /// How many lines it says.
    fn lines(self) -> usize {
        match self {
            Self::Deaf => 1,
            Self::Floods => 120,
            Self::Chatters => 1500,
            _ => 5,
        }
    }

    /// How long it waits before its next line. `None`: it says all at once.
    fn pause(self) -> Option<Duration> {
        let pause = |millis| Some(Duration::from_millis(millis));
        match self {
            Self::Brief | Self::Floods | Self::Chatters => None,
            Self::Talks | Self::Deaf | Self::Rude => pause(7),
            Self::Slow | Self::Flees | Self::Quits => pause(11),
        }
    }
}

/// How often a slow guest reads, and how much.
const SLOWLY: (Duration, usize) = (Duration::from_millis(2), 700);

/// The names of a guest's timers.
const SPEAK: u64 = 0;
const LISTEN: u64 = 1;

/// What a guest says and has said, for whoever checks it.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) habit: Habit,
    pub(super) name: String,
    fate: Rc<RefCell<Fate>>,
}

#[derive(Clone, Debug, Default)]
struct Fate {
    heard: Vec<u8>,
    is_broken: bool,
    /// Nothing more came, and nothing was broken.
    has_ended: bool,
}

/// A guest, and where its fate is written down.
pub(super) struct Guest {
    habit: Habit,
    /// What it has still to say, last things first.
    lines: Vec<Vec<u8>>,
    /// Whether it is going to read, though slowly.
    is_listening: bool,
    fate: Rc<RefCell<Fate>>,
}

impl Guest {
    /// A guest of that name, and somebody who watches it.
    pub(super) fn new(habit: Habit, name: &str) -> (Self, Watched) {
        let fate = Rc::<RefCell<Fate>>::default();
        let watched = Watched { habit, name: name.to_owned(), fate: Rc::clone(&fate) };
        let mut lines = vec![format!("{name}\r\n").into_bytes()];
        if habit == Habit::Rude {
            lines = vec![b"no name\n*\n\xff\xfe\n".to_vec(), lines.remove(0)];
        }
        lines.extend((0..habit.lines()).map(|n| sent(habit, n)));
        match habit {
            Habit::Quits => lines.push(b"/quit\n".to_vec()),
            Habit::Flees => lines.push(b"and half of".to_vec()),
            _ => {}
        }
        lines.reverse();
        (Self { habit, lines, is_listening: false, fate }, watched)
    }

    fn speak(&mut self, link: &mut Link<'_>) {
        while let Some(line) = self.lines.pop() {
            link.send(&line);
            if let Some(pause) = self.habit.pause() {
                return link.after(pause, SPEAK);
            }
        }
        match self.habit {
            Habit::Brief => link.finish(),
            Habit::Flees => link.reset(),
            _ => {}
        }
    }

    fn listen(&mut self, most: usize, link: &mut Link<'_>) {
        let bytes = link.read(most);
        self.is_listening = !bytes.is_empty();
        self.fate.borrow_mut().heard.extend(bytes);
    }

    fn listen_slowly(&mut self, link: &mut Link<'_>) {
        self.listen(SLOWLY.1, link);
        if self.is_listening {
            link.after(SLOWLY.0, LISTEN);
        }
    }
}

impl Peer for Guest {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match event {
            Event::Timer(LISTEN) => self.listen_slowly(link),
            Event::Connected | Event::Timer(_) => self.speak(link),
            Event::Readable => match self.habit {
                Habit::Deaf => {}
                Habit::Slow if self.is_listening => {}
                Habit::Slow => self.listen_slowly(link),
                _ => self.listen(usize::MAX, link),
            },
            Event::Sent => {}
            Event::Ended => {
                if self.habit != Habit::Deaf {
                    self.listen(usize::MAX, link);
                }
                self.fate.borrow_mut().has_ended = true;
                link.close();
            }
            Event::Broken(_) => {
                self.fate.borrow_mut().is_broken = true;
                link.close();
            }
        }
    }
}

/// What a guest sends as its line of that number.
fn sent(habit: Habit, n: usize) -> Vec<u8> {
    match habit {
        Habit::Rude if n == 0 => [&*vec![b'x'; 3000], b"\n"].concat(),
        Habit::Rude => [b"\xff\x07 ", n.to_string().as_bytes(), b"\n"].concat(),
        Habit::Floods => format!("{n} {}\n", "x".repeat(900)).into_bytes(),
        _ => format!("{n}\n").into_bytes(),
    }
}

/// What the others hear of that.
fn shown(habit: Habit, n: usize) -> Option<String> {
    match habit {
        Habit::Rude if n == 0 => None,
        Habit::Rude => Some(format!("\u{fffd}\u{fffd} {n}")),
        Habit::Floods => Some(format!("{n} {}", "x".repeat(900))),
        _ => Some(n.to_string()),
    }
}

impl Watched {
    /// The lines that it is heard to say.
    pub(super) fn says(&self) -> Vec<String> {
        let lines = (0..self.habit.lines()).filter_map(|n| shown(self.habit, n));
        lines.map(|line| format!("{}: {line}", self.name)).collect()
    }

    /// What it heard.
    pub(super) fn heard(&self) -> String {
        String::from_utf8_lossy(&self.fate.borrow().heard).into_owned()
    }

    /// Whether the network broke its connection.
    pub(super) fn is_broken(&self) -> bool {
        self.fate.borrow().is_broken
    }

    /// Whether the room let it go in order.
    pub(super) fn has_ended(&self) -> bool {
        self.fate.borrow().has_ended
    }
}
