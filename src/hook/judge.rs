//! Judges which cards a guest claims, and whether it may have them. Nothing here writes: `prepare` acts after it,
//! and `gpupci why` asks the same.

use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::{GpuCard, Registered};
use crate::handover::Guest;
use crate::hook::refusal::{CardPart, HookRefusal};
use crate::hook::{Hook, functions_of, is_claimed};
use crate::pci::PciSlot;
use crate::settings::Settings;

impl Hook<'_> {
    /// Those of `cards` that are claimed, unless the claims contradict themselves.
    pub(super) fn wanted<'c>(
        &self,
        cards: &'c [GpuCard],
        claims: &[Claim],
    ) -> Result<Vec<&'c GpuCard>, HookRefusal> {
        self.refuse_changed(cards, claims)?;
        let wanted = cards.iter().filter(|card| is_claimed(card, claims));
        let wanted: Vec<&GpuCard> = wanted.collect();
        self.refuse_claimed_in_parts(&wanted, claims)?;
        Ok(wanted)
    }

    /// The refusal of a card that the cluster's attributes assign to other guests.
    ///
    /// # Errors
    /// Why they were not checked.
    pub(super) fn assigned_elsewhere(
        &self,
        guest: &Guest,
        settings: &Settings,
        cards: &[&GpuCard],
    ) -> Result<Option<HookRefusal>, String> {
        if !settings.has_cluster(self.machine) {
            return Ok(None);
        }
        let slots: Vec<PciSlot> = cards.iter().map(|c| c.slot()).collect();
        let assigned = self.machine.assigned_elsewhere(&guest.name, &slots);
        match assigned {
            Ok(why) => Ok(why.map(HookRefusal::AssignedElsewhere)),
            Err(why) => Err(format!("the cluster's attributes were not checked: {why}")),
        }
    }

    /// Refuses a device that is where a card was recorded, if no card is there any more.
    pub(super) fn refuse_changed(
        &self,
        cards: &[GpuCard],
        claims: &[Claim],
    ) -> Result<(), HookRefusal> {
        let names = self.machine.names().map_err(Error::from)?;
        for function in functions_of(claims) {
            let has_card = cards.iter().any(|card| card.is_in(function.slot()));
            let known = names.at(function.slot()).filter(|_| !has_card);
            let is_other = |known: &&Registered| {
                let found = self.machine.identity(known.address).ok().flatten();
                self.machine.has_slot(function.slot()) && found != Some(known.identity)
            };
            if let Some(known) = known.filter(is_other) {
                return Err(HookRefusal::CardChanged {
                    name: known.name,
                    slot: known.address.slot(),
                });
            }
        }
        Ok(())
    }

    /// Refuses a guest that claims a card and also a part of it that needs the host driver.
    pub(super) fn refuse_claimed_in_parts(
        &self,
        wanted: &[&GpuCard],
        claims: &[Claim],
    ) -> Result<(), HookRefusal> {
        let needs_driver = |claim: &&Claim| claim.function().is_none();
        let claims: Vec<&Claim> = claims.iter().filter(needs_driver).collect();
        if claims.is_empty() {
            return Ok(());
        }
        for card in wanted {
            let parts = self.parts_of(card);
            if let Some(part) = claims.iter().find_map(|claim| claimed_part(&parts, claim)) {
                return Err(HookRefusal::ClaimedInParts {
                    name: card.name,
                    slot: card.slot(),
                    part: part.clone(),
                });
            }
        }
        Ok(())
    }

    /// The parts of a card that need its host driver.
    fn parts_of(&self, card: &GpuCard) -> Vec<CardPart> {
        let functions = || card.functions.iter().map(|function| function.address);
        let mediated = functions().flat_map(|function| self.machine.mediated_devices(function));
        let nodes = functions().flat_map(|function| self.machine.nodes(function));
        let nodes = nodes.map(|node| CardPart::RenderNode(node.path));
        mediated
            .map(CardPart::MediatedDevice)
            .chain(nodes)
            .collect()
    }
}

/// The part that is claimed.
fn claimed_part<'p>(parts: &'p [CardPart], claim: &Claim) -> Option<&'p CardPart> {
    parts.iter().find(|part| match (part, claim) {
        (CardPart::MediatedDevice(own), Claim::Mediated(uuid)) => own == uuid,
        (CardPart::RenderNode(own), Claim::RenderNode(path)) => own == path,
        _ => false,
    })
}
