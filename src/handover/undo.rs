//! Undoes a failed detach, last function first.

use crate::binding::{Binding, CardRecord, Former};
use crate::gpu::GpuCard;
use crate::handover::act::NotRebound;
use crate::handover::{Fault, Handover};

impl Handover<'_> {
    /// Restores the functions in `taken` after a step of the last one failed. `before` is the record of
    /// what they were, `earlier` the record before this command.
    pub(super) fn undo(
        &self,
        card: &GpuCard,
        taken: &[Binding],
        before: &CardRecord,
        earlier: Option<&CardRecord>,
        failure: NotRebound,
    ) -> Fault {
        let cause = match failure {
            NotRebound::Late(write) => return self.late(card, before, write),
            NotRebound::Refused(cause) => Box::new(cause),
        };
        let mut left = Vec::new();
        for binding in taken.iter().rev() {
            // Without a record it is restored to what this command found.
            let former = before.former(binding.function).cloned();
            let former = former.unwrap_or_else(|| Former::from(binding));
            match self.restore(&former, earlier.is_some_and(CardRecord::is_interrupted)) {
                Ok(()) => (),
                Err(NotRebound::Refused(why)) => left.push(why),
                Err(NotRebound::Late(write)) => return self.late(card, before, write),
            }
        }
        if left.is_empty() {
            self.restore_record(card, earlier);
        }
        let drivers_now = self.drivers_now(card);
        match left.is_empty() {
            true => Fault::Undone { cause, drivers_now },
            false => Fault::NotUndone {
                cause,
                left,
                drivers_now,
            },
        }
    }

    /// Restores the earlier record of a card. If that fails, the newer record only makes `recover` check
    /// the card again.
    pub(super) fn restore_record(&self, card: &GpuCard, earlier: Option<&CardRecord>) {
        let slot = card.slot();
        let _ = match earlier {
            Some(record) => self.machine.save_record(slot, record),
            None => self.machine.remove_record(slot),
        };
    }
}
