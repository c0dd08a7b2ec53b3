//! Devices that vfio-pci is bound to at boot by id. Ids cannot tell two cards of one model apart.

mod card;
mod id;
mod option;

use crate::escape::Excerpt;
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
    findings.extend(card::judge(option, facts));
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
