//! Both runs of an exercise, recorded: the reader's and that of the solution.
//!
//! The check stays as it is. Beside it stands a `main` that records what the check's `main` does;
//! each line that is printed is a step of the run, too. So every exercise has a run to look at,
//! and those that wait on the reactor show how.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lineage::cargo::Build;
use lineage::error::named;

use crate::catalogue::Exercise;
use crate::desk::{Desk, program_name};
use crate::trial::{Outcome, Ran};
use crate::turn::Turn;

/// How many steps are recorded at the most: a page and a reader have enough of that.
const STEPS: usize = 4_000;

/// The `main` beside a check; what stands between @s is filled in.
const CHECKED: &str = include_str!("recorded/checked.txt");

/// Behind the check's last line.
const END: &str = "\npub(super) fn checked() {\n    main()\n}\n";

/// What came of it. Nobody else makes such a pair while there is this one.
#[derive(Debug)]
pub struct Pair {
    /// Of the reader's program.
    pub outcome: Outcome,
    /// The recordings, the reader's first: unless one was ended, or does not compile.
    pub recordings: Option<[PathBuf; 2]>,
    /// What the reader's file is called in the recordings.
    pub file: String,
    /// What stood in it.
    pub text: String,
    _turn: Turn,
}

/// One of the two programs.
struct Program<'a> {
    exercise: &'a Exercise,
    /// Of the package.
    folder: &'a Path,
    /// `yours` or `right`; its folder there, too.
    name: &'static str,
    text: String,
    /// How its file is called where it is shown.
    shown: Option<String>,
}

impl Desk {
    /// Builds the reader's exercise and its solution, runs both, and records what they do.
    ///
    /// # Errors
    ///
    /// Fails when cargo cannot be run, when the exercise is not begun, and when it is interrupted.
    pub fn record(&self, exercise: &Exercise) -> io::Result<Pair> {
        let (number, file) = (exercise.number, self.exercise(exercise.number));
        let folder = self.root().join("target").join("step").join(number.to_string());
        let turn = self.turn(&folder)?;
        let text = fs::read_to_string(&file).map_err(named(&file))?;
        let shown = self.shown(&file);
        let program =
            |name, text, shown| Program { exercise, folder: &folder, name, text, shown };
        // The lines of the solution are not told: whoever wants them has `--solution`.
        let both = [
            program("yours", text.clone(), Some(shown.clone())),
            program("right", exercise.read("solution.rs")?, None),
        ];
        for program in &both {
            program.lay_out(self)?;
        }
        self.write_package(&folder, &both)?;
        let build = Build {
            manifest: folder.join("Cargo.toml"),
            args: &["--offline"],
            target: Some(self.target()),
            why: "building what the exercises stand on",
            small: "step",
        };
        let done = build.run(&|| self.interrupt.is_due())?;
        let done = done.ok_or_else(|| io::Error::from(io::ErrorKind::Interrupted))?;
        let [yours, right] = both;
        let (outcome, recordings) = if done.is_whole {
            let (ran, its_recording) = yours.run(self)?;
            let (_, other) = right.run(self)?;
            (Outcome::Ran(ran), its_recording.zip(other).map(Into::into))
        } else {
            let complaints = done.complaints.replace("yours/exercise.rs", &shown);
            (Outcome::DoesNotCompile(complaints), None)
        };
        Ok(Pair { outcome, recordings, file: shown, text, _turn: turn })
    }

    /// A package of the two, with the lock file of the workspace: nothing is downloaded.
    fn write_package(&self, folder: &Path, both: &[Program<'_>; 2]) -> io::Result<()> {
        let reactor = self.root().join("reactor").display().to_string();
        let mut manifest = format!(
            "# Written by `lineage check --step`.\n[package]\nname = \"step\"\n\
             version = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
             reactor = {{ path = '{reactor}' }}\n\
             serde = {{ version = \"1\", features = [\"derive\"] }}\nserde_json = \"1\"\n\n\
             [workspace]\n"
        );
        for program in both {
            let (name, place) = (program.executable(), program.name);
            let bin = ["\n[[bin]]\nname = '", &name, "'\npath = '", place, "/main.rs'\n"];
            manifest.extend(bin);
        }
        let lock = self.root().join("Cargo.lock");
        let text = fs::read_to_string(&lock).map_err(named(&lock))?;
        write(&folder.join("Cargo.toml"), &manifest)?;
        write(&folder.join("Cargo.lock"), &text)
    }

    /// A path as a recording has it: from the root of the workspace, if it is below it.
    fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.root()).unwrap_or(path);
        below.display().to_string().replace('\\', "/")
    }
}

impl Program<'_> {
    fn lay_out(&self, desk: &Desk) -> io::Result<()> {
        let folder = self.folder.join(self.name);
        fs::create_dir_all(&folder).map_err(named(&folder))?;
        drop(fs::remove_file(self.fresh()));
        let check = self.exercise.read("check.rs")?;
        write(&folder.join("exercise.rs"), &self.text)?;
        write(&folder.join("check.rs"), &format!("{check}{END}"))?;
        write(&folder.join("main.rs"), &self.main(desk))
    }

    fn main(&self, desk: &Desk) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let here = |file| format!("{:?}", format!("{}/{file}", self.name));
        let check = desk.shown(&self.exercise.file("check.rs"));
        [
            ("@JSON@", quoted(&desk.root().join("src/trace/json.rs"))),
            ("@CHECK_HERE@", here("check.rs")),
            ("@CHECK@", format!("{check:?}")),
            ("@EXERCISE_HERE@", here("exercise.rs")),
            ("@EXERCISE@", format!("{:?}", self.shown)),
            ("@STEPS@", STEPS.to_string()),
            ("@NAME@", format!("{:?}", self.exercise.number.to_string())),
            ("@STYLE@", format!("{:?}", self.name)),
            ("@OUT@", quoted(&self.fresh())),
        ]
        .into_iter()
        .fold(CHECKED.to_owned(), |text, (place, value)| text.replace(place, &value))
    }

    /// Runs it. Its recording, if it left one, takes the place of the last one, at which
    /// somebody may be looking.
    fn run(&self, desk: &Desk) -> io::Result<(Ran, Option<PathBuf>)> {
        let ran = desk.run_file(&desk.built(&self.executable()))?;
        let (fresh, recording) = (self.fresh(), self.recording());
        let is_there = fs::rename(fresh, &recording).is_ok();
        Ok((ran, is_there.then_some(recording)))
    }

    /// All exercises are built into one folder.
    fn executable(&self) -> String {
        program_name(&format!("{}-{}", self.exercise.number, self.name))
    }

    fn recording(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    /// Where the program writes it.
    fn fresh(&self) -> PathBuf {
        self.recording().with_extension("new")
    }
}

/// What has not changed is not touched, so that it need not be built again.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|it| it == text) {
        return Ok(());
    }
    fs::write(path, text).map_err(named(path))
}
