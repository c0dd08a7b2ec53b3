//! Recovering: what a crash or a deadline left half done is finished or undone.

use crate::binding::{Phase, Refusal};
use crate::gpu::GpuCard;
use crate::handover::{CardError, Fault, Handover, Mode};
use crate::pci::PciSlot;

/// What became of a card that something was written down about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovered {
    /// It was detached; only that had not been written down.
    Finished,
    /// It is back on its host drivers.
    GivenBack,
    /// It is detached, and nothing is unfinished.
    Sound,
    /// Somebody else took it from the stub driver; what was written down is void.
    TakenBack,
    /// It is no card of this host any more; what was written down is void.
    Gone,
}

impl Handover<'_> {
    /// Finishes or undoes what is unfinished, for each card of which something is written down.
    /// Whoever calls this holds the lock.
    pub fn recover(&self) -> Vec<(PciSlot, Result<Recovered, CardError>)> {
        let slots = self.machine.recorded_slots().into_iter();
        slots
            .map(|slot| {
                let card = self
                    .cards
                    .iter()
                    .find(|card| card.display.address.slot() == slot);
                let recovered = match card {
                    Some(card) => self.recover_card(card),
                    None if self.machine.has_slot(slot) => Ok(Recovered::Sound),
                    None => Ok(self.bury(slot)),
                };
                (slot, recovered)
            })
            .collect()
    }

    fn recover_card(&self, card: &GpuCard) -> Result<Recovered, CardError> {
        self.try_recover(card).map_err(|fault| CardError {
            verb: "recover",
            name: card.name,
            slot: card.display.address.slot(),
            fault,
        })
    }

    fn try_recover(&self, card: &GpuCard) -> Result<Recovered, Fault> {
        let slot = card.display.address.slot();
        let Some(record) = self.machine.card_record(slot)? else {
            return Ok(self.bury(slot));
        };
        if let Some(write) = record.poisoned {
            return Err(Fault::Refused(vec![Refusal::Poisoned { write }]));
        }
        let bindings = self.bindings(card)?;
        let detached = bindings
            .iter()
            .filter(|b| b.is_detached(&self.stub))
            .count();
        match (record.phase, detached) {
            (Phase::Detaching, all) if all == bindings.len() => {
                self.confirm(slot, record);
                Ok(Recovered::Finished)
            }
            (Phase::Detached, 0) => {
                self.try_attach(card, Mode::Real)?;
                Ok(Recovered::TakenBack)
            }
            (Phase::Detached, _) => Ok(Recovered::Sound),
            _ => {
                self.try_attach(card, Mode::Real)?;
                Ok(Recovered::GivenBack)
            }
        }
    }

    /// Forgets a card that is not there any more, or was written down before the last boot.
    fn bury(&self, slot: PciSlot) -> Recovered {
        // What cannot be removed is looked at again the next time.
        let _ = self.machine.forget_record(slot);
        Recovered::Gone
    }
}
