//! The rules of ARCHITECTURE.md, as far as a machine can see whether they hold.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use lineage::measure::Figures;
use lineage::sources::{STAGES, Stage};
use lineage::styles::{STYLES, Style};
use serde::Deserialize;

/// Code lines of a stage's core that its predecessor does not have byte for byte. The aim is
/// some 600, what can be read in one sitting. These are the counts of today, rounded up:
/// they may go down.
const CORE: [(&str, usize); 5] = [
    ("stage1-callbacks", 740),
    ("interlude-greenlets", 650),
    ("stage2-generators", 320),
    ("stage3-yield-from", 880),
    ("stage4-async-await", 685),
];

/// A toolbox is not read in one sitting, but each of its tools is: code lines of a file.
const TOOLS: (&str, usize) = ("stage5-asyncio", 415);

/// What the second stage takes over from the first without changing a byte: that the loop
/// below the user's code does not change is what it has to say.
const KEPT: [&str; 6] = ["event_loop", "net", "time", "deferred", "sync", "failure"];

/// What cargo says of a package.
#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None`: a normal one.
    kind: Option<String>,
    /// `None`: none of ours.
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    src_path: PathBuf,
}

static PACKAGES: LazyLock<Vec<Package>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--offline", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    metadata.packages
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Package {
    fn dependencies(&self) -> impl Iterator<Item = (&str, bool, &Dependency)> {
        let is_dev = |it: &Dependency| it.kind.as_deref() == Some("dev");
        self.dependencies.iter().map(move |it| (it.name.as_str(), is_dev(it), it))
    }
}

/// How far up a package of ours stands. Each needs only what is below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    /// It needs nothing of ours, and nothing of ours needs it.
    Tool,
    Ground,
    Stage,
    /// What is measured, and so built as well as it can be.
    Measured,
    Command,
    /// What the command does not need, so that it is built in seconds.
    Above,
}

fn floor(package: &str) -> Floor {
    match package {
        "models" | "xtask" => Floor::Tool,
        "reactor" | "site" => Floor::Ground,
        "calls" => Floor::Measured,
        "lineage" => Floor::Command,
        "book" | "exercises" | "stepper" => Floor::Above,
        stage if stage.starts_with("stage") || stage.starts_with("interlude") => {
            Floor::Stage
        }
        other => panic!("nobody has said in tests/tidy.rs on which floor {other} stands"),
    }
}

/// Whether `package` may depend on `other`, another one of ours.
fn may_need(package: &str, other: &str, is_dev: bool) -> bool {
    // A stage that is not in the table yet is the youngest.
    let age =
        |name| STAGES.iter().position(|stage| stage.name == name).unwrap_or(STAGES.len());
    match floor(package) {
        // A file that it includes remembers where it was called from.
        Floor::Tool => is_dev && (package, other) == ("models", "reactor"),
        // Its example is told to what visitors the site knows.
        Floor::Ground => is_dev && (package, other) == ("reactor", "site"),
        // It is another engine for the same programs.
        Floor::Stage if (package, other) == ("stage6-uvloop", "stage5-asyncio") => true,
        Floor::Stage if is_dev && floor(other) == Floor::Stage => {
            age(other) < age(package)
        }
        Floor::Stage => other == "reactor" || is_dev && other == "site",
        // It shows what the reader wrote, and how it ran.
        Floor::Above if (package, other) == ("book", "exercises") => true,
        above => floor(other) < above && floor(other) != Floor::Tool,
    }
}

#[test]
fn dependencies_point_one_way() {
    for package in &*PACKAGES {
        for (name, is_dev, dependency) in package.dependencies() {
            if dependency.path.is_some() {
                let may = may_need(&package.name, name, is_dev);
                assert!(may, "{} must not depend on {name}", package.name);
            }
        }
    }
}

