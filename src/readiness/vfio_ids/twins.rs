//! Ids that more than one card or device has: vfio-pci gets all of them.

use crate::listing::listed;
use crate::readiness::vfio_ids::TOPIC;
use crate::readiness::vfio_ids::card::named;
use crate::readiness::vfio_ids::option::IdsOption;
use crate::readiness::{Finding, HostFacts};

/// A warning for each id that does not tell which card is meant.
pub(super) fn judge(option: &IdsOption, facts: &HostFacts) -> Vec<Finding> {
    let ids = option.ids.iter();
    ids.filter_map(|id| ambiguous(id, option, facts)).collect()
}

fn ambiguous(id: &str, option: &IdsOption, facts: &HostFacts) -> Option<Finding> {
    let alone = option.with_only(id);
    let owners = named(&alone, facts);
    if owners.len() < 2 {
        return None;
    }
    let shown: Vec<String> = owners.iter().map(|owner| owner.shown()).collect();
    let text = format!(
        "{} names {id}, the id of {}: it binds all of them",
        option.place,
        listed(&shown)
    );
    let remedy = format!(
        "{}; `gpupci detach` binds one card, by its address",
        option.removal(facts)
    );
    Some(Finding::warn(TOPIC, text, remedy))
}
