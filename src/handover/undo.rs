//! Undoing: what was taken from a card's drivers is given back, last first.

use crate::binding::{Binding, CardRecord, Former};
use crate::gpu::GpuCard;
use crate::handover::act::Missed;
use crate::handover::{Fault, Handover};

impl Handover<'_> {
    /// Gives back what was `taken` when a step of the last of them failed. `before` says what they
    /// had, `earlier` is what had been written down until then.
    pub(super) fn undo(
        &self,
        card: &GpuCard,
        taken: &[Binding],
        before: &CardRecord,
        earlier: Option<&CardRecord>,
        missed: Missed,
    ) -> Fault {
        let cause = match missed {
            Missed::Stuck(step) => return self.poison(card, before.clone(), step),
            Missed::Refused(cause) => Box::new(cause),
        };
        let mut left = Vec::new();
        for binding in taken.iter().rev() {
            // Where nobody knows what it had, it goes back to where this command found it.
            let former = before.former(binding.function).cloned();
            match self.restore(&former.unwrap_or_else(|| Former::from(binding))) {
                Ok(_) => (),
                Err(Missed::Refused(why)) => left.push(why),
                Err(Missed::Stuck(step)) => return self.poison(card, before.clone(), step),
            }
        }
        if left.is_empty() {
            self.take_back_record(card, earlier);
        }
        let standing = self.standing(card);
        match left.is_empty() {
            true => Fault::Undone { cause, standing },
            false => Fault::NotUndone {
                cause,
                left,
                standing,
            },
        }
    }

    /// Makes what is written down of a card what it was. Should that fail, the newer record stays:
    /// it only makes `recover` look once more.
    pub(super) fn take_back_record(&self, card: &GpuCard, earlier: Option<&CardRecord>) {
        let slot = card.slot();
        let _ = match earlier {
            Some(record) => self.machine.save_record(slot, record),
            None => self.machine.remove_record(slot),
        };
    }
}
