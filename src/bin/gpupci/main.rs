//! `gpupci`: the command line for the cards of a host and their attributes in the cluster.
#![forbid(unsafe_code)]

mod args;
mod card_details;
mod check;
mod detach_attach;
mod groups;
mod hook;
mod host;
mod json;
mod list;
mod manual;
mod python;
mod recover;
mod report;
mod rocks_arguments;
mod rocks_table;
mod shell;
mod splice;
mod status;
mod table;
mod this_host;
mod why;
mod wrap;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use gpupt::handover::Mode;
use gpupt::host::{Machine, run_as_writer};

use crate::args::{Cli, Command, Global, ShortFlags};
use crate::detach_attach::Direction;
use crate::report::Answer;

fn main() -> ExitCode {
    if let Some(exit) = run_as_writer() {
        return exit;
    }
    let cli = Cli::parse();
    let machine = Machine::at(cli.global.root());
    let grammar = cli.global.grammar(&machine);
    let ended = run(&cli, &machine);
    let ended = ended.and_then(|answer| report::answer(&answer, cli.global.quiet, grammar));
    match ended {
        Ok(exit) => exit.code().into(),
        Err(error) => report::failure(&error, grammar).code().into(),
    }
}

fn run(cli: &Cli, machine: &Machine) -> Result<Answer> {
    match &cli.command {
        Some(command) if cli.short.is_empty() => run_command(command, &cli.global, machine),
        None if !cli.short.is_empty() => run_short(&cli.short, &cli.global, machine),
        Some(_) => Ok(Answer::usage(
            "-l, -s, -d and -a cannot be combined with a command",
        )),
        None => Ok(Answer::usage("no command given; see `gpupci --help`")),
    }
}

fn run_command(command: &Command, global: &Global, machine: &Machine) -> Result<Answer> {
    match command {
        Command::List => list::run(global, machine),
        Command::Status(arguments) => status::run(&arguments.cards, global, machine),
        Command::Detach(arguments) => detach_attach::run(
            Direction::Detach,
            &arguments.cards,
            arguments.mode(),
            global,
            machine,
        ),
        Command::Attach(arguments) => detach_attach::run(
            Direction::Attach,
            &arguments.cards,
            arguments.mode(),
            global,
            machine,
        ),
        Command::Check(arguments) => check::run(&arguments.cards, global, machine),
        Command::Groups => groups::run(global, machine),
        Command::Recover => recover::run(global, machine),
        Command::Why { guest } => why::run(guest, global, machine),
        Command::Renumber => list::run_renumber(global, machine),
        Command::Splice(arguments) => splice::run(arguments, global, machine),
        Command::Hook(command) => hook::run(command, global, machine),
        Command::Host(command) => host::run(command, global, machine),
        Command::Completions { shell } => Ok(manual::completions(*shell)),
        Command::Man { directory } => manual::man(directory),
    }
}

/// The short flags, in the original's order.
fn run_short(short: &ShortFlags, global: &Global, machine: &Machine) -> Result<Answer> {
    let mut answer = Answer::default();
    if short.list {
        answer = answer.and(list::run(global, machine)?);
    }
    if !short.attach.is_empty() {
        let attached = detach_attach::run(
            Direction::Attach,
            &short.attach,
            Mode::Real,
            global,
            machine,
        )?;
        answer = answer.and(attached);
    }
    if !short.detach.is_empty() {
        let detached = detach_attach::run(
            Direction::Detach,
            &short.detach,
            Mode::Real,
            global,
            machine,
        )?;
        answer = answer.and(detached);
    }
    if !short.status.is_empty() {
        answer = answer.and(status::run(&short.status, global, machine)?);
    }
    Ok(answer)
}
