//! All that is printed: answers on standard output, talk and errors on standard error.

use std::io::{self, Write};

use anyhow::{Context, Error, Result};
use gpupt::Exit;

/// What a command has to say.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For standard output, as it is.
    pub(crate) text: Vec<u8>,
    /// For standard error, a line each.
    pub(crate) notes: Vec<String>,
    /// How it ends.
    pub(crate) exit: Exit,
}

impl Answer {
    /// The command as typed makes no sense.
    pub(crate) fn usage(why: &str) -> Self {
        Self {
            text: Vec::new(),
            notes: vec![why.to_owned()],
            exit: Exit::Usage,
        }
    }
}

/// Prints an answer. A reader that has gone away has read enough.
pub(crate) fn answer(answer: &Answer) -> Result<Exit> {
    for note in &answer.notes {
        talk(&format!("gpupci: {note}\n"));
    }
    let mut out = io::stdout().lock();
    match out.write_all(&answer.text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(answer.exit),
        written => written
            .map(|()| answer.exit)
            .context("cannot write the answer"),
    }
}

/// Prints an error: what failed, why, how things stand, what to do.
pub(crate) fn failure(error: &Error) -> Exit {
    match error.downcast_ref::<gpupt::Error>() {
        Some(known) => {
            talk(&format!("gpupci: {}\n", known.lines()));
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
