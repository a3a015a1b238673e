//! Where and when something is measured: every results file says so.

use std::fs;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The processor, in the system's words.
    pub cpu: String,
    /// The system, and its architecture.
    pub os: String,
    /// The compiler, in its own words.
    pub rustc: String,
}

impl Machine {
    /// The one that this runs on.
    pub fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.map(|it| it.trim_start_matches([' ', '\t', ':']).to_owned());
        let model =
            model.or_else(|| said_by("sysctl", &["-n", "machdep.cpu.brand_string"]));
        let system =
            said_by("uname", &["-sr"]).unwrap_or(std::env::consts::OS.to_owned());
        Self {
            cpu: model.unwrap_or_else(|| "an unknown processor".to_owned()),
            os: format!("{system} {}", std::env::consts::ARCH),
            rustc: said_by("rustc", &["--version"])
                .unwrap_or("an unknown rustc".to_owned()),
        }
    }

    /// Whether a program of one is the same instructions on the other: the compiler is the same, and
    /// so is the architecture. The processors may differ, and so may the systems: valgrind shows a
    /// program one of its own making, and what a C library has for the newer ones is chosen by that.
    pub fn executes_the_same_as(&self, other: &Self) -> bool {
        let architecture = |it: &Self| it.os.rsplit(' ').next().map(str::to_owned);
        self.rustc == other.rustc && architecture(self) == architecture(other)
    }

    /// A name for its file, of the processor's, without what every processor is called: `amd-epyc`,
    /// `intel-xeon`.
    pub fn slug(&self) -> String {
        let says_nothing =
            |word: &&str| ["", "R", "TM", "CPU", "Processor"].contains(word);
        let words = self.cpu.split(|char: char| !char.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !says_nothing(word)).collect();
        words.join("-").to_lowercase()
    }
}

/// What a small command says, if it is there.
fn said_by(command: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(command).args(arguments).output().ok()?;
    let said = String::from_utf8(done.stdout).ok()?.trim().to_owned();
    (done.status.success() && !said.is_empty()).then_some(said)
}

/// The day, as `2015-05-09`.
pub fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The date of a day, counted from the first of January 1970. The year begins in March
/// here, so that the leap day is its last, as the Romans had it.
fn date(day: u64) -> String {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year + 400 * era, month + 3),
        _ => (year + 400 * era + 1, month - 9),
    };
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{Machine, date};

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(16_564), "2015-05-09");
        assert_eq!(date(20_453), "2025-12-31");
    }

    #[test]
    fn a_machine_has_a_name_that_a_file_can_have() {
        let cpu = "Intel(R) Core(TM) i7-8550U CPU @ 1.80GHz".to_owned();
        let machine = Machine { cpu, os: String::new(), rustc: String::new() };
        assert_eq!(machine.slug(), "intel-core-i7-8550u-1-80ghz");
    }
}
