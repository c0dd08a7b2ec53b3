//! Finds the cards that a guest claims. First it reads only the claimed slots: every guest waits for the
//! hook, and hosts have hundreds of PCI functions.

use std::collections::BTreeSet;

use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::{GpuCard, PciFunction, cards_of};
use crate::hook::{Hook, functions_of, is_claimed};
use crate::host::SysfsError;
use crate::naming::named_cards;
use crate::pci::{PciAddress, PciSlot};
use crate::settings::Settings;

/// The settings, and the cards that were read.
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
    /// The functions in the slots that a guest claims.
    pub(super) fn claimed_functions(
        &self,
        claims: &[Claim],
    ) -> Result<Vec<PciFunction>, SysfsError> {
        self.machine.functions_in(&slots_of(claims))
    }

    /// The claimed cards among the `functions` of the claimed slots. Every display function is a card,
    /// whatever the settings say: they only decide which cards have a name.
    pub(super) fn claimed_cards(
        &self,
        claims: &[Claim],
        functions: Vec<PciFunction>,
    ) -> ClaimedCards {
        let slots = slots_of(claims);
        let Ok(names) = self.machine.names() else {
            return ClaimedCards::Unknown;
        };
        let recorded = self.machine.recorded_slots();
        let found = cards_of(functions.clone(), &[]);
        let is_lost = |slot: &PciSlot| {
            let is_known = names.at(*slot).is_some() || recorded.contains(slot);
            is_known && !found.iter().any(|card| card.is_in(*slot))
        };
        let has_lost = slots.iter().any(is_lost);
        if !has_lost && !found.iter().any(|card| is_claimed(card, claims)) {
            return ClaimedCards::None;
        }
        let Ok(settings) = Settings::of(self.machine) else {
            return ClaimedCards::Unknown;
        };
        let mut cards = cards_of(functions, &settings.vendors);
        let is_named = |card: &GpuCard| !card.counts() || names.at(card.slot()).is_some();
        let is_whole = |claim: &Claim| claim.function().is_some();
        if has_lost || !claims.iter().all(is_whole) || !cards.iter().all(is_named) {
            return ClaimedCards::Unknown;
        }
        names.name(&mut cards);
        ClaimedCards::Cards(Lookup { settings, cards })
    }

    /// Reads all cards of the host.
    pub(super) fn all_cards(&self) -> Result<Lookup, Error> {
        let settings = Settings::of(self.machine)?;
        let cards = named_cards(self.machine, &settings.vendors)?;
        Ok(Lookup { settings, cards })
    }

    /// Whether a claimed device may be part of a card, if nothing else can be read. A guest without cards
    /// starts in any case.
    pub(super) fn may_be_cards(&self, claims: &[Claim]) -> bool {
        let slots = slots_of(claims);
        let recorded = self.machine.recorded_slots();
        let Ok(functions) = self.machine.functions_in(&slots) else {
            return true;
        };
        let cards = cards_of(functions, &[]);
        let is_lost = |slot: &PciSlot| !cards.iter().any(|card| card.is_in(*slot));
        cards.iter().any(|card| is_claimed(card, claims))
            || slots
                .iter()
                .any(|slot| recorded.contains(slot) && is_lost(slot))
    }
}

fn slots_of(claims: &[Claim]) -> BTreeSet<PciSlot> {
    functions_of(claims).map(PciAddress::slot).collect()
}
