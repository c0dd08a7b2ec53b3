//! One way to fail. Each error says through [`Failure`] what a user is told: what failed, why, how
//! things stand, what to do; and a code for programs. How that is shown is here too, once: [`lines`]
//! for a terminal, [`line`] for who reads `virsh start`'s error and nothing else.

mod code;
pub mod remedy;

use std::error::Error;

use crate::exit::Exit;

pub use code::Code;

/// How things stand when a failure came before the first write.
pub const UNCHANGED: &str = "nothing was changed";

/// Something that went wrong and that a user is told of. Its `Display` says what failed.
pub trait Failure: Error {
    /// What went wrong, for programs: a code for each reason.
    fn codes(&self) -> Vec<Code>;

    /// Why: a sentence each.
    fn causes(&self) -> Vec<String> {
        sources(self.source())
    }

    /// How things stand now, where that is not plain.
    fn state(&self) -> Option<String> {
        None
    }

    /// What to do: a sentence each.
    fn remedies(&self) -> Vec<String>;

    /// With which code a program ends: the largest, where there are several reasons.
    fn exit(&self) -> Exit {
        let exits = self.codes().into_iter().map(Code::exit);
        exits.max().unwrap_or(Exit::Failed)
    }
}

/// A failure for a terminal: what failed, why, how things stand, what to do, a line each.
pub fn lines(failure: &dyn Failure) -> String {
    let mut text = failure.to_string();
    for cause in failure.causes() {
        let cause = cause.trim_end().replace('\n', "\n         ");
        text += &format!("\n  cause: {cause}");
    }
    if let Some(state) = failure.state() {
        text += &format!("\n  state: {state}");
    }
    for remedy in failure.remedies() {
        text += &format!("\n  try:   {remedy}");
    }
    text
}

/// A failure in one line.
pub fn line(failure: &dyn Failure) -> String {
    let mut text = failure.to_string();
    let (causes, remedies) = (failure.causes(), failure.remedies());
    if !causes.is_empty() {
        text += &format!(": {}", causes.join("; "));
    }
    if let Some(state) = failure.state() {
        text += &format!(". State: {state}");
    }
    if !remedies.is_empty() {
        text += &format!(". Try: {}", remedies.join("; "));
    }
    text + "."
}

/// An error with all that stands behind it, in one line.
pub fn sentence(error: &dyn Error) -> String {
    chain(error).join(": ")
}

/// An error and what stands behind it, a sentence each.
pub fn chain(error: &dyn Error) -> Vec<String> {
    sources(Some(error))
}

fn sources(mut error: Option<&dyn Error>) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(cause) = error {
        said.push(cause.to_string());
        error = cause.source();
    }
    said
}
