//! Whose a card of a host is, by the attributes of the guests there.

use crate::pci::PciSlot;
use crate::rocks::{Cluster, Node, cards_of_guest};

/// The guests of `host` that have the card in `slot`, in table order; with those that no table
/// places, if they live there. An attribute that cannot be followed gives nobody anything.
pub fn owners_of<'c>(
    cluster: &'c Cluster,
    host: &Node,
    is_home_of_the_unplaced: bool,
    slot: PciSlot,
) -> Vec<&'c Node> {
    let lives_here = |guest: &Node| match guest.physical_host {
        Some(id) => id == host.id,
        None => is_home_of_the_unplaced,
    };
    let has_it = |guest: &Node| {
        let cards = cards_of_guest(cluster, guest, Some(host)).unwrap_or_default();
        cards.iter().any(|card| card.slot() == slot)
    };
    let guests = cluster.nodes().iter().filter(|node| node.is_guest);
    guests
        .filter(|guest| lives_here(guest) && has_it(guest))
        .collect()
}
