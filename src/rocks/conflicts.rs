//! Conflicts between the attributes of a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use crate::gpu::CardName;
use crate::pci::{IommuGroup, PciAddress, PciSlot};
use crate::rocks::guest_cards::{address_in, address_of, references};
use crate::rocks::{Cluster, GuestError, Node, NodeId, Text};

/// One conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Several guests of one host have the same card: only one of them can run at a time.
    Shared {
        /// The card.
        slot: PciSlot,
        /// Its host.
        host: String,
        /// The guests, in table order.
        guests: Vec<String>,
    },
    /// Several guests of one host have cards of the same IOMMU group, which goes to one guest as a whole.
    SharedGroup {
        /// The group.
        group: IommuGroup,
        /// Their host.
        host: String,
        /// The guests, in table order.
        guests: Vec<String>,
    },
    /// No attribute of a guest's host holds the address of the guest's card.
    Missing {
        /// The guest.
        guest: String,
        /// The card.
        address: PciAddress,
        /// The host.
        host: String,
    },
    /// An address is not that of function 0.
    NotFunction0 {
        /// The node that has the attribute.
        node: String,
        /// The attribute's name.
        attribute: String,
        /// The address.
        address: PciAddress,
    },
    /// A card of a host has several names.
    TwoNames {
        /// The card.
        slot: PciSlot,
        /// Its host.
        host: String,
        /// The names, in natural order.
        names: Vec<String>,
    },
    /// Several nodes have the same name, and so share their attributes.
    TwoNodes {
        /// The name.
        name: String,
        /// How many nodes have it.
        count: usize,
    },
    /// A value is invalid, or refers to a card that its host does not have.
    Unusable {
        /// The node that has the attribute.
        node: String,
        /// The reason, as a sentence.
        why: String,
    },
}

impl Conflict {
    /// The kind, as JSON has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Shared { .. } => "shared-card",
            Self::SharedGroup { .. } => "shared-group",
            Self::Missing { .. } => "missing-card",
            Self::NotFunction0 { .. } => "not-function-0",
            Self::TwoNames { .. } => "two-names",
            Self::TwoNodes { .. } => "two-nodes",
            Self::Unusable { .. } => "unusable-value",
        }
    }

    /// Whether `other` says this already: a conflict of three guests also says that of two of them.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        let covers = |all: &[String], some: &[String]| some.iter().all(|one| all.contains(one));
        match (self, other) {
            (
                Self::Shared { slot, host, guests },
                Self::Shared {
                    slot: other_slot,
                    host: other_host,
                    guests: others,
                },
            ) => (slot, host) == (other_slot, other_host) && covers(others, guests),
            (
                Self::SharedGroup {
                    group,
                    host,
                    guests,
                },
                Self::SharedGroup {
                    group: other_group,
                    host: other_host,
                    guests: others,
                },
            ) => (group, host) == (other_group, other_host) && covers(others, guests),
            (
                Self::TwoNames { slot, host, names },
                Self::TwoNames {
                    slot: other_slot,
                    host: other_host,
                    names: others,
                },
            ) => (slot, host) == (other_slot, other_host) && covers(others, names),
            _ => self == other,
        }
    }

    /// The node that the conflict is about.
    pub fn node(&self) -> &str {
        match self {
            Self::Shared { host, .. }
            | Self::SharedGroup { host, .. }
            | Self::TwoNames { host, .. } => host,
            Self::Missing { guest, .. } => guest,
            Self::NotFunction0 { node, .. } | Self::Unusable { node, .. } => node,
            Self::TwoNodes { name, .. } => name,
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared { slot, host, guests } => {
                write!(f, "{host}: card {slot} belongs to {}", guests.join(" and "))
            }
            Self::SharedGroup {
                group,
                host,
                guests,
            } => write!(
                f,
                "{host}: IOMMU group {group} has cards of {}; only one of them can run at a time",
                guests.join(" and ")
            ),
            Self::Missing {
                guest,
                address,
                host,
            } => {
                let device = address.node_device();
                write!(
                    f,
                    "{guest}: its host {host} has no attribute for card {device}"
                )
            }
            Self::NotFunction0 {
                node,
                attribute,
                address,
            } => write!(
                f,
                "{node}: {attribute} is {}, not function 0 of its card",
                address.node_device()
            ),
            Self::TwoNames { slot, host, names } => {
                write!(
                    f,
                    "{host}: card {slot} has the names {}",
                    names.join(" and ")
                )
            }
            Self::TwoNodes { name, count } => {
                write!(f, "{name}: {count} nodes have this name")
            }
            Self::Unusable { node, why } => write!(f, "{node}: {why}"),
        }
    }
}

/// The IOMMU groups of the cards of one host. The tables do not know them, only the host itself does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostGroups {
    /// The host.
    pub host: NodeId,
    /// Its slots, each with a group of one of its functions.
    pub groups: Vec<(PciSlot, IommuGroup)>,
}

/// The guests that have a card, by host and slot, in table order.
type Owners = BTreeMap<(NodeId, PciSlot), Vec<String>>;