#[test]
fn only_the_reactor_knows_mio_and_nothing_that_is_shipped_knows_tokio() {
    for package in &*PACKAGES {
        for (name, is_dev, _) in package.dependencies() {
            let at_home = name == "mio" && package.name == "reactor";
            let stranger = ["mio", "tokio", "smol"].contains(&name) && !at_home;
            // The benches compare with others, and with mio by hand. Stage 4 shows one program
            // that runs on others as well, and them as guests.
            let knows_others = match &*package.name {
                "lineage" => true,
                "stage4-async-await" => name != "mio",
                _ => false,
            };
            let may = !stranger || is_dev && knows_others;
            assert!(may, "{} must not depend on {name}", package.name);
        }
    }
}

#[test]
fn what_a_newcomer_builds_first_stays_light() {
    let members = read("Cargo.toml");
    let default = members.split("default-members").nth(1).unwrap();
    let default = default.split(']').next().unwrap();
    for package in PACKAGES.iter().filter(|it| floor(&it.name) == Floor::Above) {
        let quoted = format!("\"{}\"", package.name);
        assert!(!default.contains(&quoted), "{} is a default member", package.name);
    }
}

/// Generic code is compiled in the package that uses it, with that package's settings.
#[test]
fn what_is_measured_is_not_built_to_be_small() {
    let manifest = read("Cargo.toml");
    let blocks = manifest.split("\n[").filter(|block| block.contains("\nopt-level"));
    let small: Vec<_> = blocks
        .filter_map(|it| it.strip_prefix("profile.release")?.split(']').next())
        .map(|it| it.trim_start_matches(".package."))
        .collect();
    assert!(small.contains(&"lineage"), "this test looks for the wrong words");
    // The site is what is crawled: it waits, and nobody measures how fast it is.
    let is_measured =
        |it: &&Package| floor(&it.name) < Floor::Command && it.name != "site";
    for package in PACKAGES.iter().filter(is_measured) {
        assert!(!small.contains(&package.name.as_str()), "{} is measured", package.name);
    }
    assert!(!small.contains(&""), "there are settings for all");
    // What else is set has to do with how it is put together, and makes nothing small.
    for block in manifest.split("\n[").filter(|it| it.starts_with("profile.release")) {
        let is_known = |line: &str| {
            line.starts_with("opt-level = ")
                || ["codegen-units = 1", "lto = \"off\""].contains(&line)
        };
        let settings =
            block.lines().skip(1).filter(|it| !it.is_empty() && !it.starts_with('#'));
        for line in settings {
            assert!(is_known(line), "{line}");
        }
    }
}

#[test]
fn every_package_has_the_workspace_lints_and_no_unsafe() {
    for package in &*PACKAGES {
        let name = &package.name;
        let manifest = read(&package.manifest_path);
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has other lints");
        for target in &package.targets {
            let is_root = ["lib", "bin"].iter().any(|kind| target.kind == [*kind])
                && floor(name) != Floor::Above
                && name != "stage6-uvloop";
            let forbids = || read(&target.src_path).contains("#![forbid(unsafe_code)]");
            assert!(!is_root || forbids(), "{name} does not say forbid(unsafe_code)");
        }
    }
}

/// The lint forbids it everywhere else. What stands in the step is shown for its own sake; a
/// ring is told addresses (and so is the one by hand that ours is measured against), a light task is
/// a pointer, and the test of the ring is an allocator.
#[test]
fn one_step_and_the_engine_have_unsafe_code_and_nothing_else_may() {
    let allows = ["allow(unsafe", "expect(unsafe", "warn(unsafe"]
        .map(|it| it.to_owned() + "_code");
    let allowed = |path: &PathBuf| allows.iter().any(|it| read(path).contains(it));
    let found = sorted(files(&["rs"]).into_iter().filter(allowed));
    let homes = [
        "interlude-greenlets/steps/switch.rs",
        "stage6-uvloop/src/light/join.rs",
        "stage6-uvloop/src/light/set.rs",
        "stage6-uvloop/src/light/task.rs",
        "stage6-uvloop/src/light/waker.rs",
        "stage6-uvloop/src/uring/by_hand.rs",
        "stage6-uvloop/src/uring/ring.rs",
        "stage6-uvloop/tests/quarantine.rs",
    ];
    assert_eq!(found, homes.map(|home| root().join(home)));
}

