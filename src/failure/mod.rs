//! One way to fail. Through `Failure` each error says what failed, why, the state, and what to do, and has
//! codes for programs. The two renderers are here too: `lines` for a terminal, `line` for the one line of
//! `virsh start`.

mod code;
mod grammar;
mod phrases;
pub mod remedy;

use std::error::Error;
use std::io;

use crate::exit::Exit;

pub use code::Code;
pub use grammar::Grammar;
pub(crate) use phrases::SystemError;
pub use phrases::break_phrases;

/// The state after a failure before the first write.
pub const UNCHANGED: &str = "nothing was changed";

/// An error that is shown to the user. Its `Display` says what failed.
pub trait Failure: Error {
    /// The codes of all reasons, for programs.
    fn codes(&self) -> Vec<Code>;

    /// Why it failed, a sentence each.
    fn causes(&self) -> Vec<String> {
        sources(self.source())
    }

    /// The state now, if it is worth saying.
    fn state(&self) -> Option<String> {
        None
    }

    /// What to do: a sentence each.
    fn remedies(&self) -> Vec<String>;

    /// The exit code: the largest of all reasons.
    fn exit(&self) -> Exit {
        let exits = self.codes().into_iter().map(Code::exit);
        exits.max().unwrap_or(Exit::Failed)
    }
}

/// A failure for a terminal: what failed, causes, state and remedies on lines of their own.
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

/// An error and its sources in one line.
pub fn sentence(error: &(dyn Error + 'static)) -> String {
    chain(error).join(": ")
}

/// An error and its sources, a sentence each.
pub fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    sources(Some(error))
}

fn sources(mut error: Option<&(dyn Error + 'static)>) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(cause) = error {
        let system = cause.downcast_ref::<io::Error>().map(SystemError);
        said.push(system.map_or_else(|| cause.to_string(), |system| system.to_string()));
        error = cause.source();
    }
    said
}
