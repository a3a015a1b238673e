//! What counts down: rockets that never speak at the same time, so that the order of what
//! they say is the same in every style that can wait for more than one of them.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

/// Something that counts down at its own pace.
#[derive(Clone, Copy, Debug)]
pub struct Rocket {
    /// What it calls itself.
    pub name: &'static str,
    /// How often it speaks.
    pub from: u32,
    /// How long it is silent before it speaks.
    pub period: Duration,
}

impl fmt::Display for Rocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rocket {}", self.name)
    }
}

thread_local! {
    /// Set for the length of a `with_periods`; read by `rockets`.
    static PERIODS: Cell<Option<[Duration; 3]>> = const { Cell::new(None) };
}

/// The rockets, which speak after 40 and 80 (a), 100 (b), 120 (a), 140 (c) and 200 ms (b).
pub const ROCKETS: [Rocket; 3] = [
    Rocket { name: "a", from: 3, period: Duration::from_millis(40) },
    Rocket { name: "b", from: 2, period: Duration::from_millis(100) },
    Rocket { name: "c", from: 1, period: Duration::from_millis(140) },
];

/// [`ROCKETS`], at their own pace, unless [`with_periods`] says otherwise.
pub fn rockets() -> [Rocket; 3] {
    let mut rockets = ROCKETS;
    for (rocket, period) in rockets.iter_mut().zip(PERIODS.get().into_iter().flatten()) {
        rocket.period = period;
    }
    rockets
}

/// Calls `body`, for which the rockets of this thread are silent for so long before they speak.
pub fn with_periods<R>(periods: [Duration; 3], body: impl FnOnce() -> R) -> R {
    struct Before(Option<[Duration; 3]>);
    impl Drop for Before {
        fn drop(&mut self) {
            PERIODS.set(self.0);
        }
    }
    let _before = Before(PERIODS.replace(Some(periods)));
    body()
}

/// What they say when they count at the same time.
pub const TOGETHER: [&str; 6] = ["a 2", "a 1", "b 1", "a 0", "c 0", "b 0"];

/// What they say when each waits for the one before it.
pub const IN_TURN: [&str; 6] = ["a 2", "a 1", "a 0", "b 1", "b 0", "c 0"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_for_one_body_and_for_its_thread() {
        let silent = || rockets().map(|rocket| rocket.period.as_millis());
        let other = [1, 2, 3].map(Duration::from_millis);
        let (inside, beside) = with_periods(other, || {
            (silent(), std::thread::spawn(silent).join().expect("it does not panic"))
        });
        assert_eq!(
            (inside, beside, silent()),
            ([1, 2, 3], [40, 100, 140], [40, 100, 140])
        );
    }
}
