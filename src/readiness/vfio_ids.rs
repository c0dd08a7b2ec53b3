//! Devices that vfio-pci is bound to at boot by id: what the ids say, compared with what is. Ids cannot tell two
//! cards of one model apart, and gpupci needs none, so every remedy takes them out.

mod card;
mod id;
mod option;
mod twins;

use crate::escape::Excerpt;
use crate::pci::{DriverName, Identity, PciAddress};
use crate::readiness::vfio_ids::id::is_named;
use crate::readiness::vfio_ids::option::{IdsOption, Source};
use crate::readiness::{Finding, HostFacts};

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
    /// Whether the host's first screen is on it.
    pub is_boot_display: bool,
}

pub(super) fn judge(facts: &HostFacts) -> Vec<Finding> {
    let options = option::options(facts);
    let last = option::in_force(&options, facts);
    let is_last = |option: &IdsOption| last.is_some_and(|last| std::ptr::eq(last, option));
    let without_effect = options.iter().filter(|option| !is_last(option));
    let mut findings: Vec<Finding> = without_effect
        .map(|option| no_effect(option, last, facts))
        .collect();
    if let Some(last) = last {
        let ids = last.ids.iter();
        findings.extend(ids.filter_map(|id| unmatched(id, last, facts)));
        findings.extend(twins::judge(last, facts));
        findings.extend(card::judge(last, facts));
    }
    findings
}

/// An option that the kernel does not get, or that another one replaces.
fn no_effect(option: &IdsOption, last: Option<&IdsOption>, facts: &HostFacts) -> Finding {
    let place = &option.place;
    let text = match last {
        Some(last) if option.source == Source::KernelLine || !option::is_built_in(facts) => {
            format!(
                "{place} has no effect: the last ids replace all others, and these are those of {}",
                last.place
            )
        }
        _ => format!("{place} has no effect: vfio-pci is built into this kernel"),
    };
    let remedy = format!("{}; `gpupci detach` needs no ids", option.removal(facts));
    Finding::warn(TOPIC, text, remedy)
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
    let remedy = format!(
        "{}; `lspci -nn` shows the ids of this host",
        option.removal(facts)
    );
    Some(Finding::warn(TOPIC, text, remedy))
}
