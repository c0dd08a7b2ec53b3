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

/// A card: all functions of one slot, at least one of them a display function of a chosen vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuCard {
    /// Its name on this host.
    pub name: CardName,
    /// Its first display function of a chosen vendor: function 0 on almost every card.
    pub display: PciFunction,
    /// Its functions, by address.
    pub functions: Vec<PciFunction>,
}

impl GpuCard {
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

/// The cards among `functions` whose display function has one of `vendors`, named in the order of
/// their addresses.
pub fn cards_of(functions: Vec<PciFunction>, vendors: &[VendorId]) -> Vec<GpuCard> {
    let mut slots: BTreeMap<PciSlot, Vec<PciFunction>> = BTreeMap::new();
    for function in functions.into_iter().filter(|f| !f.is_virtual) {
        slots
            .entry(function.address.slot())
            .or_default()
            .push(function);
    }
    let cards = slots.into_values().filter_map(|mut functions| {
        functions.sort_by_key(|function| function.address);
        let display = functions
            .iter()
            .find(|function| is_wanted(function, vendors))?
            .clone();
        Some((display, functions))
    });
    cards
        .enumerate()
        .filter_map(|(index, (display, functions))| {
            Some(GpuCard {
                name: CardName::nth(index)?,
                display,
                functions,
            })
        })
        .collect()
}

fn is_wanted(function: &PciFunction, vendors: &[VendorId]) -> bool {
    function.class.is_display() && vendors.contains(&function.vendor)
}
