//! The playground: any program of the reader's, run on a loop of a stage, and its run recorded.
//!
//! The program is copied into a package of its own, with a `main` beside it that records what its
//! `main` does. So it need not know of any of this, and its lines stay where they are.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lineage::apart::{End, Limits, Ran};
use lineage::args::Try;
use lineage::cargo::Build;
use lineage::companion::{Companion, from_here, workspace};
use lineage::error::{Error, complain, named};
use lineage::interrupt;
use lineage::invocation::to_type;
use lineage::output::Output;
use lineage::page::Page;
use lineage::styles::{STYLES, Style};

use crate::command::not_tried;
use crate::desk::Interrupt;
use crate::trial::{ENOUGH, ROOM};
use crate::turn::Turn;

/// What one may take: more than a program to look at needs.
const LIMITS: Limits =
    Limits { time: Duration::from_secs(20), output: ENOUGH, memory: ROOM };

/// How many steps are recorded at the most: more than anybody looks at.
const STEPS: usize = 20_000;

/// The folder of the program as it was typed: whoever shows the run shows its lines.
const TYPED: &str = "typed";

/// How many bytes are shown of what has no end.
const FIRST: usize = 1000;

/// The `main` beside the program; what stands between @s is filled in.
const TRIED: &str = include_str!("playground/tried.txt");

/// A program, and where everything of it goes.
struct Tried {
    root: PathBuf,
    /// The package, and all that is left of it.
    folder: PathBuf,
    /// The program's file, as it was typed.
    file: PathBuf,
    text: String,
    style: &'static Style,
    seed: Option<u64>,
}

/// Does what the command line says.
///
/// # Errors
///
/// A failure that says what is wrong with the program: it is not there, has no `main`, does not
/// compile, hangs, says more than anybody reads, or fails; a usage error where no stage is named.
pub fn run(args: &Try, output: &mut Output) -> Result<(), Error> {
    let tried = Tried::read(args)?;
    args.html.as_deref().map(Page::at).transpose()?;
    let wish = Interrupt::default();
    let told = wish.clone();
    interrupt::stop_on_interrupt(move || told.now())?;
    let stop = || wish.is_wished();
    // Until somebody shows the run in our place.
    let turn = Turn::wait_for(&tried.folder, &|whom| complain(whom), &stop);
    let _turn = turn.map_err(|error| not_tried(&error))?;
    tried.lay_out().map_err(Error::failure)?;
    let program = tried.build(&stop)?;
    let ended = tried.ended(LIMITS.run(&mut Command::new(&program), &stop), output);
    let recording = tried.recording();
    // It takes the place of the last one, at which somebody may be looking.
    if fs::rename(tried.fresh(), &recording).is_err() {
        return Err(tried.unrecorded(ended));
    }
    if let Some(out) = &args.out {
        fs::copy(&recording, out).map_err(|error| Error::failure(named(out)(error)))?;
    }
    if let Some(page) = &args.html {
        let typed = ["draw".into(), page.into(), recording.into_os_string()];
        let drawn = Companion::BOOK.call(&typed);
        return ended.and(drawn);
    }
    if args.out.is_some() {
        return ended;
    }
    // Whoever shows the run takes our place: so what went wrong would be forgotten.
    ended.map_err(|error| match error {
        Error::Failure(text) => {
            let how = to_type(&format!("step {}", from_here(&recording).display()));
            Error::Failure(format!("{text}; its run: {how}"))
        }
        other => other,
    })?;
    let plain = args.plain.then(|| OsString::from("--plain"));
    let typed: Vec<_> = [recording.into_os_string()].into_iter().chain(plain).collect();
    Companion::STEPPER.run(&typed)
}

