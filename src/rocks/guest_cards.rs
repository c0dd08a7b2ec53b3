//! Resolves a guest's attribute to the addresses of its cards on its host.

use thiserror::Error;

use crate::failure::{Code, Failure, UNCHANGED};
use crate::gpu::{CardName, MovedCard};
use crate::pci::{PciAddress, PciSlot};
use crate::rocks::attribute::old_copy;
use crate::rocks::{
    Attribute, AttributeName, CardReference, Cluster, GuestCards, Node, Text, ValueError,
};

/// Why a guest's cards cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GuestError {
    /// The guest's attribute is invalid.
    #[error("the attribute {attribute} of {guest} has an invalid value")]
    Value {
        /// The guest.
        guest: String,
        /// The attribute's name.
        attribute: String,
        /// What is wrong with its value.
        source: ValueError,
    },
    /// A card is given by name, and the guest has no host to look it up on.
    #[error("cannot look up card {card} of {guest}: the guest has no physical host")]
    NoHost {
        /// The guest.
        guest: String,
        /// The card's name.
        card: CardName,
    },
    /// The guest's host has no attribute for a card.
    #[error("cannot look up card {card} of {guest}: its host {host} has no attribute {card}")]
    NoSuchCard {
        /// The guest.
        guest: String,
        /// The card's name.
        card: CardName,
        /// The guest's host.
        host: String,
    },
    /// The host's attribute for a card is not an address.
    #[error("the attribute {card} of {host} has an invalid value")]
    HostValue {
        /// The host.
        host: String,
        /// The card's name, which is the attribute's.
        card: CardName,
        /// What is wrong with its value.
        source: ValueError,
    },
}

impl Failure for GuestError {
    fn codes(&self) -> Vec<Code> {
        vec![match self {
            Self::Value { .. } => Code::GuestAttribute,
            Self::HostValue { .. } => Code::HostAttribute,
            Self::NoSuchCard { .. } => Code::NoSuchAttribute,
            Self::NoHost { .. } => Code::NoHost,
        }]
    }

    fn state(&self) -> Option<String> {
        Some(UNCHANGED.to_owned())
    }

    fn remedies(&self) -> Vec<String> {
        let remedy = match self {
            Self::Value { .. } | Self::HostValue { .. } => {
                "correct the attribute with `gpupci host set`, then try again"
            }
            Self::NoSuchCard { .. } => "compare `gpupci host list` with `gpupci list` on that host",
            Self::NoHost { .. } => {
                "use the card's address instead of its name, or set the host of the guest"
            }
        };
        vec![remedy.to_owned()]
    }
}

