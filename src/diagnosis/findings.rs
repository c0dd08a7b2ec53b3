//! The findings of `gpupci check` that can explain a failed start of a guest with these cards.

use crate::check::{CheckOptions, host_facts};
use crate::diagnosis::logs::last_run;
use crate::diagnosis::qemu_errors::known_error;
use crate::diagnosis::{Reason, Said, Source, When};
use crate::failure::Code;
use crate::gpu::{CardName, GpuCard};
use crate::host::{KnownGuest, Machine};
use crate::readiness::{Blocks, Finding, Verdict, judge};

/// The findings that say the same as a refusal of the hook, and its code.
const SAME_CAUSE: [(&str, Code); 7] = [
    ("iommu-firmware", Code::NoIommuGroup),
    ("iommu-kernel", Code::NoIommuGroup),
    ("iommu-groups", Code::NoIommuGroup),
    ("vfio", Code::NoStubDriver),
    ("kernel", Code::NoDriverOverride),
    ("driver-override", Code::NoDriverOverride),
    ("names", Code::CardNames),
];

/// The warnings about the hook: without it a start is not prepared.
const OF_HOOK: [&str; 1] = ["hook"];
/// The warnings that can explain a failure for which no other reason is known.
const UNEXPLAINED: [&str; 6] = [
    "hook-seen",
    "hook-others",
    "libvirt",
    "reset",
    "power",
    "driver",
];
/// Findings about attributes do not keep a guest from starting.
const OF_CLUSTER: [&str; 2] = ["attributes", "conflicts"];
/// Findings about the cards as a whole do not keep a guest without a card from starting.
const OF_CARDS: [&str; 2] = ["cards", "names"];

/// Adds the findings about the host and these cards.
pub(super) fn add(
    reasons: &mut Vec<Reason>,
    cards: &[GpuCard],
    known: &KnownGuest,
    machine: &Machine,
    options: &CheckOptions,
) {
    let claimed: Vec<CardName> = cards.iter().map(|card| card.name).collect();
    let words: Vec<String> = claimed.iter().map(CardName::to_string).collect();
    let options = CheckOptions {
        words: &words,
        ..*options
    };
    let Ok((facts, _)) = host_facts(machine, &options) else {
        return;
    };
    let wanted = warnings(reasons, known, machine);
    for finding in judge(&facts) {
        if is_about_guest(&finding, &claimed) && explains(&finding, &wanted) {
            let is_blocking = finding.blocks_guest(&claimed);
            add_finding(reasons, finding, is_blocking);
        }
    }
}

/// Whether a finding is about the host, or about a card that the guest claims. For a guest that claims none,
/// `check` was asked about all of them, and that the host has none is no reason.
fn is_about_guest(finding: &Finding, claimed: &[CardName]) -> bool {
    match (finding.card, &finding.blocks) {
        (Some(card), _) => claimed.contains(&card),
        (None, Blocks::Cards(cards)) => claimed.iter().any(|card| cards.contains(card)),
        (None, _) => !claimed.is_empty() || !OF_CARDS.contains(&finding.topic),
    }
}

/// The topics of the warnings that explain what QEMU said at the last start.
fn warnings(reasons: &[Reason], known: &KnownGuest, machine: &Machine) -> Vec<&'static str> {
    let run = last_run(known, machine).unwrap_or_default();
    let errors: Vec<_> = run.errors.iter().map(|line| known_error(line)).collect();
    let mut topics: Vec<&str> = errors
        .iter()
        .flatten()
        .filter_map(|one| one.topic)
        .collect();
    let is_unexplained = reasons.is_empty() && errors.iter().all(Option::is_none);
    if is_unexplained && !run.has_succeeded && !errors.is_empty() {
        topics.extend(UNEXPLAINED);
    }
    topics
}

fn explains(finding: &Finding, wanted: &[&str]) -> bool {
    let topic = &finding.topic;
    match finding.verdict {
        Verdict::Pass => false,
        Verdict::Fail => !OF_CLUSTER.contains(topic),
        Verdict::Warn => OF_HOOK.contains(topic) || wanted.contains(topic),
    }
}

/// Adds a finding to the reason with the same cause, or as a reason of its own. The remedies of `check` are
/// those for this host.
fn add_finding(reasons: &mut Vec<Reason>, finding: Finding, is_blocking: bool) {
    let says_same = |reason: &Reason| {
        reason.text.contains(&finding.text) || finding.text.ends_with(reason.cause())
    };
    if reasons.iter().any(says_same) {
        return;
    }
    let codes: Vec<Code> = codes_of(finding.topic);
    let is_same = |reason: &&mut Reason| {
        let is_about = finding.card.is_none() || finding.card == reason.card;
        is_about && reason.has_one_of(&codes)
    };
    if let Some(reason) = reasons.iter_mut().find(is_same) {
        let is_first = reason.said.iter().all(|said| said.source != Source::Check);
        if is_first && finding.remedy.is_some() {
            reason.remedy.clone_from(&finding.remedy);
        }
        reason.said.push(Said {
            source: Source::Check,
            text: finding.text,
        });
        return;
    }
    let card = finding
        .card
        .map(|card| format!("{card}: "))
        .unwrap_or_default();
    let reason = Reason::new(Source::Check, format!("{card}{}", finding.text));
    reasons.push(Reason {
        when: is_blocking.then_some(When::Now),
        topic: Some(finding.topic),
        card: finding.card,
        codes: match finding.verdict {
            Verdict::Fail => codes,
            _ => Vec::new(),
        },
        remedy: finding.remedy,
        ..reason
    });
}

fn codes_of(topic: &str) -> Vec<Code> {
    let same = SAME_CAUSE.iter().filter(|(of, _)| *of == topic);
    same.map(|(_, code)| *code).collect()
}
