//! How to call this command again, so that whatever is suggested can be typed as it stands.

use std::env;
use std::path::Path;

use crate::companion::workspace;
use crate::output::is_set;

/// In which a companion is told how the command was called that runs it.
pub(crate) const PASSED_ON: &str = "LINEAGE_INVOCATION";

/// A command as one would type it here: `check 1.1` with what has to stand before it.
pub fn to_type(rest: &str) -> String {
    format!("{} {rest}", invocation())
}

/// What calls `lineage` from here: cargo, if it came by cargo, or its executable.
pub(crate) fn invocation() -> String {
    if let Some(passed_on) = env::var(PASSED_ON).ok().filter(|it| !it.is_empty()) {
        return passed_on;
    }
    let name = env::args().next().unwrap_or_default();
    let is_lineage = Path::new(&name).file_stem().is_some_and(|it| it == "lineage");
    // Cargo says so to what it runs.
    if is_lineage && !is_set("CARGO_MANIFEST_DIR") {
        return quoted(&name);
    }
    let release = if cfg!(debug_assertions) { "" } else { " --release" };
    let here = env::current_dir().unwrap_or_default();
    let features = if cfg!(feature = "tls") { " --features tls" } else { "" };
    format!("cargo run -q{release}{features}{} --", package(&here, &workspace()))
}

/// How cargo finds the package from `here`. In the root of the workspace, it is the one that
/// is meant.
fn package(here: &Path, root: &Path) -> String {
    if here == root {
        String::new()
    } else if here.starts_with(root) {
        " -p lineage".to_owned()
    } else {
        let manifest = root.join("Cargo.toml");
        format!(" --manifest-path {}", quoted(&manifest.display().to_string()))
    }
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || "/\\:.-_+~".contains(char);
    if word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_where_the_package_is_if_it_is_not_here() {
        let root = Path::new("/home/you/lineage");
        for (here, told) in [
            ("/home/you/lineage", ""),
            ("/home/you/lineage/stage1-callbacks/src", " -p lineage"),
            ("/home/you", " --manifest-path /home/you/lineage/Cargo.toml"),
            ("/", " --manifest-path /home/you/lineage/Cargo.toml"),
        ] {
            assert_eq!(package(Path::new(here), root), told, "{here}");
        }
        let told = package(Path::new("/"), Path::new("/my files"));
        assert_eq!(told, " --manifest-path '/my files/Cargo.toml'");
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(quoted("./target/release/lineage"), "./target/release/lineage");
        assert_eq!(quoted("/it's here/lineage"), "'/it'\\''s here/lineage'");
    }
}
