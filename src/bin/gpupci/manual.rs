//! Completion scripts and manual pages, generated from the definition of the command line.

use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::args::Cli;
use crate::report::Answer;

/// The section of the manual for system administration.
const SECTION: &str = "8";

/// A completion script for `shell`.
pub(crate) fn completions(shell: Shell) -> Answer {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "gpupci", &mut text);
    Answer {
        text,
        ..Answer::default()
    }
}

/// Writes a manual page for the program and one for each command.
pub(crate) fn man(directory: &Path) -> Result<Answer> {
    let mut cli = Cli::command();
    // This sets the full name of each command: `gpupci host add`.
    cli.build();
    write_pages(&cli, directory)
        .with_context(|| format!("cannot write manual pages to {}", directory.display()))?;
    Ok(Answer::done(String::new()))
}

fn write_pages(command: &Command, directory: &Path) -> io::Result<()> {
    let page = Man::new(command.clone()).section(SECTION);
    page.manual("GPU pass-through").generate_to(directory)?;
    let commands = command.get_subcommands();
    commands
        .filter(|command| !command.is_hide_set())
        .try_for_each(|command| write_pages(command, directory))
}