impl Tried {
    fn read(args: &Try) -> Result<Self, Error> {
        let (root, file) = (workspace(), args.file.clone());
        let failed = |text: String| Error::Failure(format!("{}: {text}", file.display()));
        let text = args.text()?;
        let begins = |word: &str| {
            text.lines().any(|line| {
                line.trim_start().trim_start_matches("pub ").starts_with(word)
            })
        };
        if begins("async fn main(") {
            return Err(failed(
                "an async main has nobody to run it: write `fn main() { run(async { … }) }`"
                    .to_owned(),
            ));
        }
        if !begins("fn main(") {
            return Err(failed("it has no main to begin with: `fn main()`".to_owned()));
        }
        let style = args.style.map_or_else(|| style_of(&text), Some);
        let style = style.ok_or_else(|| {
            let names = Style::names_with_a_loop().join(", ");
            let file = file.display();
            Error::Usage(format!(
                "{file}: it names no stage, such as stage4_async_await; or say --style, one of: \
                 {names}"
            ))
        })?;
        style.needs_a_loop("to run it on")?;
        let folder = root.join("target").join("try");
        Ok(Self { root, folder, file, text, style, seed: args.sim })
    }

    /// Writes the package.
    fn lay_out(&self) -> io::Result<()> {
        let typed = self.folder.join(TYPED);
        fs::create_dir_all(&typed).map_err(named(&typed))?;
        drop(fs::remove_file(self.fresh()));
        let write = |name: &str, text: &str| {
            let path = self.folder.join(name);
            // Cargo builds again what was written again.
            match fs::read_to_string(&path) {
                Ok(before) if before == text => Ok(()),
                _ => fs::write(&path, text).map_err(named(&path)),
            }
        };
        let end = "\npub(super) fn run_by_lineage() -> std::process::ExitCode {\n    \
                   std::process::Termination::report(main())\n}\n";
        write(&self.name(), &format!("{}{end}", self.text))?;
        write(&format!("{TYPED}/{}", self.name()), &self.text)?;
        write("main.rs", &self.main())?;
        write("Cargo.toml", &self.manifest())?;
        let lock = self.root.join("Cargo.lock");
        write("Cargo.lock", &fs::read_to_string(&lock).map_err(named(&lock))?)
    }

    fn main(&self) -> String {
        let quoted = |path: &Path| format!("{:?}", path.display().to_string());
        let program = "program::run_by_lineage()";
        let run = match self.style.name {
            "uvloop" => format!(
                "stage5_asyncio::events::with_loop_factory(stage6_uvloop::open, || {program})"
            ),
            _ => program.to_owned(),
        };
        let stem = self.file.file_stem().unwrap_or_default();
        [
            ("@PROGRAM@", format!("{:?}", self.name())),
            ("@JSON@", quoted(&self.root.join("src/trace/json.rs"))),
            ("@SITE_PEER@", quoted(&self.root.join("src/sim/site_peer.rs"))),
            ("@SEED@", format!("{:?}", self.seed)),
            ("@RUN@", run),
            ("@STEPS@", STEPS.to_string()),
            ("@NAME@", format!("{:?}", stem.display().to_string())),
            ("@STYLE@", format!("{:?}", self.style.name)),
            ("@SHOWN@", format!("{:?}", self.shown())),
            ("@OUT@", quoted(&self.fresh())),
        ]
        .into_iter()
        .fold(TRIED.to_owned(), |text, (place, value)| text.replace(place, &value))
    }

    fn manifest(&self) -> String {
        let mut stages: Vec<_> = stages_in(&self.text);
        stages.push(self.style.stage());
        if self.style.name == "uvloop" {
            stages.push("stage6-uvloop");
        }
        stages.extend(["reactor", "site"]);
        stages.sort_unstable();
        stages.dedup();
        let ours = stages.iter().map(|name| {
            let path = self.root.join(name).display().to_string();
            format!("{name} = {{ path = '{path}' }}\n")
        });
        format!(
            "# Written by `lineage try`.\n[package]\nname = \"try\"\nversion = \"0.0.0\"\n\
             edition = \"2024\"\n\
             build = false\n\n[[bin]]\nname = \"tried\"\npath = \"main.rs\"\n\n\
             [dependencies]\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
             serde_json = \"1\"\n{}\n[workspace]\n",
            ours.collect::<String>()
        )
    }

