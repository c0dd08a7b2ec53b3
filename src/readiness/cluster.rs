//! Whether the cluster's attributes match the cards of this host.

use crate::escape::Excerpt;
use crate::gpu::CardName;
use crate::pci::PciAddress;
use crate::readiness::{Blocks, CardFacts, Finding};
use crate::rocks::{Attribute, Cluster, Conflict, HostGroups, Node, Origin, Text, conflicts_of};

const TOPIC: &str = "attributes";

/// What the cluster's database says about this host.
#[derive(Clone, Debug)]
pub enum ClusterFacts {
    /// The database could not be read.
    Unreachable {
        /// Why.
        why: String,
        /// What to do.
        remedy: String,
    },
    /// The cluster has no such host.
    UnknownHost {
        /// The host name of this host.
        name: Option<String>,
        /// Which database it is: Rocks creates its hosts itself.
        origin: Origin,
    },
    /// The cluster has this host.
    Known {
        /// Its name in the cluster.
        host: String,
        /// The host's card attributes: name and value.
        cards: Vec<(CardName, String)>,
        /// The conflicts of this host and its guests, a sentence each.
        conflicts: Vec<String>,
    },
}

impl ClusterFacts {
    /// What `cluster` says about `host`, which has these groups. A guest without a host belongs to
    /// `default_host`.
    pub fn of(
        cluster: &Cluster,
        host: &Node,
        default_host: Option<&Node>,
        groups: &HostGroups,
    ) -> Self {
        let card = |attribute: &Attribute| {
            let name: CardName = attribute.name.as_str()?.parse().ok()?;
            let value = attribute.value.as_ref();
            Some((name, value.map(Text::to_string).unwrap_or_default()))
        };
        let guests = cluster.nodes().iter().filter(|node| {
            let its_host = node.physical_host.or(default_host.map(|node| node.id));
            node.is_guest && its_host == Some(host.id)
        });
        let mut names: Vec<String> = guests.map(|guest| guest.name.to_string()).collect();
        names.push(host.name.to_string());
        let conflicts = conflicts_of(cluster, default_host, Some(groups));
        let is_own = |conflict: &&Conflict| names.iter().any(|name| name == conflict.node());
        // An unusable value of this host is reported with its card.
        let is_value = |conflict: &Conflict| matches!(conflict, Conflict::Unusable { node, .. } if host.name.to_string() == *node);
        let own = conflicts.iter().filter(|c| is_own(c) && !is_value(c));
        let attributes = cluster.attributes_of(host).into_iter();
        Self::Known {
            host: host.name.to_string(),
            cards: attributes.filter_map(card).collect(),
            conflicts: own.map(ToString::to_string).collect(),
        }
    }

    pub(super) fn judge(&self, present: &[&CardFacts]) -> Vec<Finding> {
        match self {
            Self::Unreachable { why, remedy } => {
                let text = format!("the cluster's attributes could not be read: {why}");
                vec![Finding::warn(TOPIC, text, remedy)]
            }
            Self::UnknownHost { name: None, .. } => vec![Finding::warn(
                TOPIC,
                "this host has no host name, so its attributes in the cluster cannot be found",
                "hostnamectl set-hostname NAME",
            )],
            Self::UnknownHost {
                name: Some(name),
                origin,
            } => unknown_host(name, *origin, present),
            Self::Known {
                host,
                cards,
                conflicts,
            } => known(host, cards, conflicts, present),
        }
    }
}

fn unknown_host(name: &str, origin: Origin, present: &[&CardFacts]) -> Vec<Finding> {
    let Some(card) = present.first() else {
        return Vec::new();
    };
    vec![Finding::warn(
        TOPIC,
        format!("the cluster has no host {name}"),
        match origin {
            Origin::Embedded => command("add", name, card.name, Some(card.display)),
            Origin::Rocks => {
                "register this host with Rocks (`rocks add host`), or correct its host name"
                    .to_owned()
            }
        },
    )]
}

fn known(
    host: &str,
    cards: &[(CardName, String)],
    conflicts: &[String],
    present: &[&CardFacts],
) -> Vec<Finding> {
    let recorded = |name| cards.iter().find(|(one, _)| *one == name);
    let mut findings: Vec<Finding> = present
        .iter()
        .filter_map(|card| compare(host, card, recorded(card.name)))
        .collect();
    let is_here = |name| present.iter().any(|card| card.name == name);
    let gone = cards.iter().filter(|(name, _)| !is_here(*name));
    findings.extend(gone.map(|(name, value)| no_such_card(host, *name, value)));
    if findings.is_empty() {
        let text = format!("the cluster's attributes of {host} match its cards");
        findings.push(Finding::pass(TOPIC, text));
    }
    findings.extend(conflicts.iter().map(|conflict| {
        let remedy = "fix it with `gpupci host set`, then check with `gpupci host conflicts`";
        Finding::warn("conflicts", conflict, remedy)
    }));
    findings
}

/// The finding if the attribute of a card is missing or has another address.
fn compare(host: &str, card: &CardFacts, recorded: Option<&(CardName, String)>) -> Option<Finding> {
    let name = card.name;
    let Some((_, value)) = recorded else {
        let text = format!("the cluster has no attribute {name} for {host}");
        let add = command("add", host, name, Some(card.display));
        return Some(Finding::warn(TOPIC, text, add).of(name));
    };
    let address: Option<PciAddress> = value.parse().ok();
    if address.is_some_and(|address| address.slot() == card.display.slot()) {
        return None;
    }
    let (shown, here) = (Excerpt(value), card.display.node_device());
    let text =
        format!("the cluster's attribute {name} of {host} is {shown}, but the card is at {here}");
    let set = command("set", host, name, Some(card.display));
    let finding = Finding::fail(TOPIC, text, set).of(name);
    // A guest that already claims the card still gets it.
    Some(finding.blocking(Blocks::Nothing))
}

fn no_such_card(host: &str, name: CardName, value: &str) -> Finding {
    let text = format!(
        "the cluster's attribute {name} of {host} is {}, but the host has no such card",
        Excerpt(value)
    );
    Finding::warn(TOPIC, text, command("remove", host, name, None)).of(name)
}

/// A command for a shell. `HOST` replaces a host name that would need quotes.
fn command(verb: &str, host: &str, card: CardName, address: Option<PciAddress>) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_word = !host.is_empty() && !host.starts_with('-') && host.bytes().all(is_plain);
    let host = if is_word { host } else { "HOST" };
    match address {
        Some(address) => format!("gpupci host {verb} {host} {card} {}", address.node_device()),
        None => format!("gpupci host {verb} {host} {card}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    #[test]
    fn remedy_contains_only_plain_host_names() {
        let card: CardName = "gpupci2".parse().expect("a name");
        assert_eq!(
            command("remove", "vm-c-0-15", card, None),
            "gpupci host remove vm-c-0-15 gpupci2"
        );
        for host in ["a; reboot", "$(id)", "-x", "", "a b"] {
            let line = command("add", host, card, PciAddress::new(0, 2, 0, 0));
            assert_eq!(line, "gpupci host add HOST gpupci2 pci_0000_02_00_0");
        }
    }
}
