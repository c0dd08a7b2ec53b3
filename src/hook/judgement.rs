//! What the hook would say of a guest now, for `gpupci why`. It takes no lock and writes nothing.

use std::collections::BTreeMap;

use crate::domain_xml::Claim;
use crate::error::Error;
use crate::gpu::GpuCard;
use crate::handover::{CardError, Fault, Guest, leaving};
use crate::hook::lookup::Lookup;
use crate::hook::refusal::HookRefusal;
use crate::hook::{Hook, functions_of, is_claimed};
use crate::pci::{DriverName, PciAddress};

/// What the hook would say of a guest now.
#[derive(Debug, Default)]
pub struct Judgement {
    /// The cards that it claims.
    pub cards: Vec<GpuCard>,
    /// Every reason to refuse its start.
    pub refusals: Vec<HookRefusal>,
    /// Why the cluster's attributes were not checked.
    pub unchecked: Option<String>,
}

impl Hook<'_> {
    /// Judges a guest with these claims, and the drivers that its XML names for them. Where `prepare` stops
    /// at the first reason, this goes on.
    pub fn judge(
        &self,
        guest: &Guest,
        claims: &[Claim],
        models: BTreeMap<PciAddress, DriverName>,
    ) -> Judgement {
        let mut judgement = Judgement::default();
        if claims.is_empty() {
            return judgement;
        }
        if let Ok(functions) = self.claimed_functions(claims) {
            let judged = self.judge_other_devices(&functions, claims);
            judgement.refusals.extend(judged.err());
        }
        match self.all_cards() {
            Ok(lookup) => self.judge_cards(guest, claims, models, lookup, &mut judgement),
            Err(_) if !self.may_be_cards(claims) => (),
            Err(error) => judgement.refusals.push(error.into()),
        }
        judgement
    }

    fn judge_cards(
        &self,
        guest: &Guest,
        claims: &[Claim],
        models: BTreeMap<PciAddress, DriverName>,
        lookup: Lookup,
        judgement: &mut Judgement,
    ) {
        let refusals = &mut judgement.refusals;
        refusals.extend(self.refuse_changed(&lookup.cards, claims).err());
        let cards = lookup.cards.iter();
        let wanted: Vec<&GpuCard> = cards.filter(|card| is_claimed(card, claims)).collect();
        refusals.extend(self.refuse_claimed_in_parts(&wanted, claims).err());
        if !wanted.is_empty() {
            match self.assigned_elsewhere(guest, &lookup.settings, &wanted) {
                Ok(refusal) => refusals.extend(refusal),
                Err(why) => judgement.unchecked = Some(why),
            }
        }
        let claimed: Vec<PciAddress> = functions_of(claims).collect();
        let leaving = leaving(&wanted, &claimed);
        let handover = self.handover(&lookup).with_models(models);
        for card in &wanted {
            let error = match handover.judge_start(guest, card, &leaving) {
                Ok(reasons) if reasons.is_empty() => continue,
                Ok(reasons) => CardError::new("prepare", card, Fault::Refused(reasons)),
                Err(error) => error,
            };
            refusals.push(error.into());
        }
        judgement.cards = wanted.into_iter().cloned().collect();
    }

    /// The claimed functions that this host does not have. libvirt refuses them, not the hook.
    ///
    /// # Errors
    /// If sysfs cannot be read.
    pub fn missing(&self, claims: &[Claim]) -> Result<Vec<PciAddress>, Error> {
        let mut missing = Vec::new();
        for function in functions_of(claims) {
            let is_there = self.machine.class(function).map_err(Error::from)?.is_some();
            if !is_there && !missing.contains(&function) {
                missing.push(function);
            }
        }
        Ok(missing)
    }
}