    fn build(&self, stop: &dyn Fn() -> bool) -> Result<PathBuf, Error> {
        let wanted = Build {
            manifest: self.folder.join("Cargo.toml"),
            args: &["--offline"],
            target: Some(self.root.join("target").join("exercises")),
            why: "building the stage that it is written for",
            small: "try",
        };
        let done = wanted.run(stop).map_err(Error::failure)?.ok_or(Error::INTERRUPTED)?;
        let program = done.executable.filter(|_| done.is_whole);
        program.ok_or_else(|| {
            // Its lines are those of the file that was typed.
            let (copy, file) = (format!("--> {}:", self.name()), self.file.display());
            let complaints = done.complaints.replace(&copy, &format!("--> {file}:"));
            let complaints = complaints.trim_end();
            Error::Failure(format!("{file} does not compile:\n{complaints}"))
        })
    }

    /// Shows what it said, and says how it ended if not well.
    fn ended(&self, ran: io::Result<Ran>, output: &mut Output) -> Result<(), Error> {
        let ran = ran.map_err(|error| not_tried(&error))?;
        let [told, complaints] = [&ran.told, &ran.complaints].map(|it| match ran.end {
            End::TooMuch => &it[..it.len().min(FIRST)],
            _ => &it[..],
        });
        output.show(String::from_utf8_lossy(told))?;
        drop(io::stderr().write_all(complaints));
        let file = self.file.display();
        let time = LIMITS.time;
        Err(Error::Failure(match ran.end {
            End::Well => return Ok(()),
            End::Badly if has_no_memory(complaints) => {
                let most = LIMITS.memory >> 30;
                format!(
                    "{file} wanted more than the {most} GiB of memory that it may have"
                )
            }
            End::Badly => format!("{file} ended in an error"),
            End::Hung => format!("{file} had not ended after {time:?}, and was ended"),
            End::TooMuch => {
                format!("{file} went on and on (here are the first words), and was ended")
            }
        }))
    }

    /// Why there is nothing to look at: whoever is ended, or ends the process, tells no story.
    fn unrecorded(&self, ended: Result<(), Error>) -> Error {
        match ended {
            Ok(()) => Error::Failure(format!(
                "{} has left no recording: it ended by std::process::exit, and not by the end \
                 of its main",
                self.file.display()
            )),
            Err(Error::Failure(text)) => {
                Error::Failure(format!("{text}; it has left no recording"))
            }
            Err(other) => other,
        }
    }

    /// What the copy is called.
    fn name(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default().display().to_string();
        // Not what the other file is called.
        if stem == "main" { "main_.rs".to_owned() } else { format!("{stem}.rs") }
    }

    /// How the recording names the program: from the root, in which whoever shows it looks.
    fn shown(&self) -> String {
        let whole = self.file.canonicalize().unwrap_or_else(|_| self.file.clone());
        let root = self.root.canonicalize().unwrap_or_else(|_| self.root.clone());
        let below = whole.strip_prefix(root).map(Path::to_owned);
        let copied = || Path::new("target/try").join(TYPED).join(self.name());
        let shown = below.unwrap_or_else(|_| copied());
        shown.display().to_string().replace('\\', "/")
    }

    fn recording(&self) -> PathBuf {
        self.folder.join("recording.json")
    }

    /// Where the program writes it.
    fn fresh(&self) -> PathBuf {
        self.recording().with_extension("new")
    }
}

/// Whether a program was ended by its allocator: its last words then are these.
fn has_no_memory(complaints: &[u8]) -> bool {
    let complaints = String::from_utf8_lossy(complaints);
    complaints.lines().any(|line| line.starts_with("memory allocation of "))
}

/// The stages that a program names.
fn stages_in(text: &str) -> Vec<&'static str> {
    let is_named = |stage: &&str| text.contains(&stage.replace('-', "_"));
    STYLES.iter().map(Style::stage).chain(["stage6-uvloop"]).filter(is_named).collect()
}

/// The last style of the stage that a program names first.
fn style_of(text: &str) -> Option<&'static Style> {
    let place = |style: &Style| text.find(&style.stage().replace('-', "_"));
    let named = STYLES.iter().filter(|style| style.has_loop() && style.name != "uvloop");
    named
        .filter_map(|style| Some((place(style)?, style)))
        .min_by_key(|it| it.0)
        .map(|it| it.1)
}
