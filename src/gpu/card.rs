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
    /// Its functions, by address; never empty.
    pub functions: Vec<PciFunction>,
}

impl GpuCard {
    /// The function by which the card is known: its first display function, which is function 0 on
    /// every card but the odd one.
    pub fn display(&self) -> &PciFunction {
        self.functions
            .iter()
            .find(|function| function.class.is_display())
            .unwrap_or(&self.functions[0])
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
    slots
        .into_values()
        .filter(|functions| functions.iter().any(|f| is_wanted(f, vendors)))
        .enumerate()
        .filter_map(|(index, mut functions)| {
            functions.sort_by_key(|function| function.address);
            let name = CardName::nth(index)?;
            Some(GpuCard { name, functions })
        })
        .collect()
}

fn is_wanted(function: &PciFunction, vendors: &[VendorId]) -> bool {
    function.class.is_display() && vendors.contains(&function.vendor)
}
