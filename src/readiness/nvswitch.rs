//! The NVSwitches of an HGX baseboard: which cards they connect, and who manages them.

use crate::pci::PciAddress;
use crate::readiness::{Finding, HostFacts};

/// Says that NVSwitches go to a guest together, with the cards that they connect.
pub(super) fn judge(facts: &HostFacts) -> Option<Finding> {
    let first = facts.switches.first()?;
    let switches = match facts.switches.len() {
        1 => format!("the NVSwitch {first} connects"),
        count => format!("{count} NVSwitches ({}) connect", listed(&facts.switches)),
    };
    let cards = facts.cards.as_deref().unwrap_or_default();
    let names = cards.iter().map(|card| card.name);
    let counting = names.filter(|name| name.is_numbered());
    let cards: Vec<String> = counting.map(|name| name.to_string()).collect();
    let cards = match cards.is_empty() {
        true => "the NVIDIA cards of this host".to_owned(),
        false => cards.join(", "),
    };
    Some(Finding::pass(
        "nvswitch",
        format!(
            "{switches} {cards}: give all of them to one guest, which then needs a fabric manager, or keep \
             every NVSwitch on this host with its fabric manager"
        ),
    ))
}

fn listed(switches: &[PciAddress]) -> String {
    let switches: Vec<String> = switches.iter().map(ToString::to_string).collect();
    switches.join(", ")
}