/// All conflicts in `cluster`, by node in table order. `here` is the host of the guests that have
/// none in the tables, `groups` the IOMMU groups of this host.
pub fn conflicts_of(
    cluster: &Cluster,
    here: Option<&Node>,
    groups: Option<&HostGroups>,
) -> Vec<Conflict> {
    let mut found = two_nodes(cluster);
    let mut owners = Owners::new();
    for node in cluster.nodes() {
        if !node.is_guest {
            found.extend(conflicts_of_host(cluster, node));
        } else {
            let host = node.physical_host.and_then(|id| cluster.node(id)).or(here);
            let slots = conflicts_of_guest(cluster, node, host, &mut found);
            for (host, slot) in host
                .into_iter()
                .flat_map(|h| slots.iter().map(move |s| (h.id, *s)))
            {
                owners
                    .entry((host, slot))
                    .or_default()
                    .push(node.name.to_string());
            }
        }
    }
    found.extend(groups.map_or_else(Vec::new, |groups| shared_groups(cluster, &owners, groups)));
    for ((host, slot), guests) in owners {
        if let (Some(host), 2..) = (cluster.node(host), guests.len()) {
            let host = host.name.to_string();
            found.push(Conflict::Shared { slot, host, guests });
        }
    }
    found
}

/// The groups of a host whose cards belong to several guests. One card of several guests is another conflict.
fn shared_groups(cluster: &Cluster, owners: &Owners, groups: &HostGroups) -> Vec<Conflict> {
    let mut slots: BTreeMap<IommuGroup, BTreeSet<PciSlot>> = BTreeMap::new();
    for (slot, group) in &groups.groups {
        if owners.contains_key(&(groups.host, *slot)) {
            slots.entry(*group).or_default().insert(*slot);
        }
    }
    let shared = slots.into_iter().filter(|(_, slots)| slots.len() > 1);
    let conflicts = shared.filter_map(|(group, slots)| {
        let mut guests: Vec<String> = Vec::new();
        for guest in slots.iter().flat_map(|slot| &owners[&(groups.host, *slot)]) {
            if !guests.contains(guest) {
                guests.push(guest.clone());
            }
        }
        let host = cluster.node(groups.host)?.name.to_string();
        (guests.len() > 1).then_some(Conflict::SharedGroup {
            group,
            host,
            guests,
        })
    });
    conflicts.collect()
}

fn two_nodes(cluster: &Cluster) -> Vec<Conflict> {
    let mut count: HashMap<&Text, usize> = HashMap::new();
    for node in cluster.nodes() {
        *count.entry(&node.name).or_default() += 1;
    }
    let mut twice = Vec::new();
    for node in cluster.nodes() {
        if let Some(count @ 2..) = count.remove(&node.name) {
            let name = node.name.to_string();
            twice.push(Conflict::TwoNodes { name, count });
        }
    }
    twice
}

fn conflicts_of_host(cluster: &Cluster, host: &Node) -> Vec<Conflict> {
    let mut found = Vec::new();
    let mut names: BTreeMap<PciSlot, Vec<String>> = BTreeMap::new();
    for (card, address) in cards_recorded(cluster, host) {
        match address {
            Err(why) => found.push(Conflict::Unusable {
                node: host.name.to_string(),
                why: format!("{card} has an invalid value: {why}"),
            }),
            Ok(address) => {
                found.extend(not_function_0(host, &card.to_string(), address));
                names
                    .entry(address.slot())
                    .or_default()
                    .push(card.to_string());
            }
        }
    }
    for (slot, names) in names.into_iter().filter(|(_, names)| names.len() > 1) {
        let host = host.name.to_string();
        found.push(Conflict::TwoNames { slot, host, names });
    }
    found
}

/// The slots of a guest's cards; adds the conflicts to `found`.
fn conflicts_of_guest(
    cluster: &Cluster,
    guest: &Node,
    host: Option<&Node>,
    found: &mut Vec<Conflict>,
) -> Vec<PciSlot> {
    let Some(attribute) = cluster.cards_attribute_of(guest) else {
        return Vec::new();
    };
    let unusable = |error: GuestError| Conflict::Unusable {
        node: guest.name.to_string(),
        why: with_cause(&error),
    };
    let cards = match references(guest, attribute) {
        Ok(cards) => cards,
        Err(error) => {
            found.push(unusable(error));
            return Vec::new();
        }
    };
    let mut slots = Vec::new();
    for reference in cards.references() {
        match address_of(cluster, guest, host, *reference) {
            Err(error) => found.push(unusable(error)),
            Ok(address) => {
                found.extend(not_function_0(guest, &attribute.name.to_string(), address));
                found.extend(missing(cluster, guest, host, address));
                if !slots.contains(&address.slot()) {
                    slots.push(address.slot());
                }
            }
        }
    }
    slots
}

fn missing(
    cluster: &Cluster,
    guest: &Node,
    host: Option<&Node>,
    address: PciAddress,
) -> Option<Conflict> {
    let host = host?;
    let is_recorded = cards_recorded(cluster, host)
        .into_iter()
        .any(|(_, card)| card.is_ok_and(|card| card.slot() == address.slot()));
    (!is_recorded).then(|| Conflict::Missing {
        guest: guest.name.to_string(),
        address,
        host: host.name.to_string(),
    })
}

fn not_function_0(node: &Node, attribute: &str, address: PciAddress) -> Option<Conflict> {
    (address.function() != 0).then(|| Conflict::NotFunction0 {
        node: node.name.to_string(),
        attribute: attribute.to_owned(),
        address,
    })
}

type Recorded = Result<PciAddress, crate::rocks::ValueError>;

/// The attributes `gpupci1`, `gpupci2`, … of a host with their addresses.
fn cards_recorded(cluster: &Cluster, host: &Node) -> Vec<(CardName, Recorded)> {
    let card = |name: &Text| name.as_str().and_then(|name| name.parse().ok());
    cluster
        .attributes_of(host)
        .into_iter()
        .filter_map(|attribute| Some((card(&attribute.name)?, address_in(attribute))))
        .collect()
}

/// An error and its cause on one line.
fn with_cause(error: &GuestError) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
