//! What may be typed after `check`: read here, so that its help needs no build, and by
//! package `exercises`, which does it.

use clap::Parser;

use crate::args::Choice;

/// Check what you wrote in `work/`, an exercise on building the loop itself
///
/// The first check of an exercise lays its skeleton there.
#[derive(Debug, Parser)]
#[command(after_help = "To begin an exercise again, delete its folder in work/.\n\
                        LINEAGE_WORK in the environment names another folder than work/.")]
pub struct Check {
    /// A chapter (2) or an exercise (2.1); without it: the list of all
    pub exercise: Option<Choice>,

    /// Show a hint; again for the next one: --hint --hint
    #[arg(long, action = clap::ArgAction::Count, requires = "exercise")]
    pub hint: u8,

    /// Show the solution, and why it is one
    #[arg(long, requires = "exercise", conflicts_with = "hint")]
    pub solution: bool,

    /// Look at your run step by step, beside the right one; the first difference has a sign
    #[arg(long, requires = "exercise", conflicts_with_all = ["hint", "solution"])]
    pub step: bool,

    /// With --step: print both runs side by side, as it is without a terminal
    #[arg(long, requires = "step")]
    pub plain: bool,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Check;

    #[test]
    fn the_definition_holds() {
        Check::command().debug_assert();
    }

    #[test]
    fn a_hint_is_for_an_exercise() {
        for typed in [
            &["--hint"][..],
            &["--solution"],
            &["1.1", "--hint", "--solution"],
            &["--step"],
            &["1.1", "--step", "--hint"],
            &["1.1", "--step", "--solution"],
            &["1.1", "--plain"],
        ] {
            let args = ["check"].iter().chain(typed);
            assert!(Check::try_parse_from(args).is_err(), "{typed:?} was taken");
        }
        assert!(Check::try_parse_from(["check", "1.1", "--hint", "--hint"]).is_ok());
    }
}
