//! What the ids name of each card, and what these functions are bound to now.

use crate::gpu::CardName;
use crate::pci::PciAddress;
use crate::readiness::vfio_ids::TOPIC;
use crate::readiness::vfio_ids::option::IdsOption;
use crate::readiness::{Finding, FunctionFacts, HostFacts};

pub(super) fn judge(option: &IdsOption, facts: &HostFacts) -> Vec<Finding> {
    let matched: Vec<&FunctionFacts> = facts.functions.iter().filter(|f| option.has(f)).collect();
    if matched.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "{} binds {} at boot",
        option.place,
        functions_by_card(&matched, facts)
    );
    let mut findings = vec![Finding::pass(TOPIC, text)];
    let elsewhere = matched
        .iter()
        .filter_map(|function| bound_elsewhere(function, option, facts));
    findings.extend(elsewhere);
    findings
}

/// A matching device that is bound to another driver.
fn bound_elsewhere(
    function: &FunctionFacts,
    option: &IdsOption,
    facts: &HostFacts,
) -> Option<Finding> {
    let driver = function.driver.as_ref()?;
    if function.is_vfio || facts.stubs.iter().any(|stub| stub.driver == *driver) {
        return None;
    }
    let card = card_of(function.address, facts);
    let finding = Finding::warn(
        TOPIC,
        format!(
            "{} names {}, but it is bound to {driver}, which was loaded before vfio-pci or was bound later",
            option.place, function.address
        ),
        match card {
            Some(name) => format!(
                "{}; `gpupci detach {name}` binds all functions of the card without ids",
                option.removal(facts)
            ),
            None => option.removal(facts),
        },
    );
    Some(match card {
        Some(name) => finding.of(name),
        None => finding,
    })
}

/// `gpupci2 (0000:2b:00.0, 0000:2b:00.1) and 0000:03:00.0 (not part of a card)`.
fn functions_by_card(matched: &[&FunctionFacts], facts: &HostFacts) -> String {
    let mut parts: Vec<String> = Vec::new();
    let cards = facts.cards.as_deref().unwrap_or_default();
    for card in cards {
        let own = matched
            .iter()
            .filter(|f| card.functions.contains(&f.address));
        let own: Vec<String> = own.map(|function| function.address.to_string()).collect();
        if !own.is_empty() {
            parts.push(format!("{} ({})", card.name, own.join(", ")));
        }
    }
    let others = matched
        .iter()
        .filter(|f| card_of(f.address, facts).is_none());
    parts.extend(others.map(|f| format!("{} (not part of a card)", f.address)));
    parts.join(" and ")
}

fn card_of(function: PciAddress, facts: &HostFacts) -> Option<CardName> {
    let cards = facts.cards.as_deref().unwrap_or_default();
    let card = cards.iter().find(|card| card.functions.contains(&function));
    card.map(|card| card.name)
}
