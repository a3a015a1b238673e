//! What a shell and `man` want to know of the command: `lineage completions`, `lineage man`.

use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::error::Error;
use crate::output::Output;

/// What the command is called once it is on a path.
const NAME: &str = "lineage";

/// Prints a script that completes what is typed in that shell.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn completions(
    shell: Shell,
    mut command: Command,
    output: &mut Output,
) -> Result<(), Error> {
    let mut script = Vec::new();
    generate(shell, &mut command, NAME, &mut script);
    output.show(String::from_utf8_lossy(&script))
}

/// Prints the page of the manual, with a part for each command.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn man(mut command: Command, output: &mut Output) -> Result<(), Error> {
    command.build(); // which gives each command the name of its page
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(Error::failure)?;
    for part in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        Man::new(part.clone()).render(&mut page).map_err(Error::failure)?;
    }
    output.show(String::from_utf8_lossy(&page))
}
