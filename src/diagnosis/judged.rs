//! The reasons in the hook's judgement: one for each kind of refusal of a card.

use std::fmt;

use crate::binding::Refusal;
use crate::diagnosis::{Reason, Source, When};
use crate::failure::{Code, Failure, sentence};
use crate::handover::{CardError, Fault};
use crate::hook::{Hook, HookRefusal, Judgement};
use crate::host::KnownGuest;
use crate::pci::PciAddress;

pub(super) fn reasons(judgement: &Judgement) -> Vec<Reason> {
    let refusals = judgement.refusals.iter();
    refusals.flat_map(of_refusal).collect()
}

/// libvirt refuses a function that is not there. The hook leaves that to it.
pub(super) fn missing(known: &KnownGuest, hook: &Hook) -> Vec<Reason> {
    let missing = hook.missing(&known.claims()).unwrap_or_default();
    let missing = missing.into_iter().map(NoSuchDevice);
    let missing = missing.map(|error| of_failure(Source::Host, error.to_string(), &error));
    missing.collect()
}

/// A claimed device that this host does not have.
#[derive(Clone, Copy, Debug)]
pub struct NoSuchDevice(pub PciAddress);

impl fmt::Display for NoSuchDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this host has no device {}", self.0)
    }
}

impl std::error::Error for NoSuchDevice {}

impl Failure for NoSuchDevice {
    fn codes(&self) -> Vec<Code> {
        vec![Code::NoDevice]
    }

    fn remedies(&self) -> Vec<String> {
        vec!["run `gpupci list`, then correct the guest's cards".to_owned()]
    }
}

fn of_refusal(refusal: &HookRefusal) -> Vec<Reason> {
    match refusal {
        HookRefusal::Card(error) => match &error.fault {
            Fault::Refused(refusals) => of_card(error, refusals),
            _ => {
                let text = format!("{}: {}", place(error), error.causes().join(": "));
                let reason = of_failure(Source::Host, text, error);
                let card = Some(error.name);
                vec![Reason { card, ..reason }]
            }
        },
        HookRefusal::Input(error) => {
            vec![of_failure(Source::Definition, error.to_string(), error)]
        }
        HookRefusal::Host(error) => vec![of_failure(Source::Host, sentence(error), refusal)],
        other => {
            let mut text = match other {
                HookRefusal::AssignedElsewhere(_) => String::new(),
                _ => other.to_string(),
            };
            let causes = other.causes().join("; ");
            if !text.is_empty() && !causes.is_empty() {
                text += ": ";
            }
            vec![of_failure(Source::Host, text + &causes, other)]
        }
    }
}

fn place(error: &CardError) -> String {
    format!("{} ({})", error.name, error.slot)
}

fn of_failure(source: Source, text: String, failure: &dyn Failure) -> Reason {
    Reason {
        codes: failure.codes(),
        state: failure.state(),
        remedy: Some(failure.remedies().join("; ")).filter(|remedy| !remedy.is_empty()),
        ..Reason::new(source, text).at(When::Now)
    }
}

/// A reason for each code: several functions with the same problem are one.
fn of_card(error: &CardError, refusals: &[Refusal]) -> Vec<Reason> {
    let mut codes: Vec<Code> = Vec::new();
    for refusal in refusals {
        if !codes.contains(&refusal.code()) {
            codes.push(refusal.code());
        }
    }
    let reason = |code: Code| {
        let same = || {
            refusals
                .iter()
                .filter(move |refusal| refusal.code() == code)
        };
        let texts: Vec<String> = same().map(Refusal::to_string).collect();
        let mut remedies: Vec<String> = Vec::new();
        for remedy in same().map(Refusal::remedy) {
            if !remedies.contains(&remedy) {
                remedies.push(remedy);
            }
        }
        Reason {
            card: Some(error.name),
            codes: vec![code],
            state: error.state(),
            remedy: Some(remedies.join("; ")),
            ..Reason::new(
                Source::Host,
                format!("{}: {}", place(error), texts.join("; ")),
            )
            .at(When::Now)
        }
    };
    codes.into_iter().map(reason).collect()
}
