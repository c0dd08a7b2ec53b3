//! Finds the cards of a host among its PCI functions.

use std::collections::BTreeMap;

use crate::gpu::CardName;
use crate::pci::{ClassCode, PciAddress, PciSlot, VendorId};

/// One PCI function of the host, with what is needed to find cards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciFunction {
    /// Its address.
    pub address: PciAddress,
    /// Its vendor.
    pub vendor: VendorId,
    /// Its class.
    pub class: ClassCode,
    /// Whether it is an SR-IOV virtual function. Such a function is not part of a card.
    pub is_virtual: bool,
}

impl PciFunction {
    /// Whether it is an NVSwitch, which connects the cards of an HGX baseboard.
    pub fn is_nvswitch(&self) -> bool {
        self.vendor == VendorId::NVIDIA && self.class.is_other_bridge()
    }
}

/// A card: the display functions of one slot, and the functions of that slot with the same vendor. Other
/// functions of the slot are not part of it: the slot of an AMD APU also has the host's USB controllers and
/// security processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuCard {
    /// Its name on this host.
    pub name: CardName,
    /// Its first display function, of a vendor that counts if there is one: function 0 on almost every card.
    pub display: PciFunction,
    /// Its functions, by address.
    pub functions: Vec<PciFunction>,
}

impl GpuCard {
    /// Whether its vendor counts: only then it has a name, is listed, and is meant by `all`.
    pub fn counts(&self) -> bool {
        self.name.is_numbered()
    }

    /// Its slot.
    pub fn slot(&self) -> PciSlot {
        self.display.address.slot()
    }

    /// Whether the function at `address` is part of this card.
    pub fn has(&self, address: PciAddress) -> bool {
        self.functions
            .iter()
            .any(|function| function.address == address)
    }

    /// Whether this card is the one in `slot`.
    pub fn is_in(&self, slot: PciSlot) -> bool {
        self.slot() == slot
    }
}

/// A card of a guest that is now in another slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedCard {
    /// The slots where it may have been.
    pub from: Vec<PciSlot>,
    /// Its slot now.
    pub to: PciSlot,
}

/// The cards among `functions`, by name. Those of `vendors` are named in the order of their addresses, the
/// others are called by their addresses.
pub fn cards_of(functions: Vec<PciFunction>, vendors: &[VendorId]) -> Vec<GpuCard> {
    let mut slots: BTreeMap<PciSlot, Vec<PciFunction>> = BTreeMap::new();
    for function in functions.into_iter().filter(|f| !f.is_virtual) {
        slots
            .entry(function.address.slot())
            .or_default()
            .push(function);
    }
    let mut names = (0..).map_while(CardName::nth);
    let cards = slots.into_values().filter_map(|functions| {
        let (display, functions) = card_in(functions, vendors)?;
        let name = match vendors.contains(&display.vendor) {
            true => names.next()?,
            false => CardName::At(display.address),
        };
        Some(GpuCard {
            name,
            display,
            functions,
        })
    });
    let mut cards: Vec<GpuCard> = cards.collect();
    cards.sort_by_key(|card| card.name);
    cards
}

/// The display function and all functions of the card among the `functions` of one slot.
fn card_in(
    mut functions: Vec<PciFunction>,
    vendors: &[VendorId],
) -> Option<(PciFunction, Vec<PciFunction>)> {
    functions.sort_by_key(|function| function.address);
    let displays = || functions.iter().filter(|f| f.class.is_display());
    let display = displays().find(|f| vendors.contains(&f.vendor));
    let display = display.or_else(|| displays().next())?.clone();
    let makers: Vec<VendorId> = displays().map(|f| f.vendor).collect();
    functions.retain(|function| makers.contains(&function.vendor));
    Some((display, functions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pretty_assertions::assert_eq;

    fn function(address: &str, vendor: &str, class: &str) -> PciFunction {
        PciFunction {
            address: address.parse().expect("an address"),
            vendor: vendor.parse().expect("a vendor"),
            class: ClassCode::from_sysfs(class).expect("a class"),
            is_virtual: false,
        }
    }

    /// Each card with its functions, `NAME: ADDRESS …`.
    fn cards(functions: &[PciFunction], vendors: &[&str]) -> Vec<String> {
        let vendors: Vec<VendorId> = vendors
            .iter()
            .map(|id| id.parse().expect("an id"))
            .collect();
        let line = |card: GpuCard| {
            let functions = card.functions.iter().map(|f| format!(" {}", f.address));
            format!("{}:{}", card.name, functions.collect::<String>())
        };
        let cards = cards_of(functions.to_vec(), &vendors);
        cards.into_iter().map(line).collect()
    }

    #[test]
    fn functions_of_another_vendor_in_the_slot_are_no_part_of_the_card() {
        let apu = [
            function("04:00.3", "1022", "0x0c0330"),
            function("04:00.1", "1002", "0x040300"),
            function("04:00.6", "1022", "0x040300"),
            function("04:00.0", "1002", "0x030000"),
        ];
        assert_eq!(
            cards(&apu, &["1002"]),
            ["gpupci1: 0000:04:00.0 0000:04:00.1"]
        );
        // The display decides, not the vendors that count.
        assert_eq!(
            cards(&apu, &["1022"]),
            ["0000:04:00.0: 0000:04:00.0 0000:04:00.1"]
        );
    }

    #[test]
    fn a_card_of_a_vendor_that_does_not_count_takes_no_number() {
        let displays = [
            function("03:00.0", "1002", "0x030000"),
            function("02:00.0", "8086", "0x038000"),
            function("05:00.0", "10de", "0x030200"),
            function("04:00.0", "10de", "0x120000"),
        ];
        assert_eq!(
            cards(&displays, &["10de"]),
            [
                "gpupci1: 0000:04:00.0",
                "gpupci2: 0000:05:00.0",
                "0000:02:00.0: 0000:02:00.0",
                "0000:03:00.0: 0000:03:00.0",
            ]
        );
    }

    #[test]
    fn virtual_functions_are_no_cards_and_no_part_of_one() {
        let virtual_function = |address| PciFunction {
            is_virtual: true,
            ..function(address, "10de", "0x030200")
        };
        let functions = [
            function("02:00.0", "10de", "0x030200"),
            virtual_function("02:00.4"),
            virtual_function("02:01.0"),
        ];
        assert_eq!(cards(&functions, &["10de"]), ["gpupci1: 0000:02:00.0"]);
    }

    #[test]
    fn displays_of_two_vendors_in_one_slot_are_one_card() {
        let functions = [
            function("02:00.0", "1a03", "0x030000"),
            function("02:00.1", "10de", "0x030000"),
            function("02:00.2", "10de", "0x040300"),
            function("02:00.3", "8086", "0x020000"),
        ];
        assert_eq!(
            cards(&functions, &["10de"]),
            ["gpupci1: 0000:02:00.0 0000:02:00.1 0000:02:00.2"]
        );
    }
}
