//! Prepares the cards of a guest that is about to start, or refuses the start.

use std::time::Instant;

use crate::domain_xml::{Claim, claims, driver_models};
use crate::error::Error;
use crate::failure::{Code, Failure, line};
use crate::gpu::GpuCard;
use crate::handover::{CardResult, Guest};
use crate::hook::input::InputError;
use crate::hook::lookup::ClaimedCards;
use crate::hook::refusal::HookRefusal;
use crate::hook::{Hook, Outcome, functions_of, guest_of};
use crate::host::{LogPriority, Start};
use crate::pci::PciAddress;
use crate::settings::Settings;

/// How many write deadlines a start waits for another program.
const DEADLINES_WAITED: u32 = 2;
/// How many claims are recorded. A guest has a few; XML of 10 MB has room for 100,000.
const CLAIMS_MAX: usize = 256;

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
        if !matches!(&prepared, Ok(cards) if cards.is_empty()) {
            let refused = prepared.as_ref().err();
            self.record_start(&guest, &claims, refused);
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

    /// Records a start for `gpupci why`. A failure to write it is ignored.
    fn record_start(&self, guest: &Guest, claims: &[Claim], refused: Option<&(String, Vec<Code>)>) {
        let codes = refused.iter().flat_map(|(_, codes)| codes);
        let claims = claims.iter().take(CLAIMS_MAX);
        let start = Start {
            guest: guest.name.clone(),
            at: self.machine.now(),
            refused: refused.map(|(why, _)| why.clone()),
            codes: codes.map(|code| code.word().to_owned()).collect(),
            claims: claims.map(Claim::to_string).collect(),
        };
        let _ = self.machine.save_start(&guest.uuid, &start);
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

    /// Whether the cluster's attributes assign one of the cards to other guests. If the database is unreachable,
    /// the guest still starts, and the journal says so.
    fn refuse_assigned_elsewhere(
        &self,
        guest: &Guest,
        settings: &Settings,
        cards: &[&GpuCard],
    ) -> Result<(), HookRefusal> {
        match self.assigned_elsewhere(guest, settings, cards) {
            Ok(None) => Ok(()),
            Ok(Some(refusal)) => Err(refusal),
            Err(why) => {
                let line = format!("{}: {why}", guest.name);
                self.log(LogPriority::Info, &line, guest);
                Ok(())
            }
        }
    }
}

fn named(cards: &[&GpuCard], done: Vec<CardResult>) -> Vec<(String, CardResult)> {
    let names = cards.iter().map(|card| card.name.to_string());
    names.zip(done).collect()
}
