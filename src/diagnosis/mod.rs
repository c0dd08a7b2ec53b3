//! Why the last start of a guest failed: what the hook, QEMU and the journal reported, and what
//! blocks its cards now.

mod reason;

pub use reason::{Reason, Said, Source, When};

use crate::binding::Refusal;
use crate::domain_xml::Claim;
use crate::error::Error;
use crate::failure::Failure;
use crate::gpu::GpuCard;
use crate::handover::Handover;
use crate::host::{KnownGuest, Machine};

/// What is known of the last start of a guest.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// The reasons, the cause first.
    pub reasons: Vec<Reason>,
    /// What was not checked.
    pub notes: Vec<String>,
}

/// The reasons why the last start of `guest` failed, in the order of the steps of a start.
///
/// # Errors
/// If this host has no such guest.
pub fn why(guest: &str, handover: &Handover, machine: &Machine) -> Result<Diagnosis, Error> {
    let no_guest = || Error::NoGuest(format!("{guest:?}"));
    let known = machine.known_guest(guest).ok_or_else(no_guest)?;
    let name = known.name.as_str();
    let mut reasons = Vec::new();
    reasons.extend(hook_reason(&known));
    let quoted = |source, text| Reason::new(source, text).at(When::LastStart);
    let journal = machine.journal_of(&known).into_iter();
    reasons.extend(journal.map(|line| quoted(Source::Journal, line.text)));
    let run = machine.last_qemu_run(name).unwrap_or_default();
    let qemu = run.errors.into_iter();
    reasons.extend(qemu.map(|line| quoted(Source::Qemu, line)));
    reasons.extend(current_reasons(&known, handover));
    reasons.sort_by_key(Reason::rank);
    Ok(Diagnosis {
        reasons,
        notes: Vec::new(),
    })
}

fn hook_reason(known: &KnownGuest) -> Option<Reason> {
    let start = known.start.clone()?;
    let text = format!("{}: {}", start.age(), start.refused?);
    Some(Reason::new(Source::Hook, text).at(When::LastStart))
}

/// What blocks the cards of a guest now.
fn current_reasons(known: &KnownGuest, handover: &Handover) -> Vec<Reason> {
    let claims = known.claims();
    let mut reasons = Vec::new();
    let mut seen: Vec<&GpuCard> = Vec::new();
    for function in claims.iter().filter_map(Claim::function) {
        match handover.card_with(function) {
            Some(card) if seen.iter().any(|one| one.name == card.name) => (),
            Some(card) => {
                seen.push(card);
                reasons.extend(card_reasons(card, handover));
            }
            None if !handover.is_there(function) => reasons.push(Reason {
                remedy: Some("run `gpupci list`, then correct the guest's cards".to_owned()),
                ..now(format!("this host has no device {function}"))
            }),
            None => (),
        }
    }
    reasons
}

fn card_reasons(card: &GpuCard, handover: &Handover) -> Vec<Reason> {
    let place = format!("{} ({})", card.name, card.slot());
    match handover.judge(card) {
        Ok(refusals) => refusals
            .iter()
            .map(|refusal: &Refusal| Reason {
                card: Some(card.name),
                codes: refusal.codes(),
                state: refusal.state(),
                remedy: Some(refusal.remedy()),
                ..now(format!("{place}: {refusal}"))
            })
            .collect(),
        Err(error) => vec![Reason {
            card: Some(card.name),
            codes: error.codes(),
            state: error.state(),
            remedy: error.remedies().into_iter().next(),
            ..now(format!("{place}: {}", error.causes().join(": ")))
        }],
    }
}

fn now(text: String) -> Reason {
    Reason::new(Source::Host, text).at(When::Now)
}
