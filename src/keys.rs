//! What somebody types, key by key.
//!
//! A thread reads stdin, so that a `q` is heard while something else goes on. On a terminal
//! that can do it, a key counts at once and is not echoed; elsewhere it counts after Enter.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// An Enter this soon after another key belongs to that key.
const ONE_MOVE: Duration = Duration::from_secs(1);

/// A key that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A letter (in lower case), a digit, whatever one character says.
    Char(char),
    /// Enter.
    Enter,
    /// `q`, Ctrl-D, or the end of what there is to read.
    Quit,
}

/// The keyboard. Dropping it gives the terminal back as it was.
#[derive(Debug)]
pub struct Keys {
    typed: Receiver<Key>,
    /// When the last key came that was no Enter.
    last: Option<Instant>,
    /// What came while nobody asked.
    ahead: VecDeque<Key>,
    /// Key by key, not line by line.
    _mode: Option<mode::KeyByKey>,
}

impl Keys {
    /// Begins to listen.
    pub fn listen() -> Self {
        let mode = mode::KeyByKey::enter();
        let (tell, typed) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 64];
            loop {
                let n = io::stdin().read(&mut buffer).unwrap_or(0);
                let mut keys = keys_of(&buffer[..n]).into_iter();
                if keys.any(|key| tell.send(key).is_err()) || n == 0 {
                    return;
                }
            }
        });
        Self { typed, last: None, ahead: VecDeque::new(), _mode: mode }
    }

    /// Waits for a key.
    pub fn wait(&mut self) -> Key {
        loop {
            let ahead = self.ahead.pop_front();
            let key = ahead.or_else(|| self.typed.recv().ok()).unwrap_or(Key::Quit);
            if self.is_meant(key) {
                return key;
            }
        }
    }

    /// The next key, if one was typed.
    #[cfg(unix)]
    pub fn take(&mut self) -> Option<Key> {
        self.ahead.pop_front().or_else(|| self.typed.try_recv().ok())
    }

    /// Whether somebody wants to leave. Keys that came before that are kept for
    /// [`wait`](Self::wait); but an Enter answers no question that was not yet asked.
    pub fn quit(&mut self) -> bool {
        let typed = self.typed.try_iter().filter(|key| *key != Key::Enter);
        self.ahead.extend(typed);
        self.ahead.front() == Some(&Key::Quit)
    }

    /// An Enter right after another key only ends that key's line.
    fn is_meant(&mut self, key: Key) -> bool {
        let now = Instant::now();
        if key != Key::Enter {
            self.last = Some(now);
            return true;
        }
        self.last.take().is_none_or(|last| now.duration_since(last) > ONE_MOVE)
    }
}

/// The keys in one piece of input.
fn keys_of(input: &[u8]) -> Vec<Key> {
    let text = match input {
        [] => return vec![Key::Quit],
        // An arrow, or another key that sends a sequence: it means nothing here.
        [0x1b, ..] => return Vec::new(),
        input => String::from_utf8_lossy(input),
    };
    let key = |char: char| match char.to_ascii_lowercase() {
        '\r' | '\n' => Some(Key::Enter),
        'q' | '\x04' => Some(Key::Quit),
        char if char.is_control() => None,
        char => Some(Key::Char(char)),
    };
    text.chars().filter_map(key).collect()
}

#[cfg(unix)]
mod mode {
    use std::io;

    use std::sync::{Mutex, MutexGuard, Once, PoisonError};
    use std::thread;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use signal_hook::consts::{SIGCONT, SIGTSTP};
    use signal_hook::iterator::Signals;
    use signal_hook::low_level::emulate_default_handler;

    /// The terminal's modes, before and while it tells of each key at once. `None` while it
    /// does not: filled and emptied by [`KeyByKey`], read when the process stops and goes on.
    static MODES: Mutex<Option<Modes>> = Mutex::new(None);

    struct Modes {
        before: Termios,
        key_by_key: Termios,
    }

