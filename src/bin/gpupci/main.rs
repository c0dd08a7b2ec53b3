//! `gpupci`: the cards of a host, and the cluster's attributes about them.
#![forbid(unsafe_code)]

mod args;
mod columns;
mod host;
mod host_words;
mod json;
mod list;
mod python;
mod report;
mod shell;
mod splice;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use gpupt::Exit;
use gpupt::host::Machine;

use crate::args::{Cli, Command};
use crate::report::Answer;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = run(&cli).and_then(|answer| report::answer(&answer));
    match ended {
        Ok(exit) => exit.code().into(),
        Err(error) => report::failure(&error).code().into(),
    }
}

fn run(cli: &Cli) -> Result<Answer> {
    let machine = Machine::at(cli.global.root());
    match &cli.command {
        Some(command) if !cli.list => match command {
            Command::List => list::run(&cli.global, &machine),
            Command::Splice(words) => splice::run(words, &cli.global, &machine),
            Command::Host(command) => host::run(command, &cli.global, &machine),
        },
        None if cli.list => list::run(&cli.global, &machine),
        Some(_) => Ok(Answer::usage("-l takes no command besides")),
        None => Ok(Answer::usage(
            "say what to do: `gpupci --help` tells what there is",
        )),
    }
}

/// An answer that is all there is to say.
fn done(text: String) -> Answer {
    Answer {
        text: text.into_bytes(),
        notes: Vec::new(),
        exit: Exit::Done,
    }
}