#[test]
fn every_stage_says_which_calls_would_block_it() {
    for Stage { name, .. } in STAGES {
        let clippy = read(format!("{name}/clippy.toml"));
        for call in ["std::thread::sleep", "std::time::Instant::now"] {
            let is_disallowed = clippy.contains(&format!("path = \"{call}\""));
            // In stage 0, to block is the point.
            assert_eq!(is_disallowed, *name != "stage0-waiting", "{name}: {call}");
        }
    }
}

fn stage(name: &str) -> &'static Stage {
    STAGES.iter().find(|stage| stage.name == name).unwrap()
}

fn core(stage: &Stage) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_core = |path: &str| path.starts_with("src/") && path != "src/lib.rs";
    stage.files.iter().filter(move |it| is_core(it.path)).map(|it| (it.path, it.text))
}

#[test]
fn what_the_second_stage_does_not_change_is_byte_identical() {
    let [first, second] = ["stage1-callbacks", "stage2-generators"]
        .map(|name| core(stage(name)).collect::<BTreeMap<_, _>>());
    for file in KEPT.map(|name| format!("src/{name}.rs")) {
        assert!(first[&*file] == second[&*file], "{file} differs");
    }
}

/// The text of a file cannot name its crate and be the same in two: so the examples of what is
/// kept are files of their own, and the same but for that name.
#[test]
fn the_examples_of_what_the_second_stage_keeps_are_the_same_but_for_its_name() {
    let examples = |stage: &str| {
        let folder = root().join(stage).join("docs");
        let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let text = |path: PathBuf| (path.file_name().unwrap().to_owned(), read(&path));
        files.map(text).collect::<BTreeMap<_, _>>()
    };
    let mut first = examples("stage1-callbacks");
    for text in first.values_mut() {
        *text = text.replace("stage1_callbacks", "stage2_generators");
    }
    assert!(first == examples("stage2-generators"), "they differ");
}

/// An example that is taken in from a file is a comment, though it is spelled as an attribute.
fn code_lines(text: &str) -> usize {
    let is_example = |line: &&str| line.trim().starts_with("#[doc = include_str!(");
    Figures::of(text).lines - text.lines().filter(is_example).count()
}

#[test]
fn a_core_can_be_read() {
    for (name, bound) in CORE {
        let place = STAGES.iter().position(|stage| stage.name == name).unwrap();
        let known: BTreeSet<_> = STAGES[..place].iter().flat_map(core).collect();
        let new = core(&STAGES[place]).filter(|file| !known.contains(file));
        let lines: usize = new.map(|(_, text)| code_lines(text)).sum();
        assert!(lines <= bound, "{name} has {lines} new lines, {bound} are allowed");
    }
    let (toolbox, bound) = TOOLS;
    for (path, text) in core(stage(toolbox)) {
        let lines = code_lines(text);
        assert!(lines <= bound, "{toolbox}/{path} has {lines}, {bound} are allowed");
    }
    let counted = CORE.iter().map(|(name, _)| *name).chain([toolbox]);
    let has_core = |stage: &&Stage| core(stage).next().is_some();
    assert!(STAGES.iter().filter(has_core).map(|stage| stage.name).eq(counted));
}

#[test]
fn programs_are_short_from_generators_on() {
    let generators = STYLES.iter().position(|style| style.name == "generators").unwrap();
    for Style { name, sources, .. } in &STYLES[generators..] {
        let [echo, crawl] = [sources.echo, sources.crawl].map(|it| Figures::of(it).lines);
        assert!(echo <= 50, "{name}: echo has {echo} lines");
        assert!(crawl <= 100, "{name}: crawl has {crawl} lines");
        let chat = sources.chat.map_or(0, |it| Figures::of(it).lines);
        assert!(chat <= 100, "{name}: chat has {chat} lines");
    }
}

/// Every `.rs` file of the workspace, and every text that goes with it.
fn files(extensions: &[&str]) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.file_type().unwrap().is_file() {
                found.push(entry.path());
            } else if !name.starts_with('.') && !["target", "work"].contains(&&*name) {
                collect(&entry.path(), found);
            }
        }
    }
    let mut found = Vec::new();
    collect(root(), &mut found);
    let is_wanted = |path: &PathBuf| {
        path.extension().is_some_and(|it| extensions.iter().any(|wanted| it == *wanted))
    };
    found.retain(is_wanted);
    found
}

