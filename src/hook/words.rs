//! Refusals in one line, for who reads `virsh start`'s error and nothing else.

use crate::error::Error;
use crate::failure::{Failure, sentence};
use crate::handover::CardError;

/// Why nothing can be done for any card, in one line that says what to do.
pub(super) fn sorry(error: Error) -> String {
    let remedy = error.remedies().into_iter().next();
    let remedy = remedy.unwrap_or_else(|| "mend that, then start the guest again".to_owned());
    format!(
        "its cards cannot be made ready: {}. What to do: {remedy}.",
        sentence(&error)
    )
}

/// Why a card is not to be had, in one line that says what to do.
pub(super) fn refusal(error: &CardError) -> String {
    let what = match error.verb {
        "prepare" => "its card cannot be made ready",
        _ => "its card cannot be given back",
    };
    format!(
        "{what}: {} ({}): {}. Now: {}. What to do: {}.",
        error.name,
        error.slot,
        error.causes().join("; "),
        error.state().unwrap_or_default(),
        error.remedies().join("; ")
    )
}

/// Why a card is not to be had that the cluster gives to others, as `gpupci host allows` says it.
pub(super) fn given_away(why: &str) -> String {
    format!(
        "its card cannot be made ready: {why}. Now: nothing was changed. What to do: see \
         `gpupci host list`; take the card out of this guest's XML, or give it to this guest with \
         `gpupci host set`."
    )
}
