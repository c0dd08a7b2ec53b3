//! Recovers: finishes or undoes what a crash or a deadline left half done.

use std::collections::BTreeMap;
use std::fmt;

use crate::binding::{CardRecord, Holder, Phase};
use crate::gpu::{CardName, GpuCard};
use crate::handover::{CardError, Fault, Handover, Mode};
use crate::host::{GuestProcess, GuestState};
use crate::pci::{PciAddress, PciSlot};
use crate::uuid::GuestUuid;

/// The result for one card with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It is detached; that is now recorded.
    Finished,
    /// Its host drivers are restored.
    Restored,
    /// It is detached, and nothing is left to do.
    Sound,
    /// It is prepared for a guest that may be starting.
    Starting,
    /// Another program rebound it; its record was removed.
    ReboundByOthers,
    /// It is not on this host any more; its record was removed.
    Gone,
}

impl fmt::Display for Recovered {
    /// What a card is, as a sentence after its slot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "is detached, and is now recorded as detached",
            Self::Restored => "is bound to its host drivers again",
            Self::Sound => "is detached; nothing to recover",
            Self::Starting => "is prepared for a guest that may be starting; try again later",
            Self::ReboundByOthers => "was attached by another program; its record was removed",
            Self::Gone => "is not on this host any more; its record was removed",
        })
    }
}

impl Handover<'_> {
    /// Finishes or undoes what is half done, for each card with a record. The caller holds the lock.
    pub fn recover(&self) -> Vec<(PciSlot, Result<Recovered, CardError>)> {
        let slots = self.machine.recorded_slots().into_iter();
        let mut libvirt = Libvirt::default();
        slots
            .map(|slot| {
                let mut cards = self.cards.iter();
                let card = cards.find(|card| card.slot() == slot);
                let recovered = match card.cloned().or_else(|| self.card_without_display(slot)) {
                    Some(card) => self.recover_card(&card, &mut libvirt),
                    None if self.machine.has_slot(slot) => Ok(Recovered::Sound),
                    None => Ok(self.forget_record(slot)),
                };
                (slot, recovered)
            })
            .collect()
    }

    /// The remaining functions of a card whose display function is gone.
    pub(super) fn card_without_display(&self, slot: PciSlot) -> Option<GpuCard> {
        let record = self.machine.card_record(slot).ok().flatten()?;
        // Other functions of the slot may not be part of the card.
        let is_part =
            |function: PciAddress| record.functions.is_empty() || record.former(function).is_some();
        let mut functions = self.machine.functions_in(&[slot].into()).ok()?;
        functions.retain(|function| !function.is_virtual && is_part(function.address));
        let display = functions.first()?.clone();
        let names = self.machine.names().unwrap_or_default();
        let known = names.at(slot).map(|known| known.name);
        Some(GpuCard {
            name: known.unwrap_or(CardName::At(display.address)),
            display,
            functions,
        })
    }

    fn recover_card(&self, card: &GpuCard, libvirt: &mut Libvirt) -> Result<Recovered, CardError> {
        let recovered = self.try_recover(card, libvirt);
        recovered.map_err(|fault| CardError::new("recover", card, fault))
    }

    fn try_recover(&self, card: &GpuCard, libvirt: &mut Libvirt) -> Result<Recovered, Fault> {
        let slot = card.slot();
        let Some(record) = self.machine.card_record(slot)? else {
            return Ok(self.forget_record(slot));
        };
        self.refuse_pending(slot, Some(&record), Mode::Real)?;
        let bindings = self.bindings(card)?;
        let detached = bindings.iter().filter(|b| b.is_detached()).count();
        if let Some(holder) = &record.holder {
            return self.recover_held(card, &record, holder, libvirt);
        }
        match (record.phase, detached) {
            (Phase::Detaching, all) if all == bindings.len() => {
                self.confirm(slot, record);
                Ok(Recovered::Finished)
            }
            (Phase::Detached, all) if all == bindings.len() => Ok(Recovered::Sound),
            // A card whose display and audio functions have different owners can panic the host.
            (Phase::Detached, _) => {
                self.try_attach(card, Mode::Real)?;
                Ok(Recovered::ReboundByOthers)
            }
            _ => {
                self.try_attach(card, Mode::Real)?;
                Ok(Recovered::Restored)
            }
        }
    }

    /// Leaves the card of a guest that runs or starts; restores the card of one that is gone.
    fn recover_held(
        &self,
        card: &GpuCard,
        record: &CardRecord,
        holder: &Holder,
        libvirt: &mut Libvirt,
    ) -> Result<Recovered, Fault> {
        // libvirt is asked first: QEMU may start while it answers.
        let is_starting = record.phase == Phase::Detached
            && match libvirt.state(self, &holder.uuid) {
                GuestState::ShutOff => false,
                GuestState::NoAnswer => true,
                GuestState::Unknown => self.is_starting(holder),
                GuestState::Running => {
                    self.machine.guest_process(&holder.guest) != GuestProcess::Running
                }
            };
        if !self.group_users(card)?.is_empty() {
            return Ok(Recovered::Sound);
        }
        if is_starting {
            return Ok(Recovered::Starting);
        }
        self.release_card(card, record.clone(), holder)?;
        Ok(Recovered::Restored)
    }

    /// Removes the record of a card that is gone, or of an earlier boot.
    pub(super) fn forget_record(&self, slot: PciSlot) -> Recovered {
        // A record that cannot be removed is checked again the next time.
        let _ = self.machine.remove_record(slot);
        Recovered::Gone
    }
}

/// libvirt's answers about guests. Each guest is asked about once, and nothing more after a timeout: others
/// wait for the lock.
#[derive(Default)]
struct Libvirt {
    said: BTreeMap<GuestUuid, GuestState>,
    is_silent: bool,
}

impl Libvirt {
    fn state(&mut self, handover: &Handover, uuid: &GuestUuid) -> GuestState {
        if let Some(state) = self.said.get(uuid) {
            return *state;
        }
        let state = match self.is_silent {
            true => GuestState::NoAnswer,
            false => handover.machine.guest_state(uuid),
        };
        self.is_silent |= state == GuestState::NoAnswer;
        self.said.insert(uuid.clone(), state);
        state
    }
}
