//! The reasons in the hook's judgement: one for each kind of refusal of a card.

use crate::binding::Refusal;
use crate::diagnosis::qemu_errors::NO_DEVICE;
use crate::diagnosis::{Reason, Source, When};
use crate::failure::{Code, Failure, sentence};
use crate::handover::{CardError, Fault};
use crate::hook::{Hook, HookRefusal, Judgement};
use crate::host::KnownGuest;

pub(super) fn reasons(judgement: &Judgement) -> Vec<Reason> {
    let refusals = judgement.refusals.iter();
    refusals.flat_map(of_refusal).collect()
}

/// libvirt refuses a function that is not there. The hook leaves that to it.
pub(super) fn missing(known: &KnownGuest, hook: &Hook) -> Vec<Reason> {
    let missing = hook.missing(&known.claims()).unwrap_or_default();
    let missing = missing.into_iter().map(|function| Reason {
        topic: Some(NO_DEVICE),
        remedy: Some("run `gpupci list`, then correct the guest's cards".to_owned()),
        ..Reason::new(Source::Host, format!("this host has no device {function}")).at(When::Now)
    });
    missing.collect()
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
