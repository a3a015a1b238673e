//! The desk: a folder that is not under version control, where the reader edits.
//!
//! It is a package of its own, so that a half-finished edit breaks nothing but itself. Each
//! exercise is a program in it: the reader's `exercise.rs`, and beside it a `main.rs` that is
//! written anew for every check.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lineage::args::Number;
use lineage::error::{complain, named};

use crate::catalogue::Exercise;
use crate::turn::Turn;

/// A folder of exercises that were begun.
#[derive(Clone, Debug)]
pub struct Desk {
    /// The root of the workspace.
    root: PathBuf,
    folder: PathBuf,
    /// How long an exercise may run. A wake-up that was lost would last for ever.
    pub(crate) patience: Duration,
    pub(crate) interrupt: Interrupt,
}

/// The wish that whatever is being tried ends, now. It may come from any thread.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    is_wished: Arc<AtomicBool>,
    /// When it is wished anyway.
    at_the_latest: Option<Instant>,
}

impl Interrupt {
    /// One that is wished by itself after a while.
    pub fn after(time: Duration) -> Self {
        Self { at_the_latest: Instant::now().checked_add(time), ..Self::default() }
    }

    /// Wishes so.
    pub fn now(&self) {
        self.is_wished.store(true, Ordering::SeqCst);
    }

    /// Whether anybody has wished so.
    pub fn is_wished(&self) -> bool {
        self.is_wished.load(Ordering::SeqCst)
    }

    /// Whether anybody has, or it is late.
    pub(crate) fn is_due(&self) -> bool {
        let is_late = self.at_the_latest.is_some_and(|it| Instant::now() > it);
        self.is_wished() || is_late
    }
}

/// The package that the reader's programs are in.
pub(crate) const PACKAGE: &str = "work";

/// Far more than any exercise takes.
const PATIENCE: Duration = Duration::from_secs(10);

impl Desk {
    /// The reader's desk: `work/` in the root of the workspace, or the folder that the
    /// environment has as `LINEAGE_WORK`.
    pub fn of_the_reader(root: &Path) -> Self {
        let chosen = std::env::var_os("LINEAGE_WORK").filter(|it| !it.is_empty());
        let folder = chosen.unwrap_or_else(|| "work".into());
        Self::at(root, &root.join(folder), PATIENCE)
    }

    /// A desk anywhere, where no exercise runs for longer than `patience`.
    pub fn at(root: &Path, folder: &Path, patience: Duration) -> Self {
        let (root, folder) = (root.to_owned(), folder.to_owned());
        Self { root, folder, patience, interrupt: Interrupt::default() }
    }

    /// The same desk, whose trials that one ends.
    #[must_use]
    pub fn ended_by(self, interrupt: Interrupt) -> Self {
        Self { interrupt, ..self }
    }

    /// What ends this desk's trials.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Waits until nobody else writes into a folder and builds what is in it.
    pub(crate) fn turn(&self, folder: &Path) -> io::Result<Turn> {
        Turn::wait_for(folder, &|whom| complain(whom), &|| self.interrupt.is_due())
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where `cargo` finds the package.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where cargo puts what it builds: with the workspace's own, so that nothing is built
    /// twice.
    pub fn target(&self) -> PathBuf {
        let chosen = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        let target = chosen.unwrap_or_else(|| self.root.join("target"));
        self.root.join(target).join("exercises")
    }

    /// Whether an exercise was solved here.
    pub fn is_solved(&self, number: Number) -> bool {
        self.solved(number).exists()
    }

    /// Remembers that an exercise is solved, and how.
    ///
    /// # Errors
    ///
    /// What reading and writing answer, with the file's name.
    pub fn remember(&self, number: Number) -> io::Result<()> {
        let file = self.exercise(number);
        let text = fs::read_to_string(&file).map_err(named(&file))?;
        write(&self.solved(number), &text)
    }

    /// The exercise as it was when it was right: gone with its folder, when it is begun again.
    fn solved(&self, number: Number) -> PathBuf {
        self.program(&number.to_string()).join("solved.rs")
    }

    /// The file to edit.
    pub fn exercise(&self, number: Number) -> PathBuf {
        self.program(&number.to_string()).join("exercise.rs")
    }

    /// Lays the skeleton out, unless it is there already. Says whether it was.
    ///
    /// # Errors
    ///
    /// What writing answers, with the file's name; and when it is interrupted.
    pub fn begin(&self, exercise: &Exercise) -> io::Result<bool> {
        let file = self.exercise(exercise.number);
        if file.exists() {
            return Ok(true);
        }
        let _turn = self.turn(&self.folder)?;
        self.put(exercise, &exercise.number.to_string(), &exercise.read("skeleton.rs")?)?;
        Ok(false)
    }

    /// Makes `text` the program `name` for `exercise`.
    ///
    /// # Errors
    ///
    /// What writing answers, with the file's name.
    pub fn put(&self, exercise: &Exercise, name: &str, text: &str) -> io::Result<()> {
        let program = self.program(name);
        fs::create_dir_all(&program).map_err(named(&program))?;
        write(&program.join("exercise.rs"), text)?;
        self.renew_check(exercise, name)
    }

    /// Writes the check of the program `name` anew, and the package around it.
    ///
    /// # Errors
    ///
    /// What writing answers, with the file's name.
    pub fn renew_check(&self, exercise: &Exercise, name: &str) -> io::Result<()> {
        let check = exercise.read("check.rs")?;
        let main =
            format!("// Written anew for each check: edit exercise.rs instead.\n{check}");
        write(&self.program(name).join("main.rs"), &main)?;
        self.write_manifest()
    }

    /// Where the package says what it is.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.folder.join("Cargo.toml")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A package of its own, with the lock file of the workspace: nothing is downloaded.
    fn write_manifest(&self) -> io::Result<()> {
        let mut names: Vec<_> = fs::read_dir(&self.folder)
            .map_err(named(&self.folder))?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("main.rs").exists())
            .map(|entry| entry.file_name().display().to_string())
            .collect();
        names.sort();
        let reactor = self.root.join("reactor");
        let mut manifest = format!(
            "# Written by `lineage check`.\n\
             [package]\nname = \"{PACKAGE}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nreactor = {{ path = '{}' }}\n\n\
             [workspace]\n",
            reactor.display()
        );
        for name in names {
            let program = program_name(&name);
            let bin =
                ["\n[[bin]]\nname = '", &program, "'\npath = '", &name, "/main.rs'\n"];
            manifest.extend(bin);
        }
        write(&self.manifest(), &manifest)?;
        let (lock, here) = (self.root.join("Cargo.lock"), self.folder.join("Cargo.lock"));
        if !here.exists() {
            // Which of the two it is, the system does not say.
            let text = fs::read_to_string(&lock).map_err(named(&lock))?;
            write(&here, &text)?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(named(path))
}

/// The name of a program, as cargo takes it: `exercise-2-1` for `2.1`.
pub(crate) fn program_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    format!("exercise-{}", name.chars().map(plain).collect::<String>())
}
