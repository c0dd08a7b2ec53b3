//! Prepares the cards of a guest that is about to start, or refuses the start.

use std::time::Instant;

use crate::domain_xml::{Claim, claims, driver_models};
use crate::error::Error;
use crate::failure::{Failure, line};
use crate::gpu::{GpuCard, Registered};
use crate::handover::{CardResult, Guest};
use crate::hook::input::InputError;
use crate::hook::lookup::ClaimedCards;
use crate::hook::refusal::{CardPart, HookRefusal};
use crate::hook::{Hook, Outcome, functions_of, guest_of, is_claimed};
use crate::host::LogPriority;
use crate::pci::{PciAddress, PciSlot};
use crate::settings::Settings;

/// How many write deadlines a start waits for another program.
const DEADLINES_WAITED: u32 = 2;

impl Hook<'_> {
    pub(super) fn prepare(&self, name: &str, xml: Result<&[u8], InputError>) -> Outcome {
        let xml = match xml {
            Ok(xml) => xml,
            Err(why) => return self.refuse_unjudged(name, why),
        };
        let claims = claims(xml);
        let guest = match guest_of(xml) {
            Err(InputError::NoUuid) | Ok(_) if claims.is_empty() => return Outcome::Quiet,
            Ok(guest) => guest,
            Err(why) => return self.refuse_unjudged(name, why),
        };
        let started = Instant::now();
        let prepared = self.prepare_guest(&guest, &claims, xml);
        let prepared = prepared.map_err(|refusal| (line(&refusal), refusal.codes()));
        // For `gpupci why`. A failure to write it is ignored.
        let has_cards = !matches!(&prepared, Ok(cards) if cards.is_empty());
        if has_cards {
            let why = prepared.as_ref().err().map(|(why, _)| why.as_str());
            let _ = self.machine.save_start(&guest.uuid, &guest.name, why);
        }
        match prepared {
            Ok(cards) => {
                for (card, done) in &cards {
                    self.log_card(&guest, card, done, "host", "guest", started);
                }
                Outcome::Quiet
            }
            Err((why, codes)) => {
                let said = format!("guest {} cannot start: {why}", guest.name);
                self.log_failure(&said, &guest, &codes);
                Outcome::Refused(why)
            }
        }
    }

    /// Refuses a guest whose claims are not known, where it may claim a card.
    fn refuse_unjudged(&self, name: &str, why: InputError) -> Outcome {
        if !self.may_have_cards() {
            return Outcome::Quiet;
        }
        let refusal = HookRefusal::Input(why);
        let why = line(&refusal);
        let said = format!("guest {name} cannot start: {why}");
        self.log_failure_of(name, &said, &refusal.codes());
        Outcome::Refused(why)
    }

    /// Prepares the claimed cards.
    fn prepare_guest(
        &self,
        guest: &Guest,
        claims: &[Claim],
        xml: &[u8],
    ) -> Result<Vec<(String, CardResult)>, HookRefusal> {
        let claimed = match self.claimed_functions(claims) {
            Ok(functions) => {
                self.judge_other_devices(&functions, claims)?;
                self.claimed_cards(claims, functions)
            }
            Err(_) => ClaimedCards::Unknown,
        };
        let lookup = match claimed {
            ClaimedCards::None => return Ok(Vec::new()),
            ClaimedCards::Cards(lookup) => lookup,
            ClaimedCards::Unknown => match self.all_cards() {
                Err(_) if !self.may_be_cards(claims) => return Ok(Vec::new()),
                lookup => lookup?,
            },
        };
        let wanted = self.wanted(&lookup.cards, claims)?;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.refuse_assigned_elsewhere(guest, &lookup.settings, &wanted)?;
        let lock = self.machine.lock(self.deadline * DEADLINES_WAITED);
        let _lock = lock.map_err(Error::from)?;
        let claimed: Vec<PciAddress> = functions_of(claims).collect();
        let handover = self.handover(&lookup).with_models(driver_models(xml));
        if let Some(done) = handover.hold_ready(guest, &wanted, &claimed) {
            return Ok(named(&wanted, done));
        }
        // A card must be detached or is refused: that needs all cards of the host.
        let lookup = self.all_cards()?;
        let wanted = self.wanted(&lookup.cards, claims)?;
        let handover = self.handover(&lookup).with_models(driver_models(xml));
        let done = handover.prepare(guest, &wanted, &claimed);
        Ok(named(&wanted, done?))
    }

    /// Those of `cards` that are claimed, unless the claims contradict themselves.
    fn wanted<'c>(
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

    /// Refuses a card that the cluster's attributes assign to other guests. If the database is unreachable,
    /// the guest still starts.
    fn refuse_assigned_elsewhere(
        &self,
        guest: &Guest,
        settings: &Settings,
        cards: &[&GpuCard],
    ) -> Result<(), HookRefusal> {
        if !settings.has_cluster(self.machine) {
            return Ok(());
        }
        let slots: Vec<PciSlot> = cards.iter().map(|c| c.slot()).collect();
        match self.machine.assigned_elsewhere(&guest.name, &slots) {
            Ok(None) => Ok(()),
            Ok(Some(why)) => Err(HookRefusal::AssignedElsewhere(why)),
            Err(why) => {
                let line = format!(
                    "{}: the cluster's attributes were not checked: {why}",
                    guest.name
                );
                self.log(LogPriority::Info, &line, guest);
                Ok(())
            }
        }
    }

    /// Refuses a device that is where a card was recorded, if no card is there any more.
    fn refuse_changed(&self, cards: &[GpuCard], claims: &[Claim]) -> Result<(), HookRefusal> {
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
    fn refuse_claimed_in_parts(
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

fn named(cards: &[&GpuCard], done: Vec<CardResult>) -> Vec<(String, CardResult)> {
    let names = cards.iter().map(|card| card.name.to_string());
    names.zip(done).collect()
}
