//! What a room knows, and what it does to whom: no waiting, no locks.

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use super::lines::{Inbox, Line, is_name};
use super::{HIGH_WATER, LONGEST_LINE, LONGEST_NAME, LOW_WATER, Next};
use crate::count;

/// Everybody who is here.
pub(super) struct Hall<T> {
    /// In the order in which they came.
    members: BTreeMap<u64, Member<T>>,
    /// How many came so far: numbers them.
    came: u64,
    is_closed: bool,
    /// Left by whoever waits until nobody is here.
    host: Option<T>,
    /// Filled with those who can go on; whoever has the lock wakes them when it is free again.
    pub(super) woken: Vec<T>,
    /// What is no longer needed, to be dropped when the lock is free again.
    pub(super) left: Vec<T>,
}

struct Member<T> {
    /// `None` before it has said one, and once it is leaving.
    name: Option<String>,
    /// Filled by `hear`; emptied by `say_on`, line by line.
    inbox: Inbox,
    /// There are lines in the inbox, and no room for what they would say.
    is_behind: bool,
    /// Filled by `give`; handed over by `next`.
    outbox: Vec<u8>,
    /// How much was handed over, and may not have been sent.
    in_hand: usize,
    way: Way,
    /// Its peer is done.
    is_done: bool,
    /// Left by the end that reads, and by the end that writes.
    hears: Option<T>,
    tells: Option<T>,
    /// Left by whoever can give up both.
    goes: Option<T>,
}

/// How far a member is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stays,
    /// It is given nothing any more, and what it says is not heard.
    Leaves,
    /// Its peer was told that this was all.
    IsTold,
}

const ASKS: &str = "what is your name?";
const CLOSES: &str = "* the room closes\n";

impl<T> Hall<T> {
    pub(super) fn enter(&mut self) -> u64 {
        self.came += 1;
        self.members.insert(self.came, Member::new());
        let greeting =
            if self.is_closed { CLOSES.to_owned() } else { format!("- {ASKS}\n") };
        self.give(self.came, &greeting);
        if self.is_closed {
            self.part(self.came);
        }
        self.came
    }

    pub(super) fn hear(&mut self, number: u64, bytes: &[u8]) -> bool {
        let Some(member) = self.members.get_mut(&number) else { return false };
        if bytes.is_empty() {
            member.is_done = true;
            self.say_goodbye(number);
            self.tell(number);
            return false;
        }
        if member.way == Way::Stays {
            member.inbox.push(bytes);
            self.say_on(number);
        }
        true
    }

    pub(super) fn when_heard(&mut self, number: u64, who: T) {
        match self.members.get_mut(&number) {
            Some(member) if member.is_behind => {
                self.left.extend(member.hears.replace(who));
            }
            _ => self.woken.push(who),
        }
    }

    pub(super) fn next(&mut self, number: u64) -> Next {
        let Some(member) = self.members.get_mut(&number) else { return Next::Gone };
        member.in_hand = 0;
        self.say_on(number);
        let member = self.members.get_mut(&number).expect("only `leave` takes it out");
        match member.outlook() {
            Next::Send(_) => {
                member.in_hand = member.outbox.len();
                Next::Send(mem::take(&mut member.outbox))
            }
            Next::Close => {
                member.way = Way::IsTold;
                Next::Close
            }
            other => other,
        }
    }

    pub(super) fn when_news(&mut self, number: u64, who: T) {
        match self.members.get_mut(&number) {
            Some(member) if member.outlook() == Next::Wait => {
                self.left.extend(member.tells.replace(who));
            }
            _ => self.woken.push(who),
        }
    }

    pub(super) fn leave(&mut self, number: u64) {
        self.say_goodbye(number);
        if let Some(member) = self.members.remove(&number) {
            let Member { hears, tells, goes, .. } = member;
            self.left.extend([hears, tells, goes].into_iter().flatten());
        }
        if self.members.is_empty() {
            self.woken.extend(self.host.take());
        }
    }

    pub(super) fn close(&mut self) {
        self.is_closed = true;
        let here = self.members.iter().filter(|(_, member)| member.way == Way::Stays);
        let here: Vec<_> = here.map(|(number, _)| *number).collect();
        for number in here {
            // It is their last line: nobody is behind by more than that.
            self.put(number, CLOSES);
            self.part(number);
        }
    }

    pub(super) fn clear(&mut self) {
        let all = self.members.values_mut();
        self.woken.extend(all.filter_map(|member| member.goes.take()));
    }

    pub(super) fn when_cleared(&mut self, number: u64, who: T) {
        match self.members.get_mut(&number) {
            Some(member) => self.left.extend(member.goes.replace(who)),
            None => self.woken.push(who),
        }
    }

    pub(super) fn when_empty(&mut self, who: T) {
        if self.members.is_empty() {
            self.woken.push(who);
        } else {
            self.left.extend(self.host.replace(who));
        }
    }

    /// How many bytes it keeps for all of them.
    pub(super) fn held(&self) -> usize {
        let held = |it: &Member<T>| it.inbox.len() + it.owed();
        self.members.values().map(held).sum()
    }

    /// Says the lines of a member's inbox, as long as it has little to take itself.
    fn say_on(&mut self, number: u64) {
        while let Some(member) = self.members.get_mut(&number) {
            let has_room = member.owed() <= LOW_WATER;
            let line = if has_room { member.inbox.next() } else { None };
            member.is_behind = !has_room && member.inbox.len() > 0;
            match line {
                Some(line) => self.line(number, line),
                None if member.is_behind => return,
                None => return self.woken.extend(member.hears.take()),
            }
        }
    }

