//! All output: answers on standard output, notes and errors on standard error.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Error, Result};
use gpupt::exit::Exit;
use gpupt::failure::{Failure, Grammar, lines};

/// The output of a command.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For standard output, as it is.
    pub(crate) text: Vec<u8>,
    /// For standard error, a line each; `--quiet` leaves them out.
    pub(crate) notes: Vec<String>,
    /// For standard error, as they are.
    pub(crate) errors: Vec<String>,
    /// The exit code.
    pub(crate) exit: Exit,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            text: Vec::new(),
            notes: Vec::new(),
            errors: Vec::new(),
            exit: Exit::Done,
        }
    }
}

impl Answer {
    /// A success with this text.
    pub(crate) fn done(text: String) -> Self {
        Self {
            text: text.into_bytes(),
            ..Self::default()
        }
    }

    /// A failure.
    pub(crate) fn failed(failure: &dyn Failure) -> Self {
        Self {
            errors: vec![format!("gpupci: {}", lines(failure))],
            exit: failure.exit(),
            ..Self::default()
        }
    }

    /// Wrong usage.
    pub(crate) fn usage(why: &str) -> Self {
        Self {
            errors: vec![format!("gpupci: {why}")],
            exit: Exit::Usage,
            ..Self::default()
        }
    }

    /// This answer, then `other`; the worse exit code wins.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.text.extend(other.text);
        self.notes.extend(other.notes);
        self.errors.extend(other.errors);
        self.exit = self.exit.max(other.exit);
        self
    }
}

/// Prints an answer. A closed pipe is not an error.
pub(crate) fn answer(answer: &Answer, is_quiet: bool, grammar: Grammar) -> Result<Exit> {
    for note in answer.notes.iter().filter(|_| !is_quiet) {
        to_stderr(&grammar.spell(&format!("gpupci: {note}\n")));
    }
    for error in &answer.errors {
        to_stderr(&grammar.spell(&format!("{error}\n")));
    }
    let mut out = io::stdout().lock();
    match out.write_all(&answer.text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(answer.exit),
        written => written
            .map(|()| answer.exit)
            .context("cannot write the answer"),
    }
}

/// Whether to print colours: standard output is a terminal and `NO_COLOR` is not set.
pub(crate) fn is_coloured() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Prints an error: what failed, why, the state, what to do.
pub(crate) fn failure(error: &Error, grammar: Grammar) -> Exit {
    match error.downcast_ref::<gpupt::error::Error>() {
        Some(known) => {
            to_stderr(&grammar.spell(&format!("gpupci: {}\n", lines(known))));
            known.exit()
        }
        None => {
            to_stderr(&format!("gpupci: {error:#}\n"));
            Exit::Failed
        }
    }
}

fn to_stderr(text: &str) {
    // If standard error is closed, there is no place to report it.
    let _ = io::stderr().write_all(text.as_bytes());
}
