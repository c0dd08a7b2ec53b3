//! From the functions of a host to its cards.

use std::collections::BTreeMap;

use crate::gpu::CardName;
use crate::pci::{ClassCode, PciAddress, PciSlot, VendorId};

/// One PCI function of the host, as far as finding cards needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciFunction {
    /// Where it sits.
    pub address: PciAddress,
    /// Who made it.
    pub vendor: VendorId,
    /// What it is.
    pub class: ClassCode,
    /// Whether it is an SR-IOV virtual function, which belongs to its physical function and is no
    /// card of its own.
    pub is_virtual: bool,
}

/// A card: all functions of one slot, at least one of them a display function of a wanted vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuCard {
    /// Its name on this host.
    pub name: CardName,
    /// The function by which it is known: its first display function of a wanted vendor, which is
    /// function 0 on every card but the odd one.
    pub display: PciFunction,
    /// Its functions, by address.
    pub functions: Vec<PciFunction>,
}

impl GpuCard {
    /// Where it sits.
    pub fn slot(&self) -> PciSlot {
        self.display.address.slot()
    }

    /// Whether the function at `address` is one of this card's.
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

/// A card of a guest that used to be somewhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Where it may have been.
    pub from: Vec<PciSlot>,
    /// Where it is now.
    pub to: PciSlot,
}

/// The cards among `functions` whose display function was made by one of `vendors`, named in the
/// order of their addresses.
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