    fn line(&mut self, number: u64, line: Line) {
        let Some(member) = self.members.get(&number) else { return };
        let text = match line {
            Line::Text(text) => text,
            Line::TooLong => {
                let most = format!("- a line has at most {LONGEST_LINE} bytes\n");
                return self.give(number, &most);
            }
        };
        match (&*text, &member.name) {
            ("", _) => {}
            ("/quit", _) => {
                self.give(number, "- goodbye\n");
                self.say_goodbye(number);
            }
            ("/who", _) => self.give(number, &self.who()),
            (_, None) => self.introduce(number, text.trim()),
            (command, _) if command.starts_with('/') => {
                self.give(number, "- there are only /who and /quit\n");
            }
            (text, Some(name)) => self.announce(format!("{name}: {text}\n")),
        }
    }

    fn introduce(&mut self, number: u64, name: &str) {
        if !is_name(name) {
            let rule = format!("1 to {LONGEST_NAME} letters, digits, - and _");
            return self.give(number, &format!("- a name has {rule}: {ASKS}\n"));
        }
        let is_same = |it: &&String| it.to_lowercase() == name.to_lowercase();
        let taken = self.names().find(is_same).cloned();
        if let Some(taken) = taken {
            return self.give(number, &format!("- {taken} is taken: {ASKS}\n"));
        }
        self.give(number, &self.who());
        let member = self.members.get_mut(&number);
        if let Some(member) = member.filter(|it| it.way == Way::Stays) {
            member.name = Some(name.to_owned());
            self.announce(format!("* {name} has come\n"));
        }
    }

    fn who(&self) -> String {
        let names: Vec<_> = self.names().map(String::as_str).collect();
        match names.len() {
            0 => "- nobody is here\n".to_owned(),
            n => format!("- {} here: {}\n", count(n, "member"), names.join(", ")),
        }
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.members.values().filter_map(|member| member.name.as_ref())
    }

    /// Has a line heard by all who have a name. Whoever is too slow for it has to go, and that
    /// is a line in its turn, which may be too much for another.
    fn announce(&mut self, line: String) {
        let mut lines = VecDeque::from([line]);
        while let Some(line) = lines.pop_front() {
            let named = self.members.iter().filter(|(_, member)| member.name.is_some());
            let named: Vec<_> = named.map(|(number, _)| *number).collect();
            lines.extend(named.into_iter().filter_map(|to| self.offer(to, &line)));
        }
    }

    /// Gives a line to one member.
    fn give(&mut self, number: u64, line: &str) {
        let slow = self.offer(number, line);
        slow.into_iter().for_each(|line| self.announce(line));
    }

    /// Puts a line into an outbox, if there is room for it; if not, what there is to say of
    /// that.
    fn offer(&mut self, number: u64, line: &str) -> Option<String> {
        let member = self.members.get_mut(&number).filter(|it| it.way == Way::Stays)?;
        if member.owed() + line.len() <= HIGH_WATER {
            self.put(number, line);
            return None;
        }
        let name = member.name.clone();
        self.put(number, "- you are too slow: goodbye\n");
        self.part(number);
        name.map(|name| format!("* {name} was too slow\n"))
    }

    /// It leaves, because it wants to, or is gone already.
    fn say_goodbye(&mut self, number: u64) {
        let name = self.part(number);
        name.into_iter().for_each(|name| self.announce(format!("* {name} has left\n")));
    }

    /// From now on it hears nothing, and is not heard. Its name is free, and given back.
    fn part(&mut self, number: u64) -> Option<String> {
        let member = self.members.get_mut(&number)?;
        if member.way == Way::Stays {
            member.way = Way::Leaves;
        }
        member.inbox = Inbox::default();
        member.is_behind = false;
        self.woken.extend(member.hears.take());
        let name = member.name.take();
        self.tell(number);
        name
    }

    fn put(&mut self, number: u64, line: &str) {
        if let Some(member) = self.members.get_mut(&number) {
            member.outbox.extend_from_slice(line.as_bytes());
            self.tell(number);
        }
    }

    /// Wakes the end that writes, if it has something to do.
    fn tell(&mut self, number: u64) {
        if let Some(member) = self.members.get_mut(&number)
            && member.outlook() != Next::Wait
        {
            self.woken.extend(member.tells.take());
        }
    }
}

impl<T> Member<T> {
    fn new() -> Self {
        Self {
            name: None,
            inbox: Inbox::default(),
            is_behind: false,
            outbox: Vec::new(),
            in_hand: 0,
            way: Way::Stays,
            is_done: false,
            hears: None,
            tells: None,
            goes: None,
        }
    }

    /// What it was given and has not taken, in bytes.
    fn owed(&self) -> usize {
        self.outbox.len() + self.in_hand
    }

    /// What `next` is going to say; what there is to send stays where it is.
    fn outlook(&self) -> Next {
        match self.way {
            _ if !self.outbox.is_empty() => Next::Send(Vec::new()),
            Way::Leaves | Way::IsTold if self.is_done => Next::Gone,
            Way::Leaves => Next::Close,
            Way::Stays | Way::IsTold => Next::Wait,
        }
    }
}

impl<T> Default for Hall<T> {
    fn default() -> Self {
        Self {
            members: BTreeMap::new(),
            came: 0,
            is_closed: false,
            host: None,
            woken: Vec::new(),
            left: Vec::new(),
        }
    }
}
