//! How far the hook looks: every guest of the host waits for it, and hosts have hundreds of PCI functions.

use std::collections::BTreeSet;

use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::{GpuCard, cards_of};
use crate::hook::{Hook, functions_of};
use crate::naming::{named_cards, recorded_vendors};
use crate::pci::{PciAddress, PciSlot};
use crate::settings::Settings;

/// What was looked at: what an administrator chose, and the cards by that.
pub(super) struct Sight {
    pub(super) settings: Settings,
    /// By name.
    pub(super) cards: Vec<GpuCard>,
}

/// What a look at nothing but the claimed devices tells.
pub(super) enum Near {
    /// None of them is a card.
    NoCard,
    /// These are, each with a name of its own.
    Cards(Sight),
    /// The whole host has to be looked at.
    Unclear,
}

impl Hook<'_> {
    /// A look at what a guest claims, and no further.
    pub(super) fn near(&self, claims: &[Claim]) -> Near {
        let slots: BTreeSet<PciSlot> = functions_of(claims).map(PciAddress::slot).collect();
        let Ok(functions) = self.machine.functions_in(&slots) else {
            return Near::Unclear;
        };
        let Ok(names) = self.machine.names() else {
            return Near::Unclear;
        };
        let recorded = self.machine.recorded_slots();
        let is_known = |slot: &PciSlot| names.at(*slot).is_some() || recorded.contains(slot);
        let displays = functions.iter().filter(|f| f.class.is_display());
        if displays.clone().next().is_none() && !slots.iter().any(is_known) {
            return Near::NoCard;
        }
        let Ok(mut settings) = Settings::of(self.machine) else {
            return Near::Unclear;
        };
        // A card of which something is written down is one, whoever made it.
        let held = displays.filter(|display| recorded.contains(&display.address.slot()));
        settings.vendors.extend(held.map(|display| display.vendor));
        let mut cards = cards_of(functions, &settings.vendors);
        if cards.is_empty() && !slots.iter().any(is_known) {
            return Near::NoCard;
        }
        let is_card = |slot: &PciSlot| cards.iter().any(|card| card.is_in(*slot));
        let has_name = |slot: &PciSlot| names.at(*slot).is_some();
        let is_whole = |claim: &Claim| matches!(claim, Claim::Function(_));
        if !claims.iter().all(is_whole) || !slots.iter().all(|s| is_card(s) == has_name(s)) {
            return Near::Unclear;
        }
        names.name(&mut cards);
        Near::Cards(Sight { settings, cards })
    }

    /// All cards that count: those of vendors that were chosen since, too.
    pub(super) fn far(&self) -> Result<Sight, Error> {
        let mut settings = Settings::of(self.machine)?;
        settings.vendors.extend(recorded_vendors(self.machine)?);
        let cards = named_cards(self.machine, &settings.vendors)?;
        Ok(Sight { settings, cards })
    }

    /// Whether something that is claimed may be part of a card, as far as that can be told when nothing
    /// else can: a guest without cards does not suffer from our troubles.
    pub(super) fn may_be_cards(&self, claims: &[Claim]) -> bool {
        let recorded = self.machine.recorded_slots();
        functions_of(claims).map(PciAddress::slot).any(|slot| {
            let functions = self.machine.functions_in(&[slot].into());
            let mut functions = functions.unwrap_or_default().into_iter();
            recorded.contains(&slot) || functions.any(|function| function.class.is_display())
        })
    }
}
