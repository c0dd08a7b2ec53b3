//! Finds the cards that a guest claims. First it reads only the claimed slots: every guest waits for the
//! hook, and hosts have hundreds of PCI functions.

use std::collections::BTreeSet;

use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::{GpuCard, cards_of};
use crate::hook::{Hook, functions_of};
use crate::naming::{named_cards, recorded_vendors};
use crate::pci::{PciAddress, PciSlot};
use crate::settings::Settings;

/// The settings, and the cards that they select.
pub(super) struct Lookup {
    pub(super) settings: Settings,
    /// By name.
    pub(super) cards: Vec<GpuCard>,
}

/// The result of reading only the claimed slots.
pub(super) enum ClaimedCards {
    /// No claimed device is a card.
    None,
    /// These are the claimed cards; each has a recorded name.
    Cards(Lookup),
    /// All functions of the host must be read.
    Unknown,
}

impl Hook<'_> {
    /// Reads only the slots that a guest claims.
    pub(super) fn claimed_cards(&self, claims: &[Claim]) -> ClaimedCards {
        let slots: BTreeSet<PciSlot> = functions_of(claims).map(PciAddress::slot).collect();
        let Ok(functions) = self.machine.functions_in(&slots) else {
            return ClaimedCards::Unknown;
        };
        let Ok(names) = self.machine.names() else {
            return ClaimedCards::Unknown;
        };
        let recorded = self.machine.recorded_slots();
        let is_known = |slot: &PciSlot| names.at(*slot).is_some() || recorded.contains(slot);
        let displays = functions.iter().filter(|f| f.class.is_display());
        if displays.clone().next().is_none() && !slots.iter().any(is_known) {
            return ClaimedCards::None;
        }
        let Ok(mut settings) = Settings::of(self.machine) else {
            return ClaimedCards::Unknown;
        };
        // A card with a record is a card, whatever its vendor.
        let held = displays.filter(|display| recorded.contains(&display.address.slot()));
        settings.vendors.extend(held.map(|display| display.vendor));
        let mut cards = cards_of(functions, &settings.vendors);
        if cards.is_empty() && !slots.iter().any(is_known) {
            return ClaimedCards::None;
        }
        let is_card = |slot: &PciSlot| cards.iter().any(|card| card.is_in(*slot));
        let has_name = |slot: &PciSlot| names.at(*slot).is_some();
        let is_whole = |claim: &Claim| matches!(claim, Claim::Function(_));
        if !claims.iter().all(is_whole) || !slots.iter().all(|s| is_card(s) == has_name(s)) {
            return ClaimedCards::Unknown;
        }
        names.name(&mut cards);
        ClaimedCards::Cards(Lookup { settings, cards })
    }

    /// Reads all cards of the host, and those with a record whatever their vendor.
    pub(super) fn all_cards(&self) -> Result<Lookup, Error> {
        let mut settings = Settings::of(self.machine)?;
        settings.vendors.extend(recorded_vendors(self.machine)?);
        let cards = named_cards(self.machine, &settings.vendors)?;
        Ok(Lookup { settings, cards })
    }

    /// Whether a claimed device may be part of a card, if nothing else can be read. A guest without cards
    /// starts in any case.
    pub(super) fn may_be_cards(&self, claims: &[Claim]) -> bool {
        let recorded = self.machine.recorded_slots();
        functions_of(claims).map(PciAddress::slot).any(|slot| {
            let functions = self.machine.functions_in(&[slot].into());
            let mut functions = functions.unwrap_or_default().into_iter();
            recorded.contains(&slot) || functions.any(|function| function.class.is_display())
        })
    }
}
