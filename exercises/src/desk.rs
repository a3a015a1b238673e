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
use std::time::Duration;

use crate::catalogue::{Exercise, Number};

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
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Wishes so.
    pub fn now(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_wished(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Far more than any exercise takes.
const PATIENCE: Duration = Duration::from_secs(10);

impl Desk {
    /// The reader's desk: `work/` in the root of the workspace.
    pub fn of_the_reader(root: &Path) -> Self {
        Self::at(root, &root.join("work"), PATIENCE)
    }

    /// A desk anywhere, where no exercise runs for longer than `patience`.
    pub fn at(root: &Path, folder: &Path, patience: Duration) -> Self {
        let (root, folder) = (root.to_owned(), folder.to_owned());
        Self { root, folder, patience, interrupt: Interrupt::default() }
    }

    /// What ends this desk's trials.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
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

    /// The file to edit.
    pub fn exercise(&self, number: Number) -> PathBuf {
        self.program(&number.to_string()).join("exercise.rs")
    }

    /// Lays the skeleton out, unless it is there already. Says whether it was.
    ///
    /// # Errors
    ///
    /// What writing answers.
    pub fn begin(&self, exercise: &Exercise) -> io::Result<bool> {
        let file = self.exercise(exercise.number);
        if file.exists() {
            return Ok(true);
        }
        self.put(exercise, &exercise.number.to_string(), &exercise.read("skeleton.rs")?)?;
        Ok(false)
    }

    /// Makes `text` the program `name` for `exercise`.
    ///
    /// # Errors
    ///
    /// What writing answers.
    pub fn put(&self, exercise: &Exercise, name: &str, text: &str) -> io::Result<()> {
        let program = self.program(name);
        fs::create_dir_all(&program)?;
        fs::write(program.join("exercise.rs"), text)?;
        self.renew_check(exercise, name)
    }

    /// Writes the check of the program `name` anew, and the package around it.
    ///
    /// # Errors
    ///
    /// What writing answers.
    pub fn renew_check(&self, exercise: &Exercise, name: &str) -> io::Result<()> {
        let check = exercise.read("check.rs")?;
        let main =
            format!("// Written anew for each check: edit exercise.rs instead.\n{check}");
        fs::write(self.program(name).join("main.rs"), main)?;
        self.write_manifest()
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A package of its own, with the lock file of the workspace: nothing is downloaded.
    fn write_manifest(&self) -> io::Result<()> {
        let mut names: Vec<_> = fs::read_dir(&self.folder)?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("main.rs").exists())
            .map(|entry| entry.file_name().display().to_string())
            .collect();
        names.sort();
        let reactor = self.root.join("reactor");
        let mut manifest = format!(
            "# Written by `lineage check`.\n\
             [package]\nname = \"work\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
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
        fs::write(self.folder.join("Cargo.toml"), manifest)?;
        let lock = self.folder.join("Cargo.lock");
        if !lock.exists() {
            fs::copy(self.root.join("Cargo.lock"), lock)?;
        }
        Ok(())
    }
}

/// The name of a program, as cargo takes it: `exercise-2-1` for `2.1`.
pub(crate) fn program_name(name: &str) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    format!("exercise-{}", name.chars().map(plain).collect::<String>())
}