    /// The terminal, while it tells of each key at once.
    #[derive(Debug)]
    pub(super) struct KeyByKey(());

    impl KeyByKey {
        pub(super) fn enter() -> Option<Self> {
            static SUSPENDING: Once = Once::new();
            let before = tcgetattr(io::stdin()).ok()?;
            let mut key_by_key = before.clone();
            key_by_key.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
            set(&key_by_key).ok()?;
            *modes() = Some(Modes { before, key_by_key });
            SUSPENDING.call_once(|| {
                if let Ok(signals) = Signals::new([SIGTSTP, SIGCONT]) {
                    thread::spawn(|| suspend_and_resume(signals));
                }
            });
            Some(Self(()))
        }
    }

    impl Drop for KeyByKey {
        fn drop(&mut self) {
            if let Some(modes) = modes().take() {
                // If it fails, there is no terminal any more.
                let _ = set(&modes.before);
            }
        }
    }

    /// Ctrl-Z: gives the terminal back before the process stops, and takes it again after.
    fn suspend_and_resume(mut signals: Signals) {
        for signal in &mut signals {
            if let Some(modes) = &*modes() {
                let wanted =
                    if signal == SIGTSTP { &modes.before } else { &modes.key_by_key };
                let _ = set(wanted);
            }
            if signal == SIGTSTP {
                let _ = emulate_default_handler(signal);
            }
        }
    }

    fn set(modes: &Termios) -> rustix::io::Result<()> {
        tcsetattr(io::stdin(), OptionalActions::Now, modes)
    }

    fn modes() -> MutexGuard<'static, Option<Modes>> {
        MODES.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The terminal's mode, for whoever may have to restore it in a hurry.
    #[derive(Clone, Debug)]
    pub(crate) struct Saved(Option<Termios>);

    impl Saved {
        pub(crate) fn now() -> Self {
            Self(tcgetattr(io::stdin()).ok())
        }

        pub(crate) fn restore(&self) {
            if let Some(modes) = &self.0 {
                let _ = set(modes);
            }
        }
    }
}

#[cfg(not(unix))]
mod mode {
    #[derive(Debug)]
    pub(super) struct KeyByKey;

    impl KeyByKey {
        pub(super) fn enter() -> Option<Self> {
            None
        }
    }

    #[derive(Clone, Debug)]
    pub(crate) struct Saved;

    impl Saved {
        pub(crate) fn now() -> Self {
            Self
        }

        pub(crate) fn restore(&self) {}
    }
}

pub(crate) use mode::Saved;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_keys_and_sequences_are_not() {
        assert_eq!(keys_of(b"bC\n"), [Key::Char('b'), Key::Char('c'), Key::Enter]);
        assert_eq!(keys_of(b"q"), [Key::Quit]);
        assert_eq!(keys_of(b"\x04"), [Key::Quit]);
        assert_eq!(keys_of(b""), [Key::Quit]);
        assert_eq!(keys_of(b"\x1b[A"), []);
        assert_eq!(keys_of(b"\x07"), []);
    }

    fn typed(keys: &[Key]) -> Keys {
        let (tell, typed) = channel();
        keys.iter().for_each(|key| tell.send(*key).expect("it is open"));
        Keys { typed, last: None, ahead: VecDeque::new(), _mode: None }
    }

    #[test]
    fn an_enter_right_after_a_letter_belongs_to_it() {
        let mut keys = typed(&[Key::Char('b'), Key::Enter, Key::Enter]);
        assert_eq!(keys.wait(), Key::Char('b'));
        assert_eq!(keys.wait(), Key::Enter);
        assert_eq!(keys.wait(), Key::Quit, "nobody types any more");
    }

    #[test]
    fn a_key_typed_ahead_is_kept() {
        let mut keys = typed(&[Key::Char('b'), Key::Enter, Key::Quit]);
        assert!(!keys.quit(), "only once its turn has come");
        assert_eq!(keys.wait(), Key::Char('b'));
        assert!(keys.quit());
    }
}