/// The addresses of the cards of `guest` when it runs on `host`, in the order of its attribute;
/// none if it has no such attribute.
///
/// # Errors
/// If the attribute, or an attribute of the host that it refers to, is missing or invalid.
pub fn cards_of_guest(
    cluster: &Cluster,
    guest: &Node,
    host: Option<&Node>,
) -> Result<Vec<PciAddress>, GuestError> {
    let Some(attribute) = cluster.cards_attribute_of(guest) else {
        return Ok(Vec::new());
    };
    let mut addresses = Vec::new();
    for reference in references(guest, attribute)?.references() {
        let address = address_of(cluster, guest, host, *reference)?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// The cards of `guest` on `host`, each with the slots that its domain XML may still name: those of a
/// card with the same name on other hosts, and those of the attribute's former value.
///
/// # Errors
/// As [`cards_of_guest`].
pub fn moved_cards_of_guest(
    cluster: &Cluster,
    guest: &Node,
    host: Option<&Node>,
) -> Result<Vec<MovedCard>, GuestError> {
    let Some(attribute) = cluster.cards_attribute_of(guest) else {
        return Ok(Vec::new());
    };
    let former = cluster
        .attribute_of(guest, &old_copy(AttributeName::GUEST))
        .and_then(|attribute| references(guest, attribute).ok());
    let former = former.as_ref().map_or(&[][..], GuestCards::references);
    let cards = references(guest, attribute)?;
    cards
        .references()
        .iter()
        .enumerate()
        .map(|(index, reference)| {
            let to = address_of(cluster, guest, host, *reference)?.slot();
            let mut from = Vec::new();
            for known in [Some(reference), former.get(index)].into_iter().flatten() {
                from.extend(slots_anywhere(cluster, guest, *known));
            }
            from.retain(|slot| *slot != to);
            Ok(MovedCard { from, to })
        })
        .collect()
}

pub(crate) fn references(guest: &Node, attribute: &Attribute) -> Result<GuestCards, GuestError> {
    text_of(attribute.value.as_ref())
        .parse()
        .map_err(|source| GuestError::Value {
            guest: guest.name.to_string(),
            attribute: attribute.name.to_string(),
            source,
        })
}

pub(crate) fn address_of(
    cluster: &Cluster,
    guest: &Node,
    host: Option<&Node>,
    reference: CardReference,
) -> Result<PciAddress, GuestError> {
    let card = match reference {
        CardReference::At(address) => return Ok(address),
        CardReference::Named(card) => card,
    };
    let host = host.ok_or_else(|| GuestError::NoHost {
        guest: guest.name.to_string(),
        card,
    })?;
    let attribute = cluster.attribute_of(host, &card.to_string());
    let attribute = attribute.ok_or_else(|| GuestError::NoSuchCard {
        guest: guest.name.to_string(),
        card,
        host: host.name.to_string(),
    })?;
    address_in(attribute).map_err(|source| GuestError::HostValue {
        host: host.name.to_string(),
        card,
        source,
    })
}

/// The address that an attribute of a physical host holds.
pub(crate) fn address_in(attribute: &Attribute) -> Result<PciAddress, ValueError> {
    let text = text_of(attribute.value.as_ref());
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    text.parse().map_err(|_| ValueError::NotAnAddress(text))
}

/// The slots that a card has on any host, the host of the guest in the tables first.
fn slots_anywhere(cluster: &Cluster, guest: &Node, reference: CardReference) -> Vec<PciSlot> {
    let card = match reference {
        CardReference::At(address) => return vec![address.slot()],
        CardReference::Named(card) => card.to_string(),
    };
    let placed = guest.physical_host.and_then(|id| cluster.node(id));
    let hosts = cluster.nodes().iter().filter(|node| !node.is_guest);
    let hosts = placed.into_iter().chain(hosts);
    hosts
        .filter_map(|host| cluster.attribute_of(host, &card))
        .filter_map(|attribute| address_in(attribute).ok())
        .map(PciAddress::slot)
        .collect()
}

fn text_of(value: Option<&Text>) -> String {
    let bytes = value.map_or(&[][..], Text::as_bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rocks::Category;
    use pretty_assertions::assert_eq;

    #[test]
    fn former_host_of_the_guest_is_searched_first() {
        let node = |id, name: &str, is_guest| Node {
            id,
            name: name.into(),
            appliance: None,
            os: None,
            rack: None,
            is_guest,
            physical_host: is_guest.then_some(2),
        };
        let attribute = |id, member: &str, name: &str, value: &str| Attribute {
            id,
            name: name.into(),
            value: Some(value.into()),
            category: Category::Host,
            member: member.into(),
            precedence: 50,
        };
        let guest = node(4, "guest", true);
        let here = node(3, "here", false);
        let cluster = Cluster::new(
            vec![
                node(1, "other", false),
                node(2, "there", false),
                here.clone(),
                guest.clone(),
            ],
            vec![
                attribute(1, "other", "gpupci1", "05:00.0"),
                attribute(2, "there", "gpupci1", "02:00.0"),
                attribute(3, "here", "gpupci1", "03:00.0"),
                attribute(4, "guest", "gpupci", "gpupci1"),
            ],
        );
        let moved = moved_cards_of_guest(&cluster, &guest, Some(&here));
        let first = moved.map(|cards| cards.iter().map(|card| card.from[0].to_string()).collect());
        assert_eq!(first, Ok(vec!["0000:02:00".to_owned()]));
    }
}
