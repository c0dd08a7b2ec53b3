//! Points the hostdevs of a domain at the addresses of its cards on this host.

use crate::domain_xml::XmlError;
use crate::domain_xml::claims::Found;
use crate::domain_xml::edit::{Edit, apply};
use crate::domain_xml::outline::outline;
use crate::domain_xml::tokens::Tag;
use crate::domain_xml::write;
use crate::gpu::MovedCard;
use crate::pci::{PciAddress, PciSlot};

/// `document` with every hostdev of a `moved` card pointed at that card's slot on this host. The function
/// stays. No hostdev is added or removed, and no other byte changes. A hostdev that is already at its
/// card's slot stays, unless another card was there and both can be assigned that way.
///
/// # Errors
/// When the document is refused: see [`XmlError`].
pub fn retarget(document: &[u8], moved: &[MovedCard]) -> Result<Vec<u8>, XmlError> {
    if moved.is_empty() {
        return Ok(document.to_vec());
    }
    let outline = outline(document)?;
    let hostdevs: Vec<(PciAddress, &Tag)> = outline.claims.iter().filter_map(hostdev).collect();
    let slots: Vec<PciSlot> = hostdevs.iter().map(|(address, _)| address.slot()).collect();
    let is_claimed = |card: &&MovedCard| outline.functions().any(|one| one.slot() == card.to);
    let is_hostdev = |card: &&MovedCard| slots.contains(&card.to);
    // Other forms of claims cannot be changed, so their cards must not be claimed again.
    let moved: Vec<&MovedCard> = moved
        .iter()
        .filter(|card| is_hostdev(card) || !is_claimed(card))
        .collect();
    let turns = turns(&slots, &moved);
    let text = String::from_utf8_lossy(document);
    let edits = hostdevs.iter().flat_map(|(address, tag)| {
        let turn = turns.iter().find(|(from, _)| address.slot() == *from);
        let target = turn.and_then(|(_, to)| to.function(address.function()));
        target
            .map(|target| edits(&text, tag, target))
            .unwrap_or_default()
    });
    Ok(apply(document, edits.collect()))
}

/// The address of a `<hostdev>`, and its place.
fn hostdev(found: &Found) -> Option<(PciAddress, &Tag)> {
    Some((found.claim.function()?, found.address.as_ref()?))
}

/// The new slot for each of the `slots` of a document, so that as many `moved` cards as possible are right.
fn turns(slots: &[PciSlot], moved: &[&MovedCard]) -> Vec<(PciSlot, PciSlot)> {
    let mut held: Vec<Option<PciSlot>> = Vec::new();
    for card in moved {
        let is_there = slots.contains(&card.to) && !held.contains(&Some(card.to));
        held.push(is_there.then_some(card.to));
    }
    for card in 0..moved.len() {
        let is_second = moved[..card].iter().any(|other| other.to == moved[card].to);
        if held[card].is_none() && !is_second {
            find(card, moved, slots, &mut held, &mut Vec::new());
        }
    }
    let turns = held.into_iter().zip(moved);
    turns
        .filter_map(|(from, card)| Some((from?, card.to)))
        .filter(|(from, to)| from != to)
        .collect()
}

/// Finds a slot for `card`, moving other cards if needed: one step of an augmenting-path search for the
/// largest matching. `tried` are the slots already visited.
fn find(
    card: usize,
    moved: &[&MovedCard],
    slots: &[PciSlot],
    held: &mut [Option<PciSlot>],
    tried: &mut Vec<PciSlot>,
) -> bool {
    for from in moved[card].from.iter().filter(|from| slots.contains(from)) {
        if tried.contains(from) {
            continue;
        }
        tried.push(*from);
        let holder = held.iter().position(|slot| *slot == Some(*from));
        if holder.is_none_or(|holder| find(holder, moved, slots, held, tried)) {
            held[card] = Some(*from);
            return true;
        }
    }
    false
}

/// The edits that change the address at `tag` to `target`. The function does not change.
fn edits(text: &str, tag: &Tag, target: PciAddress) -> Vec<Edit> {
    let numbers = [
        ("domain", write::domain(target)),
        ("bus", write::bus(target)),
        ("slot", write::slot(target)),
    ];
    let place = |(name, value): (&str, String)| match tag.place_of_value(text, name) {
        Some(range) => Edit { range, text: value },
        None => Edit {
            range: tag.name.end..tag.name.end,
            text: format!(" {name}='{value}'"),
        },
    };
    numbers.map(place).into()
}
