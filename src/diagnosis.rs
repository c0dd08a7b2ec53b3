//! Why the last start of a guest failed: what the hook, QEMU and the journal reported, and what
//! blocks its cards now.

use crate::binding::Refusal;
use crate::domain_xml::Claim;
use crate::error::Error;
use crate::failure::{Code, Failure};
use crate::gpu::GpuCard;
use crate::handover::Handover;
use crate::host::{KnownGuest, Machine};

/// Where a reason comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// libvirt's definition of the guest.
    Definition,
    /// gpupt's hook, at the last start.
    Hook,
    /// QEMU's log.
    Qemu,
    /// The journal.
    Journal,
    /// The present state of the host.
    Host,
}

/// A possible reason for a failed start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Where it comes from.
    pub source: Source,
    /// What is wrong.
    pub text: String,
    /// Its codes, if gpupt found it itself.
    pub codes: Vec<Code>,
    /// What to do, if that is known.
    pub remedy: Option<String>,
}

/// The reasons why the last start of `guest` failed, in the order of the steps of a start.
///
/// # Errors
/// If this host has no such guest.
pub fn why(guest: &str, handover: &Handover, machine: &Machine) -> Result<Vec<Reason>, Error> {
    let no_guest = || Error::NoGuest(format!("{guest:?}"));
    let known = machine.known_guest(guest).ok_or_else(no_guest)?;
    let name = known.name.as_str();
    let mut reasons = Vec::new();
    reasons.extend(hook_reason(&known));
    let quoted = |source, text| Reason {
        source,
        text,
        codes: Vec::new(),
        remedy: None,
    };
    let journal = machine.journal_of(&known).into_iter();
    reasons.extend(journal.map(|line| quoted(Source::Journal, line.text)));
    let run = machine.last_qemu_run(name).unwrap_or_default();
    let qemu = run.errors.into_iter();
    reasons.extend(qemu.map(|line| quoted(Source::Qemu, line)));
    reasons.extend(current_reasons(&known, handover));
    Ok(reasons)
}

fn hook_reason(known: &KnownGuest) -> Option<Reason> {
    let start = known.start.clone()?;
    let age = start.age();
    Some(Reason {
        source: Source::Hook,
        text: match start.refused {
            Some(why) => format!("{age}: {why}"),
            None => format!("{age}: its cards were prepared"),
        },
        codes: Vec::new(),
        remedy: None,
    })
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
                source: Source::Host,
                text: format!("this host has no device {function}"),
                codes: Vec::new(),
                remedy: Some("run `gpupci list`, then correct the guest's cards".to_owned()),
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
                source: Source::Host,
                text: format!("{place}: {refusal}"),
                codes: refusal.codes(),
                remedy: Some(refusal.remedy()),
            })
            .collect(),
        Err(error) => vec![Reason {
            source: Source::Host,
            text: format!("{place}: {}", error.causes().join(": ")),
            codes: error.codes(),
            remedy: error.remedies().into_iter().next(),
        }],
    }
}
