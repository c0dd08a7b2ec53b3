//! The cards that do not count, and the setting that makes them count.

use crate::gpu::GpuCard;
use crate::pci::{PciAddress, VendorId};

/// The display functions of a host whose vendor does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uncounted {
    /// By address.
    pub displays: Vec<(PciAddress, VendorId)>,
    /// The vendors that count now.
    counting: Vec<VendorId>,
}

impl Uncounted {
    /// Those among `cards`, if `counting` are the vendors that count.
    pub fn among(cards: &[GpuCard], counting: &[VendorId]) -> Self {
        let uncounted = cards.iter().filter(|card| !card.counts());
        let displays = uncounted.map(|card| (card.display.address, card.display.vendor));
        Self {
            displays: displays.collect(),
            counting: counting.to_vec(),
        }
    }

    /// Without the displays of management controllers, which almost every server has.
    pub fn without_management(mut self) -> Self {
        self.displays.retain(|(_, vendor)| !vendor.is_management());
        self
    }

    /// Which they are, and how to make them count. `None` if there are none.
    pub fn sentence(&self) -> Option<String> {
        let word = match self.displays.len() {
            0 => return None,
            1 => "as a card",
            _ => "as cards",
        };
        let (shown, remedy) = (self.shown(), self.remedy());
        Some(format!("not counted {word}: {shown}; to count, {remedy}"))
    }

    /// Their addresses and vendors.
    pub fn shown(&self) -> String {
        let displays = self.displays.iter();
        let shown = displays.map(|(address, vendor)| format!("{address} ({})", vendor.word()));
        shown.collect::<Vec<_>>().join(", ")
    }

    /// How to make them count.
    pub fn remedy(&self) -> String {
        let missing = self.missing().into_iter();
        let options: Vec<String> = missing.map(|v| format!("--vendor {}", v.word())).collect();
        let setting = self.setting();
        format!(
            "set `{setting}` in /etc/gpupt.toml, or use {}",
            options.join(" ")
        )
    }

    /// The line of the settings that makes them count.
    pub fn setting(&self) -> String {
        let mut words: Vec<String> = Vec::new();
        for vendor in self.counting.iter().copied().chain(self.missing()) {
            let word = format!("\"{}\"", vendor.word());
            if !words.contains(&word) {
                words.push(word);
            }
        }
        format!("vendors = [{}]", words.join(", "))
    }

    fn missing(&self) -> Vec<VendorId> {
        let mut vendors: Vec<VendorId> = Vec::new();
        for (_, vendor) in &self.displays {
            if !vendors.contains(vendor) {
                vendors.push(*vendor);
            }
        }
        vendors
    }
}
