//! The cards that already stand in a domain's XML, pointed at where they are on this host.

use crate::domain_xml::XmlError;
use crate::domain_xml::edit::{Edit, apply};
use crate::domain_xml::outline::{SourceAddress, outline, place_of_value};
use crate::domain_xml::write;
use crate::gpu::Moved;
use crate::pci::{PciAddress, PciSlot};

/// `document` with the source address of every hostdev that names one of the `moved` cards pointed
/// at that card's slot here, whatever its function; no hostdev is added or dropped, and no other
/// byte changes. A card that is in the document already at its slot here is left alone.
///
/// # Errors
/// When the document is refused: see [`XmlError`].
pub fn retarget(document: &[u8], moved: &[Moved]) -> Result<Vec<u8>, XmlError> {
    if moved.is_empty() {
        return Ok(document.to_vec());
    }
    let outline = outline(document)?;
    let slots: Vec<PciSlot> = outline.hostdevs.iter().filter_map(slot).collect();
    let mut turns: Vec<(PciSlot, PciSlot)> = Vec::new();
    for card in moved.iter().filter(|card| !slots.contains(&card.to)) {
        let free = |slot: &&PciSlot| {
            card.from.contains(slot)
                && !turns.iter().any(|(from, _)| from == *slot)
                && !moved.iter().any(|other| other.to == **slot)
        };
        if let Some(from) = slots.iter().find(free) {
            turns.push((*from, card.to));
        }
    }
    let text = String::from_utf8_lossy(document);
    let edits = outline.hostdevs.iter().flat_map(|hostdev| {
        let turn = turns.iter().find(|(from, _)| slot(hostdev) == Some(*from));
        let target = turn.and_then(|(_, to)| to.function(hostdev.address?.function()));
        target
            .map(|target| edits(&text, hostdev, target))
            .unwrap_or_default()
    });
    Ok(apply(document, edits.collect()))
}

fn slot(hostdev: &SourceAddress) -> Option<PciSlot> {
    hostdev.address.map(PciAddress::slot)
}

/// The edits that make `hostdev` name `target`; the function is the same already.
fn edits(text: &str, hostdev: &SourceAddress, target: PciAddress) -> Vec<Edit> {
    let numbers = [
        ("domain", write::domain(target)),
        ("bus", write::bus(target)),
        ("slot", write::slot(target)),
    ];
    let place = |(name, value): (&str, String)| match place_of_value(text, &hostdev.tag, name) {
        Some(range) => Edit { range, text: value },
        None => Edit {
            range: hostdev.tag.name.end..hostdev.tag.name.end,
            text: format!(" {name}='{value}'"),
        },
    };
    numbers.map(place).into()
}