#[test]
fn every_file_opens_with_its_idea() {
    // Elsewhere, and among fixtures, are texts for somebody to complete, and the like.
    let homes = ["src", "tests", "examples", "benches", "steps"];
    let is_code = |path: &PathBuf| {
        let among =
            |names: &[&str]| path.iter().any(|it| names.iter().any(|name| it == *name));
        among(&homes) && !among(&["fixtures"])
    };
    for path in files(&["rs"]).into_iter().filter(is_code) {
        let text = read(&path);
        let opens = text.starts_with("//! ") || text.starts_with("#![doc = include_str!");
        assert!(opens, "{} does not say what it is", path.display());
    }
}

#[test]
fn nothing_in_the_text_belongs_to_one_machine() {
    let elsewhere = [concat!("../", "shared"), concat!("/wo", "rk/main"), "/tmp/target-"];
    for path in files(&["rs", "md", "toml", "py", "js"]) {
        let text = read(&path);
        let found =
            elsewhere.iter().find(|it| text.contains(**it) && !path.ends_with(file!()));
        assert_eq!(found, None, "{}", path.display());
    }
}

/// The id of a behaviour: `M1.04`.
fn ids(text: &str) -> BTreeSet<&str> {
    let is_id = |id: &&str| {
        let digit = |at| id.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        id.as_bytes()[2] == b'.' && [1, 3, 4].into_iter().all(digit)
    };
    let starts = text.match_indices('M').map(|(at, _)| at);
    starts.filter_map(|at| text.get(at..at + 5)).filter(is_id).collect()
}

/// Comments that name behaviours, and the line of code below each, if it is a function or
/// the comment has an example.
fn named(text: &str) -> Vec<&str> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let mut named = Vec::new();
    for block in
        lines.chunk_by(|one, other| one.starts_with("//") == other.starts_with("//"))
    {
        if !block[0].starts_with("//") {
            continue;
        }
        let end = lines.iter().position(|it| std::ptr::eq(*it, block[block.len() - 1]));
        let below = lines[end.unwrap() + 1..].iter().find(|line| !line.starts_with("#["));
        let is_test = below.is_some_and(|line| line.contains("fn "))
            || block.iter().any(|line| line.contains("```"));
        if is_test {
            named.extend(block.iter().flat_map(|line| ids(line)));
        }
    }
    named
}

/// An id in a comment in passing is no test.
#[test]
fn every_behaviour_has_a_test_that_names_it_and_is_on_the_list() {
    let list = read("docs/behaviours.toml");
    let listed = ids(&list);
    let others = files(&["rs"]).into_iter().filter(|path| {
        !path.ends_with(file!()) && !path.starts_with(root().join("book"))
    });
    let texts: Vec<_> = others.map(read).collect();
    let tested: BTreeSet<_> = texts.iter().flat_map(|text| named(text)).collect();
    let untested: Vec<_> = listed.difference(&tested).collect();
    assert!(untested.is_empty(), "no test names {untested:?}");
    let unlisted: Vec<_> = tested.difference(&listed).collect();
    assert!(unlisted.is_empty(), "docs/behaviours.toml lacks {unlisted:?}");
    for (group, count) in
        [("M1.", 80), ("M2.", 48), ("M3.", 24), ("M4.", 22), ("M7.", 20)]
    {
        let known = listed.iter().filter(|id| id.starts_with(group)).count();
        assert_eq!(known, count, "{group}: all were recorded");
    }
}

#[test]
fn no_test_is_put_off() {
    for path in files(&["rs"]) {
        let put_off = concat!("#[ig", "nore");
        assert!(!read(&path).contains(put_off), "{}", path.display());
    }
}

