//! Which guests own a card of a host, by their attributes.

use crate::pci::PciSlot;
use crate::rocks::guest_cards::{address_of, references};
use crate::rocks::{Cluster, Node};

/// Which guests are on a host.
#[derive(Clone, Copy, Debug)]
pub enum GuestsOf<'c> {
    /// Those that the tables place on this host.
    Host(&'c Node),
    /// Also those that no table places. The host itself need not be in the tables.
    ThisHost(Option<&'c Node>),
}

/// Those of the guests that have the card in `slot`, in table order. An invalid attribute gives a
/// guest no card.
pub fn owners_of<'c>(cluster: &'c Cluster, guests_of: GuestsOf, slot: PciSlot) -> Vec<&'c Node> {
    let (host, with_unplaced) = match guests_of {
        GuestsOf::Host(host) => (Some(host), false),
        GuestsOf::ThisHost(host) => (host, true),
    };
    let is_on_host = |guest: &Node| match guest.physical_host {
        Some(id) => host.is_some_and(|host| host.id == id),
        None => with_unplaced,
    };
    let has_card = |guest: &Node| {
        let cards = cluster.cards_attribute_of(guest);
        let cards = cards.and_then(|attribute| references(guest, attribute).ok());
        let cards = cards.as_ref().map_or(&[][..], |cards| cards.references());
        let mut addresses = cards
            .iter()
            .filter_map(|card| address_of(cluster, guest, host, *card).ok());
        addresses.any(|address| address.slot() == slot)
    };
    let guests = cluster.nodes().iter().filter(|node| node.is_guest);
    guests
        .filter(|guest| is_on_host(guest) && has_card(guest))
        .collect()
}
