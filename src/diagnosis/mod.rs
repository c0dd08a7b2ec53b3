//! Why the last start of a guest failed, and what keeps it from starting now. Each cause is told once: what the
//! hook recorded, what QEMU and the journal say of it, and whether it is still so.

mod findings;
mod judged;
mod last_start;
mod logs;
mod qemu_errors;
mod qemu_words;
mod reason;

pub use judged::NoSuchDevice;
pub use qemu_errors::{KNOWN_ERRORS, KnownError, known_error};
pub use qemu_words::QemuError;
pub use reason::{Reason, Said, Source, When};

use crate::check::CheckOptions;
use crate::domain_xml::driver_models;
use crate::elapsed::ago;
use crate::error::Error;
use crate::failure::Code;
use crate::handover::Guest;
use crate::hook::{Hook, HookRefusal, InputError, Judgement};
use crate::host::{GuestProcess, KnownGuest, Machine};

/// What is known of the last start of a guest.
#[derive(Clone, Debug, Default)]
pub struct Diagnosis {
    /// The reasons, the cause first.
    pub reasons: Vec<Reason>,
    /// What was not checked.
    pub notes: Vec<String>,
}

/// The diagnosis of a guest. `options` are those of `gpupci check`; `None` if the settings have an error.
///
/// # Errors
/// If this host has no such guest.
pub fn why(guest: &str, hook: &Hook, options: Option<&CheckOptions>) -> Result<Diagnosis, Error> {
    let machine = hook.machine;
    let known = machine.known_guest(guest);
    let known = known.ok_or_else(|| Error::NoGuest(format!("{guest:?}")))?;
    let mut diagnosis = Diagnosis::default();
    if let Some(runs) = runs(&known, machine) {
        diagnosis.reasons.push(runs);
        diagnosis.reasons.extend(logs::of_running(&known, machine));
        return Ok(diagnosis);
    }
    let judgement = judgement(&known, hook);
    let mut reasons = judged::reasons(&judgement);
    reasons.extend(judged::missing(&known, hook));
    let start = known.start.as_ref();
    let past = start.and_then(|start| last_start::merge(start, &mut reasons));
    reasons.extend(past);
    let has_claims = !known.claims().is_empty();
    if let Some(options) = options.filter(|_| has_claims) {
        findings::add(&mut reasons, &judgement.cards, &known, machine, options);
    }
    logs::add(&mut reasons, &known, machine);
    last_start::advise(&mut reasons);
    reasons.sort_by_key(Reason::rank);
    diagnosis.reasons = reasons;
    diagnosis.notes.extend(judgement.unchecked);
    diagnosis.notes.extend(unknown_claims(&known));
    Ok(diagnosis)
}

/// What the hook would say of the guest now.
fn judgement(known: &KnownGuest, hook: &Hook) -> Judgement {
    let claims = known.claims();
    let Some(uuid) = known.uuid.clone() else {
        let refusal = HookRefusal::Input(InputError::NoUuid);
        return Judgement {
            refusals: Vec::from_iter((!claims.is_empty()).then_some(refusal)),
            ..Judgement::default()
        };
    };
    let guest = Guest {
        uuid,
        name: known.name.clone(),
    };
    let models = known.xml.as_deref().map(driver_models);
    hook.judge(&guest, &claims, models.unwrap_or_default())
}

/// That the guest runs, if it does.
fn runs(known: &KnownGuest, machine: &Machine) -> Option<Reason> {
    let text = match machine.guest_process(&known.name) {
        GuestProcess::None => return None,
        GuestProcess::Starting => "it is starting now".to_owned(),
        GuestProcess::Running => match machine.guest_age(&known.name) {
            Some(age) => format!("it runs; it was started {}", ago(age)),
            None => "it runs".to_owned(),
        },
    };
    Some(Reason::new(Source::Host, text))
}

/// An earlier release did not record what a transient guest claimed.
fn unknown_claims(known: &KnownGuest) -> Option<String> {
    let start = known.start.as_ref()?;
    let is_unknown = known.xml.is_none() && start.claims.is_empty();
    is_unknown.then(|| {
        "its cards are not judged: libvirt does not know this guest any more, and the record of its start \
         does not name them"
            .to_owned()
    })
}

/// The codes with these words. A newer release may have others.
fn codes_of(words: &[String]) -> Vec<Code> {
    let all = Code::ALL.iter().copied();
    all.filter(|code| words.iter().any(|word| word == code.word()))
        .collect()
}
