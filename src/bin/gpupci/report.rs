//! All that is printed: answers on standard output, talk and errors on standard error.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Error, Result};
use gpupt::exit::Exit;
use gpupt::failure::{Failure, lines};

/// What a command has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For standard output, as it is.
    pub(crate) text: Vec<u8>,
    /// For standard error, a line each, unless it is to be quiet.
    pub(crate) notes: Vec<String>,
    /// For standard error, as they are.
    pub(crate) errors: Vec<String>,
    /// How it ends.
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
    /// All there is to say.
    pub(crate) fn done(text: String) -> Self {
        Self {
            text: text.into_bytes(),
            ..Self::default()
        }
    }

    /// Something failed.
    pub(crate) fn failed(failure: &dyn Failure) -> Self {
        Self {
            errors: vec![format!("gpupci: {}", lines(failure))],
            exit: failure.exit(),
            ..Self::default()
        }
    }

    /// The command as typed makes no sense.
    pub(crate) fn usage(why: &str) -> Self {
        Self {
            errors: vec![format!("gpupci: {why}")],
            exit: Exit::Usage,
            ..Self::default()
        }
    }

    /// This answer with another after it; the worse end is the end of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.text.extend(other.text);
        self.notes.extend(other.notes);
        self.errors.extend(other.errors);
        self.exit = self.exit.max(other.exit);
        self
    }
}

/// Prints an answer. A reader that has gone away has read enough.
pub(crate) fn answer(answer: &Answer, is_quiet: bool) -> Result<Exit> {
    for note in answer.notes.iter().filter(|_| !is_quiet) {
        talk(&format!("gpupci: {note}\n"));
    }
    for error in &answer.errors {
        talk(&format!("{error}\n"));
    }
    let mut out = io::stdout().lock();
    match out.write_all(&answer.text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(answer.exit),
        written => written
            .map(|()| answer.exit)
            .context("cannot write the answer"),
    }
}

/// Whether standard output is a terminal that likes colour; `NO_COLOR` speaks against it.
pub(crate) fn is_coloured() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Prints an error: what failed, why, how things stand, what to do.
pub(crate) fn failure(error: &Error) -> Exit {
    match error.downcast_ref::<gpupt::error::Error>() {
        Some(known) => {
            talk(&format!("gpupci: {}\n", lines(known)));
            known.exit()
        }
        None => {
            talk(&format!("gpupci: {error:#}\n"));
            Exit::Failed
        }
    }
}

fn talk(text: &str) {
    // Nobody is left to be told that nobody listens.
    let _ = io::stderr().write_all(text.as_bytes());
}
