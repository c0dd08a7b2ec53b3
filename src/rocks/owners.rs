//! Whose a card of a host is, by the attributes of the guests there.

use crate::pci::PciSlot;
use crate::rocks::guest_cards::{address_of, references};
use crate::rocks::{Cluster, Node};

/// A host, as the home of guests.
#[derive(Clone, Copy, Debug)]
pub enum Home<'c> {
    /// Of those that the tables place there.
    OfItsGuests(&'c Node),
    /// Of those too that no table places; the tables need not know the host itself.
    OfTheUnplaced(Option<&'c Node>),
}

/// The guests at `home` that have the card in `slot` there, in table order. What an attribute says that
/// cannot be followed gives nobody anything.
pub fn owners_of<'c>(cluster: &'c Cluster, home: Home, slot: PciSlot) -> Vec<&'c Node> {
    let (host, takes_in) = match home {
        Home::OfItsGuests(host) => (Some(host), false),
        Home::OfTheUnplaced(host) => (host, true),
    };
    let lives_here = |guest: &Node| match guest.physical_host {
        Some(id) => host.is_some_and(|host| host.id == id),
        None => takes_in,
    };
    let has_it = |guest: &Node| {
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
        .filter(|guest| lives_here(guest) && has_it(guest))
        .collect()
}
