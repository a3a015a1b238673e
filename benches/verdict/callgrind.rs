//! What a program has executed, by valgrind's callgrind: how many instructions, how many of them
//! atomic, and how often it asked for memory.

use std::collections::HashSet;
use std::env;
use std::fs;
use std::io;
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// What asks the C library for memory.
const ASKS: [&str; 5] =
    ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// What was counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) instructions: u64,
    pub(crate) allocations: u64,
    /// Atomic read-modify-writes in this program; those of the C library are not counted.
    pub(crate) atomics: u64,
}

impl Sub for Counted {
    type Output = Self;

    fn sub(self, less: Self) -> Self {
        Self {
            instructions: self.instructions.saturating_sub(less.instructions),
            allocations: self.allocations.saturating_sub(less.allocations),
            atomics: self.atomics.saturating_sub(less.atomics),
        }
    }
}

/// A file that valgrind writes; it is gone when this is.
#[derive(Debug)]
pub(crate) struct Profile(PathBuf);

impl Profile {
    /// `name` is used once at a time in this process.
    pub(crate) fn named(name: &str) -> Self {
        let process = std::process::id();
        Self(env::temp_dir().join(format!("verdict-{process}-{name}.callgrind")))
    }

    /// Valgrind, before the program that it is to watch.
    pub(crate) fn watcher(&self) -> Command {
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--error-limit=no", "--dump-instr=yes"])
            .args(["--dump-line=no", "--compress-pos=no", "--compress-strings=no"])
            .arg(format!("--callgrind-out-file={}", self.0.display()));
        command
    }

    /// What it wrote, when the program has ended.
    pub(crate) fn counted(&self) -> io::Result<Counted> {
        let program = env::current_exe()?;
        Ok(of(&fs::read_to_string(&self.0)?, &program, atomics_of(&program)))
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        let _it_may_never_have_been = fs::remove_file(&self.0);
    }
}

/// `ob=` says whose the instructions are, `cfn=` who is called, `calls=` how often; the line
/// after that is what was executed below, and counted there.
pub(crate) fn of(text: &str, program: &Path, atomics: &HashSet<u64>) -> Counted {
    let mut counted = Counted::default();
    let (mut is_ours, mut asks, mut is_below) = (false, false, false);
    for line in text.lines() {
        if let Some(object) = line.strip_prefix("ob=") {
            is_ours = Path::new(object) == program;
        } else if let Some(called) = line.strip_prefix("cfn=") {
            asks = ASKS.contains(&called);
        } else if let Some(calls) = line.strip_prefix("calls=") {
            let times = calls.split(' ').next().and_then(|it| it.parse::<u64>().ok());
            counted.allocations += times.filter(|_| asks).unwrap_or(0);
            is_below = true;
        } else if let Some(line) = line.strip_prefix("0x") {
            if std::mem::take(&mut is_below) {
                continue;
            }
            let Some((address, cost)) = line.split_once(' ') else { continue };
            let cost = cost.trim().parse().unwrap_or(0);
            counted.instructions += cost;
            let is_atomic =
                || u64::from_str_radix(address, 16).map(|it| atomics.contains(&it));
            if is_ours && is_atomic() == Ok(true) {
                counted.atomics += cost;
            }
        }
    }
    counted
}

/// The addresses of a program's atomic read-modify-writes. Where there is no objdump, or the
/// processor is another one, none is known.
fn atomics_of(program: &Path) -> &'static HashSet<u64> {
    static FOUND: OnceLock<HashSet<u64>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut objdump = Command::new("objdump");
        let listing = objdump.args(["-d", "--no-show-raw-insn"]).arg(program).output();
        let listing = listing.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
        listing.unwrap_or_default().lines().filter_map(atomic).collect()
    })
}

/// `  401180: lock addl $0x1,0x2e94(%rip)`; an exchange with memory is locked without a word.
pub(crate) fn atomic(line: &str) -> Option<u64> {
    let (address, instruction) = line.split_once(":\t")?;
    let locks = instruction.starts_with("lock ")
        || (instruction.starts_with("xchg ") && instruction.contains('('));
    if !locks || !cfg!(target_arch = "x86_64") {
        return None;
    }
    u64::from_str_radix(address.trim(), 16).ok()
}
