//! Prepares cards when a guest starts and releases them when it ends. Keyed by the guest's uuid and by the
//! records: the domain XML at the end may differ from that at the start.

use crate::binding::{CardRecord, CardView, Holder, Phase, Refusal, judge_detach};
use crate::gpu::GpuCard;
use crate::handover::{CardError, CardResult, Fault, Handover, Mode};
use crate::pci::{PciAddress, PciSlot};
use crate::uuid::GuestUuid;

/// A guest, from its domain XML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its uuid.
    pub uuid: GuestUuid,
    /// Its name.
    pub name: String,
}

/// The result for one card when its guest ended.
#[derive(Debug)]
pub struct Released {
    /// Its name, or its slot if it has none.
    pub name: String,
    /// Its slot.
    pub slot: PciSlot,
    /// Its functions that disappeared.
    pub missing: Vec<PciAddress>,
    /// What was done, or why not.
    pub result: Result<CardResult, CardError>,
}

impl Handover<'_> {
    /// Prepares `cards` for `guest`: detaches all their functions, and reserves them for this guest.
    /// libvirt takes care of the other devices it `claims`; they may share the cards' IOMMU groups. If one
    /// card fails, those before it are restored at `release`, which libvirt calls after a failed start too.
    /// The caller holds the lock.
    ///
    /// # Errors
    /// Which card was refused or failed, and why.
    pub fn prepare(
        &self,
        guest: &Guest,
        cards: &[&GpuCard],
        claims: &[PciAddress],
    ) -> Result<Vec<CardResult>, CardError> {
        let leaving = leaving(cards, claims);
        let refused = |card: &GpuCard, fault| CardError::new("prepare", card, fault);
        if cards.len() > 1 {
            for card in cards {
                self.judge_for(guest, card, &leaving)
                    .map_err(|fault| refused(card, fault))?;
            }
        }
        let prepared = cards.iter().map(|card| {
            self.prepare_card(guest, card, &leaving)
                .map_err(|fault| refused(card, fault))
        });
        prepared.collect()
    }

    /// Reserves `cards` for `guest` if all are detached and free. `None` if one needs work or is refused.
    /// The caller holds the lock.
    pub fn hold_ready(
        &self,
        guest: &Guest,
        cards: &[&GpuCard],
        claims: &[PciAddress],
    ) -> Option<Vec<CardResult>> {
        let is_ready = |card: &&GpuCard| self.is_detached(card).unwrap_or(false);
        cards.iter().all(is_ready).then_some(())?;
        self.prepare(guest, cards, claims).ok()
    }

    /// Undoes what `prepare` did for the guest with this uuid, and nothing else. A card that was detached
    /// before stays detached. The caller holds the lock.
    pub fn release(&self, uuid: &GuestUuid) -> Vec<Released> {
        let slots = self.machine.slots_held_by(uuid).into_iter();
        let held = slots.filter_map(|slot| {
            let record = self.machine.card_record(slot).ok().flatten()?;
            let holder = record.holder.clone()?;
            Some((slot, record, holder))
        });
        held.map(|(slot, record, holder)| self.release_held(slot, record, &holder))
            .collect()
    }

    fn release_held(&self, slot: PciSlot, record: CardRecord, holder: &Holder) -> Released {
        let missing = self.missing_functions(&record);
        let card = self.card_in(slot).cloned();
        // Without its display function it is not among the cards.
        let card = card.or_else(|| self.card_without_display(slot));
        let name = card.as_ref().map(|card| card.name.to_string());
        let result = match card {
            Some(card) => {
                let released = self.release_card(&card, record, holder);
                released.map_err(|fault| CardError::new("restore", &card, fault))
            }
            None => {
                if !missing.is_empty() || !self.machine.has_slot(slot) {
                    self.forget_record(slot);
                }
                Ok(CardResult::default())
            }
        };
        Released {
            name: name.unwrap_or_else(|| slot.to_string()),
            slot,
            missing,
            result,
        }
    }

    /// The recorded functions that are not on this host any more.
    fn missing_functions(&self, record: &CardRecord) -> Vec<PciAddress> {
        let functions = record.functions.iter().map(|former| former.function);
        let missing =
            functions.filter(|function| matches!(self.machine.class(*function), Ok(None)));
        missing.collect()
    }

    /// Records that a running guest has `cards`, if the record was lost or names a guest that had them before.
    pub fn relearn(&self, guest: &Guest, cards: &[&GpuCard]) {
        for card in cards {
            let slot = card.slot();
            let record = self.machine.card_record(slot).ok().flatten();
            let holder = record.as_ref().and_then(|record| record.holder.as_ref());
            let is_free =
                holder.is_none_or(|holder| holder.uuid != guest.uuid && !self.may_open(holder));
            let was_detached = holder.is_none_or(|holder| holder.was_detached);
            if is_free && self.is_detached(card).unwrap_or(false) {
                // If this fails, the card stays detached when the guest ends.
                let _ = self.hold(slot, record, guest, was_detached);
            }
        }
    }

    fn prepare_card(
        &self,
        guest: &Guest,
        card: &GpuCard,
        leaving: &[PciAddress],
    ) -> Result<CardResult, Fault> {
        let slot = card.slot();
        let record = self.machine.card_record(slot)?;
        self.refuse_known(card, record.as_ref(), Mode::Real)?;
        self.refuse_held(card, record.as_ref(), Some(guest))?;
        let own = record.as_ref().and_then(|record| record.holder.clone());
        let view = self.card_view(card)?;
        self.refuse_held_group(card, &view, guest)?;
        if self.is_detached(card)? {
            let was_detached = own.is_none_or(|holder| holder.was_detached);
            refuse(unviable(&view, leaving))?;
            let done = self.already(card, slot, None, Mode::Real)?;
            self.hold(slot, record, guest, was_detached)?;
            return Ok(done);
        }
        let holder = self.holder(guest, false);
        self.try_detach(card, leaving, Mode::Real, Some(holder))
    }

    /// Refuses a card before any card is touched.
    fn judge_for(
        &self,
        guest: &Guest,
        card: &GpuCard,
        leaving: &[PciAddress],
    ) -> Result<(), Fault> {
        let record = self.machine.card_record(card.slot())?;
        self.refuse_held(card, record.as_ref(), Some(guest))?;
        self.refuse_held_group(card, &self.card_view(card)?, guest)?;
        refuse(self.try_judge(card, leaving, Mode::Real)?)
    }

    pub(super) fn release_card(
        &self,
        card: &GpuCard,
        record: CardRecord,
        holder: &Holder,
    ) -> Result<CardResult, Fault> {
        let slot = card.slot();
        self.refuse_pending(slot, Some(&record), Mode::Real)?;
        if !holder.was_detached {
            // If the card cannot be restored, the next guest must not wait for another `release`. Without room on
            // the disk it has to.
            let ended = Holder {
                daemon: None,
                ..holder.clone()
            };
            let _ = self.machine.save_record(slot, &record.held_by(Some(ended)));
            return self.try_attach(card, Mode::Real);
        }
        // A card that another program detached needs no record.
        if record.functions.is_empty() {
            self.machine.remove_record(slot)?;
        } else {
            let phase = record.phase;
            let record = record.in_phase(phase).held_by(None);
            self.machine.save_record(slot, &record)?;
        }
        Ok(CardResult::default())
    }

    fn hold(
        &self,
        slot: PciSlot,
        record: Option<CardRecord>,
        guest: &Guest,
        was_detached: bool,
    ) -> Result<(), Fault> {
        let unknown = || CardRecord::of_unknown(self.machine.boot_id());
        let record = record.unwrap_or_else(unknown).in_phase(Phase::Detached);
        let record = record.held_by(Some(self.holder(guest, was_detached)));
        Ok(self.machine.save_record(slot, &record)?)
    }

    fn holder(&self, guest: &Guest, was_detached: bool) -> Holder {
        Holder {
            uuid: guest.uuid.clone(),
            guest: guest.name.clone(),
            since: self.machine.now(),
            was_detached,
            daemon: self.machine.caller(),
        }
    }

    fn card_in(&self, slot: PciSlot) -> Option<&GpuCard> {
        let mut cards = self.cards.iter();
        cards.find(|card| card.is_in(slot))
    }
}

/// The functions that leave the host with these cards: theirs, and what else the guest claims.
pub(crate) fn leaving(cards: &[&GpuCard], claims: &[PciAddress]) -> Vec<PciAddress> {
    let functions = cards.iter().flat_map(|card| card.functions.iter());
    let functions = functions.map(|function| function.address);
    functions.chain(claims.iter().copied()).collect()
}

pub(super) fn refuse(refusals: Vec<Refusal>) -> Result<(), Fault> {
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(Fault::Refused(refusals)),
    }
}

/// Why QEMU could not open the groups of a detached card. It would not name the culprit.
pub(super) fn unviable(view: &CardView, leaving: &[PciAddress]) -> Vec<Refusal> {
    let mut refusals = judge_detach(view, leaving);
    refusals.retain(|why| {
        matches!(
            why,
            Refusal::NoGroup(_)
                | Refusal::ReservedRegions { .. }
                | Refusal::GroupShared { .. }
                | Refusal::FirmwareFramebuffer { .. }
        )
    });
    refusals
}
