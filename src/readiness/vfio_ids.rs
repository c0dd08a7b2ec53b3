//! Devices that vfio-pci is bound to at boot by id. Ids cannot tell two cards of one model apart.

mod id;
mod option;

use crate::escape::Excerpt;
use crate::gpu::CardName;
use crate::pci::{DriverName, Identity, PciAddress};
use crate::readiness::vfio_ids::id::is_named;
use crate::readiness::vfio_ids::option::IdsOption;
use crate::readiness::{DriverSource, Finding, HostFacts};

const TOPIC: &str = "vfio-ids";

/// The ids and the driver of a PCI function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFacts {
    /// Its address.
    pub address: PciAddress,
    /// Its ids; `None` if they could not be read.
    pub identity: Option<Identity>,
    /// The driver it is bound to.
    pub driver: Option<DriverName>,
    /// Whether that is a VFIO driver.
    pub is_vfio: bool,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let options = option::options(facts);
    options
        .iter()
        .flat_map(|option| judge_option(option, facts))
        .collect()
}

/// Whether vfio-pci is built into the kernel.
fn is_built_in(facts: &HostFacts) -> bool {
    let mut stubs = facts.stubs.iter();
    stubs.any(|stub| stub.driver == DriverName::vfio_pci() && stub.source == DriverSource::BuiltIn)
}

fn judge_option(option: &IdsOption, facts: &HostFacts) -> Vec<Finding> {
    if option.file.is_some() && is_built_in(facts) {
        let text = format!(
            "{} has no effect: vfio-pci is built into this kernel",
            option.place
        );
        let word = format!("vfio-pci.ids={}", option.ids.join(","));
        return vec![Finding::warn(
            TOPIC,
            text,
            facts.distribution.with_argument(&word),
        )];
    }
    let mut findings: Vec<Finding> = option
        .ids
        .iter()
        .filter_map(|id| unmatched(id, option, facts))
        .collect();
    let matched: Vec<&FunctionFacts> = facts.functions.iter().filter(|f| option.has(f)).collect();
    if matched.is_empty() {
        return findings;
    }
    let text = format!(
        "{} binds {} at boot",
        option.place,
        functions_by_card(&matched, facts)
    );
    findings.push(Finding::pass(TOPIC, text));
    let elsewhere = matched
        .iter()
        .filter_map(|function| bound_elsewhere(function, option, facts));
    findings.extend(elsewhere);
    findings
}

/// An id that no device has: of a removed card, or a typing error.
fn unmatched(id: &str, option: &IdsOption, facts: &HostFacts) -> Option<Finding> {
    let mut identities = facts.functions.iter().filter_map(|f| f.identity.as_ref());
    if identities.any(|identity| is_named(id, identity)) {
        return None;
    }
    let text = format!(
        "{} names {}, but no device of this host has this id",
        option.place,
        Excerpt(id)
    );
    Some(Finding::warn(
        TOPIC,
        text,
        "remove or correct it; `lspci -nn` shows the ids",
    ))
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
        format!(
            "add `softdep {driver} pre: vfio-pci` to /etc/modprobe.d/vfio.conf, {}",
            facts.initramfs.rebuild()
        ),
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