#[test]
fn a_decision_fits_a_page_and_states_its_price() {
    let is_decision = |path: &PathBuf| path.parent().unwrap().ends_with("docs/adr");
    let mut numbers = BTreeSet::new();
    for path in sorted(files(&["md"]).into_iter().filter(is_decision)) {
        let (text, name) = (read(&path), path.display());
        let file = path.file_name().unwrap().to_str().unwrap();
        let n: u32 = file.split('-').next().unwrap().parse().unwrap();
        assert!(text.starts_with(&format!("# {n}. ")), "{name} is not number {n}");
        assert!(numbers.insert(n), "there are two of number {n}");
        assert!(text.lines().count() <= 40, "{name} is longer than 40 lines");
        for part in ["\n## Context\n", "\n## Decision\n", "\n## Consequences\n"] {
            assert!(text.contains(part), "{name} has no {part:?}");
        }
    }
}

fn sorted(paths: impl Iterator<Item = PathBuf>) -> Vec<PathBuf> {
    let mut paths: Vec<_> = paths.collect();
    paths.sort();
    paths
}

/// All examples, with the package of each.
fn examples() -> Vec<(&'static str, &'static str)> {
    let of = |package: &'static Package| {
        let is_example = |it: &&Target| it.kind == ["example"];
        package.targets.iter().filter(is_example).map(|it| (&*it.name, &*package.name))
    };
    PACKAGES.iter().flat_map(of).collect()
}

#[test]
fn examples_are_named_for_their_stage_and_never_alike() {
    let mut seen = BTreeSet::new();
    for (example, package) in examples() {
        let stage = package.split('-').next().unwrap();
        assert!(example.starts_with(stage), "{example} in {package} does not say where");
        assert!(seen.insert(example), "two examples are called {example}");
    }
}

/// The names that follow `prefix` in a text.
fn after<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_end = |char: char| !char.is_alphanumeric() && char != '-';
    text.split(prefix).skip(1).filter_map(move |it| it.split(is_end).next())
}

#[test]
fn every_example_that_is_told_of_is_there_and_every_one_is_told_of() {
    let there: BTreeSet<_> = examples().into_iter().map(|(name, _)| name).collect();
    for path in files(&["md", "rs"]).into_iter().filter(|path| !path.ends_with(file!())) {
        for name in after(&read(&path), "cargo run --example ") {
            assert!(there.contains(name), "{}: no example {name}", path.display());
        }
    }
    let readme = read("README.md");
    let told: BTreeSet<_> = after(&readme, "cargo run --example ").collect();
    assert_eq!(told, there);
}

#[test]
fn the_readmes_figures_are_those_of_the_sources() {
    let readme = read("README.md");
    for style in STYLES {
        let row = readme.lines().find(|line| {
            line.starts_with(style.name) && line[style.name.len()..].contains(style.since)
        });
        let row = row.unwrap_or_else(|| panic!("{} is not in the table", style.name));
        // From the right: KiB per task, error sites, nesting, lines.
        let told: Vec<_> = row.split_whitespace().rev().skip(1).take(3).collect();
        let Figures { lines, nesting, error_sites } = Figures::of(style.sources.crawl);
        let counted = [error_sites, nesting, lines].map(|figure| figure.to_string());
        assert_eq!(told, counted, "error sites, nesting and lines of {}", style.name);
    }
}

/// The book makes `exercise-2.1.md` of the folder `exercises/chapter02/1-…`.
fn is_an_exercises_page(link: &str) -> bool {
    let number = link.strip_prefix("exercise-").and_then(|it| it.strip_suffix(".md"));
    let Some((chapter, place)) = number.and_then(|it| it.split_once('.')) else {
        return false;
    };
    let folder = root().join(format!("exercises/chapter{chapter:0>2}"));
    let mut exercises = fs::read_dir(folder).into_iter().flatten().flatten();
    let begins = format!("{place}-");
    exercises.any(|it| it.file_name().to_string_lossy().starts_with(&begins))
}

#[test]
fn links_between_our_pages_lead_somewhere() {
    for path in files(&["md"]) {
        let folder = path.parent().unwrap();
        let text = read(&path);
        for link in
            text.split("](").skip(1).map(|it| it.split([')', '#']).next().unwrap())
        {
            let is_ours = !link.contains("://") && !link.is_empty();
            let leads = || folder.join(link).exists() || is_an_exercises_page(link);
            assert!(!is_ours || leads(), "{}: {link} is not there", path.display());
        }
    }
}
