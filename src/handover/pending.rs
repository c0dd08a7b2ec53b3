//! Writes of earlier commands that have not ended. Nothing is decided about a card while one is under way.

use crate::binding::{CardRecord, Refusal};
use crate::gpu::GpuCard;
use crate::handover::{Fault, Handover, Mode};
use crate::host::WriteState;
use crate::pci::PciSlot;

impl Handover<'_> {
    /// Refuses a card with a write of an earlier command under way. In a real run it first waits for that
    /// write, until its deadline. Nobody waits for a write that was late before. A real run also refuses a card
    /// of which this cannot be told.
    pub(super) fn refuse_pending(
        &self,
        slot: PciSlot,
        record: Option<&CardRecord>,
        mode: Mode,
    ) -> Result<(), Fault> {
        let marked = record.and_then(CardRecord::marked_write);
        let state = match mode {
            Mode::Real if marked.is_none() => self.machine.wait_for_write(slot, self.deadline),
            _ => self.machine.write_state(slot),
        };
        let pending = match state {
            WriteState::Ended => return Ok(()),
            WriteState::UnderWay(pending) => pending,
            WriteState::Unknown(why) if mode == Mode::Real => return Err(Fault::Lock(why)),
            WriteState::NeverStarted | WriteState::Unknown(_) => match marked {
                Some(pending) => pending,
                None => return Ok(()),
            },
        };
        if mode == Mode::Real {
            self.mark_pending(slot, record, &pending.write);
        }
        Err(Fault::Refused(vec![Refusal::Poisoned(pending)]))
    }

    /// The failure of a write that has not ended at its deadline.
    pub(super) fn late(&self, card: &GpuCard, record: &CardRecord, write: String) -> Fault {
        self.mark_pending(card.slot(), Some(record), &write);
        Fault::Stuck {
            write,
            seconds: self.deadline.as_secs_f32(),
            drivers_now: self.drivers_now(card),
        }
    }

    /// Marks the record for `list` and `status`. The lock alone decides, so a failure is ignored.
    fn mark_pending(&self, slot: PciSlot, record: Option<&CardRecord>, write: &str) {
        let unmarked = record.filter(|record| record.poisoned.as_deref() != Some(write));
        if let Some(mut record) = unmarked.cloned() {
            record.poisoned = Some(write.to_owned());
            let _ = self.machine.save_record(slot, &record);
        }
    }
}
